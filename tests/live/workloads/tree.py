"""A call-heavy program all of whose possible stacks are known.

Every function is called by exactly one other function from exactly one line (PARENTS says by whom; only
the recursive ones also call themselves). From which line is reported by the interpreter itself: in the
first turns through the profile hook, later, when the code has been specialised and no hook is set, by
the callees through sys._getframe(1). Both must agree, or the program ends with a message.

The `ready` line holds that oracle:
    codes  [{file, name, first, lines}]   code objects, and every line they have
    links  [[callee, caller, line]]       indices into codes; the line is the caller's
    roots  [index]                        those that are called by none
The program then runs until it is killed; with a number as its argument in so many threads more. Each code object lies on
lines of its own (among code of the same name), so (file, name, line) of a sampled frame finds it. No libraries in Python
but json's encoder.
"""

import _thread
import dis
import functools
import json
import os
import re
import sys

import truth

try:
    import contextvars
except ImportError:  # 3.6 has other ways to call a function from C
    contextvars = None

LEARN_TURNS = 6
REPORT_TURNS = range(300, 306)
REPORT = False
CODES = {}  # code object: index
LINKS = set()  # (callee index, caller index, line)
ROOTS = set()  # what has no caller

LONG_NAME = "long_" + 2000 * "name_"  # shown are 4,096 bytes of it
FAR = 60000  # lines in a file
HOOK_TURNS = 16  # from one with hooks to the next
MONITORING = hasattr(sys, "monitoring")

# callee: caller, by plain name; lambdas and comprehensions stand for the function they are in.
PARENTS = {
    "main": "<module>", "trunk": "main", "announce": "main",
    "arithmetic": "trunk", "add_left": "arithmetic", "add_right": "arithmetic", "inner_right": "arithmetic",
    "times": "arithmetic", "keyword": "arithmetic", "indexed": "arithmetic", "chained": "arithmetic",
    "chained_more": "arithmetic", "conditional": "arithmetic",
    "callbacks": "trunk", "sort_key": "callbacks", "mapped": "callbacks", "matched": "callbacks",
    "reduced": "callbacks", "cached": "callbacks", "encoded": "iterencode", "filtered": "callbacks",
    "objects": "trunk", "__init__": "objects", "__getattr__": "objects", "__lt__": "objects",
    "__add__": "objects", "__getitem__": "objects", "__len__": "objects", "__call__": "objects",
    "area": "objects", "built": "objects", "fixed": "objects", "__format__": "objects", "__eq__": "objects",
    "__hash__": "objects", "__contains__": "objects", "__iter__": "objects", "__next__": "objects",
    "shape_init": "__init__",
    "classes": "trunk", "__init_subclass__": "classes", "__set_name__": "classes", "Body": "classes",
    "body_value": "Body", "decorate": "classes", "decorated": "classes", "wrapper": "classes",
    "contexts": "trunk", "__enter__": "contexts", "__exit__": "contexts", "guarded": "contexts",
    "final": "contexts", "raiser": "contexts", "handler": "contexts", "otherwise": "contexts",
    "generators": "trunk", "counter": "generators", "outer_gen": "generators", "inner_gen": "outer_gen",
    "comprehensions": "trunk", "element": "comprehensions", "keyed": "comprehensions",
    "summed": "comprehensions", "nested": "comprehensions",
    "recursions": "trunk", "descend": "recursions", "even": "recursions", "odd": "even", "bottom": "descend",
    "coroutines": "trunk", "drive": "coroutines", "outer_coro": "drive", "inner_coro": "outer_coro",
    "__await__": "inner_coro", "__aenter__": "outer_coro", "__aexit__": "outer_coro",
    "async_numbers": "outer_coro",
    "closures": "trunk", "make": "closures", "closed": "closures", "evaluated": "<module>", "executed": "<module>",
    "unwinding": "trunk", "thrower": "unwinding", "settled": "thrower",
    "endings": "trunk", "__del__": "endings", "ended": "endings", "in_context": "endings",
    "throwing": "trunk", "thrown_at": "throwing", "thrown_below": "thrown_at", "caught": "thrown_below",
    "names": "trunk", "naïve_名前": "names", "at_the_end": "far",
    "hooks": "trunk", "set_hooks": "hooks", "traced": "hooks", "monitored": "hooks",
}
FROM_SEVERAL_LINES = {"set_hooks", "thrown_at", "thrown_below"}
SELF_CALLERS = {"descend", "thrower"}
PAIRS = {("even", "odd")}  # these call each other
ALSO = {"thrown_below": "throwing"}  # Objects/genobject.c, _gen_throw(): past the generators that delegate to it


