# SPDX-License-Identifier: MIT
"""A recording with three value types, functions of every kind, tasks and labels: other people's readers have the same
own and total per function and type as the samples in our JSON, taken one by one. (The recording is made up:
tests/unit/mixed_profile.h.)
"""

import collections
import gzip
import json
import pstats
import re
import subprocess

import pytest

import html_page
import readers
from browser import driver  # noqa: F401 (a fixture)
from programs import PROGRAM, ROOT, built
from test_formats import run
from test_html import Page, until

pytestmark = pytest.mark.offline

jsonschema = pytest.importorskip("jsonschema")

TYPES = {"cpu": "nanoseconds", "alloc": "bytes", "faults": "count"}
FORMATS = [".html", ".folded", ".prof", ".pb.gz", ".json", ".jsonl", ".speedscope.json", ".profile.json.gz", ".callgrind", ".trace.json"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The recording, and for each type a file of each format."""
    folder = tmp_path_factory.mktemp("types")
    run(built("tests/unit/make_files"), "mixed=1", folder / "rec.pybpf")
    for name in TYPES:
        outputs = [word for end in FORMATS for word in ("-o", folder / (name + end))]
        run(PROGRAM, "convert", "-i", folder / "rec.pybpf", "--type", name, *outputs)
    return folder


def schema(name):
    return json.loads((ROOT / f"user/format/{name}.schema.json").read_bytes())


@pytest.fixture(scope="module")
def wanted(made):
    """By type: function → (own, total), in nanoseconds, bytes, a number."""
    doc = json.loads((made / "cpu.json").read_bytes())
    rows = {name: collections.defaultdict(lambda: [0, 0]) for name in TYPES}
    for sample in doc["samples"]:
        kind = doc["value_types"][sample.get("value_type", 0)]
        value = round(sample["value"] * 1e9) if kind["unit"] == "seconds" else sample["amount"]
        own = rows[kind["name"]]
        own[sample["stack"][-1]][0] += value
        for function in set(sample["stack"]):
            own[function][1] += value
    assert all(len(functions) == 10 for functions in rows.values())
    return {name: {f: tuple(pair) for f, pair in functions.items()} for name, functions in rows.items()}


@pytest.mark.parametrize("name", TYPES)
def test_files_are_what_their_schemas_say(made, name):
    jsonschema.validate(json.loads((made / f"{name}.json").read_bytes()), schema("profile"))
    lines = schema("jsonl")
    for kind in lines["oneOf"]:
        kind["additionalProperties"] = False  # only here: others may add keys
    seen = set()
    for line in map(json.loads, (made / f"{name}.jsonl").read_text().splitlines()):
        jsonschema.validate(line, lines)
        seen.add(line["type"])
    assert seen == {kind["properties"]["type"]["const"] for kind in lines["oneOf"]}
    jsonschema.validate(json.loads(run(PROGRAM, "report", "--json", "--type", name, made / "rec.pybpf")), schema("report"))
    jsonschema.validate(json.loads(run(PROGRAM, "diff", "--json", "--type", name, made / "rec.pybpf", made / "cpu.json")), schema("diff"))


@pytest.mark.parametrize("name", TYPES)
def test_the_document_sums_its_samples(made, wanted, name):
    doc = json.loads((made / f"{name}.json").read_bytes())
    time, own = ("time", "own_time") if name == "cpu" else ("amount", "own_amount")
    scale = 1e9 if name == "cpu" else 1
    assert {f: (round(row[own] * scale), round(row[time] * scale)) for f, row in doc["functions"].items()} == wanted[name]
    kinds = {f: row.get("kind", "python") for f, row in doc["functions"].items()}
    assert kinds["memcpy"] == "native" and kinds["min<int>"] == "inlined" and kinds["do_page_fault"] == "kernel"
    assert kinds["[truncated]"] == "synthetic" and kinds["app.main"] == "python"


@pytest.mark.parametrize("name", TYPES)
def test_top_of_a_type(made, wanted, name):
    doc = json.loads(run(PROGRAM, "top", "--input", made / "rec.pybpf", "--type", name, "--json"))
    unit, scale = ("seconds", 1e9) if name == "cpu" else ("amount", 1)
    rows = {}
    for row in doc["rows"]:
        function = row["function"] if row["module"] not in ("app", "json", "requests") else f"{row['module']}.{row['function']}"
        rows[function] = (round(row[f"own_{unit}"] * scale), round(row[f"total_{unit}"] * scale))
    assert rows == wanted[name]
    assert doc.get("value_type", "cpu") == name
    assert sum(row["own_percent"] for row in doc["rows"]) == pytest.approx(100, abs=0.1)
    table = run(PROGRAM, "top", "--input", made / "rec.pybpf", "--type", name, "--once").decode()
    header, titles = {"cpu": ("CPUs busy in", "Own   Total"), "alloc": ("MiB allocated/s in", "Own MiB Total MiB"),
                      "faults": ("page faults/s in", "Own   Total")}[name]  # fmt: skip
    assert header in table and titles in table


@pytest.mark.parametrize("name", TYPES)
def test_pprof_has_a_column(made, wanted, name):
    try:
        text = readers.pprof("-top", "-functions", *readers.PPROF_ALL[:3], f"-unit={'ns' if name == 'cpu' else 'B' if name == 'alloc' else 'count'}",
                             f"-sample_index={name}", made / "alloc.pb.gz")  # fmt: skip
    except readers.Missing as missing:
        pytest.skip(str(missing))
    rows = {}
    for line in text.partition("\n      flat")[2].splitlines()[1:]:
        flat, _, _, cum, _, key = line.split(None, 5)
        rows[key.removesuffix(" (inline)")] = tuple(round(float(re.sub("[a-zA-Z]+$", "", n))) for n in (flat, cum))
    assert rows == wanted[name]


def test_pprof_knows_tasks_labels_and_what_is_inlined(made):
    try:
        raw = readers.pprof("-raw", made / "cpu.pb.gz")
    except readers.Missing as missing:
        pytest.skip(str(missing))
    assert "task:[fetch]" in raw and "task:[Spider.main()]" in raw and "pod:[shop-1]" in raw and "unit:[app.service]" in raw
    assert re.search(r"min<int> /build/util.h:61.*\n +memcpy /build/string/memcpy.c:51", raw)
    for object in ("libc.so.6", "libpython3.12.so", "[kernel.kallsyms]", "[ext4]", "/usr/bin/python3.12"):
        assert object in raw


@pytest.mark.parametrize("name", TYPES)
def test_pstats_of_a_type(made, wanted, name):
    stats = pstats.Stats(str(made / f"{name}.prof")).stats
    scale = 1e9 if name == "cpu" else 1
    assert sorted((round(own * scale), round(total * scale)) for _, _, own, total, _ in stats.values()) == sorted(wanted[name].values())
    names = {key[2] for key in stats}
    assert {"memcpy", "[truncated]", "<kernel do_page_fault>", "<libpython3.12.so _PyEval_EvalFrameDefault>"} <= names


@pytest.mark.parametrize("name", TYPES)
def test_folded_of_a_type(made, wanted, name):
    rows = collections.Counter()
    for line in (made / f"{name}.folded").read_text().splitlines():
        stack, _, value = line.rpartition(" ")
        rows[stack.rpartition(";")[2].partition(" (")[0]] += int(value)
    own = {f.rpartition(".")[2] if f[0] != "[" else f: pair[0] for f, pair in wanted[name].items() if pair[0]}
    assert rows == own


@pytest.mark.parametrize("name", TYPES)
def test_speedscope_of_a_type(made, wanted, name):
    """All types are there; the chosen one comes first."""
    file = json.loads((made / f"{name}.speedscope.json").read_bytes())
    units = {"cpu": "nanoseconds", "alloc": "bytes", "faults": "none"}
    assert [p["unit"] for p in file["profiles"][::3]] == [units[name]] + [units[other] for other in TYPES if other != name]
    try:
        validator = jsonschema.Draft7Validator(json.loads((readers.npm() / "speedscope/dist/release/file-format-schema.json").read_bytes()))
        profile = readers.speedscope(made / f"{name}.speedscope.json")["profiles"][0]
    except readers.Missing as missing:
        pytest.skip(str(missing))
    validator.validate(file)
    assert sorted((round(f["own"]), round(f["total"])) for f in profile["frames"]) == sorted(wanted[name].values())


@pytest.mark.parametrize("name", TYPES)
def test_firefox_tracks(made, wanted, name):
    doc = json.loads(gzip.decompress((made / f"{name}.profile.json.gz").read_bytes()))
    kinds = {"tracing-ms": "cpu", "bytes": "alloc", "samples": "faults"}
    sums = collections.Counter()
    for thread in doc["threads"]:
        kind = kinds[thread["samples"]["weightType"]]
        sums[kind] += sum(thread["samples"]["weight"]) * (1e6 if kind == "cpu" else 1)
    assert kinds[doc["threads"][0]["samples"]["weightType"]] == name
    assert {kind: round(n) for kind, n in sums.items()} == {kind: sum(own for own, _ in rows.values()) for kind, rows in wanted.items()}


@pytest.mark.parametrize("name", TYPES)
def test_chrome_trace_of_a_type(made, wanted, name):
    events = json.loads((made / f"{name}.trace.json").read_bytes())["traceEvents"]
    moments = [e for e in events if e["ph"] == "i" and e["s"] == "t"]
    whole = sum(own for own, _ in wanted[name].values())
    if name != "cpu":
        assert sum(e["args"][name] for e in moments) == whole
        assert not any(e["ph"] in "BE" for e in events)
        return
    depth, spent, last = collections.Counter(), 0, {}
    for e in events:
        if e["ph"] in "BE":
            spent += round((e["ts"] - last.get(e["tid"], 0)) * 1000) if depth[e["tid"]] else 0
            depth[e["tid"]] += 1 if e["ph"] == "B" else -1
            last[e["tid"]] = e["ts"]
    assert not moments and spent == whole


def shown_name(function):
    """As our JSON names it: of Python with its module."""
    return function.rpartition(".")[2] if function[0] != "[" else function


@pytest.mark.parametrize("name", TYPES)
def test_a_page_holds_every_type(made, wanted, name):
    """All types are there; the chosen one is shown first."""
    data = html_page.Page(made / f"{name}.html")
    assert [t["name"] for t in data.head["types"]] == list(TYPES) and data.type["name"] == name
    for kind in data.head["types"]:
        own, total = collections.Counter(), collections.Counter()
        for _, stack, _, _, value, slices in data.parts(kind):
            names = [data.function(data["frame_function"][f - 1])[2] for f in data.stack(stack)]
            own[names[-1]] += value
            total.update(dict.fromkeys(names, value))
            assert abs(sum(v for _, _, v in slices) - value) <= kind["row_unit"] / 2 + 1
        assert {n: (own[n], total[n]) for n in total} == {shown_name(f): pair for f, pair in wanted[kind["name"]].items()}


UNITS = {"cpu": (1e9, "CPU s", "CPU time"), "alloc": (1 << 20, "MiB allocated", "memory allocated"), "faults": (1, "page faults", "page faults")}


def amount(value, name):
    return f"{value / UNITS[name][0]:.{0 if name == 'faults' else 3}f} {UNITS[name][1]}"


@pytest.mark.reader("Chromium", "html")
def test_the_page_switches_between_types(made, wanted, driver):  # noqa: F811
    """Flame graph, table, callers, sources and time order are of the type that is chosen in the page, in its unit."""
    page = Page(driver)
    driver.set_window_size(1400, 900)
    page.open(made / "cpu.html")
    for name in ("alloc", "faults", "cpu"):
        page.keys("1")
        page.script("const s = document.getElementById('type'); s.value = arguments[0]; s.dispatchEvent(new Event('change'))", name)
        whole = sum(own for own, _ in wanted[name].values())
        shares = {shown_name(f): tuple(f"{100 * v / whole:.2f}%" for v in pair) for f, pair in wanted[name].items()}
        until(lambda: page.fragment().get("type", "cpu") == name, "the address has the type")
        assert page.text("figures") == f"{amount(whole, name)} · 20 samples" and f"share of {UNITS[name][2]}." in page.text("name")
        frames = {f["text"].partition(" (")[0]: f for f in page.frames()}
        for function in ("main", "loads", "memcpy", "min<int>", "ext4_read"):
            wide = frames[function]["width"] / frames["all"]["width"]
            assert wide == pytest.approx(float(shares[function][1][:-1]) / 100, abs=0.001), (name, function)
        page.keys("4")
        assert {row[0].partition(" (")[0]: row[1:3] for row in page.rows()} == shares
        page.keys("3")
        page.script("[...document.querySelectorAll('#functions .row')].find(r => r.textContent.includes('main')).click()")
        own, total = wanted[name]["app.main"]
        until(lambda: amount(total, name) in page.text("figures") and "main" in page.text("name"), "callers are of the type")
        beside = next(f for f in page.frames("sandwich") if f["text"].startswith("loads ("))
        middle = next(f for f in page.frames("sandwich") if f["text"].startswith("main ("))
        assert beside["width"] / middle["width"] == pytest.approx(wanted[name]["json.loads"][1] / total, abs=0.001)
        page.keys("5")
        page.script("const s = document.getElementById('files'); s.value = [...s.options].find(o => o.text.includes('json')).value;"
                    "s.dispatchEvent(new Event('change'))")
        assert page.script("return document.querySelector('#code .line .total').textContent") == shares["loads"][1]
        assert page.script("return document.querySelector('#code .line .total').title") == amount(wanted[name]["json.loads"][1], name)
        page.keys("2")
        frames = page.frames("time")
        lanes = [f for f in frames if f["text"].startswith("main (") and f["width"] > 1]
        assert lanes and max(f["width"] for f in frames) < 300  # half a second of five
    url = driver.current_url
    page.keys("v")
    until(lambda: page.fragment()["type"] == "alloc", "the next one, by key")
    driver.get(url.partition("#")[0] + "?#view=table&type=faults")
    page.wait_ready()
    assert page.element("type").get_property("value") == "faults" and "20 samples" in page.text("facts")
    assert page.problems() == []


def test_one_type_needs_no_choice(made, tmp_path, driver):  # noqa: F811
    doc = json.loads((made / "cpu.json").read_bytes())
    doc["samples"] = [s for s in doc["samples"] if not s.get("value_type")]
    doc["value_types"] = doc["value_types"][:1]
    doc["losses"] = []
    (tmp_path / "one.json").write_text(json.dumps(doc))
    run(PROGRAM, "convert", "-i", tmp_path / "one.json", "-o", tmp_path / "one.html")
    page = Page(driver)
    page.open(tmp_path / "one.html")
    assert page.script("return document.getElementById('type').hidden")


def test_a_type_that_is_not_there(made, tmp_path):
    for command in (["convert", "-i", made / "rec.pybpf", "-o", tmp_path / "x.svg"], ["report", made / "rec.pybpf"],
                    ["top", "--json", "--input", made / "rec.pybpf"], ["diff", made / "rec.pybpf", made / "cpu.json"]):  # fmt: skip
        done = subprocess.run([str(PROGRAM), *map(str, command), "--type", "nonsense"], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert done.returncode not in (0, 64) and "only of: cpu, alloc, faults" in done.stderr
    assert not (tmp_path / "x.svg").exists()
