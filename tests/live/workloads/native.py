"""Python functions, and threads of a library that Python knows nothing of.

native.py LIBRARY SECONDS THREADS   SECONDS of CPU for each of the threads, and for a Python function
"""

import ctypes
import sys

import truth


def python(seconds):
    before = truth.thread_seconds()
    while truth.thread_seconds() - before < seconds:
        sum(range(200))


def main():
    library, seconds, threads = ctypes.CDLL(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    library.start.argtypes, library.start.restype = [ctypes.c_char_p, ctypes.c_double], ctypes.c_void_p
    library.join.argtypes = [ctypes.c_void_p]
    names = [b"pool-%d" % i for i in range(threads)]
    truth.ready()
    started = [library.start(name, seconds) for name in names]
    python(seconds)
    for worker in started:
        library.join(worker)
    truth.finish()


main()
# SPDX-License-Identifier: MIT
