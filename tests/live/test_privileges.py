# SPDX-License-Identifier: MIT
"""Whose rights it takes, and how few it keeps once it samples."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

from conftest import PROGRAM, children_of, let_work, wait_cpu, wait_until

NOBODY = 65534
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
GRANTED = "cap_bpf,cap_perfmon,cap_sys_ptrace,cap_dac_read_search"
BITS = {"dac_override": 1, "dac_read_search": 2, "fowner": 3, "kill": 5, "setgid": 6, "setuid": 7, "sys_ptrace": 19,
        "sys_admin": 21, "perfmon": 38, "bpf": 39, "checkpoint_restore": 40}  # fmt: skip
SEE = {"sys_ptrace", "dac_read_search", "checkpoint_restore"}
SAMPLE = SEE | {"bpf", "perfmon"}
OTHERS_FILES = {"dac_override", "fowner"}
SUDO = {"SUDO_UID": str(NOBODY), "SUDO_GID": str(NOBODY)}


def rights(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    sets = {name: int(bits, 16) for name, bits in re.findall(r"^Cap(\w+):\s*(\w+)$", text, re.M)}
    return sets, int(re.search(r"^NoNewPrivs:\s*(\d)$", text, re.M).group(1))


def names(bits):
    found = {name for name, bit in BITS.items() if bits >> bit & 1}
    assert bits == sum(1 << BITS[name] for name in found), hex(bits)
    return found - {"sys_admin"}  # where kernel.perf_event_paranoid demands it


def assert_keeps_only(pid, wanted):
    sets, no_new = rights(pid)
    assert no_new == 1
    for which in ("Prm", "Eff", "Bnd"):
        assert names(sets[which]) == wanted, which
    assert sets["Inh"] == sets["Amb"] == 0


@pytest.fixture
def copy():
    """Of the program, where others may run it, too."""
    with tempfile.TemporaryDirectory(dir="/usr/local/bin") as folder:
        os.chmod(folder, 0o755)
        yield pathlib.Path(shutil.copy(PROGRAM, folder))


@pytest.fixture
def busy(spawn, python):
    return spawn(python, "busy.py", 0).go()


def run_as_nobody(*args, prefix=AS_NOBODY):
    return subprocess.run([*prefix, *map(str, args)], cwd="/tmp", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


# ---- whose they are --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o6755])
@pytest.mark.parametrize("args", [["record", "-o", "-", "-f", "folded", "--", "/usr/bin/id", "-u"], ["--version"]])
def test_setuid_is_refused(copy, mode, args):
    copy.chmod(mode)
    done = run_as_nobody(copy, *args)
    assert done.returncode == 3 and done.stdout == ""
    assert "setuid" in done.stderr and "sudo pybpfprof" in done.stderr and done.stderr.count("\n") == 1


def set_capabilities(file, text):
    done = subprocess.run(["setcap", f"{text}+ep", file], stderr=subprocess.PIPE, text=True)
    if done.returncode:
        pytest.skip("no file capabilities here: " + done.stderr.strip())


@pytest.mark.parametrize("capabilities", [GRANTED, "cap_bpf,cap_perfmon"])
@pytest.mark.parametrize("args", [["dump", "--locals"], ["record", "-d", "0.1", "-o", "-", "-f", "folded"]])
def test_file_capabilities_for_everybody_are_refused(copy, busy, capabilities, args):
    set_capabilities(copy, capabilities)
    done = run_as_nobody(copy, *args, "--pid", busy.pid)
    assert done.returncode == 3 and done.stdout == ""
    assert "setcap -r" in done.stderr and "sudo pybpfprof" in done.stderr and done.stderr.count("\n") == 1


def test_file_capabilities_for_a_group(copy, busy, users_folder):
    os.chown(copy, 0, NOBODY)
    copy.chmod(0o750)
    set_capabilities(copy, GRANTED)
    done = run_as_nobody(copy, "dump", "--pid", busy.pid)
    assert done.returncode == 0 and "busy.py" in done.stdout, done.stderr
    # what only reads and writes files has no use for them
    secret = users_folder / "secret.pybpf"
    subprocess.run([PROGRAM, "record", "--pid", str(busy.pid), "-d", "0.2", "-o", secret], check=True, stderr=subprocess.PIPE)
    secret.chmod(0o600)
    done = run_as_nobody(copy, "report", secret)
    assert done.returncode == 1 and "Permission denied" in done.stderr
    assert subprocess.run([copy, "report", secret], stdout=subprocess.PIPE).returncode == 0


@pytest.fixture
def users_folder():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        os.chown(folder, NOBODY, NOBODY)
        yield pathlib.Path(folder)


def test_root_needs_no_file_capabilities(copy):
    set_capabilities(copy, GRANTED)
    assert subprocess.run([copy, "--version"], stdout=subprocess.PIPE).returncode == 0


def test_ambient_capabilities_are_the_callers_own(copy, busy):
    """As a service manager gives them (AmbientCapabilities=)."""
    given = "+bpf,+perfmon,+sys_ptrace,+dac_read_search"
    prefix = [*AS_NOBODY, f"--inh-caps={given}", f"--ambient-caps={given}"]
    done = run_as_nobody(copy, "dump", "--pid", busy.pid, prefix=prefix)
    assert done.returncode == 0 and "busy.py" in done.stdout, done.stderr


# ---- which are kept ----------------------------------------------------------------------------------------------


def aside_of(pid):
    for child in children_of(pid):
        if pathlib.Path(f"/proc/{child}/comm").read_text().strip() == "pybpfprof-aside":
            return child
    return None


@pytest.mark.parametrize("env, parents, asides", [({}, OTHERS_FILES, set()), (SUDO, {"setuid", "setgid"}, {"setuid", "setgid"})])
def test_while_it_records(busy, recorder, users_folder, env, parents, asides):
    recording = recorder("--pid", busy.pid, "-o", users_folder / "out.html", output=None, env={**os.environ, **env})
    let_work(busy, 0.3)
    assert_keeps_only(recording.pid, SAMPLE | parents)
    assert_keeps_only(wait_until(lambda: aside_of(recording.pid), "its helper"), SEE | asides)
    recording.stop()
    assert (users_folder / "out.html").stat().st_uid == (NOBODY if env else 0)


def test_top(busy):
    top = subprocess.Popen([PROGRAM, "top", "--plain", "--pid", str(busy.pid)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert top.stdout.readline()
    assert_keeps_only(top.pid, SAMPLE | OTHERS_FILES)
    top.terminate()
    top.communicate()


def test_dump_of_another_users(python, tmp_path):
    """Also what it looks up in the other's files."""
    sleeper = subprocess.Popen([*AS_NOBODY, "/usr/bin/python3", "-c", "import time\ndef f(): time.sleep(60)\nf()"])
    wait_until(lambda: b"clock_nanosleep" in pathlib.Path(f"/proc/{sleeper.pid}/wchan").read_bytes() or
               pathlib.Path(f"/proc/{sleeper.pid}/syscall").read_text().startswith("230 "), "its sleep")  # fmt: skip
    done = subprocess.run([PROGRAM, "dump", "--pid", str(sleeper.pid)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    sleeper.kill()
    sleeper.wait()
    assert done.returncode == 0 and " f (" in done.stdout, done.stderr


SHOW = ["grep", "-E", "^(Cap|NoNewPrivs)", "/proc/self/status"]


@pytest.mark.parametrize("command", [["record", "-o", "out.json"], ["top", "--plain"]])
@pytest.mark.parametrize("bound", [[], ["setpriv", "--bounding-set=-sys_module"]], ids=["all", "bound"])
def test_a_command_has_what_it_would_have_without_us(command, bound, tmp_path):
    alone = subprocess.run([*bound, *SHOW], stdout=subprocess.PIPE, check=True).stdout.splitlines()
    ours = subprocess.run([*bound, PROGRAM, *command, "--", "/bin/sh", "-c", 'exec "$@" >&2', "sh", *SHOW],
                          cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    assert [line for line in ours.stderr.splitlines() if line.startswith((b"Cap", b"NoNew"))] == alone


def user_of(pid):
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except FileNotFoundError:
        return None


def test_a_command_of_another_user_can_be_told(recorder, users_folder):
    """It has become somebody else meanwhile."""
    program = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "/usr/bin/python3", "-c", "while True: pass"]
    recording = recorder("-o", users_folder / "out.folded", "--", *program, output=None)
    (child,) = wait_until(lambda: [pid for pid in children_of(recording.pid) if user_of(pid) == NOBODY], "the other user")
    wait_cpu(child, 0.3)
    recording.stop(expect=None)
    assert not os.path.exists(f"/proc/{child}"), "told to end, it ended"
    assert (users_folder / "out.folded").stat().st_size


def test_roots_outputs_in_somebody_elses_folder(busy, users_folder):
    """Over a file of theirs, and where only they may enter."""
    users_folder.chmod(0o1700)
    (users_folder / "out.folded").write_text("theirs")
    os.chown(users_folder / "out.folded", NOBODY, NOBODY)
    done = subprocess.run([PROGRAM, "record", "--pid", str(busy.pid), "-d", "1", "-r", "499", "-o", users_folder / "out.folded"],
                          stderr=subprocess.PIPE, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "busy.py" in (users_folder / "out.folded").read_text()
