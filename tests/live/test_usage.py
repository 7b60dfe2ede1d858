# SPDX-License-Identifier: MIT
"""Help and usage errors of every command: what a newcomer reads first, and what is said when a command line is wrong."""

import os
import re
import shutil
import subprocess
import tempfile

import pytest

from conftest import PROGRAM

pytestmark = pytest.mark.offline

COMMANDS = ["record", "top", "dump", "report", "flamegraph", "convert", "diff", "push", "check", "health", "completions"]
TARGETS = ["record", "top", "dump"]
READERS = [["report"], ["flamegraph"], ["convert", "-o", "out.html"], ["top", "--once", "--input"], ["diff", "rec.pybpf"]]
ERROR = "pybpfprof: error: "


def refused(done, status, answer):
    """With one line, that begins like every error, says `answer` and tells no other program to be tried."""
    assert done.returncode == status, (done.args, done.stderr)
    assert done.stderr.startswith(ERROR) and done.stderr.count("\n") == 1, done.stderr
    assert answer in done.stderr, done.stderr
    assert not done.stdout


# ---- help --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)], ids=lambda words: "".join(words) or "none")
def test_help_begins_with_two_examples(command, pybpfprof):
    done = pybpfprof(*command, "--help")
    assert done.returncode == 0 and not done.stderr
    head, _, rest = done.stdout.partition("\nUsage: pybpfprof ")
    examples = re.findall(r"^  # \S.*\n  (?:sudo |source <\()?(pybpfprof .*)$", head, re.M)
    assert len(examples) >= 2 and rest
    assert all(example.startswith(" ".join(["pybpfprof", *command])) for example in examples)
    assert len(head.splitlines()) <= 16, "they are seen without scrolling"
    too_wide = [line for line in done.stdout.splitlines() if len(line) > 80 and not line.startswith("  sudo")]
    assert not too_wide
    assert "Mandatory" not in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_are_right(command, pybpfprof):
    """Each of them is understood, up to what is not there."""
    said = pybpfprof(command, "--help").stdout.partition("\nUsage:")[0]
    for line in re.findall(r"^  (?:sudo )?(pybpfprof .*)$", said, re.M):
        words = ["--help" if word == "--" else word for word in shell_words(line.split(" | ")[0])[1:]]
        assert pybpfprof(*words, *[] if "--help" in words else ["--help"]).returncode == 0, line


def shell_words(line):
    return subprocess.run(["bash", "-c", f'printf "%s\\n" {line}'], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "completions"])
def test_how_much_is_said(command, pybpfprof):
    """-q and -v are options of all."""
    said = pybpfprof(command, "--help").stdout
    assert "-q, --quiet" in said and "-v, --verbose" in said


@pytest.mark.parametrize("command", ["report", "diff", "dump", "check"])
def test_json_has_a_letter(command, pybpfprof):
    assert "-j, --json" in pybpfprof(command, "--help").stdout


# ---- what is wrong with the words ----------------------------------------------------------------------------


@pytest.mark.parametrize("command", [*COMMANDS, "man"])
def test_an_unknown_option(command, pybpfprof):
    refused(pybpfprof(command, "--nonsense"), 2, f"`pybpfprof {command} --help`")
    refused(pybpfprof(command, "--nonsense=1"), 2, "there is no option --nonsense;")
    refused(pybpfprof(command, "-Z"), 2, "there is no option -Z;")
    refused(pybpfprof(command, "--help=1"), 2, "--help takes no value")


@pytest.mark.parametrize("typed, meant", [("--pdi", "--pid"), ("--durration=3", "--duration"), ("--subproceses", "--subprocesses"),
                                          ("--contaner", "--container"), ("--ouput", "--output")])  # fmt: skip
def test_a_mistyped_option(typed, meant, pybpfprof):
    refused(pybpfprof("record", typed), 2, f"did you mean {meant}?")


@pytest.mark.parametrize(
    "args, answer",
    [
        (["record", "-p"], "-p PID"),
        (["record", "--pid"], "--pid PID"),
        (["record", "-d"], "-d TIME"),
        (["record", "--output"], "--output FILE"),
        (["top", "--sort"], "--sort own-now|"),
        (["diff", "--fail-if"], "--fail-if THRESHOLD"),
        (["report", "x", "--callers"], "--callers NAME"),
        (["record", "--con"], "ambiguous"),
    ],
)
def test_a_value_that_is_missing(args, answer, pybpfprof):
    refused(pybpfprof(*args), 2, answer)


@pytest.mark.parametrize(
    "args, answer",
    [
        (["-d", "soon"], "10s, 5m"),
        (["-d", "5x"], "10s, 5m"),
        (["-d", ""], "10s, 5m"),
        (["-r", "fast"], "1khz"),
        (["-r", "1ghz"], "1khz"),
        (["-p", "12x"], "like 42 or 42,43"),
        (["-p", ""], "like 42 or 42,43"),
        (["-p", "0"], "no process id"),
        (["-p", "99999999"], "no process id is that large"),
        (["--max-frames", "many"], "whole number"),
        (["--max-loss", "200"], "from 0 to 100"),
        (["--rotate", "often"], "a size like 10MB"),
        (["--type", "cpus"], "did you mean cpu?"),
        (["--layout", "flat"], "known are flame and icicle"),
    ],
)
def test_a_value_that_is_wrong(args, answer, pybpfprof):
    refused(pybpfprof("record", "-p", os.getpid(), *args), 2, answer)


