# SPDX-License-Identifier: MIT
"""`top` as people use it: in a terminal (tmux's), with every key, the mouse, in any size; and in pipes.

A screen is read by capture-pane. Everything waits for what is to appear, never for a time.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import unicodedata

import pytest

from conftest import PROGRAM, children_of, wait_until

QUICK = ["--interval", "200ms"]
pytestmark = pytest.mark.skipif(not shutil.which("tmux"), reason="needs tmux")


class Terminal:
    """A shell in a tmux of its own."""

    def __init__(self, folder, columns=100, lines=24, env=None):
        self.home = tempfile.mkdtemp()  # a socket's path has to be short
        self.folder = folder
        self.env = {**os.environ, "LC_ALL": "C.UTF-8", **(env or {})}
        self.env.pop("TMUX", None)
        if "NO_COLOR" not in (env or {}):
            self.env.pop("NO_COLOR", None)
        (folder / "rc").write_text("PS1='prompt$ '; unset HISTFILE; ulimit -c 0\n")
        size = ["-x", str(columns), "-y", str(lines)]
        self.tmux("-u", "-f", "/dev/null", "new-session", "-d", *size, f"bash --noprofile --rcfile {folder}/rc")
        self.wait(lambda screen: "prompt$" in screen, "the shell")

    def tmux(self, *args):
        done = subprocess.run(
            ["tmux", "-S", f"{self.home}/socket", *args], cwd=self.folder, env=self.env, stdout=subprocess.PIPE, timeout=60
        )
        return done.stdout.decode(errors="replace")

    def screen(self, *options):
        return self.tmux("capture-pane", "-p", *options)

    def line(self, at):
        return self.screen().split("\n")[at]

    def foot(self):
        return self.screen().rstrip("\n").split("\n")[-1]

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def text(self, text):
        self.tmux("send-keys", "-l", text)

    def click(self, x, y, button=0):
        """As a terminal tells it (X10): button, column and line, each plus 32; 64 and 65 are the wheel."""
        for what in [button] if button >= 64 else [button, 3]:  # 3: it is let go
            self.keys("-H", "1b", "5b", "4d", *(f"{n:x}" for n in (32 + what, 33 + x, 33 + y)))

    def click_sgr(self, x, y, button=0):
        """As newer terminals tell it (SGR 1006): positions as numbers, from 1 on."""
        self.text(f"\x1b[<{button};{x + 1};{y + 1}M" + ("" if button >= 64 else f"\x1b[<{button};{x + 1};{y + 1}m"))

    def wait(self, check, what):
        def look():
            look.screen = self.screen()
            return check(look.screen)

        try:
            wait_until(look, what)
        except AssertionError as error:
            raise AssertionError(f"{error}; the screen is\n{look.screen}") from None
        return look.screen

    def wait_text(self, *texts):
        return self.wait(lambda screen: all(text in screen for text in texts), f"{texts}")

    def press(self, keys, *texts):
        """Keys, and what they lead to."""
        self.keys(*keys.split(" "))
        return self.wait_text(*texts)

    def run(self, *args, ready="%Own"):
        """Starts the program; its status will be on the screen when it has ended."""
        # The words are not on the command line as they will be on the screen.
        self.text("clear; " + " ".join([str(PROGRAM), "top", *map(str, args)]) + "; echo sta''tus=$?\n")
        return self.wait_text(ready) if ready else None

    def pid(self):
        shell = int(self.tmux("display-message", "-p", "#{pane_pid}"))
        for pid in children_of(shell):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/exe") == str(PROGRAM.resolve()):
                    return pid
        raise AssertionError("the program does not run")

    def settings(self):
        """What a program may have changed: the line, the screen, the cursor, the mouse, the keypad."""
        device = self.tmux("display-message", "-p", "#{pane_tty}").strip()
        line = subprocess.run(["stty", "-a", "-F", device], stdout=subprocess.PIPE).stdout
        flags = "#{alternate_on} #{cursor_flag} #{mouse_any_flag} #{mouse_sgr_flag} #{keypad_flag} #{keypad_cursor_flag}"
        return line, self.tmux("display-message", "-p", flags).strip()

    def wait_settings(self, before):
        wait_until(lambda: self.settings() == before, f"the terminal as it was: {before}")

    def close(self):
        self.tmux("kill-server")
        shutil.rmtree(self.home, ignore_errors=True)


@pytest.fixture
def terminal(tmp_path):
    opened = []

    def start(*args, **options):
        opened.append(Terminal(tmp_path, *args, **options))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """The workload with three subprocesses and eight threads, running; and a recording of it."""
    import interpreters
    from conftest import WORKLOADS, Workload

    python = ([i for i in interpreters.MATRIX if i.minor == (3, 12)] or interpreters.MATRIX)[-1]
    workload = Workload([python.path, WORKLOADS / "several.py"]).wait_ready().go()
    wait_until(lambda: len(list(children_of(workload.pid))) == 3, "its children")
    folder = tmp_path_factory.mktemp("several")
    workload.recording = folder / "rec.pybpf"
    workload.json = folder / "rec.json"
    subprocess.run(
        [PROGRAM, "record", "-q", "-s", "-p", str(workload.pid), "-r", "999", "-d", "1500ms", "-o",
         workload.recording, "-o", workload.json], check=True, stdin=subprocess.DEVNULL,
    )
    yield workload
    workload.kill()


def rows_of(screen):
    """{function: [numbers]} of a screen or table."""
    rows = {}
    for line in screen.split("\n"):
        found = re.match(r"((?: *[\d.]+h?){5})  (?:[↑●↓] )?(\S+)", line)
        if found:
            rows[found.group(2)] = [float(n) for n in found.group(1).split()]
    return rows


def columns_of(text):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


# ---- numbers ---------------------------------------------------------------------------------------------


def test_numbers_are_true(python, spawn, pybpfprof):
    """Known shares of CPU time, line by line, since the start; live, until the target ends."""
    workload = spawn(python, "split.py", 0.6)
    program = subprocess.Popen(
        [PROGRAM, "top", "-p", str(workload.pid), "-r", "2499", "--json", "--lines", "--interval", "300ms"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
    )
    first = json.loads(program.stdout.readline())  # it samples
    workload.go().finish()
    objects = [first, *map(json.loads, program.stdout)]
    assert program.wait(60) == 0

    assert len(objects) >= 4
    last = objects[-1]
    assert last["lost"] == 0 or last["walked_percent"] > 95
    assert sum(row["own_seconds"] for row in last["rows"]) == pytest.approx(last["cpu_seconds"], abs=1e-3)
    assert last["cpu_seconds"] == pytest.approx(
        sum(one["cpus_busy"] * one["interval_seconds"] for one in objects), rel=0.02)
    for function in ("inline", "through_helper"):
        spent = {}
        for parent in workload.truth["splits"].values():
            for line, seconds in parent[function].items():
                spent[int(line)] = spent.get(int(line), 0) + seconds
        found = {row["line"]: row["total_seconds"] for row in last["rows"] if row["function"] == function}
        assert set(spent) <= set(found)
        share = {line: found[line] / sum(found[n] for n in spent) for line in spent}
        for line in spent:
            assert share[line] == pytest.approx(spent[line] / sum(spent.values()), abs=0.05)
    # Each interval stands for itself; the thread never sleeps, so it holds the GIL whenever it is seen.
    for one in objects:
        assert sum(row["own_percent"] for row in one["rows"]) == pytest.approx(100 * one["cpus_busy"], abs=0.1)
        assert one["gil_percent"] <= 100 * one["cpus_busy"] + 0.01


@pytest.mark.parametrize("kind", ["recording", "json"])
def test_a_file_has_the_numbers_of_the_report(kind, several, pybpfprof):
    path = getattr(several, kind)
    done = pybpfprof("top", "--input", path, "--json")
    assert done.returncode == 0, done.stderr
    top = json.loads(done.stdout)
    document = json.loads(several.json.read_bytes())
    own, total = {}, {}
    for sample in document["samples"]:
        names = [name.rsplit(".", 1)[-1] for name in sample["stack"]]
        own[names[-1]] = own.get(names[-1], 0) + sample["value"]
        for name in set(names):
            total[name] = total.get(name, 0) + sample["value"]
    rows = {row["function"].rsplit(".", 1)[-1]: row for row in top["rows"]}
    for name in ("spin", "three", "one", "work", "child"):
        assert rows[name]["own_seconds"] == pytest.approx(own.get(name, 0), abs=1e-4)
        assert rows[name]["total_seconds"] == pytest.approx(total[name], abs=1e-4)
    assert top["samples"] == len(document["samples"])
    assert sum(row["own_percent"] for row in top["rows"]) == pytest.approx(100, abs=0.1)
    assert top["processes"] == 4


def test_plain_tables(several, pybpfprof):
    """One table with --once; one for each interval until the duration is over; a closed pipe is no failure."""
    target = ["-s", "-p", several.pid]
    done = pybpfprof("top", *target, "--once", "--interval", "1500ms", "-r", "999")
    assert done.returncode == 0 and done.stdout.count("%Own") == 1, done.stderr
    rows = rows_of(done.stdout)
    assert rows["three"][1] > rows["one"][1] > 0
    names = pybpfprof("top", "--input", several.recording, "--rows", 500).stdout
    assert "\x1b" not in names and "evil\\x1b[31m漢字\\r\\n" in names
    done = pybpfprof("top", *target, "--interval", "200ms", "-d", "1500ms", "--rows", 1, "--by", "thread")
    assert done.stdout.count("%Own") >= 3 and "… and" in done.stdout
    shell = f"{PROGRAM} top -s -p {several.pid} --interval 200ms | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", shell], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=60)
    assert done.stdout.decode().endswith("\n0\n")


def test_a_command(pybpfprof, terminal, python, tmp_path):
    """Its output does not get between ours, and its status is ours."""
    script = tmp_path / "app.py"
    script.write_text("import sys\nprint('said by the command', flush=True)\nfor i in range(2 * 10**6): pass\nsys.exit(7)\n")
    done = pybpfprof("top", "--json", "--", python.path, script)
    assert done.returncode == 7
    assert all("rows" in json.loads(line) for line in done.stdout.splitlines())
    assert "said by the command" in done.stderr
    window = terminal()
    window.run("--", python.path, script)
    window.wait_text("the command ended", "ended ·")
    assert "said by the command" not in window.screen()
    window.press("q", "said by the command", "status=7")


@pytest.mark.parametrize("args, why", [
    (["--input", "x.json", "-p", "1"], "leave the target out"),
    ([], "no target"),
    (["-a", "--sort", "colour"], "known are"),
    (["-a", "--filter", "("], "invalid regular expression"),
    (["-a", "--interval", "1ms"], "at least"),
])
def test_misunderstandings(args, why, pybpfprof):
    done = pybpfprof("top", *args)
    assert done.returncode == 2 and why in done.stderr


# ---- keys ------------------------------------------------------------------------------------------------


def test_every_key(several, terminal, tmp_path):
    window = terminal(110, 30)
    window.run("-p", several.pid, "--subprocesses", "--threads", "-r", "499", *QUICK, ready="by thread")
    window.wait(lambda s: "漢字" in s and "evil" in s, "all threads")
    window.press("t", "Functions ·")
    screen = window.wait(
        lambda s: {"spin", "three", "one", "work", "child"} <= set(rows_of(s)) and "4 proc" in s, "its rows")
    rows = rows_of(screen)
    # what is not spent in spin() is their own
    callers = [rows["three"], rows["one"]]
    assert sum(total for _, total, *_ in callers) <= rows["spin"][1] + sum(own for own, *_ in callers) + 0.5
    assert window.line(2).split() == ["%Own", "%Total", "Own", "Total", "GIL%", "Function", "File:Line"]

    # order
    for key, title in zip("23451", ["%Total", "Own", "Total", "GIL%", "%Own"]):
        window.press(key, f"· {title} ·")
    window.press("6", "· Function ·")
    names = [name for name in rows_of(window.screen())]
    assert names == sorted(names)
    window.press("6", "(reversed)")
    window.press("s", "· %Own ·")

    # filter
    window.press("/", "Filter")
    window.text("thre+$|one se")
    window.press("Enter", "/thre+$|one se/")
    window.wait(lambda s: set(rows_of(s)) == {"one"}, "only what matches")
    window.press("/", "Filter (regex): thre+$|one se")
    window.keys("C-u")
    window.text("spin|three")
    window.keys("Enter")
    window.wait(lambda s: set(rows_of(s)) == {"spin", "three"}, "only what matches now")
    window.press("Down", "/spin|three/")
    window.press("Enter", "Callers ↑ and callees ↓ of three (several.py:")  # the second of the two
    window.wait(lambda s: "↑ work" in s and "● three" in s and "↓ spin" in s, "its callers and callees")
    assert rows_of(window.screen())["spin"][3] <= rows_of(window.screen())["three"][3] + 0.01
    window.press("Up", "● three")
    window.press("Enter", "callees ↓ of ", "↓ three", "↓ one")
    window.press("Escape", "callees ↓ of three")
    window.press("Escape", "Functions ·")
    window.press("Escape", "Functions · %Own · the last")

    # lines, files, units
    window.press("l", "Lines ·")
    window.wait(lambda s: len(re.findall(r"  spin .*several\.py:\d+", s)) >= 2, "the lines of a function")
    window.press("l", "Functions ·")
    window.press("f", "/workloads/several.py:")
    window.press("f", "Functions ·")
    window.press("%", "% of all CPU time")
    window.press("%", "% of one CPU")

    # groups
    window.press("P", "Processes ·", "process ")
    assert window.screen().count('process ') >= 4
    window.press("Enter", "Functions in process")
    window.press("Escape", "Processes ·")
    window.press("P", "Process trees ·", "└ process ")
    screen = window.press("Enter", "Functions in process", f"{several.pid}:")
    assert " and below ·" in screen
    window.press("Escape", "Process trees ·")
    window.press("P", "Threads ·", "thread (")
    window.press("Enter", "Functions in thread")
    window.press("P", "Processes ·")
    window.press("P", "Process trees ·")
    window.press("P", "Threads ·")
    window.press("P", "Containers ·", "no container")
    window.press("P", "Functions ·")

    # the choice follows its row; the ends
    window.press("End", "Functions ·")
    window.press("Home", "Functions ·")
    window.press("PageDown", "Functions ·")
    window.press("PageUp", "Functions ·")

    # pause, reset, refresh
    window.press("p", "paused ·")
    before = window.screen()
    window.press("2", "· %Total ·")
    window.press("1", "· %Own ·")
    assert rows_of(window.screen()) == rows_of(before)
    window.keys("p")
    window.wait(lambda s: "paused" not in s and rows_of(s) != rows_of(before), "it to go on")
    window.press("-", "every 0.4 s")
    window.press("+", "every 0.2 s")
    spent = rows_of(window.screen())["spin"][2]
    window.press("r", "counted from here on")
    window.wait(lambda s: 0 < rows_of(s).get("spin", [0, 0, spent])[2] < spent, "the count to begin again")

    # help: each key is in it
    window.press("?", "lost", "this help")  # "no samples lost", or so many: late on a busy machine
    window.press("PageDown", "site-packages")
    window.press("x", "Functions ·")
    window.press("z", "no such key")
    window.press("q", "status=0")


def test_snapshots(several, terminal, tmp_path, pybpfprof):
    """w writes all of the run so far, in any format, and the view goes on."""
    rest = tmp_path / "rest"
    rest.mkdir()
    window = terminal(env={"TMPDIR": str(rest)})
    window.run("-s", "-p", several.pid, *QUICK)
    window.wait(lambda s: rows_of(s).get("three", [0] * 5)[3] > 0.02, "samples")
    seen = rows_of(window.screen())["three"][3]
    window.press("r", "counted from here on")  # of the numbers, not of the run
    for name in ("snap.json", "snap.pybpf", "snap.svg", "snap.prof", "snap.folded"):
        window.press("w", "Write to: pybpfprof-")
        window.keys("C-u")
        window.text(name)
        window.press("Enter", f"wrote {name} (")
    for name in ("snap.json", "snap.pybpf"):
        top = json.loads(pybpfprof("top", "--input", tmp_path / name, "--json").stdout)
        three = sum(row["total_seconds"] for row in top["rows"] if row["function"] == "three")
        assert three >= seen - 0.011  # two decimals
    assert "several.py" in (tmp_path / "snap.folded").read_text()
    window.press("w", "Write to:")
    window.text(".nothing")
    window.press("Enter", "extension names no format")
    window.press("w", "Write to:")
    window.press("Escape", "q quit")
    window.press("q", "status=0", "wrote snap.svg")
    assert not os.listdir(rest), "what it kept of the run for its snapshots"


def test_a_file_is_browsed(several, terminal):
    window = terminal()
    window.run("--input", several.recording)
    screen = window.wait_text("file ·", "% of all CPU time")
    assert "every" not in screen
    window.press("r", "no new data")
    window.press("+", "does not change")
    window.press("P", "Processes ·")
    window.press("Enter", "Functions in process")
    window.press("q", "status=0")


def test_types_of_values(terminal, python, spawn):
    """All of a thread's time first; then each kind, and round again."""
    workload = spawn(python, "waits.py", 1000).go()
    window = terminal(110, 40)
    window.run("-p", workload.pid, "--wall", *QUICK)
    for said, waits in [
        (None, True),
        ("CPU time", False),
        ("time off the CPU", True),
        ("time that threads waited for the GIL", False),
        ("time that others waited while this held the GIL", False),
        ("wall time", True),
    ]:
        if said:
            window.press("v", said)
        window.wait(lambda s: ("[lock]" in rows_of(s)) == waits, f"{said}: waits are shown: {waits}")
    window.press("q", "status=0")


