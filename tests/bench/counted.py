"""Does one thing over and over, and counts how often, and what CPU time that took.

    counted.py switch     passes a byte to a child process and back, both on one CPU: two switches each time
    counted.py threads    the same with a thread, so each also has to wait for the GIL
    counted.py faults     touches new memory, page by page

Until SIGTERM it keeps running totals every 5 ms in memory; then it prints them, a line each:

    TIME CPU COUNT     all since the start; TIME is CLOCK_MONOTONIC, CPU of both processes; nanoseconds

counted.c is the same for programs that are not profiled.
"""

import array
import mmap
import os
import signal
import sys
import threading
import time

EVERY_NS = 5000000
FAULT_BYTES = 4 << 20
AT_ONCE = 16


def echo(inlet, outlet):
    while os.read(inlet, 1):
        os.write(outlet, b"x")


def play(inlet, outlet):
    for _ in range(AT_ONCE):
        os.write(outlet, b"x")
        os.read(inlet, 1)
    return 2 * AT_ONCE


def touch():
    with mmap.mmap(-1, FAULT_BYTES, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as block:
        block.madvise(mmap.MADV_NOHUGEPAGE)
        block[:: mmap.PAGESIZE] = bytes(FAULT_BYTES // mmap.PAGESIZE)
    return FAULT_BYTES // mmap.PAGESIZE


def count(totals, once, cpu_ns):
    due = cnt = 0
    while True:
        cnt += once()
        now = time.monotonic_ns()
        if now >= due:
            totals.extend((now, cpu_ns(), cnt))
            due = now + EVERY_NS


def with_child(there, back):
    """A function that passes a byte, and one that tells both processes' CPU time."""
    pid = os.fork()
    if not pid:
        os.close(there[1])
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        echo(there[0], back[1])
        os._exit(0)
    os.close(there[0])
    os.close(back[1])
    clock = (~pid << 3) | 2  # linux/posix-timers.h: CPUCLOCK_SCHED of a pid
    return lambda: play(back[0], there[1]), lambda: time.process_time_ns() + time.clock_gettime_ns(clock)


def with_thread(there, back):
    threading.Thread(target=echo, args=(there[0], back[1]), daemon=True).start()
    return lambda: play(back[0], there[1]), time.process_time_ns


def end(*_):
    raise SystemExit(0)


def main():
    kind = sys.argv[1]
    if kind == "faults":
        once, cpu_ns = touch, time.process_time_ns
    else:
        once, cpu_ns = {"switch": with_child, "threads": with_thread}[kind](os.pipe(), os.pipe())
    signal.signal(signal.SIGTERM, end)
    totals = array.array("q")
    print("ready", flush=True)
    try:
        count(totals, once, cpu_ns)
    finally:
        for i in range(0, len(totals), 3):
            print(*totals[i : i + 3])


main()
# SPDX-License-Identifier: MIT
