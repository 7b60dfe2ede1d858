# SPDX-License-Identifier: MIT
"""What is known of each interpreter there is, build by build, and of one with the options that change how it runs.

SUPPORT.md is made of it. Failed samples and impossible stacks of all rows are told from none by their number.
"""

import collections
import json
import math
import subprocess

import pytest

import folded
import interpreters
from conftest import NOT_TAKEN, PROGRAM, cpu_seconds, wait_cpu
from test_dump import check_locals, start  # noqa: F401 (a fixture)
from test_processes import named_samples

RATE = 9999
SAMPLES, FEWER = 90_000, 45_000  # enough to tell 0.02 % of failed ones from some, and from hardly any
FAILED = 0.0002
LIVES = 30
HELD, NOT_HELD = 0.97, 0.9  # a thread that has just lost the GIL, or got it, is still or already at its line
LEAVES = {"add_left", "chained", "sort_key", "__lt__", "wrapper", "inner_gen", "bottom", "inner_coro", "settled", "__del__",
          "ended", "in_context", "executed", "caught", "naïve_名前", "at_the_end", "tracer"}  # fmt: skip

Row = collections.namedtuple("Row", "python build options env")


def option_rows():
    """What changes how the interpreter runs: once for each version that has it, or for its oldest and newest."""
    for python in interpreters.MATRIX:
        if python.minor >= (3, 12):
            yield Row(python, "-X perf", ["-X", "perf"], {})
    for python in [i for i in interpreters.MATRIX if i.minor in ((3, 7), (3, 11), interpreters.NEWEST)]:
        frozen = ["-X", "frozen_modules=off"] if python.minor >= (3, 11) else []
        yield Row(python, " ".join([*frozen, "-X importtime"]), [*frozen, "-X", "importtime"], {})
    for python in interpreters.SUPPORTED:
        if python.minor >= (3, 14) and python.build in ("", "standalone"):
            yield Row(python, ", ".join(filter(None, [python.build, "JIT"])), [], {"PYTHON_JIT": "1"})


BUILDS = [Row(i, i.build or ("shared" if i.shared else "static"), [], {}) for i in interpreters.SUPPORTED]
OPTIONS = list(option_rows())


def row_id(row):
    return interpreters.name(row.python) + " " + row.build if row in OPTIONS else interpreters.name(row.python)


def said_by(python, code, **popen):
    return subprocess.run([python.path, "-c", code], stdout=subprocess.PIPE, encoding="utf-8", **popen).stdout.strip()


def about(row):
    """The first columns."""
    libc = said_by(row.python, "import os; print(os.confstr('CS_GNU_LIBC_VERSION'))", stderr=subprocess.DEVNULL)
    return {"python": row.python.version, "libc": libc or "musl", "build": row.build}


# ---- the columns -------------------------------------------------------------------------------------------


def at_most(count):
    """What independent events that were seen so often may be on average: exact for none, above 97.5 % for others."""
    return count + 2 * math.sqrt(count) + 3.7


def not_walked(document):
    """Samples of a program that is always in Python for which there is no stack up to the root."""
    cut = sum(1 for sample in document["samples"] if sample.get("truncated"))
    failed = [row for row in document["lost"] if row["failure"] and row["reason"] not in NOT_TAKEN]
    frameless = sum(1 for sample in document["samples"] if sample["stack"] == ["[no Python function]"])
    return cut + sum(row["samples"] for row in failed) + frameless


def taken(document):
    """How many ticks of the target the kernel took: not all that are due in its CPU time, which runs on in switches between tasks."""
    not_taken = sum(row["samples"] for row in document["lost"] if row["reason"] in NOT_TAKEN)
    return document["ticks"] - document["filtered"] - not_taken


def percent(part, whole):
    return f"{100 * part / whole:.4f}".rstrip("0").rstrip(".") + " %"


def record_tree(row, samples, columns, cgroup, spawn, recorder):
    """No impossible stack and no wrong line, callers' lines included.

    Returns how many stacks were checked and how many samples could not be walked, by reason. Some of a million are of
    instants at which a frame is current and not linked yet, or the C evaluator was entered and names no frame.
    """
    workload = spawn(row.python, "tree.py", cgroup=cgroup, env=row.env, options=row.options, stderr=subprocess.DEVNULL)
    recording = recorder("--cgroup", cgroup.path, "-r", RATE)
    end = cpu_seconds(workload.pid) + 1.05 * samples / RATE
    workload.go()
    wait_cpu(workload.pid, end)
    recording.stop()
    workload.kill()
    stacks, document = recording.stacks(), recording.json()
    checked, impossible, wrong, reasons = folded.Oracle(workload.ready).check(stacks)
    columns.update(impossible=impossible, wrong=wrong)
    assert (impossible, wrong) == (0, 0), reasons
    assert not [stack for stack in stacks if folded.marked(stack)]
    assert checked > 0.98 * taken(document)
    # Every function that takes time must be seen, or a quiet hole would pass.
    assert not LEAVES - {frame.name.rsplit(".", 1)[-1] for stack in stacks for frame in stack.frames}
    return checked, not_walked(document)


