"""Threads with names: some busy in a function each, some asleep in a lock; all under the GIL.

    threads.py SECONDS BUSY IDLE   SECONDS of CPU for each of the busy ones
"""

import sys
import threading

import truth

# Python's names are longer than the kernel's 15 bytes and may hold anything.
NAMES = ["busy-worker-with-a-long-name", "rechner-ü", "счёт", "snake-🐍", "semi;colon (1)", "<svg>&\x1b[31m"]


def serve(seconds, spent):
    before = truth.thread_seconds()
    value = 1
    while truth.thread_seconds() - before < seconds:
        for i in range(3000):
            value = (value * 31 + i) % 65521
    spent[truth.thread_id()] = threading.current_thread().name, truth.thread_seconds() - before


def wait(gate):
    gate.wait()


def main():
    seconds, busy, idle = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    gate, spent = threading.Event(), {}
    idlers = [threading.Thread(target=wait, args=(gate,), name="idle-%d" % i) for i in range(idle)]
    for thread in idlers:
        thread.start()
    truth.ready()
    workers = [
        threading.Thread(target=serve, args=(seconds, spent), name=NAMES[i % len(NAMES)]) for i in range(busy)
    ]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join()
    gate.set()
    truth.finish(threads=[{"tid": tid, "name": name, "spent": s} for tid, (name, s) in spent.items()])


main()
# SPDX-License-Identifier: MIT
