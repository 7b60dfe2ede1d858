# SPDX-License-Identifier: MIT
"""Completions as the shells themselves work them out: bash, zsh and fish, driven without a person.

What each shell offers for a line is compared with what the program's own help and tables say.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from conftest import PATIENCE, PROGRAM, wait_until

pytestmark = pytest.mark.offline

HERE = pathlib.Path(__file__).resolve().parent
SHELLS = ["bash", "zsh", "fish"]
# Sets what readline would, calls the function, and prints what it answered.
BASH = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
_pybpfprof
((${#COMPREPLY[@]} == 0)) || printf '<<%s>>\\n' "${COMPREPLY[@]}"
"""


def run(*argv, **options):
    options = {"env": {**os.environ, "PATH": f"{PROGRAM.resolve().parent}:{os.environ['PATH']}"}, **options}
    done = subprocess.run(
        [str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        timeout=PATIENCE, encoding="utf-8", errors="replace", **options,
    )  # fmt: skip
    assert done.returncode == 0, (argv, done.stdout, done.stderr)
    return done.stdout


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("completions")
    for shell in SHELLS:
        (folder / shell).write_text(run(PROGRAM, "completions", shell))
    (folder / "files").mkdir()
    for name in ("profile one.json", "other.pybpf"):
        (folder / "files" / name).write_text("")
    return folder


def bash(scripts, line):
    # as readline splits: `=` is a word of its own
    words = [word for part in line.split(" ") for word in (re.split("(=)", part) if part else [""])]
    words = [word for i, word in enumerate(words) if word or i == len(words) - 1]
    return re.findall("<<(.*)>>", run("bash", "-c", BASH, "bash", scripts / "bash", *words, cwd=scripts / "files"))


def zsh(scripts, line):
    said = run("zsh", "-f", HERE / "zsh_capture.zsh", scripts / "zsh", line, cwd=scripts / "files")
    assert "<<begin>>" in said and "<<end>>" in said, said
    return re.findall("<<(.*?)>>", said.split("<<begin>>")[1].split("<<end>>")[0])


def fish(scripts, line):
    script = "source $argv[1]; complete -C $argv[2]"
    out = run("fish", "--no-config", "-c", script, scripts / "fish", line, cwd=scripts / "files")
    # what fish puts in front of a value belongs to the word that is being completed
    return [answer.split("\t")[0].split("=", 1)[-1] for answer in out.splitlines()]


COMPLETE = {"bash": bash, "zsh": zsh, "fish": fish}


@pytest.fixture(params=SHELLS)
def complete(request, scripts):
    if not shutil.which(request.param):
        pytest.skip(f"no {request.param} here: scripts/install-deps.sh")
    return lambda line: COMPLETE[request.param](scripts, line)


def commands():
    said = run(PROGRAM, "--help")
    return re.findall(r"^  ([a-z]+) +\S", said.split("Commands")[1].split("\n\n")[0], re.M)


def options(command):
    """The long options that the parser itself tells."""
    said = run(PROGRAM, command, "--help", env={**os.environ, "ARGP_HELP_FMT": "rmargin=200"})
    lines = [line for line in said.splitlines() if re.match(r" {2,6}-", line)]
    # two blanks or more divide the names from what is said of them
    return {word for line in lines for word in re.findall(r"--[a-z-]+", re.split(r"(?<=\S) {2,}", line, maxsplit=1)[0])}


@pytest.fixture(scope="module")
def sleeper():
    """A Python process whose command line holds a word of its own."""
    word = f"completion{os.getpid()}"
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", word])
    wait_until(lambda: word in run(PROGRAM, "completions", "--list", "pids"), "the process to be listed")
    yield process, word
    process.kill()
    process.wait()


def test_commands(complete):
    assert set(complete("pybpfprof ")) == set(commands())
    assert set(complete("pybpfprof re")) == {name for name in commands() if name.startswith("re")}


def test_every_option_of_every_command(scripts):
    """In the shell that is quickest; the others are written from the same list."""
    for command in commands():
        offered = {word for word in bash(scripts, f"pybpfprof {command} --") if word.startswith("--")}
        assert offered == options(command) | {"--help", "--usage", "--version"}, command
    assert set(bash(scripts, "pybpfprof --")) == set(bash(scripts, "pybpfprof record --")), "record is the default"


def test_options(complete):
    assert "--pid" in complete("pybpfprof record --p")
    assert "--pid" in complete("pybpfprof --p"), "record is the default"
    assert set(complete("pybpfprof convert --fo")) == {"--format"}
    assert not complete("pybpfprof convert --no-such")


def test_values(complete):
    assert set(complete("pybpfprof record --layout ")) == {"flame", "icicle"}
    assert set(complete("pybpfprof record --layout=i")) == {"icicle"}
    assert set(complete("pybpfprof completions ")) == set(SHELLS)
    written = {line.split("\t")[0] for line in run(PROGRAM, "completions", "--list", "formats").splitlines()}
    assert {"svg", "json", "folded"} <= written
    assert set(complete("pybpfprof convert -f ")) == written


def test_files(complete):
    names = [name.replace("\\", "") for name in complete("pybpfprof report ")]
    assert {"profile one.json", "other.pybpf"} <= set(names)
    assert set(complete("pybpfprof convert -i oth")) == {"other.pybpf"}


def test_process_ids(complete, sleeper):
    process, _ = sleeper
    found = complete("pybpfprof record --pid ")
    assert str(process.pid) in {word.split("  (")[0] for word in found}


def test_process_ids_by_name_in_bash(scripts, sleeper):
    """A part of the command line is replaced by its process id; also behind a comma."""
    process, word = sleeper
    assert bash(scripts, f"pybpfprof --pid {word}") == [str(process.pid)]
    assert bash(scripts, f"pybpfprof --pid 1,{word}") == [f"1,{process.pid}"]


def test_cgroups(complete, cgroup):
    name = cgroup.path.name
    found = {word.rstrip("/") for word in complete(f"pybpfprof record --cgroup {name[:-1]}")}
    assert name in found


def test_the_profiled_program(complete):
    """Behind `--` it is another program's command line."""
    assert "env" in complete("pybpfprof record -- env")
    assert not any(word.startswith("--pid") for word in complete("pybpfprof record -- env --pi"))


@pytest.mark.parametrize("shell", ["bash", "fish", "zsh"])
def test_installed_where_the_shells_look(shell, tmp_path, scripts):
    wanted = {
        "bash": "share/bash-completion/completions/pybpfprof",
        "zsh": "share/zsh/site-functions/_pybpfprof",
        "fish": "share/fish/vendor_completions.d/pybpfprof.fish",
    }
    root = HERE.parents[1]
    run("make", "-s", "-C", root, "-o", "all", "install", f"BUILD={PROGRAM.resolve().parent}", f"DESTDIR={tmp_path}",
        "PREFIX=/usr")  # fmt: skip
    installed = tmp_path / "usr" / wanted[shell]
    assert installed.read_text() == (scripts / shell).read_text()
    assert run(shell, "-n", installed) == "", "its syntax is right"
    if shell == "zsh":  # autoloaded by its name, as compinit does
        script = "fpath=($1 $fpath); autoload -U compinit; compinit -D -u; print -r -- $_comps[pybpfprof]"
        assert run("zsh", "-f", "-c", script, "zsh", installed.parent).strip() == "_pybpfprof"


def test_unknown_shell_gets_the_nearest(pybpfprof):
    done = pybpfprof("completions", "bahs")
    assert done.returncode == 2 and "did you mean bash" in done.stderr
    assert pybpfprof("completions").returncode == 2
