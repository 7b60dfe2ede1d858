# SPDX-License-Identifier: MIT
"""Off-CPU time: is each wait there with its cause and its length, and is none counted twice or forgotten?

The workloads measure their waits themselves, by the wall clock and the thread's CPU clock; how long a thread was kept from the
CPU, and how often it left it, the kernel counts apart from us.
"""

import collections
import math
import os
import pathlib
import re
import signal
import time

import pytest

import folded
import interpreters
from conftest import fd_kinds, let_work, summary_number, wait_until

# A hook of each kind that processes and cgroups have, and that of the scheduler.
LINKS = {"--event=offcpu": 7, "--event=offcpu,cpu": 9}
OLDER = [(), ("--without-task-work",), ("--as-old-kernel",)]
CAUSES = {
    "by_sleep": "[sleep]",
    "by_lock": "[lock]",
    "by_pipe": "[pipe read]",
    "by_child": "[child process]",
    "by_file_lock": "[lock]",
    "by_epoll": "[poll: nothing to do]",
    "by_select": "[poll: nothing to do]",
    "by_socket": "[socket read %d]",
    "by_timeout": "[socket %d]",
    "by_others": "[waiting for a CPU]",
}


def start(recorder, cgroup, *args):
    recording = recorder("--cgroup", cgroup.path, "-v", *args, wait=False)

    def attached():
        assert recording.process.poll() is None, recording.stderr
        kinds = fd_kinds(recording.own_pid())
        return kinds["bpf_link"] + kinds["bpf-link"] >= LINKS[args[0]]

    wait_until(attached, "its links")
    return recording


def waits(recording):
    """{function or cause: {leaf: seconds}}, of every function on the stacks; with the thread's name for `timed`."""
    found = collections.defaultdict(collections.Counter)
    for stack in recording.all_stacks("--type", "offcpu", "--threads", "--idle-waits"):
        for name in {frame.name.rsplit(".", 1)[-1] for frame in stack.frames}:
            found["in " + stack.thread[1] if name == "timed" else name][stack.frames[-1].name] += stack.ns / 1e9
    return found


def unseen(recording):
    """The kernel's tracepoint is silent at some switches: those are lost by name, with their length."""
    return sum(row["time"] for row in recording.json()["lost"] if row["reason"] == "unseen")


def assert_accounted(recording, cut=0):
    """Three parties agree, and nothing is lost but so many waits that are over between the recording's end and a look at them."""
    assert "accounting is off" not in recording.stderr
    unseen = re.search(r"(\d+) lost: the kernel did not tell", recording.stderr)
    cut += int(unseen.group(1)) if unseen else 0
    assert summary_number(recording.stderr, "lost") <= cut, recording.stderr


SOME = [i for i in interpreters.MATRIX if i.minor in ((3, 8), (3, 11), interpreters.NEWEST)]
OLD_AND_NEW = [i for i in SOME if i.minor != (3, 11)]


@pytest.mark.parametrize("one", SOME)
def test_known_waits(one, cgroup, spawn, recorder):
    workload = spawn(one, "waits.py", 2, cgroup=cgroup)
    recording = start(recorder, cgroup, "--event=offcpu", "-r", 1000)
    workload.go().finish()
    recording.stop()
    assert_accounted(recording)
    found, port = waits(recording), workload.ready["port"]
    lost = unseen(recording)
    for name, cause in CAUSES.items():
        mine = found["in " + name] or found[name]
        seconds, leaf = workload.truth["measured"][name], cause % port if "%" in cause else cause
        assert sum(mine.values()) == pytest.approx(seconds, rel=0.02, abs=0.005 + lost), (name, mine)
        # the rest: until it had a CPU, and the GIL, again
        assert mine[leaf] > 0.9 * seconds - lost, (name, mine)


