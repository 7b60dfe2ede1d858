# SPDX-License-Identifier: MIT
"""`check`: what it says of this machine, of missing privileges, and of every interpreter here."""

import json
import os
import pathlib
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import pytest

import interpreters
from conftest import PATIENCE, PROGRAM

pytestmark = pytest.mark.offline

NOBODY = 65534


def items(done):
    """The JSON's list by name; the JSON itself is checked on the way."""
    document = json.loads(done.stdout)
    assert document["schema"] == "pybpfprof-check/1" and document["status"] == done.returncode
    assert {one["state"] for one in document["checks"]} <= {"ok", "note", "warning", "missing", "unknown"}
    return document, {one["name"]: one for one in document["checks"]}


@pytest.fixture
def sleeper():
    """sleeper(python) starts it; the pid is that of the interpreter itself."""
    started = []

    def start(path, *words, **options):
        code = "import sys, time; print(1, flush=True); time.sleep(600)"
        process = subprocess.Popen([str(path), "-c", code, *words], stdout=subprocess.PIPE, **options)
        started.append(process)
        assert process.stdout.readline() == b"1\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="module")
def open_program():
    """A copy that everybody may run."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pybpfprof-check-"))
    folder.chmod(0o755)
    yield shutil.copy(PROGRAM, folder)
    shutil.rmtree(folder)


@pytest.mark.short
def test_this_machine(pybpfprof):
    """The live suite runs here, so it works here."""
    done = pybpfprof("check", "--json")
    assert done.returncode == 0, done.stdout
    document, found = items(done)
    release = os.uname().release
    assert release in found["kernel"]["text"]
    for name in ("type information (BTF)", "BPF ring buffer", "bpf_loop", "perf timers", "CAP_BPF", "CAP_PERFMON",
                 "loads", "attaches"):  # fmt: skip
        assert found[name]["state"] == "ok", found[name]
    value = pathlib.Path("/proc/sys/kernel/perf_event_paranoid").read_text().strip()
    assert re.match(rf"{value}\b", found["kernel.perf_event_paranoid"]["text"])
    # the kernel itself changes this one now and then
    assert re.match(r"\d+ per second", found["kernel.perf_event_max_sample_rate"]["text"])
    assert int(re.search(r"(\d+) tick", found["attaches"]["text"]).group(1)) >= 1
    newer = tuple(map(int, re.match(r"(\d+)\.(\d+)", release).groups())) >= (6, 18)
    assert (found["task work"]["state"] == "ok") == newer
    assert ("with task work" in found["loads"]["text"]) == newer
    assert document["pythons"] == []


@pytest.mark.short
def test_text(pybpfprof):
    done = pybpfprof("check")
    assert done.returncode == 0 and "It works here." in done.stdout
    assert "\x1b" not in done.stdout, "no colours but on a terminal"
    for word in ("Kernel", "Privileges", "Self-test", "CAP_BPF", "lockdown"):
        assert word in done.stdout


@pytest.mark.parametrize("no_color", [False, True])
def test_colours_on_a_terminal(no_color):
    env = {**os.environ, "TERM": "xterm", **({"NO_COLOR": "1"} if no_color else {})}
    ours, theirs = pty.openpty()
    process = subprocess.Popen([PROGRAM, "check"], stdout=theirs, env=env)
    os.close(theirs)
    said = b""
    try:
        while chunk := os.read(ours, 65536):
            said += chunk
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert process.wait(PATIENCE) == 0
    assert (b"\x1b[" in said) != no_color


def test_an_ordinary_user(open_program, sleeper):
    """It says as much as it can, names what is missing, and exits with 3."""
    other = sleeper(sys.executable)
    done = subprocess.run(
        ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", open_program, "check", str(other.pid),
         "--json"],
        cwd="/", stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert done.returncode == 3
    _, found = items(done)
    for name in ("CAP_BPF", "CAP_PERFMON"):
        assert found[name]["state"] == "missing" and "sudo" in found[name]["remedy"]
    assert found["type information (BTF)"]["state"] == "ok", "that anybody can see"
    assert found[str(other.pid)]["state"] == "unknown" and "sudo" in found[str(other.pid)]["remedy"]


def test_one_missing_capability(tmp_path):
    drop = "-perfmon,-sys_admin"
    done = subprocess.run(
        ["setpriv", f"--bounding-set={drop}", f"--inh-caps={drop}", PROGRAM, "check", "--json"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert done.returncode == 3
    _, found = items(done)
    assert found["CAP_PERFMON"]["state"] == "missing" and found["CAP_BPF"]["state"] == "ok"


def test_in_a_pid_namespace(tmp_path):
    """Our pids are not the kernel side's there."""
    argv = ["unshare", "--pid", "--fork", "--mount-proc", PROGRAM, "check", "--json"]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if "unshare:" in done.stderr:
        pytest.skip("no PID namespaces here: " + done.stderr.strip())
    _, found = items(done)
    assert done.returncode == 3 and "--pid=host" in found["PID namespace"]["remedy"]
    argv[-2:] = ["record", "-d", "1", "-o", "out.svg", "--", "true"]
    done = subprocess.run(argv, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    assert done.returncode == 3 and "--pid=host" in done.stderr, "said, rather than nothing found"


# ---- targets -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("python", interpreters.ALL)
def test_every_interpreter(python, sleeper, pybpfprof):
    """Running, by its pid, and its program by its path."""
    process = sleeper(python.path)
    expected = 0 if python in interpreters.SUPPORTED else 5
    done = pybpfprof("check", process.pid, "--json")
    assert done.returncode == expected, done.stdout
    document, _ = items(done)
    (one,) = document["pythons"]
    assert one["python"] == python.version and one["walkable"] == (expected == 0)
    if one["walkable"]:
        assert "why_not" not in one
    else:
        assert python.version in one["why_not"] and one["remedy"]
    # a wrapper script leads into another root, where its files are not ours
    if os.path.realpath(f"/proc/{process.pid}/exe") == os.path.realpath(python.path):
        program, _ = items(pybpfprof("check", python.path, "--json"))
        assert [found["python"] for found in program["pythons"]] == [python.version]


def test_what_is_not_python(pybpfprof):
    other = subprocess.Popen(["sleep", "600"])
    try:
        done = pybpfprof("check", other.pid)
        assert done.returncode == 5 and f"{other.pid}: no Python in it" in done.stdout
        assert pybpfprof("check", "/bin/sleep").returncode == 5
    finally:
        other.kill()
        other.wait()


def test_children_are_hinted_at(pybpfprof, python):
    """A shell whose child is Python."""
    shell = subprocess.Popen(
        ["sh", "-c", f"{python.path} -c 'import time; print(1, flush=True); time.sleep(600)'; true"],
        stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        assert shell.stdout.readline() == b"1\n"
        done = pybpfprof("check", "--pid", shell.pid)
        assert done.returncode == 5 and "--subprocesses" in done.stdout
        done = pybpfprof("check", "--pid", shell.pid, "--subprocesses")
        assert done.returncode == 0 and f"Python {python.version}" in done.stdout
    finally:
        os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()
        shell.stdout.close()


def test_a_cgroup(cgroup, sleeper, python, pybpfprof):
    done = pybpfprof("check", cgroup.path)
    assert done.returncode == 5 and "no Python runs there now" in done.stdout
    process = sleeper(python.path)
    cgroup.add(process.pid)
    done = pybpfprof("check", cgroup.path.name, "--json")
    assert done.returncode == 0, done.stdout
    document, _ = items(done)
    assert [one["pid"] for one in document["pythons"]] == [process.pid]
    assert document["pythons"][0]["cgroup"].endswith(cgroup.path.name)


def test_a_threaded_cgroup(cgroup, sleeper, python, pybpfprof):
    """Such a group does not tell its processes, only its threads."""
    process = sleeper(python.path)
    cgroup.add(process.pid)
    threaded = cgroup.path / "threaded"
    threaded.mkdir()
    try:
        (threaded / "cgroup.type").write_text("threaded")
        (threaded / "cgroup.threads").write_text(str(process.pid))
        document, _ = items(pybpfprof("check", threaded, "--json"))
        assert [one["pid"] for one in document["pythons"]] == [process.pid]
        (cgroup.path / "cgroup.threads").write_text(str(process.pid))
    finally:
        threaded.rmdir()


def test_a_deleted_interpreter(sleeper, tmp_path, pybpfprof):
    """As after an upgrade: it is read from what is mapped."""
    programs = [one for one in interpreters.MATRIX if not one.shared]
    # not a script that starts one elsewhere
    python = next(one for one in programs if pathlib.Path(one.path).read_bytes()[:4] == b"\x7fELF")
    copy = shutil.copy(python.path, tmp_path / "interpreter")
    home = subprocess.run([python.path, "-c", "import sys; print(sys.prefix)"], stdout=subprocess.PIPE, text=True)
    process = sleeper(copy, env={**os.environ, "PYTHONHOME": home.stdout.strip()})
    os.unlink(copy)
    done = pybpfprof("check", process.pid, "--json")
    assert done.returncode == 0, done.stdout
    document, found = items(done)
    assert document["pythons"][0]["replaced"] is True
    assert document["pythons"][0]["interpreter"] == str(copy)
    assert "replaced" in found[str(process.pid)]["text"]


def test_hostile_command_lines(sleeper, pybpfprof):
    process = sleeper(sys.executable, "\x1b[31m\nforged line")
    text = pybpfprof("check", process.pid).stdout
    assert "\x1b" not in text and "\nforged" not in text and "\\x1b[31m" in text
    items(pybpfprof("check", process.pid, "--json"))


def test_a_script_leads_to_its_interpreter(tmp_path, python, pybpfprof):
    script = tmp_path / "app"
    script.write_text(f"#!{python.path}\nprint(1)\n")
    script.chmod(0o755)
    document, _ = items(pybpfprof("check", script, "--json"))
    assert [one["python"] for one in document["pythons"]] == [python.version]


@pytest.mark.parametrize("target", ["no-such-thing", "--cgroup=no-such-thing", "--pid=4194303"])
def test_no_such_target(target, pybpfprof):
    done = pybpfprof("check", target)
    assert done.returncode == 5 and target.split("=")[-1] in done.stdout


MAPS = """
import mmap, sys, time
kept = []
for path in sys.argv[1:]:
    with open(path, "rb") as f:
        kept.append(mmap.mmap(f.fileno(), 4096, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_EXEC))
print(flush=True)
time.sleep(60)
"""


def test_compiled_modules(pybpfprof, tmp_path):
    """What a compiler made of Python code is named by what the compiler leaves in it."""
    files = {
        "one.cpython-312-x86_64-linux-gnu.so": bytes(5000) + b"\0cython_runtime\0" + bytes(5000),
        # where one piece of what is read ends and the next begins
        "two.so": bytes((1 << 20) - 7) + b"cython_function_or_method\0",
        "three.so": bytes(2 << 20) + b"mypyc_interned_str",
        "program": bytes(5000) + b"__nuitka_version__",
        "other.so": bytes(5000) + b"cython",
        "libmypyc.so": bytes(5000) + b"mypyc",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    process = subprocess.Popen(
        [sys.executable, "-c", MAPS, *(tmp_path / name for name in files)], stdout=subprocess.PIPE
    )
    process.stdout.readline()
    text = pybpfprof("check", "--pid", process.pid).stdout
    process.kill()
    process.communicate()
    said = [line.split(f"{process.pid}: ", 1)[1] for line in text.splitlines() if "compiled by" in line]
    assert len(said) == 3, text
    assert said[0].startswith("2 of its modules were compiled by Cython (") and "no Python frames" in said[0]
    assert said[1].startswith("1 of its modules was compiled by mypyc (three.so): ") and "no Python frames" in said[1]
    assert said[2].startswith("1 of its modules was compiled by Nuitka (program): ")
