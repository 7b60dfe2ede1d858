# SPDX-License-Identifier: MIT
"""The messages for what goes wrong most often: what was looked for, what looks like it, what to do."""

import gzip
import marshal
import os
import re
import signal
import struct
import subprocess
import sys

import pytest

from conftest import PROGRAM, let_work

pytestmark = pytest.mark.offline

SLEEP = "import time; print(1, flush=True); time.sleep(600)"


@pytest.fixture
def python_process():
    """One with a word of its own in its command line."""
    word = f"trouble{os.getpid()}.py"
    process = subprocess.Popen([sys.executable, "-c", SLEEP, word], stdout=subprocess.PIPE)
    process.word = word
    assert process.stdout.readline() == b"1\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.parametrize("command", ["record", "top", "dump"])
def test_a_name_instead_of_a_process_id(command, python_process, pybpfprof):
    done = pybpfprof(command, "--pid", python_process.word)
    assert done.returncode == 2
    assert f"{python_process.pid} (" in done.stderr and python_process.word in done.stderr


@pytest.mark.parametrize("args", [["record", "-d", "1"], ["top", "--once"], ["dump"]])
def test_a_process_that_is_not_there(args, pybpfprof):
    gone = subprocess.Popen(["true"])
    gone.wait()
    done = pybpfprof(*args, "--pid", gone.pid)
    assert done.returncode == 5 and f"no process {gone.pid}" in done.stderr


def test_a_process_id_from_inside_a_container(pybpfprof):
    """A number that means another process out here, or none: the one it has here is told."""
    # a low number would be somebody else's here
    number = int(open("/proc/sys/kernel/pid_max").read()) - 1000
    while os.path.exists(f"/proc/{number}"):
        number -= 1
    script = f"echo {number - 1} >/proc/sys/kernel/ns_last_pid; sleep 600 & echo $!; wait"
    outer = subprocess.Popen(
        ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", script],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        inside = outer.stdout.readline().strip()
        if inside != str(number):
            pytest.skip("no PID namespace with a chosen number here: " + inside)
        done = pybpfprof("record", "--pid", inside, "-d", "1")
        assert done.returncode == 5 and "inside its container: give " in done.stderr, done.stderr
        told = int(done.stderr.split("inside its container: give ")[1].split()[0])
        assert open(f"/proc/{told}/comm").read().strip() == "sleep"
    finally:
        outer.kill()
        outer.communicate()


def test_a_thread_of_a_process(recorder):
    """Its process is taken, and that is said."""
    code = "import threading, time; threading.Thread(target=time.sleep, args=(600,)).start(); print(1, flush=True)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"1\n"
        thread = next(int(tid) for tid in os.listdir(f"/proc/{process.pid}/task") if int(tid) != process.pid)
        recording = recorder("--pid", thread).stop(expect=None)
        assert f"{thread} is a thread of process {process.pid}" in recording.stderr
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_cgroup_that_is_not_there(cgroup, pybpfprof):
    name = cgroup.path.name
    mistyped = name[:-1] + ("x" if name[-1] != "x" else "y")
    done = pybpfprof("record", "--cgroup", mistyped, "-d", "1")
    assert done.returncode == 5 and name in done.stderr.split("Near it:")[1]


@pytest.fixture
def family():
    """A Python with a Python child; and a shell with one."""
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEP!r}])"
    started = []

    def start(*argv):
        started.append(subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True))
        assert started[-1].stdout.readline() == b"1\n"
        return started[-1].pid

    yield lambda shell: start("sh", "-c", f"{sys.executable} -c '{SLEEP}'; true") if shell else start(sys.executable, "-c", code)
    for process in started:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


# cutime and cstime are in steps of 10 ms, so that of each of two children up to two of them are missing.
LEAST = 2 * (0.5 - 0.02)
POOL = """
import subprocess, sys, time
BURN = "import time\\nwhile time.process_time() < 0.5: pass"
def run():
    for child in [subprocess.Popen([sys.executable, "-S", "-c", BURN]) for _ in range(2)]:
        child.wait()
"""


def test_children_that_have_ended_left_cpu_time(recorder, pybpfprof):
    """Nothing lists them any more, but the kernel has added up what they used."""
    said = r"child processes used (\d\.\d\d) s of CPU time more, and were left out: add --subprocesses"
    done = pybpfprof("record", "-o", "out.folded", "--", sys.executable, "-c", POOL + "run()")
    found = re.search(said, done.stderr)
    assert found and LEAST <= float(found[1]) < 1.5, done.stderr
    done = pybpfprof("record", "--subprocesses", "-o", "out.folded", "--", sys.executable, "-c", POOL + "run()")
    assert "left out" not in done.stderr
    code = POOL + "run(); print(1, flush=True); sys.stdin.read(1); run(); print(2, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        parent.stdout.readline()
        recording = recorder("--pid", parent.pid)
        parent.stdin.write(b"\n")
        parent.stdin.flush()
        parent.stdout.readline()
        recording.stop(expect=None)
        parent.kill()
    found = re.search(said, recording.stderr)
    assert found and LEAST <= float(found[1]) < 1.5, "what they used before is not counted: " + recording.stderr


