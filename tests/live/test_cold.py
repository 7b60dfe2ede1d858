# SPDX-License-Identifier: MIT
"""Memory that is swapped out: the kernel is asked to swap out all of a target's, again and again, as pressure does to
what is cold. A BPF program cannot bring a page in, but the thread that it samples can.
"""

import ctypes
import os
import subprocess
import threading

import pytest

from conftest import let_work

SWAP_BYTES = 128 << 20
PIDFD_OPEN, PROCESS_MADVISE, MADV_PAGEOUT = 434, 440, 21  # arch/x86/entry/syscalls/syscall_64.tbl, asm-generic/mman-common.h


class Span(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("bytes", ctypes.c_size_t)]


@pytest.fixture(scope="module")
def swap(tmp_path_factory):
    """Somewhere to swap to; the machine's own where it has one."""
    with open("/proc/swaps") as swaps:
        if len(swaps.readlines()) > 1:
            yield
            return
    path = tmp_path_factory.mktemp("swap") / "file"
    with open(path, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, SWAP_BYTES)
    path.chmod(0o600)
    for command in ("mkswap", "swapon"):
        done = subprocess.run([command, path], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if done.returncode:
            pytest.skip(f"no swap to be had: {done.stderr.decode().strip()}")
    yield
    subprocess.run(["swapoff", path], check=True)
    path.unlink()


def swap_out(pid):
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(PIDFD_OPEN, pid, 0)
    assert fd >= 0, os.strerror(ctypes.get_errno())
    with open(f"/proc/{pid}/maps") as maps:
        for line in maps:
            span, rights = line.split()[:2]
            if rights == "rw-p" and "[v" not in line:
                start, end = (int(x, 16) for x in span.split("-"))
                libc.syscall(PROCESS_MADVISE, fd, ctypes.byref(Span(start, end - start)), ctypes.c_size_t(1), MADV_PAGEOUT, 0)
    os.close(fd)


class SwappingOut:
    """Every 400 ms until the end of the block."""

    def __init__(self, pid):
        self.pid, self.stop, self.times = pid, threading.Event(), 0

    def __enter__(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def run(self):
        while not self.stop.wait(0.4):
            swap_out(self.pid)
            self.times += 1

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def is_whole(sample):
    names = [name.rsplit(".", 1)[-1] for name in sample["stack"]]
    return "application" in names and sum(name.startswith("level_") for name in names) == 150


@pytest.mark.alone
def test_stacks_are_whole(interpreter, cgroup, spawn, recorder, swap, tmp_path):
    workload = spawn(interpreter, "cold.py", tmp_path, 60, cgroup=cgroup)
    recording = recorder("--cgroup", cgroup.path, "-r", 499)
    workload.go()
    with SwappingOut(workload.pid) as out:
        let_work(workload, 2)
    recording.stop()
    assert out.times > 2
    document = recording.json()
    deep = [s for s in document["samples"] if any(name.endswith("_leaf") for name in s["stack"])]
    assert len(deep) > 500
    assert sum(is_whole(sample) for sample in deep) > 0.99 * len(deep)
    assert [s["stack"] for s in document["samples"] if any(name.startswith("[un") for name in s["stack"])] == []
    failed = sum(row["samples"] for row in document["lost"] if row["failure"] and row["reason"] != "late")
    assert failed < 0.01 * len(deep), document["lost"]


@pytest.mark.alone
def test_without_task_work_the_next_tick_walks(python, cgroup, spawn, recorder, swap, tmp_path):
    """Older kernels: what one tick missed is read from outside."""
    workload = spawn(python, "cold.py", tmp_path, 60, cgroup=cgroup)
    recording = recorder("--cgroup", cgroup.path, "-r", 499, "--without-task-work")
    workload.go()
    with SwappingOut(workload.pid):
        let_work(workload, 2)
    recording.stop()
    deep = [s for s in recording.json()["samples"] if any(name.endswith("_leaf") for name in s["stack"])]
    # as long as nobody brings it in, hardly a stack is whole
    assert sum(is_whole(sample) for sample in deep) > 0.8 * len(deep)
