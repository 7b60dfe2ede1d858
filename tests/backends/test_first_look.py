# SPDX-License-Identifier: MIT
"""The README's way into a back end, typed as it stands there: from nothing to a service's flame graph in a browser."""

import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

import servers
from browser import driver  # noqa: F401
from conftest import ROOT, needs_root
from servers import until

URL = re.compile(r"http://127\.0\.0\.1:(\d+)")
README = (ROOT / "README.md").read_text()
SECTION = README.split("## Into a back end\n")[1].split("\n## ")[0]
COMMANDS = [line.split("  #")[0].rstrip() for line in re.search(r"```\n(.*?)```", SECTION, re.S)[1].splitlines()]


class Terminal:
    """A shell in a session of its own, as a terminal has it: what is typed goes in, Ctrl-C is for what is in front."""

    def __init__(self, log):
        self.log = log
        out = open(log, "wb")  # noqa: SIM115 (of what is started)
        self.shell = subprocess.Popen(
            ["bash", "--norc"], cwd=ROOT, stdin=subprocess.PIPE, stdout=out, stderr=out, text=True, start_new_session=True
        )
        out.close()

    def type(self, line):
        self.shell.stdin.write(line + "\n")
        self.shell.stdin.flush()

    def said(self):
        return self.log.read_text(errors="replace")

    def close(self):
        """Whatever it left, its jobs first: they end what they started."""
        for process in children(self.shell.pid)[::-1]:
            stop(process, signal.SIGTERM)
        self.shell.stdin.close()
        try:
            self.shell.wait(30)
        finally:
            stop(self.shell.pid, signal.SIGKILL)


def children(pid):
    try:
        return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def stop(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def command_of(pid):
    return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


@pytest.fixture(scope="module")
def typed(tmp_path_factory):
    """All of it typed, one line after the other. The terminal, and what the server has of it."""
    needs_root()
    was_there = subprocess.run([ROOT / "scripts/backend.sh", "status"], stdout=subprocess.DEVNULL).returncode == 0
    parca = servers.Parca("", tmp_path_factory.mktemp("parca"))
    parca.port = int(URL.search(SECTION)[1])
    parca.since = time.time()  # it may have more, of earlier days
    terminal = Terminal(tmp_path_factory.mktemp("terminal") / "said")
    try:
        for line in COMMANDS:
            terminal.type(line)
        # The first builds for minutes, where it was never built.
        until(lambda: "have arrived" in terminal.said() or terminal.shell.poll() is not None, "profiles to arrive", 3600)
        assert terminal.shell.poll() is None, terminal.said()
        yield terminal, parca
    finally:
        terminal.close()
        if not was_there:
            subprocess.run([ROOT / "scripts/backend.sh", "stop"], stdout=subprocess.DEVNULL)


def test_three_commands():
    assert len(COMMANDS) == 3, COMMANDS
    assert [line for line in COMMANDS if line.startswith("sudo make")], "the first is made for those who have nothing"


def test_the_service_is_there(typed):
    """By the name that the README says, with the functions of the program it is."""
    name = re.search(r"`service_name` = `(\w+)`", SECTION)[1]
    _, parca = typed
    kept = until(lambda: parca.profile(f'service_name="{name}"'), "the service's profile")
    names = {row.rsplit(".", 1)[-1] for row in kept.rows()}
    assert names & {"search", "score", "do_GET", "monthly_report", "pack_archive"}, names
    assert "customer" not in names, "they are another service"


def test_it_says_what_comes_next(typed):
    terminal, parca = typed
    said = terminal.said()
    assert f"open {parca.url()}" in said and "make backend-stop" in said, said
    for line in COMMANDS[1:]:
        assert line in said, "the second and the third are said by the first, too"


def test_the_page_shows_a_flame_graph(typed, driver):  # noqa: F811
    """As a person does it: the URL of the README, nothing else."""
    _, parca = typed
    if b"<div id=\"root\">" not in parca.ask("/"):
        pytest.skip("Parca was built without its page (PAGE=no)")
    driver.get(URL.search(SECTION.split("Open")[1])[0])
    text = until(lambda: shown(driver), "a function of the service in the page")
    assert "pybpfprof:cpu" in text
    driver.save_screenshot(str(ROOT / os.environ.get("BUILD", "build") / "tests/parca.png"))


def shown(driver):  # noqa: F811
    text = driver.execute_script("return document.body.innerText")
    return "demo_workload" in text and text


def test_ctrl_c_ends_it_and_says_what_was_sent(typed):
    """The last test: nothing is pushed any more."""
    terminal, parca = typed
    before = parca.profile().total()
    (daemon,) = [pid for pid in children(terminal.shell.pid) if " daemon " in command_of(pid)]
    stop(daemon, signal.SIGINT)
    until(lambda: daemon not in children(terminal.shell.pid), "the daemon to end")
    assert re.search(r"sent [\d,.k ]+ samples in \d+ request", terminal.said()), terminal.said()
    assert parca.profile().total() > before, "what it had of the last window"