def test_children_that_were_left_out(family, recorder, pybpfprof):
    parent = family(shell=False)
    recording = recorder("--pid", parent).stop(expect=None)
    assert recording.stderr.count("1 Python process among the target's children is left out: add --subprocesses") == 1
    recording = recorder("--pid", parent, "--subprocesses").stop(expect=None)
    assert "left out" not in recording.stderr
    shell = family(shell=True)
    done = pybpfprof("record", "--pid", shell, "-d", "1")
    assert done.returncode == 5 and "in 1 of its children: add --subprocesses" in done.stderr


def is_kernel_thread(pid):
    try:
        return bool(int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[6]) & 0x200000)
    except OSError:
        return False


@pytest.fixture
def zombie():
    code = "import os, sys; pid = os.fork() or os._exit(0); os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT); print(pid, flush=True); sys.stdin.read()"
    parent = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    yield int(parent.stdout.readline())
    parent.communicate()


# One page at 0x8048000: e_ident of a 32-bit file, e_machine 386; pause() for ever.
CODE_32 = bytes.fromhex("b81d000000 cd80 ebf7")
HEAD_32 = b"\x7fELF\1\1\1" + bytes(9) + struct.pack("<HHIIIIIHHHHHH", 2, 3, 1, 0x8048054, 52, 0, 0, 52, 32, 1, 0, 0, 0)
PROGRAM_32 = HEAD_32 + struct.pack("<IIIIIIII", 1, 0, 0x8048000, 0x8048000, 93, 93, 5, 4096) + CODE_32


@pytest.fixture
def program_32(tmp_path):
    path = tmp_path / "small"
    path.write_bytes(PROGRAM_32)
    path.chmod(0o755)
    try:
        process = subprocess.Popen([path])
    except OSError:
        pytest.skip("this kernel runs no 32-bit programs")
    yield process.pid
    process.kill()
    process.wait()


@pytest.mark.parametrize("args", [["record", "-d", "1"], ["top", "--once"], ["dump"], ["check"]])
def test_what_can_be_no_python(args, zombie, program_32, python_process, pybpfprof):
    """What the process is, and no advice that cannot help."""
    kernel_threads = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if is_kernel_thread(pid)]
    for pids, words in ((kernel_threads[:1], "is a kernel thread"), ([zombie], "zombie until its parent, process"),
                        ([program_32], "is a 32-bit program")):  # fmt: skip
        for pid in pids:
            done = pybpfprof(*args, "--pid", pid)
            assert done.returncode == 5 and words in done.stderr + done.stdout, done.stderr
            assert "--subprocesses" not in done.stderr


def test_one_of_several_is_no_python(program_32, python_process, pybpfprof):
    done = pybpfprof("record", "-d", "0.1", "-o", "out.svg", "--pid", f"{program_32},{python_process.pid}")
    assert done.returncode == 0 and "wrote out.svg" in done.stderr and f"warning: no Python in process {program_32} (" in done.stderr


@pytest.mark.parametrize(
    "args, meant",
    [
        (["recrod"], "record"),
        (["record", "--pid", "1", "--layout", "flmae"], "flame"),
        (["record", "--cgroup", "/", "--scope", "cgruop"], "cgroup"),
        (["record", "--pid", "1", "-o", "out.sgv"], ".svg"),
        (["record", "--pid", "1", "-o", "-", "-f", "jsno"], "json"),
        (["report", "--by", "functoin", "x"], "function"),
        (["top", "--pid", "1", "--sort", "totl"], "total"),
        (["completions", "bahs"], "bash"),
    ],
)
def test_typing_errors_get_the_nearest_word(args, meant, pybpfprof):
    done = pybpfprof(*args)
    assert done.returncode == 2 and f"did you mean {meant}?" in done.stderr, done.stderr


def test_words_that_mean_nothing(pybpfprof, tmp_path):
    """They are answered with what was meant, in one line."""
    (tmp_path / "p.json").write_text("{}")
    (tmp_path / "app.py").write_text("")
    for words, answer in (
        (["top", "p.json"], "--input p.json"),
        (["record", "app.py"], "-- python3 app.py"),
        (["top", "app.py"], "-- python3 app.py"),
        (["record", "nonsense"], "--pid PID"),
        (["record", "."], "--pid PID"),
        (["record", "--nonsense"], "--nonsense"),
        (["dump", "nonsense"], "process ids"),
    ):
        done = pybpfprof(*words)
        assert done.returncode == 2 and answer in done.stderr, (words, done.stderr)
        assert done.stderr.startswith("pybpfprof: error: ") and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "before, behind",
    [
        ([], ["-d", "1", "-r", "499", "-o", "-", "-f", "folded"]),
        (["record", "--hideprogress", "-d", "1", "-r", "499", "-o", "-", "-f", "folded"], []),
        (["top", "--once"], []),
        (["dump"], ["--nolineno"]),
    ],
    ids=["no command", "record", "top", "dump"],
)
def test_a_number_is_a_process(before, behind, spawn, python, pybpfprof):
    workload = spawn(python, "busy.py", 0).go()
    let_work(workload, 0.2)
    done = pybpfprof(*before, workload.pid, *behind)
    assert done.returncode == 0 and "outer" in done.stdout, done.stderr


