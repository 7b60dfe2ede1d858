"""Works at a regular beat: every fifth piece, each as long as PIECE seconds of the clock on the wall, is another function's.

    beat.py PIECE SECONDS
"""

import sys
import time

import truth

clock = time.perf_counter


def often(until):
    while clock() < until:
        pass


def rarely(until):
    while clock() < until:
        pass


def main():
    piece, seconds = map(float, sys.argv[1:])
    truth.ready()
    start, spent = clock(), 0.0
    for i in range(int(seconds / piece)):
        until = start + (i + 1) * piece
        if i % 5:
            often(until)
            continue
        before = truth.thread_seconds()
        rarely(until)
        spent += truth.thread_seconds() - before
    truth.finish(rarely=spent)


main()
# SPDX-License-Identifier: MIT
