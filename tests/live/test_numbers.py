# SPDX-License-Identifier: MIT
"""One number per function: a recording with every difficulty there is, and the same own and total share in every output.

Shares are of the CPU time of all samples, in files as in tables; lost and failed ticks are in none of them. What is read by
the programs that files are for is in readers.py; here are also our own tables, and the sums of what is missing.
"""

import collections
import gzip
import json
import re

import pytest

import html_page
import made
import readers
from programs import PROGRAM
from readers import run

pytestmark = pytest.mark.offline

NATIVE, NO_FUNCTION = "[native threads]", "[no Python function]"
CUT = "[truncated: deeper than the frame limit; the leaf side is kept]"
# name: (module, file, short file, first line)
FUNCTIONS = {
    "app.<module>": ("app", "/srv/v1/app.py", "app.py", 1),
    "app.work": ("app", "/srv/v1/app.py", "app.py", 10),
    "app.fib": ("app", "/srv/v1/app.py", "app.py", 20),
    "app.even": ("app", "/srv/v1/app.py", "app.py", 30),
    "app.odd": ("app", "/srv/v1/app.py", "app.py", 40),
    "app.<lambda>": ("app", "/srv/v1/app.py", "app.py", 50),
    "app.Other.<lambda>": ("app", "/srv/v1/app.py", "app.py", 51),
    "lib.get": ("lib", "/srv/venv1/lib/python3.12/site-packages/lib.py", "lib.py", 5),
    "lib2.get": ("lib", "/srv/venv2/lib/python3.12/site-packages/lib.py", "lib.py", 5),  # another one of that place
}
NAMES = {"app.Other.<lambda>": "<lambda>", "lib2.get": "get"}
# (process, thread, samples, ms each, stack)
STACKS = [
    (0, 0, 7, 9.0, [("app.<module>", 3), ("app.work", 12)]),
    (0, 0, 3, 21.5, [("app.<module>", 3), ("app.work", 13), ("lib.get", 6)]),
    (0, 1, 4, 2.25, [("app.fib", 22), ("app.fib", 22), ("app.fib", 23)]),
    (0, 1, 5, 11.0, [("app.even", 31), ("app.odd", 41), ("app.even", 31), ("app.odd", 42)]),
    (0, 1, 2, 10.0, [("app.even", 31), ("app.<lambda>", 50), ("app.Other.<lambda>", 51)]),
    (1, 2, 3, 12.0, [("app.<module>", 3), ("app.work", 12)]),
    (1, 2, 2, 8.0, [("app.<module>", 4), ("app.work", 13), ("lib2.get", 7)]),
    (1, 2, 1, 13.0, [(CUT, 0), ("app.fib", 22), ("app.fib", 23)]),
    (0, 3, 9, 10.0, [(NATIVE, 0)]),
    (1, 4, 2, 10.0, [(NATIVE, 0)]),
    (1, 2, 1, 7.0, [(NO_FUNCTION, 0)]),
]
SHORT = {"/srv/v1/app.py": "app.py", **{f"/srv/venv{n}/lib/python3.12/site-packages/lib.py": f"venv{n}/lib/python3.12/site-packages/lib.py" for n in (1, 2)}}
LOST = [("ring_full", 3, False, "the ring was full"), ("late", 4, False, "the timer came late"), ("torn", 5, True, "it was switching")]


def document():
    """Samples of unlike times, and as many ticks again that gave none."""
    samples, functions = [], {}
    for process, thread, count, ms, stack in STACKS:
        for n in range(count):
            samples.append({
                "timestamp": 1790000000 + len(samples) / 50, "pid": 100 + process, "thread_id": 200 + thread, "thread": thread,
                "cpu": 0, "gil": stack[0][0] not in (NATIVE, NO_FUNCTION), "value": round(ms / 1000 + n / 1e5, 9),
                "stack": [of_json(name)[0] for name, _ in stack], "which": [of_json(name)[1] for name, _ in stack],
                "lines": [line for _, line in stack], **({"truncated": True} if stack[0][0] == CUT else {}),
            })  # fmt: skip
    for name, (module, file, short, line) in FUNCTIONS.items():
        row = {"samples": 0, "time": 0, "module": module, "file": file, "short_file": short, "line": line}
        functions.setdefault(of_json(name)[0], {"samples": 0, "time": 0, "variants": []})["variants"].append(row)
    for mark in (CUT, NATIVE, NO_FUNCTION):
        functions[mark] = {"samples": 0, "time": 0, "module": "", "file": "", "short_file": "", "line": 0, "origin": "mark", "kind": "synthetic"}
    return {
        "schema": "pybpfprof/1", "target": "cgroup /app", "start": 1790000000, "duration": 3, "rate": 100, "complete": True,
        "processes": [{"pid": 100 + i, "command": f"python3 app.py {i}", "python": "3.12.1"} for i in range(2)],
        "threads": [{"process": p, "pid": 100 + p, "thread_id": 200 + t, "name": f"t{t}"} for t, p in enumerate([0, 0, 1, 0, 1])],
        "functions": functions,
        "lost": [{"reason": reason, "samples": count, "time": count / 100, "failure": True, "failed": failed, "sentence": sentence}
                 for reason, count, failed, sentence in LOST]
                + [{"reason": "not_python", "samples": 50, "time": 0.5, "failure": False, "sentence": "the process is not Python"}],
        "samples": samples,
    }  # fmt: skip


