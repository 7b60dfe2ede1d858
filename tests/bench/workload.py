"""Processes for the bench, a common parent and its children.

    workload.py many COUNT [MODULES]  COUNT processes that work 1 ms in each 200 ms, until the parent is ended; with
                                      MODULES loaded, by one in ten, and inherited by the others as servers do
    workload.py short COUNT SECONDS   COUNT processes one after the other, each at work for SECONDS;
                                      prints the pid of each

The parent says `ready` on its stdout when all of its processes of the first kind run, and waits for a line
on its stdin before it starts those of the second.
"""

import contextlib
import importlib
import os
import random
import signal
import subprocess
import sys
import time

FORKS = 10
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
        if due < time.monotonic():
            due = time.monotonic() + EVERY_SECONDS  # what a busy machine kept it from is not made up for
        time.sleep(max(0.0, due - time.monotonic()))


def load(modules):
    for module in modules:
        importlib.import_module(module)
    for _ in range(FORKS - 1):
        if not os.fork():
            break


def child(*args):
    return subprocess.Popen([sys.executable, __file__, *args], stdout=subprocess.PIPE)


def end(*_):
    raise SystemExit(0)


def many(count, modules=""):
    signal.signal(signal.SIGTERM, end)
    children = [child("one", modules) for _ in range(count // FORKS if modules else count)]
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
        if args[0]:
            load(args[0].split(","))
        with contextlib.suppress(BrokenPipeError):  # the parent was ended already; we are about to be
            os.write(1, b"up\n")
        now_and_then()
    elif kind == "work":
        work(float(args[0]))
    elif kind == "many":
        many(int(args[0]), *args[1:])
    else:
        short(int(args[0]), float(args[1]))


main()
# SPDX-License-Identifier: MIT