@pytest.mark.parametrize("way", ["old", "sgr"])
def test_the_mouse(way, several, terminal):
    window = terminal(100, 10)
    if way == "sgr":
        window.click = window.click_sgr
    window.run("--input", several.recording)
    titles = window.line(2)
    for title in ("Total", "%Own", "GIL%", "%Total", "Own"):
        window.click(re.search(rf"(?<!%){title}" if title[0] != "%" else title, titles).start() + 1, 2)
        window.wait_text(f"· {title} ·")
    shown = list(rows_of(window.screen()))
    assert len(shown) == 6
    window.click(10, 5, button=65)
    window.wait(lambda s: list(rows_of(s))[:1] == shown[3:4], "the wheel to scroll down")
    window.click(10, 5, button=64)
    window.wait(lambda s: list(rows_of(s)) == shown, "the wheel to scroll up")
    window.click(50, 4)
    window.press("Enter", f"callees ↓ of {shown[1]} ")
    window.press("q", "status=0")


@pytest.mark.parametrize("term", ["xterm-256color", "screen", "tmux-256color"])
def test_the_mouse_of_terminals_by_any_name(term, several, terminal):
    """What terminfo says of a terminal's mouse is no matter; columns beyond 223 are reached; broken events are no keys."""
    window = terminal(250, 12, env={"TERM": term})
    window.text(f"export TERM={term}\n")
    window.run("--input", several.recording, "--threads", "--by", "function")
    window.click_sgr(1, 2)
    window.wait_text("%Own (reversed)")
    window.click_sgr(240, 2)
    window.wait_text("· Function ·")
    for broken in ("\x1b[<0;1", "\x1b[<999999999999;3;4M", "\x1b[<q;1;1M", "\x1b[<0;0;0M", "\x1b[<35;3;3M", "\x1b[<2;3;3M"):
        window.text(broken)
    wait_until(lambda: not window.press("2", "· %Total ·") is None, "a key to work")
    assert "status=" not in window.screen()
    window.press("q", "status=0")


