# SPDX-License-Identifier: MIT
"""The reader matrix: every format opened by the programs people open it with, and the numbers in all of them alike.

What a reader should find is computed from the samples of our JSON, one by one; how each reader is run is in
readers.py. Two recordings: a made-up one with hostile names, several processes and truncated stacks, and a real one of
three processes and eight threads with every kind of recursion.
"""

import collections
import gzip
import itertools
import json
import re
import subprocess

import pytest

import interpreters
import readers
from programs import PROGRAM, ROOT, built
from readers import run

pytestmark = pytest.mark.offline

jsonschema = pytest.importorskip("jsonschema")

PAYLOAD = "</script><svg onload=\"planted=1\">;\x1b[31m\n\\]]>'\"&amp;\u202e(7) \U0001f40d %s fn=(1) 12"
WORKLOAD = """
import subprocess, sys, threading, time

def spin(seconds):
    end = time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID) + seconds
    while time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID) < end:
        sum(i * i for i in range(200))

def direct(n):
    if n:
        direct(n - 1)
    else:
        spin(0.02)

def even(n):
    spin(0.005)
    if n:
        odd(n - 1)

def odd(n):
    spin(0.005)
    if n:
        even(n - 1)

class A:
    def same(self):
        spin(0.02)

class B:
    def same(self):
        A().same()
        spin(0.02)

def work():
    direct(12)
    even(3)
    B().same()
    (lambda: spin(0.01))()
    inner = lambda: spin(0.02)
    (lambda: inner())()

if __name__ == "__main__":
    children = [subprocess.Popen([sys.executable, __file__, "child"]) for _ in range(2) if len(sys.argv) < 2]
    threads = [threading.Thread(target=work, name="worker %d" % i) for i in range(2)]
    for thread in threads:
        thread.start()
    work()
    for each in threads:
        each.join()
    for child in children:
        child.wait()
"""


def convert(source, target, *options):
    run(PROGRAM, "convert", "-i", source, "-o", target, *options)
    return target


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    # samples of 2 to 20 ms, but not so many that a flame graph would leave one out
    path = tmp_path_factory.mktemp("made") / "rec.pybpf"
    run(built("tests/unit/make_files"), "stacks=25", "depth=60", "name=" + PAYLOAD, "command=pybpfprof " + PAYLOAD, path)
    return path


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "work.py").write_text(WORKLOAD)
    # up to 3.10 methods are named without their class: several functions of one name in a file
    python = [i for i in interpreters.MATRIX if i.minor <= (3, 10)] or interpreters.MATRIX
    command = ["record", "-s", "-r", "499", "-o", folder / "rec.pybpf", "--", python[-1].path, folder / "work.py"]
    subprocess.run([str(a) for a in (PROGRAM, *command)], check=True, cwd=folder, capture_output=True)
    return folder / "rec.pybpf"


@pytest.fixture(params=["made", "recorded"])
def recording(request):
    return request.getfixturevalue(request.param)


documents = {}


def document(recording):
    """Our JSON of it, read by Python."""
    if recording not in documents:
        documents[recording] = json.loads(convert(recording, recording.with_name("doc.json")).read_bytes())
    return documents[recording]


def file_for(recording, format, folder, *options):
    return convert(recording, folder / f"x{readers.formats()[format][0]}", *options)


def read_or_skip(reader, path):
    try:
        return reader.read(path)
    except readers.Missing as missing:
        pytest.skip(str(missing))


# ---- the numbers ------------------------------------------------------------------------------------------------


def test_every_format_has_a_reader():
    unread = set(readers.formats()) - {reader.format for reader in readers.READERS}
    assert not unread, "add a function for each of these to readers.py"


def with_marks(reader):
    mark = pytest.mark.reader(reader.program, reader.format)
    return pytest.param(reader, id=f"{reader.format}-{reader.program.replace(' ', '_')}", marks=mark)


@pytest.mark.parametrize("reader", [with_marks(reader) for reader in readers.READERS])
def test_numbers_agree(reader, recording, tmp_path):
    """Own and total of every function, as the samples have them."""
    wanted = readers.wanted(document(recording), reader)
    got = read_or_skip(reader, file_for(recording, reader.format, tmp_path, *reader.options))
    assert len(wanted) > 20
    assert {key: got[key] for key in set(got) - set(wanted)} == {}
    assert {key: wanted[key] for key in set(wanted) - set(got)} == {}
    for key, row in wanted.items():
        assert got[key] == pytest.approx(row, rel=1e-9, abs=reader.precision), key
    assert sum(own for own, _ in got.values()) == pytest.approx(
        sum(s["value"] for s in document(recording)["samples"]),
        rel=1e-9, abs=reader.precision * len(got),
    )  # fmt: skip


