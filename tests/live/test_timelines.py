# SPDX-License-Identifier: MIT
"""Formats with a time axis: when was a thread where, and that nobody is shown in a function while asleep.

Samples are made up, in our JSON, so that what a file must say can be written down here. Own and total of whole
recordings are compared in test_readers.py.
"""

import collections
import gzip
import json

import pytest

import readers
from programs import PROGRAM, built
from readers import run

pytestmark = pytest.mark.offline

START = 1700000000
FUNCTIONS = {
    "app.main": ("/srv/app.py", 1, "app", "user"),
    "app.work": ("/srv/app.py", 10, "app", "user"),
    "app.other": ("/srv/app.py", 20, "app", "user"),
    "json.dumps": ("/usr/lib/python3.12/json/__init__.py", 183, "json", "stdlib"),
    "numpy.sum": ("/srv/venv/site-packages/numpy/core.py", 7, "numpy", "site"),
}


def document(samples, lost=(), processes=((42, "python3 app.py"),), threads=((0, 42, "MainThread"), (0, 43, "worker"))):
    """samples: (seconds, thread, "app.main app.work", [lines], gil), each of 10 ms."""
    functions = {
        name: {"samples": 1, "time": 0.01, "file": file, "line": line, "module": module, "origin": origin}
        for name, (file, line, module, origin) in FUNCTIONS.items()
    }
    return {
        "schema": "pybpfprof/1",
        "process_name": "app",
        "target": "pid 42",
        "start": START,
        "duration": 2.0,
        "rate": 100,
        "complete": True,
        "processes": [{"pid": pid, "command": command, "python": "3.12.1"} for pid, command in processes],
        "threads": [
            {"process": process, "pid": processes[process][0], "thread_id": tid, "name": name}
            for process, tid, name in threads
        ],
        "functions": functions,
        "lost": list(lost),
        "samples": [
            {
                "timestamp": START + at,
                "pid": processes[threads[thread][0]][0],
                "thread_id": threads[thread][1],
                "thread": thread,
                "gil": gil[0] if gil else None,
                "value": 0.01,
                "stack": stack.split(),
                "lines": lines,
            }
            for at, thread, stack, lines, *gil in samples
        ],
    }


@pytest.fixture
def make(tmp_path):
    """make(document, "x.trace.json", options…): the file."""

    def write(doc, name, *options):
        (tmp_path / "in.json").write_text(json.dumps(doc))
        run(PROGRAM, "convert", "-i", tmp_path / "in.json", "-o", tmp_path / name, *options)
        return tmp_path / name

    return write


# On a CPU for 30 ms, at changing lines; then asleep for a second; then on it again. The other thread is late in the
# file, as records of another CPU are, and its ticks overlap: it changed CPUs.
STORY = [
    (0.010, 0, "app.main app.work", [2, 11], True),
    (0.020, 0, "app.main app.work", [2, 12], True),
    (0.0305, 0, "app.main app.other", [3, 21], False),
    (1.000, 0, "app.main app.work app.work json.dumps", [2, 11, 11, 190], True),
    (0.216, 1, "app.work", [11], False),
    (0.210, 1, "app.work", [11], False),
]
LOST = [
    {"reason": "ring_full", "sentence": "it was full", "samples": 3, "time": 0.03, "failure": True,
     "from": START + 0.5, "to": START + 0.75, "process": 0, "pid": 42},
    {"reason": "no_frame", "sentence": "nothing was running", "samples": 2, "time": 0.02, "failure": False,
     "from": START + 0.1, "to": START + 0.2},
]  # fmt: skip


def ms(slices, tid, base=0):
    """[(frames, from, to)] of a thread in ms, in order."""
    return sorted(
        ("/".join(name.partition(".")[2] for _, _, name in frames), begun / 1e6 - base, ended / 1e6 - base)
        for _, thread, frames, begun, ended in slices
        if thread == tid
    )


def test_chrome_trace_has_nobody_in_a_function_while_asleep(make):
    slices = readers.slices_of(make(document(STORY), "x.trace.json"))
    assert ms(slices, 42) == [
        ("main", 0, 20),  # a frame is a function at a line, as in a flame graph
        ("main", 20, 30),
        ("main", 990, 1000),
        ("main/other", 20, 30),
        ("main/work", 0, 10),
        ("main/work", 10, 20),
        ("main/work", 990, 1000),
        ("main/work/work", 990, 1000),
        ("main/work/work/dumps", 990, 1000),
    ]
    assert ms(slices, 43) == [("work", 200, 220)]
    by_function = readers.slices_of(make(document(STORY), "x.trace.json", "-F"))
    assert ms(by_function, 42)[:2] == [("main", 0, 30), ("main", 990, 1000)]
    held = readers.slices_of(make(document(STORY), "x.trace.json", "-F", "-g"))
    assert ms(held, 42)[:2] == [("main", 0, 20), ("main", 990, 1000)] and not ms(held, 43)


