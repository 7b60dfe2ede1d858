# SPDX-License-Identifier: MIT
"""CPU time of a Python process in which no Python function runs: it is in the picture, and is the rest of 100 %."""

import collections
import json
import pstats
import shutil
import subprocess

import pytest

import folded
import svg_data
from conftest import WORKLOADS, summary_number, within_chance

NATIVE = "[native threads]"
SECONDS = 0.8

if not shutil.which("gcc"):
    pytest.skip("no gcc", allow_module_level=True)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    path = tmp_path_factory.mktemp("native") / "native.so"
    subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-pthread", "-o", path, WORKLOADS / "native.c"], check=True)
    return path


def by_root(document):
    spent = collections.Counter()
    for sample in document["samples"]:
        spent[sample["stack"][0].rsplit(".", 1)[-1]] += sample["value"]
    return spent


def recorded(python, library, cgroup, spawn, recorder, *options):
    workload = spawn(python, "native.py", library, SECONDS, 2, cgroup=cgroup)
    recording = recorder("--cgroup", cgroup.path, "-r", "999", *options)
    workload.go().finish()
    return workload, recording.stop()


@pytest.mark.few
def test_native_threads_are_in_the_picture(interpreter, library, cgroup, spawn, recorder):
    """As much CPU time as they used, in threads called as they call themselves; all together is the process's."""
    workload, recording = recorded(interpreter, library, cgroup, spawn, recorder)
    document = recording.json()
    assert by_root(document)[NATIVE] == within_chance(2 * SECONDS, 999)
    assert sum(s["value"] for s in document["samples"]) == within_chance(workload.spent, 999, least=0.03)
    native = [s for s in document["samples"] if s["stack"] == [NATIVE]]
    names = {document["threads"][s["thread"]]["name"] for s in native}
    assert names == {"pool-0", "pool-1"} and not any(s["gil"] for s in native)
    assert not {loss["reason"] for loss in document["lost"]} & {"no_tstate", "no_frame"}, "counted once"
    assert document["ticks"] == len(document["samples"]) + document["filtered"] + sum(one["samples"] for one in document["lost"])
    assert document["functions"][NATIVE]["kind"] == "synthetic"


def test_native_threads_are_a_root_of_their_process(python, library, cgroup, spawn, recorder, pybpfprof):
    workload, recording = recorded(python, library, cgroup, spawn, recorder)
    stacks = recording.all_stacks("-t")
    native = [stack for stack in stacks if stack.frames[0].name == NATIVE]
    assert {stack.thread[1] for stack in native} == {"pool-0", "pool-1"} and all(len(stack.frames) == 1 for stack in native)
    assert not [stack for stack in stacks if NATIVE in [frame.name for frame in stack.frames[1:]]]
    rows = pstats.Stats(str(recording.convert("x.prof"))).stats
    assert rows["~", 0, NATIVE][2] == pytest.approx(sum(stack.ns for stack in native) / 1e9)
    assert summary_number(recording.stderr, f"in {NATIVE}") == sum(stack.count for stack in native)
    table = pybpfprof("top", "--once", "--input", recording.recording).stdout
    report = pybpfprof("report", recording.recording).stdout
    assert NATIVE in table and NATIVE in report
    data = svg_data.read(recording.convert("x.svg"))
    kinds = {name: kind for kind, name, *_ in data["legend"]}
    shades = data["colours"][0] // kinds["roots"]
    assert data["colours"][data["texts"].index(NATIVE)] // shades == kinds["synthetic frames"]
    kept = by_root(json.loads(recording.convert("gil.json", "--gil").read_bytes()))
    assert NATIVE not in kept and kept


def test_nobody_of_them_holds_the_gil(python, library, cgroup, spawn, recorder):
    """--gil leaves them out while recording: they are filtered."""
    _, recording = recorded(python, library, cgroup, spawn, recorder, "--gil")
    document = recording.json()
    assert document["samples"] and NATIVE not in by_root(document) and all(sample["gil"] for sample in document["samples"])
    assert document["filtered"] > 0.5 * 2 * SECONDS * 999
    assert not [loss for loss in document["lost"] if loss["reason"] in ("no_tstate", "no_frame")]


def test_what_is_no_python_is_told_of_and_not_shown(python, cgroup, spawn, recorder):
    shell = subprocess.Popen(["sh", "-c", "while :; do :; done"], preexec_fn=lambda: (cgroup.path / "cgroup.procs").write_text("0"))
    try:
        workload = spawn(python, "busy.py", 0.5, cgroup=cgroup)
        recording = recorder("--cgroup", cgroup.path, "-r", "999")
        workload.go().finish()
        recording.stop()
    finally:
        shell.kill()
        shell.wait()
    document = recording.json()
    assert shell.pid not in {sample["pid"] for sample in document["samples"]}
    told = [loss for loss in document["lost"] if loss["reason"] == "not_python"]
    assert sum(loss["samples"] for loss in told) > 100 and not any(loss["failure"] for loss in told)
    assert summary_number(recording.stderr, "without Python: the process is not Python") == sum(loss["samples"] for loss in told)


def test_the_end_of_an_interpreter_is_its_process_s_time(tmp_path, recorder):
    """What it takes down at its end is in no function, and in the picture."""
    program = tmp_path / "app.py"
    program.write_text("kept = [[i] for i in range(3_000_000)]\n")
    document = recorder("-r", "999", "--", "/usr/bin/python3", program, wait=False).wait().json()
    assert by_root(document)["[no Python function]"] > 0.05
    assert folded.NATIVE >= {name for name in by_root(document) if name[0] == "["}
