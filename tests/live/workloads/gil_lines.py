"""Two threads that fight for the GIL, each of which knows which of its lines has it how long: in C for longer than an interval
and for less, in Python, and asleep in C that does not give it away.

    gil_lines.py SECONDS   of CPU that each is to have
truth: {held: {function: {line: [least, most]}}, queued: {function: …}}, seconds. One of them has it or wants it at any time, so the other
one waits while a line has it, but for the time that the kernel had no CPU for it (`queued`): then it is not asleep. C code
does not lose it midway; a line of Python may, and then waits itself: it has it for its CPU time at least.
"""

import collections
import ctypes
import os
import sys
import threading
import time
from functools import partial

import truth

NUMBERS = [float((i * 7919) % 100003) for i in range(150000)]
SOME = list(range(60000))
usleep = ctypes.PyDLL(None).usleep  # with the GIL


CLOCK = partial(time.monotonic)
CALL = partial.__call__  # calls one after another in C, where nobody looks whether the GIL is to be given away


class Times:
    def __init__(self):
        self.of = collections.defaultdict(lambda: [0, 0])

    def add(self, line, least, most):
        self.of[line][0] += least
        self.of[line][1] += most

    def python(self, line, start):
        """It may have waited for the GIL, but not while it ran."""
        self.add(line, truth.thread_seconds() - start[1], time.monotonic() - start[0])


def now():
    return time.monotonic(), truth.thread_seconds()


def mixed(times, done):
    value = 1
    while not done():
        steps = CLOCK, partial(NUMBERS[:].sort), CLOCK
        before, _, after = map(CALL, steps)  # L: longest
        times.add("longest", after - before, after - before)
        start = now()
        for i in range(20000): value = (value * 31 + i) % 65521  # L: python
        times.python("python", start)
        steps = CLOCK, partial(max, SOME), CLOCK
        before, _, after = map(CALL, steps)  # L: shortest
        times.add("shortest", after - before, after - before)
        steps = CLOCK, partial(usleep, 4000), CLOCK
        before, _, after = map(CALL, steps)  # L: asleep
        times.add("asleep", after - before, after - before)


def loops(times, done):
    value = 1
    while not done():
        start = now()
        for i in range(5000): value = (value * 31 + i) % 65521  # L: loop
        times.python("loop", start)
        start = now()
        for i in range(15000): value = (value * 31 + i) % 65521  # L: longer
        times.python("longer", start)


def kept_from_cpu():
    with open("/proc/thread-self/schedstat") as file:
        return int(file.read().split()[1]) / 1e9


def run(function, seconds, times):
    """Until all have had their time, so that they fight to the end."""

    def done():
        if truth.thread_seconds() >= seconds:
            ready.add(function)
        return len(ready) == len(functions)

    start.wait()
    before = kept_from_cpu()
    function(times, done)
    queued[function.__name__] = kept_from_cpu() - before


def main():
    with open(__file__) as source:
        lines = {text.split("# L: ")[1].strip(): n for n, text in enumerate(source, 1) if text.count("# L: ") == 1}
    times = [Times() for _ in functions]
    threads = [
        threading.Thread(target=run, args=(f, float(sys.argv[1]), t), name=f.__name__) for f, t in zip(functions, times)
    ]
    truth.ready()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    truth.finish(held={f.__name__: {lines[line]: s for line, s in t.of.items()} for f, t in zip(functions, times)}, queued=queued)


try:  # others have CPUs later
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
except OSError:
    os.nice(-20)
functions, ready, queued = (mixed, loops), set(), {}
start = threading.Barrier(len(functions))
main()
# SPDX-License-Identifier: MIT
