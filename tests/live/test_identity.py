# SPDX-License-Identifier: MIT
"""Which processes and threads are seen, and by which names: what the kernel and the interpreter itself say of them."""

import collections
import contextlib
import os
import subprocess
import time

import pytest

import interpreters
from conftest import wait_until, within_chance
from test_elsewhere import ENDS, SHARED, home_of, library_of
from test_record import processes_of

SPIN = """
import os, sys, threading, time
def leaf(seconds):
    end = time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID) + seconds
    x = 1
    while time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID) < end:
        for i in range(2000):
            x = (x * 31 + i) % 65521
def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())
"""


class Program:
    """A script that says lines; killed at the end, with its children."""

    def __init__(self, python, text, *args, **popen):
        argv = [*(python if isinstance(python, list) else [python.path]), "-c", SPIN + text, *map(str, args)]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True, **popen)
        self.pid = self.process.pid

    def line(self):
        return self.process.stdout.readline().decode().split()

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, 9)
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def program():
    started = []

    def start(*args, **popen):
        started.append(Program(*args, **popen))
        return started[-1]

    yield start
    for one in started:
        one.kill()


def test_a_sample_says_in_which_interpreter(interpreter, spawn, recorder):
    """A thread is one in each of its interpreters, with the CPU time that it took there."""
    workload = spawn(interpreter, "interps.py", 0.4)
    if not workload.ready["has_interps"]:
        assert interpreter.minor < (3, 8)  # the module is new in 3.8
        return
    recording = recorder("--pid", workload.pid, "-r", "999")
    workload.go().finish()
    recording.wait()
    document = recording.json()
    spent = collections.Counter()
    for sample in document["samples"]:
        if sample["stack"][-1].endswith("spin"):
            spent[document["threads"][sample["thread"]]["name"]] += sample["value"]
    parts = [line["part"] for line in workload.lines if "part" in line]
    assert len(spent) == len(parts) == 4, spent
    for part in parts:
        suffix = f" (interpreter {part['interp']})" if part["interp"] else ""
        assert spent[part["thread"] + suffix] == within_chance(part["spent"], 999), (part, spent)


def thread_names(document, pid=None):
    """{name: CPU seconds} of the threads that were sampled."""
    spent = collections.Counter()
    for sample in document["samples"]:
        if pid is None or sample["pid"] == pid:
            spent[document["threads"][sample["thread"]]["name"]] += sample["value"]
    return spent


def dumped(pybpfprof, pid):
    done = pybpfprof("dump", "--pid", pid)
    assert done.returncode == 0, done.stderr
    return done.stdout


def seconds_in(document, function, pid=None):
    return sum(
        s["value"]
        for s in document["samples"]
        if (pid is None or s["pid"] == pid) and any(name.rsplit(".", 1)[-1] == function for name in s["stack"])
    )


# ---- which interpreter ---------------------------------------------------------------------------------

MOVES_CODE = """
import ctypes
libc = ctypes.CDLL(None)
libc.mmap.restype = libc.mremap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
libc.mremap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int, ctypes.c_void_p]
def move(start, end, protection):  # to memory without a file, at the same place
    size = end - start
    copy = libc.mmap(None, size, 3, 0x22, -1, 0)
    ctypes.memmove(copy, start, size)
    libc.mprotect(ctypes.c_void_p(copy), ctypes.c_size_t(size), protection)
    assert libc.mremap(copy, size, size, 3, start) == start
for line in open("/proc/self/maps").read().splitlines():
    words = line.split()
    if words[-1] == sys.argv[1] and (words[1][:3] == "r-x" or words[2] == "00000000"):
        start, end = (int(n, 16) for n in words[0].split("-"))
        move(start, end, 5 if words[1][2] == "x" else 1)
say("moved")
leaf(60)
"""


