# SPDX-License-Identifier: MIT
"""What happens to a daemon: back ends that are away, clocks that are set, containers that come and go, SIGKILL. What the back end
got and what is counted as not sent is all that was sampled, as two parties count it."""

import mmap
import os
import re
import signal
import struct
import subprocess
import time

import pytest

import backend_stub
from conftest import PATIENCE, WORKLOADS, wait_until
from test_daemon import RATE, by_time, daemon, free_port, get, metric, stub  # noqa: F401 (fixtures)


def samples_of(profiles):
    return sum(p.total("samples") for p in profiles)


def counted(port, name):
    """Samples of the one destination, by what became of them."""
    return metric(port, f"pybpfprof_push_samples_{name}_total") or 0


def settled(port):
    """All windows that ended are somewhere, and nothing waits."""
    return not metric(port, "pybpfprof_push_queue_bodies")


@pytest.fixture
def watched(daemon, spawn, python, stub):  # noqa: F811
    """A busy process, and a daemon that pushes and listens: (its port)."""
    port = free_port()
    workload = spawn(python, "busy.py", 0)
    recording = daemon("--pid", workload.pid, "--rate", RATE, "--window", "1s", "--push", stub.url("pyroscope"), "--listen", f"127.0.0.1:{port}")
    workload.go()
    stub.wait_bodies(1)
    return recording, port


BAD_WEATHER = [
    ("refuses", lambda: [backend_stub.status(400, "no such thing")] * 2),
    ("full", lambda: [backend_stub.status(429, retry_after=1)] * 2),
    ("overloaded", lambda: [backend_stub.status(503)] * 3),
    ("broken", lambda: [backend_stub.status(500)] * 4),
    ("garbage", lambda: [backend_stub.garbage()] * 4),
    ("closes", lambda: [backend_stub.closes()] * 2),
    ("slow", lambda: [backend_stub.slow(0.05)] * 2),
]


@pytest.mark.parametrize("weather", BAD_WEATHER, ids=[name for name, _ in BAD_WEATHER])
def test_a_back_end_in_trouble(watched, stub, weather):  # noqa: F811
    """It never touches the sampling, and each sample of each window is accounted for by both."""
    recording, port = watched
    windows = metric(port, "pybpfprof_windows_total")
    acts = weather[1]()
    count = len(stub.requests)
    stub.behave(acts)
    stub.wait_requests(count + len(acts))
    bodies = len(stub.bodies)
    stub.wait_bodies(bodies + 2)
    assert metric(port, "pybpfprof_windows_total") >= windows + (3 if len(acts) >= 3 else 1)
    recording.stop(signal.SIGTERM)
    profiles = by_time(stub.profiles())
    lost = [b for b in stub.requests if not 200 <= b.status < 300]
    assert profiles and (lost or weather[0] == "slow")
    if weather[0] in ("full", "overloaded", "closes", "slow"):  # nothing is missing: each window came in the end
        for before, after in zip(profiles, profiles[1:]):
            assert abs(after.time_ns - before.time_ns - before.duration_ns) < 50e6
    if weather[0] == "refuses":
        assert "no such thing" in recording.stderr
        refused = samples_of(p for b in lost for p in b.profiles)
        assert refused > 0


def test_counters_and_bodies_agree(watched, stub):  # noqa: F811
    """sent + refused + dropped, of the daemon's own count, are what the stub got and refused, and all samples that it took."""
    recording, port = watched
    stub.behave([backend_stub.ok, backend_stub.status(400, "no"), backend_stub.status(503), backend_stub.ok, backend_stub.status(400, "no")])
    count = len(stub.bodies)
    stub.wait_bodies(count + 5)

    def agree():
        before = metric(port, "pybpfprof_windows_total")
        text = get(port, "/metrics").decode()
        numbers = {m[1]: float(m[2]) for m in re.finditer(r"^pybpfprof_push_(\w+)\{[^}]*\} (\S+)$", text, re.M)}
        sent = samples_of(stub.profiles())
        refused = samples_of(p for b in stub.requests if b.status == 400 for p in b.profiles)
        return metric(port, "pybpfprof_windows_total") == before and (numbers, sent, refused)

    numbers, sent, refused = wait_until(lambda: settled(port) and agree(), "a quiet moment", every=0.05)
    assert numbers["sent_samples_total"] == sent
    assert numbers["refused_samples_total"] == refused > 0
    assert numbers["samples_total"] == sent + refused
    recording.stop(signal.SIGTERM)


