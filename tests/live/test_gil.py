# SPDX-License-Identifier: MIT
"""Waits for the GIL: how long, of which line, and who held it meanwhile, against what the threads' own clocks say."""

import collections
import json
import math
import subprocess

import pytest

import html_page
import interpreters
from programs import PROGRAM

RATE = 1999  # so that the 5 ms blocks that a wait consists of are all kept
FAST = 4999
FIGHTERS = "looper", "sorter", "napper"
WAITS = "[waits for the GIL]"


def gil_stacks(recording, kind):
    return recording.all_stacks("--threads", "--type", kind)


def by_thread(stacks, take=lambda stack: True):
    sums = collections.Counter()
    for stack in stacks:
        sums[stack.thread[1]] += stack.ns / 1e9 * bool(take(stack))
    return sums


def fight(interpreter, seconds, spawn, recorder, *options):
    workload = spawn(interpreter, "gil_fight.py", seconds)
    recording = recorder("--pid", workload.pid, "--event", "cpu,gil", "-r", RATE, "-v", *options)
    workload.go().finish()
    recording.stop()
    assert "accounting is off" not in recording.stderr
    return workload.truth, recording


def chance(share, cnt):
    """Two points, or what so many draws may be off by."""
    return max(0.02, 4.5 * math.sqrt(share * (1 - share) / max(1, cnt)))


def unseen(recording):
    """The kernel's tracepoint is silent at some switches: waits that end so are lost by name, with their length."""
    return sum(row["time"] for row in recording.json()["lost"] if row["reason"] == "unseen")


def test_wait_and_blame(interpreter, spawn, recorder):
    if interpreter.minor < (3, 7):
        pytest.skip("its GIL is no struct (user/python/versions.c)")
    truth, recording = fight(interpreter, 0.25, spawn, recorder)
    waits = gil_stacks(recording, "gil")
    held = gil_stacks(recording, "gil_held")

    # What a thread did not run, and did not sleep, it waited for the GIL; how much of it for a CPU, the kernel knows at both ends.
    for name in ("looper", "sorter"):
        times = truth["threads"][name]
        most = times["wall"] - times["cpu"]
        slack = 0.02 * times["wall"] + 0.01
        found = sum(s.ns for s in waits if any(f.name == name for f in s.frames)) / 1e9
        assert most - times["queued"] - slack - unseen(recording) <= found <= most + slack, (name, times, found)

    # Each waits, on its own line, for one of the others.
    assert all(stack.frames[-2].name == WAITS for stack in waits)
    for name in ("looper", "sorter"):
        of = collections.Counter()
        for stack in waits:
            if stack.thread[1] == name and not stack.frames[-1].name.startswith("[held by nobody"):
                of[stack.frames[-1].name.split()[2].rstrip("]")] += stack.ns
        assert not of[name]
        other = "sorter" if name == "looper" else "looper"
        assert of[other] + of["napper"] > 0.95 * sum(of.values()), of

    # Who holds it long in C is blamed for that, on the line that called it: at least; what takes less than an interval between two
    # places where a thread gives it away is seldom seen.
    sort = [stack for stack in held if any(frame.name == "sorter" for frame in stack.frames)]
    cnt, total = sum(stack.count for stack in sort), sum(stack.ns for stack in sort)
    sorting = sum(stack.ns for stack in sort if stack.frames[-1].line == truth["lines"]["sort"]) / total
    # Two threads wait for some three intervals during each list.sort(), so these are not independent of each other.
    assert sorting > truth["sorting"] - chance(truth["sorting"], cnt / 6)

    # A lock of the program's is none; nor is a sleep.
    assert not [stack for stack in waits if stack.frames[-3].line == truth["lines"]["lock"] and stack.ns > 0.3e9]
    assert by_thread(waits)["locked"] < 0.3


@pytest.mark.alone  # it has the CPUs before all others, a browser of the test beside it, too
def test_blame_by_line(interpreter, spawn, recorder):
    """Each line is to blame as long as it has the GIL, however short that is at a time, and whether it runs or not."""
    if interpreter.minor < (3, 7):
        pytest.skip("its GIL is no struct (user/python/versions.c)")
    workload = spawn(interpreter, "gil_lines.py", 0.7)
    recording = recorder("--pid", workload.pid, "--event", "cpu,gil", "-r", FAST, "-v")
    workload.go().finish()
    recording.stop()
    assert "accounting is off" not in recording.stderr
    held = gil_stacks(recording, "gil_held")
    missed = sum(row["time"] for row in recording.json()["lost"])
    for name, other in ("mixed", "loops"), ("loops", "mixed"):
        true, queued = workload.truth["held"][name], workload.truth["queued"][other]
        blamed, cnt = collections.Counter(), collections.Counter()
        for stack in held:
            for line in {str(frame.line) for frame in stack.frames if frame.name == name}:
                blamed[line] += stack.ns / 1e9
                cnt[line] += stack.count
        for line, (least, most) in true.items():
            slack = 0.02 * sum(blamed.values()) + 4.5 * math.sqrt(cnt[line]) / FAST + missed
            assert least - slack - queued < blamed[line] < most + slack, (name, line, blamed, true, slack, queued)