@pytest.mark.parametrize("end", [[], ["-d", "unlimited"]], ids=["", "unlimited"])
def test_a_program_begins_the_command(end, python, pybpfprof):
    """What follows it is its own."""
    done = pybpfprof("record", *end, "-o", "out.json", python.path, "-c", "import sys; print(sys.argv)", "-d", "--", "1")
    assert done.returncode == 0 and done.stdout == "['-c', '-d', '--', '1']\n", done.stderr


@pytest.mark.parametrize("command", [["app.py"], ["./app.py"], ["-m", "http.server"]])
def test_a_script_without_its_interpreter(command, pybpfprof, tmp_path):
    (tmp_path / "app.py").write_text("print(1)")
    done = pybpfprof("record", "-o", "out.svg", "--", *command)
    assert done.returncode in (126, 127) and "python3 …" in done.stderr, done.stderr


def test_help_behind_other_options(pybpfprof):
    done = pybpfprof("record", "--pid", "1", "-h")
    assert done.returncode == 0 and "--subprocesses" in done.stdout and not done.stderr


def test_inputs_that_are_something_else(pybpfprof, tmp_path):
    """It is said what they are, not what the parser did not expect."""
    ours = b'{"process_name": "app", "samples": [], "functions": {}}'
    for name, content, answer in (
        ("p.json.gz", gzip.compress(ours), "gunzip"),
        ("utf16.json", ours.decode().encode("utf-16"), "UTF-16"),
        ("bom.json", b"\xef\xbb\xbf" + ours, "byte order mark"),
        ("p.prof", marshal.dumps({("a.py", 1, "f"): (1, 1, 0.1, 0.1, {})}), "a pstats file cannot be read back"),
        ("p.speedscope.json", b'{"profiles": []}', "a speedscope file cannot be read back"),
        ("p.folded", b"main;f 3\n", "a folded file cannot be read back"),
        ("perf.data", b"PERFILE2" + bytes(100), "perf"),
    ):
        (tmp_path / name).write_bytes(content)
        done = pybpfprof("convert", "-i", name, "-o", "out.svg")
        assert done.returncode == 1 and answer in done.stderr and name in done.stderr, (name, done.stderr)
        assert not (tmp_path / "out.svg").exists()
    done = pybpfprof("convert", "-i", "-", "-o", "out.svg")
    assert done.returncode == 1 and "save it first" in done.stderr


# ---- programs that wait ------------------------------------------------------------------------------------

WAITS = "import time\nwhile True:\n    sum(range(30000)); time.sleep(0.05)"
SLEEPS = "import time; time.sleep(600)"


@pytest.fixture
def waiting():
    """Starts programs that are hardly ever on a CPU."""
    started = []

    def start(code, cgroup=None):
        enter = (lambda: cgroup.add(os.getpid())) if cgroup else None
        started.append(subprocess.Popen([sys.executable, "-c", "print(1, flush=True)\n" + code], stdout=subprocess.PIPE, preexec_fn=enter))
        assert started[-1].stdout.readline() == b"1\n"
        return started[-1].pid

    yield start
    for process in started:
        process.kill()
        process.communicate()


def told(recorder, *args):
    """The sentence about waiting, or none."""
    recording = recorder(*args, "-d", 3, "-r", 1999).wait()  # the little that they do is seen
    found = re.findall(r"^pybpfprof: .*(?:where (?:it waits|they wait)).*$", recording.stderr, re.M)
    assert len(found) <= 1
    return found[0] if found else None


def test_a_program_that_waits_is_told_what_shows_it(waiting, cgroup, recorder):
    one, two = waiting(WAITS, cgroup), waiting(WAITS, cgroup)
    said = told(recorder, "-p", one)
    share = float(re.search(r"it was on a CPU for ([\d.]+) % of the time", said).group(1))
    assert 0.01 < share < 5 and f"`pybpfprof dump --pid {one}` shows where it waits" in said
    said = told(recorder, "-p", f"{one},{two}")
    assert "they were on a CPU for" in said and "`pybpfprof dump --pid PID` shows where they wait" in said
    said = told(recorder, "--cgroup", cgroup.path)
    assert " on a CPU for" in said and "`pybpfprof dump --pid PID` shows where " in said
    asleep = waiting(SLEEPS)
    said = told(recorder, "-p", asleep)
    assert "no samples" in said and f"`pybpfprof dump --pid {asleep}` shows where it waits" in said


def test_a_program_that_is_busy_or_short_is_told_nothing(spawn, python, recorder, pybpfprof):
    workload = spawn(python, "busy.py", 0).go()
    let_work(workload, 0.1)
    assert told(recorder, "-p", workload.pid) is None
    assert told(recorder, "--all") is None
    done = pybpfprof("record", "-o", "out.svg", "--", sys.executable, "-c", "import time; time.sleep(0.2)")
    assert done.returncode == 0 and "wrote out.svg" in done.stderr and "on a CPU" not in done.stderr
