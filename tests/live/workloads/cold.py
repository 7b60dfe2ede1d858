"""A deep chain of different functions with two leaves that share the time, pieces of a tenth of a second each. What lies
below them, and the heads of their code objects, is not touched by running them.

    cold.py FOLDER SECONDS
"""

import os
import sys

import truth

DEPTH = 150
LOOP = ["    while clock() < end:", "        for i in range(2000):", "            x = (x * 33 + i) % 65521"]


def source():
    lines = ["def small_leaf(clock, end):", "    x = 1", *LOOP]
    lines += ["def big_leaf(clock, end):", "    x = 1", *[f"    a{i} = x + {i}" for i in range(2500)], *LOOP]
    lines += [f"def level_{DEPTH}(leaf, clock, end):", "    return leaf(clock, end)"]
    for n in range(DEPTH - 1, 0, -1):
        lines += [f"def level_{n}(leaf, clock, end):", f"    value = level_{n + 1}(leaf, clock, end)", "    return value"]
    return "\n".join(lines) + "\n"


def application(chain, seconds):
    clock = truth.thread_seconds
    end = clock() + seconds
    while clock() < end:
        for leaf in (chain["small_leaf"], chain["big_leaf"]):
            chain["level_1"](leaf, clock, clock() + 0.1)


def main():
    path = os.path.join(sys.argv[1], "chain.py")
    with open(path, "w") as file:
        file.write(source())
    chain = {}
    exec(compile(source(), path, "exec"), chain)
    truth.ready()
    application(chain, float(sys.argv[2]))
    truth.finish()


main()
# SPDX-License-Identifier: MIT
