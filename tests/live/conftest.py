# SPDX-License-Identifier: MIT
"""Fixtures of the live suite: cgroups of their own, workloads that say what is true, and the profiler.

A workload (workloads/truth.py) waits after its `ready` line, so the profiler is attached before anything
that counts happens; `Recorder` knows from the profiler's own file descriptors when that is so.
"""

import collections
import contextlib
import glob
import itertools
import json
import math
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

import fake_pythons
import folded
import interpreters
import readers
import support
from programs import PROGRAM, ROOT  # noqa: F401 (ROOT is for those who import from here)

WORKLOADS = pathlib.Path(__file__).resolve().parent / "workloads"
NOT_TAKEN = {"late", "throttled", "not_run"}  # reasons why a busy machine took no sample
PATIENCE = 60  # seconds until a test gives up waiting for something that should be quick

counter = itertools.count()


def pytest_configure(config):
    config.addinivalue_line("markers", "reader(program, format): a file of that format is opened by that program")
    config.addinivalue_line("markers", "alone: needs the machine for itself")
    config.addinivalue_line("markers", "few: with the parameter `interpreter`: on four of them, from the oldest to the newest")
    config.addinivalue_line("markers", "short: of those that SHORT=1 runs: does it load and read Pythons here?")
    config.addinivalue_line("markers", "offline: as every test that is not alone; says that it only reads and draws")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    report.user_properties += [("reader", mark.args) for mark in item.iter_markers("reader")]


def pytest_runtest_logreport(report):
    for name, value in report.user_properties:
        if name == "reader":
            readers.note(*value, report)
        if name == "support" and report.when == "call":
            support.note(value)


def pytest_terminal_summary(terminalreporter):
    for title, lines in ("reader matrix", readers.matrix()), ("support", support.write()):
        if lines:
            terminalreporter.section(title)
        for line in lines:
            terminalreporter.write_line(line)


def shares_a_fixture(item):
    """One of its module's that is made once: a browser, a recording."""
    made = (definitions[-1] for definitions in item._fixtureinfo.name2fixturedefs.values())
    return any(one.scope == "module" for one in made)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Beside each other (xdist) run single tests, and groups that share what is dear to make: the long ones first."""
    for item in items:
        if not item.get_closest_marker("xdist_group") and shares_a_fixture(item):
            item.add_marker(pytest.mark.xdist_group(item.module.__name__))
        if os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="needs root"))
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)


def pytest_sessionstart():
    if threading.current_thread() is not threading.main_thread():
        return  # execnet gives a worker another one now and then, and signals are the main thread's
    # In the background of a shell SIGINT is ignored, and everything started from there would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:  # under nohup
        signal.signal(signal.SIGHUP, lambda *_: None)  # which what is started does not inherit
    if os.geteuid() == 0 and not PROGRAM.exists():
        pytest.exit(f"{PROGRAM} is not built: run make first", returncode=1)


def pytest_report_header():
    return "interpreters: " + " ".join(map(interpreters.name, interpreters.ALL))


def wait_until(check, what, seconds=PATIENCE, every=0.01):
    """The first true value of check()."""
    end = time.monotonic() + seconds
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(every)


# ---- cgroups -------------------------------------------------------------------------------------------


def cgroup2_mount():
    """Where cgroup v2 is mounted: /sys/fs/cgroup, or beside v1 somewhere below it. None: nowhere."""
    with open("/proc/self/mounts") as mounts:
        for line in mounts:
            _, where, kind = line.split()[:3]
            if kind == "cgroup2":
                return pathlib.Path(where)
    return None


def cgroup1_mount(controller):
    """Where that controller's own hierarchy is mounted. None: nowhere."""
    with open("/proc/self/mounts") as mounts:
        for line in mounts:
            _, where, kind, options = line.split()[:4]
            if kind == "cgroup" and controller in options.split(","):
                return pathlib.Path(where)
    return None


