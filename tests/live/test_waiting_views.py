# SPDX-License-Identifier: MIT
"""What is shown of a recording of several kinds of time: texts by the command line, the page in a real browser.

The profile is tests/unit/waiting_profile.h: two threads that run and wait for 630 and 370 ms, and idle waits of 5 s, one after another from
the start. What is expected here is computed from its table by hand. Nothing here needs BPF.
"""

import re
import subprocess

import pytest

from browser import driver  # noqa: F401
from programs import PROGRAM, built
from test_html import Page, until

pytestmark = pytest.mark.offline


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp("waiting") / "r.pybpf"
    with open(path, "wb") as out:
        subprocess.run([built("tests/unit/make_svg"), "waiting=1", "format=pybpf"], check=True, stdout=out)
    return path


def text_of(recording, command, *options):
    return subprocess.run([PROGRAM, command, *options], check=True, capture_output=True, text=True, timeout=60).stdout


def folded(recording, *options):
    lines = text_of(recording, "convert", "-q", "-i", recording, "-f", "folded", "-o", "-", *options).splitlines()
    return {stack: int(value) for stack, value in (line.rsplit(" ", 1) for line in lines)}


def test_wall_is_the_sum_of_what_excludes_each_other(recording):
    wall = folded(recording, "--type", "wall")
    assert sum(wall.values()) == 1_000_000_000
    assert wall == {**folded(recording, "--type", "cpu"), **folded(recording, "--type", "offcpu"), **folded(recording, "--type", "gil")}
    assert folded(recording) == wall  # of all that was recorded, it is what one asks for
    assert not any("idle" in stack or "nothing to do" in stack for stack in wall)
    assert sum(folded(recording, "--type", "wall", "--idle-waits").values()) == 6_000_000_000


def test_a_report_begins_with_why(recording):
    first = text_of(recording, "report", recording).splitlines()[0]
    assert first.startswith("Of 1.00 s of wall time of 2 busy threads: 20 % Python, 20 % native (15 % libopenblas64, 5 % _json), 3 % kernel"), first
    shares = re.findall(r"(\d+) % (?:Python|native|kernel|waiting for the GIL|blocked|not scheduled|in the garbage)", first)
    assert len(shares) == 7 and sum(map(int, shares)) == 100


