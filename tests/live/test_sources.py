# SPDX-License-Identifier: MIT
"""Which text stands beside the samples: what ran, from where it ran, as those may read it who ran it; or none."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

import html_page
from conftest import PROGRAM, let_work

PROGRAM_TEXT = """\
import os, sys, time

def work(until):
    x = 1
    while time.process_time() < until:
        for i in range(4000):
            {line}
    return x

print("ready", os.getpid(), flush=True)
if __name__ == "__main__":
    work(float(sys.argv[1]))
"""
RAN = "x = (x * 33 + i) % 65521"
NEVER_RAN = "x = never_ran(x, i)  #"

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def write(path, line=RAN):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(PROGRAM_TEXT.format(line=line))
    return path


class Started:
    """A program that says "ready PID"."""

    def __init__(self, argv, **popen):
        self.process = subprocess.Popen([*map(str, argv)], stdout=subprocess.PIPE, **popen)
        words = self.process.stdout.readline().split()
        assert words[:1] == [b"ready"], argv
        self.pid = int(words[1]) if len(words) > 1 else self.process.pid

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def start():
    started = []

    def run(*argv, **popen):
        started.append(Started(argv, **popen))
        return started[-1]

    yield run
    for one in started:
        one.end()


class Seen:
    """What each view shows of a recording: texts of lines, by function; states and texts of files in the page."""

    def __init__(self, pybpfprof, folder, name="rec"):
        done = pybpfprof("report", "--json", "--by", "line", folder / f"{name}.pybpf")
        assert done.returncode == 0, done.stderr
        self.lines = [line for line in json.loads(done.stdout)["lines"] if line["name"] == "work"]
        assert self.lines
        self.report = pybpfprof("report", "--by", "line", folder / f"{name}.pybpf").stdout
        page = html_page.Page(folder / f"{name}.html")
        self.page = {page.head["texts"][s["file"]]: s for s in page.head["sources"]}

    def texts(self, path):
        """Of a file: in report, in its JSON, in the page."""
        shown = {line["source"] for line in self.lines if line["file"] == str(path) and "source" in line}
        return any(text in self.report for text in shown) if shown else False, shown, self.page[str(path)].get("text", "")

    def assert_ran(self, path, line=RAN):
        in_report, shown, text = self.texts(path)
        assert in_report and line in shown and line in text
        assert "so without text" not in self.report

    def assert_none(self, path, state):
        in_report, shown, text = self.texts(path)
        assert not in_report and not shown and not text
        assert self.page[str(path)]["state"] == state
        changed = state == "newer"
        assert all(line.get("source_changed", False) == changed for line in self.lines if line["file"] == str(path))
        assert self.report.count("so without text: ") == changed and ("rec" not in self.report or True)


@pytest.fixture
def record(pybpfprof, tmp_path):
    def run(*args, name="rec", **options):
        outputs = [word for end in ("pybpf", "html", "json") for word in ("-o", tmp_path / f"{name}.{end}")]
        done = pybpfprof("record", "-r", "499", *outputs, *args, **options)
        assert done.returncode == 0, done.stderr
        return Seen(pybpfprof, tmp_path, name)

    return run


# ---- changed since ---------------------------------------------------------------------------------------


def rewrite(app, _):
    write(app, NEVER_RAN)


def replace_keeping_its_time(app, tmp_path):
    """As tar, rsync -a and install -p do: it says that it is as old as where it came from."""
    new = write(tmp_path / "new.py", NEVER_RAN)
    os.utime(new, (1700000000, 1700000000))
    os.rename(new, app)


def turn_a_link(app, tmp_path):
    """Back to a release that had been there before the program was started."""
    os.symlink("release-1", tmp_path / "next")
    os.rename(tmp_path / "next", tmp_path / "current")


@pytest.mark.parametrize("how", [rewrite, replace_keeping_its_time, turn_a_link])
def test_changed_after_the_start(how, start, python, record, pybpfprof, tmp_path):
    write(tmp_path / "release-1/app.py", NEVER_RAN)
    write(tmp_path / "release-2/app.py")
    os.symlink("release-2", tmp_path / "current")
    app = tmp_path / "current/app.py"
    time.sleep(0.1)
    target = start(python.path, app, 60)
    let_work(target, 0.1)
    before = record("--pid", target.pid, "-d", "0.5", name="before")
    before.assert_ran(app)
    how(app, tmp_path)
    assert NEVER_RAN in app.read_text()
    record("--pid", target.pid, "-d", "0.5").assert_none(app, "newer")
    again = Seen(pybpfprof, tmp_path, "before")  # what was asked before has it, what is asked now has not
    assert RAN in again.page[str(app)]["text"] and "never_ran" not in again.report
    top = pybpfprof("top", "--pid", target.pid, "--once").stdout
    dump = pybpfprof("dump", "--pid", target.pid).stdout
    assert "never_ran" not in top + dump and "was changed after the process started" in dump


MASTER = """\
import os, sys, time
sys.path.insert(0, sys.argv[1])
import app
if sys.argv[2] == "late":
    sys.stdin.readline()
