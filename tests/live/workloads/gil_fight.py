"""Threads that fight for the GIL, and one that waits for a lock all the while; each knows its times.

    gil_fight.py SECONDS   of CPU that the looper and the sorter are to have, each
truth: {threads: {name: {wall, cpu, queued}}, sorting: share of the sorter's CPU time that list.sort() had, lines: {sort, lock}}; queued: time
that the kernel had no CPU for it.
"""

import sys
import threading
import time

import truth

NUMBERS = [float((i * 7919) % 100003) for i in range(150000)]  # list.sort() has the GIL for longer than an interval


def queued():
    with open("/proc/thread-self/schedstat") as file:
        return int(file.read().split()[1]) / 1e9


class Goal:
    """Reached when those that have to have had their CPU time."""

    def __init__(self, seconds, names):
        self.seconds, self.names, self.done = seconds, set(names), set()

    def reached(self, name):
        if truth.thread_seconds() >= self.seconds:
            self.done.add(name)
        return self.names <= self.done


def looper(goal):
    value = 1
    while not goal.reached("looper"):
        for i in range(20000): value = (value * 31 + i) % 65521


def sorter(goal):
    start, sorting = truth.thread_seconds(), 0
    while not goal.reached("sorter"):
        copy = NUMBERS[:]
        before = truth.thread_seconds()
        copy.sort()  # L: sort
        sorting += truth.thread_seconds() - before
    return sorting / (truth.thread_seconds() - start)


def napper(goal):
    """Has the GIL for a short while, and gives it back by itself."""
    while not goal.reached("napper"):
        truth.spin(0.002)
        time.sleep(0.004)


def locked(lock):
    lock.acquire()  # L: lock


CLOCKS = time.monotonic, truth.thread_seconds, queued


def run(function, goal, start, out):
    start.wait()
    # A file gives the GIL away: what it waits for it is not in the time of the clock on the wall.
    before = [clock() for clock in reversed(CLOCKS)]
    result = function(goal)
    after = [clock() for clock in CLOCKS]
    out[function.__name__] = dict(zip(("wall", "cpu", "queued"), (b - a for a, b in zip(reversed(before), after))), result=result)


def main():
    with open(__file__) as source:
        lines = {text.split("# L: ")[1].strip(): n for n, text in enumerate(source, 1) if text.count("# L: ") == 1}
    lock = threading.Lock()
    lock.acquire()
    functions = looper, sorter, napper
    start, out = threading.Barrier(len(functions)), {}
    goal = Goal(float(sys.argv[1]), ("looper", "sorter"))
    waiter = threading.Thread(target=locked, args=(lock,), name="locked")
    threads = [threading.Thread(target=run, args=(f, goal, start, out), name=f.__name__) for f in functions]
    truth.ready()
    waiter.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lock.release()
    waiter.join()
    truth.finish(threads=out, sorting=out["sorter"]["result"], lines=lines)


if __name__ == "__main__":
    main()
# SPDX-License-Identifier: MIT
