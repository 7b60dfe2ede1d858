# SPDX-License-Identifier: MIT
"""The command line: what is refused and how, exit codes, signals, files, what is left behind."""

import contextlib
import fcntl
import json
import os
import pathlib
import pty
import random
import re
import select
import shutil
import signal
import stat
import struct
import subprocess
import tempfile
import termios
import time
import xml.etree.ElementTree

import pytest

from conftest import PATIENCE, PROGRAM, Workload, bpf_programs, children_of, cpu_seconds, let_work, wait_cpu, wait_sampling, wait_until
from test_record import assert_ticks_add_up

SVG = "{http://www.w3.org/2000/svg}svg"
NOBODY = 65534


def assert_svg(path):
    assert xml.etree.ElementTree.parse(path).getroot().tag == SVG
    return path.read_text()


def recordings(folder):
    return [f for f in folder.iterdir() if f.name.endswith(".pybpf")]


@pytest.fixture
def busy(cgroup, spawn, python):
    """A process that keeps a CPU busy in a cgroup of its own."""
    return spawn(python, "busy.py", 0, cgroup=cgroup).go()


@pytest.fixture
def users_folder():
    """A folder that an unprivileged user may write to."""
    folder = tempfile.mkdtemp(prefix="pybpfprof-user-")
    os.chmod(folder, 0o755)
    os.chown(folder, NOBODY, NOBODY)
    yield __import__("pathlib").Path(folder)
    shutil.rmtree(folder)


# ---- refused before anything is recorded -----------------------------------------------------------------


@pytest.mark.parametrize(
    "args, words",
    [
        (["-o", "out.xyz"], "out.xyz"),
        (["-o", "out"], "out"),
        (["-o", "-"], "-f"),
        (["-o", "out.svg", "-f", "pdf"], "pdf"),
        (["-o", "out.svg", "-o", "out.json", "-f", "pdf"], "pdf"),
        (["-f", "pdf"], "pdf"),
        (["-r", "0"], "0"),
        (["-r", "-5"], "-5"),
        (["-r", "fast"], "fast"),
        (["-r", "100000000"], "100000000"),
        (["-r", "1ghz"], "1ghz"),
        (["-d", "0"], "0"),
        (["-d", "-1s"], "-1s"),
        (["-d", "soon"], "soon"),
        (["--nonsense"], "nonsense"),
        (["-F", "--nolineno"], "exclude"),
    ],
)
def test_usage_errors_exit_2(args, words, busy, cgroup, pybpfprof, tmp_path):
    before = set(os.listdir(tmp_path))
    start = time.monotonic()
    done = pybpfprof("record", "-p", busy.pid, *args)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert time.monotonic() - start < 10, "it was said before recording"
    assert set(os.listdir(tmp_path)) == before


@pytest.mark.parametrize(
    "args",
    [
        ["record"],
        [],
        ["record", "-o", "out.svg"],
        ["record", "-p"],
        ["record", "-p", "12x"],
        ["record", "-p", "1", "--all"],
        ["record", "--cgroup", ""],
        ["record", "--"],
        ["nonsense"],
        ["convert"],
        ["convert", "-o", "out.svg"],
        ["flamegraph"],
    ],
)
def test_incomplete_commands_exit_2(args, pybpfprof):
    done = pybpfprof(*args)
    assert done.returncode == 2, (args, done.stderr)
    assert done.stderr


@pytest.mark.parametrize("word", ["--help", "-h", "help", "--version"])
def test_help_goes_to_stdout(word, pybpfprof):
    done = pybpfprof(word)
    assert done.returncode == 0 and "pybpfprof" in done.stdout and not done.stderr


@pytest.mark.parametrize("command", ["record", "convert", "flamegraph", "report"])
def test_help_of_commands(command, pybpfprof):
    done = pybpfprof(command, "--help")
    assert done.returncode == 0 and command in done.stdout


def test_no_such_pid_exits_5(pybpfprof):
    gone = subprocess.Popen(["true"])
    gone.wait()
    done = pybpfprof("record", "-p", gone.pid, "-d", "1", "-o", "out.svg")
    assert done.returncode == 5 and str(gone.pid) in done.stderr


def test_pid_that_is_no_python_exits_5(pybpfprof, tmp_path):
    other = subprocess.Popen(["sleep", "60"])
    try:
        done = pybpfprof("record", "-p", other.pid, "-d", "1", "-o", "out.svg")
        assert done.returncode == 5, done.stderr
        assert str(other.pid) in done.stderr
    finally:
        other.kill()
        other.wait()


def test_no_such_cgroup_exits_5(cgroup, pybpfprof):
    done = pybpfprof("record", "--cgroup", cgroup.path / "nowhere", "-d", "1")
    assert done.returncode == 5 and "nowhere" in done.stderr


def test_a_folder_that_is_no_cgroup(pybpfprof, tmp_path):
    done = pybpfprof("record", "--cgroup", tmp_path, "-d", "1")
    assert done.returncode in (2, 5) and str(tmp_path) in done.stderr