def work(count=12):  # inlined by hand everywhere else; only here so that its cost is known to readers
    raise AssertionError("never called")


# ---- the oracle --------------------------------------------------------------------------------------


def index_of(code):
    return CODES.setdefault(code, len(CODES))


def learner(frame, event, _arg):
    if event == "call" and frame.f_back is not None:
        LINKS.add((index_of(frame.f_code), index_of(frame.f_back.f_code), frame.f_back.f_lineno))


def here():
    """Called by a callee: what sys._getframe says of it must be what the hook had said."""
    callee = sys._getframe(1)
    caller = callee.f_back
    link = (CODES.get(callee.f_code), CODES.get(caller.f_code), caller.f_lineno)
    if link not in LINKS:
        sys.exit("oracles disagree on %s from %s:%d" % (callee.f_code, caller.f_code, caller.f_lineno))
    if hasattr(callee.f_code, "co_positions"):
        lines = [position[0] for position in callee.f_code.co_positions()]
        if lines[callee.f_lasti // 2] != callee.f_lineno:
            sys.exit("positions disagree with f_lineno in %s" % callee.f_code)


def learn_callers():
    """Of a generator that goes on by throw() or close(): the profile hook is not told of it from 3.12 on."""
    callee = sys._getframe(1)
    while callee.f_back and callee.f_code is not trunk.__code__:
        LINKS.add((index_of(callee.f_code), index_of(callee.f_back.f_code), callee.f_back.f_lineno))
        callee = callee.f_back
    if not callee.f_back:  # 3.9: so does _gen_throw() (Objects/genobject.c) leave it
        ROOTS.add(index_of(callee.f_code))


def instant_roots():
    """3.10: _gen_throw() (Objects/genobject.c) makes the frame that delegates current, for an instant without a caller."""
    return {index_of(thrown_at.__code__)} if sys.version_info[:2] == (3, 10) else set()


def code_lines(code):
    lines = {line for _, line in dis.findlinestarts(code) if line is not None}
    return sorted(lines | {code.co_firstlineno})


def created_links():
    """A generator function's frame exists for an instant at the call that makes the generator (3.11+)."""
    by_name = {}
    for code in CODES:
        by_name.setdefault(code.co_name, []).append(code)
    with open(__file__) as source:
        text = source.read().split("\n")
    for line, words in enumerate(text, 1):
        for name in re.findall(r"# makes (\w+)", words):
            for caller in list(CODES):
                if caller.co_filename == __file__ and line in code_lines(caller)[1:]:
                    for callee in by_name[name]:
                        yield (CODES[callee], CODES[caller], line)


def named_ancestors(callee, links, codes):
    """The plain names a code object is called by, through lambdas and comprehensions."""
    for one, caller, _ in links:
        if one == callee and one != caller:
            if codes[caller].co_name.startswith("<") and codes[caller].co_name != "<module>":
                yield from named_ancestors(caller, links, codes)
            else:
                yield codes[caller].co_name


def check_parents():
    codes = {index: code for code, index in CODES.items()}
    seen = set()
    for callee, caller, _ in LINKS:
        code = codes[callee]
        if code.co_filename != __file__ or code.co_name not in PARENTS:
            continue
        seen.add(code.co_name)
        allowed = {PARENTS[code.co_name]}
        allowed |= {code.co_name} if code.co_name in SELF_CALLERS else set()
        allowed |= {ALSO[code.co_name]} if code.co_name in ALSO else set()
        allowed |= {two for pair in PAIRS if code.co_name in pair for two in pair}
        wrong = set(named_ancestors(callee, LINKS, codes)) - allowed
        lines = {line for one, other, line in LINKS if one == callee and other == caller}
        if wrong or (len(lines) > 1 and code.co_name not in FROM_SEVERAL_LINES):
            sys.exit("%s is called by %s from lines %s" % (code.co_name, sorted(wrong), sorted(lines)))
    missing = set(PARENTS) - seen - {"evaluated"}
    if missing:
        sys.exit("never called: %s" % sorted(missing))


def branch_link():
    """Threads begin at branch(), which runs nowhere before."""
    line = next(line for line in code_lines(branch.__code__) if line > branch.__code__.co_firstlineno + 2)
    return index_of(trunk.__code__), index_of(branch.__code__), line


def hook_links():
    """Where hooks are called from: what they check themselves, as the profile hook does not see them."""
    for hook, hooked in (tracer, (traced, monitored, set_hooks)), (monitor, (monitored,)):
        for function in hooked:
            for line in code_lines(function.__code__):
                yield (index_of(hook.__code__), index_of(function.__code__), line)


def announce():
    sys.setprofile(None)
    check_parents()
    LINKS.update(hook_links())
    LINKS.update(created_links())
    LINKS.add(branch_link())
    codes = sorted(CODES, key=CODES.get)
    truth.ready(
        codes=[
            {
                "file": code.co_filename,
                "name": getattr(code, "co_qualname", code.co_name),
                "first": code.co_firstlineno,
                "lines": code_lines(code),
            }
            for code in codes
        ],
        links=sorted(LINKS),
        roots=sorted(ROOTS | instant_roots() | {index_of(branch.__code__)} | {index for code, index in CODES.items() if code.co_name == "<module>"}),
    )


# ---- expressions over several lines --------------------------------------------------------------------


def add_left(n):
    if REPORT:
        here()
    x = n
    for i in range(12):
        x = (x * 7 + i) % 1009
    return x


def add_right(n, m):
    if REPORT:
        here()
    x = m
    for i in range(8):
        x = (
            x * 5
            + i
        ) % 1013
    return x + n


def inner_right(n):
    if REPORT:
        here()
    return sum(range(n % 17, 40))


def times(n):
    if REPORT:
        here()
    x = n
    while x % 23:
        x += 1
    return x


def keyword(first=0, second=0):
    if REPORT:
        here()
    return [
        first + i
        for i in range(second % 7 + 9)
    ][-1]


def indexed(n):
    if REPORT:
        here()
    return n % 3


class Chain:
    def chained(self, n):
        if REPORT:
            here()
        for i in range(6):
            n = n * 3 % 997 + i
        self.n = n
        return self

    def chained_more(self):
        if REPORT:
            here()
        return str(
            self.n
        ) * 3


def conditional(n):
    if REPORT:
        here()
    return n % 2 == 0 or n % 3 == 0 or n % 5 == 0


CHAIN = Chain()
TABLE = [3, 5, 7]


def arithmetic(turn):
    if REPORT:
        here()
    total = (
        add_left(turn)
        + add_right(
            turn,
            inner_right(
                turn
            ),
        )
        * times(turn)
    )
    total += keyword(
        second=turn,
        first=TABLE[
            indexed(turn)
        ],
    )
    text = (
        CHAIN
        .chained(turn)
        .chained_more()
    )
    return (
        len(text)
        if conditional(
            turn
        )
        else total
    )


# ---- Python called by C ----------------------------------------------------------------------------------


def sort_key(n):
    if REPORT:
        here()
    return -n * 7 % 31


def mapped(n):
    if REPORT:
        here()
    return n * n % 113


def matched(match):
    if REPORT:
        here()
    return match.group(0) * 2


def reduced(left, right):
    if REPORT:
        here()
    return (left * 3 + right) % 10007


def filtered(n):
    if REPORT:
        here()
    return n & 1


@functools.lru_cache(maxsize=4)
def cached(n):
    if REPORT:
        here()
    return n * 11 % 17


def encoded(thing):
    if REPORT:
        here()
    return list(thing)


WORD = re.compile("[a-d]")


def callbacks(turn):
    if REPORT:
        here()
    numbers = list(range(turn % 5, 24))
    numbers = sorted(
        numbers,
        key=sort_key,
    )
    numbers = list(map(mapped, numbers))
    text = WORD.sub(matched, "abcdefgabcdefg")
    total = functools.reduce(
        reduced,
        numbers,
        turn,
    )
    odd = list(filter(filtered, numbers))
    for i in range(12):
        total += cached(i)
    text += json.dumps({"set": {1, 2, 3}}, default=encoded)
    return max(
        numbers,
        key=lambda n:
            (n * total) % 19,
    ) + len(text) + len(odd)


# ---- special methods ---------------------------------------------------------------------------------------


class Shape:
    def __init__(self, size):
        if REPORT:
            here()
        self.size = size
        self.shape_init(
            size + 1
        )

    def shape_init(self, size):
        if REPORT:
            here()
        self.more = [size] * 5

    def __getattr__(self, name):
        if REPORT:
            here()
        return len(name)

    def __lt__(self, other):
        if REPORT:
            here()
        return self.size < other.size

    def __add__(self, other):
        if REPORT:
            here()
        return self.size + other.size

    def __getitem__(self, key):
        if REPORT:
            here()
        return key * self.size

    def __len__(self):
        if REPORT:
            here()
        return 3 + self.size % 4

    def __call__(self, n):
        if REPORT:
            here()
        for _ in range(5):
            n = n * self.size % 127
        return n

    @property
    def area(self):
        if REPORT:
            here()
        return self.size * self.size

    @classmethod
    def built(cls, n):
        if REPORT:
            here()
        return n + 1

    @staticmethod
    def fixed(n):
        if REPORT:
            here()
        return n * 2

    def __format__(self, spec):
        if REPORT:
            here()
        return "shape" + spec

    def __eq__(self, other):
        if REPORT:
            here()
        return self.size == other.size

    def __hash__(self):
        if REPORT:
            here()
        return self.size % 5

    def __contains__(self, n):
        if REPORT:
            here()
        return n % self.size == 0

    def __iter__(self):
        if REPORT:
            here()
        self.at = 0
        return self

    def __next__(self):
        if REPORT:
            here()
        self.at += 1
        if self.at > 6:
            raise StopIteration
        return self.at


def objects(turn):
    if REPORT:
        here()
    shapes = []
    for i in range(5):
        shapes.append(
            Shape(
                turn % 13 + 7 - i
            )
        )
    shapes.sort()
    one, two = shapes[0], shapes[1]
    total = one.nowhere
    total += one + two
    total += one[
        turn
    ]
    total += len(one)
    total += one(turn)
    total += one.area
    total += Shape.built(
        total
    )
    total += Shape.fixed(total)
    text = f"{one:>x}"
    total += one == two
    total += hash(one)
    total += turn in two
    for n in one:
        total += n
    return total + len(text)


# ---- class bodies, decorators ------------------------------------------------------------------------------


class Base:
    def __init_subclass__(cls):
        if REPORT:
            here()
        cls.made = len(cls.__name__)


class Descriptor:
    def __set_name__(self, owner, name):
        if REPORT:
            here()
        self.name = name * 2


DESCRIPTOR = Descriptor()


def body_value():
    if REPORT:
        here()
    return list(range(20))


def decorate(function):
    if REPORT:
        here()

    def wrapper(n):
        if REPORT:
            here()
        return n * 3 % 59 + len(function.__name__)

    return wrapper


def classes(turn):
    if REPORT:
        here()

    class Body(Base):
        attribute = DESCRIPTOR
        value = body_value()
        other = [
            v + 1 for v in value
        ]

    @decorate
    def swallowed(n):
        return n

    def decorated(n):
        if REPORT:
            here()
        return n * 5 % 61

    return swallowed(turn) + decorated(
        Body.made
    )


# ---- with, try, finally ------------------------------------------------------------------------------------


class Guard:
    def __enter__(self):
        if REPORT:
            here()
        self.entered = True
        return self

    def __exit__(self, kind, error, traceback):
        if REPORT:
            here()
        return kind is not None


def guarded(n):
    if REPORT:
        here()
    for i in range(9):
        n = n * 13 % 71 + i
    return n


def raiser(n):
    if REPORT:
        here()
    raise ValueError(
        n
    )


def handler(error):
    if REPORT:
        here()
    return len(str(error))


def otherwise(n):
    if REPORT:
        here()
    return n // 3


def final(n):
    if REPORT:
        here()
    return n + 1


GUARD = Guard()


def contexts(turn):
    if REPORT:
        here()
    total = 0
    with GUARD:
        total += guarded(turn)
    for n in range(3):
        try:
            if n:
                raiser(n)
        except ValueError as error:
            total += handler(error)
        else:
            total += otherwise(turn)
        finally:
            total += final(n)
    return total


def settled(n):
    if REPORT:
        here()
    return n + 2


def thrower(n):
    if REPORT:
        here()
    if not n:
        raise KeyError(n)
    try:
        thrower(
            n - 1
        )
    finally:
        settled(n)


def unwinding(turn):
    if REPORT:
        here()
    try:
        thrower(turn % 7 + 1)
    except KeyError:
        return turn


class Dying:
    def __del__(self):
        if REPORT:
            here()
        for i in range(4):
            self.last = i * 3


def ended(n):
    if REPORT:
        here()
    while True:
        n = (yield n) * 3 % 83


def in_context(n):
    if REPORT:
        here()
    return n * 7 % 89


IN_CONTEXT = functools.partial(in_context)


def endings(turn):
    if REPORT:
        here()
    dying = Dying()
    del dying
    generator = ended(turn)  # makes ended
    total = next(generator) + generator.send(3) + (generator.close() or 0)
    run = contextvars.copy_context().run if contextvars else functools.partial.__call__
    return total + run(IN_CONTEXT, turn)


# ---- generators, comprehensions ----------------------------------------------------------------------------


def counter(n):
    if REPORT:
        here()
    for i in range(n):
        yield i * 3 % 7


def inner_gen(n):
    if REPORT:
        here()
    while n:
        yield n % 11
        n -= 1


def outer_gen(n):
    if REPORT:
        here()
    yield from inner_gen(n)  # makes inner_gen
    yield n


def generators(turn):
    if REPORT:
        here()
    total = 0
    for n in counter(turn % 9 + 5):  # makes counter
        total += n
    return total + sum(outer_gen(9))  # makes outer_gen


def element(n):
    if REPORT:
        here()
    return n * 17 % 19


def keyed(n):
    if REPORT:
        here()
    return n % 23


def summed(n):
    if REPORT:
        here()
    return n % 29


def nested(n, m):
    if REPORT:
        here()
    return n * m % 31


def comprehensions(turn):
    if REPORT:
        here()
    first = [
        element(n)
        for n in range(turn % 4, 12)
    ]
    second = {
        keyed(n):
            n
        for n in first
    }
    total = sum(summed(n) for n in second)
    third = [
        [
            nested(n, m)
            for m in range(3)
        ]
        for n in first[:4]
    ]
    return total + len(third) + len({n % 5 for n in first})


# ---- recursion ---------------------------------------------------------------------------------------------


def bottom(n):
    if REPORT:
        here()
    for i in range(15):
        n = n * 7 % 101 + i
    return n


def descend(depth):
    if REPORT:
        here()
    return depth + (
        descend(depth - 1)
        if depth
        else bottom(depth)
    )


def even(n):
    if REPORT:
        here()
    return n == 0 or odd(n - 1)


def odd(n):
    if REPORT:
        here()
    return n != 0 and even(
        n - 1
    )


def recursions(turn):
    if REPORT:
        here()
    total = descend(turn % 24)
    return total + even(12)


# ---- coroutines --------------------------------------------------------------------------------------------


class Pause:
    def __await__(self):
        if REPORT:
            here()
        yield 1
        return 2


class AsyncGuard:
    async def __aenter__(self):
        if REPORT:
            here()
        return self

    async def __aexit__(self, kind, error, traceback):
        if REPORT:
            here()
        return False


PAUSE = Pause()
ASYNC_GUARD = AsyncGuard()


async def inner_coro(n):
    if REPORT:
        here()
    n += await PAUSE  # makes __await__
    for i in range(9):
        n = n * 3 % 103 + i
    return n


async def async_numbers(n):
    if REPORT:
        here()
    for i in range(n):
        yield i * 5 % 11


async def outer_coro(n):
    if REPORT:
        here()
    total = await inner_coro(n)  # makes inner_coro
    async with ASYNC_GUARD:  # makes __aenter__  # makes __aexit__
        total += 1
    async for m in async_numbers(4):  # makes async_numbers
        total += m
    return total


def drive(coroutine):
    if REPORT:
        here()
    try:
        while True:
            coroutine.send(None)
    except StopIteration as stop:
        return stop.value


def coroutines(turn):
    if REPORT:
        here()
    return drive(outer_coro(turn))  # makes outer_coro


# ---- closures, eval ----------------------------------------------------------------------------------------


def make(n):
    if REPORT:
        here()

    def closed(m):
        if REPORT:
            here()
        return (
            n * m
        ) % 107

    return closed


def executed(n):
    if REPORT:
        here()
    return n % 37


EXECUTED = compile("made = executed(\n  turn)", "<executed>", "exec")
EVALUATED = compile("sum(\n  n * 3\n  for n in range(turn % 5, 9))", "<evaluated>", "eval")


def closures(turn):
    if REPORT:
        here()
    closed = make(turn)
    exec(EXECUTED, {"turn": turn, "executed": executed, "__builtins__": {}})
    total = eval(EVALUATED, {"turn": turn, "sum": sum, "range": range})
    return closed(
        total
    )


# ---- exceptions thrown into generators --------------------------------------------------------------------


def caught(n):
    if REPORT:
        here()
    return n * 3 % 41


def thrown_below(n):
    if REPORT:
        here()
    try:
        for i in range(4):
            try:
                yield n
            except KeyError:
                if REPORT:
                    learn_callers()
                n = caught(n + i)
    finally:
        if REPORT:
            learn_callers()


def thrown_at(n):
    if REPORT:
        here()
    try:
        yield from thrown_below(n)  # makes thrown_below
    finally:
        if REPORT:
            learn_callers()


def throwing(turn):
    if REPORT:
        here()
    generator = thrown_at(turn)  # makes thrown_at
    total = next(generator)
    for _ in range(3):
        total += generator.throw(KeyError())
    return total + (generator.close() or 0)


# ---- names and files of every size ------------------------------------------------------------------------


def naïve_名前(n):
    if REPORT:
        here()
    for i in range(6):
        n = n * 5 % 43 + i
    return n


def at_the_end(n):
    if REPORT:
        here()
    for i in range(6):
        n = n * 7 % 47 + i
    return n


# A table of lines for all of them, of which the last three are ever run.
exec(compile("def far(n):\n  if n < 0:\n" + (FAR - 5) * "    n += 1\n" +
             "  if REPORT:\n    here()\n  return at_the_end(n)\n", "<far>", "exec"))  # fmt: skip
exec(compile("def %s(n):\n  if REPORT:\n    here()\n  for i in range(6):\n    n = n * 3 %% 53 + i\n  return n\n" % LONG_NAME,
             "<long>", "exec"))  # fmt: skip
long_name = globals()[LONG_NAME]


def names(turn):
    if REPORT:
        here()
    total = naïve_名前(turn)
    total += long_name(turn)
    return total + far(turn)


# ---- hooks that come and go -------------------------------------------------------------------------------


def tracer(frame, event, arg):
    if sys._getframe(1) is not frame:
        sys.exit("the tracer is not called from what it traces")
    return tracer if frame.f_code is traced.__code__ else None


def traced(n):
    if REPORT:
        here()
    for i in range(8):
        n = (
            n * 3
            % 59
        )
    return n


def monitor(code, line):
    if sys._getframe(1).f_code is not code or sys._getframe(1).f_lineno != line:
        sys.exit("the monitor is not called from where it was set")


def monitored(n):
    if REPORT:
        here()
    for i in range(8):
        n = (
            n * 5
            % 61
        )
    return n


if MONITORING:
    sys.monitoring.use_tool_id(sys.monitoring.PROFILER_ID, "tree")
    sys.monitoring.register_callback(sys.monitoring.PROFILER_ID, sys.monitoring.events.LINE, monitor)


def set_hooks(turn, on):
    if REPORT:
        here()
    if turn % HOOK_TURNS or turn <= REPORT_TURNS.stop:
        return
    sys.settrace(tracer if on else None)
    if MONITORING:
        events = sys.monitoring.events.LINE if on else 0
        sys.monitoring.set_local_events(sys.monitoring.PROFILER_ID, monitored.__code__, events)


def hooks(turn):
    if REPORT:
        here()
    set_hooks(turn, True)
    total = traced(turn) + monitored(turn)
    set_hooks(turn, False)
    return total


# ---- the loop ----------------------------------------------------------------------------------------------


def trunk(turn):
    if REPORT:
        here()
    arithmetic(turn)
    callbacks(turn)
    objects(turn)
    classes(turn)
    contexts(turn)
    generators(turn)
    comprehensions(turn)
    recursions(turn)
    coroutines(turn)
    closures(turn)
    unwinding(turn)
    endings(turn)
    throwing(turn)
    names(turn)
    hooks(turn)


def branch():
    turn = 0
    while True:
        trunk(turn)
        turn += 1


def main():
    global REPORT
    turn = 0
    while True:
        REPORT = turn in REPORT_TURNS
        if turn == REPORT_TURNS.stop:
            announce()
            for _ in range(int((sys.argv[1:] or [0])[0])):
                _thread.start_new_thread(branch, ())
        if turn == LEARN_TURNS:
            sys.setprofile(None)
        if turn == REPORT_TURNS.stop - 1:
            sys.setprofile(learner)
        trunk(turn)
        turn += 1


if __name__ == "__main__":
    # One more turn is learnt just before `announce`, so that its own link is known too.
    sys.setprofile(learner)
    main()
# SPDX-License-Identifier: MIT
