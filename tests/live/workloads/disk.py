"""Waits for the disk: by system calls that go past the page cache, and by touching pages of a file that are not in it. Each
function measures how long it was off the CPU. Another process uses what is left of that CPU: the clock of a thread that is woken
on an idle one runs before that one is awake.

    disk.py FILE   which is made, and must lie on a disk
The truth: seconds by function.
"""

import mmap
import os
import subprocess
import sys
import time

import truth

BLOCK = 1 << 20
BLOCKS = 48
PAGES = 1500


def measure(function, *args):
    start = time.monotonic() - truth.thread_seconds()
    function(*args)
    return time.monotonic() - truth.thread_seconds() - start


def by_write(file, block):
    for _ in range(BLOCKS):
        os.writev(file, [block])


def by_read(file, block):
    os.lseek(file, 0, os.SEEK_SET)
    while os.readv(file, [block]):
        pass


def by_fault(memory):
    step = len(memory) // PAGES & -mmap.PAGESIZE
    return sum(memory[at] for at in range(0, len(memory), step))


def map_cold(path):
    with open(path, "r+b") as file:
        os.fsync(file.fileno())
        memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)  # else more than what is asked for is read
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return memory


def rest_of_cpu():
    """Of one that both are on then."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    other = subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"])
    os.sched_setscheduler(other.pid, os.SCHED_IDLE, os.sched_param(0))
    return other


block = mmap.mmap(-1, BLOCK)  # aligned, as such calls want it
block.write(b"x" * BLOCK)
file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT | os.O_DIRECT)
other = rest_of_cpu()
try:
    truth.ready()
    measured = {"by_write": measure(by_write, file, block), "by_read": measure(by_read, file, block)}
    measured["by_fault"] = measure(by_fault, map_cold(sys.argv[1]))
finally:
    other.kill()
truth.finish(measured=measured)
# SPDX-License-Identifier: MIT