def test_chrome_trace_names_and_losses(make):
    doc = json.loads(make(document(STORY, LOST), "x.trace.json").read_bytes())
    events = doc["traceEvents"]
    named = {(e["name"], e["pid"], e["tid"]): next(iter(e["args"].values())) for e in events if e["ph"] == "M"}
    assert named["process_name", 42, 0] == "python3 app.py" and named["process_labels", 42, 0] == "Python 3.12.1"
    assert (named["thread_name", 42, 42], named["thread_name", 42, 43]) == ("MainThread", "worker")
    assert {e["pid"] for e in events} == {42}
    full, none = [e for e in events if e["ph"] == "i"]
    assert (full["name"], full["s"], full["ts"], full["args"]["samples"]) == ("lost: ring_full", "p", 500000, 3)
    assert (none["name"], none["s"], none["ts"], none["args"]["why"]) == ("without Python: no_frame", "g", 100000, "nothing was running")
    assert doc["otherData"]["lost"] == "3 lost, 0 failed (3 ring full)"
    assert int(doc["otherData"]["start_unix_ns"]) == START * 10**9


@pytest.mark.reader("Firefox Profiler", "chrometrace")
def test_chrome_trace_opens_in_the_firefox_profiler(make):
    """It has an importer for this format of its own: begin and end become one marker."""
    path = make(document(STORY, LOST), "x.trace.json")
    wanted = collections.Counter()
    for _, tid, frames, begun, ended in readers.slices_of(path):
        wanted[tid, frames[-1][2], begun, ended] += 1
    got = collections.Counter()
    try:
        reader = readers.profiler(path)
    except readers.Missing as missing:
        pytest.skip(str(missing))
    with reader as shown:
        names = {}
        for thread in shown.ask("thread", "list")["threads"]:
            tid = int(thread["tid"].partition(":")[2])
            names[tid] = thread["name"], thread["processName"]
            listed = shown.ask("thread", "markers", thread=thread["threadHandle"], markerFilters={"list": True})
            for marker in listed["flatMarkers"]:
                if "duration" in marker:
                    begun = round(marker["start"] * 1e6)
                    got[tid, marker["name"], begun, begun + round(marker["duration"] * 1e6)] += 1
    assert got == wanted
    assert names[43] == ("worker", "python3 app.py (Python 3.12.1)")


# ---- Firefox Profiler -----------------------------------------------------------------------------------------------


def columns_are_whole(table):
    assert {len(column) for column in table.values() if isinstance(column, list)} <= {table["length"]}, table


def test_firefox_tables_are_sound(make):
    """Indices that exist, prefixes before their stacks, times in order: what the reader relies on."""
    doc = readers.FirefoxFile(make(document(STORY, LOST), "x.profile.json.gz")).doc
    shared = doc["shared"]
    assert doc["meta"]["preprocessedProfileVersion"] == 60
    for name in ("funcTable", "frameTable", "stackTable", "sources", "resourceTable", "nativeSymbols"):
        columns_are_whole(shared[name])
    assert all(prefix is None or prefix < row for row, prefix in enumerate(shared["stackTable"]["prefix"]))
    categories = doc["meta"]["categories"]
    assert sum(c["color"] == "grey" for c in categories) == 1 and all(c["subcategories"][0] == "Other" for c in categories)
    for column, limit in (
        (shared["stackTable"]["frame"], shared["frameTable"]["length"]),
        (shared["frameTable"]["func"], shared["funcTable"]["length"]),
        (shared["frameTable"]["category"], len(categories)),
        (shared["funcTable"]["name"], len(shared["stringArray"])),
        (shared["sources"]["filename"], len(shared["stringArray"])),
    ):
        assert all(0 <= index < limit for index in column)
    for thread in doc["threads"]:
        columns_are_whole(thread["samples"])
        columns_are_whole(thread["markers"])
        assert thread["samples"]["time"] == sorted(thread["samples"]["time"]) and thread["samples"]["length"]
        assert all(s is None or 0 <= s < shared["stackTable"]["length"] for s in thread["samples"]["stack"])


def test_firefox_shows_when_a_thread_was_off_the_cpu(make):
    file = readers.FirefoxFile(make(document(STORY), "x.profile.json.gz"))
    main, worker = file.doc["threads"]
    leaves = [None if s is None else file.functions_of(s)[-1][2] for s in main["samples"]["stack"]]
    assert leaves == ["work", "work", "other", None, "dumps", None]
    assert main["samples"]["time"] == [0, 10, 20, 30, 990, 1000]
    assert main["samples"]["weight"] == [10, 10, 10, 0, 10, 0]
    # what was used since the sample before: all of the time on the CPU, nothing in between
    assert main["samples"]["threadCPUDelta"] == [0, 10**7, 10**7, 10**7, 0, 10**7]
    assert worker["samples"]["time"] == [200, 210, 220] and worker["samples"]["weight"] == [10, 10, 0]
    assert file.doc["meta"]["startTime"] == START * 1000 and file.doc["meta"]["interval"] == 10


