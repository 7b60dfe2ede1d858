# SPDX-License-Identifier: MIT
"""Time in the garbage collector is a frame of its own above whoever it interrupted; gc.callbacks say how much it is."""

import pytest

import interpreters
from conftest import NOT_TAKEN

MARK = "[garbage collector]"
# not known of 3.6, nor of interpreters without a GIL up to 3.14
KNOWN = [i for i in interpreters.MATRIX if i.minor >= (3, 7)] + [i for i in interpreters.THREADED if i.minor >= (3, 15)]


def record(spawn, recorder, python, seconds, how):
    workload = spawn(python, "collects.py", seconds, how)
    recording = recorder("--pid", workload.pid, "-r", 1999)
    workload.go().finish()
    recording.stop()
    return workload.truth, recording.json()


def marked(document):
    return [sample for sample in document["samples"] if MARK in sample["stack"]]


def total(samples):
    return sum(sample["value"] for sample in samples)


@pytest.mark.parametrize("python, how", [(python, "called") for python in KNOWN] + [(python, "by_itself") for python in KNOWN[1::5]])
def test_share(python, how, spawn, recorder):
    """Within three points, and what the timers did not see."""
    truth, document = record(spawn, recorder, python, 0.6, how)
    inside = [sample for sample in document["samples"] if any(name.endswith(".main") for name in sample["stack"])]
    found, everything = total(marked(document)), total(inside)
    missed = sum(row["time"] for row in document["lost"] if row["reason"] in NOT_TAKEN)
    true = 100 * truth["spent"] / truth["all"]
    assert true > 10
    assert 100 * found / everything == pytest.approx(true, abs=3 + 100 * missed / everything)
    for sample in marked(document):
        assert sample["stack"].index(MARK) == len(sample["stack"]) - 1
        if how == "called":  # or what it calls
            assert sample["stack"][-2].rsplit(".")[-1] in ("collect", "note")


def test_none(python, spawn, recorder):
    truth, document = record(spawn, recorder, python, 0.3, "never")
    assert document["samples"] and not marked(document)
