"""Two threads of control that do nothing but wait for each other: a byte goes to a child and back, so many times.

Both on one CPU: the clock of a thread that is woken on an idle one runs from then on, and not from when that one is awake.

The truth: how often this process left its CPU, as the kernel counts it, and how long it was off.
"""

import os
import resource
import sys
import time

import truth


def switches():
    used = resource.getrusage(resource.RUSAGE_THREAD)
    return used.ru_nvcsw + used.ru_nivcsw


def echo(inlet, outlet):
    while os.read(inlet, 1):
        os.write(outlet, b"x")
    os._exit(0)


def play(cnt):
    for _ in range(cnt):
        os.write(there[1], b"x")
        os.read(back[0], 1)


os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
there, back = os.pipe(), os.pipe()
child = os.fork()
if not child:
    os.close(there[1])
    echo(there[0], back[1])
truth.ready()
before, start = switches(), time.monotonic() - truth.thread_seconds()
play(int(sys.argv[1]))
off, left = time.monotonic() - truth.thread_seconds() - start, switches() - before
os.close(there[1])
truth.finish(switches=left, off=off)
os.waitpid(child, 0)
# SPDX-License-Identifier: MIT
