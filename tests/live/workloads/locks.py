"""Threads that wait for each other's locks, each in a way of its own; says who waits for whom, as JSON.

    locks.py FOLDER

{"waiting": {waiter: [kind, name, holder]}, "idents": {name: ident}}: kinds as `dump` calls them. FOLDER gets a module.
"""

import json
import os
import sys
import threading
import time

idents, waiting = {}, {}
never = threading.Lock()
never.acquire()
folder = sys.argv[1]
sys.path.insert(0, folder)


def start(name, function, *args, **kwargs):
    def run():
        idents[name] = threading.get_ident()
        function(*args, **kwargs)

    threading.Thread(target=run, name=name, daemon=True).start()


def hold(lock, taken, then=never.acquire):
    with lock:
        taken.release()
        then()


def held(name, lock, then=never.acquire):
    """Returns when a thread of that name has the lock."""
    taken = threading.Lock()
    taken.acquire()
    start(name, hold, lock, taken, then)
    taken.acquire()


def by_with(lock):
    with lock:
        raise SystemExit("it had it")


def by_name(lock):
    lock.acquire()


def in_time(lock):
    lock.acquire(timeout=10000)


class Bank:
    def __init__(self, lock):
        self.lock = lock

    def pay(self, *notes, **more):
        kept = [notes, more]
        with self.lock:
            return kept


# An RLock, waited for in several ways; a Condition has one inside.
lock = threading.RLock()
held("holder", lock)
for name, way, what in [("by with", by_with, lock), ("by name", by_name, lock), ("in time", in_time, lock), ("in a method", Bank(lock).pay, None)]:
    start(name, *([way, what] if what else [way]))
    waiting[name] = ["RLock", None, "holder"]
condition = threading.Condition()
held("condition's", condition)
start("by condition", by_with, condition)
waiting["by condition"] = ["RLock", None, "condition's"]

# One in Python.
lock = threading._PyRLock() if hasattr(threading, "_PyRLock") else threading._RLock()
held("slow", lock)
start("by Python", by_with, lock)
waiting["by Python"] = ["RLock", None, "slow"]

# A circle of three, and who is not of it.
ring = [threading.RLock() for _ in range(3)]
for i in range(3):
    held("ring %d" % i, ring[i], lambda i=i: (time.sleep(1), by_with(ring[(i + 1) % 3])))
    waiting["ring %d" % i] = ["RLock", None, "ring %d" % ((i + 1) % 3)]
start("beside the ring", by_with, ring[0])
waiting["beside the ring"] = ["RLock", None, "ring 0"]

# A module that is being imported.
with open(os.path.join(folder, "slow_module.py"), "w") as file:
    file.write("import builtins\nbuiltins.importing()\n")
importing = threading.Event()
__builtins__.importing = lambda: (importing.set(), never.acquire())
start("importer", __import__, "slow_module")
importing.wait()
start("imports too", __import__, "slow_module")
waiting["imports too"] = ["import lock", "slow_module", "importer"]

# Nobody knows who has these.
start("plain", by_with, never)
start("event", threading.Event().wait)

# One whose thread has ended without giving it back. Idents are given again: it is the last one.
lock, ended = threading.RLock(), threading.Event()
start("in vain", lambda: (ended.wait(), time.sleep(0.5), by_with(lock)))
start("gone", lambda: (lock.acquire(), ended.set()))
waiting["in vain"] = ["RLock", None, "gone"]

time.sleep(2)
print(json.dumps({"waiting": waiting, "idents": idents}), flush=True)
sys.stdin.read()
os._exit(0)
# SPDX-License-Identifier: MIT
