"""Ever new functions of one name, file and first line, whose code objects take each other's addresses.

Only the line on which the time is spent differs, so whoever takes an address for an identity reports the
lines of a dead function. `early` differs within the first bytes of the line table, `late` only after a
long common beginning.

    reuse.py SECONDS   of CPU in each of the two
truth: {"early": {line: CPU seconds}, "late": {…}}, and how many addresses were seen for how many functions
"""

import random
import sys

import truth

EACH_SECONDS = 0.012
LAYOUTS = 12
FILE = "<reuse>"


def source(kind, gap):
    lines = ["def same(seconds, clock):", "    start = clock()"]
    if kind == "late":
        lines += ["    x = %d" % i for i in range(100)]
    lines += [""] * gap
    lines += ["    while clock() - start < seconds:", "        x = 3000", "        while x: x -= 1", "    return clock() - start"]
    # The line of the inner loop, and a name that differs between early and late.
    return "\n".join(lines).replace("same", "same_" + kind), len(lines) - 1


def churn(kind, seconds, seen):
    spent, total = {}, 0.0
    rng = random.Random(7)
    while total < seconds:
        text, line = source(kind, rng.randrange(LAYOUTS) * 3)
        space = {}
        exec(compile(text, FILE, "exec"), space)
        function = space.pop("same_" + kind)
        seen.append(id(function.__code__))
        took = function(EACH_SECONDS, truth.thread_seconds)
        spent[line] = spent.get(line, 0.0) + took
        total += took
        del function, space
    return spent


def main():
    seconds = float(sys.argv[1])
    seen = []
    truth.ready()
    result = {kind: churn(kind, seconds, seen) for kind in ("early", "late")}
    truth.finish(lines=result, file=FILE, functions=len(seen), addresses=len(set(seen)))


main()
# SPDX-License-Identifier: MIT