def test_recorded_has_the_hard_cases(recorded):
    """What the test above relies on to be there."""
    doc = document(recorded)
    assert len({s["pid"] for s in doc["samples"]}) == 3 and len({s["thread"] for s in doc["samples"]}) >= 8
    stacks = [[f.name for f in readers.functions_of(doc, s)] for s in doc["samples"]]
    assert any(stack.count("direct") == 13 for stack in stacks)
    assert any(stack.count("even") == 2 and stack.count("odd") == 2 for stack in stacks)
    # two functions of one name in one file, both on a stack
    assert any(len({f for f in readers.functions_of(doc, s) if f.name == "<lambda>"}) == 2 for s in doc["samples"])


def test_views_and_inputs_agree(recording, tmp_path):
    """What is made from our JSON is what is made from the recording; any view of it can be written."""
    source = convert(recording, tmp_path / "doc.json")
    views = {"plain": [], "t": ["-t"], "F": ["-F", "--full-filenames"], "g": ["-g", "--nolineno"], "when": ["--timestamps"]}
    # these number their tables in the order of their source; the numbers in them are compared above
    formats = set(readers.formats()) - {"html", "firefox", "recording"}
    for name, options in views.items():
        if "-g" in options and recording.parent.name.startswith("made"):
            continue  # it has equal stacks several times, so what comes first there is another
        made = []
        for folder in (tmp_path / name, tmp_path / f"{name}-json"):
            folder.mkdir()
            outputs = [folder / f"x{readers.formats()[f][0]}" for f in formats]
            source = recording if folder.name == name else tmp_path / "doc.json"
            run(PROGRAM, "convert", "-i", source, *options, *itertools.chain(*(("-o", path) for path in outputs)))
            made.append({path.name: path.read_bytes() for path in outputs})
        assert [path for path in made[0] if made[0][path] != made[1][path]] == []


# ---- hostile names ------------------------------------------------------------------------------------------------


def test_names_are_inert_in_every_format(made, tmp_path):
    doc = document(made)
    shown = PAYLOAD.replace("\x1b", "\\x1b").replace("\n", "\\n").replace("\u202e", "\\u202e")
    assert any(name.endswith(shown) for name in doc["functions"])
    for format, suffixes in readers.formats().items():
        content = convert(made, tmp_path / f"x{suffixes[0]}").read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        if format == "recording":
            continue  # compressed; what is read from it is what this test is about
        # binary formats have lengths and numbers between their texts
        binary = format in ("pstats", "pprof")
        text = content.decode("latin-1" if binary else "utf-8")
        for control in ("\x1b[31m", "\u202e", "\u2028") if not binary else ("\x1b[31m",):
            assert control not in text, format
        if not binary:
            assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]", text), format
        if format in ("json", "jsonl", "speedscope", "chrometrace", "firefox"):
            assert "</script" not in text, format


# ---- speedscope -----------------------------------------------------------------------------------------------------


@pytest.fixture
def scoped(recording, tmp_path):
    """(the file as JSON, what speedscope's importer made of it)"""
    path = file_for(recording, "speedscope", tmp_path, "--full-filenames")
    try:
        return json.loads(path.read_bytes()), readers.speedscope(path)
    except readers.Missing as missing:
        pytest.skip(str(missing))


@pytest.mark.reader("speedscope's schema", "speedscope")
def test_speedscope_is_what_its_schema_says(scoped):
    schema = json.loads((readers.npm() / "speedscope/dist/release/file-format-schema.json").read_bytes())
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    file = scoped[0]
    # a validator takes its time over thousands of stacks
    for profile in file["profiles"]:
        assert len(profile["samples"]) == len(profile["weights"]) and sum(profile["weights"]) == profile["endValue"]
        del profile["samples"][50:], profile["weights"][50:]
    validator.validate(file)
    assert not validator.is_valid({**file, "profiles": [{**file["profiles"][0], "unit": "hours"}]})


def shown_frame(f, line):
    return readers.place(f._replace(line=line)), f.file or None, line if f.file and line > 0 else None


def runs_of(doc, thread):
    """Stacks of a thread with their time, in order of time, neighbours added up."""
    runs = []
    for sample in sorted((s for s in doc["samples"] if s["thread"] == thread), key=lambda s: s["timestamp"]):
        stack = [shown_frame(f, line) for f, line in zip(readers.functions_of(doc, sample), sample["lines"])]
        if runs and runs[-1][0] == stack:
            runs[-1][1] += round(sample["value"] * 1e9)
        else:
            runs.append([stack, round(sample["value"] * 1e9)])
    return runs