def test_a_back_end_that_never_answers(daemon, spawn, python, stub):  # noqa: F811
    """The queue is full, the oldest go, the windows go on; memory does not."""
    port = free_port()
    workload = spawn(python, "busy.py", 0)
    stub.behave([], then=backend_stub.never())
    recording = daemon(
        "--pid", workload.pid, "--rate", RATE, "--window", "1s", "--queue", "2kB", "--push", stub.url("pyroscope"), "--listen", f"127.0.0.1:{port}"
    )
    workload.go()
    wait_until(lambda: any(v for v in [dropped_samples(port)]), "a dropped body", every=0.2)
    assert metric(port, "pybpfprof_push_queue_bytes") <= 2000 + 1000  # and the one that is being sent
    assert get(port, "/healthz") == b"ok\n"
    recording.stop(signal.SIGTERM)
    assert not stub.bodies


def dropped_samples(port):
    return metric(port, "pybpfprof_push_dropped_samples_total")


def test_killed_between_two_windows(daemon, spawn, python, stub, tmp_path):  # noqa: F811
    """What waited for a server that was away is in the spool, and the next run sends it."""
    spool = tmp_path / "spool"
    workload = spawn(python, "busy.py", 0)
    stub.refuse()
    args = ["--pid", workload.pid, "--rate", RATE, "--window", "1s", "--queue", "2kB", "--spool", spool, "--push", stub.url("pyroscope")]
    recording = daemon(*args)
    workload.go()
    wait_until(lambda: spool.is_dir() and len([p for p in spool.rglob("*") if p.is_file()]) >= 4, "four bodies in the spool", every=0.1)
    recording.process.kill()
    recording.process.wait()
    stub.accept()
    again = daemon(*args)
    killed = time.time() * 1e9
    stub.wait_for(lambda: sum(p.time_ns < killed - 1e9 for p in stub.profiles()) >= 3, "what the first one had")
    again.stop(signal.SIGTERM)
    starts = [p.time_ns for p in stub.profiles()]
    assert len(starts) == len(set(starts))  # none twice


# ---- clocks -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def clock(tmp_path):
    """(environment, set(seconds)): a wall clock that is off by so much."""
    library, file = tmp_path / "clock_step.so", tmp_path / "step"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-o", library, WORKLOADS / "clock_step.c"], check=True)
    file.write_bytes(bytes(8))

    def set_to(seconds):
        with open(file, "r+b") as f, mmap.mmap(f.fileno(), 8) as m:
            m[:] = struct.pack("q", seconds)

    return {**os.environ, "LD_PRELOAD": str(library), "CLOCK_STEP": str(file)}, set_to


def test_the_clock_is_set(daemon, spawn, python, stub, clock):  # noqa: F811
    """An hour forth and back: windows go on with the new time, none is long or empty, and none of the samples is missing."""
    env, set_to = clock
    port = free_port()
    workload = spawn(python, "busy.py", 0)
    recording = daemon(
        "--pid", workload.pid, "--rate", RATE, "--window", "1s", "--push", stub.url("pyroscope"), "--listen", f"127.0.0.1:{port}", env=env
    )
    workload.go()
    for seconds in (0, 3600, -3600, 0):
        set_to(seconds)
        count = len(stub.bodies)
        stub.wait_bodies(count + 3)
        shown = stub.bodies[-1].profiles[0].time_ns / 1e9 - time.time()
        assert abs(shown - seconds) < 30, (shown, seconds)
    assert get(port, "/healthz") == b"ok\n"
    taken = metric(port, "pybpfprof_ticks_total", outcome="ok")
    recording.stop(signal.SIGTERM)
    profiles = stub.profiles()
    assert all(0 < p.duration_ns < 10e9 for p in profiles)
    assert taken <= samples_of(profiles) <= taken + 10 * RATE


# ---- containers that come and go ------------------------------------------------------------------------------------------