@pytest.mark.reader("Firefox Profiler", "firefox")
def test_firefox_profiler_shows_threads_categories_gil_and_losses(make):
    samples = [*STORY, (1.5, 1, "app.work numpy.sum", [11, 8], False), (1.51, 1, "app.work numpy.sum", [11, 8], True)]
    path = make(document(samples, LOST), "x.profile.json.gz")
    try:
        reader = readers.profiler(path)
    except readers.Missing as missing:
        pytest.skip(str(missing))
    with reader as shown:
        threads = {t["name"]: t for t in shown.ask("thread", "list")["threads"]}
        assert {(name, t["processName"], t["pid"], t["tid"]) for name, t in threads.items()} == {
            ("MainThread", "python3 app.py", "42", 42),
            ("worker", "python3 app.py", "42", 43),
        }
        assert [threads[name]["cpuMs"] for name in ("MainThread", "worker")] == pytest.approx([40, 40])
        found = {}
        for name, thread in threads.items():
            spent = shown.ask("thread", "samples", thread=thread["threadHandle"])["categoryBreakdown"]
            for category in spent["categories"]:
                for sub in category["subcategories"]:
                    found[name, category["name"], sub["name"]] = round(sub["samples"], 6)
        assert found == {
            ("MainThread", "Your code", "Holding the GIL"): 20,
            ("MainThread", "Your code", "Without the GIL"): 10,
            ("MainThread", "Standard library", "Holding the GIL"): 10,
            ("worker", "Your code", "Without the GIL"): 20,
            ("worker", "Packages", "Holding the GIL"): 10,
            ("worker", "Packages", "Without the GIL"): 10,
        }
        handle = threads["MainThread"]["threadHandle"]
        markers = shown.ask("thread", "markers", thread=handle, markerFilters={"list": True})["flatMarkers"]
        assert [(m["name"], m["start"], m["duration"]) for m in sorted(markers, key=lambda m: m["start"])] == [
            ("without Python", 100, 100),
            ("lost", 500, 250),
        ]
        assert any("3 × ring_full: it was full" in m["label"] for m in markers)
        meta = shown.ask("profile", "meta")
        assert meta["product"] == "pid 42" and "3 lost, 0 failed (3 ring full)" in json.dumps(meta["extra"])


@pytest.mark.reader("Firefox Profiler", "firefox")
def test_firefox_profile_without_samples_opens(make):
    try:
        reader = readers.profiler(make(document([], LOST), "x.profile.json.gz"))
    except readers.Missing as missing:
        pytest.skip(str(missing))
    with reader as shown:
        assert [t["name"] for t in shown.ask("thread", "list")["threads"]] == ["no samples"]
    assert not readers.slices_of(make(document([], LOST), "x.trace.json"))


def test_numbers_that_are_given_out_again_are_told_apart(make):
    """A process that ran another program, and a thread id that was used twice."""
    doc = document(
        [(0.1, 0, "app.main", [1]), (0.2, 1, "app.main", [1]), (0.3, 2, "app.work", [10])],
        processes=((42, "sh -c python3"), (42, "python3 app.py")),
        threads=((0, 42, "first"), (1, 42, "second"), (1, 42, "third")),
    )
    file = readers.FirefoxFile(make(doc, "x.profile.json.gz")).doc
    assert [(t["pid"], t["tid"], t["name"]) for t in file["threads"]] == [
        ("42", 42, "first"), ("42.1", "42.1", "second"), ("42.1", "42.2", "third")
    ]  # fmt: skip
    tracks = {(pid, tid) for pid, tid, *_ in readers.slices_of(make(doc, "x.trace.json"))}
    assert len(tracks) == 3 and len({pid for pid, _ in tracks}) == 2


# ---- --timestamps ---------------------------------------------------------------------------------------------------