def test_the_mouse_is_left_to_the_terminal(several, terminal):
    """m turns it off and on, --no-mouse begins so; at the end, and while suspended, the terminal has it."""
    flags = "#{mouse_any_flag} #{mouse_sgr_flag}"
    window = terminal(100, 20)

    def wait_flags(want):
        wait_until(lambda: window.tmux("display-message", "-p", flags).strip() == want, f"the mouse to be {want}")

    window.run("--input", several.recording)
    wait_flags("1 1")
    window.press("m", "the mouse is the terminal's")
    wait_flags("0 0")
    window.press("m", "the mouse sorts")
    wait_flags("1 1")
    window.press("C-z", "Stopped")
    wait_flags("0 0")
    window.text("fg\n")
    wait_flags("1 1")
    window.keys("q")
    wait_flags("0 0")
    window.run("--input", several.recording, "--no-mouse")
    wait_flags("0 0")
    window.press("m", "the mouse sorts")
    wait_flags("1 1")
    window.press("q", "status=0")


def test_a_suggestion_is_replaced(several, terminal, tmp_path):
    """Typing replaces it, erasing and arrows keep it; it is the other way round until then."""
    window = terminal()
    window.run("--input", several.recording)
    window.press("w", "Write to: pybpfprof-snapshot-")
    assert re.search(r"\x1b\[[\d;]*7m[^\n]*pybpfprof-snapshot-", window.screen("-e").split("\n")[23]), "it is marked"
    window.text("mine.folded")
    window.wait(lambda s: "Write to: mine.folded" in s.rstrip().split("\n")[-1], "what was typed alone")
    window.press("Enter", "wrote mine.folded")
    window.press("w", "Write to: pybpfprof-snapshot-")
    window.keys(*["BSpace"] * 3)
    window.text("folded")
    window.wait(lambda s: re.search(r"pybpfprof-snapshot-\w+\.folded", s), "its extension to be another")
    window.press("Enter", "wrote pybpfprof-snapshot-")
    window.press("w", "Write to: pybpfprof-snapshot-")
    window.keys("Right")
    window.text(".txt")
    window.press("Enter", ".svg.txt (")
    assert len(list(tmp_path.glob("*.folded"))) == 2
    window.press("q", "status=0")


