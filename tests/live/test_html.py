# SPDX-License-Identifier: MIT
"""The page in a real browser: real clicks and keys in headless Chromium.

The profiles are made up (tests/unit/make_profile.h, tests/tools/make_recording.c), and what a page should show is
computed from the data in the file by html_page.py, which test_readers.py holds against every other format. Nothing
here needs BPF.
"""

import collections
import json
import os
import re
import subprocess

import pytest

import browser
import html_page
import made
import svg_data
from browser import ActionChains, By, Browser, driver, screen  # noqa: F401
from programs import PROGRAM, built
from selenium.webdriver.common.keys import Keys

pytestmark = pytest.mark.offline

# What a payload would do if it ran: leave its mark where it can be looked for.
PAYLOAD = "</script><img src=x onerror=\"window.planted=1\">;\x1b[31m]]><script>window.planted=1</script>'\"&amp;"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("html")


@pytest.fixture(scope="module")
def make_page(folder):
    """A function: settings of make_svg → path of a page."""
    program = built("tests/unit/make_svg")
    made = {}

    def page(**settings):
        key = tuple(sorted(settings.items()))
        if key not in made:
            made[key] = folder / f"{len(made)}.{settings.get('format', 'html')}"
            words = [f"{name}={value}" for name, value in {"format": "html", **settings}.items()]
            with open(made[key], "wb") as out:
                subprocess.run([program, *words], check=True, stdout=out)
        return made[key]

    return page


def convert(source, target, *options):
    subprocess.run([PROGRAM, "convert", "-i", source, "-o", target, *options], check=True, timeout=120)
    return target


def until(true, what, seconds=30):
    return browser.until(true, what, seconds)


class Page(Browser):
    def open(self, path, fragment=""):
        super().open(path, fragment)
        self.wait_ready()

    def wait_ready(self):
        until(lambda: self.script("return document.documentElement.dataset.ready"), "the page is built")

    def script(self, text, *args):
        return self.driver.execute_script(text, *args)

    def text(self, name):
        return self.script("return document.getElementById(arguments[0]).textContent", name)

    def click(self, name):
        self.element(name).click()

    def frames(self, pane="flame"):
        """[{text, x, y, width, hit, above}] as drawn, in px of the window; the picture is up to date."""
        self.driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
        return self.script("""const c = document.querySelector('#' + arguments[0] + ' canvas'), r = c.getBoundingClientRect(),
            top = c.closest('.pane').scrollTop;
            return (c.frames || []).map(b => ({text: b.text, x: r.x + b.x, y: r.y + b.y - top, width: b.width, hit: b.hit,
                above: b.above}));""", pane)

    def frame(self, text, pane="flame"):
        return next((f for f in self.frames(pane) if f["text"] == text), None)

    def mouse(self, frame, action="click"):
        self.move_to(frame["x"] + min(frame["width"] / 2, 40), frame["y"] + 8, action)

    def drag(self, name, from_share, to_share):
        """From one place of an element's width to another."""
        r = self.script("const r = document.getElementById(arguments[0]).getBoundingClientRect(); return [r.x, r.y, r.width]", name)
        pointer = ActionChains(self.driver, duration=0)
        pointer.w3c_actions.pointer_action.move_to_location(int(r[0] + r[2] * from_share), int(r[1] + 30))
        pointer.w3c_actions.pointer_action.pointer_down()
        pointer.w3c_actions.pointer_action.move_to_location(int(r[0] + r[2] * (from_share + to_share) / 2), int(r[1] + 32))
        pointer.w3c_actions.pointer_action.move_to_location(int(r[0] + r[2] * to_share), int(r[1] + 32))
        pointer.w3c_actions.pointer_action.pointer_up()
        pointer.perform()

    def rows(self, name="table"):
        """[(name as shown in full, own share, total share, samples in all)] of all rows of a table."""
        return [(title, own, total, int(samples.split()[0].replace(",", "")))
                for title, own, total, samples in self.script("""const box = document.getElementById(arguments[0]);
            box.style.flex = 'none'; box.style.height = '60000px'; box.dispatchEvent(new Event('scroll'));
            const rows = [...box.querySelectorAll('.row')].map(row => [row.querySelector('.name').title,
                ...['own', 'total'].map(k => row.querySelector('.figure.' + k + ' .share').textContent),
                row.querySelector('.figure.total').title]);
            box.style.flex = box.style.height = '';
            return rows""", name)]


@pytest.fixture
def page(driver):
    driver.set_window_size(1400, 900)
    return Page(driver)


@pytest.fixture(scope="module")
def service(make_page):
    return make_page()


@pytest.fixture(scope="module")
def data(service):
    return html_page.Page(service)


# ---- what should be shown


def label(data, function, line=None):
    file, first, name = data.function(function)
    short = data.head["texts"][data["function_short_file"][function - 1]]
    return f"{name} ({short or file}:{first if line is None else line})" if file else name


