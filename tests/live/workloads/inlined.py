"""Spends time in C functions that have functions inlined: tests/live/test_native_lines.py.

inlined.py LIBRARY SECONDS
"""

import ctypes
import sys

import truth

library = ctypes.CDLL(sys.argv[1])
values = (ctypes.c_uint64 * 2000)()


def py_work():
    for i in range(len(values)):
        values[i] = i * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
    library.work(values, len(values))


def main():
    seconds = float(sys.argv[2])
    truth.ready()
    before = truth.thread_seconds()
    while truth.thread_seconds() - before < seconds:
        py_work()
    truth.finish()


main()
# SPDX-License-Identifier: MIT
