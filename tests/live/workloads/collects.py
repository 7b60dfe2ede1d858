"""Works, and has the garbage collector work, in turns; measures the collector's share through gc.callbacks.

    collects.py SECONDS HOW     how: never, called (gc.collect()), by_itself (as objects are made)
"""

import gc
import sys
import time

import truth

began = spent = 0.0


def note(phase, info):
    global began, spent
    now = time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID)
    if phase == "start":
        began = now
    else:
        spent += now - began


def tree(depth):
    """Objects in a cycle each."""
    node = [tree(depth - 1), tree(depth - 1)] if depth else []
    node.append(node)
    return node


def work(how):
    truth.spin(0.002 if how == "by_itself" else 0.02)


def collect():
    gc.collect()


def make():
    for _ in range(20):
        tree(8)


def main():
    seconds, how = float(sys.argv[1]), sys.argv[2]
    gc.disable()
    kept = tree(15) if how == "called" else None
    truth.ready()
    gc.callbacks.append(note)
    if how == "by_itself":
        gc.enable()
    start = truth.cpu_seconds()
    while truth.cpu_seconds() - start < seconds:
        work(how)
        if how == "called":
            collect()
        elif how == "by_itself":
            make()
    gc.callbacks.remove(note)
    truth.finish(spent=spent, all=truth.cpu_seconds() - start, kept=len(kept or ()))


main()
# SPDX-License-Identifier: MIT
