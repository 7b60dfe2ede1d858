# SPDX-License-Identifier: MIT
"""Do the timers say what they did not see? What is due is counted at their expiry, beside what the program saw.

The kernel's limit is lowered while they run, a CPU goes away and comes back, a program keeps the kernel from running
ours: what is missing has a name and a number, and the CPU clocks of the targets say the same.
"""

import contextlib
import os
import pathlib
import re
import subprocess
import time

import pytest

from conftest import cpu_seconds, let_work, wait_until, within_chance

LIMIT = pathlib.Path("/proc/sys/kernel/perf_event_max_sample_rate")
CPU = pathlib.Path("/sys/devices/system/cpu/cpu1/online")


@contextlib.contextmanager
def setting(path, value):
    before = path.read_text()
    path.write_text(str(value))
    try:
        yield
    finally:
        path.write_text(before)


def lost(document, reason):
    """(ticks, seconds) of a reason, all processes together."""
    rows = [row for row in document["lost"] if row["reason"] == reason]
    return sum(row["samples"] for row in rows), sum(row["time"] for row in rows)


def accounted(document):
    """Of the only process: by its clock, and in samples and losses."""
    (process,) = [p for p in document["processes"] if p["sampled"]]
    return process["cpu_clock"], process["sampled"]


def assert_all_ticks_known(recording, document):
    """Counted at the timers' expiry = told one by one in the file."""
    told = document["sample_count"] + sum(row["samples"] for row in document["lost"]) + document["filtered"]
    assert document["ticks"] == told
    assert "accounting is off" not in recording.stderr


def timer_seconds(recording):
    """Of all CPUs: by perf's own clock of its events, and by their expiries. Needs -v."""
    found = re.search(r"timers in force for ([\d.]+) s by perf's clock, ([\d.]+) s by their expiries", recording.stderr)
    return tuple(map(float, found.groups()))


def pin(workload, cpu):
    os.sched_setaffinity(workload.pid, {cpu})


def finish(workload, recording):
    """The recording as JSON, once its workload has had all of its time; no tick of it is unaccounted."""
    workload.finish()
    recording.stop()
    document = recording.json()
    assert_all_ticks_known(recording, document)
    return document


def test_expiries_agree_with_perfs_clock(python, cgroup, spawn, recorder):
    for cpu in os.sched_getaffinity(0):  # a timer is known from its program's first run, and none runs on an idle CPU
        other = spawn(python, "busy.py", 0)
        pin(other, cpu)
        other.go()
    workload = spawn(python, "busy.py", 3, cgroup=cgroup)
    recording = recorder("--cgroup", cgroup.path, "-r", 499, "-v")
    document = finish(workload.go(), recording)
    perf, expiries = timer_seconds(recording)
    # but for the first and the last period of each CPU, and what was lost before the first sample there
    assert expiries == pytest.approx(perf, abs=0.05 * os.cpu_count() + 0.01 * perf)
    clock, sampled = accounted(document)
    assert clock == pytest.approx(workload.spent, abs=0.02)
    assert sampled == within_chance(clock, 499, least=0.02)


@pytest.mark.alone
def test_throttled_while_it_records(python, cgroup, spawn, recorder):
    """The kernel's limit falls below the rate, and rises again."""
    workload = spawn(python, "busy.py", 4, cgroup=cgroup)
    pin(workload, 0)
    recording = recorder("--cgroup", cgroup.path, "-r", 1999, "-v")
    workload.go()
    let_work(workload, 1)
    with setting(LIMIT, 500):
        let_work(workload, 2)
    document = finish(workload, recording)
    ticks, seconds = lost(document, "throttled")
    assert 0.5 < seconds < 2.2, document["lost"]
    assert ticks == pytest.approx(seconds * 1999, rel=0.1)
    clock, sampled = accounted(document)
    assert document["cpu_seconds"] < 0.85 * clock
    assert sampled == within_chance(clock, 1999, least=0.03)
    assert "throttled the timer" in recording.stderr
    rows = [row for row in document["lost"] if row["reason"] == "throttled"]
    assert all(row["failure"] for row in rows) and rows


