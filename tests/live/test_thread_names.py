# SPDX-License-Identifier: MIT
"""Names of threads read from a live process, against what its own threading module says."""

import subprocess

import pytest

import interpreters
from programs import ROOT, built

WORKLOAD = ROOT / "tests/live/workloads/named_threads.py"


@pytest.fixture
def dump():
    return built("tests/live/thread_names_dump")


def cleaned(line):
    return line.replace("\x1b", "\\x1b")


@pytest.mark.parametrize("python", interpreters.MATRIX)
def test_names_as_threading_has_them(dump, python):
    target = subprocess.Popen([python.path, str(WORKLOAD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    truth = []
    for line in iter(target.stdout.readline, b"\n"):
        assert line, "the workload ended"
        truth.append(cleaned(line.decode("utf-8").rstrip("\n")))
    found = subprocess.run([dump, str(target.pid)], stdout=subprocess.PIPE, check=True)
    target.communicate(b"")
    assert len(truth) == 21
    assert sorted(found.stdout.decode("utf-8").splitlines()) == sorted(truth)


@pytest.mark.parametrize("python", interpreters.MATRIX)
def test_threads_that_come_and_go(dump, python):
    """Read while the dict of active threads changes: every name that comes back is a true one."""
    code = (
        "import threading\n"
        "def grow(n):\n"
        "    t = threading.Thread(target=int, name='t%d' % n); t.start(); t.join()\n"
        "keep = threading.Event()\n"
        "threading.Thread(target=keep.wait, name='kept', daemon=True).start()\n"
        "print(flush=True)\n"
        "n = 0\n"
        "while True: grow(n); n += 1\n"
    )
    target = subprocess.Popen([python.path, "-c", code], stdout=subprocess.PIPE)
    target.stdout.readline()
    try:
        complete = 0
        for _ in range(100):
            found = subprocess.run([dump, str(target.pid)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            names = [line.split(" ", 1)[1] for line in found.stdout.decode("utf-8").splitlines()]
            strange = [n for n in names if n not in ("MainThread", "kept") and not (n[0] == "t" and n[1:].isdigit())]
            assert not strange
            complete += "MainThread" in names and "kept" in names
        assert complete > 90
    finally:
        target.kill()
        target.wait()


def test_hostile_or_absent_processes(dump):
    """A process without an interpreter is an error, not a crash."""
    target = subprocess.Popen(["sleep", "60"])
    try:
        assert subprocess.run([dump, str(target.pid)], stderr=subprocess.DEVNULL).returncode == 2
    finally:
        target.kill()
        target.wait()
