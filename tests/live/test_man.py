# SPDX-License-Identifier: MIT
"""The manual page: written from the parser's tables, clean for both formatters, complete."""

import os
import re
import shutil
import subprocess

import pytest

from conftest import PATIENCE
from test_completions import commands, options, run

pytestmark = pytest.mark.offline

EVERYWHERE = {"--help", "--usage", "--version"}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    from conftest import PROGRAM

    path = tmp_path_factory.mktemp("man") / "pybpfprof.1"
    path.write_text(run(PROGRAM, "man"))
    return path


@pytest.fixture(scope="module")
def text(page):
    """As a reader sees it, on a wide terminal."""
    if not shutil.which("man"):
        pytest.skip("no man here: scripts/install-deps.sh")
    shown = run("man", "-l", page, env={**os.environ, "MANWIDTH": "200", "LC_ALL": "C.UTF-8", "MANPAGER": "cat"})
    return re.sub(".\b", "", shown)


def section(text, name):
    return re.search(rf"^{name}$(.*?)^(?=\S)", text, re.M | re.S).group(1)


def check(*argv, **env):
    done = subprocess.run(
        [str(word) for word in argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE, text=True,
        env={**os.environ, **env},
    )  # fmt: skip
    return done.returncode, done.stderr


def test_man_has_no_warnings(page):
    if not shutil.which("man"):
        pytest.skip("no man here: scripts/install-deps.sh")
    status, said = check("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page, LC_ALL="C.UTF-8", MANROFFSEQ="")
    assert status == 0 and said == ""
    # the check itself sees mistakes
    broken = page.with_name("broken.1")
    broken.write_text(page.read_text() + ".nonsense\n\\fQ\n")
    assert check("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", broken, LC_ALL="C.UTF-8")[1] != ""


def test_mandoc_has_no_complaints(page):
    if not shutil.which("mandoc"):
        pytest.skip("no mandoc here: scripts/install-deps.sh")
    done = subprocess.run(["mandoc", "-Tlint", str(page)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_every_command_and_option(text):
    parts = re.split(r"^ {3}pybpfprof ([a-z]+)\b", section(text, "COMMANDS"), flags=re.M)
    described = {}
    for name, body in zip(parts[1::2], parts[2::2]):
        described[name] = described.get(name, "") + body
    assert set(commands()) == {name for name in described if name in commands()}
    for command in commands():
        missing = {option for option in options(command) - EVERYWHERE if option not in described[command]}
        assert not missing, (command, missing)
    for option in EVERYWHERE:
        assert option in section(text, "COMMANDS").split("Options of every command")[1]


def test_every_format_and_outcome(text, pybpfprof):
    formats = section(text, "FORMATS")
    for line in pybpfprof("completions", "--list", "formats").stdout.splitlines():
        assert re.search(rf"^ +{line.split()[0]} \(\.", formats, re.M), line
    outcomes = section(text, "OUTCOMES")
    header = (__import__("conftest").ROOT / "bpf/outcomes.h").read_text()
    for word in re.findall(r'X\(\w+, "(\w+)"', header):
        assert re.search(rf"^ +{word}\b", outcomes, re.M), word


def test_exit_statuses_are_those_of_the_header(text):
    header = (__import__("conftest").ROOT / "user/cmd/cmd.h").read_text()
    numbers = re.findall(r"CMD_\w+ = (\d+)", header)
    assert len(numbers) >= 8
    assert re.findall(r"^ +(\d) +\S", section(text, "EXIT STATUS"), re.M) == numbers


def test_sections_in_their_usual_order(text):
    names = [name for name in re.findall(r"^([A-Z][A-Z ]+)$", text, re.M)]
    assert names[:4] == ["NAME", "EXAMPLES", "SYNOPSIS", "DESCRIPTION"] and names[-1] == "SEE ALSO"
    assert section(text, "EXAMPLES").count("sudo pybpfprof record ") == 2, "what most people want comes first"
    for name in ("EXIT STATUS", "SIGNALS", "ENVIRONMENT", "FILES", "EXAMPLES"):
        assert name in names
    assert "\\" not in section(text, "COMMANDS"), "no escapes are left over"