def test_a_thousand_containers(daemon, spawn, python, stub, cgroup):  # noqa: F811
    """They are named, those beyond the cap are one series, and all samples are in one or the other."""
    port = free_port()
    workload = spawn(python, "containers.py", cgroup.path, 1000, 0.02, cgroup=cgroup)
    recording = daemon(
        *("--cgroup", cgroup.path, "--rate", RATE, "--window", "2s", "--series-max", 20, "--with-label", "container_id"),
        *("--push", stub.url("pyroscope"), "--listen", f"127.0.0.1:{port}"),
    )
    workload.go()
    workload.finish()
    taken = lambda: metric(port, "pybpfprof_ticks_total", outcome="ok")  # noqa: E731
    before = metric(port, "pybpfprof_windows_total")
    wait_until(lambda: metric(port, "pybpfprof_windows_total") >= before + 2, "the last window", every=0.2)
    ok, folded = taken(), metric(port, "pybpfprof_folded_samples_total")
    recording.stop(signal.SIGTERM)
    profiles = stub.profiles()
    ids = {p.labels.get("container_id") for p in profiles}
    others = [p for p in profiles if p.labels["service_name"] == "other"]
    assert 18 <= len(ids - {None}) <= 20
    assert samples_of(others) == folded > 0
    # stacks that were cut are samples, too
    assert ok <= samples_of(profiles) <= ok * 1.05 + 20
    assert len({tuple(sorted(p.labels.items())) for p in profiles}) <= 21


def test_containers_that_are_gone_when_they_are_looked_up(daemon, spawn, python, stub, cgroup):  # noqa: F811
    """Each has one process, and lives for a fraction of the time between two looks."""
    workload = spawn(python, "containers.py", cgroup.path, 200, 0.02, "exec", cgroup=cgroup)
    options = ("--rate", 499, "--window", "2s", "--with-label", "container_id", "--with-label", "pid")
    recording = daemon("--cgroup", cgroup.path, *options, "--push", stub.url("pyroscope"))
    workload.go()
    workload.finish()
    recording.stop(signal.SIGTERM)
    seen = {(p.labels["pid"], p.labels.get("container_id")) for p in stub.profiles() if p.labels["pid"] != str(workload.pid)}
    processes, ids = {pid for pid, _ in seen}, {one for _, one in seen if one}
    assert len(processes) > 150
    # those with samples from before they had moved and began their program only
    assert len(ids) > 0.97 * len(processes)


def test_a_reload_with_a_spool(recorder, tmp_path, spawn, python, stub):  # noqa: F811
    """One owner at a time: what waits goes on waiting, is sent by the new one, and nothing twice."""
    spool, file = tmp_path / "spool", tmp_path / "d.conf"
    workload = spawn(python, "busy.py", 0)
    common = f"pid = {workload.pid}\nwindow = 1s\nrate = {RATE}\nqueue = 2kB\nspool = {spool}\npush = {stub.url('pyroscope')}\n"
    file.write_text(common)
    stub.refuse()
    recording = recorder("daemon", "--config", file, output=None)
    workload.go()
    wait_until(lambda: spool.is_dir() and sum(p.is_file() for p in spool.rglob("*")) >= 3, "bodies in the spool", every=0.1)
    for team in "ab":
        file.write_text(common + f"label = team={team}\n")
        recording.send(signal.SIGHUP)
        wait_until(lambda: recording.stderr.count("was read again") == "ab".index(team) + 1, "the reload")
    reloaded = time.time() * 1e9
    stub.accept()
    stub.wait_for(lambda: any(p.labels.get("team") == "b" and p.time_ns > reloaded for p in stub.profiles()), "a window after the reload")
    stub.wait_for(lambda: sum("team" not in p.labels for p in stub.profiles()) >= 3, "those from before")
    recording.stop(signal.SIGTERM)
    profiles = by_time(stub.profiles())
    starts = [p.time_ns for p in profiles]
    assert len(starts) == len(set(starts))  # none twice
    for before, after in zip(profiles, profiles[1:]):  # and none is missing
        assert -50e6 < after.time_ns - before.time_ns - before.duration_ns < 1e9