def tree_of(runs, in_order):
    """The call tree of some stacks; in order of time a box ends where the next stack leaves it."""
    root = [None, 0, [], False]
    for stack, weight in runs:
        node = root
        node[1] += weight
        for frame in stack:
            found = node[2][-1:] if in_order else [child for child in node[2] if child[0] == frame]
            if not found or found[0][0] != frame or found[0][3]:
                found = [[frame, 0, [], False]]
                node[2].append(found[0])
            node = found[0]
            node[1] += weight
        if in_order:
            for child in node[2]:
                child[3] = True  # what its caller did by itself came in between

    def plain(node):
        children = [plain(child) for child in node[2]]
        return [node[0], node[1], children if in_order else sorted(children, key=repr)]

    return plain(root)


def tree_shown(tree, frames, in_order):
    index, weight, children = tree
    children = [tree_shown(child, frames, in_order) for child in children]
    return [None if index is None else frames[index], weight, children if in_order else sorted(children, key=repr)]


@pytest.mark.reader("speedscope", "speedscope")
def test_speedscope_shows_threads_in_order_of_time(scoped, recording):
    doc, profiles = document(recording), scoped[1]["profiles"]
    threads = {s["thread"] for s in doc["samples"]}
    assert profiles[0]["name"].startswith("all threads · ") and len(profiles) == len(threads) + 1
    assert scoped[1]["view"] == 0
    by_name = {profile["name"]: profile for profile in profiles[1:]}
    for index in threads:
        thread = doc["threads"][index]
        process = doc["processes"][thread["process"]]
        named = f": {thread['name']}" if thread["name"] else ""
        profile = by_name[f"process {process['pid']}:\"{process['command']}\" thread ({thread['thread_id']}){named}"]
        frames = [(f["name"], f.get("file"), f.get("line")) for f in profile["frames"]]
        runs = runs_of(doc, index)
        assert profile["weight"] == sum(weight for _, weight in runs)
        # its roots have no weight
        assert tree_shown(profile["order"], frames, True)[2] == tree_of(runs, True)[2]
        assert tree_shown(profile["heavy"], frames, False)[2] == tree_of(runs, False)[2]


def lost_or_failed(doc):
    """In the words of every output."""
    lost, failed = (sum(row["samples"] for row in doc["lost"] if row["failure"] and row["failed"] == which) for which in (False, True))
    assert lost + failed == doc["failed_count"]
    return f"{lost:,} lost, {failed:,} failed (" if lost + failed else "no samples lost or failed"


@pytest.mark.reader("speedscope", "speedscope")
def test_speedscope_tells_what_was_lost(scoped, recording):
    doc = document(recording)
    said = lost_or_failed(doc)
    assert said in scoped[1]["name"] and said in scoped[1]["profiles"][0]["name"]
    assert re.match(r"pybpfprof@\d", scoped[0]["exporter"])


# ---- pprof ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def pprof_file(recording, tmp_path):
    return file_for(recording, "pprof", tmp_path)


def pprof(*args, **options):
    try:
        return readers.pprof(*args, **options)
    except readers.Missing as missing:
        pytest.skip(str(missing))


@pytest.mark.reader("go tool pprof", "pprof")
def test_pprof_traces_are_the_samples(pprof_file, recording):
    doc = document(recording)
    wanted, got = collections.Counter(), collections.Counter()
    for sample in doc["samples"]:
        frames = tuple(readers.dotted(f) for f in reversed(readers.functions_of(doc, sample)))
        wanted[sample["thread_id"], bool(sample["gil"]), frames] += round(sample["value"] * 1e9)
    for block in pprof("-traces", "-unit=ns", pprof_file).split("-----------+" + "-" * 55 + "\n")[1:]:
        labels = dict(re.findall(r"^ *(\w+):  (.*)$", block, re.M))
        found = re.search(r"^ *([\d.]+)ns   (.*(?:\n {13}.*)*)", block, re.M)
        if found:
            frames = tuple(line.strip() for line in found.group(2).split("\n"))
            got[int(labels["tid"]), "gil" in labels, frames] += round(float(found.group(1)))
    assert got == wanted


