"""Busy threads whose stacks are all known; first prints which stacks are possible, by function and line.

    anywhere.py [FUNCTION]    with a function's name: the main thread is busy with that one, and there is no other

A stack is the frames of this file, root first, as "name:line". Lines are the only ones of their functions that
can be current, so any other is a wrong line and any other order an impossible stack.
"""

import json
import sys
import threading

LINES = {}


def line(function, offset):
    return "%s:%d" % (function.__name__, function.__code__.co_firstlineno + offset)


def leaf(value): return value * 31 % 65521


def callee(value): return leaf(value) + leaf(value + 1)


def caller(value): return callee(value) - callee(value + 1)


def count(value):
    while True: yield leaf(value)


def outer(value): yield from count(value)


def by_calls():
    while True: caller(3)


def by_generators():
    while True: any(map(next, [outer(5)] * 20))


def pair(value): yield leaf(value); yield leaf(value + 1)


def by_loops():
    while True:
        for _ in pair(3): pass


def by_key():
    while True: sorted((4, 2, 9), key=callee)


def possible():
    call = [line(callee, 0)]
    chains = [[line(caller, 0)], [line(caller, 0)] + call, [line(caller, 0)] + call + [line(leaf, 0)]]
    for chain in [[]] + chains:
        yield [line(by_calls, 1)] + chain
    generators = [line(outer, 0), line(count, 1), line(leaf, 0)]
    for depth in range(4):
        yield [line(by_generators, 1)] + generators[:depth]
    # a generator that has not run yet is on the line of its def
    yield [line(by_generators, 1), line(outer, 0), line(count, 0)]
    # closing a generator closes the one it delegates to first, by itself (Objects/genobject.c gen_close)
    yield [line(by_generators, 1), line(count, 1)]
    yield [line(by_loops, 1)]
    for chain in [[], [line(pair, 0)], [line(pair, 0), line(leaf, 0)]]:
        yield [line(by_loops, 2)] + chain
    for chain in [[], call, call + [line(leaf, 0)]]:
        yield [line(by_key, 1)] + chain


def main():
    sys.setswitchinterval(0.0005)
    for target in () if sys.argv[1:] else (by_calls, by_generators, by_loops, by_key):
        threading.Thread(target=target, daemon=True).start()
    # it may take its time from the line that prints to the one that waits
    stacks = list(possible()) + [["<module>:%d" % CALL, line(main, offset)] for offset in (6, 7)] + [[]]
    print(json.dumps({"possible": stacks}), flush=True)
    globals()[sys.argv[1]]() if sys.argv[1:] else sys.stdin.read()


CALL = sys._getframe().f_lineno + 1
main()
# SPDX-License-Identifier: MIT
