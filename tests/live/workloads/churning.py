# SPDX-License-Identifier: MIT
"""Processes that live for a moment, each with many threads, one process after the other.

    churning.py PROCESSES THREADS

Each is forked and works a little in a function of its own, and so does each of its threads; two at a time. Says `half` when half of them
have ended. The truth has the CPU time of all of them.
"""

import os
import sys
import threading

import truth

AT_ONCE = 2
SECONDS = 0.0003  # of each thread


def thread_work():
    end = truth.thread_seconds() + SECONDS
    while truth.thread_seconds() < end:
        pass


def live(number, count):
    names = {}
    source = f"def life_{number}(run, count):\n    for _ in range(count):\n        run()\n"
    exec(compile(source, "lives.py", "exec"), names)

    def run():
        thread = threading.Thread(target=thread_work)
        thread.start()
        thread.join()

    names[f"life_{number}"](run, count)


def main():
    processes, count = int(sys.argv[1]), int(sys.argv[2])
    truth.ready()
    running = 0
    for number in range(processes):
        if not os.fork():
            live(number, count)
            os._exit(0)
        running += 1
        if running == AT_ONCE:
            os.wait()
            running -= 1
        if number == processes // 2:
            truth.say("half", {})
    while running:
        os.wait()
        running -= 1
    times = os.times()
    truth.finish(spent=times.children_user + times.children_system)


main()
