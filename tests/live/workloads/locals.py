"""Frames with locals of every kind; prints what Python itself says of them, and waits for the end of its input.

{"stacks": {thread name: [[function, {name: repr}, [names of arguments]], …]}}, leaf first. Objects of other types
are said to be "<module.Type at 0xADDRESS>".
"""

import collections
import json
import sys
import threading

SCALARS = (int, float, bool, complex, str, bytes, type(None), type(Ellipsis), type(NotImplemented))


class Outer:
    class Inner:
        pass

    def method(self, value):
        text = "of " + value
        rest()


class Text(str):
    pass


Point = collections.namedtuple("Point", "x y")


def show(value, path=()):
    if any(value is above for above in path):
        return "..."
    path += (value,)

    def inner(items):
        return ", ".join(show(item, path) for item in items)

    kind = type(value)
    if kind in SCALARS:
        return repr(value)
    if kind is list:
        return "[" + inner(value) + "]"
    if kind is tuple:
        return "(" + inner(value) + (",)" if len(value) == 1 else ")")
    if kind is dict:
        return "{" + ", ".join(show(k, path) + ": " + show(v, path) for k, v in value.items()) + "}"
    if kind is bytearray:
        return "bytearray(%r)" % bytes(value)
    if kind in (set, frozenset):
        return repr(value)
    if kind is type(show):
        return "<function %s at %#x>" % (value.__qualname__, id(value))
    if kind is type(sys):
        return "<module %r>" % value.__name__
    if kind is type:
        return "<class %r>" % (value.__module__ + "." + value.__qualname__ if value.__module__ != "builtins" else value.__name__)
    name = kind.__module__ + "." + kind.__qualname__ if kind.__module__ != "builtins" else kind.__qualname__
    for base, plain in ((str, str.__str__), (tuple, tuple), (dict, dict)):
        if isinstance(value, base):
            return "%s(%s)" % (name, show(plain(value), path))
    return "<%s at %#x>" % (name, id(value))


def describe(frame):
    while frame:
        code = frame.f_code
        if code.co_filename == __file__ and code.co_name not in ("rest", "<module>"):
            count = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 4) + bool(code.co_flags & 8)
            values = {name: show(value) for name, value in frame.f_locals.items()}
            yield [code.co_name, values, [n for n in code.co_varnames[:count] if n in values]]
        frame = frame.f_back


def rest():
    arrived.release()
    never.acquire()


def scalars(a, b=2, *rest_of, key=3, **others):
    zero, small, negative = 0, 255, -7
    digits_1, digits_2, digits_3 = 2**30, 2**60 + 1, -(2**90) - 5
    huge = 7**500
    yes, no, nothing, dots, never_mind = True, False, None, ..., NotImplemented
    half, tiny, big, edge, whole, third = 0.5, 1.5e-300, 1e16, 123456789012345.6, 3.0, 1 / 3
    not_a_number, infinite, minus_zero = float("nan"), float("-inf"), -0.0
    imaginary, both, neither = 2j, 1.5 - 2j, 0j
    later: int
    rest()
    later = 1


def texts():
    empty, plain, quotes, both = "", "plain", "it's", "it's \"both\""
    latin, greek, emoji = "é ü", "λόγος", "a🐍b"
    hostile = "\x1b[31m\r\n\t\x00\x7f\u202e\\"
    lone = "x\udc80"
    some, none, binary = b"some", b"", bytes(range(0, 256, 5))
    mutable, hollow = bytearray(b"ab'c"), bytearray()
    fast = bytearray(b"0123456789")
    del fast[:4]
    own = Text("own")
    rest()


def containers():
    numbers, pair, single, nothing = [1, 2, 3], (1, "two"), (1,), ()
    nested = [[1, [2, (3, {"k": [4]})]], {}]
    table = {1: "one", "two": 2.0, (3,): None}
    gone = {"a": 1, "b": 2, "c": 3}
    del gone["b"]
    several, frozen, no_set, no_frozen = {5}, frozenset(("f",)), set(), frozenset()
    left = {1, 2}
    left.discard(1)
    # what is left is far behind many empty places
    queue, pile = {n: str(n) for n in range(10000)}, set(range(10000))
    for n in range(9998):
        del queue[n]
        pile.discard(n)
    cycle = [1]
    cycle.append(cycle)
    own = {}
    own["own"] = own
    ordered = collections.OrderedDict(x=1)
    point = Point(1, [2])
    rest()


def objects():
    instance, inner, kind, builtin = Outer(), Outer.Inner(), Outer.Inner, int
    function, module, lock = show, sys, never
    error, iterator, lazy = ValueError("no"), iter([]), (n for n in ())
    rest()


def cells(shared, alone):
    own = [shared]

    def inside(mine):
        used = (shared, own)
        rest()

    inside("m")


def class_body(value):
    class Body:
        x = [1]
        rest()


def unbound(later):
    if later:
        never_set = 1  # noqa: F841
    gone = 1
    del gone
    rest()


arrived = threading.Semaphore(0)
never = threading.Lock()
never.acquire()
CALLS = [
    (scalars, (1, 2, "more", 4.5), {"extra": b"x"}),
    (texts, (), {}),
    (containers, (), {}),
    (objects, (), {}),
    (cells, ("s", 1), {}),
    (class_body, (7,), {}),
    (unbound, (0,), {}),
    (Outer().method, ("m",), {}),
]
threads = [threading.Thread(target=f, args=a, kwargs=k, daemon=True, name=f.__name__) for f, a, k in CALLS]
for thread in threads:
    thread.start()
    arrived.acquire()
frames = sys._current_frames()
print(json.dumps({"stacks": {t.name: list(describe(frames[t.ident])) for t in threads}}), flush=True)
sys.stdin.read()
# SPDX-License-Identifier: MIT
