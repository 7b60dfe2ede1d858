# SPDX-License-Identifier: MIT
"""The report against sums taken from the samples one by one, as text and as JSON; source text of real programs."""

import json
import os
import re

import pytest

import made
from conftest import ROOT

pytestmark = pytest.mark.offline

jsonschema = pytest.importorskip("jsonschema")

SCHEMA = json.loads((ROOT / "user/format/report.schema.json").read_bytes())
MODULE = {made.full_name(name): module for name, (module, _, _) in made.FUNCTIONS.items()}
FILE = {made.full_name(name): file for name, (_, file, _) in made.FUNCTIONS.items()}


@pytest.fixture(scope="module")
def doc():
    return made.document(samples=2000)


@pytest.fixture
def source(doc, tmp_path):
    path = tmp_path / "made.json"
    path.write_text(json.dumps(doc))
    return path


@pytest.fixture
def report(pybpfprof, source):
    """report("--by", "line") → text; with "--json" the checked document."""

    def run(*options, path=source, **environment):
        done = pybpfprof("report", *options, path, env={**os.environ, **environment})
        assert done.returncode == 0, done.stderr
        if "--json" not in options:
            return done.stdout
        data = json.loads(done.stdout)
        jsonschema.Draft202012Validator(SCHEMA).validate(data)
        return data

    return run


def assert_sums(row, want, doc):
    assert row["seconds"] == pytest.approx(want.total, abs=1e-6)
    assert row["samples"] == want.samples
    assert row["percent"] == pytest.approx(100 * want.total / made.cpu_seconds(doc), abs=1e-4)
    error = made.share_text(want.total, made.cpu_seconds(doc), len(doc["samples"])).split(" ± ")[1]
    assert row["percent_error"] == pytest.approx(float(error), abs=0.5 if "." not in error else 0.05)
    assert row["gil_percent"] == pytest.approx(100 * want.gil / want.total, abs=1e-4)
    if "own_seconds" in row:
        assert row["own_seconds"] == pytest.approx(want.own, abs=1e-6)
        assert row["own_samples"] == want.own_samples


def test_json_is_the_sum_of_the_samples(report, doc):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    data = report("--json")
    lists = {
        "functions": (lambda r: f"{r['module']}.{r['name']}", lambda s: s["stack"]),
        "lines": (lambda r: (f"{r['module']}.{r['name']}", r["line"]), lambda s: list(zip(s["stack"], s["lines"]))),
        "files": (lambda r: r["short_file"], lambda s: [FILE[name] for name in s["stack"]]),
        "modules": (lambda r: r["module"], lambda s: [MODULE[name] for name in s["stack"]]),
        "threads": (lambda r: r["thread_id"], lambda s: [s["thread_id"]]),
        "processes": (lambda r: r["pid"], lambda s: [s["pid"]]),
    }
    for name, (key, things) in lists.items():
        want = made.sums(doc, things)
        assert {key(row) for row in data[name]} == set(want), name
        for row in data[name]:
            assert_sums(row, want[key(row)], doc)
    assert data["cpu_seconds"] == pytest.approx(made.cpu_seconds(doc))
    assert data["samples"] == len(doc["samples"]) and data["lost_samples"] == 3
    held = sum(s["value"] for s in doc["samples"] if s["gil"])
    assert data["gil_percent"] == pytest.approx(100 * held / made.cpu_seconds(doc), abs=1e-4)


def test_json_call_tree(report, doc):
    tree = report("--json", "--by", "tree")["tree"]
    for node in tree[1:]:
        assert node["parent"] < node["id"]
        node["path"] = tree[node["parent"]].get("path", ()) + (node["text"],)
    want = {}
    commands = [p["command"] for p in doc["processes"]]
    for sample in doc["samples"]:
        role = doc["threads"][sample["thread"]]["process"]
        root = (f'process {sample["pid"]}:"{commands[role]}"',)
        stack = tuple(f"{name[len(MODULE[name]) + 1:]} ({FILE[name]})" for name in sample["stack"])
        for depth in range(len(stack) + 1):
            want[root + stack[:depth]] = want.get(root + stack[:depth], 0) + sample["value"]
    assert {n["path"]: n["seconds"] for n in tree[1:]} == pytest.approx(want)
    assert tree[0]["seconds"] == pytest.approx(made.cpu_seconds(doc))


def test_callers_and_callees(report, doc):
    data = report("--json", "--callers", "step")
    (found,) = data["found"]
    assert found["name"] == "Engine.step" and "last part" in data["matched"]
    callers, callees = made.collections.Counter(), made.collections.Counter()
    for s in doc["samples"]:
        pairs = set(zip(s["stack"], s["stack"][1:]))
        for caller, callee in pairs:
            if callee == "app.core.Engine.step":
                callers[caller] += s["value"]
            if caller == "app.core.Engine.step":
                callees[callee] += s["value"]
    assert {f"{r['module']}.{r['name']}": r["seconds"] for r in found["callers"]} == pytest.approx(dict(callers))
    assert {f"{r['module']}.{r['name']}": r["seconds"] for r in found["callees"]} == pytest.approx(dict(callees))
    assert sum(callees.values()) + found["own_seconds"] == pytest.approx(found["seconds"])

    (walk,) = report("--json", "--callers", "app.tree.walk")["found"]
    alone = sum(s["value"] for s in doc["samples"] if s["stack"] == ["app.tree.walk"])
    assert walk["root_seconds"] == pytest.approx(alone)
    text = report("--callers", "walk")
    assert "walk is the name of 1 function" in text
    assert re.search(rf"{walk['root_seconds']:.2f}  \[no caller: a thread started here\]", text)
    assert "with recursion" in text


