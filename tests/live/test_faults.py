# SPDX-License-Identifier: MIT
"""`--event faults`: is new memory charged to the line that touched it, and all of it? The kernel's own counters of the
process say what it grew by.
"""

import collections
import re

import pytest

import interpreters

VERSIONS = [i for i in interpreters.MATRIX if i.minor in ((3, 8), (3, 11), (3, 13))] or interpreters.FEW
SAMPLE = 256 << 10  # bytes that a sample stands for, about
FUNCTIONS = {"one_block", "small_objects", "leak", "read_by_kernel", "huge_pages", "again"}


def size_mib():
    """Five lines keep as much as this, which is little of what the machine has."""
    with open("/proc/meminfo") as file:
        available = int(re.search(r"MemAvailable:\s*(\d+)", file.read()).group(1)) >> 10
    return max(16, min(100, available // 20))


def by_line(document, pid):
    """{function: {line: bytes}} of the innermost frames."""
    grown = collections.defaultdict(collections.Counter)
    for sample in document["samples"]:
        if sample["pid"] == pid and "amount" in sample:
            grown[sample["stack"][-1].rsplit(".", 1)[-1]][sample["lines"][-1]] += sample["amount"]
    return grown


def assert_all_known(recording, faults, others=True):
    """Each fault that perf counted ended in one outcome; those that the kernel charged to the workload are among them."""
    assert "accounting is off" not in recording.stderr
    sums = re.search(r"ticks (\d+) = (\d+) with a stack \+ .* \+ (\d+) lost \+ (\d+) filtered", " ".join(recording.stderr.split()))
    ticks, stacks, lost, filtered = map(int, sums.groups())
    assert ticks >= faults and lost == 0 and stacks + filtered > 0.99 * ticks, (sums.group(), faults)
    assert others or ticks < 1.01 * faults + 100, (sums.group(), faults)


def assert_true(recording, workload):
    document = recording.json("--type", "faults")
    assert [kind["unit"] for kind in document["value_types"] if kind["name"] == "faults"] == ["bytes"]
    found, true = by_line(document, workload.pid), workload.truth["grown"]
    assert set(true) == FUNCTIONS
    for function, size in true.items():
        lines = found[function]
        assert sum(lines.values()) == pytest.approx(size, rel=0.05, abs=2 * SAMPLE), (function, lines)
        assert max(lines.values()) > 0.97 * sum(lines.values()), (function, lines)


@pytest.mark.parametrize("python", VERSIONS)
def test_new_memory_by_line(python, cgroup, spawn, recorder):
    workload = spawn(python, "grow.py", size_mib(), cgroup=cgroup)
    recording = recorder("-v", "--cgroup", cgroup.path, "--event", "faults")
    workload.go().finish()
    recording.stop()
    assert_true(recording, workload)
    assert_all_known(recording, workload.truth["faults"])


def test_by_counters_of_the_cgroup(python, cgroup, spawn, recorder):
    """Then no other's faults are among the ticks, and two parties counted the same ones."""
    workload = spawn(python, "grow.py", size_mib(), cgroup=cgroup)
    recording = recorder("-v", "--cgroup", cgroup.path, "--event", "faults", "--scope", "cgroup")
    workload.go().finish()
    recording.stop()
    assert_true(recording, workload)
    assert_all_known(recording, workload.truth["faults"], others=False)


@pytest.mark.parametrize("options", [("--as-old-kernel",), ("--without-task-work", "--scope", "cgroup")])
def test_otherwise(python, cgroup, spawn, recorder, options):
    """As old kernels have it; by counters of the cgroup's own. With the CPU's timers, which are another sum."""
    workload = spawn(python, "grow.py", size_mib() // 2, cgroup=cgroup)
    recording = recorder("-v", "--cgroup", cgroup.path, "--event", "faults", "--event", "cpu", *options)
    workload.go().finish()
    recording.stop()
    assert_true(recording, workload)
