# SPDX-License-Identifier: MIT
"""Programs that read our files, and what they find in them: own and total per function.

To add a reader, write a function with `@reads(FORMAT, PROGRAM, KEY)` above it: it gets the path of a file and
returns {key: (own, total)}, in CPU seconds. KEY makes of a Function what the reader calls
it; functions that it cannot tell apart get the same key. test_readers.py compares every reader with the samples
themselves, and fails for a format of the program's table that nothing here reads.

A test that opens a file elsewhere is marked `@pytest.mark.reader(PROGRAM, FORMAT)`; both are rows of the matrix
that is printed at the end.
"""

import collections
import functools
import glob
import gzip
import json
import marshal
import os
import pathlib
import posixpath
import re
import shutil
import subprocess
import xml.etree.ElementTree

import firefox_profiler
import html_page
import svg_data
from programs import PROGRAM, ROOT, prepared


Function = collections.namedtuple("Function", "file line name module origin")
Reader = collections.namedtuple("Reader", "format program key read options precision among")
READERS = []
BY_FUNCTION = ("-F", "--full-filenames")
WHOLE = (*BY_FUNCTION, "--import-frames")  # pictures fold importing


class Missing(Exception):
    """The reader cannot be had on this machine."""


def reads(format, program, key, options=BY_FUNCTION, precision=1e-9, among=False):
    """`options` are for convert; `precision`: what may be missing of a number, besides 1e-9 of it.

    `among`: what a function is called depends on the others; KEY gets the set of all and gives such a function.
    """

    def add(read):
        READERS.append(Reader(format, program, key, read, options, precision, among))
        return read

    return add


# ---- the formats that there are ------------------------------------------------------------------------------


@functools.lru_cache
def formats():
    """{name: [suffix]} of all that can be written, as the program's own table says."""

    def listed(*options):
        done = subprocess.run([str(PROGRAM), "convert", "-i", "x", *options], stderr=subprocess.PIPE)
        return done.stderr.decode().rpartition("give one of ")[2].split()

    names, suffixes = listed("-o", "x", "-f", "no-such"), listed("-o", "x.no-such")
    assert len(names) == len(suffixes) > 5, (names, suffixes)
    return {name: [suffix] for name, suffix in zip(names, suffixes)}


# ---- what samples say ------------------------------------------------------------------------------------------


def functions_of(doc, sample):
    """The stack of a sample of our JSON, root first."""
    stack = []
    for name, which in zip(sample["stack"], sample.get("which", [0] * len(sample["stack"]))):
        f = doc["functions"][name]
        f = f.get("variants", [f])[which]
        qualname = name[len(f["module"]) + 1 :] if f["module"] else name
        stack.append(Function(f["file"], f["line"], qualname, f["module"], f["origin"]))
    return stack


def add_up(stacks):
    """[(keys from the root, value)] → {key: (own, total)}; a key counts once per stack."""
    own, total = collections.Counter(), collections.Counter()
    for keys, value in stacks:
        for key in set(keys):
            total[key] += value
        if keys:
            own[keys[-1]] += value
    return {key: (own[key], total[key]) for key in total}


def wanted(doc, reader):
    """What this reader has to find, from the samples one by one."""
    stacks = collections.Counter()
    for sample in doc["samples"]:
        stacks[tuple(functions_of(doc, sample))] += round(sample["value"] * 1e9)
    key = reader.key({f for stack in stacks for f in stack}) if reader.among else reader.key
    rows = add_up(([key(f) for f in stack], value) for stack, value in stacks.items())
    return {name: (own * 1e-9, total * 1e-9) for name, (own, total) in rows.items()}


# ---- running readers ---------------------------------------------------------------------------------------------


