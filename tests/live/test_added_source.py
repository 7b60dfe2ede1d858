# SPDX-License-Identifier: MIT
"""A source that is not ours: what it takes to add one, and that two on one CPU leave each other alone.

The tree is built once more with the files of `added_source/` and one line. The added one runs at each system call, in the
task's own context; the CPU's timer interrupts it there.
"""

import collections
import re
import shutil
import subprocess

import folded
import pytest

from conftest import fd_kinds, summary_number, wait_until
from programs import BUILD, ROOT, alone_with

ADDED = ROOT / "tests/live/added_source"
DEPTH = 60


def copy_tree(tree):
    """With what was built already, as old as it is: only what the line concerns is built again."""
    shutil.rmtree(tree, ignore_errors=True)
    for folder in ("bpf", "user", "vmlinux", "scripts", "packaging"):
        shutil.copytree(ROOT / folder, tree / folder)
    for name in ("Makefile", "CHANGELOG.md"):
        shutil.copy2(ROOT / name, tree)
    for folder in ("bpf", "user"):
        shutil.copytree(BUILD / folder, tree / "build" / folder)


def add_source(tree):
    shutil.copy2(ADDED / "calls.bpf.c", tree / "bpf/source")
    shutil.copy2(ADDED / "calls.c", tree / "user/source")
    rows = tree / "bpf/sources.h"
    text, cnt = re.subn(r"\n\tX\((\w+), (\w+)\)\n", r"\n\tX(\1, \2) \\\n\tX(CALLS, calls)\n", rows.read_text())
    assert cnt == 1
    rows.write_text(text)


@pytest.fixture(scope="module")
def program():
    """pybpfprof with that source."""
    tree = BUILD / "tests/added_source"
    with alone_with(tree):
        copy_tree(tree)
        add_source(tree)
        subprocess.run(["make", "-s", "-C", str(tree), "BUILD=build", "build/pybpfprof"], check=True)
        yield tree / "build/pybpfprof"


def test_it_is_listed(program):
    text = subprocess.run([program, "record", "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert re.search(r"--event=cpu\|.*calls", text)
    page = subprocess.run([program, "man"], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert re.search(r"calls\S*\nsystem calls, each of them", page)


def depths(recording, kind):
    """The values of that type at the loop, by how many calls of `deep` are below it."""
    seen = collections.Counter()
    for line in recording.convert("out.folded", "--type", kind).read_text().splitlines():
        text, value = line.rsplit(" ", 1)
        names = [frame.name for frame in folded.parse(text, 1, int(value)).frames]
        if names[-1] == "call":
            seen[names.count("deep")] += int(value)
    return seen


def assert_all_calls_known(workload, recording):
    """Each of its calls is a sample, or is told of as lost; and each of these has its stack and its value, which is 1."""
    assert "accounting is off" not in recording.stderr
    seen = depths(recording, "calls")
    lost = summary_number(recording.stderr, "lost")
    assert set(seen) == {DEPTH}
    assert seen[DEPTH] <= workload.truth["calls"] <= seen[DEPTH] + lost
    assert lost < workload.truth["calls"] / 2


def test_by_itself(program, python, cgroup, spawn, recorder):
    workload = spawn(python, "calls.py", 0.3, DEPTH, cgroup=cgroup)
    recording = recorder("--cgroup", cgroup.path, "--event", "calls", program=program, wait=False)
    # four hooks of processes, two of cgroups, and its own; no timer
    wait_until(lambda: fd_kinds(recording.pid)["bpf_link"] + fd_kinds(recording.pid)["bpf-link"] == 7, "its links")
    workload.go().finish()
    recording.stop()
    assert_all_calls_known(workload, recording)


@pytest.mark.parametrize("options", [(), ("--without-task-work",)])
def test_a_timer_interrupts_it(program, python, cgroup, spawn, recorder, options):
    """Nearly all of the workload's time is the hook's. What a timer spoils there has the timer's value, or no such stack."""
    workload = spawn(python, "calls.py", 0.7, DEPTH, cgroup=cgroup)
    recording = recorder("--cgroup", cgroup.path, "--event", "calls", "--event", "cpu", "-r", 4999, *options,
                         program=program)  # fmt: skip
    workload.go().finish()
    recording.stop()
    assert_all_calls_known(workload, recording)
    assert set(depths(recording, "cpu")) == {DEPTH}
    clock, sampled = re.search(r"clocks: ([\d.]+) s, sampled ([\d.]+) s", recording.stderr).groups()
    assert float(sampled) == pytest.approx(float(clock), rel=0.03, abs=0.05)
