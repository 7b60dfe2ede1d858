# SPDX-License-Identifier: MIT
"""The flame graph in a real browser: real clicks and keys in headless Chromium, and expat as the XML parser.

The profiles are made up (tests/unit/make_profile.h), so what a page should show is known from the data in the
file; nothing here needs BPF.
"""

import re
import subprocess
import urllib.parse
import xml.etree.ElementTree as ElementTree

import pytest

import browser
import made
import svg_data
from browser import ActionChains, By, Browser, driver, screen  # noqa: F401
from programs import PROGRAM, ROOT, built
from selenium.webdriver.common.keys import Keys

pytestmark = pytest.mark.offline

SVG = "{http://www.w3.org/2000/svg}"
# What a payload would do if it ran: leave its mark where it can be looked for.
PAYLOAD = "</script><svg onload=\"window.planted=1\">;\x1b[31m]]><script>window.planted=1</script>'\"&amp;"


@pytest.fixture(scope="module")
def make_svg(tmp_path_factory):
    """A function: settings of make_svg → path of an SVG."""
    program = built("tests/unit/make_svg")
    folder = tmp_path_factory.mktemp("svg")
    made = {}

    def make(**settings):
        key = tuple(sorted(settings.items()))
        if key not in made:
            made[key] = folder / f"{len(made)}.svg"
            words = [f"{name}={value}" for name, value in settings.items()]
            made[key].write_bytes(subprocess.run([program, *words], check=True, stdout=subprocess.PIPE).stdout)
        return made[key]

    return make


def matched_share(data, expression, top=0):
    """CPU time at or below a matching frame, in %, the slow way."""
    flags = re.IGNORECASE
    found = [bool(re.search(expression, text, flags)) for text in data["texts"]]
    covered, total = [], 0
    for i, parent in enumerate(data["parent"]):
        above = parent >= 0 and covered[parent]
        inside = i == top or (parent >= 0 and i > top and is_below(data, i, top))
        hit = i > 0 and inside and found[data["label"][i]]
        if hit and not above:
            total += data["total"][i]
        covered.append(above or hit)
    return 100 * total / data["total"][top]


def is_below(data, i, top):
    while i > top:
        i = data["parent"][i]
    return i == top


class Page(Browser):
    def frames(self):
        """(node, x, y, width, height, flags) of each frame that is drawn, in px of the window; the picture is up to date."""
        self.driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
        return self.driver.execute_script("""const c = document.querySelector('#flame canvas');
            if (!c)
                return [];
            const r = c.getBoundingClientRect(), top = c.closest('.pane').scrollTop;
            return (c.frames || []).map(b => [b.ref, r.x + b.x, r.y + b.y - top, b.width, 17,
                ['hit', 'above', 'here'].filter(flag => b[flag])])""")

    def frame(self, node):
        return next((f for f in self.frames() if f[0] == node), None)

    def mouse(self, node, action):
        """Moves the mouse over a frame as a hand would, and does `action` there."""
        _, x, y, width, height, _ = self.frame(node)
        self.move_to(x + min(width / 2, 40), y + height / 2, action)

    def click(self, node):
        self.mouse(node, "click")

    def chord(self, modifier, key):
        ActionChains(self.driver, duration=0).key_down(modifier).send_keys(key).key_up(modifier).perform()

    def text(self, name):
        return self.element(name).text


def until(true, what, seconds=10):
    return browser.until(true, what, seconds)


@pytest.fixture
def page(driver):
    driver.set_window_size(1400, 900)
    return Page(driver)


@pytest.fixture(scope="module")
def service(make_svg):
    return make_svg()


@pytest.fixture(scope="module")
def data(service):
    return svg_data.read(service)


def text_of(data, node):
    return data["texts"][data["label"][node]]


def figures(data, node, still=False):
    seconds, samples = data["total"][node] / 1e9, data["samples"][node]
    return (
        f"{made.share_text(data['total'][node], data['total'][0], data['samples'][0])} · "
        f"{seconds:.{3 if still or seconds < 10 else 1}f} CPU s · {samples:,} sample{'s' if samples != 1 else ''}"
    )


