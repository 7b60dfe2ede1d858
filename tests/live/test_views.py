# SPDX-License-Identifier: MIT
"""What people see of real programs: importing as one frame, programs instead of processes, whose code it is."""

import json
import os
import re
import subprocess
import zipapp

import pytest

import interpreters
from programs import PROGRAM

# Each module imports the next one after some work; the last is imported by name, and one does not exist.
CHAIN = {
    "app.py": "import first\n",
    "first.py": "import pkg.second\nfor i in range(10**5): pass\n",
    "pkg/__init__.py": "for i in range(10**5): pass\n",
    "pkg/second.py": "import importlib\nimportlib.import_module('third')\nfor i in range(10**5): pass\n",
    "third.py": "def work():\n    for i in range(3 * 10**6): pass\nwork()\n",
}
ALL = list({(i.minor, i.threaded): i for i in interpreters.SUPPORTED if not i.debug}.values())


def record(folder, *command, env=None, options=("-r", "999")):
    done = subprocess.run([PROGRAM, "record", *options, "-o", "rec.pybpf", "--", *map(str, command)], cwd=folder,
                          env={**os.environ, **(env or {})}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    return folder / "rec.pybpf"


def convert(recording, name, *options):
    path = recording.with_name(name)
    subprocess.run([PROGRAM, "convert", "-q", "-i", recording, "-o", path, *options], check=True, timeout=60)
    return path.read_text()


def report(recording, *options):
    return subprocess.run([PROGRAM, "report", *options, recording], check=True, stdout=subprocess.PIPE,
                          timeout=60).stdout.decode()


def write_files(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def stacks_of(folded):
    """{frames without lines: nanoseconds}"""
    found = {}
    for line in folded.splitlines():
        stack, value = line.rsplit(" ", 1)
        stack = tuple(re.sub(r":\d+\)$", ")", frame) for frame in stack.split(";"))
        found[stack] = found.get(stack, 0) + int(value)
    return found


@pytest.mark.parametrize("archive", [False, True], ids=["files", "archive"])
@pytest.mark.parametrize("python", ALL, ids=interpreters.name)
def test_importing_is_one_frame(python, archive, tmp_path):
    """In pictures and the report, for each version's names of the machinery; whole where it is asked for, and in data."""
    folder = tmp_path / "src"
    write_files(folder, {"__main__.py" if name == "app.py" else name: text for name, text in CHAIN.items()})
    if archive:
        zipapp.create_archive(folder, tmp_path / "app.pyz")
    recording = record(tmp_path, python.path, tmp_path / ("app.pyz" if archive else "src"))
    short, whole = convert(recording, "x.folded"), convert(recording, "y.folded", "--import-frames")
    assert "importlib._bootstrap>" in whole and "zipimport" not in short
    assert "_bootstrap" not in short, [line for line in short.splitlines() if "_bootstrap" in line]
    stacks = stacks_of(short)
    (chain,) = {tuple(frame.split(" (")[0] for frame in stack[-7:]) for stack in stacks if stack[-1].startswith("work ")}
    assert chain == ("import first", "<module>", "import pkg.second", "<module>", "import third", "<module>", "work")
    assert sum(stacks.values()) == sum(stacks_of(whole).values())
    assert "_find_and_load" not in report(recording) and "_find_and_load" in report(recording, "--import-frames")
    document = json.loads(convert(recording, "x.json"))
    assert any(name.startswith("importlib._bootstrap.") for name in document["functions"])
    page = convert(recording, "x.svg")
    assert "import pkg.second" in page and "_find_and_load" not in page


INSTALLED = """#!{python}
# -*- coding: utf-8 -*-
import re
import sys
from tool import run
if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])
    sys.exit(run())
"""
TOOL = "def run():\n    for i in range(10**7): pass\n"


@pytest.mark.few
def test_an_installed_command_is_not_the_users(interpreter, tmp_path):
    """Its few lines are of the library that they start; a script of one's own in such a folder is not."""
    site = f"lib/python{interpreter.minor[0]}.{interpreter.minor[1]}/site-packages"
    own = "\n".join(f"def f{i}():\n    return {i}" for i in range(300)) + "\n" + TOOL + "run()\n"
    write_files(tmp_path, {"bin/tool": INSTALLED.format(python=interpreter.path), f"{site}/tool.py": TOOL,
                           f"{site}/pkg/__init__.py": "", f"{site}/pkg/__main__.py": TOOL + "run()\n", "bin/own": own})
    (tmp_path / "bin/python").symlink_to(interpreter.path)
    origins = {}
    for name, command in ("tool", [tmp_path / "bin/tool"]), ("own", [tmp_path / "bin/own"]), ("pkg", ["-m", "pkg"]):
        recording = record(tmp_path, interpreter.path, *command, env={"PYTHONPATH": str(tmp_path / site)})
        functions = json.loads(convert(recording, "x.json"))["functions"].values()
        origins[name] = {f["origin"] for f in functions if f["file"].startswith(str(tmp_path))}
        assert any(f["file"].startswith(str(tmp_path)) for f in functions)
    assert origins == {"tool": {"site"}, "own": {"user"}, "pkg": {"site"}}


POOL = """
import os, sys
def work():
    for i in range(5 * 10**6): pass
children = [os.fork() for i in range(2)]
work()
"""


def test_a_pool_is_one_program(tmp_path):
    """A root for all that run a script, in the folded stacks, the picture and the report."""
    python = interpreters.MATRIX[-1].path
    write_files(tmp_path, {"pool.py": POOL, "main.py": "import subprocess, sys\nfor a in '12':\n"
                           "    subprocess.run([sys.executable, 'pool.py', a])\n"})
    recording = record(tmp_path, python, "main.py", options=("-r", "499", "-s"))
    apart, merged = convert(recording, "a.folded"), convert(recording, "m.folded", "--merge", "processes")
    pids = {line.split(";")[0] for line in apart.splitlines() if "pool.py" in line.split(";")[0]}
    roots = {line.split(";")[0] for line in merged.splitlines()}
    (pool,) = [root for root in roots if "pool.py" in root]
    assert len(pids) == 8 and pool == f"{os.path.basename(python)} pool.py … ({len(pids)} processes)"
    assert sum(stacks_of(apart).values()) == sum(stacks_of(merged).values())
    assert pool in convert(recording, "m.svg", "--merge", "processes")
    table = report(recording, "--merge", "processes", "--by", "process")
    assert pool in table and "By program" in table and table.count("pool.py") == 1
