"""What was ignored or blocked when we were started: nohup, a script's background, a supervisor with signals of its own."""

import signal
import subprocess

import pytest

from conftest import PROGRAM, let_work

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
