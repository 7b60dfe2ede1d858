# SPDX-License-Identifier: MIT
"""Processes that come and go: fork, spawn, exec, a thousand short ones, containers, unknown Pythons."""

import collections
import os
import re
import shutil
import subprocess
import time

import pytest

import folded
import interpreters
from conftest import NOT_TAKEN, PATIENCE, WORKLOADS, Workload, let_work, wait_until, within_chance
from fake_pythons import NEWER
from podman import cgroup_of, needs_own_cgroup, podman  # noqa: F401
from test_record import assert_ticks_add_up, processes_of, seconds_by_pid, wanted_versions


def names_of(stack):
    return [frame.name.rsplit(".", 1)[-1] for frame in stack.frames]


def spin_seconds(document, function):
    """{pid: CPU seconds below `function`}."""
    spent = collections.Counter()
    for sample in document["samples"]:
        if any(name.rsplit(".", 1)[-1] == function for name in sample["stack"]):
            spent[sample["pid"]] += sample["value"]
    return spent


@pytest.mark.few
@pytest.mark.parametrize("how", ["fork", "spawn", "forkserver", "exec", "pool"])
def test_children(interpreter, how, cgroup, spawn, recorder):
    """Each child's CPU time is found under its own pid, in its own function, whatever way it was made."""
    workload = spawn(interpreter, "forker.py", how, 4, 0.25, cgroup=cgroup)
    recording = recorder("--cgroup", cgroup.path, "-r", "999")
    workload.go().finish()
    recording.stop()
    document = recording.json()
    assert len(workload.children) >= 4
    for child in workload.children:
        spent = spin_seconds(document, child["function"])
        if how == "pool":  # a worker may have taken several jobs
            true = sum(c["spent"] for c in workload.children if c["pid"] == child["pid"])
        else:
            true = child["spent"]
        assert spent[child["pid"]] == within_chance(true, 999), (child, spent)
    assert_ticks_add_up(document)
    processes = processes_of(document)
    assert all(processes[child["pid"]]["python"] == interpreter.version for child in workload.children)


def test_every_process_is_described(cgroup, spawn, recorder, python):
    """One entry for each image, with its command line: nothing comes into being while a process ends."""
    workload = spawn(python, "forker.py", "exec", 20, 0.02, cgroup=cgroup)
    recording = recorder("--cgroup", cgroup.path, "-r", "9999")
    workload.go().finish()
    recording.stop()
    document = recording.json()
    assert all(process["command"] for process in document["processes"]), document["processes"]
    entries = collections.Counter(process["pid"] for process in document["processes"])
    for child in workload.children:  # the forked image, and the one after exec
        assert entries[child["pid"]] <= 2
    for loss in document["lost"]:
        assert "process" not in loss or document["processes"][loss["process"]]["command"]


@pytest.mark.parametrize("how", ["fork", "spawn", "exec"])
def test_tree_of_a_pid(how, spawn, recorder, python):
    """--pid with --subprocesses: children from birth; without it: only the process itself."""
    for tree in (True, False):
        workload = spawn(python, "forker.py", how, 3, 0.3)
        recording = recorder("-p", workload.pid, *(["-s"] if tree else []), "-r", "999")
        workload.go().finish()
        recording.wait()
        assert recording.status == 0, recording.stderr
        spent = collections.Counter()
        document = recording.json()
        for child in workload.children:
            spent[child["pid"]] = spin_seconds(document, child["function"])[child["pid"]]
        if tree:
            for child in workload.children:
                assert spent[child["pid"]] == within_chance(child["spent"], 999), (child, spent)
        else:
            assert not any(spent.values())
        own = spin_seconds(document, "parent")[workload.pid]
        assert own == within_chance(workload.truth["spent"], 999)


def test_existing_children_belong_to_the_tree(spawn, recorder, python):
    """Those that were there before the profiler came."""
    workload = spawn(python, "forker.py", "fork", 3, 3)
    workload.go()
    pids = wait_until(
        lambda: (kids := subprocess.run(["pgrep", "-P", str(workload.pid)], stdout=subprocess.PIPE).stdout.split())
        and len(kids) == 3
        and set(map(int, kids)),
        "three children",
    )
    recording = recorder("-p", workload.pid, "--subprocesses", "-r", "499", "-d", "1")
    recording.wait()
    workload.kill()
    for pid in pids:
        os.kill(pid, 9)
    assert pids <= set(seconds_by_pid(recording.json()))


