# SPDX-License-Identifier: MIT
"""Is it true? Programs that know their own stacks, lines and shares of CPU time, on every version.

Tolerances are those of chance at the number of ticks taken, or wider. Where work comes in pieces much
longer than a sampling period, each piece is found to within a tick, so shares are far more exact than
independent draws would make them.
"""

import collections
import json
import math
import os
import re

import pytest

import folded
import interpreters
from conftest import NOT_TAKEN, cpu_seconds, let_work, wait_cpu
from test_support import FAILED, at_most, not_walked, taken


def leaf_seconds(document, function):
    """{line: CPU seconds} of samples whose innermost frame is this function.

    Seconds, not samples: the rate is drawn anew all the time, so each sample stands for a time of its own.
    """
    spent = collections.Counter()
    for sample in document["samples"]:
        if sample["stack"][-1].rsplit(".", 1)[-1] == function:
            spent[sample["lines"][-1]] += sample["value"]
    return spent


@pytest.mark.xdist_group("tree")
@pytest.mark.skipif(not interpreters.THREADED, reason="no free-threaded interpreter here")
@pytest.mark.parametrize("python", interpreters.THREADED)
def test_tree_on_all_cpus(python, cgroup, spawn, recorder):
    """The same in threads that run at once: each runs copies of its own of what it has specialised (3.14t on)."""
    workload = spawn(python, "tree.py", 2 * os.cpu_count(), cgroup=cgroup)
    recording = recorder("--cgroup", cgroup.path, "-r", 9999)
    end = cpu_seconds(workload.pid) + 5
    workload.go()
    wait_cpu(workload.pid, end)
    recording.stop()
    stacks = recording.stacks()
    assert not [stack for stack in stacks if folded.marked(stack)]
    checked, impossible, wrong, reasons = folded.Oracle(workload.ready).check(stacks)
    assert (impossible, wrong) == (0, 0), reasons
    document = recording.json()
    assert checked > 0.98 * taken(document)
    assert at_most(not_walked(document)) <= FAILED * checked, document["lost"]
    threads = {sample["thread_id"] for sample in document["samples"]}
    assert len(threads) == 1 + 2 * os.cpu_count()
    # before its first function and after its last one a thread has none to hold
    inside = [sample for sample in document["samples"] if not sample["stack"][0].startswith("[")]
    assert all(sample["gil"] is None and sample["no_gil"] for sample in inside)


@pytest.mark.short
def test_splits(interpreter, cgroup, spawn, recorder):
    """True shares of 50 and 20 %, inline and through one helper, within one point.

    The program measures by the thread's CPU clock, which runs on while a hypervisor has the CPU; the timers say "late".
    """
    workload = spawn(interpreter, "split.py", 1, cgroup=cgroup)
    recording = recorder("--cgroup", cgroup.path, "-r", "4999")
    workload.go().finish()
    recording.stop()
    found = collections.Counter()
    document = recording.json()
    not_taken = sum(row["time"] for row in document["lost"] if row["reason"] in NOT_TAKEN)
    for sample in document["samples"]:
        names = [name.rsplit(".", 1)[-1] for name in sample["stack"]]
        for parent in workload.truth["splits"]:
            if parent in names[:-1]:
                below = names.index(parent) + 1
                found[parent, names[below], str(sample["lines"][below])] += sample["value"]
    for parent, functions in workload.truth["splits"].items():
        for function, lines in functions.items():
            (a, true_a), (b, true_b) = lines.items()
            both = found[parent, function, a] + found[parent, function, b]
            shown, late = 100 * found[parent, function, a] / both, 100 * not_taken / both  # all of it may be of these
            true = 100 * true_a / (true_a + true_b)
            assert shown == pytest.approx(true, abs=1 + late), (parent, function, late)


@pytest.mark.alone  # others would shift the bursts
def test_bursts_at_99_hz(cgroup, spawn, recorder, python):
    """2 ms of CPU every 20.2 ms: a fixed period at 99 Hz finds anything from 12 to 265 % of it."""
    workloads = [spawn(python, "burst.py", 12, cgroup=cgroup) for _ in range(8)]
    recording = recorder("--cgroup", cgroup.path, "-r", "99")
    for workload in workloads:
        workload.go()
    for workload in workloads:
        workload.finish()
    recording.stop()
    document = recording.json()
    spent, ticks = collections.Counter(), collections.Counter()
    for sample in document["samples"]:
        spent[sample["pid"]] += sample["value"]
        ticks[sample["pid"]] += 1
    true = {w.pid: w.truth["spent"] for w in workloads}
    # Independent draws would have a standard deviation of the root of the number of samples; 4.5 of them.
    for pid, seconds in true.items():
        expected = seconds * 99
        assert spent[pid] * 99 == pytest.approx(expected, abs=4.5 * math.sqrt(expected)), spent
        # Seconds are corrected by the clock of each thread; what draws samples one by one has only their number.
        assert ticks[pid] == pytest.approx(expected, abs=4.5 * math.sqrt(expected)), ticks
    expected = sum(true.values()) * 99
    assert sum(spent.values()) * 99 == pytest.approx(expected, abs=4.5 * math.sqrt(expected))
    # Where stderr is no terminal, a line every ten seconds.
    assert len([line for line in recording.stderr.splitlines() if "samples" in line]) >= 2, recording.stderr