def run(*args, may_say=None, **options):
    """stdout; a reader that complains on stderr has not read it well. `may_say`: part of what is no complaint."""
    options = {"cwd": "/", "env": {**os.environ, "LC_ALL": "C.UTF-8"}, **options}
    done = subprocess.run([str(a) for a in args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    assert done.returncode == 0, f"{args}: {done.returncode}\n{done.stderr.decode(errors='replace')}"
    assert not done.stderr or (may_say and may_say in done.stderr.decode()), f"{args} said: {done.stderr.decode(errors='replace')[:2000]}"
    return done.stdout.decode()


def command(name):
    path = shutil.which(name)
    if not path:
        raise Missing(f"{name} is not installed")
    return path


def made_by(script):
    done = prepared(script)
    if done.returncode:
        raise Missing(f"{script}: {done.stderr.decode(errors='replace')[-300:]}")
    return pathlib.Path(done.stdout.decode().strip())


def npm():
    """The node_modules of tests/package.json."""
    command("node")
    command("npm")
    return made_by("test-npm.sh")


PPROF_ALL = ("-nodecount=1000000", "-nodefraction=0", "-edgefraction=0", "-unit=ns")


def pprof(*args, **options):
    """Debian ships the tool as built; Go from elsewhere may have to compile it first."""
    ready = sorted(glob.glob("/usr/lib/go-*/pkg/tool/*/pprof"))
    return run(*([ready[-1]] if ready else [command("go"), "tool", "pprof"]), *args, **options)


def speedscope(path, **options):
    script = ROOT / "tests/live/speedscope_import.js"
    return json.loads(run(command("node"), script, npm() / "speedscope", path, **options))


# ---- keys ------------------------------------------------------------------------------------------------------


def whole(f):
    return f.file, f.line, f.name


def place(f):
    """As other outputs than pstats say it: nothing but a name where there is no file."""
    return f"{f.name} ({f.file}:{f.line})" if f.file and f.origin != "mark" else f.name


def dotted(f):
    return f"{f.module}.{f.name}" if f.module and f.origin != "mark" else f.name


def pstats_key(f):
    if f.origin == "mark":
        return "~", 0, f.name
    return f.file or "~", max(f.line, 0), f.name


# ---- what is our own to read -------------------------------------------------------------------------------------


def json_rows(doc):
    rows = {}
    for name, both in doc["functions"].items():
        for f in both.get("variants", [both]):
            qualname = name[len(f["module"]) + 1 :] if f["module"] else name
            own, total = rows.get((f["file"], f["line"], qualname), (0, 0))
            rows[f["file"], f["line"], qualname] = own + f["own_time"], total + f["time"]
    return rows


@reads("json", "Python's json", whole)
def read_json(path):
    return json_rows(json.loads(path.read_bytes()))


@reads("recording", "pybpfprof", whole)
def read_recording(path):
    return json_rows(json.loads(run(PROGRAM, "convert", "-i", path, "-o", "-", "-f", "json")))


@reads("svg", "Python's expat", place, WHOLE)
def read_svg(path):
    """The numbers that the page draws from; a browser is driven in test_svg.py."""
    data, paths = svg_data.read(path), []
    assert not any(data["pruned"])  # nothing was too narrow: all can be told
    for node, label in enumerate(data["label"]):
        paths.append(paths[data["parent"][node]] + [data["texts"][label]] if node else [])
    stacks = [(without_roots(keys), own * 1e-9) for keys, own in zip(paths, data["own"]) if own]
    return add_up(stack for stack in stacks if stack[0])


def without_roots(keys):
    return [key for i, key in enumerate(keys) if i > 1 or not re.match(r'process \d+:"|thread \(\d+\)', key)]


@reads("html", "Python's zlib", lambda f: (f.file, max(f.line, 0), f.name), WHOLE)
def read_html(path):
    """The sums that the page starts from; a browser is driven in test_html.py."""
    return add_up((keys, ns * 1e-9) for keys, ns in html_page.Page(path).function_stacks()[1].items())


# ---- folded ------------------------------------------------------------------------------------------------------


def folded_key(f):
    return place(f).replace(";", ":")


@reads("folded", "line by line", folded_key, WHOLE)
def read_folded(path):
    stacks = []
    for line in path.read_text(encoding="utf-8").split("\n")[:-1]:
        stack, ns = line.rsplit(" ", 1)
        stacks.append((without_roots(stack.split(";")), int(ns) * 1e-9))
    return add_up(stacks)


@reads("folded", "speedscope", folded_key, WHOLE)
def read_folded_speedscope(path):
    rows = {f["name"]: (f["own"] * 1e-9, f["total"] * 1e-9) for f in speedscope(path)["profiles"][0]["frames"]}
    return {key: row for key, row in rows.items() if without_roots([key])}


# ---- pstats ------------------------------------------------------------------------------------------------------


@reads("pstats", "Python's marshal", pstats_key)
def read_pstats(path):
    return {key: (row[2], row[3]) for key, row in marshal.loads(path.read_bytes()).items()}


# ---- speedscope --------------------------------------------------------------------------------------------------


def nanoseconds(profile):
    assert profile["unit"] == "nanoseconds", profile["unit"]
    return 1e-9


@reads("speedscope", "speedscope", lambda f: (place(f), f.file or None, f.line if f.file and f.line > 0 else None))
def read_speedscope(path):
    profile = speedscope(path)["profiles"][0]
    scale = nanoseconds(profile)
    return {(f["name"], f.get("file"), f.get("line")): (f["own"] * scale, f["total"] * scale) for f in profile["frames"]}


# ---- pprof -------------------------------------------------------------------------------------------------------


def pprof_key(f):
    # it tidies paths up
    return f"{dotted(f)} {posixpath.normpath(f.file)}" if f.file else dotted(f)


@reads("pprof", "go tool pprof", pprof_key)
def read_pprof(path):
    text = pprof("-top", "-filefunctions", *PPROF_ALL, path)
    rows = {}
    for line in text.partition("\n      flat")[2].splitlines()[1:]:
        flat, _, _, cum, _, key = line.split(None, 5)
        assert flat == "0" or flat.endswith("ns"), line
        rows[key] = tuple(float(n.removesuffix("ns")) * 1e-9 for n in (flat, cum))
    return rows


@reads("pprof", "speedscope", lambda f: (dotted(f), f.file or None, max(f.line, 0) or None))
def read_pprof_speedscope(path):
    profile = speedscope(path)["profiles"][0]
    scale = nanoseconds(profile)
    return {
        (f["name"], f.get("file") or None, f.get("line") or None): (f["own"] * scale, f["total"] * scale)
        for f in profile["frames"]
    }


# ---- callgrind ---------------------------------------------------------------------------------------------------


def callgrind_rows(path, inclusive):
    args = ["--threshold=100", "--auto=no", "--show=CPU_ns", f"--inclusive={inclusive}", path]
    rows = {}
    for line in run(command("callgrind_annotate"), *args).splitlines():
        found = re.match(r" *([\d,]+)(?: \([ \d.]+%\))  (.*)$", line)
        if found and found.group(2) != "PROGRAM TOTALS" and not re.match(r'\?\?\?:process \d+:"', found.group(2)):
            rows[found.group(2)] = int(found.group(1).replace(",", "")) * 1e-9
    return rows


def callgrind_key(functions):
    """Where several functions of a file have one name, their lines tell them apart."""
    cnt = collections.Counter((f.file, f.name) for f in functions)
    return lambda f: f"{f.file or '???'}:{f.name}" + (f":{f.line}" if cnt[f.file, f.name] > 1 else "")


@reads("callgrind", "callgrind_annotate", callgrind_key, among=True)
def read_callgrind(path):
    own, total = callgrind_rows(path, "no"), callgrind_rows(path, "yes")
    return {key: (own.get(key, 0), total[key]) for key in total}


# ---- JSON Lines --------------------------------------------------------------------------------------------------


@reads("jsonl", "Python's json", whole)
def read_jsonl(path):
    """In one pass: what a line refers to is known by then."""
    tables = {kind: {} for kind in ("process", "thread", "function", "frame", "stack", "lost")}
    stacks = collections.Counter()
    kind = None
    for text in path.read_text(encoding="utf-8").split("\n")[:-1]:
        line = json.loads(text)
        kind = line["type"]
        if kind == "sample":
            assert tables["thread"][line["thread"]]["thread_id"] == line["thread_id"]
            stacks[line["stack"]] += round(line["value"] * 1e9)
        elif kind in tables:
            tables[kind][line["id"]] = line
    assert kind == "end"

    def key_of(frame):
        f = tables["function"][tables["frame"][frame]["function"]]
        return f["file"], f["line"], f["name"]

    rows = add_up(([key_of(n) for n in tables["stack"][stack]["frames"]], ns * 1e-9) for stack, ns in stacks.items())
    for f in tables["function"].values():
        assert abs(f["time"] - rows[f["file"], f["line"], f["name"]][1]) < 1e-6
    return rows


JQ = """
[inputs] | (map(select(.type == "function")) | map([.file, .line, .name])) as $functions
| (map(select(.type == "frame")) | map(.function)) as $frames
| (map(select(.type == "stack")) | map(.frames | map($frames[.]))) as $stacks
| map(select(.type == "sample")) | group_by(.stack) | map({s: $stacks[.[0].stack], v: (map(.value) | add)})
| (reduce .[] as $x ({}; .["\\($x.s[-1])"] += $x.v)) as $own
| (reduce .[] as $x ({}; reduce ($x.s | unique)[] as $f (.; .["\\($f)"] += $x.v))) as $total
| $total | keys | map([$functions[tonumber], ($own[.] // 0), $total[.]])
"""


@reads("jsonl", "jq", whole)
def read_jsonl_jq(path):
    """Ids are positions, so tables are arrays."""
    return {tuple(key): (own, total) for key, own, total in json.loads(run(command("jq"), "-nc", JQ, path))}


# ---- Firefox Profiler ----------------------------------------------------------------------------------------------


def profiler(path):
    return firefox_profiler.Profiler(command("node"), npm() / "@firefox-devtools/profiler-cli/dist/profiler-cli.js", path)


def firefox_key(f):
    return f.file, f.line if f.line > 0 else None, f.name


class FirefoxFile:
    def __init__(self, path):
        self.doc = json.loads(gzip.decompress(path.read_bytes()))
        self.texts, self.functions = (self.doc["shared"][key] for key in ("stringArray", "funcTable"))

    def function(self, row):
        source, f = self.functions["source"][row], self.functions
        file = "" if source is None else self.texts[self.doc["shared"]["sources"]["filename"][source]]
        return file, f["lineNumber"][row], self.texts[f["name"][row]]

    def stack(self, row):
        """Rows of the frame table, root first."""
        table, frames = self.doc["shared"]["stackTable"], []
        while row is not None:
            frames.append(table["frame"][row])
            row = table["prefix"][row]
        return frames[::-1]

    def functions_of(self, row):
        return [self.function(self.doc["shared"]["frameTable"]["func"][frame]) for frame in self.stack(row)]


@reads("firefox", "Firefox Profiler", firefox_key)
def read_firefox(path):
    """Its own processing of the file, thread by thread; functions keep their rows."""
    file, rows = FirefoxFile(path), collections.defaultdict(lambda: (0, 0))
    with profiler(path) as shown:
        for thread in shown.ask("thread", "list")["threads"]:
            listed = shown.ask("thread", "functions", thread=thread["threadHandle"])
            assert (listed["weightType"], listed["totalFunctionCount"]) == ("tracing-ms", len(listed["functions"]))
            for f in listed["functions"]:
                key = file.function(f["functionIndex"])
                assert key[2] == f["name"]
                own, total = rows[key]
                rows[key] = own + f["selfSamples"] / 1000, total + f["totalSamples"] / 1000
    return dict(rows)


@reads("firefox", "Python's json", firefox_key)
def read_firefox_tables(path):
    file, stacks = FirefoxFile(path), collections.Counter()
    for thread in file.doc["threads"]:
        for stack, weight in zip(thread["samples"]["stack"], thread["samples"]["weight"]):
            assert stack is not None or weight == 0
            stacks[stack] += round(weight * 1e6)
    return add_up((file.functions_of(stack), ns * 1e-9) for stack, ns in stacks.items() if stack is not None)


# ---- Chrome trace --------------------------------------------------------------------------------------------------


def slices_of(path):
    """[(pid, tid, frames from the root, from, to)] in ns, as the format's rules have them: strictly nested."""
    tracks, slices = collections.defaultdict(list), []
    last = collections.defaultdict(int)
    for event in json.loads(path.read_bytes())["traceEvents"]:
        track = event["pid"], event["tid"]
        if event["ph"] not in "BE":
            assert event["ph"] in "Mi"
            continue
        ns = round(event["ts"] * 1000)
        assert ns >= last[track]
        last[track] = ns
        if event["ph"] == "B":
            args = event["args"]
            tracks[track].append(((args["filename"], args["first_line"], event["name"]), ns))
        else:
            frames = [frame for frame, _ in tracks[track]]
            frame, begun = tracks[track].pop()
            assert frame[2] == event["name"]
            slices.append((*track, frames, begun, ns))
    assert not any(tracks.values())
    return slices


@reads("chrometrace", "Python's json", lambda f: (f.file, f.line, dotted(f)))
def read_chrome_trace(path):
    """By the rules of the format. Perfetto's trace processor is no package: it is fetched from a storage bucket."""
    own, total = collections.Counter(), collections.Counter()
    for _, _, frames, begun, ended in slices_of(path):
        own[frames[-1]] += ended - begun
        if frames[-1] not in frames[:-1]:
            total[frames[-1]] += ended - begun
        if len(frames) > 1:
            own[frames[-2]] -= ended - begun
    return {key: (own[key] * 1e-9, total[key] * 1e-9) for key in total}


@reads("chrometrace", "speedscope", lambda f: (f.file, f.line, dotted(f)), precision=1e-6)
def read_chrome_trace_speedscope(path):
    """It shows what belongs to a begin as part of the name, and says that ends do not repeat it."""
    own, total = collections.Counter(), collections.Counter()
    for profile in speedscope(path, may_say="Tried to end")["profiles"]:
        assert profile["unit"] == "microseconds"
        for frame in profile["frames"]:
            name, brace, args = frame["name"].rpartition(' {"')
            args = json.loads('{"' + args) if brace else {}
            key = args.get("filename", ""), args.get("first_line", 0), name if brace else frame["name"]
            own[key] += frame["own"] * 1e-6
            total[key] += frame["total"] * 1e-6
    return {key: (own[key], total[key]) for key in total}


# ---- the matrix --------------------------------------------------------------------------------------------------

RESULTS = collections.defaultdict(collections.Counter)  # (format, program) → outcome → tests


def note(program, format, report):
    """Called for each phase of each marked test."""
    if report.when == "call" or report.outcome != "passed":
        RESULTS[format, program][report.outcome] += 1


def matrix():
    """The lines of the table, a row for each reader of each format."""
    if not RESULTS:
        return []
    order = list(formats()) if PROGRAM.exists() else []
    rows = [("format", "reader", "tests", "result")]
    for (format, program), outcomes in sorted(
        RESULTS.items(), key=lambda row: (order.index(row[0][0]) if row[0][0] in order else 99, row[0])
    ):
        result = "FAILED" if outcomes["failed"] else "ok" if outcomes["passed"] else "skipped"
        rows.append((format, program, str(sum(outcomes.values())), result))
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    return ["  ".join((row[0].ljust(widths[0]), row[1].ljust(widths[1]), row[2].rjust(widths[2]), row[3])) for row in rows]
