# SPDX-License-Identifier: MIT
"""One weight: samples that stand for very unlike times, and the same own and total of each function wherever a share is shown.

The files themselves are compared to the nanosecond in test_readers.py; here are the words and pictures that people look at.
Each way of looking is a function that gives {function: (own %, total %)} and how exactly that is shown.
"""

import collections
import json
import random
import re
import sys
import xml.etree.ElementTree as ElementTree

import pytest

import made
import readers
import svg_data
from browser import driver  # noqa: F401 (a fixture)
from programs import PROGRAM, ROOT
from readers import run
from test_html import Page as HtmlPage
from test_svg import Page as SvgPage, until

pytestmark = pytest.mark.offline

HEAVY = ("query", "walk", "connect")  # their samples stand for ten times as much
LOOKS = []


def looks(exact):
    """`exact`: by how many percent what is shown may be off."""

    def add(look):
        LOOKS.append((look.__name__, look, exact))
        return look

    return add


@pytest.fixture(scope="module")
def doc():
    rng, doc = random.Random(5), made.document(3, samples=1500, processes=1)
    for sample in doc["samples"]:
        heavy = sample["stack"][-1].rsplit(".", 1)[1] in HEAVY
        sample["value"] = round((0.02 if heavy else 0.002) * rng.uniform(0.5, 1.5), 9)
    return doc