@pytest.mark.parametrize("one", OLD_AND_NEW)
def test_disk(one, cgroup, spawn, recorder, tmp_path):
    """Written and read past the page cache, and brought in as its pages are touched."""
    try:
        os.close(os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT | os.O_DIRECT))
    except OSError as error:
        pytest.skip(f"{tmp_path} is on no disk: {error}")
    workload = spawn(one, "disk.py", tmp_path / "file", cgroup=cgroup)
    recording = start(recorder, cgroup, "--event=offcpu", "-r", 9999)  # a quick disk's waits are drawn by lot else
    workload.go().finish()
    recording.stop()
    assert_accounted(recording)
    found, lost = waits(recording), unseen(recording)
    for name, leaf in {"by_write": "[file or disk]", "by_read": "[file or disk]", "by_fault": "[page fault]"}.items():
        mine, seconds = found[name], workload.truth["measured"][name]
        assert sum(mine.values()) == pytest.approx(seconds, rel=0.02, abs=0.005 + lost), (name, mine)
        busy = mine["[waiting for a CPU]"]
        assert mine[leaf] == pytest.approx(seconds - busy, rel=0.02, abs=0.005 + lost), (name, mine)


@pytest.mark.parametrize("one", OLD_AND_NEW)
def test_quota(one, cgroup, make_cgroup, spawn, recorder):
    """The kernel counts how long a cgroup is kept from the CPUs; until the thread has one again, it waits for the same reason."""
    workload = spawn(one, "limited.py", 0.5, cgroup=cgroup)
    limit = make_cgroup("cpu")
    (limit.path / "cpu.shares").write_text("262144")  # it is to use up its quota however busy the machine is
    (limit.path / "cpu.cfs_period_us").write_text("10000")
    (limit.path / "cpu.cfs_quota_us").write_text("5000")
    recording = start(recorder, cgroup, "--event=offcpu", "-r", 1000)
    limit.add(workload.pid)
    workload.go().finish()
    throttled = int(re.search(r"throttled_time (\d+)", (limit.path / "cpu.stat").read_text()).group(1)) / 1e9
    recording.stop()
    assert_accounted(recording)
    mine, lost = waits(recording)["works"], unseen(recording)
    assert sum(mine.values()) == pytest.approx(workload.truth["measured"]["works"], rel=0.02, abs=0.005 + lost), mine
    assert throttled > 0.05 and mine["[CPU quota]"] > 0.98 * throttled - 0.005 - lost, (throttled, mine)
    assert set(mine) <= {"[CPU quota]", "[waiting for a CPU]"}


class Stopped:
    """By a signal."""

    leaf = "[stopped]"

    def __init__(self, pid, cgroup, make_cgroup):
        self.pid, self.stat = pid, pathlib.Path(f"/proc/{pid}/stat")

    def begin(self):
        os.kill(self.pid, signal.SIGSTOP)

    def is_held(self):
        return ") T " in self.stat.read_text()

    def end(self):
        os.kill(self.pid, signal.SIGCONT)


class Frozen:
    """With its cgroup, of version 2."""

    leaf = "[frozen]"

    def __init__(self, pid, cgroup, make_cgroup):
        self.switch, self.events = cgroup.path / "cgroup.freeze", cgroup.path / "cgroup.events"

    def begin(self):
        self.switch.write_text("1")

    def is_held(self):
        return "frozen 1" in self.events.read_text()

    def end(self):
        self.switch.write_text("0")


class FrozenByController:
    """With its cgroup, of version 1."""

    leaf = "[frozen]"

    def __init__(self, pid, cgroup, make_cgroup):
        group = make_cgroup("freezer")
        group.add(pid)
        self.state = group.path / "freezer.state"

    def begin(self):
        self.state.write_text("FROZEN")

    def is_held(self):
        return self.state.read_text() == "FROZEN\n"

    def end(self):
        self.state.write_text("THAWED")


@pytest.mark.parametrize("how", [Stopped, Frozen, FrozenByController])
@pytest.mark.parametrize("one", OLD_AND_NEW)
def test_held_up(one, how, cgroup, make_cgroup, spawn, recorder):
    workload = spawn(one, "busy.py", 60, cgroup=cgroup)
    hold = how(workload.pid, cgroup, make_cgroup)
    recording = start(recorder, cgroup, "--event=offcpu,cpu")
    workload.go()
    let_work(workload, 0.1)
    begun = time.monotonic()
    hold.begin()
    wait_until(hold.is_held, "it to stop")
    stopped = time.monotonic()
    time.sleep(0.5)
    goes_on = time.monotonic()
    hold.end()
    let_work(workload, 0.05)
    over = time.monotonic()
    recording.stop()
    assert_accounted(recording, cut=1)
    assert 0.98 * (goes_on - stopped) < sum(waits(recording)[hold.leaf].values()) < 1.02 * (over - begun)


