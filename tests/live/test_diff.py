# SPDX-License-Identifier: MIT
"""`diff`: against sums of the samples of both sides; what chance is, what a CI job gets, the picture in a browser.

The recordings are made up with fixed seeds (made.py), so what is chance in them is the same in every run.
"""

import json
import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

import made
import svg_data
from programs import ROOT, built
from browser import driver  # noqa: F401 (a fixture)
from test_svg import Page

pytestmark = pytest.mark.offline

jsonschema = pytest.importorskip("jsonschema")

SCHEMA = json.loads((ROOT / "user/format/diff.schema.json").read_bytes())
SLOWER = {2: 30}  # query: from 12 to 30
MODULE = {made.full_name(name): module for name, (module, _, _) in made.FUNCTIONS.items()}
FILE = {made.full_name(name): file for name, (_, file, _) in made.FUNCTIONS.items()}
PAYLOAD = "</script><svg onload=\"window.planted=1\">|`\x1b[31m\u202e"


@pytest.fixture(scope="module")
def sides(tmp_path_factory):
    """Before, the same again with other PIDs, folder and lines, and with a slower `query`."""
    folder = tmp_path_factory.mktemp("diff")
    docs = {
        "before": made.document(11),
        "again": made.document(12, pid=7000, root="/opt/v2", moved=3),
        "slower": made.document(13, pid=7000, root="/opt/v2", moved=3, weights=SLOWER),
        "double": made.document(14, samples=6000),
        "without": made.document(15, weights={6: 0, 7: 40}),
    }
    for name, doc in docs.items():
        (folder / f"{name}.json").write_text(json.dumps(doc))
    docs["folder"] = folder
    return docs


@pytest.fixture
def diff(pybpfprof, sides):
    """diff("before", "after", *options) → what ran; .json where that was asked for, checked."""

    def run(a, b, *options, status=0):
        done = pybpfprof("diff", sides["folder"] / f"{a}.json", sides["folder"] / f"{b}.json", *options)
        assert done.returncode == status, done.stdout + done.stderr
        if "--json" in options:
            done.json = json.loads(done.stdout)
            jsonschema.Draft202012Validator(SCHEMA).validate(done.json)
        return done

    return run


def found(doc, time="own"):
    return {row["name"] for row in doc["rows"] if row[time]["beyond_chance"]}


def share(sides, side, name):
    """Own time, in percent of the run's."""
    return 100 * made.sums(sides[side], lambda s: s["stack"])[made.full_name(name)].own / made.cpu_seconds(sides[side])


# ---- the figures


@pytest.mark.parametrize("absolute", [False, True])
def test_json_is_the_sum_of_the_samples(diff, sides, absolute):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    doc = diff("before", "slower", "--json", *(["--absolute"] if absolute else [])).json
    wants = [made.sums(sides[side], lambda s: s["stack"]) for side in ("before", "slower")]
    scales = [1 if absolute else 100 / made.cpu_seconds(sides[side]) for side in ("before", "slower")]
    assert doc["unit"] == ("seconds" if absolute else "percent")
    assert {f"{r['module']}.{r['name']}" for r in doc["rows"]} == set(wants[0]) | set(wants[1])
    for row in doc["rows"]:
        name = f"{row['module']}.{row['name']}"
        for side, want, scale in zip("ab", wants, scales):
            assert row[side]["own_seconds"] == pytest.approx(want[name].own, abs=1e-6)
            assert row[side]["seconds"] == pytest.approx(want[name].total, abs=1e-6)
            assert row[side]["samples"] == want[name].samples
            assert row["own"][side] == pytest.approx(want[name].own * scale, abs=1e-4)
            assert row["total"][side] == pytest.approx(want[name].total * scale, abs=1e-4)
        for time in (row["own"], row["total"]):
            assert time["change"] == pytest.approx(time["b"] - time["a"], abs=1e-5)
            assert (abs(time["change"]) > time["error"]) == (time["odds"] < 0.05)
            assert not (time["beyond_chance"] and time["odds"] >= 0.05)
    assert {r["name"] for r in doc["rows"] if r["own"]["ratio"] is None} == set()