def test_exec_leaves_no_old_names(cgroup, spawn, recorder, python):
    """The image before exec and the one after are two processes of one pid; neither has the other's names."""
    workload = spawn(python, "forker.py", "exec", 2, 0.4, cgroup=cgroup)
    recording = recorder("--cgroup", cgroup.path, "-r", "999")
    workload.go().finish()
    recording.stop()
    document = recording.json()
    threads = {thread["id"]: thread["process"] for thread in document["threads"]}
    images = collections.defaultdict(set)
    for sample in document["samples"]:
        process = threads[sample["thread"]]
        images[process] |= {name.rsplit(".", 1)[-1] for name in sample["stack"]}
    both = [pid for pid, names in images.items() if {"before_exec", "after_exec"} <= names]
    assert not both
    commands = {p["id"]: p["command"] for p in document["processes"]}
    for process, names in images.items():
        if "after_exec" in names:
            assert "after-exec" in commands[process]
        if "before_exec" in names:
            assert "after-exec" not in commands[process]


def named_samples(recording, pids):
    """(samples of workloads/forker.py's short lives with names and lines, those that lack some or failed, why)."""
    named, reasons = 0, collections.Counter()
    for stack in recording.stacks():
        if stack.process not in pids:
            continue
        names = names_of(stack)
        # from 3.11 on a module begins at line 0, as dis says
        fine = not folded.marked(stack) and all(frame.line or frame.name == "<module>" for frame in stack.frames)
        if "spin" in names:
            fine = fine and names[names.index("spin") - 1] in ("short_forked", "short_started")
        if fine:
            named += stack.count
        else:
            reasons[str(stack.frames[-1])] += stack.count
    for one in recording.json()["lost"]:
        if one["failure"] and one["reason"] not in NOT_TAKEN:
            reasons[one["reason"]] += one["samples"]
    return named, sum(reasons.values()), reasons.most_common(5)


@pytest.mark.alone  # eight of them run at any time
def test_a_thousand_short_processes(cgroup, spawn, recorder):
    """50 ms of CPU each, half of them forked, half started anew, several versions: acceptance 4."""
    versions = wanted_versions()
    if not versions:
        pytest.skip("no supported interpreter")
    pythons = [i.path for i in versions]
    parents = [spawn(i, "forker.py", "many", 500, 0.05, *pythons, cgroup=cgroup) for i in (versions[0], versions[-1])]
    recording = recorder("--cgroup", cgroup.path, "-r", "999", "-v")
    for parent in parents:
        parent.go()
    for parent in parents:
        parent.finish()
    recording.stop()
    document = recording.json()
    assert_ticks_add_up(document)
    children = [child for parent in parents for child in parent.children]
    assert len(children) == 1000

    pids = {child["pid"] for child in children}
    true = collections.defaultdict(float)
    for child in children:
        true[child["function"]] += child["spent"]
    named, others, reasons = named_samples(recording, pids)
    assert named >= 0.99 * (named + others), reasons
    for function, seconds in true.items():
        assert sum(spin_seconds(document, function).values()) == within_chance(seconds, 999, 0.02), function
    seen = {s["pid"] for s in document["samples"]} & pids
    assert len(seen) >= 990, "each should have about fifty samples"


def test_ticks_are_printed(cgroup, spawn, recorder, python):
    """-v says where every tick went; the numbers are those of the recording."""
    workload = spawn(python, "forker.py", "many", 40, 0.02, python.path, cgroup=cgroup)
    recording = recorder("--cgroup", cgroup.path, "-r", "999", "-v")
    workload.go().finish()
    recording.stop()
    document = recording.json()
    assert_ticks_add_up(document)
    assert str(document["ticks"]) in recording.stderr.replace(",", "").replace(" ", " ")