@pytest.mark.parametrize("python", interpreters.MATRIX, ids=interpreters.name)
def test_code_in_memory_without_a_file(python, program, recorder, pybpfprof):
    """As programs do that want it in huge pages; the file's first page goes along."""
    mapped = library_of(python) or os.path.realpath(python.path)
    if not os.path.exists(mapped):
        pytest.skip("its library is in a root of its own")
    target = program(python, MOVES_CODE, mapped)
    assert target.line() == ["moved"]
    assert not [one for one in open(f"/proc/{target.pid}/maps") if str(mapped) in one and "r-x" in one]
    recording = recorder("-p", target.pid, "-r", "499", "-d", "1", wait=False).wait()
    assert recording.status == 0, recording.stderr
    assert seconds_in(recording.json(), "leaf") > 0.1
    assert "leaf" in dumped(pybpfprof, target.pid)


SECOND = """
import ctypes
if len(sys.argv) > 2:
    os.environ["PYTHONHOME"] = sys.argv[2]
other = ctypes.PyDLL(sys.argv[1], mode=os.RTLD_NOW | os.RTLD_LOCAL | os.RTLD_DEEPBIND)
if len(sys.argv) > 2:
    other.Py_InitializeEx(0)
say("there")
leaf(60)
"""


@pytest.mark.skipif(len(ENDS) < 2, reason="not two versions with a libpython")
@pytest.mark.parametrize("started", [False, True], ids=["mapped", "started"])
@pytest.mark.parametrize("which", [0, 1], ids=["the-oldest-runs", "the-newest-runs"])
def test_two_interpreters_in_a_process(which, started, program, recorder, pybpfprof):
    """A plug-in brings another libpython, which runs nothing: it is not taken, and check names both."""
    runs, other = ENDS[which], ENDS[1 - which]
    target = program(runs, SECOND, library_of(other), *([home_of(other)] if started else []))
    assert target.line() == ["there"]
    recording = recorder("-p", target.pid, "-r", "499", "-d", "1", wait=False).wait()
    assert recording.status == 0, recording.stderr
    document = recording.json()
    assert processes_of(document)[target.pid]["python"] == runs.version
    assert seconds_in(document, "leaf") > 0.1
    assert "leaf" in dumped(pybpfprof, target.pid)
    said = pybpfprof("check", "--pid", target.pid).stdout
    assert f"Python {runs.version}: " in said and f"it also holds Python {other.version} " in said


LINKED_TO_ANOTHER = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
extern const char *Py_GetVersion(void);
int main(int argc, char **argv)
{
	volatile const char *linked = Py_GetVersion();
	while (clock() < CLOCKS_PER_SEC / 5)
		;
	void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
	((void (*)(int))dlsym(library, "Py_InitializeEx"))(0);
	return ((int (*)(const char *))dlsym(library, "PyRun_SimpleString"))(argv[2]) + !linked;
}
"""


@pytest.mark.skipif(len(ENDS) < 2, reason="not two versions with a libpython")
def test_one_that_never_starts_is_not_the_last_word(tmp_path, recorder):
    """The program was linked to one libpython and runs another: known by its file, it would be the wrong one for ever."""
    linked, runs = ENDS
    library = library_of(linked)
    (tmp_path / "host.c").write_text(LINKED_TO_ANOTHER)
    subprocess.run(["gcc", "-o", tmp_path / "host", tmp_path / "host.c", library, f"-Wl,-rpath,{library.parent}", "-ldl"], check=True)
    for _ in range(2):  # nothing is known of the program; it is
        recording = recorder(
            "-r", "499", "--", tmp_path / "host", library_of(runs), SPIN + "leaf(3)", wait=False,
            env={**os.environ, "PYTHONHOME": home_of(runs)},
        ).wait()
        assert recording.status == 0, recording.stderr
        assert seconds_in(recording.json(), "leaf") > 1, recording.stderr


# ---- which process -------------------------------------------------------------------------------------

LEADER_ENDS = """
import ctypes
for n in range(2):
    threading.Thread(target=leaf, args=(60,), name="survivor-%d" % n).start()
def later():
    time.sleep(float(sys.argv[1]) + 0.5)
    threading.Thread(target=leaf, args=(60,), name="late").start()
if float(sys.argv[1]):
    threading.Thread(target=later).start()