def of_json(name):
    """(the name in our JSON, which one of that name)"""
    if name not in FUNCTIONS:
        return name, 0
    full = f"{FUNCTIONS[name][0]}.{NAMES.get(name, name.split('.', 1)[1])}"
    same = [n for n in FUNCTIONS if f"{FUNCTIONS[n][0]}.{NAMES.get(n, n.split('.', 1)[1])}" == full]
    return full, same.index(name)


def whole(name):
    """(file, line, name), which is who a function is."""
    if name not in FUNCTIONS:
        return "", 0, name
    _, file, _, line = FUNCTIONS[name]
    return file, line, of_json(name)[0].split(".", 1)[1]


def add_up(key):
    """{key: (own %, total %)}, sample by sample."""
    stacks = []
    for _, _, count, ms, stack in STACKS:
        stacks += [([key(whole(name)) for name, _ in stack], ms / 1000 + n / 1e5) for n in range(count)]
    everything = sum(value for _, value in stacks)
    return {name: (100 * own / everything, 100 * total / everything) for name, (own, total) in readers.add_up(stacks).items()}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """As a recording, which is what all others are made from."""
    folder = tmp_path_factory.mktemp("numbers")
    (folder / "hard.json").write_text(json.dumps(document()))
    run(PROGRAM, "convert", "-i", folder / "hard.json", "-o", folder / "hard.pybpf")
    return folder / "hard.pybpf"


def assert_same(got, want, exact):
    assert set(got) == set(want)
    for name, shares in want.items():
        assert got[name] == pytest.approx(shares, abs=exact), name


# ---- files, in the programs that they are for ----------------------------------------------------------------------


@pytest.mark.parametrize("reader", [pytest.param(r, id=f"{r.format}-{r.program.replace(' ', '_')}", marks=pytest.mark.reader(r.program, r.format))
                                    for r in readers.READERS])  # fmt: skip
def test_shares_of_a_file(reader, source, tmp_path):
    """Own and total of each function by what the file holds in all: nothing in it is beside the 100 %."""
    path = tmp_path / f"x{readers.formats()[reader.format][0]}"
    run(PROGRAM, "convert", "-i", source, "-o", path, *reader.options)
    doc = json.loads(run(PROGRAM, "convert", "-i", source, "-o", "-", "-f", "json"))
    try:
        got = reader.read(path)
    except readers.Missing as missing:
        pytest.skip(str(missing))
    everything = sum(own for own, _ in got.values())
    shares = {name: (100 * own / everything, 100 * total / everything) for name, (own, total) in got.items()}
    functions = {f for sample in doc["samples"] for f in readers.functions_of(doc, sample)}
    key = reader.key(functions) if reader.among else reader.key
    known = {(f.file, f.line, f.name): key(f) for f in functions}
    assert_same(shares, add_up(lambda function: known[function]), 1e-4 if reader.precision > 1e-9 else 1e-6)


def test_shares_by_what_is_shown(source, tmp_path):
    """With short names of files, as pictures have them, too: two files of one name are told apart."""
    run(PROGRAM, "convert", "-i", source, "-F", "-o", tmp_path / "x.svg", "-o", tmp_path / "x.folded")
    short = {**SHORT, "": ""}
    want = add_up(lambda f: f"{f[2]} ({short[f[0]]}:{f[1]})" if f[0] else f[2])
    for read, name in ((readers.read_svg, "x.svg"), (readers.read_folded, "x.folded")):
        got = read(tmp_path / name)
        everything = sum(own for own, _ in got.values())
        got = {key.replace(";", ":"): (100 * own / everything, 100 * total / everything) for key, (own, total) in got.items()}
        assert_same(got, {key.replace(";", ":"): shares for key, shares in want.items()}, 1e-6)


# ---- our own tables -------------------------------------------------------------------------------------------------