def test_another_pid_namespace(cgroup, spawn, recorder, python):
    """The process has its host's pid in the recording, and names and lines."""
    probe = subprocess.run(["unshare", "-pfm", "--mount-proc", "true"], stderr=subprocess.PIPE)
    if probe.returncode:
        pytest.skip("no pid namespace can be made: " + probe.stderr.decode().strip())
    workload = Workload(
        ["unshare", "-pfm", "--mount-proc", python.path, WORKLOADS / "busy.py", 0.8], cgroup=cgroup
    )
    try:
        workload.wait_ready()
        assert workload.ready["pid"] == 1
        recording = recorder("--cgroup", cgroup.path, "-r", "499")
        host = max(cgroup.pids())
        workload.go().finish()
        recording.stop()
        spent = seconds_by_pid(recording.json())
        assert spent[host] == within_chance(workload.truth["spent"], 499)
        assert any(names_of(stack)[-2:] == ["outer", "inner"] for stack in recording.stacks())
    finally:
        workload.kill()


def test_a_container(podman, recorder):
    """podman with runc: found by its cgroup, profiled from outside, names from its own mount namespace."""
    python = next((i for i in interpreters.MATRIX if i.path.startswith("/usr/bin/")), None)
    if python is None:
        pytest.skip("no supported Python in /usr/bin to run in the container")
    workload = podman.workload("busy", [python.path, "/w/busy.py", 0.8], WORKLOADS)
    try:
        workload.wait_ready(PATIENCE)
        pid = podman.pid("busy")
        needs_own_cgroup(pid)
        group = cgroup_of(pid)
        recording = recorder("--cgroup", group, "-r", "499")
        workload.go().finish()
        recording.stop()
        document = recording.json()
        assert seconds_by_pid(document)[pid] == within_chance(workload.truth["spent"], 499)
        process = processes_of(document)[pid]
        assert process["python"] == python.version and process["cgroup"] == group
        files = {frame.file for stack in recording.stacks() for frame in stack.frames}
        assert "/w/busy.py" in files, "paths are the container's own"
    finally:
        workload.kill()


def test_an_unsupported_interpreter_is_named(newer, recorder):
    """Its version and file are reported, nothing is guessed."""
    workload = Workload([newer, "-c", "while True: pass"])
    try:
        recording = recorder("-p", workload.pid, "-r", "499", "-d", "1", wait=False)
        recording.wait()
        assert recording.status in (5, 6), recording.stderr
        assert NEWER in recording.stderr
        assert str(newer) in recording.stderr, "names the file"
    finally:
        workload.kill()


def test_an_unsupported_command_is_named_once(newer, pybpfprof):
    """It is looked at before it runs, and again when it is recorded."""
    done = pybpfprof("record", "-o", "out.folded", "--", newer, "-c", "for i in range(10**7): pass")
    assert done.stderr.count("which cannot be profiled") == 1, done.stderr


def test_supported_beside_unsupported(newer, cgroup, spawn, recorder, python):
    strange = Workload([newer, "-c", "while True: pass"], cgroup=cgroup)
    try:
        workload = spawn(python, "busy.py", 0.5, cgroup=cgroup)
        recording = recorder("--cgroup", cgroup.path, "-r", "499")
        workload.go().finish()
        recording.stop()
        document = recording.json()
        assert set(seconds_by_pid(document)) == {workload.pid}
        unsupported = [one for one in document["lost"] if one["reason"] == "unsupported"]
        assert unsupported and unsupported[0]["pid"] == strange.pid
        assert_ticks_add_up(document)
    finally:
        strange.kill()


def test_programs_that_are_no_python(cgroup, spawn, recorder, python):
    """They are counted apart, as no failure, and disturb nobody."""
    other = subprocess.Popen(
        ["sh", "-c", f"echo $$ > {cgroup.path}/cgroup.procs; while :; do :; done"], stdout=subprocess.DEVNULL
    )
    try:
        workload = spawn(python, "busy.py", 0.5, cgroup=cgroup)
        recording = recorder("--cgroup", cgroup.path, "-r", "499")
        workload.go().finish()
        recording.stop()
        document = recording.json()
        assert set(seconds_by_pid(document)) == {workload.pid}
        reasons = {one["reason"]: one for one in document["lost"] if one.get("pid") == other.pid}
        assert "not_python" in reasons and not reasons["not_python"]["failure"]
    finally:
        other.kill()
        other.wait()