def test_process_trees(several, terminal, pybpfprof, python, tmp_path):
    """A parent has the sums of its children, in a file and live; also one that had no samples of its own."""
    rows = json.loads(pybpfprof("top", "--input", several.recording, "--by", "tree", "--json").stdout)["rows"]
    parent, *children = rows
    assert (parent["pid"], parent["depth"]) == (several.pid, 0) and [r["depth"] for r in children] == [1, 1, 1]
    assert all(r["own_seconds"] == r["total_seconds"] for r in children)
    assert parent["total_seconds"] == pytest.approx(sum(r["own_seconds"] for r in rows), abs=1e-4)
    plain = pybpfprof("top", "--input", several.recording, "--by", "tree").stdout
    assert re.search(rf'^[ .\d]+  process {several.pid}:"', plain, re.M) and plain.count("  └ process ") == 3

    work = "import time\nwhile True:\n    sum(range(50000)); time.sleep(0.01)"
    script = tmp_path / "idle-parent.sh"
    script.write_text(f'{python.path} -c "{work}" & {python.path} -c "{work}" & echo ready; wait\n')
    shell = subprocess.Popen(["sh", script], stdout=subprocess.PIPE, start_new_session=True)
    try:
        shell.stdout.readline()
        wait_until(lambda: len(list(children_of(shell.pid))) == 2, "its children")
        window = terminal(120, 30)
        window.run("-s", "-p", shell.pid, "--by", "tree", "-r", "499", *QUICK, ready="Process trees")
        screen = window.wait(lambda s: s.count("└ process ") == 2 and f"process {shell.pid}:" in s, "the tree")
        assert re.search(rf'process {shell.pid}:"sh .*idle-parent.sh"', screen)
        window.press("Enter", f"Functions in process {shell.pid}", " and below ·")
        window.wait(lambda s: "<module>" in s, "its children's functions")
        window.press("q", "status=0")
    finally:
        os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()


