# SPDX-License-Identifier: MIT
"""Whatever a target is like: a signal ends every command within a second in every phase, -d is kept, others are seen."""

import fcntl
import json
import os
import pathlib
import signal
import struct
import subprocess
import time

import pytest

import interpreters
from conftest import PROGRAM, cpu_seconds, let_work, wait_until
from fake_pythons import LIBRARY, MAPPER, compiled

WORKLOADS = pathlib.Path(__file__).parent / "workloads"
SIGNALS = [signal.SIGINT, signal.SIGTERM]
BURNERS = 40
IDLE = 60

ORDINARY = """
import threading, time
def honest():
    while True:
        pass
threading.Thread(target=honest, name="an ordinary thread").start()
print("ready", flush=True)
"""


def with_endless_symbols(elf):
    elf = bytearray(elf)
    sections = struct.unpack_from("<Q", elf, 40)[0]
    count = struct.unpack_from("<H", elf, 60)[0]
    for header in (sections + 64 * i for i in range(count)):
        if struct.unpack_from("<I", elf, header + 4)[0] == 2:  # SHT_SYMTAB
            elf += bytes(-len(elf) % 4096)
            struct.pack_into("<QQ", elf, header + 24, len(elf), (1 << 31) // 24 * 24)
    return elf


def start(*argv, **options):
    process = subprocess.Popen([*map(str, argv)], stdout=subprocess.PIPE, **options)
    assert process.stdout.readline() == b"ready\n"
    return process


def python_of(*minors):
    fitting = [one for one in interpreters.MATRIX if not minors or one.minor in minors]
    if not fitting:
        pytest.skip("no interpreter with this layout")
    return fitting[-1].path


@pytest.fixture
def hostile(request, tmp_path):
    """hostile(kind, cgroup=…) starts such a program."""
    started = []

    def argv(kind):
        if kind == "burners":
            library = with_endless_symbols(compiled(tmp_path, "library", LIBRARY, "-shared", "-fPIC").read_bytes())
            for i in range(BURNERS):
                with open(tmp_path / f"{i}.so", "wb") as file:
                    file.write(library)
                    file.truncate(len(library) + (1 << 31))
            return [compiled(tmp_path, "mapper", MAPPER), tmp_path, BURNERS, "busy"]
        if kind in ("memory", "path"):
            return [python_of(), WORKLOADS / "stalls.py", kind, request.getfixturevalue("silent")]
        if kind == "frames":
            return [python_of((3, 11), (3, 12)), WORKLOADS / "greedy.py", kind, 400]
        return [python_of(), WORKLOADS / "greedy.py", kind, *([3000] if kind == "threads" else [])]

    def run(kind, cgroup):
        enter = lambda: (cgroup.path / "cgroup.procs").write_text("0")  # noqa: E731
        started.append(start(*argv(kind), preexec_fn=enter))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        if process.args[-2] not in ("memory", "path"):  # those end with their file system
            process.wait()
            process.stdout.close()


@pytest.fixture
def ordinary(cgroup):
    process = start(python_of(), "-c", ORDINARY, preexec_fn=lambda: (cgroup.path / "cgroup.procs").write_text("0"))
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def overhead(pybpfprof, *args):
    """Seconds that a recording of nothing takes here and now: a busy machine is not what this is about."""
    began = time.monotonic()
    pybpfprof("record", *args, "-d", "0.1s", "-o", "nothing.folded")
    return time.monotonic() - began


@pytest.fixture
def usual(pybpfprof, make_cgroup):
    return overhead(pybpfprof, "--cgroup", make_cgroup().path)


KINDS = ["burners", "threads", "names", "frames", "memory", "path"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_duration_is_kept_and_others_are_seen(kind, hostile, ordinary, cgroup, usual, pybpfprof, tmp_path):
    hostile(kind, cgroup)
    before, began = cpu_seconds(ordinary.pid), time.monotonic()
    done = pybpfprof("record", "--cgroup", cgroup.path, "-r", 199, "-d", "3s", "-o", "out.pybpf")
    assert time.monotonic() - began < 3 + 2 * usual + 1, done.stderr
    assert done.returncode == 0, done.stderr
    made = pybpfprof("convert", "-i", "out.pybpf", "-o", "out.json", "-o", "out.folded", "--threads")
    document = json.loads((tmp_path / "out.json").read_text())
    (mine,) = [i for i, p in enumerate(document["processes"]) if p["pid"] == ordinary.pid]
    spent = document["processes"][mine]["cpu_clock"]
    assert 0.1 < spent <= cpu_seconds(ordinary.pid) - before + 0.05
    threads = [t["name"] for t in document["threads"] if t["pid"] == ordinary.pid]
    assert "an ordinary thread" in threads, threads
    named = sum(int(line.rsplit(None, 1)[1]) for line in (tmp_path / "out.folded").read_text().splitlines()
                if "honest (" in line) / 1e9  # fmt: skip
    assert named > 0.9 * spent - 0.05, made.stderr


def ends_in_time(process, number, seconds):
    process.send_signal(number)
    began = time.monotonic()
    process.wait(30)
    return time.monotonic() - began < seconds


COMMANDS = {
    "record": lambda group, pid: ["record", "--cgroup", group, "-o", "out.html", "-o", "out.folded"],
    "top": lambda group, pid: ["top", "--plain", "--cgroup", group],
    "dump": lambda group, pid: ["dump", "--pid", pid, "--subprocesses"],
}


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", ["burners", "threads", "frames", "memory"])
def test_a_signal_ends_it(kind, command, number, hostile, cgroup, usual, tmp_path):
    """While it loads, looks around, attaches, records."""
    target = hostile(kind, cgroup)
    for wait in (0, 0.02, 0.1, 0.2, 0.4, 0.8, 1.5):
        argv = [PROGRAM, *COMMANDS[command](cgroup.path, target.pid)]
        process = subprocess.Popen([*map(str, argv)], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        time.sleep(wait)
        assert ends_in_time(process, number, 1 + usual), (wait, process.stderr.read())
        process.stderr.close()


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("by_duration", [True, False])
def test_a_signal_ends_the_writing(number, by_duration, ordinary, recorder, tmp_path):
    """Of an output that nobody reads. The recording is kept."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, 1031, 4096)  # F_SETPIPE_SZ, which fcntl has from 3.10 on: little fills it
    recording = recorder("--pid", ordinary.pid, "-r", 9999, *(["-d", "1s"] if by_duration else []), "-o", tmp_path / "out.pybpf",
                         "-o", "-", "-f", "jsonl", output=None, stdout=writing)  # fmt: skip
    os.close(writing)
    if not by_duration:
        let_work(ordinary, 0.3)
        recording.send(number)
    wait_until(lambda: "pipe" in pathlib.Path(f"/proc/{recording.pid}/wchan").read_text(), "the full pipe")
    assert recording.process.poll() is None
    assert ends_in_time(recording.process, number, 1)
    assert "The recording is kept" in recording.stderr
    (kept,) = tmp_path.glob("out.pybpf*")
    assert subprocess.run([PROGRAM, "report", kept], stdout=subprocess.PIPE).returncode == 0
    os.close(reading)