@pytest.mark.parametrize("options, known", [((), "known is cpu"), (("--event", "faults"), "known is faults")])
def test_wall_time_is_not_shown_of_what_records_none(tmp_path, options, known):
    done = subprocess.run([PROGRAM, "record", "--type", "wall", *options, "-o", tmp_path / "x.svg", "--", "true"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "--type wall" in done.stderr and known in done.stderr, done.stderr


def test_types_are_compared(recording):
    said = text_of(recording, "diff", recording, recording, "--type", "offcpu")
    assert "0.30" in said and "time off the CPU" in said, said
    assert "wall" in text_of(recording, "diff", recording, recording, "--type", "wall")


@pytest.fixture(scope="module")
def waiting(recording):
    path = recording.with_name("r.html")
    subprocess.run([PROGRAM, "convert", "-q", "-i", recording, "-o", path, "--type", "wall"], check=True, timeout=60)
    return path


@pytest.fixture
def page(driver, waiting):  # noqa: F811
    driver.set_window_size(1400, 900)
    page = Page(driver)
    page.open(waiting, "#theme=light")
    return page


def seconds(page, name):
    return float(re.search(r"([\d.]+) wall s", page.text(name)).group(1))


def test_the_page_shows_wall_time_and_brings_idle_waits_back(page):
    assert page.text("why").startswith("Of 1.00 s of wall time of 2 busy threads")
    assert seconds(page, "figures") == 1.0
    page.click("idle")
    assert seconds(page, "figures") == 6.0
    assert not page.problems()


def test_kinds_are_hidden_and_their_time_is_their_callers(page):
    assert page.frame("dgemm (libopenblas64.so.0)") and page.frame("[lock]")
    for kind in (3, 7):
        page.script("document.querySelector('button.kind[data-kind=\"' + arguments[0] + '\"]').click()", kind)
    texts = {f["text"] for f in page.frames()}
    assert "work (app.py:21)" in texts and "ext4_read (kernel)" in texts
    assert not texts & {"dgemm (libopenblas64.so.0)", "scan_once (_json.cpython-312-x86_64-linux-gnu.so)", "[lock]", "[sleep]"}
    assert seconds(page, "figures") == 1.0
    assert page.fragment()["without"] == "3.7"
    page.click("tab-table")
    own = {name: own for name, own, _, _ in page.rows()}
    assert own["work (app.py:20)"] == "54.00%" and own["ext4_read (kernel)"] == "3.00%", own  # 170 of native code, 290 of waits, 80 for the GIL
    assert not any("dgemm" in name or "[lock]" in name for name in own)


def test_a_line_has_what_it_waits_for_and_what_runs_in_c(page):
    page.click("tab-source")
    assert page.script("return [...document.querySelectorAll('#files option')].map(o => o.textContent)") == ["100.00%  app.py"]
    rows = page.script("""return [...document.querySelectorAll('#code .line')].map(row =>
        ['number', 'own', 'total'].map(cell => row.querySelector('.' + cell).textContent))""")
    assert rows == [["11", "41.00%", "100.00%"], ["21", "58.00%", "58.00%"], ["31", "1.00%", "1.00%"]]
    page.click("tab-table")
    own = {name: own for name, own, _, _ in page.rows()}
    assert own["dgemm (libopenblas64.so.0)"] == "15.00%"  # of functions it is their own


# Of both threads, where a wait is cut it counts as far as it is inside.
@pytest.mark.parametrize("span, wanted", [("0-0.35", 0.70), ("0-0.5", 0.87), ("0.5-1", 0.13), ("1-2", 0)])
def test_a_span_has_of_a_wait_what_lies_in_it(page, waiting, span, wanted):
    page.open(waiting, f"#time={span}")
    assert abs(seconds(page, "brush-words") - wanted) < 0.025


def test_why_is_said_of_the_selection(page, waiting):
    page.open(waiting, "#time=0-0.35")
    why = page.text("why")
    shares = {words: int(share) for share, words in re.findall(r"(\d+) % (Python|native|kernel|blocked|not scheduled|in the garbage collector)", why)}
    # 180 Python; 20 + 150 + 50 native; 30 kernel; 30 collector; 60 + 45 + 25 + 10 blocked; 40 not scheduled; 60 for the GIL: of 700
    wanted = {"Python": 26, "native": 31, "kernel": 4, "in the garbage collector": 4, "blocked": 20, "not scheduled": 6}
    assert why.startswith("Of the selection") and "libopenblas64" in why and "socket read 5432" in why, why
    assert all(abs(shares[part] - share) <= 2 for part, share in wanted.items()), why
    page.click("brush-all")
    assert page.text("why").startswith("Of 1.00 s of wall time")


def colour_at(page, lane, second):
    """Of the middle of a lane's bar, "#rrggbb"."""
    page.frames("stripes")
    return page.script("""const c = document.querySelector('#stripes canvas'), pen = c.getContext('2d'), ratio = c.width / c.clientWidth;
        const left = Math.min(220, Math.round(c.clientWidth / 4)), x = left + arguments[1] / 5 * (c.clientWidth - left);
        return '#' + [...pen.getImageData(x * ratio, (c.frames[arguments[0]].y + 8) * ratio, 1, 1).data].slice(0, 3)
            .map(v => v.toString(16).padStart(2, '0')).join('')""", lane, second)


def test_threads_have_lanes_of_what_they_do(page):
    page.click("tab-threads")
    assert [f["text"].split(" (")[0] for f in page.frames("stripes")] == ["MainThread", "worker", "pool"]
    python, socket, gil, sleep = "#f8a253", "#9fd6e2", "#f2a1a1", "#c8d3e2"
    for lane, second, colour in ((0, 0.08, python), (0, 0.35, socket), (0, 0.55, gil), (1, 0.19, sleep), (1, 0.33, gil)):
        assert colour_at(page, lane, second) == colour, (lane, second)
    free = colour_at(page, 2, 2.0)  # a pool that waits for work is as if it were not there
    assert free == colour_at(page, 1, 3.0) and free not in (python, socket, gil, sleep)


def test_a_span_is_dragged_on_the_lanes_and_a_click_chooses_a_thread(page):
    page.click("tab-threads")
    page.frames("stripes")
    page.drag("stripes", 0.16, 0.16 + 0.084)  # names stand left of 0.16 or so; a tenth of the time
    until(lambda: "time" in page.fragment(), "a span is selected")
    from_s, to_s = map(float, page.fragment()["time"].split("-"))
    assert from_s < 0.1 and 0.3 < to_s < 0.7
    assert abs(seconds(page, "brush-words") - min(to_s, 0.63) - min(to_s, 0.37) + 2 * from_s) < 0.04
    lane = page.frames("stripes")[1]
    page.move_to(60, lane["y"] + 8, "click")
    until(lambda: "hide" in page.fragment(), "a thread is chosen")
    assert page.text("threads") == "Threads: 1 of 3"
    assert not page.problems()
