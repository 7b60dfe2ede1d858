"""Processes for the bench, a common parent and its children.

    workload.py many COUNT            COUNT processes that work 1 ms in each 200 ms, until the parent is ended
    workload.py short COUNT SECONDS   COUNT processes one after the other, each at work for SECONDS;
                                      prints the pid of each

The parent says `ready` on its stdout when all of its processes of the first kind run, and waits for a line
on its stdin before it starts those of the second.
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time

BURST_SECONDS, EVERY_SECONDS = 0.001, 0.2


def work(seconds):
    """Python code for that much wall time; where there are CPUs enough that is CPU time."""
    end = time.monotonic() + seconds
    value = 1
    while time.monotonic() < end:
        value = value * 31 % 65521
    return value


def descend(depth, seconds):
    return descend(depth - 1, seconds) if depth else work(seconds)


def now_and_then():
    time.sleep(random.random() * EVERY_SECONDS)  # not all at once
    due = time.monotonic()
    while True:
        descend(20, BURST_SECONDS)
        due += EVERY_SECONDS
        time.sleep(max(0.0, due - time.monotonic()))


def child(*args):
    return subprocess.Popen([sys.executable, __file__, *args], stdout=subprocess.PIPE)


def end(*_):
    raise SystemExit(0)


def many(count):
    signal.signal(signal.SIGTERM, end)
    children = [child("one") for _ in range(count)]
    try:
        for each in children:
            each.stdout.readline()
        print("ready", flush=True)
        while True:
            signal.pause()
    finally:
        for each in children:
            each.kill()


def short(count, seconds):
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(count):
        each = child("work", str(seconds))
        each.wait()
        print(each.pid, flush=True)


def main():
    kind, *args = sys.argv[1:]
    if kind == "one":
        with contextlib.suppress(BrokenPipeError):  # the parent was ended already; we are about to be
            os.write(1, b"up\n")
        now_and_then()
    elif kind == "work":
        work(float(args[0]))
    elif kind == "many":
        many(int(args[0]))
    else:
        short(int(args[0]), float(args[1]))


main()