def test_unwritable_folder_is_refused_first(busy, pybpfprof, tmp_path):
    start = time.monotonic()
    done = pybpfprof("record", "-p", busy.pid, "-d", "30", "-o", tmp_path / "missing/out.svg")
    assert done.returncode in (1, 2) and "missing" in done.stderr
    assert time.monotonic() - start < 10


# ---- permissions and features --------------------------------------------------------------------------------


@pytest.mark.parametrize("capability", ["bpf", "perfmon"])
def test_missing_capability_exits_3(capability, busy, tmp_path):
    """CAP_SYS_ADMIN stands in for both, so it goes too."""
    drop = f"-{capability},-sys_admin"
    done = subprocess.run(
        ["setpriv", f"--bounding-set={drop}", f"--inh-caps={drop}", PROGRAM, "record", "-p", str(busy.pid), "-d", "1"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert done.returncode == 3, done.stderr
    missing = re.search(r"([A-Z_, ]+) missing", done.stderr)
    assert missing and missing.group(1).strip() == "CAP_" + capability.upper(), done.stderr


def test_an_ordinary_user_exits_3(busy, tmp_path):
    tmp_path.chmod(0o777)
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        program = shutil.copy(PROGRAM, folder)
        done = subprocess.run(
            ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", program, "record", "-a", "-d", "1"],
            cwd="/tmp",
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 3, done.stderr
    assert "CAP_BPF" in done.stderr and "CAP_PERFMON" in done.stderr


def test_just_enough_capabilities(busy, users_folder):
    """The documented set is enough; no SYS_ADMIN, no SYS_RESOURCE."""
    keep = "-all,+bpf,+perfmon,+sys_ptrace,+dac_read_search,+dac_override,+chown,+fowner,+setuid,+setgid,+kill"
    done = subprocess.run(
        ["setpriv", f"--bounding-set={keep}", f"--inh-caps={keep}", PROGRAM, "record", "-p", str(busy.pid), "-d", "1",
         "-r", "199", "-o", "out.folded"],  # fmt: skip
        cwd=users_folder,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "inner (busy.py:" in (users_folder / "out.folded").read_text()


# ---- the end of a recording --------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_stop_and_write(number, busy, recorder):
    for _ in range(4):
        recording = recorder("-p", busy.pid, "-r", "499", "-o", "out.svg", "-o", "out.json")
        programs = bpf_programs(recording.pid)
        assert programs, "bpftool sees its programs while it runs"
        let_work(busy, random.uniform(0.05, 0.4))
        recording.stop(number, expect=0)
        assert "inner" in assert_svg(recording.folder / "out.svg")
        document = json.loads((recording.folder / "out.json").read_text())
        assert document["complete"] is True
        assert_ticks_add_up(document)
        wait_until(lambda: not programs & bpf_programs(), "the BPF programs to be gone", 10)
    busy.kill()


def test_signal_before_it_is_attached(busy, recorder):
    """At any moment of the start: a valid file or none, exit 0 (or by the signal, before it is handled)."""
    for _ in range(15):
        recording = recorder("-p", busy.pid, "-o", "out.svg", output=None, wait=False)
        time.sleep(random.uniform(0, 0.4))
        recording.process.terminate()
        recording.wait()
        assert recording.status in (0, 5, 6, -signal.SIGTERM), recording.stderr
        written = recording.folder / "out.svg"
        if written.exists():
            assert_svg(written)
        else:
            assert recording.status != 0
    assert busy.process.poll() is None


def test_second_sigint_keeps_the_recording(busy, cgroup, spawn, python, tmp_path, pybpfprof):
    """The first begins to write into a pipe that nobody reads; the second gives that up."""
    tree = spawn(python, "tree.py", cgroup=cgroup).go()
    argv = [PROGRAM, "record", "--cgroup", cgroup.path, "-r", "4999", "-o", "-", "-f", "json"]
    with open(tmp_path / "err", "wb") as err:
        process = subprocess.Popen(argv, cwd=tmp_path, stdout=subprocess.PIPE, stderr=err, stdin=subprocess.DEVNULL)
    try:
        assert wait_sampling(process.pid, process)
        let_work(tree, 1.5)
        process.send_signal(signal.SIGINT)
        wait_until(lambda: select.select([process.stdout], [], [], 0)[0], "the output to begin")
        time.sleep(0.5)
        assert process.poll() is None, "it should be stuck in the full pipe"
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)
    finally:
        process.kill()
        process.stdout.close()
    kept = recordings(tmp_path)
    assert len(kept) == 1, (tmp_path / "err").read_text()
    said = (tmp_path / "err").read_text()
    assert kept[0].name in said and "convert" in said, "it says what to do with it"
    done = pybpfprof("convert", "-i", kept[0], "-o", "out.folded")
    assert done.returncode == 0 and (tmp_path / "out.folded").stat().st_size > 1000


def test_sigusr1_writes_a_snapshot(busy, recorder):
    recording = recorder("-p", busy.pid, "-r", "499", "-o", "out.svg", "-o", "out.folded")
    svg, text = recording.folder / "out.svg", recording.folder / "out.folded"

    def files():
        return [path.exists() and path.stat().st_ino for path in (svg, text)]

    sizes = []
    for _ in range(3):
        let_work(busy, 0.5)
        before = files()
        recording.send(signal.SIGUSR1)
        wait_until(lambda: all(new and new != old for new, old in zip(files(), before)), "the snapshot")
        wait_until(lambda: recording.stderr.count("snapshot written to out.svg, out.folded") == len(sizes) + 1, "it to be said")
        assert recording.process.poll() is None, "it goes on"
        assert "inner" in assert_svg(svg)
        sizes.append(sum(int(line.rsplit(" ", 1)[1]) for line in text.read_text().splitlines()))
    let_work(busy, 0.1)
    recording.stop()
    sizes.append(sum(int(line.rsplit(" ", 1)[1]) for line in text.read_text().splitlines()))
    assert sizes[0] > 50 and sizes == sorted(set(sizes)), "each has more samples than the one before"
    assert "cut short" not in recording.stderr, "that it goes on is no news"


@pytest.mark.parametrize("named", [True, False])
def test_kill_9_leaves_a_readable_recording(named, busy, cgroup, recorder, pybpfprof):
    """With -o x.pybpf, and where only an SVG was asked for."""
    outputs = {"output": "rec.pybpf"} if named else {"output": None}
    args = [] if named else ["-o", "out.svg"]
    recording = recorder("--cgroup", cgroup.path, "-r", "999", *args, **outputs)
    programs = bpf_programs(recording.pid)
    assert programs
    let_work(busy, 1.5)
    recording.process.kill()
    recording.process.wait()
    (left,) = recordings(recording.folder)
    done = pybpfprof("convert", "-i", left, "-o", recording.folder / "after.svg", "-o", recording.folder / "after.json")
    assert done.returncode == 0, done.stderr
    assert "inner" in assert_svg(recording.folder / "after.svg")
    document = json.loads((recording.folder / "after.json").read_text())
    assert len(document["samples"]) > 200, "all but what was read in the last second"
    assert document["complete"] is False
    assert not (recording.folder / "out.svg").exists()
    wait_until(lambda: not programs & bpf_programs(), "the BPF programs to be gone", 10)
    assert busy.process.poll() is None


def test_truncated_recording_reads_up_to_the_cut(busy, cgroup, recorder, pybpfprof, tmp_path):
    recording = recorder("--cgroup", cgroup.path, "-r", "999")
    let_work(busy, 1)
    recording.stop()
    whole = recording.recording.read_bytes()
    counts = []
    for part in (0.25, 0.5, 0.75, 1.0):
        cut = tmp_path / "cut.pybpf"
        cut.write_bytes(whole[: int(len(whole) * part)])
        done = pybpfprof("convert", "-i", cut, "-o", "cut.json")
        assert done.returncode == 0, done.stderr
        counts.append(json.loads((tmp_path / "cut.json").read_text())["sample_count"])
    assert counts == sorted(counts) and counts[-1] > 300


def test_recording_beside_an_svg_is_removed(busy, recorder):
    recording = recorder("-p", busy.pid, "-o", "out.svg", "-r", "499", output=None)
    wait_until(lambda: recordings(recording.folder), "the temporary recording")
    recording.stop()
    assert sorted(f.name for f in recording.folder.iterdir() if not f.name.startswith("std")) == ["out.svg"]


def test_default_names(busy, recorder):
    recording = recorder("-p", busy.pid, "-d", "0.7", "-r", "199", output=None).wait()
    assert recording.status == 0, recording.stderr
    names = sorted(name for name in os.listdir(recording.folder) if not name.startswith("std"))
    pattern = rf"pybpfprof-\S*{busy.pid}\S*-\d{{8}}T\d{{6}}\.(pybpf|svg)$"
    assert len(names) == 2 and all(re.match(pattern, name) for name in names), names
    for name in names:
        assert name in recording.stderr, "the summary says what to open"


@pytest.mark.parametrize("words, named", [
    (("-X", "utf8", "-u", "{}/app.py", "x"), " app.py"),
    (("-m", "timeit", "-n", "9", "sum(range(10**6))"), " -m timeit"),
    (("-c", "for i in range(30): sum(range(10**6))", "x"), ""),
])
def test_a_command_is_known_by_its_script(python, pybpfprof, tmp_path, words, named):
    """A title of `python3` alone says nothing of what ran."""
    (tmp_path / "app.py").write_text("for i in range(30): sum(range(10**6))")
    done = pybpfprof("record", "-q", "--", python.path, *(word.format(tmp_path) for word in words))
    assert done.returncode == 0, done.stderr
    drawn, recorded = sorted(tmp_path.glob("pybpfprof-*"), key=lambda path: path.suffix, reverse=True)
    name = pathlib.Path(python.path).name
    assert f"<title>CPU flame graph of {name}{named}</title>" in drawn.read_text()
    assert re.match(rf"pybpfprof-{re.escape(name)}[_-]", drawn.name) and recorded.stem == drawn.stem


# ---- what it says ------------------------------------------------------------------------------------------------


def test_default_name_of_a_format(busy, recorder):
    """-f without -o, as py-spy has it."""
    recording = recorder("-p", busy.pid, "-d", "1", "-r", "499", "-f", "speedscope", output=None).wait()
    (made,) = recording.folder.glob(f"pybpfprof-{busy.pid}-*.speedscope.json")
    assert json.loads(made.read_text())["profiles"]


def test_summary(busy, recorder):
    recording = recorder("-p", busy.pid, "-d", "1", "-r", "499", "-o", "out.svg", "-o", "out.prof").wait()
    document = recording.json()
    said = recording.stderr
    assert str(document["sample_count"]) in said.replace(",", "")
    assert "lost" in said
    for word in ("CPU", "out.svg", "out.prof", "rec.pybpf"):
        assert word in said, said
    assert recording.stdout == b"", "stdout is only ever the profile"


def test_quiet_says_nothing(busy, recorder):
    recording = recorder("-p", busy.pid, "-d", "1", "-r", "499", "-q", "-o", "out.svg").wait()
    assert recording.status == 0 and recording.stderr == ""


def test_stdout_is_the_profile(busy, recorder):
    recording = recorder("-p", busy.pid, "-d", "1", "-r", "499", "-o", "-", "-f", "folded", output=None).wait()
    lines = recording.stdout.decode().splitlines()
    assert recording.status == 0 and lines
    assert all(re.search(r" \d+$", line) for line in lines)


def test_live_line_on_a_terminal(busy, recorder):
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    recording = recorder("-p", busy.pid, "-d", "2", "-r", "499", stderr=slave)
    os.close(slave)
    said = b""
    with contextlib.suppress(OSError):  # EIO: the other side is closed
        while True:
            said += os.read(master, 65536)
    recording.wait()
    text = said.decode()
    live = [part.removeprefix("\x1b[K") for part in re.split(r"[\r\n]", text) if "samples" in part]
    assert len(live) >= 3, text
    counts = [int(m.group(1).replace(",", "")) for m in (re.search(r"([\d,]+) samples", part) for part in live) if m]
    assert counts[0] < counts[-2] or counts[0] < counts[-1]
    assert all(len(part) < 40 for part in live if not part.startswith("pybpfprof")), "what is too long would be left behind"
    assert recording.status == 0


def said_on_a_terminal(argv, folder, columns=80, **streams):
    """All that is written to a terminal by a command; `streams` go elsewhere."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    running = subprocess.Popen([*map(str, argv)], cwd=folder, **{"stdout": slave, "stderr": slave, **streams})
    os.close(slave)
    said = b""
    with contextlib.suppress(OSError):  # EIO: the other side is closed
        while True:
            said += os.read(master, 65536)
    os.close(master)
    assert running.wait() == 0, said
    return said.decode()


SPEAKS = "import time\nend = time.time() + 2\nwhile time.time() < end:\n    print('a line of its own', flush=True)\n    sum(range(200000))\n"


@pytest.mark.parametrize("stdout", ["terminal", "file"])
def test_the_live_line_keeps_out_of_what_a_program_prints(stdout, python, tmp_path):
    """Its standard error is the terminal in any case, and it may write to it at any time."""
    with open(tmp_path / "stdout", "w") as file:
        streams = {"stdout": file} if stdout == "file" else {}
        text = said_on_a_terminal([PROGRAM, "record", "-o", "x.svg", "--", python.path, "-c", SPEAKS], tmp_path, **streams)
    assert "\x1b[K" not in text
    lines = text.replace("\r\n", "\n").split("\n")
    printed = (tmp_path / "stdout").read_text().split("\n") if stdout == "file" else lines
    first = next(i for i, line in enumerate(lines) if "samples, " in line)
    own = [line for line in printed if "a line" in line]
    assert len(own) > 3 and set(own) == {"a line of its own"}
    assert not any("a line" in line for line in lines[first:])


def test_the_live_line_keeps_out_of_a_terminal_that_is_shared(python, tmp_path):
    """A program that was started in the background of the same shell."""
    script = f"{python.path} -c \"$1\" & {PROGRAM} record -d 1500ms -p $! -o x.svg; kill $!"
    text = said_on_a_terminal(["bash", "-c", script, "-", SPEAKS.replace("+ 2", "+ 60")], tmp_path)
    assert "a line of its own" in text and "samples, " in text and "\x1b[K" not in text


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_the_summary_fits(columns, python, tmp_path):
    """In 80 columns, or less where there are less; without a terminal a line is a line, for logs and who searches them."""
    code = SPEAKS.replace("print('a line of its own', flush=True)", "time.sleep(0.2)").replace("200000", "2000000")
    argv = [PROGRAM, "record", "-r", "499", "-o", "x.svg", "-o", "x.html", "-o", "x.pybpf", "--", python.path, "-c", code]
    text = said_on_a_terminal(argv, tmp_path, columns)
    lines = text.replace("\r\n", "\n").split("\n")
    assert max(len(line) for line in lines if "convert" not in line) <= min(columns, 80), text
    assert "% of the CPU time is in the top level of <string>" in " ".join(text.split())
    assert re.search(r"next: pybpfprof report x.pybpf\r?\n.* or: pybpfprof convert -i x.pybpf -o profile.prof", text)
    piped = subprocess.run([*map(str, argv)], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    assert all(line.startswith("pybpfprof: ") for line in piped.stderr.splitlines()), piped.stderr


def test_broken_pipe_is_quiet(busy, tmp_path):
    script = f'{PROGRAM} record -p {busy.pid} -d 1 -r 999 -q -o - -f json | head -c 100 >/dev/null; exit "${{PIPESTATUS[0]}}"'
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    assert done.stderr == ""
    assert done.returncode in (0, 128 + signal.SIGPIPE)


def test_full_device_fails(busy, cgroup, recorder, tmp_path):
    """What cannot be written is said, exit 1, and the recording is kept."""
    with open("/dev/full", "wb") as full:
        recording = recorder("-p", busy.pid, "-d", "1", "-r", "499", "-o", "-", "-f", "json", output=None, stdout=full).wait()
    assert recording.status == 1
    assert "space" in recording.stderr
    assert recordings(recording.folder)


def test_closed_standard_streams(busy, tmp_path):
    argv = f"exec {PROGRAM} record -p {busy.pid} -d 1 -r 499 -o out.folded <&- >&- 2>&-"
    done = subprocess.run(["sh", "-c", argv], cwd=tmp_path)
    assert done.returncode == 0
    assert "inner (busy.py" in (tmp_path / "out.folded").read_text()


# ---- files ---------------------------------------------------------------------------------------------------------


def test_output_belongs_to_the_invoking_user(busy, recorder, users_folder):
    env = {**os.environ, "SUDO_UID": str(NOBODY), "SUDO_GID": str(NOBODY), "SUDO_USER": "nobody"}
    names = ["out.svg", "out.prof", "out.json", "out.folded", "out.pybpf", "out.html"]
    outputs = [word for name in names for word in ("-o", users_folder / name)]
    recording = recorder("-p", busy.pid, "-d", "0.6", *outputs, output=None, env=env, umask=0).wait()
    assert recording.status == 0, recording.stderr
    assert sorted(os.listdir(users_folder)) == sorted(names)
    for name in names:
        facts = (users_folder / name).stat()
        assert (facts.st_uid, facts.st_gid) == (NOBODY, NOBODY)
        assert stat.S_IMODE(facts.st_mode) == (0o600 if name == "out.html" else 0o644)


@pytest.mark.parametrize("dangling", [False, True])
def test_symlinks_are_not_followed(dangling, busy, recorder, users_folder, tmp_path):
    victim = tmp_path / "victim"
    if not dangling:
        victim.write_text("precious")
    (users_folder / "out.svg").symlink_to(victim)
    recording = recorder("-p", busy.pid, "-d", "0.6", "-o", users_folder / "out.svg", output=None).wait()
    if dangling:
        assert not victim.exists()
    else:
        assert victim.read_text() == "precious"
    if recording.status == 0:
        assert not (users_folder / "out.svg").is_symlink()
        assert_svg(users_folder / "out.svg")


def test_an_older_file_stays_until_the_new_one_is_whole(busy, recorder):
    recording = recorder("-p", busy.pid, "-r", "199", "-o", "out.svg")
    (recording.folder / "out.svg").write_text("older")
    time.sleep(0.5)
    assert (recording.folder / "out.svg").read_text() == "older"
    recording.stop()
    assert_svg(recording.folder / "out.svg")


@pytest.mark.parametrize("kind", ["fifo", "folder"])
def test_what_is_no_file_is_refused(kind, busy, pybpfprof, tmp_path):
    path = tmp_path / "out.svg"
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    done = pybpfprof("record", "-p", busy.pid, "-d", "20", "-o", path, timeout=15)
    assert done.returncode in (1, 2) and "out.svg" in done.stderr


def test_one_file_twice_is_refused(busy, pybpfprof, tmp_path):
    done = pybpfprof("record", "-p", busy.pid, "-d", "20", "-o", "out.svg", "-o", tmp_path / "out.svg", timeout=15)
    assert done.returncode == 2 and "twice" in done.stderr


def test_standard_output_by_its_other_names(busy, recorder):
    """/dev/stdout is what it leads to; a file in its place would be there for everybody."""
    recording = recorder("-p", busy.pid, "-d", "0.6", "-r", "499", "-o", "/dev/fd/1", "-f", "folded", output=None).wait()
    assert recording.status == 0 and b"inner (busy.py" in recording.stdout


@pytest.mark.parametrize("wanted", [False, True])
def test_a_folder_that_goes_away(wanted, busy, recorder):
    """What can be written elsewhere is; what cannot is said, and where the recording is."""
    outputs = ["gone/out.svg", "out.folded"] + ["kept.pybpf"] * wanted
    (folder := pathlib.Path(tempfile.mkdtemp(prefix="pybpfprof-gone-"))).joinpath("gone").mkdir()
    options = [word for name in outputs for word in ("-o", folder / name)]
    recording = recorder("-p", busy.pid, "-r", "499", *options, output=None)
    shutil.rmtree(folder / "gone")
    let_work(busy, 0.3)
    try:
        recording.stop(expect=1)
        assert "gone/out.svg" in recording.stderr
        assert f"wrote {folder}/out.folded" in recording.stderr and (folder / "out.folded").stat().st_size
        assert ("the recording is lost" in recording.stderr) != wanted
        assert sorted(os.listdir(folder)) == sorted(outputs[1:])
    finally:
        shutil.rmtree(folder)


# ---- losses ----------------------------------------------------------------------------------------------------------


def test_losses_are_counted_once_and_max_loss_exits_7(cgroup, spawn, recorder, pybpfprof, python):
    """The profiler stands still until its ring is full: exactly counted, too much for --max-loss, and the time of
    what was lost is not given to the samples behind it too."""
    busy = [spawn(python, "recursion.py", 1000, 900, cgroup=cgroup).go() for _ in range(2)]

    def clocks():
        return {one.pid: cpu_seconds(one.pid) for one in busy}

    def wait_for_work(seconds):
        start = clocks()
        for pid, clock in start.items():
            wait_cpu(pid, clock + seconds)

    before = clocks()
    recording = recorder("--cgroup", cgroup.path, "-r", "9999", "--max-loss", "1", "-v")
    attached = clocks()
    recording.process.send_signal(signal.SIGSTOP)
    wait_for_work(4)  # far more than the ring holds, also where each tick takes most of its period
    recording.process.send_signal(signal.SIGCONT)
    wait_for_work(2)
    stopping = clocks()
    recording.stop(expect=7)
    after = clocks()

    report = json.loads(pybpfprof("report", "--json", recording.recording).stdout)
    full = sum(one["samples"] for one in report["losses"] if one["reason"] == "ring_full")
    assert full > 100
    assert str(full) in recording.stderr.replace(",", "")
    said = re.search(r"ticks (\d+) = (.*)", recording.stderr)
    numbers = [int(number) for number in re.findall(r"\d+", said[2])]
    reasons = ("ring_full", "late", "throttled", "not_run")
    lost = sum(one["samples"] for one in report["losses"] if one["reason"] in reasons)
    assert int(said[1]) == sum(numbers) and report["samples"] in numbers and lost in numbers, said[0]
    for pid in before:
        found = sum(one["seconds"] for one in report["processes"] + report["losses"] if one.get("pid") == pid)
        assert stopping[pid] - attached[pid] - 0.5 < found < after[pid] - before[pid] + 0.15, (report, before, after)


def test_max_loss_that_is_kept(busy, recorder):
    """A machine that stands still for some ticks loses them: a few in a hundred are not rare."""
    recording = recorder("-p", busy.pid, "-d", "1", "-r", "499", "--max-loss", "60").wait()
    assert recording.status == 0, recording.stderr


# ---- starting a command ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code, status",
    [("pass", 0), ("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 15)", 128 + 15), ("1/0", 1)],
)
def test_command_status_is_kept(code, status, python, pybpfprof, tmp_path):
    code = "sum(range(10**7))\n" + code
    done = pybpfprof("record", "-o", "out.svg", "-r", "499", "--", python.path, "-c", code)
    assert done.returncode == status, done.stderr
    assert_svg(tmp_path / "out.svg")


def test_command_keeps_its_own_streams(python, pybpfprof):
    """What the command reads and writes is its own; what the profiler says is on stderr."""
    code = "import sys; sum(range(10**7)); print(sys.stdin.read().upper()); print('oops', file=sys.stderr)"
    done = pybpfprof("record", "-q", "-o", "out.svg", "--", python.path, "-c", code, stdin=None, input="hello")
    assert done.stdout == "HELLO\n" and done.stderr == "oops\n"


def test_command_that_does_not_exist(pybpfprof, tmp_path):
    done = pybpfprof("record", "-o", "out.svg", "--", "/no/such/program")
    assert done.returncode not in (0, None) and "/no/such/program" in done.stderr
    assert not (tmp_path / "out.svg").exists()


def test_why_a_command_does_not_start(pybpfprof, tmp_path, monkeypatch):
    """A name that only the user's own PATH has, under sudo; a script whose interpreter is gone."""
    monkeypatch.delenv("SUDO_UID", raising=False)
    done = pybpfprof("record", "--", "nosuchprogram")
    assert done.returncode == 127 and "no folder of PATH" in done.stderr and "sudo" not in done.stderr
    monkeypatch.setenv("SUDO_UID", "0")
    monkeypatch.setenv("SUDO_GID", "0")
    done = pybpfprof("record", "--", "nosuchprogram")
    assert done.returncode == 127 and "whole path" in done.stderr
    (tmp_path / "script").write_text("#!/no/such/interpreter\n")
    (tmp_path / "script").chmod(0o755)
    done = pybpfprof("record", "--", tmp_path / "script")
    assert done.returncode == 127 and "first line" in done.stderr


def test_command_that_is_no_python_exits_5_or_its_own(pybpfprof):
    done = pybpfprof("record", "-o", "out.svg", "--", "sh", "-c", "exit 3")
    assert done.returncode in (3, 5)
    assert "Python" in done.stderr


def test_command_that_hardly_runs(pybpfprof):
    """Whether it is Python cannot be said of what no timer met."""
    done = pybpfprof("record", "-r", "0.1", "-o", "out.svg", "--", "true")
    assert done.returncode == 0 and "too little CPU time" in done.stderr


def test_command_that_leaves_a_daemon_behind(pybpfprof, python, tmp_path):
    """The recording ends with the command; that others go on is said."""
    code = "import os; os.fork() or (os.setsid(), os.close(1), os.close(2), os.read(0, 1), os._exit(0))"
    read, write = os.pipe()
    try:
        command = ["record", "-s", "-o", "out.svg", "--", python.path, "-c"]
        done = pybpfprof(*command, code, stdin=read)
        assert done.returncode == 0 and "1 of its subprocesses runs on" in done.stderr, done.stderr
        done = pybpfprof(*command, "import os; os.fork() and os.wait()")
        assert done.returncode == 0 and "subprocesses run" not in done.stderr, done.stderr
    finally:
        os.close(read)
        os.close(write)


def test_command_runs_as_the_invoking_user(pybpfprof, users_folder, python):
    """uid, gid, groups and capabilities; none of sudo's variables."""
    path = python.path if not python.path.startswith("/root") else "/usr/bin/python3"
    code = (
        "import json, os; sum(range(10**6))\n"
        "caps = [l.split()[1] for l in open('/proc/self/status') if l.startswith(('CapPrm', 'CapEff', 'CapInh', 'CapAmb'))]\n"
        "print(json.dumps([os.getresuid(), os.getresgid(), os.getgroups(), caps,\n"
        "    sorted(k for k in os.environ if k.startswith('SUDO'))]))"
    )
    env = {**os.environ, "SUDO_UID": str(NOBODY), "SUDO_GID": str(NOBODY), "SUDO_USER": "nobody", "SUDO_COMMAND": "x"}
    done = pybpfprof("record", "-o", users_folder / "out.svg", "--", path, "-c", code, env=env, cwd=users_folder)
    assert done.returncode == 0, done.stderr
    uids, gids, groups, caps, variables = json.loads(done.stdout)
    assert uids == [NOBODY] * 3 and gids == [NOBODY] * 3
    assert set(groups) <= {NOBODY}, "root's groups are gone"
    assert set(caps) == {"0" * 16}
    assert variables == []


def test_real_sudo(pybpfprof, users_folder, tmp_path):
    """Through sudo itself, where a rule allows an ordinary user to run it."""
    rules = "/etc/sudoers.d"
    if not shutil.which("sudo") or not os.path.isdir(rules) or not os.path.exists("/usr/bin/python3"):
        pytest.skip("needs sudo, its folder of rules and /usr/bin/python3")
    rule = f"{rules}/pybpfprof-test-{os.getpid()}"
    program = shutil.copy(PROGRAM, f"/usr/local/bin/pybpfprof-test-{os.getpid()}")
    with open(os.open(rule, os.O_CREAT | os.O_WRONLY, 0o440), "w") as file:
        file.write(f"nobody ALL=(root) NOPASSWD: {program}\n")
    try:
        done = subprocess.run(
            ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "sudo", "-n", program, "record",
             "-o", "out.svg", "--", "/usr/bin/python3", "-c", "import os; sum(range(10**7)); print(os.getuid())"],  # fmt: skip
            cwd=users_folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        os.unlink(rule)
        os.unlink(program)
    if "sudo:" in done.stderr:
        pytest.skip("sudo does not work here: " + done.stderr.strip())
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(NOBODY)
    assert (users_folder / "out.svg").stat().st_uid == NOBODY


def test_command_outlives_the_duration(pybpfprof, python, tmp_path):
    """-d ends the recording, not the program."""
    flag = tmp_path / "done"
    code = f"import time; sum(range(10**7)); time.sleep(3); open({str(flag)!r}, 'w')"
    done = pybpfprof("record", "-d", "0.5", "-r", "499", "-o", "out.svg", "--", python.path, "-c", code)
    assert_svg(tmp_path / "out.svg")
    assert "duration" in done.stderr or done.returncode == 0
    wait_until(flag.exists, "the program to go on", 20)


def test_sigint_from_a_terminal_reaches_both(python, tmp_path):
    """Ctrl-C goes to the whole group: the program ends by it, the profile is written."""
    code = "while True: pass"
    process = subprocess.Popen(
        [PROGRAM, "record", "-r", "499", "-o", "out.svg", "--", python.path, "-c", code],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        wait_until(lambda: any(cpu_seconds(child) > 0.5 for child in children_of(process.pid)), "the command to work")
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode in (0, 1, 128 + signal.SIGINT), err
    assert_svg(tmp_path / "out.svg")


# ---- names that want to break out ------------------------------------------------------------------------------------


def test_hostile_names_are_inert_everywhere(interpreter, cgroup, spawn, recorder, pybpfprof):
    """Acceptance 7, for every output of ours that is text (the browser's view is tests/formats)."""
    payload = "</script><svg onload=document.title='owned'>;\x1b[31m"
    workload = Workload([interpreter.path, __file__.replace("test_cli.py", "workloads/hostile.py"), "0.05", payload],
                        cgroup=cgroup)  # fmt: skip
    try:
        workload.wait_ready()
        recording = recorder("--cgroup", cgroup.path, "-r", "1999", "-v")
        workload.go().finish()
    finally:
        workload.kill()
    recording.stop()
    texts = {name: recording.convert(name, "-t").read_bytes() for name in ("a.svg", "a.json", "a.folded")}
    texts["report"] = pybpfprof("report", recording.recording).stdout.encode("utf-8", "surrogateescape")
    texts["stderr"] = recording.stderr.encode("utf-8", "surrogateescape")
    for name, data in texts.items():
        text = data.decode("utf-8")  # valid everywhere, lone surrogates included
        harmful = {c for c in text if (ord(c) < 32 and c not in "\n\t\r") or 127 <= ord(c) < 160}
        assert not harmful, (name, harmful)
        assert not {c for c in text if 0x202A <= ord(c) <= 0x202E or 0x2066 <= ord(c) <= 0x2069}, name
        assert "\r" not in text or name == "stderr"
    assert b"<svg onload" not in texts["a.svg"] and b"<img" not in texts["a.svg"]
    assert b"</script><svg" not in texts["a.svg"]
    root = xml.etree.ElementTree.fromstring(texts["a.svg"])
    assert not [e for e in root.iter() if any(k.lower().startswith("on") and "owned" in v for k, v in e.attrib.items())]
    document = json.loads(texts["a.json"])
    assert b"</script" not in texts["a.json"]
    names = {name.rsplit("hostile.", 1)[-1] for sample in document["samples"] for name in sample["stack"]}
    assert any("svg onload" in name and "\\x1b" in name for name in names), "made visible, not dropped"
    for word in ("größe", "имя", "snake🐍"):
        assert any(word in name for name in names), (word, names)
    assert not [name for name in names if len(name) > 20000]
    lines = texts["a.folded"].decode().splitlines()
    assert all(re.search(r" \d+$", line) for line in lines)
    assert sum(int(line.rsplit(" ", 1)[1]) for line in lines) == round(document["cpu_seconds"] * 1e9)
    marshalled = recording.pstats()
    assert sum(row[2] for row in marshalled.values()) == pytest.approx(document["cpu_seconds"])


# ---- nothing is left behind -----------------------------------------------------------------------------------------------


def test_failed_starts_leave_no_program(pybpfprof, cgroup):
    before = bpf_programs()
    for args in (["-p", "999999999"], ["--cgroup", cgroup.path / "no"], ["-p", "1", "-o", "x.y"]):
        assert pybpfprof("record", *args).returncode != 0
    left = bpf_programs() - before
    wait_until(lambda: not left & bpf_programs(), "programs, of others at the same time, to be gone too")


def test_two_profilers_at_once(busy, cgroup, recorder):
    """They do not disturb each other."""
    first = recorder("--cgroup", cgroup.path, "-r", "499")
    second = recorder("-p", busy.pid, "-r", "499")
    let_work(busy, 0.3)
    for one in (second, first):
        one.stop()
        assert len(one.json()["samples"]) > 60


def test_convert_can_be_quiet(busy, recorder, tmp_path):
    recording = recorder("-p", busy.pid, "-d", 0.3).wait()
    for option, said in ([], b"wrote"), (["-q"], b""):
        terminal, ours = os.openpty()  # it reports to people only
        argv = [PROGRAM, "convert", *option, "-i", recording.recording, "-o", tmp_path / "out.svg"]
        assert subprocess.run(argv, stderr=ours).returncode == 0
        os.close(ours)
        try:
            text = os.read(terminal, 4096)
        except OSError:  # EIO: nothing was said
            text = b""
        os.close(terminal)
        assert said in text and (said or not text)
