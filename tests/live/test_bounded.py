# SPDX-License-Identifier: MIT
"""What a profiler that runs for days may keep: code objects of a process that makes them all the time."""

import re

import pytest


def line_numbers(first, number):
    """Of a function in its source (workloads/made.py): `def`, `while` and `pass`."""
    start = 1 + sum(3 + n % 50 for n in range(first, number))
    return {start, start + 1 + number % 50, start + 2 + number % 50}


def check_made(name, line, at, truth):
    """It was sampled while its batch was being run."""
    number = int(name.rpartition("_")[2])
    spans = zip(truth["made"], truth["made"][1:])
    (began, first), (ended, _) = next(pair for pair in spans if pair[0][1] <= number < pair[1][1])
    assert began <= at <= ended, name
    assert line in line_numbers(first, number), name


def leaf_functions(document):
    for sample in document["samples"]:
        found = re.fullmatch(r"(?:.*\.)?((made|kept)_\d+)", sample["stack"][-1])
        if found:
            yield found[1], sample["lines"][-1], sample["timestamp"]


@pytest.mark.few
def test_code_that_is_made_all_the_time(interpreter, spawn, recorder):
    """With room for a few hundred of 200,000, each has its own name and lines; those that were forgotten are sent again."""
    workload = spawn(interpreter, "made.py", 200_000, 20)
    recording = recorder("--pid", workload.pid, "-r", 499, "--max-code", 200_000, "-v")
    workload.go().finish()
    recording.stop()
    document = recording.json()
    functions = list(leaf_functions(document))
    assert not any("unknown" in name for s in document["samples"] for name in s["stack"])
    kept = {0: set(), 1: set()}
    for name, line, at in functions:
        if name.startswith("made"):
            check_made(name, line, at, workload.truth)
        else:
            assert line in line_numbers(0, int(name[5:])), name
            kept[at > workload.truth["kept"][0][1]].add(name)
    assert len({name for name, _, _ in functions if name.startswith("made")}) > 2000
    assert len(kept[0] & kept[1]) > 150
    forgotten = [int(cnt) for cnt in re.findall(r"(\d+) code objects .* forgotten", recording.stderr)]
    assert sum(forgotten) > 2000
    sizes = [int(size) for size in re.findall(r"forgotten; (\d+) bytes", recording.stderr)]
    assert max(sizes) < 2_000_000