def time_of(part):
    return part[4]


def samples_of(part):
    return part[3]


def sums(data, keep=lambda part: True, weight=time_of, by_line=False):
    """(own, total) by the text of functions or lines, and of all, for the parts that are kept."""
    own, total, everything = collections.Counter(), collections.Counter(), 0
    for part in data.parts():
        amount = weight(part) if keep(part) else 0
        if not amount:
            continue
        frames = data.stack(part[1])
        texts = [label(data, data["frame_function"][f - 1], data["frame_line"][f - 1] if by_line else None) for f in frames]
        for text in set(texts):
            total[text] += amount
        own[texts[-1]] += amount
        everything += amount
    return own, total, everything


def samples_within(first, end):
    return lambda part: sum(samples for at, samples, _ in part[5] if first <= at < end)


def time_within(first, end):
    """CPU time of a part in some slices: of all that it has exactly what it has."""

    def of(part):
        inside = [ns for at, _, ns in part[5] if first <= at < end]
        return time_of(part) if len(inside) == len(part[5]) else sum(inside)

    return of


def shown_share(value, everything):
    return f"{100 * value / everything:.2f}%"


# ---- the file


def test_the_file_is_inert(make_page):
    """Whatever names hold: nothing of a profile stands in the page as it is, and the policy knows no exception."""
    text = make_page(name=PAYLOAD, command=PAYLOAD, title=PAYLOAD).read_text(encoding="utf-8")
    assert "planted" not in re.sub(r"<title>.*?</title>", "", text)
    assert "<img" not in text and text.count("<script") == 2
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text).group(1)
    assert policy.count("'sha256-") == 3
    policy = re.sub(r"'sha256-[^']*'", "", policy)
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    markup = re.sub(r"(?s)<(script|style)[^>]*>.*?</\1>", "", text)
    assert not re.search(r"\s(src|href)\s*=\s*[\"'](?!data:,)", markup) and len(markup) < 3000
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
        assert word not in text
    page = html_page.Page(make_page(name=PAYLOAD, command=PAYLOAD, title=PAYLOAD))
    assert any("onerror" in words for words in page.head["texts"])
    assert "onerror" in page.head["title"] and "\x1b" not in json.dumps(page.head, ensure_ascii=False)


def test_time_slices_hold_every_sample(data):
    for _, _, _, samples, time_ns, slices in data.parts():
        assert sum(count for _, count, _ in slices) == samples
        assert abs(sum(ns for _, _, ns in slices) - time_ns) <= data.type["row_unit"] / 2 + 1
        assert [at for at, _, _ in slices] == sorted({at for at, _, _ in slices})
        assert all(0 <= at < data.head["slices"] for at, _, _ in slices)
    assert sum(part[3] for part in data.parts()) == data.type["samples"]


# ---- the page


@pytest.mark.reader("Chromium", "html")
def test_opens_alone(page, service, data):
    page.open(service)
    assert page.driver.title == data.head["title"]
    assert len(page.frames()) > 200
    assert page.requests() == [service.as_uri()]
    assert page.problems() == []
    for fact in (f"{data.type['samples']:,} samples", "100 Hz asked, 99.4 Hz effective", "12 lost"):
        assert fact in page.text("facts") + page.text("lost")


def test_hostile_names_do_nothing(page, make_page):
    page.open(make_page(name=PAYLOAD, command=PAYLOAD, title=PAYLOAD), "#view=table")
    assert any("onerror" in row[0] and "\\x1b" in row[0] for row in page.rows())
    for view in ("sandwich", "source", "time", "flame"):
        page.click("tab-" + view)
    page.click("about-open")
    assert "onerror" in page.text("command")
    assert page.script("return window.planted") is None
    assert page.problems() == []


def test_the_policy_holds(page, service):
    page.open(service)
    page.script("""const s = document.createElement('script'); s.textContent = 'window.planted = 1'; document.body.append(s);
        const b = document.createElement('button'); b.setAttribute('onclick', 'window.planted = 1');
        document.body.append(b); b.click();""")
    assert page.script("return window.planted") is None
    assert "Content Security Policy" in str(page.problems())


@pytest.mark.reader("Chromium", "html")
def test_frames_are_those_of_the_svg(page, service, make_page, data):
    """Names, shares and colours' order: the same nodes in the same place, by name from left to right."""
    drawn = svg_data.read(make_page(format="svg"))
    edge, wanted = collections.defaultdict(int), collections.Counter()
    for number, depth, total in zip(drawn["label"], drawn["depth"], drawn["total"]):
        wanted[drawn["texts"][number], depth, round(edge[depth] / drawn["total"][0], 3)] += total
        edge[depth + 1] = edge[depth]
        edge[depth] += total
    page.open(service, "#order=name")
    frames = page.frames()
    ground, width = max(f["y"] for f in frames), max(f["width"] for f in frames)
    wide = [f for f in frames if f["width"] > 20]
    assert len(wide) > 100
    left = min(f["x"] for f in frames)
    for f in wide:
        depth = round((ground - f["y"]) / 18)
        near = [total for (text, d, x), total in wanted.items()
                if text == f["text"] and d == depth and abs(x - (f["x"] - left) / width) < 0.002]
        assert any(abs(total / drawn["total"][0] - f["width"] / width) < 0.001 for total in near), f


