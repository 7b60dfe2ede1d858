# SPDX-License-Identifier: MIT
"""Whatever a process puts where nothing answers, the profiler ends in time, says so, and can be interrupted."""

import os
import pathlib
import signal
import subprocess
import time

import pytest

import interpreters
from conftest import PROGRAM

WORKLOADS = pathlib.Path(__file__).parent / "workloads"
KINDS = ["memory", "path", "relative"]

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not os.access("/dev/fuse", os.R_OK | os.W_OK), reason="mounts a file system of its own"
)


def start(*args):
    process = subprocess.Popen([*map(str, args)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    return process


@pytest.fixture
def stalls(silent):
    started = []

    def run(kind):
        python = interpreters.MATRIX[-1].path
        started.append(start(python, WORKLOADS / "stalls.py", kind, silent))
        return started[-1]

    yield run
    for process in started:
        process.kill()
    # They end with their file system, which ends after this.


@pytest.fixture
def ordinary(pybpfprof):
    """Seconds that a recording of nothing takes here and now: loading alone takes long on a busy machine."""
    idle = subprocess.Popen([interpreters.MATRIX[-1].path, "-c", "import time; time.sleep(60)"])
    began = time.monotonic()
    pybpfprof("record", "--pid", idle.pid, "-d", "0.1s", "-o", "idle.folded")
    idle.kill()
    idle.wait()
    return time.monotonic() - began


@pytest.mark.parametrize("kind", KINDS)
def test_record_ends_when_it_should(kind, ordinary, stalls, pybpfprof, tmp_path):
    target = stalls(kind)
    began = time.monotonic()
    done = pybpfprof("record", "--pid", target.pid, "-d", "1s", "-o", "out.folded", timeout=20)
    assert time.monotonic() - began < 1 + 2 * ordinary + 1, done.stderr
    assert done.returncode in (0, 6), done.stderr
    assert "spin" in (tmp_path / "out.folded").read_text()
    # A path is looked up only where it is relative: is it below the working directory?
    assert (f"process {target.pid} does not answer" in done.stderr) == (kind in ("memory", "relative"))


@pytest.mark.parametrize("kind", KINDS)
def test_record_can_be_interrupted(kind, ordinary, stalls, tmp_path):
    target = stalls(kind)
    for number in (signal.SIGINT, signal.SIGTERM):
        for wait in (0.15, 0.6, 1.2):
            record = subprocess.Popen(
                [PROGRAM, "record", "--pid", str(target.pid), "-o", tmp_path / "out.folded"], stderr=subprocess.DEVNULL
            )
            time.sleep(wait)
            record.send_signal(number)
            began = time.monotonic()
            record.wait(20)
            assert time.monotonic() - began < 2 * ordinary + 1, (number, wait)


@pytest.mark.parametrize("kind", KINDS)
def test_dump_ends(kind, stalls, pybpfprof):
    target = stalls(kind)
    began = time.monotonic()
    done = pybpfprof("dump", "--pid", target.pid, timeout=20)
    assert time.monotonic() - began < 5
    assert f"process {target.pid} does not answer" in done.stderr, done.stderr
    # Where only a source does not answer, there are stacks; a relative path must be made whole for them.
    assert (done.returncode, "spin" in done.stdout) == ((0, True) if kind == "path" else (1, False)), done.stdout


def test_others_are_dumped_all_the_same(stalls, pybpfprof):
    target = stalls("memory")
    other = start(interpreters.MATRIX[-1].path, "-c", "import time\nprint('ready', flush=True)\ntime.sleep(60)")
    done = pybpfprof("dump", "--pid", f"{target.pid},{other.pid}", timeout=20)
    other.kill()
    other.wait()
    other.stdout.close()
    assert "<module>" in done.stdout and done.returncode == 1
