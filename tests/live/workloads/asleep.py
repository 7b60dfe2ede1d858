"""Threads that sleep in every kind of frame; prints what Python itself says of their stacks, and waits.

    asleep.py [KIND…]    default: all of them

The output is one JSON object: {"stacks": {ident: [[name, file, line, first line], …]}, "kinds": {ident: kind}},
leaf first, taken when no stack changes any more. The main thread waits for the end of its input.
"""

import _thread
import asyncio
import functools
import json
import os
import sys
import threading
import time

LONG = 100000
DEEP = 2000
kinds = {}
lock = threading.Lock()
never, _unused = os.pipe()


def rest(*_ignored):
    time.sleep(LONG)


def kind(function):
    KINDS.append(function)
    return function


KINDS = []


@kind
def plain():
    rest()


@kind
def on_a_lock():
    lock.acquire()


@kind
def on_a_pipe():
    os.read(never, 1)


@kind
def on_an_event():
    threading.Event().wait()


@kind
def over_several_lines():
    rest(
        1,
        [
            2,
            3,
        ],
        rest.__name__
        + rest(
            4,
        ),
    )


@kind
def sort_key():
    sorted([2, 1], key=lambda value: rest(value))


@kind
def through_map_and_reduce():
    list(map(lambda _: functools.reduce(lambda a, b: rest(), [1, 2]), [1]))


@kind
def comprehensions():
    return [
        {key: {rest() for _ in [1]} for key in [2]}
        for _ in (
            3,
            4,
        )
    ]


@kind
def generator_expression():
    return sum(
        rest()
        for _ in [1]
    )


def numbers(depth):
    if not depth:
        yield rest()
    yield from numbers(depth - 1)


@kind
def generators():
    for _ in numbers(5):
        pass


@kind
def generator_in_a_callback():
    all(map(next, [numbers(3)]))


async def sleeper(depth):
    if depth:
        await sleeper(depth - 1)
    rest()


@kind
def coroutines():
    loop = asyncio.new_event_loop()
    loop.run_until_complete(sleeper(4))


async def endless():
    while True:
        yield rest()


async def over_endless():
    async for _ in endless():
        pass


@kind
def asynchronous_generator():
    asyncio.new_event_loop().run_until_complete(over_endless())


class Made:
    def __init__(self, depth):
        if depth:
            self.inner = Made(depth - 1)
        else:
            rest()


@kind
def constructors():
    # often enough for the interpreter to specialise the call
    for _ in range(3):
        for _ in range(100):
            Plain(1)
    Made(3)


class Plain:
    def __init__(self, value):
        self.value = value


@kind
def class_body():
    class Body:
        value = rest()

    return Body


class Descriptor:
    def __get__(self, instance, owner):
        return rest()

    def __enter__(self):
        rest()

    def __exit__(self, *_ignored):
        return False

    def __len__(self):
        return rest()

    value = property(lambda self: rest())


Descriptor.got = Descriptor()


@kind
def descriptor():
    return Descriptor().got


@kind
def property_of_an_instance():
    return Descriptor().value


@kind
def with_statement():
    with Descriptor():
        pass


@kind
def length():
    return len(Descriptor())


@kind
def in_a_handler():
    try:
        raise ValueError
    except ValueError:
        try:
            raise KeyError
        finally:
            rest()


@kind
def decorated():
    @functools.lru_cache(None)
    def cached(value):
        return rest(value)

    cached(1)


@kind
def executed_text():
    exec(compile("\n\ndef made_up():\n\n    rest()\n\nmade_up()", "<made up>", "exec"), {"rest": rest})


@kind
def unicode_names():
    名前()


def 名前():
    rest()


def down(depth):
    if depth > 1:
        return down(depth - 1)
    rest()


@kind
def recursion():
    down(900)


def even(depth):
    if depth:
        return odd(depth - 1)
    rest()


def odd(depth):
    return even(depth - 1)


@kind
def mutual_recursion():
    even(500)


@kind
def deep_recursion():
    down(DEEP)


@kind
def called_from_c():
    try:
        import ctypes
    except ImportError:
        return rest()
    compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(lambda a, b: rest() or 0)
    values = (ctypes.c_int * 4)(3, 1, 2, 0)
    ctypes.CDLL(None).qsort(values, 4, 4, compare)


def in_a_sub_interpreter():
    for name in "_interpreters", "_xxsubinterpreters":
        try:
            module = __import__(name)
            break
        except ImportError:
            continue
    else:
        return rest()
    module.run_string(module.create(), "import time\ndef inner():\n    time.sleep(%d)\ninner()" % LONG)


def describe(frame):
    while frame:
        code = frame.f_code
        yield [getattr(code, "co_qualname", code.co_name), code.co_filename, frame.f_lineno, code.co_firstlineno]
        frame = frame.f_back


def snapshot():
    own = threading.get_ident()
    return {ident: list(describe(frame)) for ident, frame in sys._current_frames().items() if ident != own}


def report():
    before = None
    while True:
        time.sleep(0.2)
        now = snapshot()
        if now == before and len(kinds) == started + 1:
            break
        before = now
    print(json.dumps({"stacks": now, "kinds": kinds}), flush=True)
    kinds[threading.get_ident()] = "reporter"
    time.sleep(LONG)


def generator_at_the_root():
    """Resumed by C code alone: the chain ends at the generator (a server that iterates over a response does it)."""
    kinds[_thread.start_new_thread(numbers(0).__next__, ())] = "generator_at_the_root"


def start(function):
    def run():
        kinds[threading.get_ident()] = function.__name__
        function()

    threading.Thread(target=run, daemon=True).start()


def main():
    lock.acquire()
    sys.setrecursionlimit(2 * DEEP)
    threading.stack_size(64 << 20)
    wanted = sys.argv[1:] or [function.__name__ for function in KINDS + [in_a_sub_interpreter, generator_at_the_root]]
    for name in wanted:
        globals()[name]() if name == "generator_at_the_root" else start(globals()[name])
    kinds[threading.get_ident()] = "main"
    start.__globals__["started"] = len(wanted)
    start.__globals__["reporter"] = threading.Thread(target=report, daemon=True)
    reporter.start()
    os.read(0, 1)
    os._exit(0)


main()
# SPDX-License-Identifier: MIT