def test_colours_are_those_of_the_svg(page, service, make_page):
    svg = make_page(format="svg").read_text(encoding="utf-8")
    drawn = svg_data.read(make_page(format="svg"))
    light = svg.partition("@media")[0]
    colours = collections.defaultdict(set)
    for text, number in zip(drawn["texts"], drawn["colours"]):
        kind, shade = divmod(number, 12)
        name = "ulscikmwgr"[kind] + (str(shade) if kind < 4 or kind == 7 else "")
        colours[text].add(re.search(rf"\.{name} ?{{ ?fill: ?(#[0-9a-f]{{6}})", light).group(1))
    page.open(service, "#theme=light")
    page.frames()
    seen = page.script("""const c = document.querySelector('#flame canvas'), pen = c.getContext('2d'), ratio = c.width / c.clientWidth;
        const top = c.closest('.pane').scrollTop;
        return c.frames.filter(b => b.width > 20 && b.y > top && b.y + 18 < top + c.clientHeight).map(b => [b.text, '#' +
            [...pen.getImageData((b.x + b.width / 2) * ratio, (b.y + 15 - top) * ratio, 1, 1).data].slice(0, 3)
                .map(v => v.toString(16).padStart(2, '0')).join('')])""")
    assert len(seen) > 100
    right = [colour in colours[text] for text, colour in seen]
    assert sum(right) > 0.9 * len(right), seen  # the foot of a letter may be where the picture is looked at


def test_click_zooms_and_escape_returns(page, service):
    page.open(service)
    before = page.frames()
    row = [f for f in before if 100 < f["width"] < 500]
    page.mouse(row[0])
    zoomed = until(lambda: next((f for f in page.frames() if f["text"] == row[0]["text"] and f["width"] > 1300), None), "zoomed")
    assert not zoomed["above"]
    assert [f for f in page.frames() if f["above"]]
    assert page.text("name") == row[0]["text"]
    assert "zoom" in page.fragment()
    page.driver.back()
    until(lambda: page.frames() == before, "back leaves the zoom")
    page.mouse(row[0])
    until(lambda: "zoom" in page.fragment(), "zoomed again")
    page.keys(Keys.ESCAPE)
    until(lambda: page.frames() == before, "Esc leaves the zoom")
    assert page.fragment() == {}


def test_keyboard_walks_the_graph(page, service, data):
    page.open(service)
    assert page.focused() == "flame"
    page.keys(Keys.ARROW_UP, Keys.ARROW_UP)
    here = page.text("name")
    assert here != "all" and "sample" in page.text("figures")
    page.keys(Keys.ARROW_RIGHT)
    assert page.text("name") != here
    page.keys(Keys.ARROW_LEFT)
    assert page.text("name") == here
    page.keys(Keys.ENTER)
    until(lambda: any(f["text"] == here and f["width"] > 1300 for f in page.frames()), "Enter zooms")
    page.keys("i")
    icicle = page.frames()
    assert min(icicle, key=lambda f: f["y"])["text"] == "all" and page.fragment()["layout"] == "icicle"
    page.keys("0")
    until(lambda: "zoom" not in page.fragment(), "0 resets")


@pytest.mark.parametrize("expression", ["json", r"^query_", "views\\.py:5[0-9]+", "nothing like it"])
def test_search_matches_the_right_share(page, service, data, expression):
    page.open(service)
    page.keys("/")
    assert page.focused() == "search"
    page.keys(expression)
    found = re.compile(expression, re.IGNORECASE)
    processes = data.head["processes"]
    matched = everything = 0
    for thread, stack, _, _, ns, _ in data.parts():
        process = processes[data.head["threads"][thread]["process"]]
        texts = [f"process {process['pid']}:\"{process['command']}\""]
        texts += [label(data, data["frame_function"][f - 1], data["frame_line"][f - 1]) for f in data.stack(stack)]
        matched += ns if any(map(found.search, texts)) else 0
        everything += ns
    until(lambda: page.text("matched") == f"{shown_share(matched, everything)} matched", (matched, everything))
    assert all(f["hit"] == bool(found.search(f["text"])) for f in page.frames() if f["text"] != "all")
    page.keys(Keys.ENTER, Keys.ESCAPE)
    until(lambda: page.text("matched") == "" and not any(f["hit"] for f in page.frames()), "Esc clears")


