"""A busy loop that measures itself what is taken from it.

    target.py --frames N [--idle-threads N] [--shape chain|recursion] [--sweep BYTES] [--gap NS] [--native N LIBRARY]

It reads the clock over and over, N frames deep. One reading follows the other within a fraction of a
microsecond unless the loop was kept from running: a gap above `--gap` is an interrupt, a stop or another
task, and is added up. Until SIGTERM it keeps running totals every 5 ms in memory; then it prints them, a
line each (with --native the loop is C code of that library, N native frames deep, the interpreter's included):

    TIME TAKEN GAPS LOOPS SKIPPED     all since the start; TIME is CLOCK_MONOTONIC; nanoseconds

SKIPPED is the time it took to keep the totals, which is nobody's. Any two lines tell the share that was
taken between them, so the windows can be chosen afterwards. Runs on CPython 3.8 to 3.13, no imports but
the standard library's.
"""

import argparse
import array
import ctypes
import functools
import gc
import mmap
import signal
import sys
import threading
import time

EVERY_NS = 5000000
COLUMNS = 5
NATIVE_ROWS = 1 << 20  # for more than an hour
STEP = 1024  # bytes looked at in one round: well below a microsecond even out of cache


def spin(totals, gap_ns, sweep_bytes):
    """The loop. It goes through `sweep_bytes` of memory meanwhile, so that the caches hold little else."""
    clock = time.monotonic_ns
    find = bytes(max(sweep_bytes, STEP)).find
    at = taken = gaps = loops = skipped = 0
    last = clock()
    due = last + EVERY_NS
    while True:
        now = clock()
        passed = now - last
        loops += 1
        if passed > gap_ns:
            taken += passed
            gaps += 1
        at += STEP
        if find(1, at, at + STEP) < 0 and at >= sweep_bytes:
            at = 0
        last = now
        if now > due:
            totals.extend((now, taken, gaps, loops, skipped))
            due = now + EVERY_NS
            last = clock()
            skipped += last - now


def spin_native(totals, gap_ns, frames, library):
    """The same in C, holding the GIL as an extension does. SIGTERM ends it."""
    function = ctypes.PyDLL(library).spin_native
    rows = mmap.mmap(-1, NATIVE_ROWS * COLUMNS * 8)
    at = ctypes.byref(ctypes.c_char.from_buffer(rows))
    function.restype = ctypes.c_int64
    count = function(frames, at, ctypes.c_int64(NATIVE_ROWS), ctypes.c_int64(gap_ns))
    totals.frombytes(rows[: count * COLUMNS * 8])
    raise SystemExit(0)


def frames_here():
    """Python frames of the caller, itself included."""
    frame, count = sys._getframe(1), 0
    while frame:
        frame, count = frame.f_back, count + 1
    return count


def recurse(more, leaf):
    if more:
        return recurse(more - 1, leaf)
    return leaf()


LINK = """
def link_{i}(value=0):
    if value > {i}:
        value = value % 7
        name = str(value)
        for each in name:
            value += ord(each)
        try:
            value = int(name) + len(name)
        except ValueError:
            value = 0
    {callee}()
    return value
"""


def make_chain(length, leaf):
    """A function that calls another one, and so on, `length` of them; the last calls `leaf`."""
    callees = [f"link_{i + 1}" for i in range(length - 1)] + ["leaf"]
    source = "".join(LINK.format(i=i, callee=callee) for i, callee in enumerate(callees))
    names = {"leaf": leaf}
    exec(compile(source, __file__.replace("target", "chain"), "exec"), names)
    return names["link_0"]


def descend(shape, frames, leaf):
    """Calls `leaf`, which then is the last of `frames` frames."""
    more = frames - frames_here() - 1  # links in between
    if more < 0:
        raise SystemExit(f"the shallowest stack has {frames - more} frames")
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 2 * frames + 100))
    if not more:
        leaf()
    elif shape == "chain":
        make_chain(more, leaf)()
    else:
        recurse(more - 1, leaf)


def start_idle(count):
    never = threading.Event()
    for i in range(count):
        threading.Thread(target=never.wait, name=f"idle-{i}", daemon=True).start()


def end(*_):
    raise SystemExit(0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--frames", type=int, default=50)
    parser.add_argument("--idle-threads", type=int, default=0)
    parser.add_argument("--shape", choices=["chain", "recursion"], default="chain")
    parser.add_argument("--sweep", type=int, default=0)
    parser.add_argument("--gap", type=int, default=3000)
    parser.add_argument("--native", nargs=2, metavar=("FRAMES", "LIBRARY"))
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, end)
    start_idle(options.idle_threads)
    totals = array.array("q")
    gc.disable()
    print("ready", flush=True)
    # partial, because a lambda would be a frame
    leaf = functools.partial(spin, totals, options.gap, options.sweep)
    if options.native:
        frames, library = options.native
        leaf = functools.partial(spin_native, totals, options.gap, int(frames), library)
    try:
        descend(options.shape, options.frames, leaf)
    finally:
        for i in range(0, len(totals), COLUMNS):
            print(*totals[i : i + COLUMNS])


main()
# SPDX-License-Identifier: MIT