say("going")
time.sleep(float(sys.argv[1]))
ctypes.CDLL(None).syscall(60, 0)
"""


def is_zombie(pid):
    return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] == "Z"


@pytest.mark.parametrize("python", ENDS, ids=interpreters.name)
def test_the_main_thread_has_ended(python, cgroup, program, recorder, pybpfprof):
    """The leader is a zombie whose files in /proc are empty; the process goes on in other threads."""
    target = program(python, LEADER_ENDS, 0)
    wait_until(lambda: is_zombie(target.pid), "the leader to end")
    for how in (("-p", target.pid), ("--cgroup", cgroup.path)):
        cgroup.add(target.pid)
        recording = recorder(*how, "-r", "499", "-d", "1", wait=False).wait()
        assert recording.status == 0, recording.stderr
        document = recording.json()
        assert set(thread_names(document)) == {"survivor-0", "survivor-1"}
        assert "leaf" in processes_of(document)[target.pid]["command"]
    shown = dumped(pybpfprof, target.pid)
    assert '"survivor-0"' in shown and '"survivor-1"' in shown and "leaf" in shown
    assert pybpfprof("check", "--pid", target.pid).returncode == 0


def test_the_main_thread_ends_meanwhile(python, program, recorder):
    target = program(python, LEADER_ENDS, 1)
    assert target.line() == ["going"]
    recording = recorder("-p", target.pid, "-r", "499")
    wait_until(lambda: is_zombie(target.pid), "the leader to end")
    time.sleep(2)
    recording.stop()
    assert thread_names(recording.json())["late"] > 0.1  # begun, and named, after that


MANY_FILES = """
import ctypes
mmap = ctypes.CDLL(None).mmap
mmap.restype = ctypes.c_void_p
mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
for n in range(int(sys.argv[2])):
    fd = os.open(sys.argv[1] + str(n % int(sys.argv[3])), os.O_RDWR | os.O_CREAT)
    os.ftruncate(fd, 8192)
    mmap(None, 4096, 1, int(sys.argv[4]), fd, 0 if n % 2 else 4096)
    os.close(fd)
say("mapped")
leaf(60)
"""


@pytest.mark.parametrize("sharing", [1, 2], ids=["shared", "private"])
@pytest.mark.parametrize("files", [1, 15000])
def test_very_many_mappings(sharing, files, python, tmp_path, program, recorder, pybpfprof):
    """30,000, whose list has more than 4 MiB: libraries come last in it."""
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    target = program(python, MANY_FILES, folder / "shard-", 30000, files, sharing)
    assert target.line() == ["mapped"]
    begun = time.monotonic()
    recording = recorder("-p", target.pid, "-r", "499", "-d", "1", wait=False).wait()
    assert recording.status == 0, recording.stderr
    assert seconds_in(recording.json(), "leaf") > 0.1
    assert "leaf" in dumped(pybpfprof, target.pid)
    assert time.monotonic() - begun < 20


FORKS_IN_A_THREAD = """
def work():
    time.sleep(float(sys.argv[1]))
    pid = os.fork()
    if not pid:
        me = threading.current_thread()
        say("child", os.getpid(), me.name)
        leaf(60)
    os.waitpid(pid, 0)
threading.Thread(target=work, name="uploader").start()
say("ready")
if sys.argv[2] == "busy":
    leaf(60)
time.sleep(60)
"""


@pytest.mark.parametrize("parent", ["busy", "idle"])
@pytest.mark.parametrize("python", interpreters.MATRIX, ids=interpreters.name)
def test_a_child_that_a_thread_forked(python, parent, program, recorder, pybpfprof):
    """Its only thread keeps the name that it had in the parent."""
    target = program([python.path, "-W", "ignore"], FORKS_IN_A_THREAD, 1, parent)
    assert target.line() == ["ready"]
    recording = recorder("-p", target.pid, "-s", "-r", "499")
    _, child, name = target.line()
    time.sleep(1)
    assert f'"{name}"' in dumped(pybpfprof, int(child))
    recording.stop()
    document = recording.json()
    assert set(thread_names(document, int(child))) == {name} == {"uploader"}
    if parent == "busy":
        assert set(thread_names(document, target.pid)) - {"uploader"} == {"MainThread"}


RENAMES = """
threading.current_thread().name = "scheduler"
def work():
    leaf(0.2)
    say("first")
    while not os.path.exists(sys.argv[1]):
        leaf(0.05)
    threading.current_thread().name = "order-7"
    leaf(60)