def test_the_hottest_and_who_is_around_them(report, doc):
    own = made.sums(doc, lambda s: s["stack"])
    data = report("--json", "--by", "callers")["callers"]
    assert {f"{r['module']}.{r['name']}" for r in data} == set(own)
    assert [r["own_seconds"] for r in data] == sorted((r["own_seconds"] for r in data), reverse=True)
    for row in data:
        want = own[f"{row['module']}.{row['name']}"]
        assert (row["own_seconds"], row["seconds"]) == pytest.approx((want.own, want.total), abs=1e-6)
        if row["name"] in ("main", "Engine.load", "query"):  # no recursion in these
            assert sum(r["seconds"] for r in row["callees"]) + row["own_seconds"] == pytest.approx(row["seconds"], abs=1e-6)
            assert sum(r["seconds"] for r in row["callers"]) == pytest.approx(row["seconds"], abs=1e-6)
    text = report()
    assert "\nCallers and callees of the hottest" in text and "\nEngine.step (app/core.py:20)\n" in text


def test_callers_are_found_as_people_type(pybpfprof, report, source):
    for typed, words in {
        "Engine.step": "is the name of 1 function",
        "ngine": "is part of 2 functions",
        "ENGINE.LOAD": "is part of, but for upper and lower case, 1 function",
        "^Engine.*ad$": "matches, as a regular expression, 1 function",
        "query (sql.py:8)": "is the frame of 1 function",
    }.items():
        assert f"{typed} {words}" in report("--callers", typed)
    for typed, words in {"Engine.stop": ["Engine.step"], "xyzzy": ["--by function"], "/(/": ["regular expression"]}.items():
        for options in ([], ["--json"]):
            done = pybpfprof("report", "--callers", typed, *options, source)
            assert done.returncode == 1 and not done.stdout
            assert all(word in done.stderr for word in [typed, *words])


@pytest.mark.parametrize("width", [72, 80, 110, 160])
def test_text_fits_and_agrees(report, doc, width):
    text = report(COLUMNS=str(width))
    assert max(map(len, text.splitlines())) <= width
    for heading in ("Hot functions", "Hot lines", "Call tree", "By module", "By process", "By thread", "Lost or failed"):
        assert f"\n{heading}" in text
    assert ("GIL %" in text.split("By process")[0]) == (width >= 100)
    want = made.sums(doc, lambda s: [MODULE[name] for name in s["stack"]])
    for module in ("app.core", "app.tree", "json"):
        (row,) = re.findall(rf"^ *([\d.]+ ±[\d.]+) +([\d.]+) +([\d.]+ ±[\d.]+) +([\d.]+).*  {re.escape(module)}$", text, re.M)
        shares = [made.share_text(one, made.cpu_seconds(doc), len(doc["samples"]), "").replace("± ", "±") for one in
                  (want[module].own, want[module].total)]
        assert [row[0], row[2]] == shares
        assert [float(row[1]), float(row[3])] == pytest.approx([want[module].own, want[module].total], abs=0.0051)


def test_it_begins_with_three_sentences(report, doc):
    """Where the time is, counted for who of the user's own code called it; the GIL; what was lost."""
    mine = made.collections.Counter()
    for sample in doc["samples"]:
        mine[[name for name in sample["stack"] if MODULE[name] != "json"][-1]] += sample["value"]
    name, most = mine.most_common(1)[0]
    where, gil, lacks, blank, *_ = report().split("\n")
    assert where.startswith(f"{100 * most / made.cpu_seconds(doc):.0f} % of the CPU time of 2 processes is in ")
    assert f"is in {name[len(MODULE[name]) + 1:]} ({FILE[name]}:" in where and "called from main (app/core.py:10)" in where
    assert "GIL" in gil and "by thread worker-" in gil
    assert lacks.startswith("Hardly anything is missing: 2,000 samples, 3 lost")
    assert not blank
    assert report("--json")["findings"] == {"where": where, "gil": gil, "lacks": lacks}
    narrow = report(COLUMNS="80").split("\n\n")[0]
    assert narrow.replace("\n", " ") == f"{where} {gil} {lacks}" and max(map(len, narrow.split("\n"))) <= 80
    assert report("--by", "line").startswith("target ") and report("--callers", "walk").startswith("target ")


