# SPDX-License-Identifier: MIT
"""docs/tour.md: its commands are run, its pictures and what terminals show are made, and what it says of them is looked for.

With TOUR=write (`make tour`) what was made takes its place in docs/.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from browser import Browser, driver, screen  # noqa: F401 (driver is a fixture)
from conftest import PATIENCE, PROGRAM, ROOT, wait_until
from test_top import Terminal

DOCS = ROOT / "docs"
PAGE = DOCS / "tour.md"
WRITES = os.environ.get("TOUR") == "write"
LARGEST = 150_000  # bytes of a picture
PID = "4242"  # of the program, as the page has it

pytestmark = [pytest.mark.xdist_group("tour"), pytest.mark.skipif(not shutil.which("tmux"), reason="needs tmux")]

# What the page shows: the command, and what has to be found in what it says (and so in the page). {pid}: of the program.
SHOWN = {
    "top": ("sudo pybpfprof top --pid {pid} --sort own", [r"^ .*customers +shop\.py.*$", r"raw_decode +json/decoder\.py"]),
    "record": ("sudo pybpfprof record -o shop.svg -o shop.pybpf -- python3 shop.py 3", [r"samples, ", r"wrote shop\.svg", r"wrote shop\.pybpf"]),
    "callers": ("pybpfprof report --callers json.loads shop.pybpf", [r"loads", r"income"]),
    "html": ("pybpfprof convert shop.pybpf -o shop.html", [r"wrote shop\.html"]),
    "dump": ("sudo pybpfprof dump --pid {pid}", [r'waits for an RLock that thread \d+ "statistics" holds\): "MainThread"', r"Statistics\.save \(shop\.py"]),
    "diff": ("pybpfprof diff --absolute --width a -n 6 shop.pybpf fixed.pybpf -o diff.svg", [r"customers", r"wrote diff\.svg"]),
}  # fmt: skip
PICTURES = {"shop": "shop.svg", "page": "shop.html", "diff": "diff.svg"}
FOUND = ["customers", "average", "mentions", "income", "compile"]  # frames of shop.svg that the page speaks of


class Tour:
    def __init__(self, folder):
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        (self.bin / "pybpfprof").symlink_to(PROGRAM.resolve())
        (self.bin / "python3").symlink_to("/usr/bin/python3")
        (self.bin / "sudo").write_text('#!/bin/sh\nexec "$@"\n')
        (self.bin / "sudo").chmod(0o755)
        self.env = {"PATH": f"{self.bin}:{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"}
        self.become("before")
        self.said = {}

    def become(self, which):
        """The program before or after it was mended, in the same place."""
        for name in ("shop.py", "rates.py"):
            shutil.copy(DOCS / "tour" / which / name, self.folder / name)

    def start(self):
        return subprocess.Popen(["/usr/bin/python3", "shop.py", "1000"], cwd=self.folder, env={**os.environ, **self.env})

    def type(self, name, **values):
        """A command in a terminal of 100 columns; what it said."""
        command = SHOWN[name][0].format(**values)
        done = subprocess.run(
            ["script", "-qec", f"stty cols 100; {command}", "/dev/null"],
            cwd=self.folder, env={**os.environ, **self.env, "NO_COLOR": "1", "COLUMNS": "100"}, stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL, timeout=4 * PATIENCE,
        )  # fmt: skip
        text = done.stdout.decode()
        assert done.returncode == 0, text
        # a line that was written over is gone
        lines = [line.split("\r\x1b[K")[-1].rstrip("\r") for line in text.split("\n")]
        self.said[name] = "\n".join(line.rstrip() for line in lines).strip("\n")
        return self.said[name]


def holds(text, name):
    return all(re.search(pattern, text, re.M) for pattern in SHOWN[name][1])


@pytest.fixture(scope="module")
def tour(tmp_path_factory):
    it = Tour(tmp_path_factory.mktemp("tour"))
    process = it.start()
    try:
        watch(it, process.pid)
        wait_until(lambda: holds(it.type("dump", pid=process.pid), "dump"), "a moment when somebody waits")
    finally:
        process.kill()
        process.wait()
    for name in ("top", "dump"):
        it.said[name] = re.sub(rf"\b{process.pid}\b", PID, it.said[name])
    it.type("record")
    it.type("callers")
    it.type("html")
    it.become("after")
    subprocess.run(
        [PROGRAM, "record", "-q", "-o", "fixed.pybpf", "--", "/usr/bin/python3", "shop.py", "3"],
        cwd=it.folder, env={**os.environ, **it.env}, check=True,
    )  # fmt: skip
    it.type("diff")
    return it


def has_used(screen, name):
    """Seconds in the column of a function's own time."""
    row = re.search(rf"^ +\S+ +\S+ +(\d+\.\d+) .* {name} ", screen, re.M)
    return float(row.group(1)) if row else 0


