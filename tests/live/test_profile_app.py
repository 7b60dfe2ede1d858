# SPDX-License-Identifier: MIT
"""scripts/profile_app.sh: an application's CPU and memory in one go, whatever way it ends; and what follows its memory
inside every Python."""

import fcntl
import json
import marshal
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile
import termios
import xml.etree.ElementTree

import pytest

import interpreters
from conftest import PATIENCE, PROGRAM, ROOT, WORKLOADS, wait_until

pytestmark = pytest.mark.offline

SCRIPT = ROOT / "scripts/profile_app.sh"
SITE = ROOT / "scripts/profile_app"
NOBODY = 65534


def start(folder, *args, **env):
    return subprocess.Popen(
        [str(word) for word in (SCRIPT, *args)], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "PYBPFPROF": str(PROGRAM), **env},
    )  # fmt: skip


def finish(process):
    try:
        process.out, process.err = process.communicate(timeout=2 * PATIENCE)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    return process


def functions(folder, suffix="json"):
    document = json.loads((folder / f"app_profile.{suffix}").read_text())
    return {name.rsplit(".", 1)[-1] for sample in document["samples"] for name in sample["stack"]}


def assert_readable(folder):
    """Every file by its reader."""
    assert xml.etree.ElementTree.parse(folder / "app_profile.svg").getroot().tag.endswith("svg")
    assert marshal.loads((folder / "app_profile.prof").read_bytes())
    assert "<html" in (folder / "app_profile.html").read_text()[:500].lower()
    assert json.loads((folder / "app_profile.json").read_text())["complete"] is True
    report = subprocess.run([PROGRAM, "report", folder / "app_profile.pybpf"], stdout=subprocess.PIPE)
    assert report.returncode == 0


def has_ended(pid):
    """Nobody may be there to reap it."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


BUSY = """
import sys, time
def burn():
    end = time.process_time() + 0.5
    while time.process_time() < end:
        sum(range(1000))
print(sys.argv[1:])
burn()
sys.exit(3)
"""


# ---- CPU -----------------------------------------------------------------------------------------------------


def test_an_app_that_ends_early_and_fails(python, tmp_path):
    """Its status, its output and its arguments are its own; all files are there."""
    (tmp_path / "app.py").write_text(BUSY)
    done = finish(start(tmp_path, "60", python.path, "app.py", "a b", "", "$(c) 'd'", PROFILE_OPTIONS="--rate 499"))
    assert done.returncode == 3, done.err
    assert done.out == "['a b', '', \"$(c) 'd'\"]\n"
    assert "burn" in functions(tmp_path)
    assert_readable(tmp_path)
    document = json.loads((tmp_path / "app_profile.json").read_text())
    assert document["target"] == os.path.basename(python.path), "not what started it for us"
    for suffix in ("svg", "html", "prof", "json", "pybpf"):
        assert f"app_profile.{suffix}" in done.err


def test_time_over(python, tmp_path):
    """The application gets SIGTERM and may end in an orderly way; children that it leaves behind go too."""
    (tmp_path / "app.py").write_text(
        "import os, signal, subprocess, sys, time\n"
        "def bye(*_):\n"
        "    open('bye', 'w').close()\n"
        "    os._exit(9)\n"
        "def burn():\n"
        "    while True: sum(range(1000))\n"
        "if sys.argv[1:]: burn()\n"
        "signal.signal(signal.SIGTERM, bye)\n"
        "child = subprocess.Popen([sys.executable, __file__, 'child'])\n"
        "print(child.pid, flush=True)\n"
        "burn()\n"
    )
    for seconds in ("1.5", "20"):  # the second only where a busy machine takes so long to start it
        done = finish(start(tmp_path, seconds, python.path, "app.py"))
        sampled = {one["pid"] for one in json.loads((tmp_path / "app_profile.json").read_text())["processes"]}
        if done.out.strip() and len(sampled) >= 2:
            break
    assert done.returncode == 0, done.err
    assert (tmp_path / "bye").exists()
    wait_until(lambda: has_ended(done.out.strip()), "the child to be gone")
    assert_readable(tmp_path)
    assert len(sampled) >= 2, "its child was recorded too"


def test_one_that_runs_already(spawn, python, cgroup, tmp_path):
    busy = spawn(python, "busy.py", 0, cgroup=cgroup).go()
    done = finish(start(tmp_path, "1", busy.pid, PROFILING="1", PROFILE_OPTIONS="--rate 499"))
    assert done.returncode == 0, done.err
    assert "memory can be followed only from the start" in done.err
    assert "inner" in functions(tmp_path)
    assert busy.process.poll() is None, "it goes on"
    assert not list(tmp_path.glob("*memory*"))


def test_ctrl_c(python, tmp_path):
    """At a terminal, where it goes to all of them: both end, the files are written, the status is the application's."""
    (tmp_path / "app.py").write_text(
        "try:\n"
        "    print('up', flush=True)\n"
        "    while True: sum(range(1000))\n"
        "except KeyboardInterrupt:\n"
        "    raise SystemExit(7)\n"
    )
    ours, theirs = pty.openpty()

    def own_terminal():
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        [SCRIPT, "60", python.path, "app.py"], cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs,
        preexec_fn=own_terminal, env={**os.environ, "PYBPFPROF": str(PROGRAM)},
    )  # fmt: skip
    os.close(theirs)
    said = b""
    try:
        while b"up" not in said:  # the terminal may put the recorder's line before its end of line
            assert select.select([ours], [], [], PATIENCE)[0], said
            said += os.read(ours, 65536)
        os.write(ours, b"\x03")
        while select.select([ours], [], [], PATIENCE)[0]:
            said += os.read(ours, 65536)
    except OSError:  # the other end is closed
        pass
    finally:
        os.close(ours)
        if process.poll() is None and b"app_profile.pybpf" not in said:
            process.kill()
    assert process.wait(PATIENCE) == 7, said.decode(errors="replace")
    assert (tmp_path / "app_profile.pybpf").exists()