def test_names_are_cut_between_their_parts(report, doc, tmp_path):
    """At 80 columns a long class and long folders go, never a part of the function's name, the file's or the line."""
    text = json.dumps(doc).replace("Engine.step", "AsynchronousTransactionalEngine.step_the_machine")
    path = tmp_path / "long.json"
    path.write_text(text.replace("app/db/sql.py", "app/database/backends/postgresql/sql.py"))
    for width in (80, 100):
        for by in ("function", "line", "tree", "callers"):
            cut = report("--by", by, path=path, COLUMNS=str(width))
            assert max(map(len, cut.splitlines())) <= width
            assert re.search(r"(…|AsynchronousTransactionalEngine\.)step_the_machine\b", cut), cut
            assert re.search(r"(…|postgresql)/sql.py" + r"(:\d+)?" * (by != "tree"), cut), cut
            assert not re.search(r"\w…(?! )|…(?!step_the_machine|(/[\w.]+)+| and )\S", cut), cut
    assert "app/database/backends/postgresql/sql.py:7" in report(path=path)  # whole in a pipe


def test_one_table_alone(report, pybpfprof, source):
    headings = {"function": "Hot functions", "line": "Hot lines", "file": "By file", "module": "By module",
                "thread": "By thread", "process": "By process", "tree": "Call tree", "callers": "Callers and callees"}
    for by, heading in headings.items():
        text = report("--by", by)
        assert [h for h in headings.values() if f"\n{h}" in text] == [heading]
    done = pybpfprof("report", "--by", "nothing", source)
    assert done.returncode == 2 and "function, line" in done.stderr
    assert pybpfprof("report", "--by", "line", "--callers", "x", source).returncode == 2


def test_source_text_of_what_ran(report, tmp_path):
    """Of the file as it was; of one that changed since, or has something else in that place, nothing."""
    doc = made.document(samples=50, root=str(tmp_path))
    (tmp_path / "app").mkdir()
    path = tmp_path / "app/core.py"
    path.write_text("\n" * 18 + "class Engine:\n    def step(self):\n        a\n        answer = 42  # \x1b[31m\n        d\n        e\n        f\n")
    os.utime(path, (doc["start"] - 100, doc["start"] - 100))
    made_json = tmp_path / "source.json"
    made_json.write_text(json.dumps(doc))
    shown = "answer = 42  # \\x1b[31m"
    text = report("--by", "line", path=made_json)
    assert re.search(rf"core.py:22 .*\n +│ {re.escape(shown)}\n", text)
    lines = report("--json", "--by", "line", path=made_json)["lines"]
    assert [r.get("source") for r in lines if r["line"] == 22] == [shown]
    assert not any("source" in r for r in lines if r["name"] in ("main", "Engine.load"))  # not in that file any more
    os.utime(path, (doc["start"] + 1, doc["start"] + 1))
    assert "answer" not in report("--by", "line", path=made_json)


def test_source_text_of_a_recording(python, pybpfprof, tmp_path, report):
    script = tmp_path / "busy.py"
    script.write_text("import time\ndef spin(until):\n    while time.process_time() < until:\n        sum(range(20000))\n\nspin(0.3)\n")
    done = pybpfprof("record", "-r", "999", "-q", "-o", "busy.pybpf", "--", python.path, script)
    assert done.returncode == 0, done.stderr
    lines = report("--json", "--by", "line", path=tmp_path / "busy.pybpf")["lines"]
    of_spin = [r for r in lines if r["name"] == "spin"]
    assert of_spin[0]["source"] == "sum(range(20000))" and of_spin[0]["line"] == 4


@pytest.mark.parametrize("options", [[], ["--layout", "icicle"]])
def test_flame_graphs_merged_from_the_leaf(pybpfprof, source, doc, tmp_path, options):
    """Folded stacks and SVG: each function that ran first, then its callers; both spellings of the option."""
    folded = {}
    for words in (["--merge-from", "leaf"], ["--reverse"]):
        done = pybpfprof("convert", "-i", source, "-o", "-", "-f", "folded", "--nolineno", *words)
        assert done.returncode == 0, done.stderr
        folded[words[0]] = done.stdout
    assert len(set(folded.values())) == 1
    want = made.collections.Counter()
    for s in doc["samples"]:
        command = doc["processes"][doc["threads"][s["thread"]]["process"]]["command"]
        frames = [f"{name[len(MODULE[name]) + 1:]} ({FILE[name]})" for name in reversed(s["stack"])]
        want[";".join([f'process {s["pid"]}:"{command}"', *frames])] += round(s["value"] * 1e9)
    assert dict(line.rsplit(" ", 1) for line in done.stdout.splitlines()) == {k: str(v) for k, v in want.items()}

    done = pybpfprof("flamegraph", "-i", source, "-o", "x.svg", "--merge-from", "leaf", *options)
    assert done.returncode == 0, done.stderr
    svg = (tmp_path / "x.svg").read_text()
    assert '"from_leaf":true' in svg and "merged from the leaf" in svg
    assert pybpfprof("flamegraph", "-i", source, "-o", "y.svg", "--merge-from", "sideways").returncode == 2
