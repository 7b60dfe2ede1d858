"""Threads that sleep in functions of C and Python that call each other, in ways that are known: tests/live/test_dump_native.py.

paused.py LIBRARY
"""

import ctypes
import os
import sys
import threading

import truth

CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
library = ctypes.CDLL(sys.argv[1])
empty, other_end = os.pipe()
begun = threading.Semaphore(0)


def py_pause(n):
    begun.release()
    return library.pause_c(n)


def py_read(n):
    begun.release()
    return os.read(empty, 1)


def py_middle(n):
    return library.aligned_c(pause, n)


def py_top():
    return library.plain_c(middle, 3)


pause, read, middle = CALLBACK(py_pause), CALLBACK(py_read), CALLBACK(py_middle)


def py_sort():
    return sorted([3, 1, 2], key=py_pause)


def py_items():
    yield py_read(0)


def py_sum():
    return sum(py_items())


def py_sized():
    return library.sized_c(read, 5)


def py_deep(n=30):
    return library.plain_c(deep, n - 1) if n else py_pause(n)


deep = CALLBACK(py_deep)


def py_spin():
    begun.release()
    while True:
        pass


def main():
    for function in (py_top, py_sort, py_sum, py_sized, py_deep, py_spin):
        threading.Thread(target=function, name=function.__name__, daemon=True).start()
        begun.acquire()
    library.start_c()
    truth.ready()
    sys.stdin.readline()
    os._exit(0)


main()
# SPDX-License-Identifier: MIT