def test_sigterm_to_the_script(python, tmp_path):
    (tmp_path / "app.py").write_text("print('up', flush=True)\nwhile True: sum(range(1000))\n")
    process = start(tmp_path, "60", python.path, "app.py")
    assert process.stdout.readline() == "up\n"
    process.terminate()
    finish(process)
    assert process.returncode == 128 + signal.SIGTERM, process.err
    assert (tmp_path / "app_profile.pybpf").exists()


@pytest.mark.parametrize("args, status", [((), 2), (("soon", "true"), 2), (("1", "no-such-program"), 127), (("--help",), 0)])
def test_usage(args, status, tmp_path):
    done = finish(start(tmp_path, *args))
    assert done.returncode == status
    assert "SECONDS" in done.out + done.err or "no such program" in done.err or "how many" in done.err
    assert not list(tmp_path.iterdir())


def test_choosing_an_application(tmp_path):
    """With a program that tells of processes of our choice."""
    sleepers = [subprocess.Popen(["sleep", "600"]) for _ in range(2)]
    fake = tmp_path / "fake"
    try:
        for listed in ([], sleepers[:1], sleepers):
            lines = "".join(f"{one.pid}\\tpython3 app{one.pid}.py\\n" for one in listed)
            # the parent of all is listed too, and must not be taken: it started us
            fake.write_text(
                f"#!/bin/sh\ncase $*\nin *pids) printf '{os.getpid()}\\tpytest\\n{lines}' ;;\n"
                f'*formats) printf "svg\\t\\n" ;;\n*) echo "$@" >{tmp_path}/asked ;;\nesac\n'
            )
            fake.chmod(0o755)
            done = finish(start(tmp_path, "1", PYBPFPROF=str(fake)))
            assert done.returncode == {0: 5, 1: 0, 2: 2}[len(listed)], done.err
            for one in listed:
                assert f"app{one.pid}.py" in done.err
        asked = (tmp_path / "asked").read_text()
        assert f"--pid {sleepers[0].pid}" in asked and "html" not in asked, "only formats that there are"
    finally:
        for one in sleepers:
            one.kill()
            one.wait()


def test_under_sudo(python):
    """The application runs as, and all files belong to, the user who asked."""
    if not shutil.which("sudo"):
        pytest.skip("no sudo")
    user = subprocess.run(["id", "-nu", str(NOBODY)], stdout=subprocess.PIPE, text=True).stdout.strip()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pybpfprof-user-"))
    rule = pathlib.Path(f"/etc/sudoers.d/pybpfprof-profile-app-{os.getpid()}")
    try:
        shutil.copytree(ROOT / "scripts", folder / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
        program = shutil.copy(PROGRAM, folder)
        (folder / "app.py").write_text(
            "import os, time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: sum(range(1000))\n"
            "print(os.getuid(), flush=True)\n"
        )
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        folder.chmod(0o755)
        rule.write_text(f"{user} ALL=(ALL) NOPASSWD: ALL\nDefaults:{user} !requiretty\n")
        rule.chmod(0o440)
        interpreter = next((i.path for i in interpreters.MATRIX if i.path.startswith("/usr")), python.path)
        done = subprocess.run(
            ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", folder / "scripts/profile_app.sh", "60",
             interpreter, "app.py"],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYBPFPROF": program, "PROFILING": "1"},
        )  # fmt: skip
        if "sudo:" in done.stderr:
            pytest.skip("sudo does not work here: " + done.stderr.strip())
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == str(NOBODY)
        made = [path for path in folder.iterdir() if path.name.startswith("app_")]
        assert {"app_profile.svg", "app_profile.pybpf", "app_memory_final.txt"} <= {path.name for path in made}
        assert {path.stat().st_uid for path in made} == {NOBODY}
    finally:
        rule.unlink(missing_ok=True)
        shutil.rmtree(folder)


