# SPDX-License-Identifier: MIT
"""Python code that was compiled to machine code: Nuitka pushes frames for it whose instructions do not move.

Two loops of 3 to 1 in one function, on known lines; functions of the library, which are not compiled, call compiled ones back.
"""

import os
import re
import subprocess

import pytest

import interpreters
from programs import BUILD

SOURCE = '''import os
import re
import sys
import time


def helper(x):
    return (x * 33 + 7) % 65521


def two_loops(rounds):
    x = 1
    for _ in range(3 * rounds):
        x = sum(range(300)) + helper(x)  # three quarters
    for _ in range(rounds):
        x = sum(range(300)) + helper(x)  # one quarter
    return x


def called_back(match):
    two_loops(10)
    return "b"


class Worker:
    def run(self, end):
        while time.time() < end:
            two_loops(300)
            re.sub("a", called_back, "a" * 10)


print("ready", os.getpid(), flush=True)
Worker().run(time.time() + float(sys.argv[1]))
'''
INCLUDE = "import sysconfig; print(sysconfig.get_path('include'))"


def has_headers(python):
    include = subprocess.run([python.path, "-c", INCLUDE], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    return os.path.exists(include + "/Python.h")


def chosen():
    """One with headers, of the two kinds that differ most: with and without marks of where an evaluator was entered."""
    usable = [python for python in interpreters.ALL if has_headers(python)]
    return [next((python for python in usable if python.minor == minor), None) for minor in ((3, 12), (3, 10))]


@pytest.fixture(scope="module", params=[0, 1], ids=["3.12", "3.10"])
def compiled(request):
    """The program, by the newest Nuitka: made once, as it takes half a minute."""
    python = chosen()[request.param]
    if not python:
        pytest.skip("no such Python with its headers is here")
    folder = BUILD / "nuitka" / python.version
    program = folder / "two_loops.bin"
    if not program.exists():
        subprocess.run([python.path, "-m", "venv", folder / "venv"], check=True)
        pip = subprocess.run([folder / "venv/bin/pip", "install", "-q", "nuitka"], stderr=subprocess.PIPE, text=True)
        if pip.returncode:
            pytest.skip("Nuitka cannot be had here: " + pip.stderr.splitlines()[-1])
        (folder / "two_loops.py").write_text(SOURCE)
        subprocess.run([folder / "venv/bin/python", "-m", "nuitka", "--quiet", "--assume-yes-for-downloads",
                        "--output-filename=" + program.name + ".tmp", "two_loops.py"], cwd=folder, check=True)
        os.rename(str(program) + ".tmp", program)
    return program, os.path.dirname(os.path.dirname(python.path)) + "/lib"


@pytest.fixture
def running(compiled):
    program, library = compiled
    process = subprocess.Popen([program, "8"], stdout=subprocess.PIPE, text=True,
                               env=dict(os.environ, LD_LIBRARY_PATH=library))
    assert process.stdout.readline().startswith("ready")
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


LINES = {text: SOURCE[:SOURCE.index(text)].count("\n") + 1 for text in ("# three quarters", "# one quarter")}


def test_recorded(running, recorder):
    recording = recorder("--pid", running.pid, "-r", "499", "-d", "3")
    recording.wait()
    document = recording.json()
    failed = sum(row["samples"] for row in document["lost"] if row["failure"] and row["reason"] not in ("late", "identifying"))
    assert failed <= 0.01 * document["sample_count"], document["lost"]
    lines = dict.fromkeys(LINES.values(), 0.0)
    total = called_back = 0
    for sample in document["samples"]:
        names = [entry.rsplit(".", 1)[-1] for entry in sample["stack"]]
        total += sample["value"]
        assert names[:2] == ["<module>", "run"], names
        called_back += sample["value"] if "called_back" in names else 0
        if names[-1] == "two_loops" or names[-2:] == ["two_loops", "helper"]:
            lines[sample["lines"][names.index("two_loops")]] += sample["value"]
    assert sum(lines.values()) > 0.9 * total
    three, one = lines.values()
    assert three / (three + one) == pytest.approx(0.75, abs=0.05)
    assert 0.15 < called_back / total < 0.35  # 100 of 400 rounds


def test_dumped(running, pybpfprof):
    """It runs all the time and calls all the time: a look in which it did so says that it is not sure. Nuitka takes a frame off its
    caller when the function returns, which `helper` does within the time between two reads: then the callers are missing."""
    calls = [SOURCE[:SOURCE.index(call)].count("\n") + 1 for call in ("two_loops(300)", "re.sub(", "Worker().run(")]
    stack = re.compile(r"run \(two_loops.py:(%d|%d)\)\n    <module> \(two_loops.py:%d\)\n" % tuple(calls))
    texts = [pybpfprof("dump", "--pid", running.pid).stdout for _ in range(30)]
    wrong = [text for text in texts if not stack.search(text)]
    assert all("(not sure" in text for text in wrong), wrong
    assert len(wrong) <= 0.8 * len(texts), wrong


def test_named(running, pybpfprof):
    assert "compiled by Nuitka (two_loops.bin" in pybpfprof("check", "--pid", running.pid).stdout
