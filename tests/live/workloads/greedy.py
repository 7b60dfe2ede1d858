"""Programs that want to have a profiler for themselves: greedy.py KIND [ARG]. Each says "ready" and spins until it is killed.

    threads N    thousands of threads with long names that change all the time
    names        new functions, with long names and line tables of their own, at each turn
    frames N     a stack whose root's caller is its leaf; of N functions (the layout of 3.11 and 3.12)
"""

import ctypes
import os
import sys
import threading


def work():
    for _ in range(2000):
        pass


def changed(name, more):
    code = work.__code__
    return type(work)(code.replace(co_name=name, co_filename="/made/up/" + name, **more(code)), globals())


def long_lines(code):
    if hasattr(code, "co_linetable"):
        return {"co_linetable": code.co_linetable + b"\xf8" * 20000}
    return {"co_lnotab": code.co_lnotab + b"\1\1" * 10000}


def names():
    os.write(1, b"ready\n")
    i = 0
    while True:
        i += 1
        changed(f"made_up_{i}_" + "x" * 400, long_lines)()


def threads(count):
    end = threading.Event()
    threading.stack_size(65536)
    all_of_them = [threading.Thread(target=end.wait, name=f"{i} " + "x" * 200, daemon=True) for i in range(int(count))]
    for thread in all_of_them:
        thread.start()
    os.write(1, b"ready\n")
    i = 0
    while True:
        i += 1
        all_of_them[i % len(all_of_them)].name = f"renamed {i} " + "x" * 200
        work()


# Include/internal/pycore_frame.h: `previous` of struct _PyInterpreterFrame, Include/internal/pycore_frame.h: f_frame of
# struct _frame behind ob_base and f_back.
PREVIOUS = {(3, 11): 48, (3, 12): 8}
F_FRAME = 24


def frame_addr(frame):
    return ctypes.c_uint64.from_address(id(frame) + F_FRAME).value


def close_the_circle(depth):
    leaf = root = sys._getframe(1)
    for _ in range(depth - 2):
        root = root.f_back
    place = ctypes.c_uint64.from_address(frame_addr(root) + PREVIOUS[sys.version_info[:2]])
    addr = frame_addr(leaf)
    os.write(1, b"ready\n")
    place.value = addr


def down(rest):
    if rest:
        functions[rest - 1](rest - 1)
    close_the_circle(len(functions))
    while True:
        pass


functions = []


def frames(count):
    sys.setrecursionlimit(int(count) + 1000)
    for i in range(int(count)):
        code = down.__code__.replace(co_name=f"down_{i}", co_filename=f"/made/up/{i}")
        functions.append(type(down)(code, globals()))
    down(int(count))


{"names": names, "threads": threads, "frames": frames}[sys.argv[1]](*sys.argv[2:])
# SPDX-License-Identifier: MIT
