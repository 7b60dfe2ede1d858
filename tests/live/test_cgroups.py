# SPDX-License-Identifier: MIT
"""A cgroup is chosen by its path: what the kernel has there at the moment is profiled, once, however deep it lies."""

import os
import pathlib
import time

import pytest

from conftest import CGroup, let_work, within_chance

SCOPES = pytest.mark.parametrize("scope", ["cpu", "cgroup"])


def seconds_of(document, workload):
    return sum(s["value"] for s in document["samples"] if s["pid"] == workload.pid)


def assert_all_ticks_known(recording, document):
    told = document["sample_count"] + sum(row["samples"] for row in document["lost"]) + document["filtered"]
    assert document["ticks"] == told
    assert "accounting is off" not in recording.stderr


def end(workload, group):
    workload.kill()
    group.remove()


@SCOPES
def test_a_service_is_started_again(cgroup, spawn, recorder, python, scope):
    """Its cgroup is removed, and another one of the same name is made: thrice, and never is more than a moment lost."""
    group = cgroup.child("app.service")
    first = spawn(python, "busy.py", 0, cgroup=group)
    recording = recorder("--cgroup", group.path, "--scope", scope, "-r", 499)
    first.go()
    let_work(first, 0.5)
    end(first, group)
    later = []
    for _ in range(3):
        group = CGroup(group.path)
        later.append(spawn(python, "busy.py", 0.7, cgroup=group).go().finish())
        end(later[-1], group)
    recording.stop()
    document = recording.json()
    assert_all_ticks_known(recording, document)
    assert seconds_of(document, first) > 0.4
    for workload in later:
        # what is spent before `go`, the start of the interpreter, is in the samples too
        assert within_chance(workload.truth["cpu"], 499, least=0.05) == seconds_of(document, workload)
    assert "was replaced 3 times" in recording.stderr


@SCOPES
def test_the_parent_is_made_anew_too(cgroup, spawn, recorder, python, scope):
    parent = cgroup.child("a")
    group = parent.child("b").child("c")
    first = spawn(python, "busy.py", 0, cgroup=group)
    recording = recorder("--cgroup", str(group.path), "--scope", scope, "-r", 499)
    first.go()
    let_work(first, 0.3)
    first.kill()
    parent.remove()
    other = CGroup(parent.path)
    beside = spawn(python, "busy.py", 0.3, cgroup=other.child("c")).go().finish()  # of that name, elsewhere
    group = other.child("b").child("c")
    second = spawn(python, "busy.py", 0.7, cgroup=group).go().finish()
    recording.stop()
    document = recording.json()
    assert_all_ticks_known(recording, document)
    assert within_chance(second.truth["cpu"], 499, least=0.05) == seconds_of(document, second)
    assert not seconds_of(document, beside)
    assert "was replaced 1 time " in recording.stderr


def test_one_that_does_not_come_back_ends_it(cgroup, spawn, recorder, python):
    group = cgroup.child("app")
    workload = spawn(python, "busy.py", 0, cgroup=group)
    recording = recorder("--cgroup", group.path, "-d", 60)
    workload.go()
    let_work(workload, 0.3)
    end(workload, group)
    gone = time.monotonic()
    recording.wait()
    assert recording.status == 0
    assert 9 < time.monotonic() - gone < 20
    assert "the cgroup is gone" in recording.stderr and "did not come back" in recording.stderr


def test_timers_of_one_that_is_gone_do_not_stop_the_others(make_cgroup, spawn, recorder, python):
    gone, stays = make_cgroup(), make_cgroup()
    recording = recorder("--cgroup", gone.path, "--cgroup", stays.path, "--scope", "cgroup", "-r", 499)
    gone.remove()
    workload = spawn(python, "busy.py", 2, cgroup=stays).go().finish()
    recording.stop()
    document = recording.json()
    assert_all_ticks_known(recording, document)
    assert within_chance(workload.truth["cpu"], 499, least=0.05) == seconds_of(document, workload)


def test_timers_of_one_that_rests_lose_nothing(cgroup, spawn, recorder, python):
    """Nothing of it runs on some CPUs, and later on none: they have not gone away."""
    workload = spawn(python, "busy.py", 1.5, cgroup=cgroup)
    recording = recorder("--cgroup", cgroup.path, "--scope", "cgroup", "-r", 499, "-v")
    workload.go().finish()
    time.sleep(0.5)
    recording.stop()
    document = recording.json()
    assert_all_ticks_known(recording, document)
    assert "came online" not in recording.stderr
    assert within_chance(workload.spent, 499, least=0.03) == document["cpu_seconds"]
    assert sum(row["samples"] for row in document["lost"]) < 0.02 * document["ticks"], document["lost"]