worker = os.fork()
if not worker:
    print("worker", os.getpid(), flush=True)
    app.work(60)
while True:
    time.sleep(1)
"""


@pytest.mark.parametrize("profiled", ["worker", "both"])
def test_a_forked_worker_runs_what_its_master_read(profiled, start, python, record, tmp_path):
    app = write(tmp_path / "app.py")
    (tmp_path / "master.py").write_text(MASTER)
    target = start(python.path, tmp_path / "master.py", tmp_path, "late", stdin=subprocess.PIPE)
    time.sleep(0.1)
    write(app, NEVER_RAN)
    time.sleep(0.1)
    target.process.stdin.write(b"\n")
    target.process.stdin.close()
    worker = int(target.process.stdout.readline().split()[1])
    chosen = ["--pid", worker] if profiled == "worker" else ["--pid", target.pid, "--subprocesses"]
    try:
        seen = record(*chosen, "-d", "0.6")
    finally:
        os.kill(worker, signal.SIGKILL)
    seen.assert_none(app, "newer")
    document = json.loads((tmp_path / "rec.json").read_text())
    (process,) = [p for p in document["processes"] if p["pid"] == worker]
    assert process["code_start"] < process["start"] and process["root"] == "own"


@pytest.mark.parametrize("turn", range(3))
def test_a_short_program_written_just_before(turn, python, record, tmp_path):
    app = write(tmp_path / "app.py")
    record("-d", "10", "--", python.path, app, 0.12).assert_ran(app)


# ---- other roots -----------------------------------------------------------------------------------------


def in_mount_namespace(tmp_path, python, app, seconds):
    """The path is there on the host, too: something else is mounted over it in the container."""
    image = write(tmp_path / "image/app.py").parent
    script = f"mount --bind {image} {app.parent} && exec {python.path} {app} {seconds}"
    return ["unshare", "--mount", "sh", "-c", script], app


def in_chroot(tmp_path, python, app, seconds):
    """In the host's own mount namespace, in another directory."""
    root = tmp_path / "root"
    write(root / str(app).lstrip("/"))
    enter = (f"import os, sys; os.chroot({str(root)!r}); os.chdir('/'); sys.argv[1:] = ['{seconds}'];"
             f"exec(compile(open({str(app)!r}).read(), {str(app)!r}, 'exec'))")  # fmt: skip
    return [python.path, "-c", enter], app


@as_root
@pytest.mark.parametrize("how", [in_mount_namespace, in_chroot])
def test_a_containers_path_is_no_path_of_ours(how, start, python, record, pybpfprof, tmp_path):
    argv, app = how(tmp_path, python, write(tmp_path / "srv/app.py", NEVER_RAN), 60)
    os.utime(app, (1700000000, 1700000000))
    time.sleep(0.1)
    target = start(*argv)
    seen = record("--pid", target.pid, "-d", "0.6")
    document = json.loads((tmp_path / "rec.json").read_text())
    # os.chroot() after the start is not what the kernel side is asked about before the first sample
    assert {p["root"] for p in document["processes"]} == {"other"}
    seen.assert_ran(app)
    target.end()
    assert pybpfprof("convert", "-i", "rec.pybpf", "-o", "rec.html").returncode == 0
    Seen(pybpfprof, tmp_path).assert_none(app, "missing")
    assert pybpfprof("convert", "-i", "rec.json", "-o", "rec.html").returncode == 0
    assert pybpfprof("convert", "-i", "rec.json", "-o", "rec.pybpf").returncode == 0
    Seen(pybpfprof, tmp_path).assert_none(app, "missing")