class CGroup:
    def __init__(self, path):
        self.path = path
        path.mkdir()

    def pids(self):
        return [int(pid) for pid in (self.path / "cgroup.procs").read_text().split()]

    def add(self, pid):
        (self.path / "cgroup.procs").write_text(str(pid))

    def child(self, name):
        return CGroup(self.path / name)

    def remove(self):
        for below in sorted(self.path.glob("*/")):
            CGroup.remove(_Existing(below))

        def gone():
            for pid in self.pids():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            try:
                self.path.rmdir()
            except OSError:
                return False
            return True

        wait_until(gone, f"{self.path} to be empty", 20)


class _Existing(CGroup):
    def __init__(self, path):
        self.path = path


@pytest.fixture
def make_cgroup():
    """make_cgroup() in the hierarchy of version 2, make_cgroup("cpu") in that controller's of version 1."""
    made = []

    def make(controller=None):
        mount = cgroup1_mount(controller) if controller else cgroup2_mount()
        if mount is None:
            pytest.skip(f"no cgroup v1 of {controller} is mounted" if controller else "no cgroup v2 is mounted")
        path = mount / f"pybpfprof-test-{os.getpid()}-{next(counter)}"
        try:
            made.append(CGroup(path))
        except OSError as error:
            pytest.skip(f"no cgroup can be made: {error}")
        return made[-1]

    yield make
    for group in made:
        if group.path.exists():
            group.remove()


@pytest.fixture
def cgroup(make_cgroup):
    return make_cgroup()


# ---- workloads -----------------------------------------------------------------------------------------


class Workload:
    """A running program of workloads/; `ready` is what it said before it began."""

    def __init__(self, argv, cgroup=None, env=None, **popen):
        def enter():
            if cgroup is not None:
                (cgroup.path / "cgroup.procs").write_text("0")

        self.argv = [str(word) for word in argv]
        self.process = subprocess.Popen(
            self.argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **(env or {})},
            preexec_fn=enter,
            **popen,
        )
        self.pid = self.process.pid
        self.lines = []
        self.pending = b""

    def _line(self, seconds):
        """The next JSON line of its stdout; None at the end."""
        end = time.monotonic() + seconds
        while b"\n" not in self.pending:
            if not select.select([self.process.stdout], [], [], max(0.0, end - time.monotonic()))[0]:
                raise AssertionError(f"{self.argv} said nothing for {seconds} s")
            data = os.read(self.process.stdout.fileno(), 1 << 20)
            if not data:
                return None
            self.pending += data
        line, self.pending = self.pending.split(b"\n", 1)
        self.lines.append(json.loads(line))
        return self.lines[-1]

    def wait_ready(self, seconds=PATIENCE):
        line = self._line(seconds)
        assert line and "ready" in line, f"{self.argv} did not start: {line}"
        self.ready = line["ready"]
        self.pid = self.ready["pid"]
        return self

    def go(self):
        self.process.stdin.write(b"go\n")
        self.process.stdin.flush()
        return self

    def finish(self, seconds=4 * PATIENCE):
        """Waits for its truth and its end."""
        while True:
            line = self._line(seconds)
            assert line is not None, f"{self.argv} ended without its truth"
            if "truth" in line:
                break
        self.truth = line["truth"]
        self.children = [one["child"] for one in self.lines if "child" in one]
        assert self.process.wait(seconds) == 0
        self.spent = self.truth["cpu"] - self.ready["cpu"]
        return self

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def spawn():
    """spawn(interpreter, "name.py", args…, options=["-X", …], cgroup=…) starts a workload and waits until it is ready."""
    started = []

    def start(interpreter, script, *args, wait=True, options=(), **popen):
        path = getattr(interpreter, "path", interpreter)
        workload = Workload([path, *options, WORKLOADS / script, *args], **popen)
        started.append(workload)
        return workload.wait_ready() if wait else workload

    yield start
    for workload in started:
        workload.kill()


# ---- the profiler ----------------------------------------------------------------------------------------


def fd_kinds(pid):
    """{"perf_event": 2, "bpf-prog": 3, …}: what anonymous inodes a process holds."""
    kinds = collections.Counter()
    with contextlib.suppress(OSError):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                kinds[os.readlink(f"/proc/{pid}/fd/{fd}").replace("anon_inode:", "").strip("[]")] += 1
    return kinds