threading.Thread(target=work, name="pool_0").start()
leaf(60)
"""


@pytest.mark.parametrize("python", interpreters.MATRIX, ids=interpreters.name)
def test_renamed_threads(python, tmp_path, program, recorder, pybpfprof):
    target = program(python, RENAMES, tmp_path / "rename")
    assert target.line() == ["first"]
    recording = recorder("-p", target.pid, "-r", "499")
    time.sleep(1)
    (tmp_path / "rename").touch()
    time.sleep(1)
    shown = dumped(pybpfprof, target.pid)
    recording.stop()
    assert set(thread_names(recording.json())) == {"scheduler", "order-7"}
    assert '"scheduler"' in shown and '"order-7"' in shown


FOREIGN = """
import ctypes
libc = ctypes.CDLL(None)
CALLBACK = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
def first(_):
    threading.current_thread().name = "first-of-all"
    say("ident", threading.get_ident())
def second(_):
    say("ident", threading.get_ident())
    leaf(60)
for one in (CALLBACK(first), CALLBACK(second)):
    thread = ctypes.c_ulong()
    assert not libc.pthread_create(ctypes.byref(thread), None, one, None)
    libc.pthread_join(thread, None)
"""


GIVES_A_NUMBER_AGAIN = """
import threading
def first_job(): leaf(1)
def second_job(): leaf(1)
def run(job, wanted):
    got.append(threading.get_native_id())
    if wanted in (None, got[-1]):
        job()
def one(job, name, wanted=None):
    thread = threading.Thread(target=run, args=(job, wanted), name=name)
    thread.start()
    thread.join()
got = []
sys.stdin.readline()
one(first_job, "batch-1")
number = got[-1]
for attempt in range(1000):  # what takes as many threads as there are numbers otherwise
    with open("/proc/sys/kernel/ns_last_pid", "w") as last:
        last.write(str(number - 1))
    one(second_job, "batch-2", number)
    if got[-1] == number:
        break
say("again" if got[-1] == number else "never again")
"""


def test_a_number_that_is_given_again(python, program, recorder):
    """Two threads, one after the other, that the kernel calls the same: two threads, each with its name and its time."""
    running = program(python, GIVES_A_NUMBER_AGAIN, stdin=subprocess.PIPE)
    recording = recorder("--pid", running.pid, "-r", "499", "--threads")
    running.process.stdin.write(b"go\n")
    running.process.stdin.close()
    assert running.line() == ["again"]
    recording.stop()
    document = recording.json()
    names = thread_names(document)
    for job, name in (("first_job", "batch-1"), ("second_job", "batch-2")):
        assert seconds_in(document, job) == within_chance(1, 499, least=0.1)
        assert names[name] == pytest.approx(seconds_in(document, job), abs=0.1), names
    assert len({t["thread_id"] for t in document["threads"] if t["name"].startswith("batch-")}) == 1


# Before 3.8 a Thread object does not say which of the kernel's it is of: Python takes one for the other, too.
NUMBERED = [i for i in SHARED if i.minor >= (3, 8)]


@pytest.mark.parametrize("python", NUMBERED[:1] + NUMBERED[1:][-1:], ids=interpreters.name)
def test_a_thread_from_outside_has_its_own_name(python, program, recorder, pybpfprof):
    """Made by C, one after the other: the second has the ident of the first, whose Thread object may be still there."""
    target = program(python, FOREIGN)
    idents = {target.line()[1], target.line()[1]}
    assert len(idents) == 1, "the C library gave another stack: this proves nothing"
    recording = recorder("-p", target.pid, "-r", "499", "-d", "1", wait=False).wait()
    assert "first-of-all" not in thread_names(recording.json())
    assert '): "first-of-all"' not in dumped(pybpfprof, target.pid)


TITLES = """
import ctypes
def set_title(text, whole):
    fields = open("/proc/self/stat").read().rsplit(")", 1)[1].split()
    start, end = int(fields[45]), int(fields[48] if whole else fields[46])
    data = text.encode()[: end - start - 1]
    ctypes.memmove(start, data + b"\\0" * (end - start - len(data)), end - start)
    return open("/proc/self/cmdline").read().rstrip("\\0").replace("\\0", " ")
