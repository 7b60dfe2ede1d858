# SPDX-License-Identifier: MIT
"""What rights `pybpfprof daemon` needs, and which it keeps: the capabilities of each of its threads and children, system calls."""

import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

import backend_stub
from conftest import PATIENCE, PROGRAM, children_of, let_work, wait_until
from programs import ROOT

NOBODY = 65534
FOUR = {"bpf", "perfmon", "sys_ptrace", "dac_read_search"}
BITS = {"bpf": 39, "perfmon": 38, "sys_ptrace": 19, "dac_read_search": 2, "sys_admin": 21,
        "checkpoint_restore": 40}  # fmt: skip
GIVEN = ",".join(f"+{name}" for name in sorted(FOUR))
# As a service manager starts it: nobody, with these and no others, now and ever.
WITH_FOUR = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", f"--inh-caps={GIVEN}", f"--ambient-caps={GIVEN}",
             f"--bounding-set=-all,{GIVEN}"]  # fmt: skip

four_are_enough = pytest.mark.skipif(
    int(pathlib.Path("/proc/sys/kernel/perf_event_paranoid").read_text()) > 2,
    reason="kernel.perf_event_paranoid is above 2, so timers take CAP_SYS_ADMIN here",
)


@pytest.fixture
def stub():
    with backend_stub.Stub() as server:
        yield server