def bpf_programs(pid=None):
    """Ids of the BPF programs in the kernel, or of those that a process holds."""
    if pid is not None:
        ids = set()
        for info in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
            with contextlib.suppress(OSError):
                ids |= {int(n) for n in re.findall(r"^prog_id:\s*(\d+)$", info.read_text(), re.M)}
        return ids
    found = (*glob.glob("/usr/lib/linux-tools/*/bpftool"), "/usr/sbin/bpftool", "/sbin/bpftool", "bpftool")  # as Makefile
    tool = next(filter(shutil.which, found))
    shown = subprocess.run([tool, "-j", "prog", "show"], stdout=subprocess.PIPE, check=True).stdout
    return {prog["id"] for prog in json.loads(shown or "[]")}


def profiler_of(pid):
    """The profiler itself, where a wrapper (sudo, setpriv, a shell) was started."""
    for one in [pid, *children_of(pid)]:
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{one}/exe") == str(PROGRAM.resolve()):
                return one
    return pid


def is_sampling(pid):
    """It attaches its hooks first, and then binds itself to fewer rights. (The recording's file is older than both.)"""
    kinds = fd_kinds(pid)
    if not kinds["perf_event"] or not kinds["bpf_link"] + kinds["bpf-link"]:
        return False
    with contextlib.suppress(OSError):
        return "NoNewPrivs:\t1\n" in pathlib.Path(f"/proc/{pid}/status").read_text()
    return False


def wait_sampling(pid, process=None):
    """Until the profiler that was started as `pid`, or below it, samples: its own pid. None: `process` has ended."""

    def check():
        own = profiler_of(pid)
        return (own,) if is_sampling(own) else process and process.poll() is not None and (None,)

    return wait_until(check, "the profiler to sample")[0]


