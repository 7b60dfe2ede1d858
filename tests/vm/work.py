# SPDX-License-Identifier: MIT
"""What is profiled in the virtual machine.

    work.py busy SECONDS DEPTH        `ready`, then outer → inner for so long, below so many calls
    work.py forks COUNT SECONDS EXIT  children one after the other, each with so much CPU time; then this status
"""

import os
import sys
import time


def inner(value):
    for i in range(1000):
        value = (value * 31 + i) % 65521
    return value


def outer(end, clock):
    value = 1
    while clock() < end:
        value = inner(value)  # calls inner


def deep(depth, end):
    if depth:
        deep(depth - 1, end)
    else:
        outer(end, time.monotonic)


def child(seconds):
    outer(seconds, time.process_time)  # calls outer


def forks(count, seconds):
    for _ in range(count):
        pid = os.fork()
        if pid == 0:
            child(seconds)  # calls child
            os._exit(0)
        os.waitpid(pid, 0)


if sys.argv[1] == "busy":
    print("ready", flush=True)
    sys.setrecursionlimit(10000)
    if int(sys.argv[3]):
        deep(int(sys.argv[3]) - 1, time.monotonic() + float(sys.argv[2]))
    outer(time.monotonic() + float(sys.argv[2]), time.monotonic)  # busy
else:
    forks(int(sys.argv[2]), float(sys.argv[3]))  # forks
    sys.exit(int(sys.argv[4]))