@as_root
def test_containers_that_are_gone_already(cgroup, python, pybpfprof, record, tmp_path):
    """Known by nothing but what the kernel side says of them: their numbers are nobody's by then."""
    app = write(tmp_path / "srv/app.py", NEVER_RAN)
    argv, _ = in_mount_namespace(tmp_path, python, app, 0.15)
    ours = write(tmp_path / "ours.py")
    run = " & ".join(" ".join(f"'{word}'" for word in map(str, a)) for a in [argv, [python.path, ours, 0.15]] * 3)
    script = f"echo $$ > {cgroup.path}/cgroup.procs; sleep 1.5; {run} & wait"
    shell = subprocess.Popen(["sh", "-c", script], stdout=subprocess.DEVNULL)
    seen = record("--cgroup", cgroup.path, "-d", "4")
    shell.wait()
    seen.assert_none(app, "missing")
    seen.assert_ran(ours)


@as_root
def test_a_file_of_both_is_neither_ones(start, cgroup, python, record, tmp_path):
    app = write(tmp_path / "srv/app.py", NEVER_RAN.replace("never_ran(x, i)", "x + i"))
    argv, _ = in_mount_namespace(tmp_path, python, app, 60)
    for one in (start(*argv), start(python.path, app, 60)):
        cgroup.add(one.pid)
    record("--cgroup", cgroup.path, "-d", "0.6").assert_none(app, "missing")


# ---- rights ----------------------------------------------------------------------------------------------

CLAIMS = """\
import os, sys, time
path, user, mode = sys.argv[1:]
os.setgroups([])
os.setgid(int(user))
os.setuid(int(user))
text = "import time\\n" * 2 + "def work(until):\\n" + "    while time.process_time() < until: pass\\n"
names = {}
exec(compile(text, path, "exec"), names)
print("ready", os.getpid(), flush=True)
names["work"](60)
"""


@as_root
@pytest.mark.parametrize("user, may", [(65534, False), (0, True)])
def test_a_process_claims_a_file_that_only_root_may_read(user, may, start, python, record, tmp_path_factory, tmp_path):
    outside = tmp_path_factory.mktemp("outside")
    for directory in (outside, *outside.parents):
        if directory.stat().st_uid == os.geteuid() and directory != directory.parent:
            os.chmod(directory, directory.stat().st_mode | 0o055)
    private = outside / "private/settings.py"
    write(private, RAN)
    os.chmod(private.parent, 0o700)
    (outside / "claims.py").write_text(CLAIMS)
    time.sleep(0.1)
    target = start(python.path, outside / "claims.py", private, user, "x", env={"PYTHONDONTWRITEBYTECODE": "1", "PATH": os.environ["PATH"]})
    seen = record("--pid", target.pid, "-d", "0.5", env={k: v for k, v in os.environ.items() if not k.startswith("SUDO_")})
    assert seen.page[str(private)]["state"] == ("text" if may else "missing")
    os.chmod(private.parent, 0o755)
    seen = record("--pid", target.pid, "-d", "0.5")
    assert RAN in seen.page[str(private)].get("text", "")  # now everybody may read it