def test_what_is_no_expression_is_searched_as_text(page, service):
    page.open(service)
    page.keys("/", "(json/decoder.py:2")
    until(lambda: page.text("matched").endswith("matched") and not page.text("matched").startswith("0.00"), "found as it is")
    assert page.problems() == []


@pytest.mark.reader("Chromium", "html")
def test_table_has_the_numbers(page, service, data):
    page.open(service, "#view=table")
    own, total, everything = sums(data)
    counts = sums(data, weight=samples_of)[1]
    wanted = {text: (shown_share(own[text], everything), shown_share(total[text], everything), counts[text]) for text in total}
    rows = page.rows()
    assert {row[0]: row[1:] for row in rows} == wanted
    shares = [float(row[1].rstrip("%")) for row in rows]
    assert shares == sorted(shares, reverse=True)
    page.script("document.querySelector('#table-total button').click()")
    shares = [float(row[2].rstrip("%")) for row in page.rows()]
    assert shares == sorted(shares, reverse=True) and page.fragment()["sort"] == "total"
    page.script("document.querySelector('#table-name button').click()")
    names = [row[0].rsplit(" (", 1)[0] for row in page.rows()]
    assert names == sorted(names)
    page.keys("/", "^parse", Keys.ENTER)
    until(lambda: all(row[0].startswith("parse") for row in page.rows()), "the search filters")
    page.keys("0")
    page.script("const s = document.getElementById('group'); s.value = 'line'; s.dispatchEvent(new Event('change'))")
    own, total, everything = sums(data, by_line=True)
    assert {row[0]: row[1] for row in page.rows()} == {text: shown_share(own[text], everything) for text in total}


def test_time_brush_is_followed_everywhere(page, service, data):
    page.open(service, "#view=table")
    page.drag("brush", 0.02, 0.13)
    ends = [float(end) for end in until(lambda: page.fragment().get("time"), "a span is selected").split("-")]
    step = data.head["slice_ns"] / 1e9
    first, end = (round(at / step) for at in ends)
    assert 0 < first < end < data.head["slices"]
    own, total, everything = sums(data, weight=time_within(first, end))
    counts = sums(data, weight=samples_within(first, end))[1]
    wanted = {text: (shown_share(own[text], everything), shown_share(total[text], everything), counts[text]) for text in counts}
    assert {row[0]: row[1:] for row in page.rows()} == wanted
    samples = sum(samples_within(first, end)(part) for part in data.parts())
    page.keys("1")
    page.mouse(page.frame("all"), "hover")
    shown = f"{made.share_text(1, 1, samples)} · {everything / 1e9:.{3 if everything < 1e10 else 1}f} CPU s · {samples:,} sample"
    until(lambda: page.text("figures").startswith(shown), "the flame graph has the span's time and samples")
    page.script("document.getElementById('brush-to').focus()")
    page.keys(Keys.ARROW_RIGHT)
    until(lambda: page.fragment()["time"].endswith(f"-{(end + 1) * step:.4f}"), "an arrow moves the end by a slice")
    assert page.element("brush-to").get_attribute("aria-valuenow") == f"{(end + 1) * step:.3f}"
    page.drag("brush", 0.05, 0.1)  # inside: the span moves, as wide as it was
    def moved():
        begin, stop = (round(float(at) / step) for at in page.fragment()["time"].split("-"))
        return stop - begin == end + 1 - first and begin > first

    until(moved, "the span is elsewhere and as wide")
    page.click("brush-all")
    until(lambda: "time" not in page.fragment(), "all of the time")


def test_threads_and_gil_can_be_chosen(page, service, data):
    page.open(service, "#view=table")
    page.keys("t")
    rows = page.driver.find_elements(By.CSS_SELECTOR, "#threads-panel .thread")
    assert len(rows) == len({part[0] for part in data.parts()})
    words = rows[3].find_element(By.CSS_SELECTOR, "label").text
    rows[3].find_element(By.CSS_SELECTOR, ".only").click()
    page.keys(Keys.ESCAPE)
    until(lambda: page.script("return !document.getElementById('threads-panel').open"), "Esc closes")
    chosen = [i for i, t in enumerate(data.head["threads"]) if t and f"({t['tid']})" in words]
    assert len(chosen) == 1
    total = sums(data, keep=lambda part: part[0] in chosen, weight=samples_of)[1]
    assert {row[0]: row[3] for row in page.rows()} == total
    page.keys("g")
    total = sums(data, keep=lambda part: part[0] in chosen and part[2], weight=samples_of)[1]
    until(lambda: {row[0]: row[3] for row in page.rows()} == total, "only samples with the GIL")
    assert page.element("threads").text == f"Threads: 1 of {len(rows)}"


