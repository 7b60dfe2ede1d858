"""Programs that end in every way, for what must follow them unnoticed. Usage: ends.py HOW [WORDS…]

It prints what a program can see of its surroundings, so that two runs can be compared.
"""

import os
import signal
import sys
import threading


KEPT = []


def grow():
    KEPT.extend([number] * 10 for number in range(5000))
    return KEPT


def show():
    import sitecustomize  # the next one, or none

    print(sitecustomize.__name__, getattr(sitecustomize, "WORD", "-"))


def fork_and_leave():
    """A child that ends by os._exit, as those of multiprocessing do."""
    child = os.fork()
    if child == 0:
        more = grow()
        os._exit(0 if more else 1)
    print("child", os.waitpid(child, 0)[1])


def own_handler():
    def handler(number, frame):
        print("ended in an orderly way", flush=True)
        sys.exit(5)

    signal.signal(signal.SIGTERM, handler)
    wait_for_signal()


def wait_for_signal():
    """In short waits: Python looks for a signal that came just before a wait only when the wait ends."""
    print("ready", flush=True)
    for _ in range(1200):
        threading.Event().wait(0.05)


def main():
    grow()
    how = sys.argv[1]
    print(len(KEPT), sys.argv[1:], [path for path in sys.path if "profile_app" in path], threading.active_count())
    try:
        show()
    except ImportError as error:
        print("no", error.name)
    sys.stdout.flush()
    if how == "exception":
        raise ValueError("of its own")
    if how == "status":
        sys.exit(3)
    if how == "_exit":
        os._exit(4)
    if how == "fork":
        fork_and_leave()
    if how == "sigterm":
        wait_for_signal()
    if how == "handler":
        own_handler()


main()
# SPDX-License-Identifier: MIT
