"""Fifty threads that sleep in different ways and depths, and one that never rests.

Prints {"stacks": {ident: [[name, file, line], …]}, "spinner": ident, "possible": [["name:line", …], …]}: what Python
itself says of the sleeping ones, leaf first, and every stack (root first, frames of this file) that the busy one
can have. Then it waits for the end of its input.
"""

import json
import os
import queue
import select
import sys
import threading
import time

LONG = 100000
never, _unused = os.pipe()
held = threading.Lock()


def on_sleep(): time.sleep(LONG)


def on_lock(): held.acquire()


def on_event(): threading.Event().wait()


def on_queue(): queue.Queue().get()


def on_pipe(): os.read(never, 1)


def on_select(): select.select([never], [], [])


class Method:
    def rest(self, how):
        how()


def generate(how):
    yield how()


def by_call(how, depth):
    if depth:
        return by_call(how, depth - 1)
    how()


def by_method(how, depth):
    Method().rest(how)


def by_generator(how, depth):
    for _ in generate(how):
        pass


def by_key(how, depth):
    sorted([1, 2], key=lambda value: how())


def by_comprehension(how, depth):
    return [
        how()
        for _ in (1, 2)
    ]


HOWS = [on_sleep, on_lock, on_event, on_queue, on_pipe, on_select]
WAYS = [by_call, by_method, by_generator, by_key, by_comprehension]


# The busy one: as in anywhere.py, each function has one line that can be current.


def leaf(value): return value * 31 % 65521


def callee(value): return leaf(value) + leaf(value + 1)


def caller(value): return callee(value) - callee(value + 1)


def count(value):
    while True: yield leaf(value)


def outer(value): yield from count(value)


def turn():
    caller(3); any(map(next, [outer(5)] * 20)); sorted((4, 2, 9), key=callee)


def spin():
    while True: turn()


def line(function, offset):
    return "%s:%d" % (function.__name__, function.__code__.co_firstlineno + offset)


def possible():
    base, call = [line(spin, 1), line(turn, 1)], [line(callee, 0)]
    yield base[:1]
    # a function that was just entered is on the line of its def
    yield [line(spin, 1), line(turn, 0)]
    for chain in [], [line(caller, 0)], [line(caller, 0)] + call, [line(caller, 0)] + call + [line(leaf, 0)]:
        yield base + chain
    generators = [line(outer, 0), line(count, 1), line(leaf, 0)]
    for depth in range(4):
        yield base + generators[:depth]
    # a generator that has not run yet is on the line of its def
    yield base + [line(outer, 0), line(count, 0)]
    # closing a generator closes the one it delegates to first, by itself (Objects/genobject.c gen_close)
    yield base + [line(count, 1)]
    for chain in call, call + [line(leaf, 0)]:
        yield base + chain


def describe(frame):
    while frame:
        code = frame.f_code
        yield [getattr(code, "co_qualname", code.co_name), code.co_filename, frame.f_lineno]
        frame = frame.f_back


def snapshot(spinner):
    own = (spinner, threading.get_ident())
    return {ident: list(describe(frame)) for ident, frame in sys._current_frames().items() if ident not in own}


def is_asleep(tid):
    with open("/proc/self/task/%s/stat" % tid) as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] == "S"


def main():
    held.acquire()
    for i in range(50):
        way, how = WAYS[i % len(WAYS)], HOWS[i % len(HOWS)]
        threading.Thread(target=way, args=(how, i % 7), daemon=True, name="sleeper %d" % i).start()
    sleepers = set(os.listdir("/proc/self/task")) - {str(os.getpid())}
    spinner = threading.Thread(target=spin, daemon=True, name="spinner")
    spinner.start()
    before = None
    while True:
        time.sleep(0.1)
        now = snapshot(spinner.ident)
        if now == before and len(now) == 50 and all(map(is_asleep, sleepers)):
            break
        before = now
    print(json.dumps({"stacks": now, "spinner": spinner.ident, "possible": list(possible())}), flush=True)
    os.read(0, 1)
    os._exit(0)


main()
# SPDX-License-Identifier: MIT