def test_shares_in_tables(source):
    """report, top and diff: a row for each function, however many processes, threads and lines it is in."""
    want = add_up(lambda function: function)
    report = json.loads(run(PROGRAM, "report", "--json", "-n", "1000", source))["functions"]
    rows = {(row["file"], max(row["first_line"], 0), row["name"]): (row["own_percent"], row["percent"]) for row in report}
    assert len(report) == len(rows)
    assert_same(rows, want, 1e-4)
    top = json.loads(run(PROGRAM, "top", "--json", "--once", "--input", source))["rows"]
    rows = {(row["file"], row["line"], row["function"]): (row["own_percent"], row["total_percent"]) for row in top}
    assert len(top) == len(rows)
    assert_same(rows, want, 1e-3)
    diff = json.loads(run(PROGRAM, "diff", "--json", source, source))["rows"]
    rows = {(row["name"], row["short_file"]): (row["own"]["b"], row["total"]["a"]) for row in diff}
    short = {**SHORT, "": ""}
    assert_same(rows, add_up(lambda f: (f[2], short[f[0]])), 1e-4)  # functions may have moved to other lines


def test_lines_and_trees_add_up_to_functions(source):
    """By line or in a tree, all is there, once."""
    report = json.loads(run(PROGRAM, "report", "--json", "-n", "1000", source))
    for rows in ("functions", "lines", "files", "modules"):
        assert sum(row["own_percent"] for row in report[rows]) == pytest.approx(100, abs=1e-4), rows
    for rows in ("threads", "processes"):
        assert sum(row["percent"] for row in report[rows]) == pytest.approx(100), rows
    assert report["tree"][0]["seconds"] == pytest.approx(report["cpu_seconds"])


# ---- what is missing ---------------------------------------------------------------------------------------------------

WORDS = "7 lost, 5 failed"


def test_the_same_words_and_sums_of_what_is_missing(source, tmp_path):
    said = {"report": run(PROGRAM, "report", source), "top": run(PROGRAM, "top", "--once", "--input", source),
            "diff": run(PROGRAM, "diff", source, source)}  # fmt: skip
    for format in ("svg", "speedscope", "callgrind", "chrometrace"):
        said[format] = run(PROGRAM, "convert", "-i", source, "-o", "-", "-f", format)
    run(PROGRAM, "convert", "-i", source, "-o", tmp_path / "x.html", "-o", tmp_path / "x.profile.json.gz")
    said["html"] = html_page.Page(tmp_path / "x.html").head["loss_text"]
    said["firefox"] = gzip.decompress((tmp_path / "x.profile.json.gz").read_bytes()).decode()
    for name, text in said.items():
        assert WORDS in text, name
        assert not re.search(r"\b\d+ lost[^,]", text), name
    documents = {
        "json": json.loads(run(PROGRAM, "convert", "-i", source, "-o", "-", "-f", "json"))["failed_count"],
        "report": json.loads(run(PROGRAM, "report", "--json", source))["lost_samples"],
        "top": json.loads(run(PROGRAM, "top", "--json", "--once", "--input", source))["lost"],
        "diff": json.loads(run(PROGRAM, "diff", "--json", source, source))["a"]["lost_samples"],
    }
    assert set(documents.values()) == {12}, documents


def test_shares_say_how_exact_they_are(source, tmp_path):
    samples = len(document()["samples"])
    own, total = (made.share_text(share, 100, samples) for share in add_up(lambda f: f)["/srv/v1/app.py", 10, "work"])
    report = run(PROGRAM, "report", "--callers", "work", source)
    assert f"own {own.replace('%', ' %')}, " in report and f"total {total.replace('%', ' %')}, " in report
    (line,) = [line for line in run(PROGRAM, "report", "--by", "function", source).splitlines() if " work " in line]
    assert re.match(rf"^ *{re.escape(own.replace('% ± ', ' ±'))} .* {re.escape(total.replace('% ± ', ' ±'))} ", line)
    assert f"± {made.share_text(1, 2, samples).split(' ± ')[1]} at most, of {samples} samples" in run(PROGRAM, "top", "--once", "--input", source)
    native = collections.Counter()  # a root of each process
    for sample in document()["samples"]:
        native[sample["pid"]] += sample["value"] * (sample["stack"] == [NATIVE])
    shown = [made.share_text(value, made.cpu_seconds(document()), samples) for value in native.values()]
    still = run(PROGRAM, "convert", "-i", source, "-o", "-", "-f", "svg", "--merge-from", "leaf")
    assert sorted(re.findall(rf"<title>{re.escape(NATIVE)} \(([^·]*) ·", still)) == sorted(shown)