def test_the_same_program_twice_shows_nothing(diff):
    """Other PIDs, another folder, every line moved: the same functions, and no change beyond chance."""
    doc = diff("before", "again", "--json").json
    assert len(doc["rows"]) == len(made.FUNCTIONS)
    assert not found(doc) and not found(doc, "total")
    text = diff("before", "again").stdout
    assert "Own time by function: 0 changed beyond chance, 5 did not" in text
    assert not re.search(r"^(more|less|new|gone) +[\d.]", text, re.M)


def test_a_known_change_is_found(diff, sides):
    doc = diff("before", "slower", "--json").json
    assert doc["rows"][0]["name"] == "query"
    assert {"query"} <= found(doc) and {"Engine.load", "query"} <= found(doc, "total")
    assert all(row["own"]["change"] < 0 for row in doc["rows"] if row["own"]["beyond_chance"] and row["name"] != "query")
    a, b = share(sides, "before", "query"), share(sides, "slower", "query")
    text = diff("before", "slower").stdout
    assert re.search(rf"^more +{a:.2f} +{b:.2f} +\{b - a:+.2f} .*  query +app/db/sql.py$", text, re.M)


def test_shares_forgive_a_longer_run_and_seconds_do_not(diff):
    assert not found(diff("before", "double", "--json").json)
    assert "query" in found(diff("before", "double", "--json", "--absolute").json)


def test_new_and_gone(diff):
    text = diff("before", "without").stdout
    assert re.search(r"^gone .*  dumps +json/__init__.py$", text, re.M)
    assert re.search(r"^new .* new  dumps ", diff("without", "before").stdout, re.M)
    rows = {r["name"]: r for r in diff("without", "before", "--json").json["rows"]}
    assert rows["dumps"]["own"]["ratio"] is None


@pytest.mark.parametrize("by, key", [
    ("function", lambda name, line: name),
    ("line", lambda name, line: (name, line)),
    ("file", lambda name, line: FILE[name]),
    ("module", lambda name, line: MODULE[name]),
])
def test_by(diff, sides, by, key):
    doc = diff("before", "slower", "--json", "--by", by).json
    want = [made.sums(sides[side], lambda s: [key(*frame) for frame in zip(s["stack"], s["lines"])])
            for side in ("before", "slower")]
    assert doc["by"] == by
    assert sorted(row["b"]["seconds"] for row in doc["rows"]) == pytest.approx(
        sorted(want[1][thing].total for thing in set(want[0]) | set(want[1])), abs=1e-6)
    assert f"Own time by {by}:" in diff("before", "slower", "--by", by).stdout


def test_recordings_and_json_mix(pybpfprof, sides, tmp_path):
    """The same from a file in our recording's format, were it not for the file's name."""
    subprocess.run([built("tests/unit/make_files"), tmp_path / "x.pybpf", tmp_path / "x.json"], check=True)
    done = pybpfprof("diff", "x.pybpf", "x.json", "--json")
    assert done.returncode == 0, done.stderr
    doc = json.loads(done.stdout)
    assert len(doc["rows"]) > 50
    assert all(row["own"]["change"] == 0 and row["total"]["change"] == 0 for row in doc["rows"])
    swapped = json.loads(pybpfprof("diff", "x.json", "x.pybpf", "--json").stdout)
    assert [r["name"] for r in swapped["rows"]] == [r["name"] for r in doc["rows"]]


# ---- thresholds


@pytest.mark.parametrize("threshold, verdict", [
    ("own(query) > +50%", "crossed"),
    ("own(query) > +500%", "kept"),
    ("total(module:app.db) > +5pp", "crossed"),
    ("total(file:app/db/sql.py) > 25%", "crossed"),
    ("own(line:app/db/sql.py:11) > 1s", "crossed"),
    ("total(main) < 50%", "kept"),
    ("own(*) > +50%", "crossed"),
    ("own(dumps) < -1%", "chance"),
    ("own(/^(query|connect)$/) > +20%", "crossed"),
])
def test_thresholds(diff, threshold, verdict):
    status = 1 if verdict == "crossed" else 0
    done = diff("before", "slower", "--fail-if", threshold, status=status)
    assert re.search(rf"^{verdict} +{re.escape(threshold)}: ", done.stdout, re.M), done.stdout
    assert ("within chance" in done.stdout.split("Thresholds")[1]) == (verdict == "chance")
    doc = diff("before", "slower", "--json", "--fail-if", threshold, status=status).json
    assert {t["verdict"] for t in doc["thresholds"]} == {verdict} and doc["crossed"] == bool(status)