@pytest.mark.parametrize("depth", [100, 900, 2000])
@pytest.mark.short
def test_recursion(interpreter, depth, spawn, recorder):
    """Up to 1,024 frames are kept, leaf side first, and a deeper stack says that it goes on."""
    workload = spawn(interpreter, "recursion.py", 0.5, depth)
    true = workload.ready["frames"]
    recording = recorder("-p", workload.pid, "-r", "999")
    workload.go()
    recording.wait()
    assert recording.status == 0, recording.stderr
    stacks = [s for s in recording.stacks() if s.frames[-1].name in ("leaf", "thread_seconds")]
    assert folded.total(stacks) > 200
    for stack in stacks:
        marks = [frame for frame in stack.frames if frame.file is None]
        depth_seen = len(stack.frames) - len(marks) - (stack.frames[-1].name != "leaf")
        if true < 1000:
            assert not marks and depth_seen == true
        else:
            assert marks == [stack.frames[0]] and re.search("truncated", marks[0].name)
            assert 1000 <= depth_seen <= 1024
        assert {frame.name for frame in stack.frames[-50:-2]} == {"down"}
    truncated = [sample for sample in recording.json()["samples"] if sample.get("truncated")]
    assert bool(truncated) == (true > 1024)


def test_addresses_of_code_are_reused(interpreter, cgroup, spawn, recorder):
    """Ever new functions at the same address, of the same name: each sample has its own function's line."""
    workload = spawn(interpreter, "reuse.py", 1.2, cgroup=cgroup)
    recording = recorder("--cgroup", cgroup.path, "-r", "1999")
    workload.go().finish()
    recording.stop()
    truth = workload.truth
    # Without a GIL code objects die when the collector comes by, and hardly one takes the place of another.
    assert truth["addresses"] < truth["functions"] or interpreter.threaded, "no address was used twice, this tests nothing"
    document = recording.json()
    assert not [row for row in document["lost"] if row["reason"] == "replaced"]
    # Timers that a busy machine, or its hypervisor, did not let come.
    missed = sum(row["time"] for row in document["lost"] if row["reason"] in ("late", "throttled", "not_run"))
    for kind, true in truth["lines"].items():
        found = leaf_seconds(document, "same_" + kind)
        total, spent = sum(found.values()), sum(true.values())
        assert total + missed > 0.95 * spent
        # The outer loop has lines of its own, just above.
        near = {int(line) - above for line in true for above in range(3)}
        assert sum(n for line, n in found.items() if line not in near) <= 0.005 * total, (kind, found)
        for line, seconds in true.items():
            share, n = seconds / spent, sum(found[int(line) - above] for above in range(3))
            # Pieces of 12 ms are found to within a tick or two each.
            assert abs(n / total - share) < 0.02, (kind, line, n / total, share, document["lost"])


@pytest.mark.parametrize("python", interpreters.FEW)
def test_modules_take_the_place_of_others(python, pybpfprof, tmp_path):
    """Code that runs but once has been there for long when it ends, and the next is at its address: no sample is lost for it."""
    script = tmp_path / "modules.py"
    script.write_text(
        "import functools, time\n"
        "clock = functools.partial(time.clock_gettime, time.CLOCK_THREAD_CPUTIME_ID)\n"
        "text = 'end = clock() + 0.3\\nwhile clock() < end:\\n    for i in range(1000): x = i * 31'\n"
        "addresses = set()\n"
        "for n in range(5):\n"
        "    code = compile(text, 'module_%d.py' % n, 'exec')\n"
        "    addresses.add(id(code))\n"
        "    exec(code, {'clock': clock})\n"
        "    del code\n"
        "print(len(addresses))\n"
    )
    done = pybpfprof("record", "-r", "4999", "-q", "-o", "out.json", "--", python.path, script)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 5, "no address was used twice, this tests nothing"
    document = json.loads((tmp_path / "out.json").read_text())
    assert not [row for row in document["lost"] if row["reason"] == "replaced"]