def test_containers_can_be_roots_and_be_chosen(page, service, folder):
    doc = made.document(samples=300, processes=3)
    doc["labels"] = [{"process": i, "key": "container", "value": "web <1>"} for i in (0, 2)]
    source, target = folder / "containers.json", folder / "containers.html"
    source.write_text(json.dumps(doc))
    page.open(convert(source, target, "--containers"))
    assert page.element("roots").get_property("value") == "container"
    inside = [s for s in doc["samples"] if s["pid"] != 101]
    for text, samples in (("container web <1>", inside), ("no container", [s for s in doc["samples"] if s["pid"] == 101])):
        page.mouse(page.frame(text), "hover")
        until(lambda: f" {len(samples):,} sample" in page.text("figures"), text)
    page.keys("t")
    rows = page.driver.find_elements(By.CSS_SELECTOR, "#threads-panel .container")
    assert sorted(row.find_element(By.CSS_SELECTOR, "label").text for row in rows) == ["container web <1>", "no container"]
    next(row for row in rows if "web" in row.text).find_element(By.CSS_SELECTOR, ".only").click()
    page.keys(Keys.ESCAPE)
    until(lambda: page.element("threads").text == "Threads: 4 of 6", "the container's threads alone")
    page.open(service)
    assert not page.driver.find_elements(By.CSS_SELECTOR, "#roots option[value=container]")


@pytest.mark.reader("Chromium", "html")
def test_callers_and_callees(page, service, data):
    page.open(service, "#view=sandwich")
    own, total, everything = sums(data)
    name = max(total, key=lambda text: (own[text], total[text]))
    until(lambda: page.text("name") == name, "the hottest function is chosen")
    callers, callees, time_ns = collections.Counter(), collections.Counter(), 0
    for _, stack, _, _, ns, _ in data.parts():
        frames = data.stack(stack)
        texts = [label(data, data["frame_function"][f - 1]) for f in frames]
        if name not in texts:
            continue
        at = texts.index(name)  # towards the root: recursion counts once
        lines = [label(data, data["frame_function"][f - 1], data["frame_line"][f - 1]) for f in frames]
        time_ns += ns
        callers[lines[at - 1] if at else None] += ns
        callees[lines[at + 1] if at + 1 < len(lines) else None] += ns
    frames = page.frames("sandwich")
    middle = next(f for f in frames if f["text"] == name and f["width"] > 500)
    for rows, direction in ((callers, -18), (callees, 18)):
        beside = [f for f in frames if abs(f["y"] - middle["y"] - direction) < 1 and f["width"] > 5]
        assert beside
        for f in beside:
            assert f["width"] / middle["width"] == pytest.approx(rows[f["text"]] / time_ns, abs=0.001)
    other = next(f for f in frames if abs(f["y"] - middle["y"] + 18) < 1 and f["width"] > 30)
    page.mouse(other)
    until(lambda: page.text("name").rsplit(":", 1)[0] == other["text"].rsplit(":", 1)[0] and page.text("name") != name,
          "a click makes the caller the middle")
    page.driver.back()
    until(lambda: page.text("name") == name, "and back")
    page.mouse(next(f for f in page.frames("sandwich") if f["text"] == other["text"]))
    until(lambda: page.text("name") != name, "again")
    page.keys(Keys.BACKSPACE)
    until(lambda: page.text("name") == name, "Backspace is a way back too")


def test_time_order_draws_samples_where_they_were(page, folder):
    """Two functions, one after the other: left is earlier."""
    subprocess.run([built("tests/tools/make_recording"), "seconds=20", "threads=2", "processes=1", "stacks=40",
                    folder / "short.pybpf"], check=True, stdout=subprocess.DEVNULL)
    path = convert(folder / "short.pybpf", folder / "short.html")
    data = html_page.Page(path)
    page.open(path, "#view=time&mode=name")
    frames = page.frames("time")
    lanes = sorted({f["y"] for f in frames})
    assert len(lanes) > 10
    left, width = page.script("const r = document.querySelector('#time canvas').getBoundingClientRect(); return [r.x, r.width]")
    seconds = data.head["slices"] * data.head["slice_ns"] / 1e9
    present = collections.defaultdict(list)
    for _, stack, _, _, _, slices in data.parts():
        for frame in data.stack(stack):
            name = data.function(data["frame_function"][frame - 1])[2]
            present[name] += [at * data.head["slice_ns"] / 1e9 for at, _, _ in slices]
    for f in frames[:2000]:
        name = f["text"].rsplit(" (", 1)[0]
        begin, end = (f["x"] - left) / width * seconds, (f["x"] - left + f["width"]) / width * seconds
        assert any(begin - 0.1 <= at <= end + 0.1 for at in present[name]), f
    wide = max((f for f in frames if f["width"] < 400), key=lambda f: f["width"])
    page.mouse(wide)
    until(lambda: "time" in page.fragment(), "a click selects the frame's span of time")
    until(lambda: any(f["text"] == wide["text"] and f["width"] > wide["width"] for f in page.frames("time")), "it is wider")
    page.keys(Keys.HOME)
    until(lambda: "time" not in page.fragment(), "Home shows all")


