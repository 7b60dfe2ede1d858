"""Ever new functions of one shape: only the name, or only the file name, tells them apart.

Code objects and their strings die and the next ones stand in their places, so whoever compares addresses
reports names of the dead.

    names.py SECONDS   of CPU in each of the two
truth: {"name": {name: CPU seconds}, "file": {…}}
"""

import random
import sys

import truth

EACH_SECONDS = 0.012
SOURCE = """def NAME(seconds, clock):
    start = clock()
    while clock() - start < seconds:
        x = 3000
        while x: x -= 1
    return clock() - start
"""


def churn(kind, seconds):
    spent, total = {}, 0.0
    rng = random.Random(5)
    while total < seconds:
        tag = "%s_%d" % (kind, rng.randrange(10, 22))
        name, file = (tag, "<names>") if kind == "name" else ("same", "<%s>" % tag)
        space = {}
        exec(compile(SOURCE.replace("NAME", name), file, "exec"), space)
        took = space.pop(name)(EACH_SECONDS, truth.thread_seconds)
        spent[tag] = spent.get(tag, 0.0) + took
        total += took
    return spent


def main():
    seconds = float(sys.argv[1])
    truth.ready()
    truth.finish(names={kind: churn(kind, seconds) for kind in ("name", "file")})


main()
# SPDX-License-Identifier: MIT