def test_wall(python, spawn, recorder):
    """What a thread runs, waits for the GIL and otherwise waits is all of its time."""
    workload = spawn(python, "gil_fight.py", 0.3)
    recording = recorder("--pid", workload.pid, "--wall", "-r", RATE, "-o", "begins.html", "-o", "begins.folded")
    workload.go().finish()
    recording.stop()
    # what is drawn at once begins with all of it
    begins = sum(int(line.rsplit(" ", 1)[1]) for line in (recording.folder / "begins.folded").read_text().splitlines())
    assert begins == sum(stack.ns for stack in recording.all_stacks("--type", "wall")) > 0
    assert html_page.Page(recording.folder / "begins.html").type["name"] == "wall"
    stacks = {kind: gil_stacks(recording, kind) for kind in ("cpu", "offcpu", "gil")}
    for name in FIGHTERS:
        sums = [sum(s.ns for s in of if any(f.name == name for f in s.frames)) / 1e9 for of in stacks.values()]
        wall = workload.truth["threads"][name]["wall"]
        assert sum(sums) == pytest.approx(wall, rel=0.03, abs=0.05 + unseen(recording)), (name, sums)
    assert not [stack for stack in stacks["offcpu"] if stack.frames[-1].name == WAITS]


def test_the_cause_of_other_waits(python, spawn, recorder):
    """Where such waits are no source of their own they are others' cause."""
    workload = spawn(python, "gil_fight.py", 0.15)
    recording = recorder("--pid", workload.pid, "--event", "cpu,offcpu", "-r", RATE)
    workload.go().finish()
    recording.stop()
    gil = by_thread(gil_stacks(recording, "offcpu"), lambda stack: stack.frames[-1].name == WAITS)
    assert gil["looper"] > 0.1 and gil["sorter"] > 0.1
    assert gil["locked"] < 0.3


def test_report(python, spawn, recorder):
    _, recording = fight(python, 0.15, spawn, recorder)
    text = subprocess.run([PROGRAM, "report", "--json", recording.recording], stdout=subprocess.PIPE, text=True, check=True).stdout
    rows = json.loads(text)["gil_waits"]
    waits = gil_stacks(recording, "gil")
    assert sum(row["seconds"] for row in rows) == pytest.approx(sum(stack.ns for stack in waits) / 1e9, rel=0.05)
    assert any(row["name"] == "looper" and row["held_by"] == "sorter in sorter (gil_fight.py)" for row in rows)
    text = subprocess.run([PROGRAM, "report", recording.recording], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert "Who waits for the GIL, and who holds it" in text


def test_no_gil(spawn, recorder):
    threaded = [i for i in interpreters.ALL if i.threaded and i.minor == (3, 13)]
    if not threaded:
        pytest.skip("no free-threaded Python 3.13")
    _, recording = fight(threaded[0], 0.1, spawn, recorder)
    assert not gil_stacks(recording, "gil")


def test_interpreters_with_a_gil_each(spawn, recorder):
    """From 3.12 on: a GIL is known by the interpreter that the thread runs in."""
    newer = [i for i in interpreters.MATRIX if i.minor >= (3, 12)]
    if not newer:
        pytest.skip("no Python 3.12 or newer")
    workload = spawn(newer[0], "gil_apart.py", 0.2)
    recording = recorder("--pid", workload.pid, "--event", "cpu,gil", "-r", RATE)
    workload.go().finish()
    recording.stop()
    waits = gil_stacks(recording, "gil")
    fought = [s for s in waits if s.thread[1].startswith("sub ")]
    assert sum(s.ns for s in fought) > 0.1e9
    assert {s.frames[-1].name.split()[2].rstrip("]") for s in fought} <= {"sub", "nobody:", "other", "Thread-1"}, fought
    # the main thread's is another's only while that makes the sub-interpreter
    assert {s.frames[-1].name.split()[2].rstrip("]") for s in waits if s.thread[1] == "MainThread"} <= {"nobody:", "other"}
