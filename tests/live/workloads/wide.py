"""Functions with long line tables, called one after the other, once for each line of stdin; and children that end when told.

    wide.py FOLDER FUNCTIONS SECONDS CHILDREN
"""

import os
import sys

import truth

LINES = 6000


def source(count):
    lines = []
    for n in range(count):
        lines += [f"def wide_{n}(clock, end):", "    x = 1", "    if x:", "        while clock() < end:", "            x += 1"]
        lines += ["        return", *["    x = x.y" for _ in range(LINES)]]
    return "\n".join(lines) + "\n"


def main():
    folder, count, seconds, children = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    path = os.path.join(folder, "wide_functions.py")
    with open(path, "w") as file:
        file.write(source(count))
    names = {}
    exec(compile(source(count), path, "exec"), names)
    truth.ready()
    told, tell = os.pipe()
    wait, end = os.pipe()
    for _ in range(children):
        if not os.fork():
            os.close(end)
            truth.spin(0.1)
            os.write(tell, b".")
            os.read(wait, 1)  # until the parent closes its end
            os._exit(0)
    for _ in range(children):
        os.read(told, 1)
    truth.say("forked", {})
    while sys.stdin.readline():
        for n in range(count):
            names[f"wide_{n}"](truth.thread_seconds, truth.thread_seconds() + seconds)
        if children:
            os.close(end)
        for _ in range(children):
            os.wait()
        children = 0
        truth.say("called", {})


main()
# SPDX-License-Identifier: MIT