def watch(it, pid):
    """The live screen, when it has seen the program for a while."""
    terminal = Terminal(it.folder, columns=100, lines=20, env={**it.env, "NO_COLOR": "1"})
    try:
        terminal.text(SHOWN["top"][0].format(pid=pid))
        terminal.keys("Enter")
        terminal.wait(lambda screen: holds(screen, "top") and has_used(screen, "customers") >= 1, "enough of it")
        it.said["top"] = terminal.screen().rstrip("\n")
        terminal.keys("q")
    finally:
        terminal.close()


@pytest.fixture(scope="module")
def pictures(tour, driver):  # noqa: F811
    """PNG files of what browsers show."""
    page = Browser(driver)
    for name, shown in PICTURES.items():
        with screen(page, 1000, 560):
            page.open(tour.folder / shown)
            wait_until(lambda: page.driver.execute_script("return document.readyState") == "complete", "the page")
            page.driver.save_screenshot(str(tour.folder / f"{name}.png"))
    return tour.folder


def block(name):
    return re.compile(rf"(<!-- made: {name} -->\n```\n)(.*?)(\n```\n<!-- end -->)", re.S)


def test_commands_show_what_the_page_says(tour):
    text = PAGE.read_text()
    for name, (command, patterns) in SHOWN.items():
        fresh = f"$ {command.format(pid=PID)}\n{tour.said[name]}"
        if WRITES:
            text = block(name).sub(lambda found: found.group(1) + fresh + found.group(3), text)
        shown = block(name).search(text)
        assert shown, f"{name} has no place in {PAGE}"
        assert shown.group(2).startswith("$ " + command.format(pid=PID) + "\n"), name
        for pattern in patterns:
            assert re.search(pattern, tour.said[name], re.M), (name, pattern, tour.said[name])
            assert re.search(pattern, shown.group(2), re.M), (name, pattern)
    if WRITES:
        PAGE.write_text(text)


def test_what_is_found(tour):
    """Each of the five, where the page says that it is."""
    first = [line for line in tour.said["top"].splitlines() if "shop.py" in line][0]
    assert "customers" in first, "the first row of the screen"
    svg = (tour.folder / "shop.svg").read_text()
    for name in FOUND:
        assert name in svg, name
    callers = tour.said["callers"]
    assert re.search(r"income", callers) and "loads" in callers
    assert "RLock" in tour.said["dump"] and "statistics" in tour.said["dump"]
    faster = [line for line in tour.said["diff"].splitlines() if re.search(r"\bcustomers\b", line)]
    assert faster and "-" in faster[0].replace("−", "-")


def test_pictures(pictures):
    for name in PICTURES:
        made = pictures / f"{name}.png"
        assert 5_000 < made.stat().st_size < LARGEST, name
        if WRITES:
            shutil.copy(made, DOCS / "tour" / made.name)
        kept = DOCS / "tour" / made.name
        assert kept.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" and kept.stat().st_size < LARGEST
        assert f"](tour/{made.name})" in PAGE.read_text()


def test_the_program_is_as_the_page_quotes_it():
    """Lines of it that the page quotes are in it, and its mended form gives the same."""
    text = PAGE.read_text()
    source = "".join((DOCS / "tour" / which / name).read_text() for which in ("before", "after") for name in ("shop.py", "rates.py"))
    quoted = [line for part in re.findall(r"```python\n(.*?)```", text, re.S) for line in part.splitlines() if line.strip()]
    assert len(quoted) >= 5
    for line in quoted:
        assert line.lstrip("-+ ").strip() in source, line
    for name in re.findall(r"`(\w+)\(\)`", text):
        assert re.search(rf"\b{name}\b", source), name
    results = {run_functions(DOCS / "tour" / which) for which in ("before", "after")}
    assert len(results) == 1


def run_functions(folder):
    code = ("import shop; o = shop.read_orders(300); print(sorted(shop.customers(o)), round(shop.income(o), 6), "
            "shop.mentions(shop.GOODS[:80], 'item-7 is not item-70.'))")  # fmt: skip
    done = subprocess.run([sys.executable, "-Bc", code], cwd=folder, stdout=subprocess.PIPE, check=True)
    return done.stdout


def test_the_readme_leads_there():
    assert "docs/tour.md" in (ROOT / "README.md").read_text()
    assert pathlib.Path(PAGE).exists()
