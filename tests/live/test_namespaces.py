# SPDX-License-Identifier: MIT
"""The profiler in namespaces of its own: of cgroups, as containers have them, and of time."""

import contextlib
import json
import os
import subprocess
import time

import pytest

from conftest import PROGRAM, cgroup2_mount, wait_until, within_chance


def run_inside(flags, script, *args, join=None):
    """The script in fresh namespaces; its process is in the cgroup `join` before, which becomes the namespace's root."""
    probe = subprocess.run(["unshare", *flags, "true"], stderr=subprocess.PIPE)
    if probe.returncode:
        pytest.skip(f"no such namespaces here: {probe.stderr.decode()}")

    def enter():
        if join is not None:
            join.add(os.getpid())

    return subprocess.run(
        ["unshare", *flags, "sh", "-ec", script, "sh", *map(str, args)],
        preexec_fn=enter,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


# ---- cgroups -----------------------------------------------------------------------------------------------

OWN_MOUNT = "mount --make-rprivate /; umount $1; mount -t cgroup2 none $1; "
BESIDE = "mount --make-rprivate /; mount --bind $1 $4; umount $1; mount -t cgroup2 none $1; "
BEFORE = "mount --make-rprivate /; mount -t cgroup2 none $4; "  # met later in the list than the host's
RECORD = "exec $2 record --cgroup \"$3\" -d 1.5 -r 499 $6 -o $5"


@pytest.mark.parametrize("scope", ["", "--scope=cgroup"])
@pytest.mark.parametrize("script, given", [
    pytest.param(OWN_MOUNT, "app/inner", id="as seen there"),
    pytest.param(OWN_MOUNT, "/app", id="with a slash"),
    pytest.param(OWN_MOUNT, "/", id="all of the namespace"),
    pytest.param(BESIDE, "{host}/{box}/app/inner", id="below the host's mount"),
    pytest.param(BESIDE, "{box}/app", id="relative to the host's mount"),
    pytest.param(BEFORE, "app/inner", id="relative to the namespace's mount"),
])  # fmt: skip
def test_paths_of_a_cgroup_namespace(cgroup, spawn, python, tmp_path, script, given, scope):
    """Its root is not the hierarchy's, so neither levels nor paths are the kernel's."""
    inner = cgroup.child("app").child("inner")
    workload = spawn(python, "busy.py", 0, cgroup=inner).go()
    beside = spawn(python, "busy.py", 0).go()
    host, out, mount = tmp_path / "host", tmp_path / "out.json", cgroup2_mount()
    host.mkdir()
    given = given.format(host=host, box=cgroup.path.relative_to(mount))
    done = run_inside(["--cgroup", "--mount"], script + RECORD, mount, PROGRAM, given, host, out, scope, join=cgroup)
    assert done.returncode == 0, done.stderr
    document = json.loads(out.read_text())
    found = {p["pid"]: p["sampled"] for p in document["processes"] if p["sampled"]}
    assert set(found) == {workload.pid}
    clock = [p["cpu_clock"] for p in document["processes"] if p["pid"] == workload.pid]
    assert within_chance(clock[0], 499, least=0.03) == found[workload.pid]
    assert beside.process.poll() is None


def test_one_is_followed_in_a_cgroup_namespace(cgroup, spawn, python, tmp_path):
    group = cgroup.child("app")
    out, mount, started = tmp_path / "out.json", cgroup2_mount(), tmp_path / "started"
    restart = ("(sleep 1; rmdir $1/app; mkdir $1/app; echo 0 > $1/app/cgroup.procs; touch $4; exec $7 -c 'while 1: pass') "
               "& P=$!; trap 'kill -9 $P' EXIT; ")  # fmt: skip
    run = '$2 record --cgroup "$3" -d 3 -r 499 -o $5'
    done = run_inside(["--cgroup", "--mount"], OWN_MOUNT + restart + run, mount, PROGRAM, "app", started, out, "",
                      python.path, join=cgroup)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "was replaced 1 time" in done.stderr
    assert json.loads(out.read_text())["cpu_seconds"] > 0.5
    wait_until(lambda: not group.pids(), "it to end")


def test_what_a_cgroup_namespace_hides_is_named(cgroup, make_cgroup):
    """A group beside its root."""
    other = make_cgroup()
    for given in (other.path.name, f"/../{other.path.name}"):
        script = OWN_MOUNT + 'exec $2 record --cgroup "$3" -d 1'
        done = run_inside(["--cgroup", "--mount"], script, cgroup2_mount(), PROGRAM, given, join=cgroup)
        assert done.returncode == 5, done.stderr
        assert "cgroup namespace" in done.stderr and "--cgroupns=host" in done.stderr


# ---- time --------------------------------------------------------------------------------------------------

CLOCKS = pytest.mark.parametrize("flags", [
    [],
    ["--time", "--boottime", "1000000"],
    ["--time", "--monotonic", "5000"],
    ["--time", "--monotonic", "-60", "--boottime", "-30"],
], ids=["none", "boottime", "monotonic", "both, back"])  # fmt: skip


def start_of(pid):
    """Unix time, to a hundredth."""
    ticks = int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[19])
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + ticks / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def recording_inside(recorder, flags, *args):
    prefix = ["unshare", *flags] if flags else []
    if flags and subprocess.run([*prefix, "true"], stderr=subprocess.PIPE).returncode:
        pytest.skip("no such time namespaces here")
    one = recorder(*args, prefix=prefix)
    yield one
    one.stop()


@CLOCKS
def test_times_in_a_time_namespace(cgroup, spawn, recorder, python, flags):
    """Of samples, and of processes that ran before and that came later; and what is compared with them."""
    early = spawn(python, "busy.py", 0.6, cgroup=cgroup)
    began = time.time()
    with recording_inside(recorder, flags, "--cgroup", cgroup.path, "-r", 499, "-v") as recording:
        early.go()
        late = spawn(python, "busy.py", 0.6, cgroup=cgroup)
        starts = {workload.pid: start_of(workload.pid) for workload in (early, late)}
        late.go().finish()
        early.finish()
        ended = time.time()
    document = recording.json()
    assert all(began - 0.1 < s["timestamp"] < ended + 0.1 for s in document["samples"])
    # what a process was before its exec is an entry of its own
    by_time = sorted(document["processes"], key=lambda p: p["sampled"])
    processes = {p["pid"]: p for p in by_time if p["pid"] in starts}
    assert {pid: p["start"] for pid, p in processes.items()} == {pid: pytest.approx(t, abs=0.1) for pid, t in starts.items()}
    assert within_chance(early.spent, 499, least=0.05) == processes[early.pid]["sampled"]
    assert processes[early.pid]["cpu_clock"] == pytest.approx(early.spent, abs=0.05)
    assert ("time namespace" in recording.stderr) == bool(flags)


@CLOCKS
def test_the_clock_of_one_that_waits_for_its_parent(cgroup, spawn, recorder, python, flags):
    """It came later, has ended and is not reaped: /proc is asked whether its number is still its own."""
    with recording_inside(recorder, flags, "--cgroup", cgroup.path, "-r", 499) as recording:
        workload = spawn(python, "busy.py", 0.5, cgroup=cgroup).go()
        wait_until(lambda: "\nState:\tZ" in open(f"/proc/{workload.pid}/status").read(), "its end")
    process = max((p for p in recording.json()["processes"] if p["pid"] == workload.pid), key=lambda p: p["sampled"])
    workload.finish()
    assert process["cpu_clock"] == pytest.approx(workload.spent, abs=0.15)