def test_interpreter_gone_from_disk(tmp_path, recorder, spawn):
    """Upgraded or deleted while it runs: what is mapped counts, not what lies there now."""
    static = next((i for i in interpreters.MATRIX if not i.shared), None)
    if static is None:
        pytest.skip("needs an interpreter without a libpython.so")
    copy = tmp_path / "python3.copy"
    shutil.copy(os.path.realpath(static.path), copy)
    workload = Workload([copy, WORKLOADS / "busy.py", 0.8], env={"PYTHONHOME": "/usr"})
    try:
        workload.wait_ready()
        copy.unlink()
        recording = recorder("-p", workload.pid, "-r", "499")
        workload.go().finish()
        recording.wait()
        assert recording.status == 0, recording.stderr
        assert any(names_of(stack)[-2:] == ["outer", "inner"] for stack in recording.stacks())
    finally:
        workload.kill()


def test_stopped_target(spawn, recorder, python):
    """SIGSTOP: no samples while it stands, no hang, and it goes on afterwards."""
    workload = spawn(python, "busy.py", 0).go()
    recording = recorder("-p", workload.pid, "-r", "499")
    let_work(workload, 0.2)
    os.kill(workload.pid, 19)
    wait_until(lambda: open(f"/proc/{workload.pid}/stat").read().rsplit(")", 1)[1].split()[0] == "T", "it to stand")
    stopped = time.time()
    time.sleep(0.5)
    resumed = time.time()
    os.kill(workload.pid, 18)
    let_work(workload, 0.2)
    recording.stop()
    times = [sample["timestamp"] for sample in recording.json()["samples"]]
    assert [t for t in times if t < stopped] and [t for t in times if t > resumed]
    assert not [t for t in times if stopped + 0.05 < t < resumed - 0.01]


def test_a_frozen_cgroup(cgroup, spawn, recorder, pybpfprof, python):
    """As `docker pause` leaves it: its stack can be read for sure, and recording it ends in time, without a sample."""
    workload = spawn(python, "busy.py", 0, cgroup=cgroup).go()
    let_work(workload, 0.2)
    (cgroup.path / "cgroup.freeze").write_text("1")
    try:
        wait_until(lambda: "frozen 1" in (cgroup.path / "cgroup.events").read_text(), "it to be frozen")
        dumped = pybpfprof("dump", "--pid", workload.pid)
        began = time.monotonic()
        recorded = pybpfprof("record", "--cgroup", cgroup.path, "-d", "1", "-o", "x.folded")
        took = time.monotonic() - began
    finally:
        (cgroup.path / "cgroup.freeze").write_text("0")
    assert re.search(r"\n    outer \(.*\n    main \(.*\n    <module> \(", dumped.stdout), dumped.stdout + dumped.stderr
    assert "not sure" not in dumped.stdout
    assert recorded.returncode == 0 and "used hardly any CPU time" in recorded.stderr, recorded.stderr
    assert took < 20


DEEP_ONCE = """
import time
DEPTH = 300
source = ["def layer_%d():" % DEPTH, "    end = time.process_time() + 0.03", "    while time.process_time() < end:", "        sum(range(2000))"]
for n in range(DEPTH - 1, 0, -1):
    source += ["def layer_%d():" % n, "    return layer_%d()" % (n + 1)]
names = {"time": time}
exec(compile("\\n".join(source), "/srv/site/middleware.py", "exec"), names)
names["layer_1"]()
"""


@pytest.mark.parametrize("rate", [99, 999])
def test_a_deep_stack_that_is_seen_once(interpreter, rate, cgroup, tmp_path, recorder):
    """300 functions that nobody had before, in one tick of a process that is soon over: each has its name."""
    (tmp_path / "deep.py").write_text(DEEP_ONCE)
    recording = recorder("--cgroup", cgroup.path, "-r", rate)
    script = f"echo $$ > {cgroup.path}/cgroup.procs; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do '{interpreter.path}' deep.py; done"
    subprocess.run(["sh", "-c", script], cwd=tmp_path, check=True)
    recording.stop()
    samples = recording.json()["samples"]
    deep = [s for s in samples if any("layer_" in name for name in s["stack"])]
    assert len(deep) > 5
    assert not [name for s in samples for name in s["stack"] if name.startswith("[un")]
    whole = [s for s in deep if sum("layer_" in name for name in s["stack"]) == 300]
    # but for those met while the chain was being built up
    assert len(whole) >= 0.97 * len(deep) - 1
