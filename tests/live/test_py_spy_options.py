# SPDX-License-Identifier: MIT
"""What people type who come from py-spy: each option of its 0.4 does here what it does there, or is answered by what does the job.

The lists are those of `py-spy record --help`, `top --help` and `dump --help`, hidden ones too.
"""

import os
import sys

import pytest

from conftest import WORKLOADS, Workload, let_work

RECORD = {
    "-p": "target", "--pid": "target", "-o": "file", "--output": "file", "-f": "flamegraph", "--format": "flamegraph",
    "-d": "1", "--duration": "1", "-r": "200", "--rate": "200", "-s": None, "--subprocesses": None, "-F": None,
    "--function": None, "--nolineno": None, "-t": None, "--threads": None, "-g": None, "--gil": None,
    "--nonblocking": None, "--full-filenames": None, "--hideprogress": None, "-n": None, "--native": None,
}  # fmt: skip
TOP = {
    "-p": "target", "--pid": "target", "-r": "200", "--rate": "200", "-s": None, "--subprocesses": None, "-g": None,
    "--gil": None, "--nonblocking": None, "--full-filenames": None, "--delay": "0.5", "-n": None, "--native": None,
}  # fmt: skip
DUMP = {
    "-p": "target", "--pid": "target", "-l": None, "-ll": None, "--locals": None, "-j": None, "--json": None, "-s": None,
    "--subprocesses": None, "--nonblocking": None, "--full-filenames": None, "-n": None, "--native": None,
}  # fmt: skip
ANSWERED = {
    "record": {"-i": "dump --pid", "--idle": "dump --pid",
               "--capture": "redirect"},
    "top": {"--idle": "dump --pid"},
    "dump": {"-c=x": "--pid", "--core=x": "--pid"},
}  # fmt: skip
FORMATS = {"flamegraph": b"<svg", "raw": b"outer", "speedscope": b"speedscope", "chrometrace": b"traceEvents"}


@pytest.fixture(scope="module")
def busy():
    workload = Workload([sys.executable, WORKLOADS / "busy.py", 0]).wait_ready().go()
    let_work(workload, 0.2)
    yield workload
    workload.kill()


def words(option, value, pid):
    values = {None: [], "target": [pid], "file": ["out.svg"]}
    return [option, *values.get(value, [value])]


@pytest.mark.parametrize("option", RECORD)
def test_record(option, busy, pybpfprof, tmp_path):
    typed = words(option, RECORD[option], busy.pid)
    target = [] if RECORD[option] == "target" else ["-p", busy.pid]
    output = [] if RECORD[option] == "file" else ["-o", "out.svg"]
    duration = [] if RECORD[option] == "1" else ["-d", "1"]
    done = pybpfprof("record", *typed, *target, *output, *duration)
    assert done.returncode == 0, done.stderr
    assert "outer" in (tmp_path / "out.svg").read_text()


@pytest.mark.parametrize("format", FORMATS)
def test_formats(format, busy, pybpfprof, tmp_path):
    """Their names, for a file whose own says nothing."""
    done = pybpfprof("record", "-p", busy.pid, "-d", "1", "-r", "499", "-f", format, "-o", "out")
    assert done.returncode == 0 and FORMATS[format] in (tmp_path / "out").read_bytes(), done.stderr


@pytest.mark.parametrize("format", FORMATS)
def test_formats_without_an_output(format, busy, pybpfprof, tmp_path):
    done = pybpfprof("record", "-p", busy.pid, "-d", "1", "-r", "499", "-f", format)
    assert done.returncode == 0
    assert any(FORMATS[format] in file.read_bytes() for file in tmp_path.iterdir() if file.suffix != ".pybpf"), done.stderr


@pytest.mark.parametrize("option", TOP)
def test_top(option, busy, pybpfprof):
    target = [] if TOP[option] == "target" else ["--pid", busy.pid]
    done = pybpfprof("top", "--once", *words(option, TOP[option], busy.pid), *target)
    assert done.returncode == 0 and "outer" in done.stdout, done.stderr


@pytest.mark.parametrize("option", DUMP)
def test_dump(option, busy, pybpfprof):
    target = [] if DUMP[option] == "target" else ["--pid", busy.pid]
    done = pybpfprof("dump", *words(option, DUMP[option], busy.pid), *target)
    assert done.returncode == 0 and "outer" in done.stdout, done.stderr


@pytest.mark.parametrize("command, option", [(command, option) for command in ANSWERED for option in ANSWERED[command]])
def test_those_that_are_not_ours(command, option, pybpfprof):
    """They are told what to do instead; nobody is recorded without what was asked for."""
    done = pybpfprof(command, *option.replace("-c=", "-c ").split(), "--pid", os.getpid())
    assert done.returncode == 2 and ANSWERED[command][option] in done.stderr and not done.stdout
    assert done.stderr.count("\n") == 1 and option.lstrip("-")[0] in done.stderr


@pytest.mark.parametrize("command", ["r", "t", "d"])
def test_letters_for_commands(command, busy, pybpfprof):
    more = {"r": ["-d", "1", "-r", "499", "-o", "-", "-f", "raw"], "t": ["--once"], "d": []}[command]
    done = pybpfprof(command, "--pid", hex(busy.pid), *more)
    assert done.returncode == 0 and "outer" in done.stdout, done.stderr


def test_completions(pybpfprof):
    done = pybpfprof("completions", "bash")
    assert done.returncode == 0 and "complete" in done.stdout
