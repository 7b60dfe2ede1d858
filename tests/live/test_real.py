# SPDX-License-Identifier: MIT
"""docs/real.md: each of its programs is recorded as it is and mended, by its one command's script, and what the profiler says is held against
the program's own clock. With REAL=write (`make real`) what was said and seen takes its place in docs/.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
import textwrap

import pytest

from browser import Browser, driver, screen  # noqa: F401 (driver is a fixture)
from conftest import PROGRAM, ROOT, wait_until

sys.path.insert(0, str(ROOT / "scripts"))
import real  # noqa: E402

PAGE = ROOT / "docs" / "real.md"
WRITES = os.environ.get("REAL") == "write"
LARGEST = 200_000  # bytes of a picture
RATE = 100 if WRITES else 499
SIZES = dict.fromkeys(real.PROGRAMS, 1) if WRITES else {"web": 0.3, "pandas": 1, "crawler": 0.3, "threads": 0.3}

# What the page shows: what the two sentences have to say, what diff is asked for, and what of it is a picture.
SHOWN = {
    "web": ([r"blocked \([^)]*socket \d+", r" in total \(web\.py:\d+\)", r"spent in \[socket \d+\]"], r"\[socket|Attribute.__get__", "web.svg", (1000, 760)),
    "pandas": ([r"\d+ % Python", r"native \(", r" fares? \(job\.py:\d+\)"], " fares | alike ", "pandas.svg", (1000, 520)),
    "crawler": ([r"blocked \([^)]*socket read \d+", r" in Crawler\.read_robots \(crawler\.py:\d+\)"], r"\[socket read|read_robots", "crawler.svg", (1000, 740)),
    "threads": ([r"waiting for the GIL \(\d+ % held in JSONEncoder\.iterencode", r"\[waits for the GIL\]"], "waits for the GIL", "threads.html#view=threads", (1200, 760)),
}  # fmt: skip

pytestmark = [
    pytest.mark.xdist_group("real"),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="native frames are of x86-64"),
]


class Seen:
    """Both runs of a program."""

    def __init__(self, name, folder):
        self.name, self.folder = name, folder
        self.before, self.mended, self.diff = real.look_at(name, folder, real.environment(), SIZES[name], ["--rate", str(RATE)] if RATE != 100 else [])

    def stacks(self, run):
        """(frames, seconds): of all threads, all that they do and wait for."""
        words = [PROGRAM, "convert", "-q", f"{run.stem}.pybpf", "-o", "-", "-f", "folded", "--idle-waits", "--whole"]
        text = subprocess.run(words, cwd=self.folder, check=True, capture_output=True, text=True).stdout
        return [(stack, int(value) / 1e9) for stack, value in (line.rsplit(" ", 1) for line in text.splitlines())]

    def seconds(self, run, *patterns):
        """Of stacks in which all are found."""
        return sum(value for stack, value in self.stacks(run) if all(re.search(p, stack) for p in patterns))


def near(seen, truth):
    """Of what is drawn once in an interval, four deviations; and what a busy machine keeps from the timer."""
    return abs(seen - truth) < 4 * (max(seen, truth) / RATE) ** 0.5 + 0.05 * truth


@pytest.fixture(scope="module", params=list(real.PROGRAMS))
def seen(request, tmp_path_factory):
    try:
        return Seen(request.param, tmp_path_factory.mktemp(request.param))
    except real.Missing as why:
        pytest.skip(str(why))


def sentences(run):
    """Where the time went: the two that are said after recording."""
    said = re.findall(r"^pybpfprof: (Of .* wall time of .*|\d+ %.* of the wall time .*)$", run.said, re.M)
    assert len(said) == 2, run.said
    return said


def test_it_is_what_its_own_clock_says(seen):
    CHECKS[seen.name](seen, seen.before.took, seen.mended.took)


def web(seen, took, mended):
    port = max(re.findall(r"\[socket (\d+)\]", " ".join(stack for stack, _ in seen.stacks(seen.before))), key=len)
    request, database = seen.seconds(seen.before, r";orders_of "), seen.seconds(seen.before, r";orders_of .*;DefaultDialect\.do_execute ")
    assert abs(database / request - took["database"] / took["request"]) < 0.05
    assert seen.seconds(seen.before, rf";total .*\[socket {port}\]$") > request / 3
    assert 5000 < int(port) < 6000
    waits = [seen.seconds(run, r";orders_of .*\[socket") / run.took["requests"] for run in (seen.before, seen.mended)]
    assert waits[1] < waits[0] / 2, "what a request waits for the database"


def pandas(seen, took, mended):
    for run in seen.before, seen.mended:
        for step in "fares", "alike":
            assert near(seen.seconds(run, rf";{step} "), run.took[step]), (run.stem, step)
    assert seen.seconds(seen.mended, r";fares ") < seen.seconds(seen.before, r";fares ") / 2
    assert seen.seconds(seen.before, r";alike .*openblas") > 0
    if os.cpu_count() > 1:  # OpenBLAS has a thread for each
        assert seen.seconds(seen.before, r"\[idle: native thread\]$") > took["fares"] / 2
    assert not seen.seconds(seen.before, r"(blas_thread_server|\[native threads\]).*\[lock\]$")


def crawler(seen, took, mended):
    assert near(seen.seconds(seen.before, r";Crawler\.read_robots "), took["robots"])
    assert seen.seconds(seen.before, r";Crawler\.read_robots .*\[socket read 80\d\d\]$") > took["robots"] / 2
    assert seen.seconds(seen.mended, r";Crawler\.read_robots ") < seen.seconds(seen.before, r";Crawler\.read_robots ") / 5


def threads(seen, took, mended):
    waits = took["reports"] - took["on a CPU"]
    found = seen.seconds(seen.before, r";report ", r"\[(waits for the GIL|waiting for a CPU)\]")
    assert near(found, waits)
    gil = seen.seconds(seen.before, r";report .*\[waits for the GIL\]")
    assert gil > waits / 4 and seen.seconds(seen.mended, r";report .*\[waits for the GIL\]") < gil / 20
    assert seen.seconds(seen.before, r"\[held by ThreadPoolExecutor-0_\d in JSONEncoder\.iterencode") > gil / 4


CHECKS = {"web": web, "pandas": pandas, "crawler": crawler, "threads": threads}


# ---- the page -----------------------------------------------------------------------------------------------


def block(name):
    return re.compile(rf"(<!-- made: {name} -->\n```\n)(.*?)(\n```\n<!-- end -->)", re.S)


def tidy(command):
    """As one would type it."""
    return re.sub(r" --rate \d+", "", re.sub(r"(real-web)-\d+", r"\1", command))


def shown(seen):
    """The two blocks of the page that a program has."""
    options = " ".join(real.ABSOLUTE.get(seen.name, ["--absolute"]))
    diff = f"pybpfprof diff -n 999 {options} {seen.name}.pybpf {seen.name}-mended.pybpf | sed '1,/^Total/d' | grep -E '^ |{SHOWN[seen.name][1]}'".replace("  ", " ")
    made = subprocess.run(diff, shell=True, cwd=seen.folder, env={**os.environ, "PATH": f"{PROGRAM.resolve().parent}:{os.environ['PATH']}"},
                          check=True, capture_output=True, text=True).stdout  # fmt: skip
    clock = ["by its own clock: " + ", ".join(f"{what} {value:.4g}" for what, value in run.took.items()) for run in (seen.before, seen.mended)]
    said = [textwrap.fill(text, 100) for text in sentences(seen.before)]
    yield seen.name, "\n".join([textwrap.fill("$ sudo " + tidy(seen.before.command), 100, subsequent_indent="    "), "…", *said])
    yield f"{seen.name}-mended", "\n".join([f"$ {diff}", re.sub(r" {3,}", "  ", made.rstrip()), "", *(f"{which:<8}{text}" for which, text in zip(("before", "mended"), clock))])


def test_the_page_says_what_it_says(seen):
    text = PAGE.read_text()
    for name, fresh in shown(seen):
        if WRITES:
            text = block(name).sub(lambda found, fresh=fresh: found.group(1) + fresh + found.group(3), text)
        kept = block(name).search(text)
        assert kept, f"{name} has no place in {PAGE}"
        assert kept.group(2).splitlines()[0].split(" -o")[0] == fresh.splitlines()[0].split(" -o")[0]
        for pattern in SHOWN[seen.name][0] if name == seen.name else []:
            for said in fresh, kept.group(2):
                assert re.search(pattern, " ".join(said.split())), (name, pattern, said)
        if name != seen.name:
            assert re.search("^(less|gone)", fresh, re.M) and re.search("^(less|gone)", kept.group(2), re.M), fresh
    if WRITES:
        PAGE.write_text(text)


def test_its_picture(seen, driver):  # noqa: F811
    file, _, fragment = SHOWN[seen.name][2].partition("#")
    page, made = Browser(driver), seen.folder / f"{seen.name}.png"
    with screen(page, *SHOWN[seen.name][3]):
        page.open(seen.folder / file, "#" + fragment if fragment else "")
        wait_until(lambda: page.driver.execute_script("return document.readyState") == "complete", "the page")
        page.driver.save_screenshot(str(made))
    assert not page.problems()
    assert 5_000 < made.stat().st_size < LARGEST
    kept = ROOT / "docs" / "real" / made.name
    if WRITES:
        shutil.copy(made, kept)
    assert kept.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" and kept.stat().st_size < LARGEST
    assert f"](real/{made.name})" in PAGE.read_text()


def test_the_page_quotes_the_programs():
    text = PAGE.read_text()
    source = "".join(path.read_text() for path in real.SOURCES.glob("*.py"))
    quoted = [line.strip() for part in re.findall(r"```python\n(.*?)```", text, re.S) for line in part.splitlines() if line.strip()]
    assert len(quoted) >= 6
    for line in quoted:
        assert line in source, line
    for name in real.PROGRAMS:
        assert f"sudo make real-{name}" in text
    assert "docs/real.md" in (ROOT / "README.md").read_text()