# A class, a method, a file and a folder that are too long for most screens, and processes.
LONG = """
import sys
class AsynchronousTransactionalSessionManager:
    class ConnectionPoolOfTheDatabaseServer:
        def acquire_the_connection(self):
            return sum(range(10000))
while True:
    AsynchronousTransactionalSessionManager.ConnectionPoolOfTheDatabaseServer().acquire_the_connection()
"""


def assert_cut_between_words(cut, whole):
    rest = cut.lstrip("…")
    assert whole.endswith(rest) and len(cut) - len(rest) <= 1, cut
    assert cut == whole or rest[0] in "_/-" or whole[-len(rest) - 1] in "./", cut


@pytest.mark.parametrize("columns,lines", [(80, 24), (120, 40), (200, 50)])
def test_no_word_that_matters_is_cut(columns, lines, terminal, spawn_long):
    """At the sizes that people have: a function and its line are whole, and so is each word around the table."""
    window = terminal(columns, lines)
    window.run("-p", spawn_long.pid, *QUICK, ready="acquire_the_connection")
    name = "AsynchronousTransactionalSessionManager.ConnectionPoolOfTheDatabaseServer.acquire_the_connection"
    path = f"{spawn_long.folder}/busy_program_of_the_shop.py:5"
    for keys, texts in [("2", ["%Total ·"]), ("t", ["Functions by thread"]), ("f", ["· %Total ·"])]:
        screen = window.press(keys, *texts)
        row = next(line for line in screen.split("\n") if "the_connection" in line)
        cut, *_, location = re.split(r"  +", row)[-(3 if keys != "2" else 2):]
        assert_cut_between_words(cut.split()[-1], name)
        assert_cut_between_words(location, path)
        assert keys != "2" or cut.endswith("acquire_the_connection")
        assert columns == 80 or location.endswith("busy_program_of_the_shop.py:5")
        assert columns < 200 or cut.split()[-1] == name
        assert keys == "2" or re.search(r" MainThread\b", row)
        assert not re.search(r"…", "".join(screen.split("\n")[:3])) and max(map(len, screen.split("\n"))) <= columns
    error, *foot = screen.rstrip("\n").split("\n")[-1].split(" · ")
    assert re.match(r"± [\d.]+ at most, of [\d,]+ samples?$", error)
    assert set(foot) <= set("q quit · ? help · / filter · Enter callers · s sort · t threads · P group · l lines · p pause · "
                            "r reset · w write".split(" · ")), foot
    assert len(foot) >= {80: 4, 120: 8, 200: 11}[columns]
    window.press("t", "Functions ·")
    window.press("P", "Processes ·", "busy_program_" if columns == 80 else "busy_program_of_the_shop.py")
    window.press("?", "this help" if lines > 24 else "a row for each thread")
    assert "…" not in window.screen().replace("1 … 6", "")
    window.press("x", "Processes ·")
    window.press("q", "status=0")