def test_several_thresholds(diff):
    done = diff("before", "slower", "--fail-if", "own(walk) > +900%", "--fail-if", "own(query) > +10%", status=1)
    assert re.findall("^(kept|crossed) ", done.stdout, re.M) == ["kept", "crossed"]
    diff("before", "again", "--fail-if", "own(*) > +1%", "--fail-if", "total(*) > +1%")


def test_trouble_is_no_regression(pybpfprof, diff, sides, tmp_path):
    """2, so that a job does not take a typing error for a slower program, or for a fast one."""
    (tmp_path / "empty.json").write_text('{"process_name": "app", "samples": [], "functions": {}}')
    before = sides["folder"] / "before.json"
    for words, args in {
        "neither run has a function qeury; did you mean query": [before, before, "--fail-if", "own(qeury) > +1%"],
        "nothing in either run": [before, before, "--fail-if", "own(file:nowhere.py) > +1%"],
        "comes >, >=, < or <=": [before, before, "--fail-if", "own(query) 10%"],
        "followed by %, pp, s or ms": [before, before, "--fail-if", "own(query) > 10"],
        "+ or -": [before, before, "--fail-if", "own(query) > 2pp"],
        "two recordings": [before],
        "not more": [before, before, before],
        "missing.json": [before, "missing.json"],
        "no samples": [before, "empty.json"],
        ".svg, .txt, .md or .json": [before, before, "-o", "x.png"],
        "text, md and json": [before, before, "-f", "svg"],
        "known are": [before, before, "--layout", "sideways"],
        "--by thread: known are": [before, before, "--by", "thread"],
    }.items():
        done = pybpfprof("diff", *args)
        assert done.returncode == 2 and words in " ".join(done.stderr.split()), done.stderr
        assert not done.stdout
    assert [p.name for p in tmp_path.iterdir()] == ["empty.json"]


# ---- what it looks like


def test_help_says_how_to_write_thresholds(pybpfprof):
    text = pybpfprof("diff", "--help").stdout
    assert max(map(len, text.splitlines())) <= 80
    assert "Exit status: 0; 1 when a threshold is crossed; 2 when it could not compare." in text


@pytest.mark.parametrize("width", [80, 120])
def test_text_fits_the_terminal(pybpfprof, sides, width, tmp_path):
    """Names that are too long are cut; files have their share of the room."""
    for name in ("before", "slower"):
        text = (sides["folder"] / f"{name}.json").read_text()
        (tmp_path / f"{name}.json").write_text(text.replace("query", "query_" + 70 * "x"))
    done = pybpfprof("diff", "before.json", "slower.json", env={**os.environ, "COLUMNS": str(width)})
    assert max(map(len, done.stdout.splitlines())) <= width and "query_xxx" in done.stdout
    assert len(re.findall("ratio +function +file$", done.stdout, re.M)) == 2


def hostile(sides, tmp_path):
    for name, doc in (("a", sides["before"]), ("b", sides["slower"])):
        text = json.dumps(doc).replace("app.db.sql.query", json.dumps("app.db.sql." + PAYLOAD)[1:-1])
        (tmp_path / f"{name}.json").write_text(text)


def test_markdown(pybpfprof, diff, sides, tmp_path):
    text = diff("before", "slower", "--markdown", "--fail-if", "own(query) > +10%", status=1).stdout
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows} == {9}
    a, b = share(sides, "before", "query"), share(sides, "slower", "query")
    assert any(line.startswith(f"| more | `query` | `app/db/sql.py` | {a:.2f} | {b:.2f} | ") for line in rows)
    assert "❌ crossed" in text
    assert diff("before", "slower", "-f", "md", "--fail-if", "own(query) > +10%", status=1).stdout == text
    hostile(sides, tmp_path)
    text = pybpfprof("diff", "a.json", "b.json", "--markdown").stdout
    cells = {len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines() if line.startswith("|")}
    assert cells == {9} and "\x1b" not in text and "`</script><svg onload" in text


