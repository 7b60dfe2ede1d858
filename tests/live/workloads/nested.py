"""Python and C functions that call each other, in ways that are known: tests/live/test_native_stacks.py.

nested.py LIBRARY SECONDS WORD…   so much CPU time in each of two threads
  module   LIBRARY is the module `nested`, else its functions are called by ctypes
  cxx      … with a part in C++
  read     in one thread, nearly all of it in the kernel
"""

import importlib.machinery
import importlib.util
import sys
import threading

import truth

ROUNDS = 20000
DEEP = 12


def load_module(path):
    loader = importlib.machinery.ExtensionFileLoader("nested", path)
    spec = importlib.util.spec_from_file_location("nested", path, loader=loader)
    return importlib.util.module_from_spec(spec)


def load_by_ctypes(path):
    import ctypes

    library, kind = ctypes.CDLL(path), ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
    for name in ("plain_c", "aligned_c", "sized_c"):
        getattr(library, name).argtypes = [kind, ctypes.c_void_p]
    return library, kind


if "module" in sys.argv:
    library, callback = load_module(sys.argv[1]), lambda function: function
else:
    library, callback = load_by_ctypes(sys.argv[1])


def py_inner(_):
    return library.descend_c(3, ROUNDS)


def py_middle(_):
    return library.aligned_c(inner, 1)


def py_top():
    return library.plain_c(middle, 1)


inner, middle = callback(py_inner), callback(py_middle)


def py_key(_):
    return library.spin_c(ROUNDS)


def py_sort():
    return sorted(range(4), key=py_key)


def py_items():
    for _ in range(3):
        library.spin_c(ROUNDS)
        yield 1


def py_sum():
    return library.sized_c(total, 5)


def py_total(_):
    return sum(py_items())


total = callback(py_total)


def py_deep(n):
    return library.plain_c(deep, n - 1) if n else library.spin_c(ROUNDS)


deep = callback(py_deep)


def py_each():
    return library.each_c(py_items())


def py_descend():
    return library.descend_c(100, ROUNDS)


def py_safe():
    return library.noexcept_c(inner, 1)


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
    first, second = [py_top, py_sort, lambda: py_deep(DEEP)], [py_sum, py_pure, py_descend]
    if "module" in sys.argv:
        second.append(py_each)
    if "cxx" in sys.argv:
        first.append(py_safe)
    truth.ready()
    if "read" in sys.argv:
        spend(seconds, [py_read])
        return truth.finish()
    other = threading.Thread(target=spend, args=(seconds, second))
    other.start()
    spend(seconds, first)
    other.join()
    truth.finish()


main()
# SPDX-License-Identifier: MIT
