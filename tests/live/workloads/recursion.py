"""Recursion to a known depth, all of the CPU time spent at the bottom.

    recursion.py SECONDS DEPTH   SECONDS of CPU
truth: frames = how many Python frames lie below (and with) the leaf while it works.
"""

import sys
import threading

import truth


def leaf(seconds):
    frame, count = sys._getframe(), 0
    while frame is not None:
        frame, count = frame.f_back, count + 1
    truth.ready(frames=count)
    start = truth.thread_seconds()
    while truth.thread_seconds() - start < seconds:
        for i in range(3000):
            pass


def down(depth, seconds):
    if depth == 0:
        return leaf(seconds)
    return down(depth - 1, seconds)


def main():
    seconds, depth = float(sys.argv[1]), int(sys.argv[2])
    down(depth, seconds)
    truth.finish()


# Up to 3.10 each Python call takes C stack too.
threading.stack_size(256 << 20)
sys.setrecursionlimit(100000)
thread = threading.Thread(target=main)
thread.start()
thread.join()
# SPDX-License-Identifier: MIT