@pytest.fixture(scope="module")
def spawn_long(tmp_path_factory):
    import interpreters

    python = ([i for i in interpreters.MATRIX if i.minor == (3, 12)] or interpreters.MATRIX)[-1]
    folder = tmp_path_factory.mktemp("folder_that_is_named_at_length") / "services" / "backoffice"
    folder.mkdir(parents=True)
    (folder / "busy_program_of_the_shop.py").write_text(LONG)
    running = subprocess.Popen([python.path, folder / "busy_program_of_the_shop.py"])
    running.folder = folder
    yield running
    running.kill()
    running.wait()


# ---- the terminal ----------------------------------------------------------------------------------------


def test_sizes(several, terminal):
    """It fits whatever there is, at once, down to 20×5; nothing is drawn beyond the edge."""
    window = terminal(160, 40)
    window.run("-s", "-p", several.pid, *QUICK, ready="of samples walked")
    for columns, lines, texts in [(20, 5, ["%Own", "CPUs"]), (40, 8, ["%Total"]), (80, 24, ["GIL%", "File:Line"]),
                                  (200, 50, ["Python processes"])]:
        window.tmux("resize-window", "-x", str(columns), "-y", str(lines))
        screen = window.wait(lambda s: all(t in s for t in texts) and len(rows_of(s)) + len(
            re.findall(r"^ *[\d.]+  \w", s, re.M)) >= 1, f"{columns}×{lines}")
        assert max(map(columns_of, screen.split("\n"))) <= columns
        assert len(screen.rstrip("\n").split("\n")) <= lines
    window.tmux("resize-window", "-x", "1", "-y", "1")
    window.tmux("resize-window", "-x", "100", "-y", "24")
    window.wait_text("GIL%", "File:Line")
    window.press("q", "status=0")