@pytest.mark.reader("Chromium", "html")
def test_source_lines_have_heat(page, make_page, folder):
    """Files that are here and fit; one of them changed after the recording, one that is another program's."""
    text = make_page(format="json").read_text(encoding="utf-8").replace("/srv/shop/", f"{folder}/shop/")
    (folder / "shop/app").mkdir(parents=True)
    made = html_page.Page(make_page())
    for name in ("views.py", "models.py"):
        lines = [f"# {i}" for i in range(1, 1400)]
        for number in range(1, len(made["function_name"]) + 1):
            file, first, function = made.function(number)
            if file.endswith("/app/" + name):
                lines[first - 1] = f"def {function.rsplit('.', 1)[-1] if name == 'views.py' else 'other'}():  # </script>"
        (folder / "shop/app" / name).write_text("\n".join(lines) + "\n")
    (folder / "moved.json").write_text(text)
    old = 1700000000  # before the recording
    for name in ("views.py", "models.py"):
        os.utime(folder / "shop/app" / name, (old, old))
    path = convert(folder / "moved.json", folder / "moved.html")
    data = html_page.Page(path)
    states = {data.head["texts"][s["file"]]: s["state"] for s in data.head["sources"]}
    assert states[f"{folder}/shop/app/views.py"] == "text" and states[f"{folder}/shop/app/models.py"] == "differs"
    assert set(states.values()) == {"text", "differs", "missing"}
    os.utime(folder / "shop/app/views.py")
    newer = html_page.Page(convert(folder / "moved.json", folder / "newer.html"))
    assert "newer" in {s["state"] for s in newer.head["sources"]} and not any("text" in s for s in newer.head["sources"])
    page.open(path, f"#view=source&file={folder}/shop/app/views.py")
    own, total, everything = sums(data, by_line=True)
    shown = page.script("""return [...document.querySelectorAll('#code .line')].map(row =>
        ['number', 'own', 'total', 'text'].map(k => row.querySelector('.' + k).textContent))""")
    assert len(shown) > 10
    file = [s for s in data.head["sources"] if s["state"] == "text"][0]["text"].split("\n")
    seen = 0
    for number, own_text, total_text, words in shown:
        assert file[int(number) - 1] == words
        here = [text for text in total if text.endswith(f"(app/views.py:{number})")]
        assert total_text == (shown_share(sum(total[t] for t in here), everything) if here else "")
        own_sum = sum(own[t] for t in here)
        assert own_text == (shown_share(own_sum, everything) if own_sum else "")
        seen += bool(own_text)
    assert seen
    page.keys("n")
    assert re.search(r"views\.py:\d+$", page.text("name")) and "%" in page.text("figures")


def test_says_what_was_lost_and_how_it_was_recorded(page, service, data):
    page.open(service)
    page.click("lost")
    until(lambda: page.script("return document.getElementById('about').open"), "the panel opens")
    shown = page.element("about").text
    for words in (data.head["command"], "the ring buffer was full", "12", "3,456", "the process is not Python", "without Python",
                  "no failure", "100 Hz asked", "shop-1", "3.12.1, 3.8.20", data.head["loss_text"]):
        assert words in shown, words
    page.keys(Keys.ESCAPE)
    page.keys("?")
    assert page.script("return document.getElementById('help').open")
    page.keys("?")
    assert not page.script("return document.getElementById('help').open")


def test_state_is_in_the_address(page, service, make_page):
    page.open(service)
    frame = next(f for f in page.frames() if 100 < f["width"] < 500)
    page.mouse(frame)
    page.keys("o", "i", "l", "/", "parse|Größe & <x>", Keys.ENTER)
    until(lambda: page.text("matched"), "searched")
    url, frames, matched = page.driver.current_url, page.frames(), page.text("matched")
    until(lambda: set(page.fragment()) == {"zoom", "order", "layout", "mode", "search"}, "all of it is in the address")
    page.driver.get("about:blank")
    page.driver.get(url)
    page.wait_ready()
    until(lambda: page.text("matched") == matched, "restored")
    assert page.frames() == frames
    assert page.element("search").get_property("value") == "parse|Größe & <x>"


def test_views_of_convert_are_the_first_look(page, make_page):
    page.open(make_page(view="Fit"))
    assert page.element("mode").get_property("value") == "function"
    assert page.element("roots").get_property("value") == "thread"
    assert min(page.frames(), key=lambda f: f["y"])["text"] == "all"
    assert any(f["text"].startswith("thread (") for f in page.frames())