@pytest.mark.alone  # shares of what comes and goes quickly
def test_names_of_code_are_reused(interpreter, cgroup, spawn, recorder):
    """The same, where nothing but the content of the name or of the file name tells the functions apart."""
    workload = spawn(interpreter, "names.py", 1.2, cgroup=cgroup)
    recording = recorder("--cgroup", cgroup.path, "-r", "1999")
    workload.go().finish()
    recording.stop()
    found = collections.Counter()
    for stack in recording.stacks():
        for frame in stack.frames:
            if frame.name.startswith("name_") or frame.name == "same":
                found[frame.name if frame.name != "same" else frame.file.strip("<>")] += stack.count
    for kind, true in workload.truth["names"].items():
        total, spent = sum(found[tag] for tag in true), sum(true.values())
        assert set(tag for tag in found if tag.startswith(kind)) <= set(true)
        for tag, seconds in true.items():
            # Counts follow the rate, which is drawn anew; a name that stuck would have most of them.
            assert abs(found[tag] / total - seconds / spent) < 0.06, (kind, tag, found[tag] / total, seconds / spent)


def test_generators_and_tasks(interpreter, cgroup, spawn, recorder):
    """The running chain of generators and coroutines, through asyncio's own frames."""
    workload = spawn(interpreter, "gen.py", 0.6, cgroup=cgroup)
    recording = recorder("--cgroup", cgroup.path, "-r", "999")
    workload.go().finish()
    recording.stop()
    found = collections.Counter()
    for stack in recording.stacks():
        names = [frame.name.rsplit(".", 1)[-1] for frame in stack.frames]
        for leaf, callers in workload.truth["callers"].items():
            if leaf in names and names[-1] in ("spin", "thread_seconds"):
                at = names.index(leaf)
                assert names[max(0, at - len(callers)) : at] == callers[::-1], stack
                assert not folded.marked(stack)
                found[leaf] += stack.count
    assert set(found) == set(workload.truth["callers"])
    assert min(found.values()) > 200


@pytest.mark.parametrize("python", [i for i in interpreters.SUPPORTED if i.minor == (3, 11)] + [i for i in interpreters.MATRIX if i.minor > (3, 11)])
def test_thrown_through_what_delegates(python, cgroup, spawn, recorder):
    """throw() makes each generator that delegates current in the invocation of the evaluator that it was called from.

    Not before 3.11: there they are current without a caller, or not at all.
    """
    workload = spawn(python, "delegates.py", cgroup=cgroup)
    recording = recorder("--cgroup", cgroup.path, "-r", 9999)
    workload.go()
    let_work(workload, 1.2)
    recording.stop()
    workload.kill()
    document = recording.json()
    stacks = collections.Counter(tuple(name.rsplit(".", 1)[-1] for name in sample["stack"]) for sample in document["samples"])
    links = workload.ready["links"]
    strange = {
        stack: count
        for stack, count in stacks.items()
        if any(name in links and caller not in links[name] for caller, name in zip(("", *stack), stack))
    }
    assert not strange
    for whole in ("throw_some", "top", "middle", "leaf", "key"), ("throw_once", "top", "middle", "leaf"), ("outer", "inner", "awaited", "leaf"):
        assert sum(count for stack, count in stacks.items() if stack[-len(whole) :] == whole) > 50, whole
    assert not_walked(document) <= 0.001 * sum(stacks.values()), document["lost"]


def test_lines_of_time(interpreter, pybpfprof, tmp_path):
    """Where the time is spent within one function, in the report's words as in the samples."""
    script = tmp_path / "lines.py"
    script.write_text(
        "import functools, time\n"
        "clock = functools.partial(time.clock_gettime, time.CLOCK_THREAD_CPUTIME_ID)\n"
        "def spread(seconds):\n"
        "    spent = [0.0, 0.0, 0.0]\n"
        "    while sum(spent) < seconds:\n"
        "        x, start = 100000, clock()\n"
        "        while x: x -= 1\n"
        "        spent[0] += clock() - start\n"
        "        x, start = 200000, clock()\n"
        "        while x: x -= 1\n"
        "        spent[1] += clock() - start\n"
        "        x, start = 400000, clock()\n"
        "        while x: x -= 1\n"
        "        spent[2] += clock() - start\n"
        "    print(spent)\n"
        "spread(1.2)\n"
    )
    done = pybpfprof("record", "-r", "4999", "-q", "-o", "out.json", "--", interpreter.path, script)
    assert done.returncode == 0, done.stderr
    true = json.loads(done.stdout)
    found = leaf_seconds(json.loads((tmp_path / "out.json").read_text()), "spread")
    total = found[7] + found[10] + found[13]
    assert total > 0.98 * sum(found.values())
    for line, seconds in zip((7, 10, 13), true):
        assert found[line] / total == pytest.approx(seconds / sum(true), abs=0.01), found
