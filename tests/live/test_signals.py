# SPDX-License-Identifier: MIT
"""What was ignored or blocked when we were started: nohup, a script's background, a supervisor with signals of its own."""

import contextlib
import json
import os
import pty
import select
import shlex
import signal
import subprocess
import sys
import time

import pytest

from conftest import PATIENCE, PROGRAM, children_of, let_work, wait_sampling, wait_until

FACTS = ["grep", "-E", "^Sig(Blk|Ign):", "/proc/self/status"]


def ignoring(*numbers):
    def before_exec():
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)

    return before_exec


@pytest.fixture
def busy(spawn, python):
    return spawn(python, "busy.py", 0).go()


@pytest.mark.parametrize("args", [["-d", 60], ["--rotate", "30s", "-f", "json"]])
def test_nohup(busy, recorder, args):
    """Logging out does not end it; what is meant for it does."""
    recording = recorder("-p", busy.pid, *args, preexec_fn=ignoring(signal.SIGHUP), output="rec.json")
    for _ in range(3):
        let_work(busy, 0.2)
        recording.send(signal.SIGHUP)
    let_work(busy, 0.3)
    assert recording.process.poll() is None
    recording.stop(signal.SIGTERM)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_background_of_a_script(busy, recorder, number):
    """There SIGINT is ignored from birth; but it is how a script ends its recording."""
    recording = recorder("-p", busy.pid, "-d", 60, preexec_fn=ignoring(signal.SIGINT))
    let_work(busy, 0.3)
    recording.stop(number)
    assert recording.json()["sample_count"]


def with_signals():
    ignoring(signal.SIGHUP, signal.SIGINT, signal.SIGXFSZ)()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, {signal.SIGUSR2, signal.SIGCHLD})


def without_signals():
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)


@pytest.mark.parametrize("before", [with_signals, without_signals, ignoring(signal.SIGPIPE)],
                         ids=["some", "none", "pipe"])  # fmt: skip