@SCOPES
def test_nested_and_repeated_ones_count_once(cgroup, spawn, recorder, python, scope):
    outer = cgroup.child("outer")
    inner = outer.child("inner")
    workload = spawn(python, "busy.py", 1, cgroup=inner)
    given = [inner.path, outer.path, str(outer.path) + "/", f"{cgroup.path.name}/outer/inner"]
    recording = recorder(*[word for path in given for word in ("--cgroup", path)], "--scope", scope, "-r", 499, "-v")
    workload.go().finish()
    recording.stop()
    document = recording.json()
    assert_all_ticks_known(recording, document)
    assert within_chance(workload.spent, 499, least=0.03) == document["cpu_seconds"]
    assert recording.stderr.count("which is profiled as a whole") == 3


def test_names_that_begin_alike_are_not_nested(cgroup, spawn, recorder, python):
    short, long = cgroup.child("app"), cgroup.child("app-two")
    workloads = [spawn(python, "busy.py", 0.5, cgroup=group) for group in (short, long)]
    recording = recorder("--cgroup", short.path, "--cgroup", long.path, "-r", 499)
    for workload in workloads:
        workload.go()
    for workload in workloads:
        workload.finish()
    recording.stop()
    for workload in workloads:
        assert seconds_of(recording.json(), workload) > 0.3


def test_a_deep_one(cgroup, spawn, recorder, python):
    group = cgroup
    for level in range(20):
        group = group.child(f"level-{level}")
    workload = spawn(python, "busy.py", 0.5, cgroup=group)
    recording = recorder("--cgroup", group.path.parent, "-r", 499)
    workload.go().finish()
    recording.stop()
    assert within_chance(workload.spent, 499, least=0.05) == recording.json()["cpu_seconds"]


# ---- hierarchies of version 1 -------------------------------------------------------------------------------


def version_1_mounts():
    """[(mount point, its options)]"""
    with open("/proc/self/mounts") as mounts:
        return [(words[1], words[3].split(",")) for words in map(str.split, mounts) if words[2] == "cgroup"]


@pytest.fixture
def old_cgroup():
    """One of a hierarchy that has a controller which lets everybody in."""
    for where, options in version_1_mounts():
        if {"memory", "pids", "cpu", "freezer"} & set(options):
            break
    else:
        pytest.skip("no version 1 hierarchy is mounted")
    group = CGroup(pathlib.Path(where) / f"pybpfprof-test-{os.getpid()}")
    yield group
    if group.path.exists():
        group.remove()


@pytest.mark.parametrize("options", [[], ["--as-old-kernel"]], ids=["", "old"])
def test_version_1(old_cgroup, spawn, recorder, python, options):
    """Who is in it or below it, nobody else; and one that is made anew."""
    group = old_cgroup.child("app")
    first = spawn(python, "busy.py", 0.5, cgroup=group.child("below"))
    outside = spawn(python, "busy.py", 0.5)
    recording = recorder("--cgroup", group.path, "-r", 499, *options)
    first.go().finish()
    outside.go().finish()
    end(first, group)
    later = spawn(python, "busy.py", 0.5, cgroup=CGroup(group.path)).go().finish()
    recording.stop()
    document = recording.json()
    assert_all_ticks_known(recording, document)
    assert {s["pid"] for s in document["samples"]} == {first.pid, later.pid}
    for workload in (first, later):
        assert within_chance(workload.truth["cpu"], 499, least=0.05) == seconds_of(document, workload)
    assert "was replaced 1 time" in recording.stderr


def test_hierarchies_are_not_mixed(old_cgroup, cgroup, pybpfprof):
    done = pybpfprof("record", "--cgroup", old_cgroup.path, "--cgroup", cgroup.path, "-d", "1")
    assert done.returncode == 2 and "two hierarchies" in done.stderr, done.stderr


def test_version_1_without_a_controller(pybpfprof):
    named = [where for where, options in version_1_mounts() if any(o.startswith("name=") for o in options)]
    if not named:
        pytest.skip("no hierarchy that is only named is mounted")
    done = pybpfprof("record", "--cgroup", named[0], "-d", "1")
    assert done.returncode == 2 and "without a controller" in done.stderr, done.stderr


# ---- threads of one process in several --------------------------------------------------------------------


def test_a_threaded_one(cgroup, spawn, recorder, python):
    """Of a process only the threads that are in it."""
    inside = cgroup.child("inside")
    (inside.path / "cgroup.type").write_text("threaded")
    workload = spawn(python, "threads.py", 1.5, 3, 0, cgroup=cgroup)
    recording = recorder("--cgroup", inside.path, "-r", 499, "--threads")
    workload.go()
    tids = []
    while len(tids) < 4:
        tids = sorted(map(int, os.listdir(f"/proc/{workload.pid}/task")))
    (inside.path / "cgroup.threads").write_text(str(tids[-1]))
    workload.finish()
    recording.stop()
    workload.process.wait()
    inside.path.rmdir()  # it has no list of processes to be emptied by
    document = recording.json()
    assert_all_ticks_known(recording, document)
    threads = {document["threads"][s["thread"]]["thread_id"] if "thread" in s else s["tid"] for s in document["samples"]}
    assert threads == {tids[-1]}
    spent = {thread["tid"]: thread["spent"] for thread in workload.truth["threads"]}
    assert sum(s["value"] for s in document["samples"]) > 0.5 * spent[tids[-1]]
