"""Makes system calls below DEPTH calls of `deep` for SECONDS of CPU time, and does little else.

    calls.py SECONDS DEPTH
"""

import os
import sys

import truth


def call():
    for _ in range(1000):
        os.getppid()
    return 1000


def deep(left, end):
    if left > 1:
        return deep(left - 1, end)
    calls = 0
    while truth.cpu_seconds() < end:
        calls += call()
    return calls


def main():
    seconds, depth = float(sys.argv[1]), int(sys.argv[2])
    sys.setrecursionlimit(depth + 1000)
    truth.ready()
    before = truth.cpu_seconds()
    calls = deep(depth, before + seconds)
    truth.finish(spent=truth.cpu_seconds() - before, calls=calls)


if __name__ == "__main__":
    main()
# SPDX-License-Identifier: MIT