@pytest.mark.reader("go tool pprof", "pprof")
def test_pprof_knows_the_circumstances(pprof_file, recording):
    doc = document(recording)
    raw = pprof("-raw", pprof_file)
    assert "samples/count cpu/nanoseconds[dflt]" in raw and "PeriodType: cpu nanoseconds" in raw
    assert int(re.search(r"^Period: (\d+)$", raw, re.M).group(1)) == round(1e9 / doc["rate"])
    assert len({s["pid"] for s in doc["samples"]}) == len(set(re.findall(r"pid:\[(\d+)\]", raw)))
    said = pprof("-comments", pprof_file)
    assert f"command: {doc['command']}" in said and doc["tool"] in said
    assert lost_or_failed(doc) in said
    for mapping in re.findall(r"^\d+: 0x0/0x0/0x0 (.*)$", raw, re.M):
        assert re.search(r"\[FN\]\[FL\]\[LN\]", mapping) and "python" in mapping
    assert pprof("-top", "-sample_index=samples", pprof_file).count(str(len(doc["samples"])))


@pytest.mark.reader("go tool pprof", "pprof")
def test_pprof_narrows_by_label(recorded, tmp_path):
    path, doc = file_for(recorded, "pprof", tmp_path), document(recorded)
    tid = collections.Counter(s["thread_id"] for s in doc["samples"]).most_common(1)[0][0]
    for focus, mine in (
        (f"tid={tid}", lambda s: s["thread_id"] == tid),
        ("thread_name=worker 1", lambda s: doc["threads"][s["thread"]]["name"] == "worker 1"),
        (f"process=process {doc['samples'][0]['pid']}:", lambda s: s["pid"] == doc["samples"][0]["pid"]),
        ("gil=held", lambda s: s["gil"]),
    ):
        wanted = sum(round(s["value"] * 1e9) for s in doc["samples"] if mine(s))
        if wanted:
            text = pprof("-top", *readers.PPROF_ALL, f"-tagfocus={focus}", path, may_say="as range, not regexp")
            assert float(re.search(r"accounting for ([\d.]+)ns", text).group(1)) == wanted, focus


@pytest.mark.reader("go tool pprof", "pprof")
def test_pprof_lists_source_lines(recorded, tmp_path):
    path, doc = file_for(recorded, "pprof", tmp_path), document(recorded)
    text = pprof("-list", "spin$", "-unit=ns", path)
    wanted = collections.Counter()
    for sample in doc["samples"]:
        lines = {line for f, line in zip(readers.functions_of(doc, sample), sample["lines"]) if f.name == "spin"}
        for line in lines:
            wanted[line] += round(sample["value"] * 1e9)
    shown = {}
    for cum, line, source in re.findall(r"^ *\S+ +([\d.]+)ns +(\d+):(.*)$", text, re.M):
        shown[int(line)] = round(float(cum))
        assert source == WORKLOAD.split("\n")[int(line) - 1]
    assert shown == wanted


def test_pprof_is_the_same_again(recording, tmp_path):
    first = file_for(recording, "pprof", tmp_path).read_bytes()
    assert convert(recording, tmp_path / "again.pprof").read_bytes() == first


# ---- callgrind ------------------------------------------------------------------------------------------------------


@pytest.mark.reader("callgrind_annotate", "callgrind")
def test_callgrind_annotates_source_lines(recorded, tmp_path):
    doc = document(recorded)
    path = file_for(recorded, "callgrind", tmp_path)
    try:
        text = run(readers.command("callgrind_annotate"), "--threshold=100", "--auto=yes", "--show=CPU_ns", path)
    except readers.Missing as missing:
        pytest.skip(str(missing))
    wanted = collections.Counter()
    for sample in doc["samples"]:
        f = readers.functions_of(doc, sample)[-1]
        if f.file.endswith("/work.py"):
            wanted[sample["lines"][-1]] += round(sample["value"] * 1e9)
    source = re.search(r"annotated source: \S*/work.py\n-+\nCPU_ns *\n\n(.*?)\n(?=-{40}|\Z)", text, re.S).group(1)
    shown, by_text = collections.Counter(), collections.Counter()
    for ns, line in re.findall(r"^ *([\d,]+)(?: \([ \d.]+%\)) (.*)$", source, re.M):
        if not line.strip().startswith("=>"):
            shown[line.strip()] += int(ns.replace(",", ""))
    for line, ns in wanted.items():
        by_text[WORKLOAD.split("\n")[line - 1].strip()] += ns
    assert shown == by_text


