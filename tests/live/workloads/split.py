"""Two equal pieces of work, A and B, whose true shares of CPU time are known.

`half` gives A 50 %, `fifth` 20 %, each once with the work written inline (A and B are lines of one
function) and once through a helper (A and B are the lines that call it). Which piece runs next is chosen
by the CPU clock of the thread, so the shares are right to within one piece; truth: {parent: {function: {line: CPU seconds}}}.

    split.py SECONDS   of CPU for each of the four measurements
"""

import sys

import truth

PIECE_SECONDS = 0.004
clock = truth.thread_seconds
steps = 0


def calibrate():
    """How many steps of the loop make one piece."""
    global steps
    best = 1.0
    for _ in range(5):
        start = clock()
        x = 100000
        while x: x -= 1
        best = min(best, (clock() - start) / 100000)
    steps = int(PIECE_SECONDS / best)


def inline(share, seconds):
    a = b = 0.0
    while a + b < seconds:
        start = clock()
        x = steps
        if a <= share * (a + b):
            while x: x -= 1  # A
            a += clock() - start
        else:
            while x: x -= 1  # B
            b += clock() - start
    return a, b


def helper(x):
    while x: x -= 1


def through_helper(share, seconds):
    a = b = 0.0
    while a + b < seconds:
        start = clock()
        if a <= share * (a + b):
            helper(steps)  # A
            a += clock() - start
        else:
            helper(steps)  # B
            b += clock() - start
    return a, b


def half(seconds):
    return inline(0.5, seconds), through_helper(0.5, seconds)


def fifth(seconds):
    return inline(0.2, seconds), through_helper(0.2, seconds)


def marked_lines():
    """[(line of A, line of B)] in the order of the functions above."""
    with open(__file__) as source:
        lines = source.read().split("\n")
    found = [n for n, line in enumerate(lines, 1) if line.endswith(("# A", "# B"))]
    return list(zip(found[0::2], found[1::2]))


def main():
    seconds = float(sys.argv[1])
    calibrate()
    truth.ready()
    result = {}
    for parent in (half, fifth):
        measured = parent(seconds)
        result[parent.__name__] = {
            function.__name__: dict(zip(map(str, lines), shares))
            for function, lines, shares in zip((inline, through_helper), marked_lines(), measured)
        }
    truth.finish(splits=result, file=__file__)


main()
# SPDX-License-Identifier: MIT