def test_dark_and_light(page, service):
    def luminance():
        return sum(map(int, re.findall(r"\d+", page.script("return getComputedStyle(document.body).backgroundColor"))[:3]))

    page.open(service)
    assert luminance() > 600
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]})
    try:
        until(lambda: luminance() < 200, "the page follows the system")
        page.keys("d")
        until(lambda: luminance() > 600, "light by choice")
        assert page.fragment()["theme"] == "light"
        page.keys("d")
        until(lambda: luminance() < 200, "dark by choice")
    finally:
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_follows_the_window(page, service):
    page.open(service)
    page.driver.set_window_size(600, 800)
    until(lambda: 500 < (page.frame("all") or {"width": 0})["width"] < 600, "narrow")
    for view in ("time", "sandwich", "table", "source", "flame"):
        page.click("tab-" + view)
        assert page.script("return document.documentElement.scrollWidth <= innerWidth"), view
    ratio = page.script("const c = document.querySelector('#flame canvas'); return c.width / c.clientWidth / devicePixelRatio")
    assert ratio == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("width, height", [(400, 800), (800, 600)])
def test_small_screens(page, make_page, width, height):
    """The roots are in sight, nothing moves while the pointer does, and heads are above their columns."""
    with screen(page, width, height):
        page.open(make_page(name="long_" * 60, depth=70))
        pane = "const p = document.getElementById('flame').getBoundingClientRect(); return [p.y, p.bottom]"
        before, root = page.script(pane), page.frame("all")
        assert root["y"] + 18 <= before[1] + 1
        page.script("document.getElementById('name').textContent = 'long_'.repeat(400)")
        assert page.script(pane) == before and page.frame("all") == root
        assert page.script("return document.documentElement.scrollWidth <= innerWidth")
        page.keys("5")
        head, row = (page.script(f"return [...document.querySelector('#view-source {line}').children].map(e => e.getBoundingClientRect().x)")
                     for line in (".line.heads", ".code .line"))
        assert head == pytest.approx(row, abs=2)


def test_paper_has_the_whole_width(page, service):
    """A canvas is drawn for the window; printed, it is scaled to what the paper has."""
    page.open(service)
    with screen(page, 700, 500, "print"):
        box, canvas = (page.script(f"return document.querySelector('{one}').getBoundingClientRect().width")
                       for one in ("#flame", "#flame canvas"))
        assert canvas == pytest.approx(box, abs=1)


def test_tabs_and_names_for_screen_readers(page, service):
    page.open(service)
    page.element("tab-flame").send_keys(Keys.ARROW_RIGHT)
    assert page.focused() == "tab-time" and page.element("tab-time").get_attribute("aria-selected") == "true"
    nameless = page.script("""return [...document.querySelectorAll('button, input, select, [role=slider], [role=application]')]
        .filter(e => !(e.textContent.trim() || e.ariaLabel || e.title || e.labels && e.labels.length)).map(e => e.outerHTML)""")
    assert nameless == []
    for view in "2345":
        page.keys(view)
        assert page.script("return document.activeElement.closest('.view') !== null")


def test_nothing_to_show_says_why(page, make_page):
    for view in ("flame", "time", "sandwich", "table", "source"):
        page.open(make_page(processes=0), f"#view={view}")
        assert page.problems() == []
    assert page.text("lost").startswith("12 lost")


def test_a_million_samples(page, folder):
    """Twenty threads, twelve hundred thousand samples: it opens, and the brush moves."""
    program = built("tests/tools/make_recording")
    subprocess.run([program, "seconds=600", folder / "long.pybpf"], check=True, stdout=subprocess.DEVNULL)
    path = convert(folder / "long.pybpf", folder / "long.html")
    assert path.stat().st_size < 4_000_000
    page.open(path, "#view=table")
    assert "1,200,000 samples" in page.text("facts")
    before = page.rows()
    page.drag("brush", 0.2, 0.4)
    until(lambda: "time" in page.fragment(), "a span is selected")
    chosen = page.rows()
    assert 0 < sum(row[3] for row in chosen) < sum(row[3] for row in before)
    page.keys("2")
    assert len(page.frames("time")) > 100
    assert page.problems() == []


# ---- the first view


def outermost(page):
    """{text: share} of what stands on `all`, as it is drawn."""
    frames = page.frames()
    rows = sorted({f["y"] for f in frames}, reverse=True)
    width = max(f["width"] for f in frames)
    return {f["text"]: f["width"] / width for f in frames if f["y"] == rows[1]}