@pytest.mark.parametrize("command", [["record", "-o", "out.json"], ["top", "--plain"]])
def test_a_command_has_what_it_would_have_without_us(before, command, tmp_path):
    alone = subprocess.run(FACTS, preexec_fn=before, restore_signals=False, stdout=subprocess.PIPE, check=True)
    ours = subprocess.run(
        [PROGRAM, *command, "--", "/bin/sh", "-c", 'exec "$@" >&2', "sh", *FACTS],
        preexec_fn=before,
        restore_signals=False,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    told = [line for line in ours.stderr.splitlines() if line.startswith(b"Sig")]
    assert told == alone.stdout.splitlines(), ours.stderr


# ---- a terminal that goes away ---------------------------------------------------------------------------


class Terminal:
    """A shell in a terminal of its own; close() is what a lost connection does."""

    def __init__(self, script, folder):
        self.shell, self.master = pty.fork()
        if not self.shell:
            os.chdir(folder)
            os.execvp("bash", ["bash", "-c", script])
        self.said = b""

    def wait_for(self, text):
        def came():
            if select.select([self.master], [], [], 0.01)[0]:
                self.said += os.read(self.master, 65536)
            return text in self.said

        wait_until(came, f"{text} in the terminal")

    def close(self):
        if self.master >= 0:
            os.close(self.master)
        self.master = -1


@pytest.fixture
def terminal(tmp_path):
    opened = []

    def start(script, *args):
        opened.append(Terminal(script.format(record=shlex.join(map(str, [PROGRAM, "record", *args]))), tmp_path))
        return opened[-1]

    yield start
    for one in opened:
        one.close()
        for pid in (one.shell, *children_of(one.shell)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(one.shell, 0)


@pytest.mark.parametrize(
    "script, goes_on",
    [
        ("exec nohup {record}", True),  # its messages go to nohup.out
        ("trap '' HUP; exec {record}", True),  # they go to the terminal that is dead: EIO
        ("stty tostop; set -m; trap '' HUP; {record} & wait $!; sleep 60", True),  # SIGTTOU
        ("exec {record}", False),
    ],
    ids=["nohup", "ignored", "background", "plain"],
)
def test_the_terminal_is_closed(script, goes_on, busy, terminal, tmp_path):
    """Under nohup it goes on to its end, whatever becomes of its messages; else that is when the files are written."""
    it = terminal(script, "-p", busy.pid, "-d", 4 if goes_on else 60, "-o", "out.json", "-o", "out.svg")
    wait_sampling(it.shell)
    let_work(busy, 0.3)
    it.close()
    wait_until(lambda: (tmp_path / "out.svg").exists() and not list(tmp_path.glob("*.pybpf")), "the outputs")
    profile = json.loads((tmp_path / "out.json").read_text())
    assert profile["complete"] and profile["sample_count"]
    assert profile["duration"] > 3.9 if goes_on else profile["duration"] < 59


def test_a_terminal_that_stops_what_writes_to_it_from_the_background(busy, terminal, tmp_path):
    it = terminal("stty tostop; set -m; {record} & wait $!; echo status $?; sleep 60", "-p", busy.pid, "-d", 1, "-o", "out.json")
    it.wait_for(b"status 0")
    assert b"samples" in it.said
    assert json.loads((tmp_path / "out.json").read_text())["sample_count"]


def test_a_reader_of_its_messages_that_goes_away(busy, tmp_path):
    script = f"{PROGRAM} record -p {busy.pid} -d 1 -v -o out.json 2>&1 | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, stdout=subprocess.DEVNULL)
    assert done.returncode == 0
    assert json.loads((tmp_path / "out.json").read_text())["complete"]


# ---- before anything is sampled ----------------------------------------------------------------------------

MANY = 300
FORKS = f"""
import os, sys, time
for _ in range({MANY}):
    if not os.fork():
        time.sleep(600)
        os._exit(0)
print("ready", flush=True)
sys.stdin.read()
os.killpg(0, 9)
"""
SLOW = "import time, sys; sys.stdout.write('no\\n'); time.sleep(60)"


@pytest.fixture(scope="module")
def many():
    parent = subprocess.Popen([sys.executable, "-c", FORKS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    assert parent.stdout.readline() == b"ready\n"
    yield parent.pid
    parent.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "args",
    [
        ["record", "--all", "-o", "out.svg"],
        ["top", "--all", "--plain"],
        ["dump", "--subprocesses", "--pid"],
        ["check", "--all"],
        ["record", "-o", "out.svg", "--", sys.executable, "-c", SLOW],
    ],
    ids=["record", "top", "dump", "check", "command"],
)
def test_it_ends_at_once_while_it_starts(args, number, many, tmp_path):
    """With hundreds of processes to look at, while BPF is loaded, while a command is held: and nothing is left behind."""
    if args[-1] == "--pid":
        args = [*args, str(many)]
    statuses = []
    for pause in (0.02, 0.05, 0.08, 0.12, 0.17, 0.25, 0.4, 0.6):
        process = subprocess.Popen([PROGRAM, *args], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        time.sleep(pause)
        below = children_of(process.pid)
        sent = time.monotonic()
        process.send_signal(number)
        said = process.communicate(timeout=PATIENCE)[1]
        took = time.monotonic() - sent
        assert took < 1, (pause, took, said)
        # 1: a Python that is interrupted while it starts
        assert process.returncode in (-number, 128 + number, 0, 5, 6) or (process.returncode == 1 and "KeyboardInterrupt" in said), said
        statuses.append(process.returncode)
        if process.returncode == -number:
            assert not os.listdir(tmp_path), said
        wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in below), "its children to be gone", 5)
        for name in os.listdir(tmp_path):
            os.unlink(tmp_path / name)
    assert -number in statuses, "it should not have waited until it had started"