@pytest.fixture
def place(tmp_path):
    """A folder of nobody's, with a copy of the program that nobody may run."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    mine = tmp_path / "nobody"
    mine.mkdir()
    os.chown(mine, NOBODY, NOBODY)
    program = pathlib.Path(shutil.copy(PROGRAM, tmp_path / "pybpfprof"))
    program.chmod(0o755)
    return mine


def tasks_of(pid):
    return [pathlib.Path(f"/proc/{pid}/task/{tid}") for tid in os.listdir(f"/proc/{pid}/task")]


def status_of(task):
    return dict(re.findall(r"^(\w+):\s*(.*)$", (task / "status").read_text(), re.M))


def names(bits):
    """Without CAP_SYS_ADMIN, where kernel.perf_event_paranoid demands it."""
    found = {name for name, bit in BITS.items() if int(bits, 16) >> bit & 1}
    assert int(bits, 16) == sum(1 << BITS[name] for name in found), bits
    return found - {"sys_admin"}


def assert_confined(task, most):
    status = status_of(task)
    for which in ("CapPrm", "CapEff", "CapBnd"):
        assert names(status[which]) == most, (status["Name"], which)
    assert int(status["CapInh"], 16) == int(status["CapAmb"], 16) == 0
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2"), status["Name"]


def get(socket_path, what):
    done = subprocess.run(["curl", "-sS", "--fail", "--unix-socket", socket_path, f"http://x{what}"], timeout=PATIENCE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def wait_confined(recording):
    wait_until(lambda: status_of(pathlib.Path(f"/proc/{recording.pid}"))["Seccomp"] == "2", "its filter")


def test_of_root_only_four_remain(recorder, stub, spawn, python, tmp_path):
    """In every thread, those that post too, and in the process aside, which keeps less."""
    spawn(python, "busy.py", 0).go()
    recording = recorder("daemon", "--config", "/dev/null", "--all", "--window", "1s", "--push", stub.url("pyroscope"), "--push",
                         stub.url("otlp"), "--listen", f"unix:{tmp_path}/s", output=None)  # fmt: skip
    stub.wait_bodies(2)
    wait_confined(recording)
    tasks = tasks_of(recording.pid)
    assert len(tasks) >= 3
    for task in tasks:
        assert_confined(task, FOUR)
    seconds = [f"/profile?seconds={s}&format={name}" for s, name in ((1, "svg"), (1, "html"), (1, "pprof"))]
    assert all(get(tmp_path / "s", path) for path in seconds)
    for child in children_of(recording.pid):
        status = status_of(pathlib.Path(f"/proc/{child}"))
        assert names(status["CapPrm"]) <= FOUR - {"bpf", "perfmon"} | {"checkpoint_restore"}, status["Name"]
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2"), status["Name"]
    recording.stop(signal.SIGTERM)


@four_are_enough
@pytest.mark.parametrize("how", [[], ["--native", "--wall"]], ids=["cpu", "native+wall"])
def test_a_recording_with_just_four(tmp_path, place, spawn, python, recorder, how):
    workload = spawn(python, "busy.py", 0).go()
    recording = recorder("record", "--all", *how, "-o", place / "o.folded", output=None, program=tmp_path / "pybpfprof", prefix=WITH_FOUR)
    assert_four(recording.pid)
    let_work(workload, 1)
    recording.stop()
    assert "busy.py" in (place / "o.folded").read_text()
    assert (place / "o.folded").stat().st_uid == NOBODY


def assert_four(pid):
    status = status_of(pathlib.Path(f"/proc/{pid}"))
    assert status["Uid"].split() == [str(NOBODY)] * 4
    assert names(status["CapPrm"]) == names(status["CapBnd"]) == FOUR


@four_are_enough
def test_a_daemon_with_just_four(tmp_path, place, spawn, python, recorder, stub):
    """From its start to its end: pushes, files, /profile, and another kind of sampling after SIGHUP."""
    spawn(python, "busy.py", 0).go()
    options = (f"all\nrate = 199\nwindow = 1s\noutput = {place}/o.pybpf\nrotate = 2s\nkeep = 100M\nlisten = unix:{place}/s\n"
               f"push = {stub.url('pyroscope')}\nlabel = team=x\n")  # fmt: skip
    (tmp_path / "conf").write_text(options)
    recording = recorder("daemon", "--config", tmp_path / "conf", output=None, program=tmp_path / "pybpfprof", prefix=WITH_FOUR)
    stub.wait_bodies(2)
    wait_confined(recording)
    for task in tasks_of(recording.pid):
        assert_confined(task, FOUR)
    assert b"busy.py" in get(place / "s", "/profile?seconds=1&format=folded")
    (tmp_path / "conf").write_text(options + "native\nwall\n")
    recording.send(signal.SIGHUP)
    wait_until(lambda: "sampling began anew" in recording.stderr, "the new sampling")
    assert b"busy.py" in get(place / "s", "/profile?seconds=2&format=folded")
    assert b'pybpfprof_samples_total{type="offcpu"}' in get(place / "s", "/metrics")
    recording.stop(signal.SIGTERM)
    files = sorted(place.glob("o-*.pybpf"))
    assert len(files) > 1 and all(file.stat().st_uid == NOBODY for file in files)


@pytest.mark.skipif(not shutil.which("strace"), reason="there is no strace here (of the package strace)")
def test_nothing_that_it_needs_is_refused(tmp_path, recorder, spawn, python, stub):
    """All its calls once the filter is in force: none says EPERM."""
    spawn(python, "busy.py", 0).go()
    trace = tmp_path / "trace"
    options = (f"all\nrate = 99\nwindow = 1s\noutput = {tmp_path}/o.pybpf\nrotate = 2s\nkeep = 100M\nlisten = unix:{tmp_path}/s\n"
               f"push = {stub.url('pyroscope')}\npush = {stub.url('otlp')}\n")  # fmt: skip
    (tmp_path / "conf").write_text(options)
    recording = recorder("daemon", "--config", tmp_path / "conf", output=None, wait=False,
                         prefix=["strace", "-f", "-qq", "--seccomp-bpf", "-Z", "-o", trace, "-e", "trace=!openat,readlink,bpf"])  # fmt: skip
    stub.wait_bodies(4)
    assert get(tmp_path / "s", "/profile?seconds=1&format=svg").startswith(b"<?xml")
    (tmp_path / "conf").write_text(options.replace("99", "49") + "native\nwall\n")
    (own,) = wait_until(lambda: list(children_of(recording.pid))[:1], "it")
    os.kill(own, signal.SIGHUP)
    wait_until(lambda: "sampling began anew" in recording.stderr, "the new sampling")
    spawn(python, "busy.py", 0).go()
    assert get(tmp_path / "s", "/profile?seconds=2&format=html")
    os.kill(own, signal.SIGTERM)
    recording.wait()
    assert recording.status == 0, recording.stderr
    lines = trace.read_text(errors="replace").splitlines()
    # by the kernel for reasons of its own: calls that are on the list without a condition, and what takes CAP_SETPCAP
    listed = re.findall(r'"(\w+)"', (ROOT / "user/os/confine.c").read_text().partition("calls[] = {")[2].partition("};")[0])
    assert "kcmp" in listed and "execve" not in listed
    words = [(re.match(r"\d+ +(?:<\.\.\. )?(\w+)", line), line) for line in lines if "EPERM" in line and "PR_CAPBSET_DROP" not in line]
    refused = [line for word, line in words if word and word[1] not in listed]
    assert not refused, refused[:10]