def test_a_server_begins_with_the_users_code(page, make_page):
    """Twenty frames of a library first: the picture begins behind them, and one key or click has them."""
    path = make_page(processes=1, threads=1, server=20, stacks=60)
    data = html_page.Page(path)
    users = {label(data, f, line) for f, line in zip(data["frame_function"], data["frame_line"])
             if f and data["function_colour"][f - 1] < 12}
    page.open(path)
    first = outermost(page)
    assert "[outside your code]" in first and set(first) - {"[outside your code]"} <= users and len(first) > 2
    assert page.element("own").get_attribute("aria-pressed") == "true" and page.fragment() == {}
    matched = collections.Counter()
    for part in data.parts():
        stack = [label(data, data["frame_function"][f - 1], data["frame_line"][f - 1]) for f in data.stack(part[1])]
        matched[next((text for text in stack if text in users), "[outside your code]")] += time_of(part)
    whole = sum(matched.values())
    for text, share in first.items():
        assert share == pytest.approx(matched[text] / whole, abs=2e-3), text
    page.click("own")
    (server,) = set(outermost(page)) - {text for text in outermost(page) if text.startswith("[")}
    assert server not in first and page.fragment() == {"own": "0"}
    page.keys("u")
    assert outermost(page) == first and page.fragment() == {}
    # the order of time has it all
    page.open(path, "#view=time")
    assert any(f["text"] == server for f in page.frames("time"))
    assert page.problems() == []


def test_a_pool_is_one_program(page, make_page):
    path = make_page(processes=4, view="m")
    page.open(path)
    assert set(outermost(page)) == {"python3 -m gunicorn shop.wsgi (2 processes)",
                                    "python3 worker.py --queue mail (2 processes)"}
    assert page.element("roots").get_attribute("value") == "program" and page.fragment() == {}
    page.keys("p")
    assert all(text.startswith("process 4") for text in outermost(page)) and len(outermost(page)) == 4
    page.open(make_page(processes=4), "#roots=program")
    assert "python3 worker.py --queue mail (2 processes)" in outermost(page)
    page.open(make_page(processes=2))  # of two programs: nothing to merge
    assert "program" not in page.script("return [...document.getElementById('roots').options].map(o => o.value)")


def test_the_legend_names_libraries(page, service):
    page.open(service)
    legend = dict(page.script("""return [...document.querySelectorAll('.legend > span')].map(e =>
        [e.textContent, e.querySelector('.swatch') && getComputedStyle(e.querySelector('.swatch')).backgroundColor])"""))
    assert legend["site-packages"] is None and legend["flask"] != legend["sqlalchemy"]


def test_time_order_opens_at_the_busiest_place(page, folder):
    """Of a long recording, with the root on top; other views are still of all of it."""
    subprocess.run([built("tests/tools/make_recording"), "seconds=300", "threads=2", "processes=1", "stacks=40",
                    folder / "long.pybpf"], check=True, stdout=subprocess.DEVNULL)
    path = convert(folder / "long.pybpf", folder / "long.html")
    data = html_page.Page(path)
    slice_s, everything = data.head["slice_ns"] / 1e9, data.type["samples"]
    per_slice = [0] * data.head["slices"]
    for part in data.parts():
        for at, _, ns in part[5]:
            per_slice[at] += ns
    page.open(path, "#view=time")
    words = page.text("brush-words")
    assert words.startswith("The busiest span: ")
    begin, end = (float(page.element("brush-" + which).get_attribute("aria-valuenow")) for which in ("from", "to"))
    assert 2 < end - begin < 30
    wide = round((end - begin) / slice_s)
    most = max(sum(per_slice[i : i + wide]) for i in range(len(per_slice) - wide + 1))
    assert sum(per_slice[round(begin / slice_s) :][:wide]) >= 0.99 * most
    frames = page.frames("time")
    roots = {label(data, data["frame_function"][data.stack(part[1])[0] - 1], data["frame_line"][data.stack(part[1])[0] - 1])
             for part in data.parts()}
    assert {f["text"] for f in frames if f["y"] == min(f["y"] for f in frames)} <= roots
    page.keys("i")
    turned = page.frames("time")
    assert not {f["text"] for f in turned if f["y"] == min(f["y"] for f in turned)} <= roots
    page.keys("i")
    assert page.fragment() == {"view": "time"}
    page.click("tab-flame")
    assert f"{everything:,} samples" in page.text("figures")  # of all of the time
    page.click("tab-time")
    page.keys(Keys.HOME)
    assert page.script("return document.querySelector('#brush').classList.contains('whole')")
    page.keys(Keys.ARROW_UP)
    assert "time" in page.fragment()
    assert page.problems() == []


@pytest.mark.parametrize("view", ["flame", "time"])
def test_a_phone_has_room_for_the_picture(page, make_page, view):
    """Two thirds of it; the rest is behind a button."""
    with browser.screen(page, 390, 844):
        page.open(make_page(server=20), "#view=" + view)
        room = page.script("return document.querySelector('main').getBoundingClientRect().height")
        assert room >= 844 * 0.64
        assert not page.element("leaf").is_displayed() and page.element("search").is_displayed()
        page.click("options")
        assert page.element("leaf").is_displayed()
        assert page.script("return document.documentElement.scrollWidth") <= 390
    page.driver.set_window_size(1400, 900)
    page.open(make_page(server=20))
    assert page.element("leaf").is_displayed() and not page.element("options").is_displayed()