def title_of(data, node):
    """As the still picture has it."""
    return f"{text_of(data, node)} ({figures(data, node, still=True)})"


def some_frame(data, page, depth):
    """A frame that is drawn, has room for its text and is not all of its row."""
    nodes = [f[0] for f in page.frames() if f[3] > 60 and data["depth"][f[0]] == depth]
    assert nodes
    return nodes[len(nodes) // 2]


# ---- the file


@pytest.mark.parametrize("settings", [
    {}, {"view": "it"}, {"stacks": 0}, {"processes": 0}, {"processes": 1, "threads": 1, "stacks": 1, "depth": 1},
    {"name": PAYLOAD, "command": PAYLOAD, "title": PAYLOAD}, {"view": "F"}, {"depth": 1000, "stacks": 40},
], ids=str)
def test_is_a_document(make_svg, settings):
    root = ElementTree.parse(make_svg(**settings)).getroot()
    assert root.tag == SVG + "svg"
    assert root.get("width") == "100%"
    assert root.get("viewBox")
    assert root.find(SVG + "title").text
    for element in root.iter():
        assert not [name for name in element.attrib if name.lower().startswith("on")], element.tag
        assert not [name for name in element.attrib if "href" in name], element.tag


def test_still_picture_and_data_agree(service, data):
    """Without a script the same frames are there, as wide as their CPU time."""
    root = ElementTree.parse(service).getroot()
    drawn = 0
    known = {}
    for node in range(len(data["label"])):
        known.setdefault(title_of(data, node), set()).add(data["total"][node])
    for g in root.iter(SVG + "g"):
        title = g.find(SVG + "title")
        if title is None:
            continue
        name = title.text.rpartition(" (")[0]
        width = float(g.find(SVG + "rect").get("width"))
        assert any(abs(width + 0.6 - 1176 * ns / data["total"][0]) < 0.11 for ns in known[title.text]), title.text
        label = g.find(SVG + "text")
        if label is not None:
            shown = "".join(label.itertext())
            assert name.startswith(shown.rstrip("…")) and len(shown) * 6.6 <= width
        drawn += 1
    assert drawn > 500


def test_is_compact(make_svg):
    path = make_svg(processes=20, threads=8, stacks=1500, depth=100, view="t")
    nodes = len(svg_data.read(path)["total"])
    assert nodes > 50_000
    assert path.stat().st_size < 40 * nodes


def test_same_function_same_colour(make_svg):
    def colours(path):
        data = svg_data.read(path)
        return {re.sub(r":\d+\)$", ")", text): colour for text, colour in zip(data["texts"], data["colours"])}

    one, other = colours(make_svg()), colours(make_svg(processes=2, threads=1, view="F", stacks=90))
    common = [name for name in one if name in other and name.endswith(")")]
    assert len(common) > 50
    assert all(one[name] == other[name] for name in common)
    kind = {name: colour // 12 for name, colour in one.items()}
    assert {kind[n] for n in common if "(app/" in n} == {0}
    assert {kind[n] for n in common if "(json/" in n or "(threading" in n} == {1}
    assert {kind[n] for n in common if "(flask/" in n or "(sqlalchemy/" in n} == {2}


def luminance(colour):
    linear = [v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4
              for v in (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))]
    return sum(part * v for part, v in zip((0.2126, 0.7152, 0.0722), linear))


def test_names_can_be_read_on_every_colour():
    """As WCAG counts it, 4.5 to 1, in light and in dark; the place in brackets, too, which is paler."""
    whole = (ROOT / "user/format/svg/svg_style.css").read_text()
    alpha = float(re.search(r"tspan \{ fill-opacity: ([\d.]+)", whole).group(1))
    assert f"globalAlpha = {alpha} * alpha" in (ROOT / "user/format/flame/flame_pane.js").read_text()
    light, dark = re.split(r"@media \(prefers-color-scheme: dark\)", whole)[:2]
    for style in (light, dark):
        text = re.search(r"\ntext \{ fill: (#\w{6})", style).group(1)
        fills = re.findall(r"\.([a-z]\d*) ?\{ ?fill: ?(#\w{6})", style)
        assert len(fills) > 60
        for name, colour in fills:
            pale = "#" + "".join(f"{round(alpha * int(text[i : i + 2], 16) + (1 - alpha) * int(colour[i : i + 2], 16)):02x}"
                                 for i in (1, 3, 5))
            low, high = sorted((luminance(pale), luminance(colour)))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (name, colour)


def test_says_what_was_pruned(make_svg):
    root = ElementTree.parse(make_svg(processes=20, threads=8, stacks=1500, depth=100, view="t")).getroot()
    assert re.search(r"[\d,]+ frames below 0\.01% left out", "".join(root.itertext()))


@pytest.mark.parametrize("form", ["pybpf", "json"])
def test_the_command_draws_the_same(make_svg, service, tmp_path, form):
    """From either input that `pybpfprof flamegraph` takes."""
    source = tmp_path / f"rec.{form}"
    source.write_bytes(make_svg(format=form).read_bytes())
    out = tmp_path / "out.svg"
    subprocess.run([PROGRAM, "flamegraph", "-i", source, "-o", out], check=True, timeout=60)
    drawn, wanted = svg_data.read(out), svg_data.read(service)
    for key in ("title", "texts", "colours", "label", "depth", "own", "pruned", "total", "samples"):
        assert drawn[key] == wanted[key], key


# ---- the page


@pytest.mark.reader("Chromium", "svg")
def test_opens_alone(page, service, data):
    page.open(service)
    assert page.driver.title == data["title"]
    assert len(page.frames()) > 300
    assert page.requests() == [service.as_uri()]
    assert page.problems() == []
    facts = page.driver.find_element(By.CSS_SELECTOR, "#app .facts").text
    for fact in ("samples", "100 Hz asked, 99.4 Hz effective", "CPU seconds", "4 processes", "12 lost"):
        assert fact in facts
    assert not page.driver.find_elements(By.ID, "still")


def test_width_follows_the_window(page, service, data):
    page.open(service)
    for width in (1400, 800):
        page.driver.set_window_size(width, 900)
        until(lambda: abs(page.frame(0)[3] - page.driver.execute_script("return innerWidth")) < 50, f"{width} px")
        scale = page.frame(0)[3] / data["total"][0]
        for node, _, _, drawn, _, _ in page.frames():
            assert abs(drawn - data["total"][node] * scale) < 1
        room = page.driver.execute_script("""const c = document.querySelector('#flame canvas');
            return c.frames.filter(b => b.shown).map(b => b.width - 3.5 - c.getContext('2d').measureText(b.shown).width)""")
        assert room and min(room) > -1  # texts end inside their frames


@pytest.mark.reader("Chromium", "svg")
def test_click_zooms_and_reset_returns(page, service, data):
    page.open(service)
    before = page.frames()
    node = some_frame(data, page, 3)
    page.click(node)
    until(lambda: page.frame(node)[3] > 1300, "the clicked frame is as wide as the window")
    above, i = [], data["parent"][node]
    while i >= 0:
        above.append(i)
        i = data["parent"][i]
    for i in above:
        assert "above" in page.frame(i)[5]
        assert page.frame(i)[3] > 1300
    assert all(is_below(data, f[0], node) for f in page.frames() if f[0] not in above)
    assert page.text("name") == text_of(data, node)
    page.click(above[0])  # a click on an ancestor widens
    until(lambda: "above" not in page.frame(above[0])[5], "the ancestor is zoomed")
    page.element("reset").click()
    until(lambda: len(page.frames()) == len(before), "all frames are back")
    assert [f[:4] for f in page.frames()] == [f[:4] for f in before]
    assert page.fragment() == {}


def test_details_and_tooltip(page, service, data):
    page.open(service)
    narrow = next(f[0] for f in page.frames() if 4 < f[3] < 12)
    for node in (some_frame(data, page, 2), narrow):
        page.mouse(node, "hover")
        until(lambda: page.text("name") == text_of(data, node), "the details name the frame")
        assert page.text("figures").startswith(figures(data, node))
        title = page.driver.execute_script("return document.querySelector('#flame canvas').title")
        assert title == f"{text_of(data, node)} ({figures(data, node)})"


@pytest.mark.parametrize("expression", ["json", r"^query_", "views\\.py:5[0-9]+", "LAMBDA", "nothing like it",
                                        "parse|render"])
def test_search_matches_the_right_share(page, service, data, expression):
    page.open(service)
    page.keys("/")
    assert page.focused() == "search"
    page.keys(expression)
    expected = f"{matched_share(data, expression):.2f}% matched"
    until(lambda: page.text("matched") == expected, expected)
    for node, *_, classes in page.frames():
        assert ("hit" in classes) == (node > 0 and bool(re.search(expression, text_of(data, node), re.IGNORECASE)))
    page.keys(Keys.ESCAPE)
    until(lambda: page.text("matched") == "", "Esc clears the search")
    assert page.element("search").get_property("value") == ""
    assert not [f for f in page.frames() if "hit" in f[5]]


@pytest.mark.reader("Chromium", "svg")
def test_search_inside_a_zoom_and_case(page, service, data):
    page.open(service)
    node = some_frame(data, page, 3)
    page.click(node)
    page.chord(Keys.CONTROL, "f")
    assert page.focused() == "search"
    page.keys("render")
    expected = f"{matched_share(data, 'render'):.2f}% matched, {matched_share(data, 'render', node):.2f}% of zoom"
    until(lambda: page.text("matched") == expected, expected)
    page.element("clear").click()
    page.keys(Keys.HOME)
    page.keys("/")
    page.keys("RENDER")
    until(lambda: not page.text("matched").startswith("0.00%") and page.text("matched"), "case does not matter")
    page.element("case").click()
    until(lambda: page.text("matched") == "0.00% matched", "case matters")


def test_what_is_no_expression_is_searched_as_text(page, service, data):
    page.open(service)
    page.keys("/")
    page.keys("(json/decoder.py:2")
    share = matched_share(data, re.escape("(json/decoder.py:2"))
    assert share > 0
    until(lambda: page.text("matched") == f"{share:.2f}% matched", "searched for as it is")
    assert "literal" in page.element("search").get_attribute("class")
    assert page.problems() == []


def test_state_survives_a_reload_and_can_be_shared(page, make_svg, service, data):
    page.open(service)
    node = some_frame(data, page, 4)
    page.click(node)
    page.keys("/")
    top = page.frame(node)[2]
    page.keys("parse|Größe & <x>")
    until(lambda: page.text("matched"), "searched")
    assert page.frame(node)[2] == top  # what is under the pointer stays there
    page.element("layout").click()
    url, matched, name = page.driver.current_url, page.text("matched"), page.text("name")
    frames = page.frames()
    assert set(page.fragment()) == {"zoom", "search", "layout"}

    def is_restored():
        return page.frame(node) and page.text("matched") == matched and page.text("name") == name

    page.driver.refresh()
    until(is_restored, "state after a reload")
    assert page.frames() == frames
    page.driver.get("about:blank")
    page.driver.get(url)
    until(is_restored, "state from the link alone")
    assert page.frames() == frames
    assert page.element("search").get_property("value") == "parse|Größe & <x>"
    other = make_svg(view="i")  # another file of the same program: the same frame is found
    page.open(other, "#" + urllib.parse.urlsplit(url).fragment)
    until(lambda: page.text("name") == name, "the zoom in another file")


def test_back_leaves_the_zoom(page, service, data):
    page.open(service)
    node = some_frame(data, page, 3)
    page.click(node)
    until(lambda: "zoom" in page.fragment(), "zoomed")
    page.driver.back()
    until(lambda: page.fragment() == {} and page.frame(0) and "above" not in page.frame(0)[5], "back")


@pytest.mark.parametrize("fragment", ["#zoom=zzz", "#zoom=deadbeef", "#search=(((&case=7", "#layout=", "#%", "#zoom"])
def test_broken_links_still_open(page, service, fragment):
    page.open(service, fragment)
    assert len(page.frames()) > 300
    assert page.problems() == []


def test_on_a_phone(page, make_svg):
    """It is as wide as the screen, the roots are in sight, and nothing moves while the pointer does."""
    path = make_svg(name="long_" * 60, depth=70)
    size = {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        page.open(path)
        until(lambda: page.driver.execute_script("return innerWidth") == 400, "the page is as wide as the screen")
        pane = "const p = document.getElementById('flame').getBoundingClientRect(); return [p.y, p.bottom]"
        until(lambda: page.frame(0) and page.frame(0)[3] < 400, "drawn for it")
        before, (_, _, y, _, height, _) = page.driver.execute_script(pane), page.frame(0)
        assert y + height <= before[1] + 1
        page.driver.execute_script("document.getElementById('name').textContent = 'long_'.repeat(400)")
        assert page.driver.execute_script(pane) == before
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_paper_has_the_whole_width(page, service):
    """Frames are drawn for the window; printed, they are scaled to what the paper has."""
    page.open(service)
    with screen(page, 700, 500, "print"):
        box, canvas = (page.driver.execute_script(f"return document.querySelector('{one}').getBoundingClientRect().width")
                       for one in ("#flame", "#flame canvas"))
        assert canvas == pytest.approx(box, abs=1)


@pytest.mark.parametrize("view, root_on_top", [("", False), ("i", True)])
def test_icicle_and_flame(page, make_svg, view, root_on_top):
    page.open(make_svg(view=view, depth=12))

    def is_root_on_top():
        frames = page.frames()
        return page.frame(0)[2] == min(f[2] for f in frames)

    assert is_root_on_top() == root_on_top
    page.element("layout").click()
    until(lambda: is_root_on_top() != root_on_top, "the graph is turned over")
    page.keys("i")
    until(lambda: is_root_on_top() == root_on_top, "the key turns it back")


def test_keyboard_alone(page, service, data):
    page.open(service)
    for _ in range(8):
        if page.focused() == "flame":
            break
        page.keys(Keys.TAB)
    assert page.focused() == "flame"

    def here():
        return next((f[0] for f in page.frames() if "here" in f[5]), None)

    page.keys(Keys.ARROW_UP)
    first = here()
    children = [i for i, parent in enumerate(data["parent"]) if parent == 0]
    assert first == max(children, key=lambda i: data["total"][i])
    assert page.text("name") == text_of(data, first)
    page.keys(Keys.ARROW_RIGHT if first == children[0] else Keys.ARROW_LEFT)
    assert here() in children and here() != first
    page.keys(Keys.ARROW_UP, Keys.ARROW_UP)
    node = here()
    assert data["depth"][node] == 3
    page.keys(Keys.ENTER)
    until(lambda: page.frame(node)[3] > 1300, "Enter zooms")
    page.keys(Keys.ARROW_DOWN)
    assert here() == data["parent"][node]
    page.keys(Keys.ESCAPE)
    until(lambda: page.fragment() == {}, "Esc resets")


@pytest.mark.parametrize("view", ["", "t", "i"])
def test_hostile_names_are_inert(page, make_svg, view):
    path = make_svg(processes=2, threads=1, stacks=15, depth=12, name=PAYLOAD, command=PAYLOAD, title=PAYLOAD, view=view)
    page.open(path)
    data = svg_data.read(path)
    hostile = next(i for i, label in enumerate(data["label"]) if "planted" in data["texts"][label])
    assert data["texts"][data["label"][hostile]].startswith(PAYLOAD.replace("\x1b", "\\x1b") + " (")
    page.keys("/")
    page.keys("planted")
    until(lambda: page.text("matched"), "found by search")
    assert page.text("matched") != "0.00% matched"
    page.keys(Keys.TAB)
    node = next((f[0] for f in page.frames() if "hit" in f[5] and f[3] > 6), None)
    assert node is not None
    page.click(node)
    until(lambda: "planted" in page.text("name"), "zoomed")
    page.driver.refresh()
    assert page.driver.execute_script("return window.planted") is None
    assert page.driver.execute_script("return document.querySelectorAll('script').length") == 2
    assert page.driver.execute_script("return document.querySelector('[onload]')") is None
    assert {url for url in page.requests() if not url.startswith("about:")} <= {page.driver.current_url,
                                                                              path.as_uri()}
    assert page.problems() == []


def test_a_large_graph_zooms_at_once(page, make_svg):
    page.open(make_svg(processes=20, threads=8, stacks=1500, depth=100, view="t"))
    until(page.frames, "drawn", 30)
    times = page.driver.execute_async_script("""
        const done = arguments[0], times = [], canvas = document.querySelector('#flame canvas');
        const drawn = () => new Promise(ready => requestAnimationFrame(() => requestAnimationFrame(ready)));
        (async () => {
            for (let n = 0; n < 9; n++) {
                const start = performance.now(), r = canvas.getBoundingClientRect(), b = canvas.frames[1];
                canvas.dispatchEvent(new MouseEvent('click', {clientX: r.x + b.x + 1,
                    clientY: r.y + b.y + 8 - canvas.closest('.pane').scrollTop}));
                await drawn();
                times.push(performance.now() - start);
                document.getElementById('reset').click();
                await drawn();
            }
            done(times);
        })();""")
    print("zoom in ms:", [round(t) for t in times])
    assert sorted(times)[len(times) // 2] < 2000  # 100 ms on an idle machine; this one may be busy
    assert page.problems() == []


def test_scrolling_draws_what_comes_into_sight(page, make_svg):
    page.open(make_svg(depth=300, stacks=60))

    def rows():
        return {round(f[2]) for f in page.frames()}

    page.driver.execute_script("document.getElementById('flame').scrollTop = 2000")
    box = page.driver.execute_script("""const r = document.getElementById('flame').getBoundingClientRect();
        return [r.top, r.bottom]""")
    until(lambda: min(rows()) <= box[0] + 18 and max(rows()) >= box[1] - 36, "rows fill the pane")
    assert len(page.frames()) < 5000


def test_empty_profile_is_friendly(page, make_svg):
    page.open(make_svg(stacks=0))
    words = page.driver.execute_script("return document.documentElement.textContent")
    assert "No samples were taken." in words and "the ring buffer was full" in words
    assert page.problems() == []


def test_without_script_it_is_still_a_picture(driver, make_svg, tmp_path):
    """As a README shows it: an <img>, where scripts do not run."""
    html = tmp_path / "readme.html"
    html.write_text(f'<body><img width="1200" src="{make_svg(depth=12).as_uri()}"></body>')
    driver.set_window_size(1300, 900)
    driver.get(html.as_uri())
    image = driver.find_element(By.TAG_NAME, "img")
    assert driver.execute_script("return arguments[0].naturalWidth", image) > 0
    assert image.size["height"] > 250
    png = image.screenshot_as_png
    assert len(png) > 20_000  # an empty canvas of this size has 2 kB


# ---- where the user's code begins, and whose the rest is


def drawn_texts(page):
    return page.driver.execute_script("""const c = document.querySelector('#flame canvas');
        return c.frames.map(b => b.text)""")


def outermost(page):
    """{text: share} of what stands on `all`, as it is drawn."""
    page.frames()
    return dict(page.driver.execute_script("""const f = document.querySelector('#flame canvas').frames, rows = [...new Set(f.map(b => b.y))]
        .sort((a, b) => b - a), all = f.find(b => b.y === rows[0]);
        return f.filter(b => b.y === rows[1]).map(b => [b.text, b.width / all.width])"""))


def test_a_server_begins_with_the_users_code(page, make_svg):
    """Twenty frames of a library first: the picture begins behind them, and one key or click has them."""
    path = make_svg(processes=1, threads=1, server=20, stacks=60)
    data = svg_data.read(path)
    server = next(data["texts"][data["label"][i]] for i, depth in enumerate(data["depth"]) if depth == 1)
    user = {text for text, colour in zip(data["texts"], data["colours"]) if colour < 12}
    page.open(path)
    first = outermost(page)
    assert "[outside your code]" in first and server not in first
    assert set(first) - {"[outside your code]"} <= user and len(first) > 2
    assert page.element("own").get_attribute("aria-pressed") == "true" and page.fragment() == {}
    # what is left out is only in front: the user's functions have what they have in the whole picture
    covered, inside = {}, []
    for i, parent in enumerate(data["parent"]):
        text = data["texts"][data["label"][i]]
        inside.append(text in user or parent >= 0 and inside[parent])
        if text in user and not (parent >= 0 and inside[parent]):
            covered[text] = covered.get(text, 0) + data["total"][i]
    for text, share in first.items():
        if text in covered:
            assert share == pytest.approx(covered[text] / data["total"][0], abs=2e-3), text
    outside = 1 - sum(covered.values()) / data["total"][0]
    assert first["[outside your code]"] == pytest.approx(outside, abs=2e-3)
    page.element("own").click()
    assert set(outermost(page)) >= {server} and page.fragment() == {"own": "0"}
    page.keys("u")
    assert outermost(page) == first and page.fragment() == {}
    page.click(next(f[0] for f in page.frames() if f[3] > 100 and f[0] > 0))
    page.keys("u")
    assert server in outermost(page)  # the whole is whole
    page.open(path, "#own=0")
    assert server in outermost(page)
    assert page.problems() == []


@pytest.mark.parametrize("settings", [{"view": "w", "server": 20}, {"server": 1}], ids=["asked for", "not far"])
def test_the_whole_is_first(page, make_svg, settings):
    page.open(make_svg(processes=1, threads=1, stacks=60, **settings))
    assert "[outside your code]" not in outermost(page)
    page.keys("u")
    assert "[outside your code]" in outermost(page)


def test_nothing_to_begin_with(page, make_svg, tmp_path):
    """Threads that begin in the user's code have no such button."""
    subprocess.run([PROGRAM, "convert", "-i", made.write(tmp_path / "in.json"), "-o", tmp_path / "out.svg"], check=True)
    page.open(tmp_path / "out.svg")
    assert not page.element("own").is_displayed()
    page.open(make_svg(processes=1, threads=1, server=20, stacks=60))
    assert page.element("own").is_displayed()


def test_the_legend_names_libraries(page, make_svg):
    path = make_svg()
    page.open(path)
    legend = page.driver.execute_script("""return [...document.querySelectorAll('.legend > span')].map(e =>
        [e.textContent, e.querySelector('.swatch') && getComputedStyle(e.querySelector('.swatch')).backgroundColor])""")
    named = dict(legend)
    assert named["site-packages"] is None
    assert named["flask"] and named["sqlalchemy"] and named["flask"] != named["sqlalchemy"]
    data = svg_data.read(path)
    slots = {name: {colour // 2 for text, colour in zip(data["texts"], data["colours"]) if f"({name}/" in text}
             for name in ("flask", "sqlalchemy")}
    assert all(len(slot) == 1 for slot in slots.values()) and slots["flask"] != slots["sqlalchemy"]
    still = path.read_text()[: path.read_text().index("<script")]
    assert ">flask<" in still and ">sqlalchemy<" in still


def test_one_thread_needs_no_row(page, make_svg):
    """What all stacks would stand on is what all is called, unless the whole is asked for."""
    data = svg_data.read(make_svg(processes=1, threads=1, view="t"))
    assert data["texts"][data["label"][0]] == "thread (4010): MainThread" and "all" not in data["texts"]
    data = svg_data.read(make_svg(processes=1, threads=1, view="tw"))
    assert [data["texts"][label] for label in data["label"][:2]] == ["all", "thread (4010): MainThread"]


def test_a_pool_has_one_root(make_svg):
    data = svg_data.read(make_svg(processes=4, view="m"))
    roots = {data["texts"][label] for label, depth in zip(data["label"], data["depth"]) if depth == 1}
    assert roots == {"python3 -m gunicorn shop.wsgi (2 processes)", "python3 worker.py --queue mail (2 processes)"}


def test_a_phone_has_room_for_the_picture(page, make_svg):
    with screen(page, 390, 844):
        page.open(make_svg(server=20))
        until(page.frames, "drawn")
        room = page.driver.execute_script("return document.querySelector('main').getBoundingClientRect().height")
        assert room >= 844 * 0.6
