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


def assert_accounted(recording, cut=0):
    """Three parties agree, and nothing is lost but so many waits that are over between the recording's end and a look at them."""
    assert "accounting is off" not in recording.stderr
    unseen = re.search(r"(\d+) lost: the kernel did not tell", recording.stderr)
    cut += int(unseen.group(1)) if unseen else 0
    assert summary_number(recording.stderr, "lost") <= cut, recording.stderr


SOME = [i for i in interpreters.MATRIX if i.minor in ((3, 8), (3, 11), (3, 13))]


@pytest.mark.parametrize("one", SOME)
def test_known_waits(one, cgroup, spawn, recorder):
    workload = spawn(one, "waits.py", 2, cgroup=cgroup)
    recording = start(recorder, cgroup, "--event=offcpu", "-r", 1000)
    workload.go().finish()
    recording.stop()
    assert_accounted(recording)
    found, port = waits(recording), workload.ready["port"]
    # The kernel's tracepoint is silent at some switches: those are lost by name, with their length.
    unseen = sum(row["time"] for row in recording.json()["lost"] if row["reason"] == "unseen")
    for name, cause in CAUSES.items():
        mine = found["in " + name] or found[name]
        seconds, leaf = workload.truth["measured"][name], cause % port if "%" in cause else cause
        assert sum(mine.values()) == pytest.approx(seconds, rel=0.02, abs=0.005 + unseen), (name, mine)
        # the rest: until it had a CPU, and the GIL, again
        assert mine[leaf] > 0.9 * seconds - unseen, (name, mine)


def test_stopped(python, cgroup, spawn, recorder):
    workload = spawn(python, "busy.py", 60, cgroup=cgroup)
    recording = start(recorder, cgroup, "--event=offcpu,cpu")
    workload.go()
    let_work(workload, 0.1)
    stat = pathlib.Path(f"/proc/{workload.pid}/stat")
    begun = time.monotonic()
    os.kill(workload.pid, signal.SIGSTOP)
    wait_until(lambda: ") T " in stat.read_text(), "it to stop")
    stopped = time.monotonic()
    time.sleep(0.5)
    goes_on = time.monotonic()
    os.kill(workload.pid, signal.SIGCONT)
    let_work(workload, 0.05)
    over = time.monotonic()
    recording.stop()
    assert_accounted(recording, cut=1)
    assert 0.98 * (goes_on - stopped) < sum(waits(recording)["[stopped]"].values()) < 1.02 * (over - begun)


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
