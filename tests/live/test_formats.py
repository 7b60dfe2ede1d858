# SPDX-License-Identifier: MIT
"""pstats, JSON, folded and the report of the same recording: real readers open them, and they agree.

Two recordings: a made-up one with everything that is hard (equal names, hostile names, truncated stacks, several
processes), and a real one. What a file should say is computed here from the samples in the JSON, one by one.
"""

import collections
import contextlib
import json
import marshal
import math
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree

import pytest

import interpreters
from programs import PROGRAM, ROOT, built, prepared

pytestmark = pytest.mark.offline

jsonschema = pytest.importorskip("jsonschema")

SCHEMA = json.loads((ROOT / "user/format/profile.schema.json").read_bytes())
PAYLOAD = "</script><svg onload=\"planted=1\">;\x1b[31m\\]]>'\"&amp;\u202e"
VIEWS = [
    [],
    ["-t"],
    ["-F", "--full-filenames"],
    ["--nolineno"],
    ["-g"],
    ["-t", "-g", "--layout", "icicle", "--title", "T"],
]
BUSY = """
import threading
def inner(n):
    return sum(i * i for i in range(n))
def outer():
    for _ in range(300):
        inner(10000)
class Worker(threading.Thread):
    def run(self):
        outer()
threads = [Worker(name="worker %d" % i) for i in range(3)]
for t in threads: t.start()
outer()
for t in threads: t.join()
"""


