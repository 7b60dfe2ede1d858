"""A program as people have them: three subprocesses and eight threads, most of the time asleep.

Each thread spends three quarters of its CPU time in three() and one quarter in one(), by its own clock.
Runs until its standard input is closed.

    several.py [SHARE]   of the time that each thread is busy; 0.1
"""

import os
import sys
import threading
import time

import truth

NAMES = ["MainThread", "rechner-ü", "漢字", "snake-🐍", "semi;colon", "<svg>&\x1b[31m"]
SHARE = float(sys.argv[1]) if len(sys.argv) > 1 else 0.1
PIECE_SECONDS = 0.005


def spin(seconds):
    end = truth.thread_seconds() + seconds
    value = 1
    while truth.thread_seconds() < end:
        for i in range(1000):
            value = (value * 31 + i) % 65521


def three():
    spin(3 * PIECE_SECONDS)


def one():
    spin(PIECE_SECONDS)


def work():
    while True:
        before = truth.thread_seconds()
        three()
        one()
        time.sleep((truth.thread_seconds() - before) * (1 / SHARE - 1))


def run(threads):
    for i in range(1, threads):
        threading.Thread(target=work, name=NAMES[i], daemon=True).start()


def child(threads):
    parent = os.getppid()
    run(threads + 1)
    while os.getppid() == parent:
        three()
        one()
        time.sleep(0.05)
    os._exit(0)


def main():
    # One line in a function whose name says what it is to those who print names unwashed.
    evil = spin.__code__.replace(co_name="evil\x1b[31m漢字\r\n", **qualified("evil\x1b[31m漢字\r\n"))
    nasty = type(spin)(evil, globals(), "nasty")
    truth.ready()
    for _ in range(3):
        if not os.fork():
            child(1)
    run(5)
    threading.Thread(target=lambda: [(nasty(0.01), time.sleep(0.05)) for _ in iter(int, 1)], daemon=True).start()
    sys.stdin.read()
    os._exit(0)


def qualified(name):
    return {"co_qualname": name} if sys.version_info >= (3, 11) else {}


main()
# SPDX-License-Identifier: MIT