say("ready")
time.sleep(1)
for delay in (0, 0.7):
    for whole in (True, False):
        if not os.fork():
            leaf(delay)
            text = "worker %s %s [shop.wsgi:application]" % (delay, whole) + 200 * " and so on"
            os.write(1, ("%d\\t%s\\n" % (os.getpid(), set_title(text, whole))).encode())
            leaf(60)
leaf(60)
"""


def test_titles_that_processes_give_themselves(python, program, recorder):
    """As long as there is room for (in the place of the environment), and at any time: what ps shows."""
    target = program(python, TITLES, env={**os.environ, "SECRET": "environment"})
    assert target.line() == ["ready"]
    recording = recorder("-p", target.pid, "-s", "-r", "499")
    titles = dict(target.process.stdout.readline().decode().rstrip("\n").split("\t") for _ in range(4))
    time.sleep(1.5)
    recording.stop()
    processes = processes_of(recording.json())
    for pid, title in titles.items():
        assert processes[int(pid)]["command"] == title
    assert not [p for p in processes.values() if "SECRET" in p["command"]]


SPAWNS = """
def busy():
    leaf(60)
threading.Thread(target=busy, name="busy", daemon=True).start()
say("ready")
os.posix_spawn("/bin/true", ["true"], {}, file_actions=[(os.POSIX_SPAWN_OPEN, 0, sys.argv[1], os.O_RDONLY, 0)])
"""


def test_a_child_in_its_parents_memory(python, tmp_path, program, recorder, pybpfprof):
    """posix_spawn() before its exec: it has none of its parent's threads. The parent waits in uninterruptible sleep."""
    os.mkfifo(tmp_path / "fifo")
    target = program(python, SPAWNS, tmp_path / "fifo")
    assert target.line() == ["ready"]
    children = f"/proc/{target.pid}/task/{target.pid}/children"
    child = int(wait_until(lambda: open(children).read().split(), "the child")[0])
    wait_until(lambda: "State:\tS" in open(f"/proc/{child}/status").read(), "the child to open")
    done = pybpfprof("dump", "--pid", child, timeout=10)
    assert done.returncode == 5 and "shares its parent's memory" in done.stderr and "busy" not in done.stdout
    shown = dumped(pybpfprof, target.pid)
    assert "uninterruptible" in shown and '"busy"' in shown


# ---- whose file ----------------------------------------------------------------------------------------

APP = """
import os, sys, time
def main():
    end = time.process_time() + 60
    while time.process_time() < end:
        for i in range(4000): pass
if os.fork() == 0 and len(sys.argv) > 1:
    os.chdir("/")
main()
"""


def test_programs_of_the_same_relative_path(cgroup, tmp_path, recorder, pybpfprof):
    """python3.8 keeps `app.py` as it was given: two folders are two files; all workers of a program have one."""
    old = [i for i in interpreters.MATRIX if i.minor == (3, 8)]
    if not old:
        pytest.skip("no Python 3.8")
    started = []
    try:
        for name in ("shop", "bank"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "app.py").write_text(APP)
            for _ in range(2):
                started.append(subprocess.Popen([old[0].path, "app.py", "leave"], cwd=tmp_path / name, start_new_session=True))
        for one in started:
            cgroup.add(one.pid)
        time.sleep(0.5)
        shown = dumped(pybpfprof, started[0].pid)
        recording = recorder("--cgroup", cgroup.path, "-r", "499", "-d", "2", wait=False).wait()
    finally:
        for one in started:
            os.killpg(one.pid, 9)
            one.wait()
    files = {key[0] for key in recording.pstats() if key[2].rsplit(".", 1)[-1] == "main"}
    assert files == {str(tmp_path / name / "app.py") for name in ("shop", "bank")}
    assert "app.py" in shown