def run(*args, **options):
    done = subprocess.run([str(a) for a in args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    assert done.returncode == 0, f"{args}: {done.returncode}\n{done.stderr.decode(errors='replace')}"
    return done.stdout


def convert(source, target, *options):
    run(PROGRAM, "convert", "-i", source, "-o", target, *options)
    return target.read_bytes()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("made") / "rec.pybpf"
    command = "pybpfprof -o x.svg -- " + PAYLOAD
    run(built("tests/unit/make_files"), "depth=60", "name=" + PAYLOAD, "command=" + command, path)
    return path


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recorded")
    program = folder / "busy.py"
    program.write_text(BUSY)
    run(PROGRAM, "record", "-r", "999", "-o", folder / "rec.pybpf", "--", "/usr/bin/python3", program, cwd=folder)
    return folder / "rec.pybpf"


@pytest.fixture(params=["made", "recorded"])
def recording(request):
    return request.getfixturevalue(request.param)


# ---- what the samples say, the slow way ---------------------------------------------------------------------


class Sums:
    def __init__(self):
        self.samples = self.own_samples = 0
        self.time, self.own_time = [], []

    def add(self, value, own):
        self.samples += 1
        self.time.append(value)
        if own:
            self.own_samples += 1
            self.own_time.append(value)

    def assert_equal(self, samples, time, own_samples, own_time):
        assert (samples, own_samples) == (self.samples, self.own_samples)
        assert time == pytest.approx(math.fsum(self.time), rel=1e-9, abs=1e-9)
        assert own_time == pytest.approx(math.fsum(self.own_time), rel=1e-9, abs=1e-9)


def identity(doc, name, which):
    """(file, first line, qualname) of an entry of a stack."""
    function = doc["functions"][name]
    function = function.get("variants", [function])[which]
    module = function["module"]
    return function["file"], function["line"], name[len(module) + 1 :] if module else name, function["origin"]


def stack_of(doc, sample):
    which = sample.get("which", [0] * len(sample["stack"]))
    assert len(sample["stack"]) == len(sample["lines"]) == len(which)
    return [identity(doc, name, i) for name, i in zip(sample["stack"], which)]


def add_up(samples, keys_of):
    """keys_of(sample) → keys in order from the root; each counts once per sample, the last one owns it."""
    sums = collections.defaultdict(Sums)
    for sample in samples:
        keys = keys_of(sample)
        for key in set(keys):
            sums[key].add(sample["value"], bool(keys) and key == keys[-1])
    return sums


# ---- JSON -------------------------------------------------------------------------------------------------------


def strict(schema):
    """The schema with every key that it does not describe forbidden."""
    if isinstance(schema, dict):
        schema = {key: strict(value) for key, value in schema.items()}
        if schema.get("type") == "object" and "properties" in schema and schema is not SCHEMA["$defs"]["function"]:
            schema.setdefault("additionalProperties", False)
        return schema
    return [strict(one) for one in schema] if isinstance(schema, list) else schema


def strict_schema():
    """`function` is used with `variants` beside it, so there it is checked where it is used."""
    whole = strict(SCHEMA)
    del whole["$defs"]["function"]["additionalProperties"]
    whole["properties"]["functions"]["additionalProperties"]["unevaluatedProperties"] = False
    return whole


@pytest.mark.reader("its schema", "json")
def test_json_is_what_its_schema_says(recording, tmp_path):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    doc = json.loads(convert(recording, tmp_path / "x.json"))
    # a validator takes 1 s for 3,000 samples: the first, and one of each kind
    doc["samples"] = doc["samples"][:500] + [s for s in doc["samples"] if "which" in s or "truncated" in s][:200]
    jsonschema.Draft202012Validator(strict_schema()).validate(doc)


def test_the_schema_refuses_and_accepts():
    validator = jsonschema.Draft202012Validator(SCHEMA)
    minimal = {
        "process_name": "app",
        "samples": [{"thread_id": 1, "stack": ["f"], "timestamp": 1.5}],
        "functions": {"f": {"samples": 1, "time": 0.01}},
    }
    validator.validate(minimal)
    validator.validate({**minimal, "of_others": {"x": []}})
    for wrong in (
        {**minimal, "samples": [{"thread_id": 1, "stack": [1], "timestamp": 1.5}]},
        {**minimal, "samples": [{"stack": ["f"], "timestamp": 1.5}]},
        {**minimal, "functions": {"f": {"time": "much"}}},
        {**minimal, "schema": "pybpfprof/2"},
        {"samples": []},
    ):
        assert not validator.is_valid(wrong)


def test_json_agrees_with_itself(recording, tmp_path):
    text = convert(recording, tmp_path / "x.json").decode()
    doc = json.loads(text)
    samples = doc["samples"]
    assert len(samples) == doc["sample_count"] > 100
    assert math.fsum(s["value"] for s in samples) == pytest.approx(doc["cpu_seconds"], rel=1e-9)
    # one sample a line: what grep finds is whole
    assert sum(line.startswith('{"timestamp":') for line in text.splitlines()) == len(samples)
    assert all(json.loads(line.rstrip(",]}")+"]}" if line.endswith("]}]}") else line.rstrip(","))
               for line in text.splitlines() if line.startswith('{"timestamp":'))

    names = add_up(samples, lambda s: s["stack"])
    assert set(names) == set(doc["functions"])
    for name, sums in names.items():
        f = doc["functions"][name]
        sums.assert_equal(f["samples"], f["time"], f["own_samples"], f["own_time"])
    functions = add_up(samples, lambda s: list(zip(s["stack"], s.get("which", [0] * len(s["stack"])))))
    for (name, which), sums in functions.items():
        f = doc["functions"][name]
        f = f.get("variants", [f])[which]
        sums.assert_equal(f["samples"], f["time"], f["own_samples"], f["own_time"])

    for sample in samples:
        thread = doc["threads"][sample["thread"]]
        process = doc["processes"][thread["process"]]
        assert (sample["thread_id"], sample["pid"]) == (thread["thread_id"], process["pid"])
    assert sum(l["samples"] for l in doc["lost"] if l["failure"]) == doc["failed_count"]
    assert [p["id"] for p in doc["processes"]] == list(range(len(doc["processes"])))


def test_made_json_has_the_hard_cases(made, tmp_path):
    """What the other tests rely on to be there."""
    doc = json.loads(convert(made, tmp_path / "x.json"))
    assert any("variants" in f for f in doc["functions"].values())
    assert any("which" in s for s in doc["samples"])
    assert any(f["origin"] == "mark" for f in doc["functions"].values())
    assert any(len(set(s["stack"])) < len(s["stack"]) for s in doc["samples"])
    assert {s["gil"] for s in doc["samples"]} >= {True, False}
    assert len(doc["processes"]) > 1 and doc["lost"]


# ---- pstats -----------------------------------------------------------------------------------------------------


def pstats_key(function):
    file, line, name, origin = function
    if origin == "mark":
        return "~", 0, name
    return file or "~", max(line, 0), name


def test_pstats_agrees_with_the_samples(recording, tmp_path):
    stats = marshal.loads(convert(recording, tmp_path / "x.prof"))
    doc = json.loads(convert(recording, tmp_path / "x.json"))
    stacks = {id(s): [pstats_key(f) for f in stack_of(doc, s)] for s in doc["samples"]}
    rows = add_up(doc["samples"], lambda s: stacks[id(s)])
    edges = add_up(doc["samples"], lambda s: list(zip(stacks[id(s)], stacks[id(s)][1:])))
    assert set(rows) == set(stats)
    for key, sums in rows.items():
        cc, nc, tt, ct, callers = stats[key]
        assert cc == nc
        sums.assert_equal(nc, ct, sums.own_samples, tt)
    assert {(caller, key) for key, row in stats.items() for caller in row[4]} == set(edges)
    for (caller, callee), sums in edges.items():
        cc, nc, tt, ct = stats[callee][4][caller]
        assert cc == nc
        sums.assert_equal(nc, ct, sums.own_samples, tt)
    assert math.fsum(row[2] for row in stats.values()) == pytest.approx(doc["cpu_seconds"], rel=1e-9)


OPEN_PSTATS = """
import io, json, pstats, sys
out = io.StringIO()
stats = pstats.Stats(sys.argv[1], stream=out)
stats.sort_stats("cumulative").print_stats()
stats.print_callers()
stats.print_callees()
both = pstats.Stats(sys.argv[1], sys.argv[1], stream=out).strip_dirs()
rows = [[list(key), row[:4], sorted([list(k), v] for k, v in row[4].items())] for key, row in stats.stats.items()]
print(json.dumps([stats.total_tt, stats.total_calls, both.total_tt, sorted(rows), "Ordered by" in out.getvalue()]))
"""


@pytest.mark.reader("pstats of every CPython", "pstats")
def test_pstats_opens_in_every_cpython(recording, tmp_path):
    wanted = convert(recording, tmp_path / "x.prof")
    stats = marshal.loads(wanted)
    pythons = [i for i in interpreters.ALL if i.minor >= (3, 6)]
    assert len(pythons) > 1
    texts = {}
    for python in pythons:
        got = json.loads(run(python.path, "-c", OPEN_PSTATS, tmp_path / "x.prof"))
        assert got[0] == pytest.approx(math.fsum(row[2] for row in stats.values()))
        assert got[1] == sum(row[1] for row in stats.values())
        assert got[2] == pytest.approx(2 * got[0])
        assert got[4] is True
        texts[python.version] = json.dumps(got[3])
        # what it writes itself is the same profile
        again = "import pstats, sys; pstats.Stats(sys.argv[1]).dump_stats(sys.argv[2])"
        run(python.path, "-c", again, tmp_path / "x.prof", tmp_path / "again.prof")
        assert marshal.loads((tmp_path / "again.prof").read_bytes()) == stats
    assert len(set(texts.values())) == 1


@pytest.fixture(scope="module")
def venv():
    done = prepared("test-venv.sh")
    if done.returncode:
        pytest.skip(f"no virtual environment with the viewers: {done.stderr.decode(errors='replace')[-300:]}")
    return pathlib.Path(done.stdout.decode().strip())


@pytest.fixture
def hottest(recording, tmp_path):
    """(path of the pstats file, its rows, the key with the most time of its own)"""
    path = tmp_path / "x.prof"
    stats = marshal.loads(convert(recording, path))
    return path, stats, max(stats, key=lambda key: stats[key][2])


@pytest.mark.reader("snakeviz", "pstats")
def test_pstats_opens_in_snakeviz(hottest, venv):
    path, stats, hot = hottest
    load = "import json, pstats, sys; from snakeviz.stats import *; s = pstats.Stats(sys.argv[1]); "
    load += "print(json.dumps([table_rows(s), json_stats(s)]))"
    rows, tree = json.loads(run(venv / "bin/python", "-c", load, path))
    assert len(rows) == len(stats)
    # it leaves out what neither calls nor is called
    connected = {key for key, row in stats.items() if row[4]} | {c for row in stats.values() for c in row[4]}
    names = {"{}:{}({})".format(*key): key for key in stats}
    assert {names[name] for name in tree} == connected
    assert tree["{}:{}({})".format(*hot)]["stats"] == list(stats[hot][:4])


@pytest.mark.reader("tuna", "pstats")
def test_pstats_opens_in_tuna(hottest, venv):
    path, stats, hot = hottest
    load = "import json, sys; from tuna.main import read; print(json.dumps(read(sys.argv[1])))"
    tree = json.loads(run(venv / "bin/python", "-c", load, path))
    shown, todo = set(), [tree]
    while todo:
        node = todo.pop()
        shown.update(node["text"][:1])
        todo += node.get("children", [])
    keys = {"{}::{}::{}".format(*key) for key in stats}
    assert {text for text in shown if "::" in text} <= keys | {key + "::self" for key in keys}
    # it draws from functions that nobody calls up to functions with several callers
    if "inner" in hot[2]:
        assert any(text.endswith("busy.py::5::outer") for text in shown)
    assert len(shown) > 3


@pytest.mark.reader("gprof2dot", "pstats")
def test_pstats_opens_in_gprof2dot(hottest, venv):
    path, _, hot = hottest
    dot = run(venv / "bin/gprof2dot", "-f", "pstats", "-n", "0", "-e", "0", path).decode()
    assert dot.startswith("digraph") and hot[2].replace("\\", "\\\\").replace('"', '\\"') in dot
    assert dot.count("->") > 2


@pytest.mark.reader("flameprof", "pstats")
def test_pstats_opens_in_flameprof(hottest, venv):
    path, _, hot = hottest
    drawn = xml.etree.ElementTree.fromstring(run(venv / "bin/python", "-m", "flameprof", path))
    assert hot[2] in "".join(drawn.itertext())
    assert run(venv / "bin/python", "-m", "flameprof", "--format=log", path).decode().count("\n") > 1


# ---- folded -----------------------------------------------------------------------------------------------------


def folded_text(function):
    file, line, name, origin = function
    text = name if origin == "mark" or not file else f"{name} ({file}:{line})"
    return text.replace(";", ":")


def test_folded_agrees_with_the_samples(recording, tmp_path):
    text = convert(recording, tmp_path / "x.folded", "-F", "--full-filenames", "--import-frames").decode()
    doc = json.loads(convert(recording, tmp_path / "x.json"))
    got, wanted = collections.Counter(), collections.Counter()
    for line in text.splitlines():
        stack, ns = line.rsplit(" ", 1)
        frames = stack.split(";")
        got[";".join(frames[1:] if frames[0].startswith("process ") else frames)] += int(ns)
    for sample in doc["samples"]:
        wanted[";".join(map(folded_text, stack_of(doc, sample)))] += round(sample["value"] * 1e9)
    assert got == wanted


# ---- the same from either ---------------------------------------------------------------------------------------


def outputs(source, folder, view):
    folder.mkdir()
    names = ["x.prof", "x.folded", "x.svg"]
    run(PROGRAM, "convert", "-i", source, *(w for n in names for w in ("-o", folder / n)), *view)
    made = {n: (folder / n).read_bytes() for n in names}
    gil = ["-g"] if "-g" in view else []
    made["report"] = run(PROGRAM, "report", *gil, "-n", "1000", source)
    return made


def reformatted(path, folder):
    """The JSON as other tools leave it: other spaces, other order, tables behind the samples, other floats."""
    doc = json.loads(path.read_bytes())

    def backwards(value):
        if isinstance(value, dict):
            return {key: backwards(value[key]) for key in reversed(list(value))}
        return [backwards(one) for one in value] if isinstance(value, list) else value

    (folder / "sorted.json").write_text(json.dumps(doc, sort_keys=True, indent=1))
    (folder / "backwards.json").write_text(json.dumps(backwards(doc), ensure_ascii=False))
    yield folder / "sorted.json"
    yield folder / "backwards.json"
    if shutil.which("node"):
        script = "const fs = require('fs'); const d = JSON.parse(fs.readFileSync(process.argv[1]));"
        script += "process.stdout.write(JSON.stringify(d, null, 3))"
        (folder / "node.json").write_bytes(run("node", "-e", script, path))
        yield folder / "node.json"


def test_json_is_as_good_as_the_recording(recording, tmp_path):
    convert(recording, tmp_path / "x.json")
    for i, view in enumerate(VIEWS):
        wanted = outputs(recording, tmp_path / f"rec{i}", view)
        got = outputs(tmp_path / "x.json", tmp_path / f"json{i}", view)
        for name in wanted:
            assert got[name] == wanted[name], f"{name} {view}"


@pytest.mark.reader("pybpfprof", "json")
def test_json_may_be_reformatted(recording, tmp_path):
    convert(recording, tmp_path / "x.json")
    wanted = outputs(recording, tmp_path / "rec", ["-t"])
    seen = 0
    for path in reformatted(tmp_path / "x.json", tmp_path):
        got = outputs(path, tmp_path / f"out{seen}", ["-t"])
        for name in wanted:
            assert got[name] == wanted[name], f"{name} from {path.name}"
        seen += 1
    assert seen >= 2


def test_json_to_recording_and_back(recording, tmp_path):
    first = convert(recording, tmp_path / "a.json")
    convert(tmp_path / "a.json", tmp_path / "b.pybpf")
    assert convert(tmp_path / "b.pybpf", tmp_path / "b.json") == first
    assert convert(tmp_path / "b.json", tmp_path / "c.json") == first


def test_json_onto_itself(made, tmp_path):
    """Input and output may be the same file."""
    path = tmp_path / "x.json"
    first = convert(made, path)
    assert convert(path, path) == first


# ---- report -----------------------------------------------------------------------------------------------------


def report(source, *options, env=None):
    return run(PROGRAM, "report", *options, source, env=env).decode()


def table(text, heading):
    lines = re.sub(r" ±[\d.]+", "", text.split(f"\n{heading}\n")[1].split("\n\n")[0]).splitlines()
    return [line.split(None, 5) for line in lines[1:] if not line.lstrip().startswith("│")]  # source text


def test_report_agrees_with_pstats(recording, tmp_path):
    stats = marshal.loads(convert(recording, tmp_path / "x.prof"))
    text = report(recording, "-n", "100000", "--full-filenames", "--import-frames")
    total = math.fsum(row[2] for row in stats.values())
    rows = table(text, "Hot functions")
    seconds = "%.3f" if total < 10 else "%.2f"
    assert len(rows) == len(stats)
    assert [row[1] for row in rows] == sorted((row[1] for row in rows), key=float, reverse=True)
    assert sorted(row[1] for row in rows) == sorted(seconds % row[2] for row in stats.values())
    assert sorted(row[3] for row in rows) == sorted(seconds % row[3] for row in stats.values())
    # each is as exact as it says
    assert math.fsum(float(row[0]) for row in rows) == pytest.approx(100, abs=0.5 * len(rows))
    assert f"{total:.2f} CPU seconds" in text
    lines = table(text, "Hot lines")
    assert math.fsum(float(row[1]) for row in lines) == pytest.approx(total, abs=0.005 * len(lines))


def test_report_tells_processes_threads_and_losses(made, tmp_path):
    doc = json.loads(convert(made, tmp_path / "x.json"))
    text = report(made)
    assert len(table(text, "By process")) == len({s["pid"] for s in doc["samples"]})
    assert len(table(text, "By thread")) == len({s["thread"] for s in doc["samples"]})
    for lost in doc["lost"]:
        assert re.search(rf"\b{lost['samples']}\b.*{re.escape(lost['sentence'])}", text)
    assert "\nLost or failed\n" in text and "\nWithout Python (no failure)\n" in text


@pytest.mark.parametrize("width", [60, 80, 100, 132, 200])
def test_report_fits_the_terminal(made, width):
    text = report(made, env={"COLUMNS": str(width)})
    assert max(map(len, text.splitlines())) <= max(width, 72)
    assert len(table(text, "Hot functions")) == 21  # and one that says how many more


def test_pstats_of_nothing_opens(tmp_path):
    """pstats itself refuses a file without rows."""
    (tmp_path / "x.json").write_text('{"process_name": "app", "samples": [], "functions": {}}')
    convert(tmp_path / "x.json", tmp_path / "x.prof")
    shown = json.loads(run(sys.executable, "-c", OPEN_PSTATS, tmp_path / "x.prof"))
    assert shown[0] == 0 and shown[1] == 0 and [row[0][2] for row in shown[3]] == ["<no samples>"]


def test_report_of_nothing_says_so(tmp_path):
    (tmp_path / "x.json").write_text('{"process_name": "app", "samples": [], "functions": {}}')
    assert "No samples" in report(tmp_path / "x.json")


# ---- hostile names ------------------------------------------------------------------------------------------------


def test_hostile_names_are_inert(made, tmp_path):
    doc = json.loads(convert(made, tmp_path / "x.json"))
    shown = PAYLOAD.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e")
    assert any(name.endswith(shown) for name in doc["functions"])
    assert PAYLOAD.split("\\")[0].replace("\x1b", "\\x1b") in doc["command"]
    texts = [convert(made, tmp_path / name).decode() for name in ("x.json", "x.folded", "x.svg")]
    texts += [report(made, "-n", "1000"), report(made, env={"COLUMNS": "90"})]
    for text in texts:
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]", text)
    assert "</script" not in texts[0]
    # pstats holds data only: marshal's types, and the name as one text
    assert any(key[2] == shown for key in marshal.loads(convert(made, tmp_path / "x.prof")))


# ---- commands -------------------------------------------------------------------------------------------------------


def fails(status, words, *args, **options):
    done = subprocess.run([str(a) for a in (PROGRAM, *args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    assert done.returncode == status, done.stderr
    for word in words:
        assert word in done.stderr.decode(), done.stderr
    assert not done.stdout
    return done


def test_flamegraph_names_its_output(made, tmp_path):
    shutil.copy(made, tmp_path / "a.b.pybpf")
    run(PROGRAM, "flamegraph", "--input", "a.b.pybpf", cwd=tmp_path)
    run(PROGRAM, "flamegraph", "-i", "a.b.pybpf", "-o", "c.svg", "--title", "Mine", cwd=tmp_path)
    drawn = run(PROGRAM, "flamegraph", "a.b.pybpf", "-o", "-", cwd=tmp_path)
    assert drawn == (tmp_path / "a.b.svg").read_bytes()
    assert b"Mine" in (tmp_path / "c.svg").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.b.pybpf", "a.b.svg", "c.svg"]
    fails(2, ["x.prof", "convert"], "flamegraph", "-i", made, "-o", tmp_path / "x.prof")
    run(PROGRAM, "flamegraph", "a.b.pybpf", cwd=tmp_path)  # its own may go
    (tmp_path / "a.b.svg").write_text("<svg>drawn by hand</svg>")
    fails(2, ["a.b.svg", "-o"], "flamegraph", "a.b.pybpf", cwd=tmp_path)
    assert "by hand" in (tmp_path / "a.b.svg").read_text()
    run(PROGRAM, "flamegraph", "a.b.pybpf", "-o", "a.b.svg", cwd=tmp_path)


def test_what_is_refused_leaves_nothing(made, tmp_path):
    (tmp_path / "text").write_text("hello")
    (tmp_path / "bad.json").write_text('{"samples": [\n{"stack": 1}]}')
    fails(2, ["no such command", "record", "report"], "nonsense")
    fails(2, ["record", "report"], "re")
    fails(2, ["-o FILE"], "convert", "-i", made, cwd=tmp_path)
    fails(2, ["no recording"], "convert", "-o", "x.svg", cwd=tmp_path)
    fails(2, ["x.foo", ".svg", ".prof"], "convert", "-i", made, "-o", "x.foo", cwd=tmp_path)
    fails(2, ["-f"], "convert", "-i", made, "-o", "-", cwd=tmp_path)
    fails(2, ["pdf", "svg"], "convert", "-i", made, "-o", "x.svg", "-f", "pdf", cwd=tmp_path)
    fails(2, ["twice"], "convert", "-i", made, "-o", "x.svg", "-o", "x.svg", cwd=tmp_path)
    fails(2, ["exclude"], "convert", "-i", made, "-o", "x.svg", "-F", "--nolineno", cwd=tmp_path)
    fails(2, ["sideways"], "convert", "-i", made, "-o", "x.svg", "--layout", "sideways", cwd=tmp_path)
    fails(2, ["-n x"], "report", "-n", "x", made, cwd=tmp_path)
    fails(1, ["nowhere"], "convert", "-i", made, "-o", "nowhere/x.svg", cwd=tmp_path)
    fails(1, ["missing"], "report", "missing", cwd=tmp_path)
    fails(1, ["text"], "report", "text", cwd=tmp_path)
    fails(1, ["bad.json", "line 2", "stack"], "convert", "-i", "bad.json", "-o", "x.svg", cwd=tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.json", "text"]


def test_help_and_version():
    assert b"record" in run(PROGRAM, "--help") == run(PROGRAM, "help") == run(PROGRAM, "-h")
    assert re.match(rb"pybpfprof \d+\.\d+\.\d+\n$", run(PROGRAM, "--version"))
    assert run(PROGRAM, "convert", "--version") == run(PROGRAM, "--version")
    for command in ("record", "report", "flamegraph", "convert"):
        text = run(PROGRAM, command, "--help")
        assert text == run(PROGRAM, "help", command) == run(PROGRAM, command[:4] if command != "record" else "r", "-h")
        assert max(map(len, text.decode().splitlines())) <= 80


def test_format_option(made, tmp_path):
    """With one output -f overrides its extension; with several it is for those that have none."""
    folded = convert(made, tmp_path / "x.folded")
    assert run(PROGRAM, "convert", "-i", made, "-o", "-", "-f", "raw") == folded
    assert convert(made, tmp_path / "x.svg", "-f", "collapsed") == folded
    out = run(PROGRAM, "convert", "-i", made, "-o", tmp_path / "y.prof", "-o", "-", "-f", "folded")
    assert out == folded
    assert marshal.loads((tmp_path / "y.prof").read_bytes())
    fails(2, ["-f folded"], "convert", "-i", made, "-o", tmp_path / "a.svg", "-o", tmp_path / "b.svg", "-f", "folded")


def test_a_reader_that_goes_away_is_no_error(made, tmp_path):
    convert(made, tmp_path / "x.json")
    for args in (["convert", "-o", "-", "-f", "json", "-i"], ["report", "-n", "100000"]):
        process = subprocess.Popen(
            [str(PROGRAM), *args, str(tmp_path / "x.json")], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        process.stdout.close()
        said = process.stderr.read()
        assert (process.wait(60), said) == (0, b"")


def test_ctrl_c_leaves_no_file(made, tmp_path):
    """A conversion that is stopped removes what it had begun."""
    head, tail = convert(made, tmp_path / "x.json").split(b'"samples":[\n')
    lines = tail.rpartition(b"]}")[0]
    (tmp_path / "big.json").write_bytes(head + b'"samples":[\n' + b",".join([lines] * 40) + b"]}")
    process = subprocess.Popen([str(PROGRAM), "convert", "-i", str(tmp_path / "big.json"), "-o", str(tmp_path / "y.json")])
    end = time.monotonic() + 60
    begun = 0
    while not begun:
        assert process.poll() is None and time.monotonic() < end
        with contextlib.suppress(FileNotFoundError):  # a first one is made and removed as a trial
            begun = sum(path.stat().st_size for path in tmp_path.glob(".y.json.*.tmp"))
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == -signal.SIGINT
    assert sorted(p.name for p in tmp_path.iterdir()) == ["big.json", "x.json"]


def test_closed_standard_descriptors_are_filled(made, tmp_path):
    """With stdout and stderr closed no file gets their numbers, and with them our messages."""
    command = 'exec "$0" flamegraph -i "$1" -o "$2" <&- >&- 2>&-'
    done = subprocess.run(["sh", "-c", command, str(PROGRAM), str(made), str(tmp_path / "x.svg")])
    assert done.returncode == 0
    xml.etree.ElementTree.parse(tmp_path / "x.svg")