def test_timestamps_in_folded_stacks(make):
    """A line for each sample, in order of time; without it the sums."""
    plain = make(document(STORY), "x.folded", "-F").read_text().splitlines()
    assert plain == [
        "main (/srv/app.py:1);other (/srv/app.py:20) 10000000",
        "main (/srv/app.py:1);work (/srv/app.py:10) 20000000",
        "main (/srv/app.py:1);work (/srv/app.py:10);work (/srv/app.py:10);dumps (/usr/lib/python3.12/json/__init__.py:183) 10000000",
        "work (/srv/app.py:10) 20000000",
    ]
    lines = make(document(STORY), "x.folded", "-F", "--timestamps", "--threads").read_text().splitlines()
    assert [line.split(";")[0] for line in lines] == [
        f"{START + at:.6f}" for at in sorted(sample[0] for sample in STORY)
    ]
    assert lines[0] == f"{START}.010000;thread (42): MainThread;main (/srv/app.py:1);work (/srv/app.py:10) 10000000"
    assert lines[3] == f"{START}.210000;thread (43): worker;work (/srv/app.py:10) 10000000"
    bare = collections.Counter()
    for line in lines:
        stack, _, ns = ";".join(line.split(";")[2:]).rpartition(" ")
        bare[stack] += int(ns)
    assert bare == {line.rpartition(" ")[0]: int(line.rpartition(" ")[2]) for line in plain}
    leaf = make(document(STORY), "x.folded", "-F", "--timestamps", "--merge-from", "leaf").read_text().splitlines()
    assert leaf[0] == f"{START}.010000;work (/srv/app.py:10);main (/srv/app.py:1) 10000000"


def test_timestamps_in_speedscope(make):
    """A true time axis: the same for all threads, with nothing on the stack while off the CPU."""
    plain = json.loads(make(document(STORY), "x.speedscope.json").read_bytes())
    timed = json.loads(make(document(STORY), "x.speedscope.json", "--timestamps").read_bytes())
    main, worker = (next(p for p in timed["profiles"] if name in p["name"]) for name in ("MainThread", "worker"))
    assert [len(stack) for stack in main["samples"]] == [2, 2, 2, 0, 4]
    assert main["weights"] == [10**7, 10**7, 10**7, 960 * 10**6, 10**7]
    assert ([len(s) for s in worker["samples"]], worker["weights"]) == ([0, 1], [200 * 10**6, 20 * 10**6])
    for before, after in zip(plain["profiles"], timed["profiles"]):
        on_cpu = [(s, w) for s, w in zip(after["samples"], after["weights"]) if s]
        assert sum(w for _, w in on_cpu) == sum(before["weights"])
        assert after["endValue"] == sum(after["weights"])


def test_timestamps_in_pprof(make):
    """A label on each sample; the sums stay."""
    try:
        plain, timed = (
            readers.pprof("-raw", make(document(STORY), "x.pb.gz", *options)) for options in ([], ["--timestamps"])
        )
    except readers.Missing as missing:
        pytest.skip(str(missing))
    times = sorted(int(word.partition("[")[2].rstrip("]")) for word in timed.split() if word.startswith("timestamp_ns:["))
    assert times == sorted(START * 10**9 + round(sample[0] * 1e9) for sample in STORY)
    assert "timestamp_ns" not in plain


def test_gzip_is_the_same_again(make):
    first = make(document(STORY, LOST), "x.profile.json.gz").read_bytes()
    assert make(document(STORY, LOST), "x.profile.json.gz").read_bytes() == first
    assert json.loads(gzip.decompress(first))


# ---- more than viewers open -----------------------------------------------------------------------------------------


def test_a_long_recording_fits_and_keeps_its_sums(tmp_path):
    """More samples than the Firefox Profiler opens: equal stacks of a thread are added up within a slice of time."""
    made = run(built("tests/tools/make_recording"), "seconds=520", "depth=5", "stacks=300", tmp_path / "r.pybpf")
    samples, cpu_ns = map(int, made.split())
    for name in ("x.profile.json.gz", "x.prof"):
        run(PROGRAM, "convert", "-i", tmp_path / "r.pybpf", "-o", tmp_path / name, *readers.BY_FUNCTION)
    doc = json.loads(gzip.decompress((tmp_path / "x.profile.json.gz").read_bytes()))
    rows = [thread["samples"] for thread in doc["threads"]]
    assert samples > 1000000 > sum(len(one["weight"]) for one in rows) > 50000
    assert any(entry["label"] == "Added up" for part in doc["meta"]["extra"] for entry in part["entries"])
    for one in rows:
        assert all(a <= b for a, b in zip(one["time"], one["time"][1:]))
        assert sum(one["weight"]) * 1e6 == pytest.approx(cpu_ns / len(rows), rel=0.01)
    found = sorted(readers.read_firefox_tables(tmp_path / "x.profile.json.gz").values())
    assert sum(own for own, _ in found) == pytest.approx(cpu_ns * 1e-9)
    wanted = sorted(readers.read_pstats(tmp_path / "x.prof").values())
    assert [own for own, _ in found] == pytest.approx([own for own, _ in wanted], abs=1e-6)
    assert sorted(total for _, total in found) == pytest.approx(sorted(total for _, total in wanted), abs=1e-6)