@pytest.fixture(scope="module")
def source(doc, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "made.json"
    path.write_text(json.dumps(doc))
    return path


@pytest.fixture(scope="module")
def wanted(doc):
    """{function: (own %, total %)}, from the samples one by one."""
    everything = made.cpu_seconds(doc)
    return {name: (100 * s.own / everything, 100 * s.total / everything) for name, s in sums_of(doc).items()}


def sums_of(doc):
    """By function as it is called without its module."""
    names = {made.full_name(name): name for name in made.FUNCTIONS}
    return made.sums(doc, lambda sample: [names[name] for name in sample["stack"]])


# ---- ways of looking ---------------------------------------------------------------------------------------------


class Look:
    """What a way of looking may use."""

    def __init__(self, source, folder, driver):  # noqa: F811
        self.source, self.folder, self.driver = source, folder, driver

    def output(self, name, *options):
        run(PROGRAM, "convert", "-i", self.source, "-o", self.folder / name, *options)
        return self.folder / name

    def say(self, command, *options):
        return run(PROGRAM, command, *options, self.source)


def table(text, pattern):
    """{name: (own, total)} of the lines that fit."""
    return {found["name"]: (float(found["own"]), float(found["total"])) for found in re.finditer(pattern, text, re.M)}


def shares(rows, name=lambda key: key):
    everything = sum(own for own, _ in rows.values())
    return {name(key): (100 * own / everything, 100 * total / everything) for key, (own, total) in rows.items()}


NUMBERS = r"^ *(?P<own>[\d.]+) +[\d.]+ +(?P<total>[\d.]+) +[\d.]+ +"
WITH_ERRORS = r"^ *(?P<own>[\d.]+) ±[\d.]+ +[\d.]+ +(?P<total>[\d.]+) ±[\d.]+ +[\d.]+ +"
AS_EXACT = 0.5  # where a share says how exact it is: of so few samples no decimals are left


@looks(AS_EXACT)
def report_as_text(look):
    return table(look.say("report", "--by", "function"), WITH_ERRORS + r"[\d.]+  (?P<name>\S+) ")


@looks(AS_EXACT)
def report_of_callers(look):
    """A function in the middle; its own share stands above its callers."""
    out = {}
    for name in made.FUNCTIONS:
        said = look.say("report", "--callers", f"/^{re.escape(name)}$/")
        out[name] = tuple(map(float, re.search(r"own ([\d.]+) % ±.*total ([\d.]+) % ±", said).groups()))
    return out


@looks(1e-4)
def report_as_tree(look):
    """Whoever is at several places of the tree is added up."""
    text = look.say("report", "--by", "tree", "-n", "100", "--json")
    nodes, own, total = json.loads(text)["tree"], collections.Counter(), collections.Counter()
    above = {}
    for node in nodes[1:]:
        name = node["text"].rsplit(" (", 1)[0]
        above[node["id"]] = above.get(node["parent"], ()) + (name,)
        own[name] += node["own_seconds"]
        total[name] += node["seconds"] if above[node["id"]].count(name) == 1 else 0
    return shares({name: (own[name], total[name]) for name in total})


@looks(1e-4)
def report_as_json(look):
    rows = json.loads(look.say("report", "--json"))["functions"]
    return {row["name"]: (row["own_percent"], row["percent"]) for row in rows}


@looks(5e-4)
def top_as_json(look):
    text = run(PROGRAM, "top", "--input", look.source, "--once", "--json")
    return {row["function"]: (row["own_percent"], row["total_percent"]) for row in json.loads(text)["rows"]}


@looks(0.05)
def top_as_text(look):
    text = run(PROGRAM, "top", "--input", look.source, "--once")
    return table(text, r"^ *(?P<own>[\d.]+) +(?P<total>[\d.]+) +[\d.]+ +[\d.]+ +[\d.]+  (?P<name>\S+)  ")


@looks(0.005)
def diff_as_text(look):
    text = run(PROGRAM, "diff", look.source, look.source)
    own, _, total = text.partition("\nTotal time")
    pattern = r"^\S+ +([\d.]+) +\1 +\+0.00 .*%  (\S+) "
    own, total = ({name: float(share) for share, name in re.findall(pattern, part, re.M)} for part in (own, total))
    # five rows that are within chance is what it shows
    assert len(own) == len(total) == 5
    return {name: (own.get(name), total.get(name)) for name in {*own, *total}}


@looks(1e-4)
def diff_as_json(look):
    rows = json.loads(run(PROGRAM, "diff", "--json", look.source, look.source))["rows"]
    return {row["name"]: (row["own"]["a"], row["total"]["b"]) for row in rows}


@looks(0.005)
def analyze_profile(look):
    text = run(sys.executable, ROOT / "scripts/analyze_profile.py", look.output("x.prof"))
    assert "counts are samples, not calls" in text
    return table(text, NUMBERS + r"\d+  (?P<name>\S+) ")


@looks(0.01)
def pprof(look):
    try:
        text = readers.pprof("-top", *readers.PPROF_ALL, look.output("x.pb.gz", "-F"))
    except readers.Missing as missing:
        pytest.skip(str(missing))
    return {name.rsplit(".", 1)[-1] if "Engine" not in name else name.split(".", 2)[2]: (float(own), float(total))
            for own, total, name in re.findall(r"^ *\S+ +([\d.]+)% +[\d.]+% +\S+ +([\d.]+)%  (\S+)", text, re.M)}  # fmt: skip


@looks(0.01)
def callgrind(look):
    path, out = look.output("x.callgrind", "-F"), []
    for inclusive in ("no", "yes"):
        command = ["callgrind_annotate", "--threshold=100", "--auto=no", "--show=CPU_ns", f"--inclusive={inclusive}"]
        try:
            text = run(readers.command(command[0]), *command[1:], path)
        except readers.Missing as missing:
            pytest.skip(str(missing))
        out.append({name: float(share) for share, name in re.findall(r"\( *([\d.]+)%\)  [^:\n]+:(\S+)", text)})
    return {name: (out[0].get(name, 0), total) for name, total in out[1].items() if name in made.FUNCTIONS}


@looks(1e-6)
def folded_lines(look):
    lines = look.output("x.folded", "--nolineno").read_text().splitlines()
    stacks = [(line.rsplit(" ", 1)[0].split(";"), int(line.rsplit(" ", 1)[1])) for line in lines]
    return shares(readers.add_up(stacks), lambda text: text.rsplit(" (", 1)[0])


@looks(1e-6)
def folded_moments(look):
    lines = look.output("y.folded", "--nolineno", "--timestamps").read_text().splitlines()
    stacks = [(line.rsplit(" ", 1)[0].split(";")[1:], int(line.rsplit(" ", 1)[1])) for line in lines]
    return shares(readers.add_up(stacks), lambda text: text.rsplit(" (", 1)[0])


def still_frames(path):
    """[(row from the root, name, share)] of a still picture."""
    frames = []
    for g in ElementTree.parse(path).getroot().iter(svg_data.SVG + "g"):
        title = g.find(svg_data.SVG + "title")
        if title is not None:
            pattern = r"(.*?)(?: \(\S+\))? \(([\d.]+)% ± [\d.]+ · [\d.]+ CPU s · [\d,]+ samples?\)"
            name, share = re.fullmatch(pattern, title.text).groups()
            frames.append((float(g.find(svg_data.SVG + "rect").get("y")), name, float(share)))
    ground = max(y for y, _, _ in frames)
    return [(round((ground - y) / 18), name, share) for y, name, share in frames]


@looks(AS_EXACT)
def svg_titles(look):
    """Merged from the leaf, the first row has own times; from the root, who is at one place alone has its total there."""
    leaf = still_frames(look.output("leaf.svg", "--nolineno", "--merge-from", "leaf"))
    own = {name: share for row, name, share in leaf if row == 1}
    root = still_frames(look.output("root.svg", "--nolineno"))
    places = collections.Counter(name for _, name, _ in root)
    total = {name: share for _, name, share in root if places[name] == 1 and name != "all"}
    assert len(own) == 5 and {"<module>", "main", "query", "connect", "dumps"} <= set(total)
    return {name: (own.get(name), total.get(name)) for name in {*own, *total}}


@looks(0.005)
def svg_in_a_browser(look):
    return searched(look, SvgPage(look.driver), look.output("x.svg"), "")


@looks(0.005)
def html_flame_in_a_browser(look):
    return searched(look, HtmlPage(look.driver), look.output("x.html"), "leaf=1&mode=name&")


def searched(look, page, path, state):
    """What the search says of each function: its total."""
    look.driver.set_window_size(1400, 900)
    out = {}
    for name in made.FUNCTIONS:
        page.open(path, f"#{state}search=%5E{name.replace('<', '%3C').replace('>', '%3E')}%20")
        said = until(lambda: page.text("matched"), "the search was made").split("%")[0]
        out[name] = (None, float(said))
    assert page.problems() == []
    return out


@looks(0.005)
def html_table_in_a_browser(look):
    page = HtmlPage(look.driver)
    look.driver.set_window_size(1400, 900)
    page.open(look.output("x.html"), "#view=table")
    return {row[0].split(" (")[0]: (float(row[1].rstrip("%")), float(row[2].rstrip("%"))) for row in page.rows()}


@looks(AS_EXACT)
def html_sandwich_in_a_browser(look):
    page, out = HtmlPage(look.driver), {}
    look.driver.set_window_size(1400, 900)
    page.open(look.output("x.html"), "#view=sandwich")
    until(lambda: page.text("name"), "a function is in the middle")
    for row in range(len(made.FUNCTIONS)):
        page.script("document.querySelectorAll('#functions .row')[arguments[0]].click()", row)
        name = page.script("return document.querySelectorAll('#functions .row .name')[arguments[0]].title", row)
        until(lambda: page.text("name") == name, name)
        figures = re.search(r"own ([\d.]+)% ±.* total ([\d.]+)% ±", page.text("figures"))
        out[name.split(" (")[0]] = tuple(map(float, figures.groups()))
    return out


# ---- the test ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("look, exact", [pytest.param(look, exact, id=name) for name, look, exact in LOOKS])
def test_the_same_shares_everywhere(look, exact, source, wanted, tmp_path, driver):  # noqa: F811
    got = look(Look(source, tmp_path, driver))
    assert len(got) >= 5 and set(got) <= set(wanted)
    for name, shown in got.items():
        for one, want in zip(shown, wanted[name]):
            assert one is None or one == pytest.approx(want, abs=exact + 1e-9), (name, one, want)


def test_counts_would_be_seen(doc, wanted):
    """What the test above relies on: by number of samples each share is another, by more than is rounded."""
    for name, sums in sums_of(doc).items():
        own, total = (100 * count / len(doc["samples"]) for count in (sums.own_samples, sums.samples))
        assert abs(total - wanted[name][1]) > 0.15, name
        assert not own or abs(own - wanted[name][0]) > 0.15, name


def test_samples_stand_beside_the_time(source, doc, wanted, tmp_path):
    """Their number is still shown, as a number."""
    svg = Look(source, tmp_path, None).output("x.svg", "--nolineno")
    samples, share = sums_of(doc)["<module>"].samples, made.share_text(wanted["<module>"][1], 100, len(doc["samples"]))
    title = rf"&lt;module&gt; \(app/__main__.py\) \({share} · [\d.]+ CPU s · {samples:,} samples\)"
    assert re.search(title, svg.read_text())
    data = svg_data.read(svg)
    assert data["samples"][0] == len(doc["samples"])
    assert data["total"][0] == sum(round(s["value"] * 1e9) for s in doc["samples"])
