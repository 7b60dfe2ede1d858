# SPDX-License-Identifier: MIT
"""scripts/analyze_profile.py beside the standard library's own pstats, on cProfile's files and on samples."""

import collections
import glob
import marshal
import os
import pathlib
import pstats
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts/analyze_profile.py"
PYTHONS = sorted({sys.executable, *(
    path for path in glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin/python"))
    if tuple(map(int, path.split("/versions/")[1].split("/")[0].split(".")[:2])) >= (3, 6))})
PROGRAM = """
import json, os.path
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
def work():
    for i in range(20):
        json.loads(json.dumps(list(range(2000))))
    fib(15)
if __name__ == "__main__":
    work()
"""


def analyze(*args, python=sys.executable, status=0, **environment):
    done = subprocess.run([python, str(SCRIPT), *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment})
    assert done.returncode == status, done.stderr.decode()
    return (done.stdout if status == 0 else done.stderr).decode()


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    path = tmp_path_factory.mktemp("profile") / "program.py"
    path.write_text(PROGRAM)
    return path


def profile(program, python, profiler="cProfile"):
    out = program.parent / f"{profiler}-{pathlib.Path(python).parts[-3]}.prof"
    subprocess.run([python, "-m", profiler, "-o", str(out), str(program)], check=True)
    return out


@pytest.fixture(scope="module")
def called(program):
    return profile(program, sys.executable)


@pytest.fixture
def sampled(tmp_path):
    """As a sampling profiler writes it: 100 samples of 10 ms, main → load → parse, main → dump."""
    def key(name):
        return (f"/srv/app/{name}.py", 10, name)

    def row(own, total, **callers):
        return (total, total, own / 100, total / 100,
                {key(k): (n, n, 0.0, n / 100) for k, n in callers.items()})

    path = tmp_path / "sampled.prof"
    path.write_bytes(marshal.dumps({
        key("main"): row(5, 100), key("load"): row(15, 65, main=65), key("parse"): row(50, 50, load=50),
        key("dump"): row(30, 30, main=30)}, 2))
    return path


def rows(text, heading):
    """The lines of a table, without its head."""
    return text.split(f"\n{heading}\n")[1].split("\n\n")[0].splitlines()[1:]


def figures(text, heading):
    """own %, own s, total %, total s, count, name, place of each row of a table of functions."""
    found = []
    for line in rows(text, heading):
        match = re.match(r" *([\d.]+) +([\d.]+) +([\d.]+) +([\d.]+) +(\d+)  (.*\S) +(\S+)$", line)
        if match:
            found.append(tuple(map(float, match.groups()[:5])) + match.groups()[5:])
    return found


@pytest.mark.parametrize("python", PYTHONS, ids=lambda p: p.split("/versions/")[-1].split("/")[0])
def test_the_figures_are_those_of_pstats(program, python):
    """Files of every Python, read by itself; what it prints is what pstats says."""
    path = profile(program, python)
    text = analyze("--top", 10000, path, python=python)
    stats = pstats.Stats(str(path)).stats
    total = sum(entry[2] for entry in stats.values())
    assert f"{sum(entry[1] for entry in stats.values()):,} calls" in text
    for heading, index in (("Own time", 2), ("Total time", 3)):
        found = figures(text, heading)
        assert len(found) == len(stats)
        got = [row[1 if index == 2 else 3] for row in found]
        assert got == sorted(got, reverse=True)
        assert got == pytest.approx(sorted((entry[index] for entry in stats.values()), reverse=True), abs=0.00051)
    (fib,) = [row for row in found if row[5] == "fib"]
    (want,) = [entry for key, entry in stats.items() if key[2] == "fib"]
    assert fib[4] == want[1] and fib[0] == pytest.approx(100 * want[2] / total, abs=0.0051)
    callers = text.split("Callers of the hottest")[1]
    assert re.search(r"calls  (work|fib|dumps|encode|loads|decode)", callers)


def test_modules_and_files_are_sums(called):
    text = analyze("--top", 10000, called)
    stats = pstats.Stats(str(called)).stats
    files = collections.Counter()
    for (file, _, _), entry in stats.items():
        files["(built-in)" if file in ("~", "") else file] += entry[2]
    got = {}
    for line in rows(text, "Own time by file"):
        _, seconds, _, name = line.split(None, 3)
        got[name] = float(seconds)
    assert got == pytest.approx(dict(files), abs=0.00051)
    assert any(line.endswith("  json") for line in rows(text, "Own time by module"))