def test_short_children_that_are_no_python(python, recorder):
    """What ends before it is looked at is what others of its program were: nothing that failed."""
    program = """import subprocess
for seconds in [1] + 150 * [0.002]: subprocess.run(["sleep", str(seconds)])"""
    recording = recorder("--event", "offcpu", "-s", "-v", "--", python.path, "-c", program, wait=False).wait()
    assert recording.status == 0, recording.stderr
    assert summary_number(recording.stderr, "failed") < 20, recording.stderr
    assert sum(waits(recording)["[child process]"].values()) > 1


@pytest.mark.parametrize("options", OLDER)
def test_children_of_a_chosen_process(python, recorder, options):
    """They are chosen as they are born, and so are theirs."""
    program = "import os, time\nfor _ in range(2): child = os.fork()\ntime.sleep(0.5)"
    argv = ["--event", "offcpu", "-s", *options, "--", python.path, "-c", program]
    recording = recorder(*argv, wait=False).wait()
    asleep = collections.Counter()
    for sample in recording.json()["samples"]:
        asleep[sample["pid"]] += sample["value"] if sample["stack"][-1] == "[sleep]" else 0
    asleep = [seconds for seconds in asleep.values() if seconds]
    assert len(asleep) == 4 and min(asleep) > 0.49, (asleep, recording.stderr)


@pytest.mark.parametrize("options", OLDER)
def test_every_switch_is_accounted_for(python, cgroup, spawn, recorder, options):
    """As often as it leaves its CPU there is a wait, and the samples of the few that are kept add up to all of them."""
    rate = 1000
    rounds = 200000
    workload = spawn(python, "pingpong.py", rounds, cgroup=cgroup)
    recording = start(recorder, cgroup, "--event=offcpu", "-r", rate, *options)
    workload.go().finish()
    recording.stop()
    assert "accounting is off" not in recording.stderr
    over, seen = re.search(r"(\d+) waits were over, ([\d.]+) s together", recording.stderr).groups()
    assert int(over) > workload.truth["switches"] > 0.9 * rounds
    played = [stack for stack in recording.all_stacks("--type", "offcpu", "--threads", "--idle-waits") if stack.frames[-2].name == "play"]
    assert {stack.frames[-1].name for stack in played} <= {"[pipe read]", "[pipe write]", "[waiting for a CPU]"}
    seconds, samples = sum(stack.ns for stack in played) / 1e9, sum(stack.count for stack in played)
    assert samples < 0.5 * workload.truth["switches"]
    # 4.5 deviations of a draw each
    assert seconds == pytest.approx(workload.truth["off"], abs=4.5 * math.sqrt(max(samples, 1)) / rate + 0.01)


@pytest.mark.parametrize("options", OLDER)
def test_idle_and_endless_waits(python, cgroup, spawn, recorder, options):
    """The threads began to wait before the recording, and all but the main one wait beyond its end."""
    workload = spawn(python, "idle.py", cgroup=cgroup)
    recording = start(recorder, cgroup, "--event=offcpu", *options)
    began = time.monotonic()
    wait_until(lambda: time.monotonic() > began + 0.2, "a while")
    workload.go()
    wait_until(lambda: time.monotonic() > began + 0.4, "a while")
    recording.stop()
    least = time.monotonic() - began
    assert_accounted(recording, cut=2 if options else 1)
    found = waits(recording)
    if not options:  # else it is lost, by name
        assert found["ready"]["[pipe read]"] > 0.19
    for name, leaf in {
        "_worker": "[idle: pool worker]",
        "consumes": "[idle: queue]",
        "needs_lock": "[lock]",
        "needs_bytes": "[pipe read]",
    }.items():
        assert list(found[name]) == [leaf]
        assert 0.39 < found[name][leaf] < least + 5, name
        assert found[name][leaf] == pytest.approx(found["consumes"]["[idle: queue]"], rel=0.02)
