# SPDX-License-Identifier: MIT
"""Which task of asyncio's a sample is of, and who awaits that: against what a program knows of its own tasks."""

import collections
import json
import re

import pytest

import interpreters
from conftest import NOT_TAKEN, within_chance
from html_page import Page

SINCE = (3, 14)  # interpreters say which task runs
NEW = [i for i in interpreters.SUPPORTED if i.minor >= SINCE]
OLD = [i for i in interpreters.MATRIX if (3, 8) <= i.minor < SINCE]  # names of tasks
LINKS = 16  # of a chain that are told of
MORE = "[more tasks that await it]"

each = pytest.mark.parametrize("python", NEW, ids=interpreters.name)
old = pytest.mark.parametrize("python", OLD[:: max(1, len(OLD) // 3)], ids=interpreters.name)


def record(python, spawn, recorder, *args, rate=999, event="cpu"):
    workload = spawn(python, "task_chains.py", *args)
    recording = recorder("-p", workload.pid, "-r", rate, "--event", event)
    workload.go()
    workload.finish()
    recording.wait()
    assert recording.status == 0, recording.stderr
    return workload.truth["functions"], recording


def chain_of(document, sample):
    """Names from the task that ran on; "" for a number, which has the name of what it runs."""
    names, task = [], sample.get("task")
    while task is not None:
        one = document["tasks"][task]
        assert ("coroutine" in one) == bool(re.fullmatch(r"Task-\d+", one["name"])), one
        names.append("" if "coroutine" in one else one["name"])
        assert task > one.get("parent", -1)
        task = one.get("parent")
    return names


def expected(chain):
    return chain if len(chain) <= LINKS else [*chain[:LINKS], MORE]


def check_chain(found, true, where):
    """What is not in memory for a moment (a page on its way) ends a chain, which says so. True: it is whole."""
    if found == expected(true):
        return True
    assert found[-1:] == [MORE] and found[:-1] == true[: len(found) - 1], where
    return False


def function_of(sample, functions):
    found = [name for name in sample["stack"] if name in functions]
    return found[-1] if found else None


def told(document):
    """Samples from the first on that has a task: a module in a file of its own is looked for once there are samples."""
    samples = document["samples"]
    first = next(i for i, sample in enumerate(samples) if "task" in sample)
    assert first < len(samples) / 4
    return samples[first:]


@each
def test_chains(python, spawn, recorder):
    """Each sample has the chain of the function that it is in, and the sums are those that the program measured."""
    functions, recording = record(python, spawn, recorder, 0.5)
    document = recording.json()
    spent, all_of, inside = collections.Counter(), collections.Counter(), 0
    samples = told(document)
    for sample in document["samples"]:
        function = function_of(sample, functions)
        spent[function] += sample["value"]
    for sample in samples:
        function = function_of(sample, functions)
        if function:
            all_of[function] += check_chain(chain_of(document, sample), functions[function][1], function)
            inside += 1
    assert set(all_of) == set(functions) and sum(all_of.values()) > 0.99 * inside
    not_taken = sum(row["time"] for row in document["lost"] if row["reason"] in NOT_TAKEN)  # all of it may be of one
    for function, (seconds, _) in functions.items():
        assert spent[function] == within_chance(seconds, 999, 0.02 + not_taken / seconds), function


@each
def test_ran_for_none(python, spawn, recorder):
    """The loop itself is no task's; nothing is, where tasks are of the class in Python."""
    functions, recording = record(python, spawn, recorder, 0.05, "python")
    document = recording.json()
    in_python = [s for s in document["samples"] if function_of(s, functions) not in (None, "alone")]
    assert in_python and not any("task" in sample for sample in in_python)


@each
def test_eager(python, spawn, recorder):
    """An eager task runs in the stack of who makes it, and is the one that runs all the same."""
    functions, recording = record(python, spawn, recorder, 0.3, "eager")
    document = recording.json()
    names = collections.defaultdict(collections.Counter)
    for sample in told(document):
        function = function_of(sample, functions)
        if function:
            names[function][tuple(chain_of(document, sample)[:1])] += 1
    assert set(functions) - set(names) <= {"alone"}  # it runs first, and may be over before there is one that is told
    for function, found in names.items():
        true = found[tuple(functions[function][1][:1])]
        assert true + found[()] == sum(found.values()), (function, found)  # none has another's
        assert found[()] <= 0.02 * true, (function, found)


@each
def test_waits(python, spawn, recorder):
    """A call that blocks its loop is of the task that makes it; a loop with nothing to do is of none."""
    functions, recording = record(python, spawn, recorder, 0.4, "sleep", event="cpu,offcpu")
    document = recording.json()
    offcpu = [one["name"] for one in document["value_types"]].index("offcpu")
    slept, whole, inside = collections.Counter(), 0, 0
    for sample in told(document):
        function = function_of(sample, functions)
        if function:
            whole += check_chain(chain_of(document, sample), functions[function][1], (function, sample))
            inside += 1
        if function and sample["stack"][-1] == "[sleep]":
            assert sample.get("value_type", 0) == offcpu
            slept[function] += sample["value"]
        elif "EpollSelector.select" in sample["stack"]:
            assert "task" not in sample
    assert set(slept) == set(functions) and whole > 0.99 * inside


def roots(recording, *options):
    """{frames of tasks: nanoseconds}, and what is first above them."""
    sums, first = collections.Counter(), collections.defaultdict(set)
    for stack in recording.all_stacks("--tasks", *options):
        names = [frame.name for frame in stack.frames]
        cnt = next((i for i, name in enumerate(names) if not name.startswith(("task ", "[no task]"))), len(names))
        sums[tuple(names[:cnt])] += stack.ns
        first[tuple(names[:cnt])].update(names[cnt : cnt + 1])
    return sums, first


@each
def test_view(python, spawn, recorder, pybpfprof):
    """--tasks has the chain in the place of the loop; report --by task counts by what tasks are called."""
    functions, recording = record(python, spawn, recorder, 0.2)
    document = recording.json()
    sums, first = roots(recording)
    for chain in ("main()", "direct", "task directly"), ("main()", "gathers", "work()"), ("alone()", "work()"):
        assert "work" in first[tuple("task " + name for name in chain)]
    assert not any("Handle._run" in names for chain, names in first.items() if chain != ("[no task]",))
    assert sum(sums.values()) == pytest.approx(1e9 * sum(sample["value"] for sample in document["samples"]), rel=1e-6)
    assert "task gathers" in recording.convert("out.svg", "--tasks").read_text()
    assert "task gathers" in json.dumps(Page(recording.convert("out.html", "--tasks")).head)
    report = json.loads(pybpfprof("report", "--json", "--by", "task", recording.recording).stdout)
    rows = {row["task"]: row for row in report["tasks"]}
    by_label = collections.Counter()
    for sample in document["samples"]:
        task = document["tasks"][sample["task"]] if "task" in sample else {"name": "[no task]"}
        by_label[task["coroutine"] + "()" if "coroutine" in task else task["name"]] += sample["value"]
    assert {name: row["seconds"] for name, row in rows.items()} == pytest.approx(dict(by_label), abs=1e-5)
    assert rows["task gathered"]["awaited_by"] == "gathers" and rows["task gathered"]["tasks"] == 1
    assert rows["work()"]["awaited_by"] == "…" and rows["work()"]["tasks"] == 2


@old
def test_before(python, spawn, recorder, pybpfprof):
    """Where the interpreter does not tell, it is the function that the loop has called."""
    functions, recording = record(python, spawn, recorder, 0.2)
    document = recording.json()
    assert "tasks" not in document
    worked = sum(sample["value"] for sample in document["samples"] if function_of(sample, functions))
    sums, first = roots(recording)
    assert all(len(chain) == 1 for chain in sums)
    assert all(first["task " + name + "()",] <= {name} for name in ("work", "main", "deep", "forgets"))
    assert sums["task work()",] >= 1e9 * worked * (1 - 1e-6)
    report = json.loads(pybpfprof("report", "--json", "--by", "task", recording.recording).stdout)
    rows = {row["task"]: row for row in report["tasks"]}
    assert 1e9 * rows["work()"]["seconds"] == pytest.approx(sums["task work()",], rel=1e-6)
    assert "tasks" not in rows["work()"] and "awaited_by" not in rows["work()"]
