# SPDX-License-Identifier: MIT
"""What has no room is not forgotten: more processes than the kernel side has entries for, and records that the ring buffer
has no room for, because the profiler is stopped."""

import re
import signal

import pytest

from conftest import within_chance


def lost(document, reason):
    return sum(row["samples"] for row in document["lost"] if row["reason"] == reason)


def test_processes_without_an_entry_are_counted(python, spawn, recorder):
    """A tree of nine, with room for four; the others come in as these end, and the last one's end is the recording's."""
    workload = spawn(python, "forker.py", "fork", 8, 0.5)
    recording = recorder("--pid", workload.pid, "--subprocesses", "-r", 499, "--max-processes", 4)
    workload.go().finish()
    recording.wait()
    assert recording.status == 0, recording.stderr
    document = recording.json()
    full = lost(document, "proc_table_full")
    forked = [s for s in document["samples"] if any(name.endswith("forked") for name in s["stack"])]
    assert full > 50 and len(forked) > 500
    assert len({s["pid"] for s in forked}) > 3
    spent = sum(child["spent"] for child in workload.children)
    assert (full + len(forked)) / 499 == within_chance(spent, 499, least=0.1)


@pytest.fixture
def stopped(python, spawn, recorder, tmp_path):
    """stopped(rate, functions, children): the profiler was stopped while these were called and those ended, and goes on again."""

    def run(rate, functions, children):
        workload = spawn(python, "wide.py", tmp_path, functions, 0.05, children)
        recording = recorder("--pid", workload.pid, "--subprocesses", "-r", rate, "-v")
        workload.go()
        assert "forked" in workload._line(20)
        recording.send(signal.SIGSTOP)
        workload.go()
        assert "called" in workload._line(60)
        recording.send(signal.SIGCONT)
        return workload, recording

    return run


def test_lines_that_did_not_fit_are_sent_again(stopped):
    """Where a piece of a table does not fit, heads and samples do for a while: the rarer these, the more are cut."""
    workload, recording = stopped(99, 80, 0)
    for _ in range(2):
        workload.go()
        assert "called" in workload._line(60)
    recording.stop()
    document = recording.json()
    assert lost(document, "ring_full") > 50
    wide = {}
    for sample in document["samples"]:
        for name, line in zip(sample["stack"], sample["lines"]):
            if "wide_functions" in name:
                wide.setdefault(name, []).append(line)
    assert len(wide) > 70
    without = [name for name, lines in wide.items() if not lines[-1]]
    assert not without


def test_ends_that_were_not_told_are_noticed(stopped):
    workload, recording = stopped(499, 60, 30)
    recording.stop()
    found = re.search(r"(\d+) processes ended without a record of it", recording.stderr)
    assert found and int(found[1]) > 20, recording.stderr