def test_suspend_and_resume(several, terminal):
    window = terminal()
    before = window.settings()
    window.run("-s", "-p", several.pid, *QUICK)
    during = window.settings()
    assert during[1] != before[1] and during[1].split()[0] == "1"
    window.press("C-z", "Stopped", "prompt$")
    window.wait_settings(before)
    window.keys("fg", "Enter")
    window.wait(lambda s: rows_of(s) and "Stopped" not in s, "the screen again")
    assert window.settings()[1] == during[1]
    window.press("P", "Processes ·")
    # stopped by others, too
    os.kill(window.pid(), signal.SIGTSTP)
    window.wait_text("Stopped", "prompt$")
    window.wait_settings(before)
    window.keys("fg", "Enter")
    window.wait_text("Processes ·")
    # stopped in a way that no program sees, going on behind the shell's back: it draws when it is its turn
    os.kill(window.pid(), signal.SIGSTOP)
    window.press("Enter", "Stopped", "prompt$")
    os.kill(window.pid(), signal.SIGCONT)
    window.keys("fg", "Enter")
    window.wait(lambda s: "Processes ·" in s and "%Own" in s and "Stopped" not in s, "the screen once more")
    window.keys("q")
    window.wait_settings(before)
    window.text("echo sta''tus=$?\n")  # of fg
    window.wait_text("status=0")