@pytest.mark.parametrize("command", TARGETS)
def test_no_target(command, pybpfprof):
    refused(pybpfprof(command), 2, "--pid PID")


@pytest.mark.parametrize("args", READERS[:3], ids=lambda args: args[0])
def test_no_input(args, pybpfprof):
    refused(pybpfprof(*args), 2, "rec.pybpf")


def test_nothing_to_do(pybpfprof):
    refused(pybpfprof("diff", "a.pybpf"), 2, "before and after")
    refused(pybpfprof("convert", "a.pybpf"), 2, "-o out.svg")
    refused(pybpfprof("completions"), 2, "bash, zsh or fish")
    refused(pybpfprof("man", "x"), 2, "too many words")


@pytest.mark.parametrize(
    "args, answer",
    [
        (["recrod"], "did you mean record?"),
        (["dupm", "42"], "did you mean dump?"),
        (["flamegrpah"], "did you mean flamegraph?"),
        (["re"], "record and report"),
        (["xyzzy"], "known are record, top, dump"),
        ([""], "known are record, top, dump"),
        (["help", "recrod"], "did you mean record?"),
        (["app.py"], "`pybpfprof record -- python3 app.py`"),
        (["python3", "app.py"], "`pybpfprof record -- python3 …`"),
        (["p.pybpf"], "`pybpfprof report p.pybpf`"),
    ],
)
def test_an_unknown_command(args, answer, pybpfprof, tmp_path):
    (tmp_path / "p.pybpf").write_text("")
    refused(pybpfprof(*args), 2, answer)


# ---- what is not there -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [["record", "-o", "out.svg"], ["top", "--once"], ["dump"]], ids=TARGETS)
def test_a_process_or_container_that_is_not_there(command, pybpfprof):
    gone = subprocess.Popen(["true"])
    gone.wait()
    refused(pybpfprof(*command, "--pid", gone.pid), 5, f"no process {gone.pid}")
    refused(pybpfprof(*command, "--container", "no-such-container"), 5, "'no-such-container'")
    if command != ["dump"]:
        refused(pybpfprof(*command, "--cgroup", "no-such-group"), 5, "'no-such-group'")


@pytest.mark.parametrize("args", READERS, ids=lambda args: args[0])
def test_an_input_that_cannot_be_read(args, pybpfprof, tmp_path):
    status = 2 if args[0] == "diff" else 1
    (tmp_path / "rec.pybpf").write_text("nonsense")
    refused(pybpfprof(*args, "no-such.pybpf"), status, "rec.pybpf" if status == 2 else "no-such.pybpf: cannot be read: No such file")
    refused(pybpfprof(*args, "rec.pybpf"), status, "rec.pybpf: not a profile this program can read")
    refused(pybpfprof(*args, "."), status, "rec.pybpf" if status == 2 else "directory")


@pytest.mark.parametrize("command", [["record", "-p", os.getpid(), "-d", "1"], ["convert", "p.json"], ["flamegraph", "p.json"],
                                     ["diff", "p.json", "p.json"]], ids=lambda args: args[0])  # fmt: skip
def test_outputs_that_cannot_be(command, pybpfprof, tmp_path):
    (tmp_path / "p.json").write_text('{"process_name": "app", "samples": [], "functions": {}}')
    (tmp_path / "folder.svg").mkdir()
    before = set(os.listdir(tmp_path))
    trouble = 2 if command[0] == "diff" else 1
    refused(pybpfprof(*command, "-o", "no/such/out.svg"), trouble, "`mkdir -p no/such` makes it")
    refused(pybpfprof(*command, "-o", "folder.svg"), trouble, "is a directory")
    refused(pybpfprof(*command, "-o", "out.xyz"), 2, ".svg")
    assert set(os.listdir(tmp_path)) == before


@pytest.mark.parametrize("args", [["record", "-d", "1"], ["top", "--once"], ["dump"]], ids=TARGETS)
def test_an_ordinary_user(args):
    """One line with what to type, and for whom it cannot be typed, what it lacks."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        program = shutil.copy(PROGRAM, folder)
        done = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program, *args, "-p", str(os.getpid())],
            stderr=subprocess.PIPE, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, cwd=folder,
        )  # fmt: skip
    assert done.returncode == 3, done.stderr
    lines = [line for line in done.stderr.splitlines() if "inside a container" not in line]
    assert len(lines) == 1 and lines[0].startswith(ERROR) and "run it with sudo" in lines[0]
    assert ("CAP_SYS_PTRACE" if args == ["dump"] else "CAP_BPF") in lines[0]
