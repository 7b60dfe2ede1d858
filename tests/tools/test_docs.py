# SPDX-License-Identifier: MIT
"""README and docs/: links lead somewhere, commands are understood, pictures are small."""

import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / os.environ.get("BUILD", "build") / "pybpfprof"
PAGES = [ROOT / "README.md", ROOT / "tests/README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(r"^(?:\$ )?(?:sudo )?(pybpfprof .*)$", re.M)
LARGEST = 200_000  # bytes of a picture


def name(page):
    return str(page.relative_to(ROOT))


def anchors(page):
    """Of its headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", page.read_text(), flags=re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.S)
    for target in re.findall(r"\]\(([^)]+)\)", text):
        path, _, anchor = target.partition("#")
        assert "://" not in target, target
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


def test_every_page_is_led_to():
    """From the README, or from a page that it leads to."""
    for page in (ROOT / "docs").glob("*.md"):
        others = "".join(other.read_text() for other in PAGES if other != page)
        assert re.search(rf"\]\((docs/)?{re.escape(page.name)}[)#]", others), page


def test_every_picture_is_shown_and_small():
    text = "".join(page.read_text() for page in PAGES)
    for picture in [*(ROOT / "docs").rglob("*.png"), *(ROOT / ".readme").glob("*.png")]:
        assert picture.stat().st_size < LARGEST, picture
        assert picture.name in text, picture


@pytest.mark.parametrize("page", [page for page in PAGES if COMMAND.search(page.read_text())], ids=name)
def test_commands_are_understood(page):
    """With --help behind their options, whatever they name need not be there."""
    if not PROGRAM.exists():
        pytest.skip("not built")
    for line in COMMAND.findall(page.read_text()):
        line = re.split(r" +#| \| ", line)[0]
        if "COMMAND" in line:
            continue
        typed = subprocess.run(["bash", "-c", f'printf "%s\\n" {line}'], stdout=subprocess.PIPE, text=True, check=True)
        words = typed.stdout.splitlines()[1:]
        at = words.index("--") if "--" in words else len(words)
        done = subprocess.run([PROGRAM, *words[:at], "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 0 and "Usage: pybpfprof" in done.stdout, (line, done.stderr)


def test_every_metric_is_explained():
    """docs/daemon.md's table has those of user/serve/metrics.c, and no others."""
    source = (ROOT / "user/serve/metrics.c").read_text()
    made = set(re.findall(r'"(\w+)",\s*"(?:counter|gauge)"', source)) | set(re.findall(r'put_head\(out, "(\w+)"', source))
    made |= set(re.findall(r'\b(?:put_drops\(m|name\[\] =),? "(\w+)"', source)) | set(re.findall(r'^\t\{"(\w+_total)",', source, re.M))
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", (ROOT / "docs/daemon.md").read_text().partition("## Metrics")[2].partition("\n## ")[0], re.M)
    assert {word for row in rows for word in re.findall(r"`(\w+)`", row)} == made