def test_every_exit_restores_the_terminal(several, terminal):
    window = terminal()
    before = window.settings()
    ways = [("q", 0), ("C-c", 0), ("F10", 0), ("C-\\", 131), (signal.SIGTERM, 0), (signal.SIGHUP, 0),
            (signal.SIGSEGV, 139), (signal.SIGABRT, 134), (signal.SIGBUS, 135), (signal.SIGUSR1, 138)]
    for i, (way, status) in enumerate(ways):
        # the terminal's part is the same live and with a file, which opens faster
        window.run(*(["-s", "-p", several.pid, *QUICK] if i in (1, 4, 6) else ["--input", several.recording]))
        assert window.settings()[1] != before[1]
        if isinstance(way, str):
            window.keys(way)
        else:
            os.kill(window.pid(), way)
        window.wait_text(f"status={status}", "prompt$")
        window.wait_settings(before)


def test_the_terminal_goes_away(several, terminal):
    window = terminal()
    window.run("-s", "-p", several.pid, *QUICK)
    pid = window.pid()
    window.close()
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "the program to end with its terminal")


def test_the_end_of_the_target(python, spawn, terminal):
    """It says so and stays with the last numbers."""
    workload = spawn(python, "several.py")
    window = terminal()
    window.run("-p", workload.go().pid, *QUICK)
    window.wait(lambda s: "three" in rows_of(s), "its rows")
    workload.process.kill()
    window.wait_text("the last target ended", "ended ·")
    rows = rows_of(window.screen())
    assert rows["three"][3] > 0
    window.press("2", "· %Total ·")
    assert rows_of(window.screen())["three"] == rows["three"]
    window.press("p", "no new data: there is nothing to pause")
    window.press("q", "status=0")


def test_names_are_harmless_and_aligned(several, terminal):
    window = terminal(120, 30)
    window.run("--input", several.recording, "--threads", "--filter", "evil", ready="evil")
    screen = window.wait_text("evil\\x1b[31m漢字\\r\\n")
    header = window.line(2)
    at = columns_of(header[: header.index("Thread")])
    for line in screen.split("\n"):
        if "evil" in line and "several.py" in line:
            # the thread begins where its title is, whatever stands before it
            width = 0
            for i, c in enumerate(line):
                if width == at:
                    assert line[i - 1] == " " and line[i].isdigit()
                width += columns_of(c)
    assert "\x1b[31mevil" not in window.screen("-e")
    window.press("q", "status=0")


def colours_of(window):
    """What sets a colour, in what the screen shows."""
    return re.findall(r"\x1b\[(?:[\d;]*;)?(?:3[0-7]|9[0-7])[;m]", window.screen("-e"))


def test_colours_and_locale(several, terminal):
    window = terminal()
    window.run("--input", several.recording)
    assert colours_of(window)
    window.press("q", "status=0")
    plain = terminal(env={"NO_COLOR": "1", "LC_ALL": "C"})
    plain.run("--input", several.recording, "--full-filenames")
    assert not colours_of(plain)
    assert plain.screen().isascii()
    plain.press("q", "status=0")
    dumb = terminal(env={"TERM": "dumb"})
    dumb.text(f"export TERM=dumb; {PROGRAM} top --input {several.recording} --rows 1; echo sta''tus=$?\n")
    dumb.wait_text("%Own", "… and", "status=0")