class Recorder:
    """`pybpfprof record …` as a process. stop() ends it; the result is in status, stdout, stderr. The environment's RECORD has
    options for all of them: --as-old-kernel runs the suites with what old kernels have."""

    def __init__(self, args, folder, output="rec.pybpf", program=PROGRAM, prefix=(), **popen):
        self.folder = folder
        self.recording = folder / output if output else None
        self.argv = [str(word) for word in (*prefix, program, *args)]
        if output:
            at = self.argv.index("--") if "--" in self.argv else len(self.argv)
            self.argv[at:at] = ["-o", str(self.recording), *os.environ.get("RECORD", "").split()]
        self.log = folder / f"stderr-{next(counter)}"
        self.out = folder / f"stdout-{next(counter)}"
        with open(self.log, "wb") as log, open(self.out, "wb") as out:
            options = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": log, "cwd": folder, **popen}
            self.process = subprocess.Popen(self.argv, **options)
        self.pid = self.process.pid
        self.status = None

    @property
    def stderr(self):
        return self.log.read_text(errors="surrogateescape")

    @property
    def stdout(self):
        return self.out.read_bytes()

    def own_pid(self):
        return profiler_of(self.pid)

    def wait_attached(self):
        """Or until it has ended: a short one may be over before we looked."""
        if wait_sampling(self.pid, self.process) is None:
            assert self.process.returncode in (0, 6), f"it ended with {self.process.returncode}: {self.stderr}"
        return self

    def send(self, number):
        os.kill(self.own_pid(), number)

    def wait(self, seconds=2 * PATIENCE):
        self.status = self.process.wait(seconds)
        return self

    def stop(self, number=signal.SIGINT, expect=0):
        if self.process.poll() is None:
            self.send(number)
        self.wait()
        if expect is not None:
            assert self.status == expect, f"{self.argv} ended with {self.status}: {self.stderr}"
        return self

    # What it recorded, through convert.

    def convert(self, name, *options):
        """The recording in another format, as a path."""
        target = self.folder / name
        done = subprocess.run(
            [str(PROGRAM), "convert", "-i", str(self.recording), "-o", str(target), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return target

    def stacks(self, *options):
        """Stacks of Python functions with their samples and time; see folded.py. Whole paths."""
        return [stack for stack in self.all_stacks(*options) if stack.frames[0].name not in folded.NATIVE]

    def all_stacks(self, *options):
        """The same with those that stand for native code: while an interpreter ends, threads that Python knows nothing of."""
        self.convert("out.folded", "--full-filenames", "--timestamps", "--import-frames", *options)
        return folded.read(self.folder / "out.folded")

    def json(self, *options):
        return json.loads(self.convert("out.json", *options).read_bytes())

    def pstats(self):
        import marshal

        return marshal.loads(self.convert("out.prof").read_bytes())


def cpu_seconds(pid):
    """CPU time of a process, all threads."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_cpu(pid, total):
    """Until it has had so much CPU time: for ever, as long as it gets some."""
    had = cpu_seconds(pid)
    while had <= total:
        last = had
        wait_until(lambda: cpu_seconds(pid) > last, f"CPU time of process {pid}")
        had = cpu_seconds(pid)


def let_work(workload, seconds):
    """Until it has had that much more CPU time, however busy the machine is."""
    wait_cpu(workload.pid, cpu_seconds(workload.pid) + seconds)


def children_of(pid):
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError):
                for child in pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text().split():
                    yield int(child)
                    yield from children_of(int(child))


@pytest.fixture
def recorder(tmp_path):
    """recorder("--pid", 42, …) starts the profiler and waits until it is attached."""
    started = []

    def start(*args, wait=True, **options):
        folder = tmp_path / f"rec{len(started)}"
        folder.mkdir()
        started.append(Recorder(args, folder, **options))
        return started[-1].wait_attached() if wait else started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait(PATIENCE)


@pytest.fixture
def silent(tmp_path):
    """Where a file system is mounted that does not answer."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("mounts a file system of its own")
    where = tmp_path / "silent"
    where.mkdir()
    server = subprocess.Popen([sys.executable, WORKLOADS / "silent_fs.py", where], stdout=subprocess.PIPE)
    assert server.stdout.readline() == b"ready\n"
    yield where
    server.kill()  # whoever waits for it gets an error now
    server.wait()
    server.stdout.close()
    subprocess.run(["umount", "-l", where], check=True)


@pytest.fixture
def pybpfprof(tmp_path):
    """pybpfprof("convert", "-i", …) runs it to its end; .returncode, .stdout, .stderr as text."""

    def run(*args, timeout=PATIENCE, **options):
        options = {"cwd": tmp_path, "stdin": subprocess.DEVNULL, **options}
        return subprocess.run(
            [str(PROGRAM), *map(str, args)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=timeout,
            encoding="utf-8",
            errors="surrogateescape",
            **options,
        )

    return run


def within_chance(seconds, rate, least=0.0):
    """CPU seconds as sampling at this rate may find them, but for one run in 150,000 (4.5 deviations).

    Independent draws have a deviation of the root of their number; pieces of work longer than a period
    have less, so this is the widest it can be. `least`: a share of `seconds` that is allowed anyway.
    """
    allowed = 4.5 * math.sqrt(max(1.0, seconds * rate)) / rate
    return pytest.approx(seconds, abs=max(allowed, least * seconds))


# ---- parameters --------------------------------------------------------------------------------------------


def pytest_make_parametrize_id(val):
    return interpreters.name(val) if isinstance(val, interpreters.Interpreter) else None


def pytest_generate_tests(metafunc):
    if "interpreter" in metafunc.fixturenames:
        few = metafunc.definition.get_closest_marker("few")
        metafunc.parametrize("interpreter", interpreters.FEW if few else interpreters.MATRIX)


@pytest.fixture
def python():
    """Any supported interpreter, for tests that are not about versions: a middle one."""
    choice = [i for i in interpreters.MATRIX if i.minor == (3, 12)] or interpreters.MATRIX
    if not choice:
        pytest.skip("no supported interpreter")
    return choice[-1]


@pytest.fixture
def newer(tmp_path):
    """A Python that cannot be walked, as it says that it is of a version that nobody knows: fake_pythons.NEWER."""
    folder = tmp_path / "newer"
    folder.mkdir()
    return fake_pythons.newer(folder) or pytest.skip("no static Python 3.11 or newer in /usr/bin")


def summary_number(text, word):
    """The number before `word` in a summary, thousands separators ignored; None when it is not there."""
    found = re.search(r"([\d,]+) " + re.escape(word), " ".join(text.split()))  # it is broken at 80 columns
    return int(found.group(1).replace(",", "")) if found else None
