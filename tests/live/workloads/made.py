# SPDX-License-Identifier: MIT
"""Code that is made, run and thrown away, over and over, as programs with templates and lambdas do; and functions that were there
before, and are called again only when that is over.

    made.py COUNT SECONDS

Its truth has when each of them ran: {"made": [[time, number of the first one from then on], …], "kept": [[from, to], …]}, by the wall
clock.
"""

import sys
import time

import truth

BATCH = 100
KEPT = 200


def source(name, first, count):
    """Each spins as long as it is told to, on lines that differ."""
    lines = []
    for n in range(first, first + count):
        lines += [f"def {name}_{n}(clock, end):", *[""] * (n % 50), "    while clock() < end:", "        pass"]
    return "\n".join(lines) + "\n"


def compiled(name, first, count):
    names = {}
    exec(compile(source(name, first, count), f"{name}_code.py", "exec"), names)
    return [names[f"{name}_{n}"] for n in range(first, first + count)]


def call_all(functions, seconds):
    for function in functions:
        clock = time.perf_counter
        function(clock, clock() + seconds)


def call_kept(functions, spans):
    began = time.time()
    call_all(functions, 0.01)
    spans.append([began, time.time()])


def main():
    count, seconds = int(sys.argv[1]), float(sys.argv[2])
    kept, spans, made = compiled("kept", 0, KEPT), [], []
    truth.ready()
    call_kept(kept, spans)
    for first in range(0, count, BATCH):
        batch = compiled("made", first, BATCH)
        made.append([time.time(), first])
        call_all(batch, seconds / count)
    made.append([time.time(), count])
    call_kept(kept, spans)
    truth.finish(made=made, kept=spans)


main()