@as_root
def test_under_sudo_it_is_read_as_the_user(start, python, record, tmp_path):
    app = write(tmp_path / "app.py")  # the folder is root's own
    target = start(python.path, app, 60)
    args = ["--pid", target.pid, "-d", "0.5"]
    outputs = tmp_path / "for-all"
    outputs.mkdir()
    os.chmod(outputs, 0o777)
    os.chmod(app, 0o600)
    done = subprocess.run([PROGRAM, "record", *map(str, args), "-f", "html", "-o", "-"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, cwd=outputs, env={**os.environ, "SUDO_UID": "65534", "SUDO_GID": "65534"})  # fmt: skip
    assert done.returncode == 0, done.stderr
    page = outputs / "page.html"
    page.write_bytes(done.stdout)
    data = html_page.Page(page)
    assert {data.head["texts"][s["file"]]: s["state"] for s in data.head["sources"]}[str(app)] == "missing"


# ---- where nothing answers -------------------------------------------------------------------------------

STALLS = """\
import os, sys, time
import app
text = "def spin{n}(until):\\n    while time.process_time() < until: pass\\n"
names = {"time": time}
for n in range(40):
    exec(compile(text.replace("{n}", str(n)), f"{sys.argv[1]}/never{n}.py", "exec"), names)
while True:
    app.work(time.process_time() + 0.02)
    for n in range(40):
        names[f"spin{n}"](time.process_time() + 0.01)
"""
RARELY = """\
import time, app
while True:
    app.work(time.process_time() + 0.002)
    time.sleep(0.1)
"""


def test_paths_where_nothing_answers(silent, start, python, record, pybpfprof, tmp_path):
    """Forty of one process: each view ends, and what others ran has its text all the same, also where both ran it."""
    app = write(tmp_path / "app.py")
    (tmp_path / "stalls.py").write_text(STALLS)
    (tmp_path / "rarely.py").write_text(RARELY)
    other = start(python.path, tmp_path / "rarely.py")
    target = start(python.path, tmp_path / "stalls.py", silent)
    let_work(target, 0.1)
    began = time.monotonic()
    dump = pybpfprof("dump", "--pid", target.pid, timeout=20)
    assert time.monotonic() - began < 6
    assert "(stalls.py:" in dump.stdout, dump.stderr
    began = time.monotonic()
    record("--pid", f"{target.pid},{other.pid}", "-d", "2").assert_ran(app)
    assert time.monotonic() - began < 25  # of three formats and two reports, on a busy machine
    began = time.monotonic()
    report = subprocess.Popen([PROGRAM, "report", "--by", "line", "-n", "500", tmp_path / "rec.pybpf"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    time.sleep(0.3)
    report.send_signal(signal.SIGINT)
    report.wait(5)
    assert time.monotonic() - began < 2.5


# ---- what earlier programs recorded ----------------------------------------------------------------------


def test_a_document_that_does_not_say(start, python, record, pybpfprof, tmp_path):
    """Of earlier programs, and of others: by the time it was written alone, and the process's start."""
    app = write(tmp_path / "app.py")
    target = start(python.path, app, 60)
    record("--pid", target.pid, "-d", "0.5")
    document = json.loads((tmp_path / "rec.json").read_text())
    (process,) = document["processes"]
    assert process["root"] == "own" and process["rights"].split()[0] == str(os.geteuid())
    for key in ("root", "rights", "code_start"):
        del process[key]
    (tmp_path / "old.json").write_text(json.dumps(document))

    def lines():
        done = pybpfprof("report", "--json", "--by", "line", "old.json")
        assert done.returncode == 0, done.stderr
        return {line.get("source") for line in json.loads(done.stdout)["lines"] if line["name"] == "work"}

    assert RAN in lines()
    write(app, NEVER_RAN)
    assert lines() == {None}
    os.utime(app, (process["start"] + 1, process["start"] + 1))
    assert lines() == {None}


def test_recorded_on_another_machine(start, python, record, pybpfprof, tmp_path):
    app = write(tmp_path / "app.py")
    target = start(python.path, app, 60)
    record("--pid", target.pid, "-d", "0.5").assert_ran(app)
    document = json.loads((tmp_path / "rec.json").read_text())
    document["host"] += "-2"
    (tmp_path / "other.json").write_text(json.dumps(document))
    for end in ("pybpf", "html"):
        assert pybpfprof("convert", "-i", "other.json", "-o", f"rec.{end}").returncode == 0
    Seen(pybpfprof, tmp_path).assert_none(app, "missing")
