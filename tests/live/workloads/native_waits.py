"""Python functions that are called by C functions which Python called, and wait in C: tests/live/test_native_waits.py.

native_waits.py LIBRARY SECONDS         each wait for so long, in a thread of its own
native_waits.py LIBRARY SECONDS MIB     grows by that instead, in one function for so much each
"""

import ctypes
import socket
import sys
import threading
import time

import truth

CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
library = ctypes.CDLL(sys.argv[1])
ours, others = socket.socketpair()


def py_sleep(us):
    return library.sleep_c(us)


def py_lock(us):
    return library.lock_c(us)


def py_read(_):
    return library.read_c(ours.fileno())


def py_grow(size):
    return library.touch_c(size)


def py_python_sleep(us):
    time.sleep(us / 1e6)
    return 0


def py_middle_of(function):
    """py_top → plain_c → py_middle → aligned_c → function"""
    inner = CALLBACK(function)

    def py_middle(n):
        return library.aligned_c(inner, n)

    middle = CALLBACK(py_middle)

    def py_top(n):
        return library.plain_c(middle, n)

    py_top.keep = inner, middle
    return py_top


def repeat(top, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        top(7000)


def writes(reader):
    while reader.is_alive():
        time.sleep(0.007)
        others.send(b"x")


def py_fight(seconds):
    """With another thread that computes: what comes back from C waits for the GIL, but not so often that only some is looked at."""
    while truth.thread_seconds() < seconds:
        sum(range(30000))
        library.plain_c(nothing, 1)


def py_nothing(n):
    return n


nothing = CALLBACK(py_nothing)


def wait(seconds):
    functions = [py_sleep, py_lock, py_read, py_python_sleep]
    threads = [threading.Thread(target=repeat, args=(py_middle_of(one), seconds)) for one in functions]
    threads += [threading.Thread(target=py_fight, args=(seconds / 3,)) for _ in range(2)]
    threads.append(threading.Thread(target=writes, args=(threads[functions.index(py_read)],)))
    library.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    library.stop()


def grow(size):
    py_middle_of(py_grow)(size)
    blocks = [bytearray(1 << 20) for _ in range(size >> 20)]
    return sum(map(len, blocks))


def main():
    truth.ready()
    if len(sys.argv) > 3:
        size = int(sys.argv[3]) << 20
        grow(size)
        return truth.finish(grown=size)
    wait(float(sys.argv[2]))
    truth.finish()


main()
# SPDX-License-Identifier: MIT
