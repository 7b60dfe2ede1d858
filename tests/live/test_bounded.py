# SPDX-License-Identifier: MIT
"""What a profiler that runs for days may keep: of code that is made all the time, of processes and threads that come and go."""

import re
import signal
import socket
import threading

import pytest

import backend_stub
from conftest import wait_until
from test_daemon import metric


def line_numbers(first, number):
    """Of a function in its source (workloads/made.py): `def`, `while` and `pass`."""
    start = 1 + sum(3 + n % 50 for n in range(first, number))
    return {start, start + 1 + number % 50, start + 2 + number % 50}


def check_made(name, line, at, truth):
    """It was sampled while its batch was being run."""
    number = int(name.rpartition("_")[2])
    spans = zip(truth["made"], truth["made"][1:])
    (began, first), (ended, _) = next(pair for pair in spans if pair[0][1] <= number < pair[1][1])
    assert began <= at <= ended, name
    assert line in line_numbers(first, number), name


def leaf_functions(document):
    for sample in document["samples"]:
        found = re.fullmatch(r"(?:.*\.)?((made|kept)_\d+)", sample["stack"][-1])
        if found:
            yield found[1], sample["lines"][-1], sample["timestamp"]


@pytest.mark.few
def test_code_that_is_made_all_the_time(interpreter, spawn, recorder):
    """With room for a few hundred of 200,000, each has its own name and lines; those that were forgotten are sent again."""
    workload = spawn(interpreter, "made.py", 200_000, 20)
    recording = recorder("--pid", workload.pid, "-r", 499, "--max-code", 200_000, "-v")
    workload.go().finish()
    recording.stop()
    document = recording.json()
    functions = list(leaf_functions(document))
    assert not any("unknown" in name for s in document["samples"] for name in s["stack"])
    kept = {0: set(), 1: set()}
    for name, line, at in functions:
        if name.startswith("made"):
            check_made(name, line, at, workload.truth)
        else:
            assert line in line_numbers(0, int(name[5:])), name
            kept[at > workload.truth["kept"][0][1]].add(name)
    assert len({name for name, _, _ in functions if name.startswith("made")}) > 2000
    assert len(kept[0] & kept[1]) > 150
    forgotten = [int(cnt) for cnt in re.findall(r"(\d+) code objects .* forgotten", recording.stderr)]
    assert sum(forgotten) > 2000
    sizes = [int(size) for size in re.findall(r"forgotten; (\d+) bytes", recording.stderr)]
    assert max(sizes) < 2_000_000


def resident(pid):
    with open(f"/proc/{pid}/status") as f:
        return sum(int(line.split()[1]) << 10 for line in f if line.startswith(("RssAnon", "VmPTE")))


def memory_until(workload, said, daemon):
    """The most that the daemon had until the workload said so."""
    done = threading.Event()
    peak = 0

    def listen():
        while said not in (workload._line(300) or {said: None}):
            pass
        done.set()

    thread = threading.Thread(target=listen)
    thread.start()
    while not done.wait(0.2):
        peak = max(peak, resident(daemon.own_pid()))
    thread.join()
    return peak


def test_lives_without_end(python, cgroup, spawn, recorder, tmp_path):
    """800 processes and 80,000 threads, in windows of a second: memory does not grow, and each tick is accounted for."""
    workload = spawn(python, "churning.py", 800, 100, cgroup=cgroup)
    with backend_stub.Stub() as stub, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        (tmp_path / "none.conf").write_text("")
        args = "--cgroup", cgroup.path, "--rate", 499, "--window", "1s", "--with-label", "thread_name"
        where = "--push", stub.url("pyroscope"), "--listen", f"127.0.0.1:{port}"
        daemon = recorder("daemon", "--config", tmp_path / "none.conf", *args, *where, output=None)
        workload.go()
        early = memory_until(workload, "half", daemon)
        late = memory_until(workload, "truth", daemon)
        workload.truth = workload.lines[-1]["truth"]
        wait_until(lambda: metric(port, "pybpfprof_push_queue_bytes") == 0, "an empty queue", every=0.2)
        ticks = metric(port, "pybpfprof_ticks_total")
        missing = metric(port, "pybpfprof_losses_total")
        daemon.stop(signal.SIGTERM)
        assert late < early + (2 << 20), (early, late)
        profiles = stub.profiles()
        found = sum(p.total("cpu") for p in profiles) / 1e9
        functions = {name for p in profiles for name in p.rows("samples") if "life_" in name}
    assert ticks and missing / ticks < 0.2
    assert found == pytest.approx(workload.truth["spent"], rel=0.25)
    assert len(functions) > 300
