# SPDX-License-Identifier: MIT
"""The table of what is known of each interpreter: rows come from tests (record_property("support", …)), SUPPORT.md from rows.

A run writes build/tests/SUPPORT.md; tests/SUPPORT.md is a copy of one, whose last part, of what was tried by hand, is kept.
"""

import re

from programs import BUILD, ROOT

COLUMNS = {
    "python": "Python", "libc": "libc", "build": "build", "ticks": "samples", "impossible": "impossible stacks",
    "wrong": "wrong lines", "failed": "failed", "gil": "GIL", "lives": "named in 20 ms lives", "dump": "dump",
}  # fmt: skip
BY_HAND = "\n## Tried by hand\n"
COMMITTED = ROOT / "tests/SUPPORT.md"
WRITTEN = BUILD / "tests/SUPPORT.md"
HEAD = """# Interpreters

What `tests/live/test_support.py` finds of each interpreter of the machine it runs on, sampled at 9,999 Hz; each run writes
`build/tests/SUPPORT.md`, of which this is a copy. Stacks and lines are checked one by one against what the program says of
itself (`workloads/tree.py`: `sys._getframe`, `co_positions`): generators, coroutines, `throw()`, recursion, callbacks from C, class
bodies, comprehensions, decorators, names of 10,000 characters, a file of 60,000 lines, `sys.settrace` and `sys.monitoring` going on
and off. *Failed* are those of its samples that have no whole stack, of all reasons; *GIL*: samples of code that holds it, and of C code
that does not, whose flag is right; *named*: samples, of processes that use 20 ms of CPU time, half of them forked; *dump*: every local
variable of eight sleeping threads is shown as its `repr()`.
"""

rows = []


def note(row):
    rows.append(row)


def version_key(row):
    return [int(n) for n in re.findall(r"\d+", row["python"])], row["build"]


def table():
    yield "| " + " | ".join(COLUMNS.values()) + " |"
    yield "|" + "---|" * len(COLUMNS)
    for row in sorted(rows, key=version_key):
        yield "| " + " | ".join(str(row.get(column, "")) for column in COLUMNS) + " |"


def write():
    """The lines of the table, if this run made one."""
    if not rows:
        return []
    kept = COMMITTED.read_text().partition(BY_HAND)[1:] if COMMITTED.exists() else ()
    WRITTEN.parent.mkdir(parents=True, exist_ok=True)
    WRITTEN.write_text(HEAD + "\n" + "\n".join(table()) + "\n" + "".join(kept))
    return list(table())
