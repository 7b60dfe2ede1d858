"""Runs code of many kinds that has no file, one after the other, over and over; says what there is to be seen of each.

    held.py FOLDER

{file: text, or null where this program has none}, as JSON. FOLDER gets an archive with a module.
"""

import doctest
import io
import json
import linecache
import os
import sys
import time
import timeit
import zipfile


def burn(seconds=0.02):
    """
    >>> import time; end = time.process_time() + 0.4
    >>> while time.process_time() < end:
    ...     sum(i * i for i in range(1000))  # é
    """
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


BODY = """%s
import time
def run():
\tend = time.process_time() + 0.02
\twhile time.process_time() < end:
\t\tpass
"""


def make(file, note="", text=None, **names):
    exec(compile(text or BODY % note, file, "exec"), names)
    return names["run"]


def keep(file, note="", lines=None):
    text = BODY % note
    linecache.cache[file] = (len(text), None, lines or text.splitlines(True), file)
    expected[file] = text
    return make(file, note)


folder = sys.argv[1]
expected = {"<string>": None, "<lazy>": None, "<long>": None, "<no lines>": None, "<torn>": None}
ways = [
    keep("<ascii>", "# plain"),
    keep("<latin>", "# é"),
    keep("<greek>", "# λ"),
    keep("<emoji>", "# \U0001f600"),
    keep("<tuple>", "# lines of a tuple", tuple((BODY % "# lines of a tuple").splitlines(True))),
    keep("<stripped>", "# without ends", (BODY % "# without ends").splitlines()),
    keep("rules.py", "# a relative name"),
    keep(folder + "/nowhere/made.py", "# a path that is none"),
    make("<string>"),
    make("<lazy>"),
    make("<long>", "#" + 70000 * "x"),
    make("<no lines>"),
    make("<torn>"),
]
linecache.cache["<lazy>"] = (lambda: BODY,)
linecache.cache["<long>"] = (1, None, ["#" + 999 * "x" + "\n"] * 70, "<long>")
linecache.cache["<no lines>"] = (1, None, None, "<no lines>")
linecache.cache["<torn>"] = (1000, None, ["of another one\n"], "<torn>")

# What is on a disk is no business of ours, even if linecache has it.
on_disk = os.path.join(folder, "on_disk.py")
with open(on_disk, "w") as file:
    file.write(BODY % "# a file")
linecache.getlines(on_disk)
ways.append(make(on_disk, "# a file"))
expected[on_disk] = None

with zipfile.ZipFile(os.path.join(folder, "packed.zip"), "w") as archive:
    archive.writestr("packed.py", BODY % "# packed")
sys.path.insert(0, os.path.join(folder, "packed.zip"))
import packed

linecache.getlines(packed.__file__, vars(packed))  # as a traceback does
expected[packed.__file__] = BODY % "# packed"
ways.append(packed.run)

timer = timeit.Timer("burn()", globals={"burn": burn})
ways.append(lambda: timer.timeit(1))
expected["<timeit-src>"] = None  # it is kept for tracebacks alone

examples = doctest.DocTestFinder().find(burn, "burn", globs={})[0].examples
for i, example in enumerate(examples):
    expected["<doctest burn[%d]>" % i] = example.source
ways.append(lambda: doctest.run_docstring_examples(burn, {}, name="burn"))

print(json.dumps(expected), flush=True)
out, sys.stdout = sys.stdout, io.StringIO()
while True:
    for way in ways:
        way()
# SPDX-License-Identifier: MIT