def check_tree(row, samples, columns, cgroup, spawn, recorder):
    """And hardly one that could not be walked. As many more are taken as tell so few from too many, up to four times as many."""
    checked = failed = 0
    for _ in range(4):
        more, not_one = record_tree(row, samples, columns, cgroup, spawn, recorder)
        checked, failed = checked + more, failed + not_one
        if at_most(failed) <= FAILED * checked:
            break
    columns.update(ticks=f"{checked:,}", failed=percent(failed, checked + failed))
    assert at_most(failed) <= FAILED * checked, (failed, checked)


def check_gil(row, columns, cgroup, spawn, recorder):
    """Who holds it, by the line that runs: C code that has let go of it, and Python code beside."""
    workload = spawn(row.python, "gilfree.py", 0.4, cgroup=cgroup)
    recording = recorder("--cgroup", cgroup.path, "-r", 1999)
    workload.go().finish()
    recording.stop()
    seen, held = collections.Counter(), collections.Counter()
    lines = {(name, true["line"]) for name, true in workload.truth["functions"].items()}
    for sample in recording.json()["samples"]:
        for name, line in zip(sample["stack"], sample["lines"]):
            function = name.rsplit(".", 1)[-1]
            if (function, line) in lines:
                seen[function] += 1
                held[function] += bool(sample["gil"])
    if row.python.threaded:
        columns["gil"] = "has none"
        assert not any(held.values()), held
        return
    free = [1 - held[name] / seen[name] for name in ("compress", "checksum")]
    columns["gil"] = f"{100 * held['python'] / seen['python']:.0f} %, {100 * min(free):.0f} %"
    assert held["python"] >= HELD * seen["python"] and min(free) >= NOT_HELD, (held, seen)


def check_short_lives(row, columns, cgroup, spawn, recorder):
    workload = spawn(row.python, "forker.py", "many", LIVES, 0.02, "itself", cgroup=cgroup)
    recording = recorder("--cgroup", cgroup.path, "-r", RATE)
    workload.go().finish()
    recording.stop()
    named, others, reasons = named_samples(recording, {child["pid"] for child in workload.children})
    columns["lives"] = percent(named, named + others)
    assert len(workload.children) == LIVES and named >= 0.99 * (named + others), reasons


# ---- the rows ----------------------------------------------------------------------------------------------


@pytest.mark.xdist_group("support")
@pytest.mark.parametrize("row", BUILDS, ids=row_id)
def test_build(row, cgroup, spawn, recorder, start, record_property):  # noqa: F811
    columns = about(row)
    try:
        check_tree(row, FEWER if row.python.build else SAMPLES, columns, cgroup, spawn, recorder)
        check_gil(row, columns, cgroup, spawn, recorder)
        check_short_lives(row, columns, cgroup, spawn, recorder)
        check_locals(start(row.python, "locals.py"))
        columns["dump"] = "ok"
    finally:
        record_property("support", columns)


@pytest.mark.xdist_group("support")
@pytest.mark.parametrize("row", OPTIONS, ids=row_id)
def test_options(row, cgroup, spawn, recorder, record_property):
    """The stacks only: what else there is does not depend on them."""
    if "PYTHON_JIT" in row.env and said_by(row.python, "import sys; print(sys._jit.is_available())") != "True":
        pytest.skip("this build has no JIT")
    columns = about(row)
    try:
        check_tree(row, FEWER, columns, cgroup, spawn, recorder)
    finally:
        record_property("support", columns)


@pytest.mark.parametrize("python", [i for i in interpreters.ALL if i not in interpreters.SUPPORTED])
def test_refused(python, record_property):
    """Named for what it is, and not guessed at."""
    process = subprocess.Popen([python.path, "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        done = subprocess.run([PROGRAM, "check", str(process.pid), "--json"], stdout=subprocess.PIPE)
    finally:
        process.communicate()
    (found,) = json.loads(done.stdout)["pythons"]
    assert done.returncode == 5 and python.version in found["why_not"]
    record_property("support", {**about(Row(python, python.build, [], {})), "ticks": "refused, by its name"})