def test_samples_are_not_called_calls(sampled, called):
    text = analyze(sampled)
    assert "counts are samples, not calls" in text and " calls" not in text.replace("not calls", "")
    assert figures(text, "Own time") == [
        (50, 0.5, 50, 0.5, 50, "parse", "/srv/app/parse.py:10"), (30, 0.3, 30, 0.3, 30, "dump", "/srv/app/dump.py:10"),
        (15, 0.15, 65, 0.65, 65, "load", "/srv/app/load.py:10"), (5, 0.05, 100, 1, 100, "main", "/srv/app/main.py:10")]
    assert re.search(r"parse .*\n +100.00 +0.500 +50 samples  load  /srv/app/load.py:10\n", text)
    assert "mixed" in analyze(sampled, called)


def test_several_files_are_added_up(sampled):
    once, twice = figures(analyze(sampled), "Own time"), figures(analyze(sampled, sampled), "Own time")
    assert [(r[0], 2 * r[1], r[2], 2 * r[3], 2 * r[4]) for r in once] == pytest.approx([r[:5] for r in twice])


def test_options(sampled):
    assert [r[5] for r in figures(analyze("--sort", "name", sampled), "Functions by name")] == ["dump", "load", "main", "parse"]
    assert [r[5] for r in figures(analyze("--sort", "calls", "--top", 2, sampled), "Functions by calls")] == ["main", "load"]
    text = analyze("--filter", "^(load|parse) ", sampled)
    assert {r[5] for r in figures(text, "Own time")} == {"load", "parse"}
    assert "2 functions fit the filter, with 65.00 % of the own time" in text
    assert "0 functions fit" in analyze("--filter", "nobody", sampled)
    assert "… and 3 more" in analyze("--top", 1, sampled)
    assert max(map(len, analyze(sampled, COLUMNS="80").splitlines()[1:])) <= 80  # the file's name is never cut
    for wrong in (["--top", "0"], ["--top", "x"], ["--sort", "size"], ["--filter", "("], []):
        analyze(*wrong, *([sampled] if wrong else []), status=2)


def test_profile_in_pure_python(program):
    """Its callers are counts, and one name is a code object."""
    text = analyze("--filter", "program.py", profile(program, sys.executable, "profile"))
    (fib,) = [row for row in figures(text, "Own time") if row[5] == "fib"]
    assert fib[4] == 1973 and re.search(r"\n +1972 calls  fib ", text)


def test_what_is_no_profile(tmp_path, sampled):
    files = {
        b"": "empty", b"{\"process_name\": 1}": "JSON", b"\x89PYBPF\r\n": "recording", b"\x1f\x8b\x08": "gzip",
        b"<svg>": "SVG", b"{\n": "JSON", b"nonsense": "no pstats", marshal.dumps([1]): "no pstats",
        marshal.dumps({}): "nothing in it", marshal.dumps({1: 2}): "not as profilers",
        marshal.dumps({("f", 1, "g"): (1, 1, 1.0)}): "not as profilers",
        marshal.dumps({("f", 1, "g"): (1, 1, "1", 1.0, {})}): "not as profilers",
        sampled.read_bytes()[:-20]: "no pstats",
    }
    for data, word in files.items():
        path = tmp_path / "wrong.prof"
        path.write_bytes(data)
        said = analyze(path, status=1)
        assert str(path) in said and word in said and len(said.splitlines()) == 1
    assert "No such file" in analyze(tmp_path / "missing", status=1)
    assert "directory" in analyze(tmp_path, status=1)


def test_hostile_names_are_inert(tmp_path):
    path = tmp_path / "hostile.prof"
    path.write_bytes(marshal.dumps({("/a\x1b[31m.py", 1, "f\n\x9b\u202e\udc80" + "x" * 500): (1, 1, 1.0, 1.0, {
        ("\x07", 2, "\r"): (1, 1, 1.0, 1.0)})}))
    for text in (analyze(path, COLUMNS="80"), analyze(path), analyze(path, PYTHONIOENCODING="ascii")):
        assert "\\n\\x9b\\u202e" in text or "\\\\n" in text
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)


def test_a_reader_that_goes_away_is_no_error(called):
    done = subprocess.Popen([sys.executable, SCRIPT, "--top", "10000", called], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)
    done.stdout.close()
    said = done.stderr.read()
    assert (done.wait(60), said) == (0, b"")
