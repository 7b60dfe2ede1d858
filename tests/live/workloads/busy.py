"""Keeps one CPU busy in `outer` → `inner` for SECONDS of CPU time, or until killed (0).

    busy.py SECONDS [LABEL…]   labels only make its command line longer
"""

import sys

import truth


def inner(value):
    for i in range(5000):
        value = (value * 31 + i) % 65521
    return value


def outer(end):
    value = 1
    while truth.cpu_seconds() < end:
        value = inner(
            value
        )


def main():
    seconds = float(sys.argv[1])
    truth.ready()
    before = truth.cpu_seconds()
    outer(before + (seconds or 1e9))
    truth.finish(spent=truth.cpu_seconds() - before)


main()
# SPDX-License-Identifier: MIT
