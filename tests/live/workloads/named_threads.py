"""Starts threads of every kind of name, prints what threading itself says of them, and waits."""

import sys
import threading

done = threading.Event()


class Slotted(threading.Thread):
    """One whose attributes were moved to a dict of its own: the values are not in the object any more."""

    def __init__(self, **options):
        super().__init__(**options)
        self.__dict__["extra"] = 1
        for i in range(40):
            setattr(self, "attribute_%d" % i, i)


class Renamed(threading.Thread):
    pass


NAMES = ["worker-%d" % i for i in range(10)] + [
    "naïve",
    "поток",
    "スレッド",
    "🐍 snake",
    "escape \x1b[31m",
    "",
    "x" * 300,
]


def foreign(ready):
    threading.current_thread()  # a _DummyThread
    ready.set()
    done.wait()


def main():
    for name in NAMES:
        threading.Thread(target=done.wait, name=name or " ", daemon=True).start()
    Slotted(target=done.wait, name="in-a-dict", daemon=True).start()
    renamed = Renamed(target=done.wait, daemon=True)
    renamed.start()
    renamed.name = "renamed"
    ready = threading.Event()
    import _thread

    _thread.start_new_thread(foreign, (ready,))
    ready.wait()
    churn(200)
    out = sys.stdout.buffer
    for thread in threading.enumerate():
        out.write(b"%d %s\n" % (thread.ident, thread.name[:256].encode("utf-8")))
    out.write(b"\n")
    out.flush()
    sys.stdin.read()


def churn(count):
    """Threads that came and went leave holes in the dict of active ones."""
    for _ in range(count):
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()


main()
# SPDX-License-Identifier: MIT