def test_outputs(diff, tmp_path):
    done = diff("before", "slower", *(w for n in ("svg", "md", "txt", "json") for w in ("-o", tmp_path / f"x.{n}")))
    assert (tmp_path / "x.md").read_text() == diff("before", "slower", "--markdown").stdout
    assert (tmp_path / "x.json").read_text() == diff("before", "slower", "--json").stdout
    assert (tmp_path / "x.txt").read_text() == done.stdout
    ElementTree.parse(tmp_path / "x.svg")


def kinds(data):
    """The kind of each node: more, less, even."""
    names = {10: "more", 11: "less", 12: "even"}
    return [names[data["colours"][label] // 12] for label in data["label"]]


def paths(data):
    out = []
    for i, label in enumerate(data["label"]):
        out.append((out[data["parent"][i]] if i else ()) + (data["texts"][label],))
    return out


@pytest.mark.parametrize("options", [[], ["--width", "a"], ["--absolute"], ["--merge-from", "leaf"], ["-t"]], ids=str)
def test_the_picture_has_the_figures(diff, sides, tmp_path, options):
    diff("before", "slower", "-o", tmp_path / "x.svg", *options)
    data = svg_data.read(tmp_path / "x.svg")
    names = {made.full_name(n): f"{n} ({file})" for n, (_, file, _) in made.FUNCTIONS.items()}
    wants = []
    for side in ("before", "slower"):
        doc, want = sides[side], made.collections.Counter()
        for s in doc["samples"]:
            thread = doc["threads"][s["thread"]]
            path = ["all", f'process "{doc["processes"][thread["process"]]["command"]}"']
            path += [f'thread {thread["name"]}'] if "-t" in options else []
            stack = [names[name] for name in s["stack"]]
            path += reversed(stack) if "leaf" in options else stack
            for depth in range(1, len(path) + 1):
                want[tuple(path[:depth])] += s["value"]
        wants.append(want)
    listed = paths(data)
    assert len(set(listed)) == len(listed)
    for path, a, b, total in zip(listed, data["compared"]["a"], data["compared"]["b"], data["total"]):
        assert a / 1e9 == pytest.approx(wants[0][path], abs=1e-4)
        assert b / 1e9 == pytest.approx(wants[1][path], abs=1e-4)
        assert total / 1e9 == pytest.approx(wants["--width" not in options][path], abs=1e-9)
    kind = dict(zip(listed, kinds(data)))
    query = [k for path, k in kind.items() if path[-1].startswith("query")]
    assert query and set(query) <= {"more", "even"} and "more" in query
    if not options:
        assert kind[("all",)] == "even"  # both are 100 %


def test_equal_runs_are_grey(diff, tmp_path):
    diff("before", "again", "-o", tmp_path / "x.svg")
    assert set(kinds(svg_data.read(tmp_path / "x.svg"))) == {"even"}


def test_in_a_browser(pybpfprof, sides, driver, tmp_path):  # noqa: F811
    hostile(sides, tmp_path)
    done = pybpfprof("diff", "a.json", "b.json", "-o", "x.svg")
    assert done.returncode == 0, done.stderr
    data = svg_data.read(tmp_path / "x.svg")
    driver.set_window_size(1400, 900)
    page = Page(driver)
    page.open(tmp_path / "x.svg")
    assert "more CPU time in B" in page.element("app").text and "less" in page.element("app").text
    node = next(i for i, path in enumerate(paths(data)) if path[-1].startswith("</script>") and kinds(data)[i] == "more")
    a, b = (100 * data["compared"][side][node] / data["compared"][side][0] for side in "ab")
    page.mouse(node, "hover")
    assert f"A {a:.2f}%, B {b:.2f}%: +{b - a:.2f} pp" in page.text("figures")
    red, green, blue = driver.execute_script("""const c = document.querySelector('#flame canvas'), scale = c.width / c.clientWidth;
        const b = c.frames.find(frame => frame.ref === arguments[0]), top = c.closest('.pane').scrollTop;
        return [...c.getContext('2d').getImageData((b.x + b.width / 2) * scale, (b.y + 15 - top) * scale, 1, 1).data].slice(0, 3)""", node)
    assert red > green and red > blue
    page.click(node)
    assert page.frame(node)[3] > 1000  # as wide as the window
    assert not driver.execute_script("return window.planted")
    assert page.problems() == []
    assert [url for url in page.requests() if not url.startswith("file:")] == []
