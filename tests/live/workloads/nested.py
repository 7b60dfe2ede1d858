"""Python and C functions that call each other, in ways that are known: tests/live/test_native_stacks.py.

nested.py LIBRARY SECONDS        so much CPU time in each of two threads
nested.py LIBRARY SECONDS read   the same in one, nearly all of it in the kernel
"""

import ctypes
import sys
import threading

import truth

ROUNDS = 20000
CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
library = ctypes.CDLL(sys.argv[1])


def py_inner(n):
    return library.descend_c(n, ROUNDS)


def py_middle(n):
    return library.aligned_c(inner, n)


def py_top(n):
    return library.plain_c(middle, n)


inner, middle = CALLBACK(py_inner), CALLBACK(py_middle)


def py_key(n):
    return library.spin_c(ROUNDS)


def py_sort():
    return sorted(range(4), key=py_key)


def py_items():
    for _ in range(3):
        library.spin_c(ROUNDS)
        yield 1


def py_sum():
    return library.sized_c(total, 5)


def py_total(n):
    return sum(py_items())


total = CALLBACK(py_total)


def py_deep(n):
    return library.plain_c(deep, n - 1) if n else library.spin_c(ROUNDS)


deep = CALLBACK(py_deep)


def py_pure():
    total = 0
    for i in range(2000):
        total += i & 3
    return total


place = bytearray(1 << 20)


def py_read():
    with open("/dev/zero", "rb", 0) as file:
        return file.readinto(place)


def spend(seconds, functions):
    before = truth.thread_seconds()
    while truth.thread_seconds() - before < seconds:
        for function in functions:
            function()


def main():
    seconds = float(sys.argv[2])
    truth.ready()
    if "read" in sys.argv:
        spend(seconds, [py_read])
        return truth.finish()
    other = threading.Thread(target=spend, args=(seconds, [py_sum, py_pure]))
    other.start()
    spend(seconds, [lambda: py_top(3), py_sort, lambda: py_deep(12)])
    other.join()
    truth.finish()


main()