@pytest.mark.reader("gprof2dot", "callgrind")
def test_callgrind_opens_in_gprof2dot(recorded, tmp_path):
    """Own time is what it takes from the file as it stands; totals it estimates from the numbers of calls."""
    path = file_for(recorded, "callgrind", tmp_path, "-F")
    try:
        venv = readers.made_by("test-venv.sh")
    except readers.Missing as missing:
        pytest.skip(str(missing))
    dot = run(venv / "bin/gprof2dot", "-f", "callgrind", "-n", "0", "-e", "0", path)
    assert dot.startswith("digraph")
    doc = document(recorded)
    own = collections.Counter()
    for sample in doc["samples"]:
        own[readers.functions_of(doc, sample)[-1].name] += sample["value"]
    name, seconds = own.most_common(1)[0]
    label = re.search(re.escape(json.dumps(name)[1:-1]) + r"(?::\d+)?\\n[\d.]+%\\n\(([\d.]+)%\)", dot)
    assert label, dot[:2000]
    assert float(label.group(1)) <= 100 * seconds / doc["cpu_seconds"] + 0.01


def test_callgrind_goes_by_its_usual_names(made, tmp_path):
    wanted = file_for(made, "callgrind", tmp_path).read_bytes()
    for name in ("callgrind.out", "callgrind.out.1234", "x.callgrind.out"):
        assert convert(made, tmp_path / name).read_bytes() == wanted
    assert convert(made, tmp_path / "callgrind.out.svg").read_bytes().startswith(b"<?xml")
    assert run(PROGRAM, "convert", "-i", made, "-o", "-", "-f", "callgrind").encode() == wanted


# ---- JSON Lines -----------------------------------------------------------------------------------------------------


@pytest.mark.reader("its schema", "jsonl")
def test_jsonl_is_what_its_schema_says(recording, tmp_path):
    schema = json.loads((ROOT / "user/format/jsonl.schema.json").read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
    for kind in schema["oneOf"]:
        kind["additionalProperties"] = False  # only here: others may add keys
    validator = jsonschema.Draft202012Validator(schema)
    lines = [json.loads(line) for line in file_for(recording, "jsonl", tmp_path).read_text().splitlines()]
    kinds = collections.Counter(line["type"] for line in lines)
    assert set(kinds) == {kind["properties"]["type"]["const"] for kind in schema["oneOf"]} - (
        set() if document(recording)["lost"] else {"lost"}
    ) - {"value_type", "task", "label"}  # in test_types.py
    order = ["meta", "process", "thread", "function", "lost", "frame", "stack", "sample", "end"]
    assert [line["type"] for line in lines][:1] == ["meta"] and lines[-1]["type"] == "end"
    assert kinds["meta"] == kinds["end"] == 1 and kinds["sample"] == lines[0]["sample_count"] == lines[-1]["sample_count"]
    positions = [order.index(line["type"].replace("frame", "stack")) for line in lines]
    assert positions == sorted(positions)
    seen = collections.Counter()
    for line in lines:
        seen[line["type"]] += 1
        if seen[line["type"]] <= 40:
            validator.validate(line)
    for wrong in ({"type": "sample"}, {"type": "frame", "id": 1, "function": -1, "line": 1}, {"type": "new"}):
        assert not validator.is_valid(wrong)


@pytest.mark.reader("Python's json", "jsonl")
def test_jsonl_and_json_say_the_same(recording, tmp_path):
    doc = document(recording)
    lines = [json.loads(line) for line in file_for(recording, "jsonl", tmp_path).read_text().splitlines()]
    tables = collections.defaultdict(list)
    for line in lines:
        tables[line.pop("type")].append(line)
    for kind in ("process", "thread", "function", "frame", "stack", "lost"):
        assert [line["id"] for line in tables[kind]] == list(range(len(tables[kind])))
    assert tables["process"] == doc["processes"] and tables["thread"] == doc["threads"]
    for line in tables["lost"]:
        del line["id"]
    assert tables["lost"] == doc["lost"]
    meta = tables["meta"][0]
    assert meta.pop("schema") == "pybpfprof-lines/1"
    assert {key: doc[key] for key in meta} == meta
    for line, sample in zip(tables["sample"], doc["samples"]):
        frames = [tables["frame"][i] for i in tables["stack"][line.pop("stack")]["frames"]]
        assert [frame["line"] for frame in frames] == sample["lines"]
        names = [tables["function"][frame["function"]] for frame in frames]
        assert [(f["file"], f["line"], f["name"]) for f in names] == [
            readers.whole(f) for f in readers.functions_of(doc, sample)
        ]
        assert line == {key: value for key, value in sample.items() if key not in ("stack", "lines", "which")}