@pytest.mark.alone
def test_the_kernel_does_not_run_us(python, cgroup, spawn, recorder):
    """A tick inside the kernel's work on a BPF map is not given to any program."""
    workload = spawn(python, "in_bpf.py", 3, cgroup=cgroup)
    recording = recorder("--cgroup", cgroup.path, "-r", 1999, "-v")
    document = finish(workload.go(), recording)
    ticks, seconds = lost(document, "not_run")
    assert ticks > 200, document["lost"]
    clock, sampled = accounted(document)
    assert document["cpu_seconds"] + seconds == within_chance(clock, 1999, least=0.03)
    assert sampled == within_chance(clock, 1999, least=0.03)


@pytest.mark.alone
@pytest.mark.skipif(not CPU.exists(), reason="CPU 1 cannot be taken offline here")
def test_a_cpu_goes_away_and_comes_back(python, cgroup, spawn, recorder):
    workload = spawn(python, "busy.py", 5, cgroup=cgroup)
    pin(workload, 1)
    recording = recorder("--cgroup", cgroup.path, "-r", 499, "-v")
    workload.go()
    let_work(workload, 1)
    with setting(CPU, 0):
        let_work(workload, 1)
    pin(workload, 1)
    back = time.time()
    document = finish(workload, recording)
    on_1 = sum(s["value"] for s in document["samples"] if s["cpu"] == 1 and s["timestamp"] > back)
    assert on_1 > 1.5
    clock, sampled = accounted(document)
    came = lost(document, "cpu_came")[1]
    assert came < 1
    assert sampled <= clock + 0.1
    assert sampled + came >= 0.97 * clock


@pytest.mark.alone
@pytest.mark.skipif(not CPU.exists(), reason="CPU 1 cannot be taken offline here")
def test_a_cpu_goes_and_comes_between_two_looks(python, cgroup, spawn, recorder):
    """Nobody sees it in the list of CPUs, but its timer is gone."""
    workload = spawn(python, "busy.py", 4, cgroup=cgroup)
    pin(workload, 1)
    recording = recorder("--cgroup", cgroup.path, "-r", 499)
    workload.go()
    let_work(workload, 1)
    with setting(CPU, 0):
        pass
    pin(workload, 1)
    document = finish(workload, recording)
    clock, sampled = accounted(document)
    assert sampled >= clock - 1


@pytest.mark.alone
@pytest.mark.skipif(not CPU.exists(), reason="CPU 1 cannot be taken offline here")
def test_a_cpu_comes_late(python, cgroup, spawn, recorder):
    workload = spawn(python, "busy.py", 3, cgroup=cgroup)
    with setting(CPU, 0):
        recording = recorder("--cgroup", cgroup.path, "-r", 499)
    wait_until(lambda: CPU.read_text().strip() == "1", "CPU 1")
    pin(workload, 1)
    document = finish(workload.go(), recording)
    assert sum(s["value"] for s in document["samples"] if s["cpu"] == 1) > 2
    clock, sampled = accounted(document)
    assert sampled >= clock - 0.5


@pytest.mark.alone
def test_random_enough(python, cgroup, spawn, recorder):
    """A program whose beat is our very rate: a fixed period would see one of its five pieces, for ever or for long."""
    rate, windows = 997, 10
    workload = spawn(python, "beat.py", 1 / rate, 12, cgroup=cgroup)
    recording = recorder("--cgroup", cgroup.path, "-r", rate)
    workload.go().finish()
    recording.stop()
    document = recording.json()
    began = document["samples"][0]["timestamp"]
    span = (document["samples"][-1]["timestamp"] - began) / windows + 1e-9
    all_of, rare = [0.0] * windows, [0.0] * windows
    for sample in document["samples"]:
        at = int((sample["timestamp"] - began) / span)
        all_of[at] += sample["value"]
        if sample["stack"][-1].endswith("rarely"):
            rare[at] += sample["value"]
    true = workload.truth["rarely"] / workload.spent
    assert true == pytest.approx(0.2, abs=0.03)
    spread = sum((r / a - true) ** 2 / (true * (1 - true) / (a * rate)) for r, a in zip(rare, all_of))
    # chi-squared of ten: above 2.96 for each of them once in a thousand; samples that differ in value add a twelfth
    assert spread / windows < 2.96 * 13 / 12