# ---- memory --------------------------------------------------------------------------------------------------


def test_memory_in_one_go(python, tmp_path):
    """Snapshots while it runs; a final report when the time is over; its children's beside them."""
    (tmp_path / "app.py").write_text(
        "import os, time\n"
        "kept = []\n"
        "def grow():\n"
        "    kept.append(['x' * 100 + str(len(kept))])\n"
        "if os.fork() == 0:\n"
        "    kept[:] = [[str(n)] for n in range(5000)]\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "end = time.monotonic() + 60\n"
        "while time.monotonic() < end:\n"
        "    grow()\n"
        "    if len(kept) > 30000:\n"
        "        work = [[n] for n in range(2000)]  # for the collector: snapshots are made when it has run\n"
        "        time.sleep(0.01)\n"
    )
    snapshot = tmp_path / "app_memory_snapshot.txt"
    for seconds in ("2.5", "30"):  # the second only where a busy machine takes so long to start it
        for stale in tmp_path.glob("app_memory*"):
            stale.unlink()
        process = start(tmp_path, seconds, python.path, "-W", "ignore", "app.py", PROFILING="1", PYBPFPROF_MEMORY_EVERY="0.5")
        wait_until(lambda: snapshot.exists() or process.poll() is not None, "a snapshot")
        early = process.poll() is None and not (tmp_path / "app_memory_final.txt").exists()
        finish(process)
        if early:
            break
    assert early, "it is there while the program runs"
    assert process.returncode == 0, process.err
    final = (tmp_path / "app_memory_final.txt").read_text()
    assert re.search(r"By line\n(.*\n)+?.*app\.py:4  kept\.append", final), "with its source"
    assert "How the largest came about" in final and f"Python {python.version.rstrip('t')}" in final
    assert len(list(tmp_path.glob("app_memory_final.*[0-9].txt"))) == 1, "the child's"
    assert "grow" in functions(tmp_path)


def run_followed(python, folder, how, follow=True, chain=None):
    """ends.py with or without tracemalloc; its status, output and errors, and the files it left."""
    script = WORKLOADS / "ends.py"
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    paths = [str(SITE)] if follow else []
    if chain:
        paths.append(str(chain))
    if paths:
        env["PYTHONPATH"] = ":".join(paths)
    env.update(PYTHONDONTWRITEBYTECODE="1")
    if follow:
        env.update(PYBPFPROF_MEMORY_NAME=str(folder / "app_memory"), PYBPFPROF_MEMORY_CLAIM=str(folder / "claim"))
    process = subprocess.Popen(
        [python.path, "-W", "default", str(script), how, "a b"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=env,
    )  # fmt: skip
    first = ""
    if how in ("sigterm", "handler"):
        while "ready" not in first:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            first += line
        process.terminate()
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, first + out, err


@pytest.mark.parametrize("python", interpreters.ALL)
def test_unnoticed_in_every_python(python, tmp_path):
    """Every way to end: what the program prints and returns is the same with and without; the reports are there."""
    ways = ["fork", "sigterm"]
    if python.minor == (3, 12):
        ways += ["return", "exception", "status", "_exit", "handler"]
    for how in ways:
        folder = tmp_path / how
        folder.mkdir()
        plain = run_followed(python, folder, how, follow=False)
        followed = run_followed(python, folder, how)
        assert followed == plain, how
        names = {path.name for path in folder.iterdir()}
        assert {"app_memory_final.txt", "app_memory_snapshot.txt"} <= names, (how, names)
        text = (folder / "app_memory_final.txt").read_text()
        assert re.search(r"By line\n(.*\n){1,5}.*ends\.py:\d+  KEPT\.extend", text), text
        children = [name for name in names if re.match(r"app_memory_final\.\d+\.txt", name)]
        assert len(children) == (1 if how == "fork" else 0)
        assert not [name for name in names if name.startswith(".")], "nothing half written"


def test_the_next_sitecustomize_is_imported(python, tmp_path):
    chain = tmp_path / "chain"
    chain.mkdir()
    (chain / "sitecustomize.py").write_text("WORD = 'the next'\n")
    status, out, err = run_followed(python, tmp_path, "return", chain=chain)
    assert (status, err) == (0, "") and "sitecustomize the next\n" in out
    assert (tmp_path / "app_memory_final.txt").exists()


def test_a_folder_that_cannot_be_written(python, tmp_path):
    """No report, and no word about it in the program's output."""
    missing = tmp_path / "missing"
    plain = run_followed(python, missing, "return", follow=False)
    assert run_followed(python, missing, "return") == plain
