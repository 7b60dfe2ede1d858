# SPDX-License-Identifier: MIT
"""`dump`: where every thread is now, against what the program itself says.

Sleeping threads: frame by frame and line by line as sys._current_frames() has them. A busy one: a stack that the
program can have, or one that is marked. Locals: the repr() that the program prints of them.
"""

import collections
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import tempfile

import pytest

import interpreters
from conftest import PATIENCE, PROGRAM, WORKLOADS, wait_until
from fake_pythons import NEWER

pytestmark = pytest.mark.offline

DUMPS = 40  # in a row, of each interpreter
NOBODY = 65534


@pytest.fixture
def start():
    """start(path or interpreter, "name.py" or "-c", …): a running program; said() gives its first line."""
    started = []

    def run(python, *args, before=(), **popen):
        argv = [*before, getattr(python, "path", python)]
        argv += [str(WORKLOADS / arg) if str(arg).endswith(".py") else str(arg) for arg in args]
        started.append(subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **popen))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait(PATIENCE)
        process.stdin.close()
        process.stdout.close()


def dump(pid, *options, program=(PROGRAM,), status=0, **popen):
    """(stdout, stderr) of one dump."""
    argv = [*map(str, program), "dump", "--pid", str(pid), *options]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=2 * PATIENCE, **popen)
    out, err = done.stdout.decode("utf-8"), done.stderr.decode("utf-8")
    assert done.returncode == status, (done.returncode, err)
    return out, err


def dump_json(pid, *options, **kwargs):
    """The only process of a dump."""
    document = json.loads(dump(pid, "--json", *options, **kwargs)[0])
    assert document["schema"] == "pybpfprof-dump/1"
    (process,) = document["processes"]
    return process


def by_ident(process):
    return {thread["thread_id"]: thread for thread in process["threads"]}


def frames_of(thread):
    return [[f["name"], f["filename"], f["line"]] for f in thread["frames"]]


def of_file(thread, name):
    """Root first, "name:line", of one file's frames."""
    frames = reversed(thread["frames"])
    return tuple(f"{f['name'].split('.')[-1]}:{f['line']}" for f in frames if f["filename"].endswith(name))


def only_thread(pid, *options, **kwargs):
    (thread,) = dump_json(pid, *options, **kwargs)["threads"]
    return thread


# ---- stacks --------------------------------------------------------------------------------------------


def check_fifty(process, said, possible):
    threads = by_ident(process)
    assert len(threads) == len(process["threads"]) == 52 and process["complete"]
    spinner = threads[said["spinner"]]
    for ident, truth in said["stacks"].items():
        thread = threads[int(ident)]
        assert thread["sure"] and frames_of(thread) == truth
        assert not thread["owns_gil"] and thread["thread_name"].startswith("sleeper ")
    # It may be read in pieces: then two walks have found the same, and it is marked.
    assert of_file(spinner, "fifty.py") in possible or not spinner["sure"]
    assert spinner["thread_name"] == "spinner"
    return spinner


def is_stopped(pid):
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return all((task / "stat").read_text().rsplit(")", 1)[1].split()[0] == "T" for task in tasks)


def runs_freely(thread):
    assert not (thread["owns_gil"] and thread["no_gil"])
    return thread["owns_gil"] or thread["no_gil"]


def test_fifty_sleeping_and_one_busy(interpreter, start):
    process = start(interpreter, "fifty.py")
    said = json.loads(process.stdout.readline())
    possible = {tuple(stack) for stack in said["possible"]}
    seen, running = collections.Counter(), 0
    for _ in range(DUMPS):
        found = dump_json(process.pid)
        spinner = check_fifty(found, said, possible)
        running += spinner["state"] == "running" and runs_freely(spinner) and spinner["active"]
        others = [t for t in found["threads"] if t is not spinner]
        assert {t["state"] for t in others} == {"sleeping"}
        assert {t["syscall"] for t in others} >= {"futex", "read"}
        seen[of_file(spinner, "fifty.py")] += 1
    assert len(possible & set(seen)) > 1, "it was met at different places"
    assert sum(seen[stack] for stack in possible) > 0.8 * DUMPS, "hardly any is a mixture"
    assert running > DUMPS / 2, "but for a page that is not there"
    # And where nothing can move any more.
    process.send_signal(signal.SIGSTOP)
    wait_until(lambda: is_stopped(process.pid), "all threads to stop")
    found = dump_json(process.pid)
    assert {t["state"] for t in found["threads"]} == {"stopped"}
    spinner = by_ident(found)[said["spinner"]]
    if spinner["outcome"] == "torn":  # stopped between two frames: said so, and no stack is made up
        assert not spinner["frames"]
        return
    assert check_fifty(found, said, possible) is spinner or runs_freely(spinner)
    assert found["python"] == interpreter.version and "fifty.py" in found["command"]


@pytest.mark.short
def test_every_kind_of_frame(interpreter, start):
    process = start(interpreter, "asleep.py")
    said = json.loads(process.stdout.readline())
    kinds = {int(ident): kind for ident, kind in said["kinds"].items()}
    found = dump_json(process.pid)
    mine = {t["thread_id"]: t for t in found["threads"] if not t["interpreter_id"]}
    for ident, truth in said["stacks"].items():
        if kinds[int(ident)] == "in_a_sub_interpreter" and interpreter.minor >= (3, 12):
            continue
        assert mine[int(ident)]["sure"]
        assert frames_of(mine[int(ident)]) == [frame[:3] for frame in truth], kinds[int(ident)]
    depths = {kinds.get(ident): len(thread["frames"]) for ident, thread in mine.items()}
    assert depths["deep_recursion"] > 2000, "no limit of the kernel's walker"
    if interpreter.minor < (3, 8):
        return  # nothing makes sub-interpreters there
    # A thread in a sub-interpreter has a stack in each, the inner one right behind the outer one.
    (inner,) = [t for t in found["threads"] if t["interpreter_id"] and t["frames"]]
    text = "<script>" if interpreter.minor >= (3, 14) else "<string>"
    assert frames_of(inner) == [["inner", text, 3], ["<module>", text, 4]]
    (outer,) = [t for t in found["threads"] if t["thread_id"] == inner["thread_id"] and not t["interpreter_id"]]
    assert outer["frames"][0]["name"] == "in_a_sub_interpreter"
    assert found["threads"].index(inner) == found["threads"].index(outer) + 1
    assert f'"{inner["thread_name"]}" in interpreter {inner["interpreter_id"]}\n' in dump(process.pid)[0]


IN_SUB_INTERPRETERS = """
import threading
try:
    import _interpreters as sub
except ImportError:
    import _xxsubinterpreters as sub
code = "import threading; never = threading.Lock(); never.acquire()\\n"
code += "threading.Thread(target=never.acquire, name='inner %d').start(); print(flush=True); never.acquire()"
def host(n): sub.run_string(sub.create(), code % n)
for n in (1, 2): threading.Thread(target=host, args=(n,), name=f"host {n}").start()
"""


@pytest.mark.parametrize("python", [i for i in interpreters.MATRIX if i.minor >= (3, 12)])
def test_threads_of_sub_interpreters(python, start):
    """Which have names in their own interpreter only, and a GIL of their own."""
    process = start(python, "-c", IN_SUB_INTERPRETERS)
    process.stdout.readline(), process.stdout.readline()

    def of_each():
        threads = dump_json(process.pid)["threads"]
        names = {n: {t["thread_name"] for t in threads if t["interpreter_id"] == n} for n in (0, 1, 2)}
        return names[0] >= {"host 1", "host 2"} and sorted(map(sorted, (names[1], names[2]))) == [
            ["host 1", "inner 1"], ["host 2", "inner 2"]]  # fmt: skip

    wait_until(of_each, "names of the threads in each interpreter")


COME_AND_GO = """
import threading
def grow(): [leaf() for _ in range(20)]
def leaf(): return [i for i in range(50)]
def stay(): never.acquire()
def work(name): exec("def %s(): grow(); time.sleep(0.001)\\n%s()" % (name, name), {"grow": grow, "time": __import__("time")})
def start():
    for n in range(10**9):
        names = ["worker_%d" % ((n + i) % 7) for i in range(3)]
        threads = [threading.Thread(target=work, args=(name,), name=name) for name in names]
        for t in threads: t.start()
        for t in threads: t.join()
never = threading.Lock()
never.acquire()
for f in (stay, stay, start, start, start):
    threading.Thread(target=f, daemon=True, name=f.__name__).start()
print(flush=True)
never.acquire()
"""


def whose(thread):
    """The name of the thread that can have such a stack; None: any thread can."""
    names = {frame["name"].split(".")[-1] for frame in thread["frames"]}
    own = [name for name in names if name in ("start", "stay") or name.startswith("worker_")]
    return "MainThread" if names == {"<module>"} else own[0] if own and "leaf" not in own[0] else None


def test_threads_that_come_and_go(start, interpreter):
    """Numbers, idents and memory are used again at once: no thread may get another's stack or name."""
    process = start(interpreter, "-c", COME_AND_GO)
    process.stdout.readline()
    for _ in range(10):
        threads = dump_json(process.pid)["threads"]
        tids = [t["os_thread_id"] for t in threads if t["os_thread_id"]]
        assert len(set(tids)) == len(tids)
        # one that has not begun to run has its maker's name, from 3.14 on (Lib/threading.py: _set_os_name())
        begun = [t for t in threads if any(frame["name"].endswith("run") for frame in t["frames"])]
        names = collections.Counter(t["thread_name"] for t in threads if t in begun or t["thread_name"] == "MainThread")
        assert (names["stay"], names["start"], names["MainThread"]) == (2, 3, 1)
        for thread in (t for t in threads if t["sure"] and t["outcome"] == "ok"):
            root = thread["frames"][-1]["name"].split(".")[-1]
            assert root in ("_bootstrap", "<module>") and all(f["line"] > 0 for f in thread["frames"]), thread
            # without a name of Python's it has the kernel's: that of the program
            assert whose(thread) in (None, thread["thread_name"]) or thread["thread_name"].startswith("py"), thread


# ---- locks ---------------------------------------------------------------------------------------------


def waits_of(thread):
    waits = thread["waits_for"]
    return waits and [waits["kind"], waits["name"], waits["thread_id"]]


def check_locks(interpreter, start):
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        process = start(interpreter, "locks.py", folder)
        said = json.loads(process.stdout.readline())
        found, text = dump_json(process.pid), dump(process.pid)[0]
    idents, threads = said["idents"], by_ident(found)
    names = {ident: name for name, ident in idents.items() if name != "gone"}
    for ident, name in names.items():
        kind, module, holder = said["waiting"].get(name, (None, None, None))
        assert waits_of(threads[ident]) == (kind and [kind, module, idents[holder]]), (name, threads[ident])
        if holder:
            there = threads.get(idents[holder], {"os_thread_id": None, "thread_name": None})
            assert threads[ident]["waits_for"]["os_thread_id"] == there["os_thread_id"]
            assert threads[ident]["waits_for"]["thread_name"] == there["thread_name"] == (holder if there["os_thread_id"] else None)
    assert [[names[ident] for ident in circle] for circle in found["deadlocks"]] == [["ring 0", "ring 1", "ring 2"]]
    ring = [f'thread {threads[idents[name]]["os_thread_id"]} "{name}"' for name in ("ring 0", "ring 1", "ring 2", "ring 0")]
    assert "\nDeadlock: " + ring[0] + " waits for " + ", which waits for ".join(ring[1:]) + "\n" in text
    assert f', waits for an RLock that {ring[1]} holds): "ring 0"\n' in text
    assert re.search(r', waits for the import lock of slow_module that thread \d+ "importer" holds\): "imports too"\n', text)
    assert f', waits for an RLock that thread {idents["gone"]:#x}, which has ended, holds): "in vain"\n' in text


def test_who_holds_what_others_wait_for(interpreter, start):
    check_locks(interpreter, start)


@pytest.mark.parametrize("python", interpreters.UNUSUAL)
def test_who_holds_what_in_unusual_builds(python, start):
    check_locks(python, start)


def test_who_holds_the_gil(start):
    program = "import threading\ndef spin():\n    while True:\n        pass\nfor _ in range(3):\n    threading.Thread(target=spin, daemon=True).start()\nprint(flush=True)\nspin()"
    for interpreter in interpreters.FEW:
        if interpreter.minor == (3, 6):
            continue  # where its GIL is nobody says
        process = start(interpreter, "-c", program)
        process.stdout.readline()
        seen = 0
        for _ in range(DUMPS):
            found = dump_json(process.pid)
            holders = [t["thread_id"] for t in found["threads"] if t["owns_gil"]]
            for thread in found["threads"]:
                waits = thread["waits_for_gil"] and len(holders) == 1
                assert waits_of(thread) == (["GIL", None, holders[0]] if waits else None)
                seen += waits
            assert not found["deadlocks"]
        assert seen, "mostly one has it while the others are read, or nobody while each rests"
        process.kill()


# ---- states --------------------------------------------------------------------------------------------


def test_who_has_the_gil(interpreter, start):
    code = "import threading\ndef spin():\n    while True: pass\n"
    code += "for _ in range(3): threading.Thread(target=spin).start()\nprint(flush=True)\n"
    process = start(interpreter, "-c", code, env={**os.environ, **interpreters.with_gil(interpreter)})
    process.stdout.readline()
    states = set()
    # up to 3.6 the GIL is local variables of Python/ceval_gil.h, of which nobody knows where they are
    waiting = "waits for the GIL" if interpreter.minor >= (3, 7) else "sleeping"

    def look():
        found = dump_json(process.pid)
        busy = [t for t in found["threads"] if t["thread_name"] != "MainThread"]
        assert len(busy) == 3
        for thread in busy:
            assert not (thread["owns_gil"] and thread["waits_for_gil"])
            assert thread["sure"] or thread["state"] == "running"
            assert thread["frames"][0]["name"] == "spin"
        assert found["gil_moved"] == (sum(t["owns_gil"] for t in busy) > 1)
        states.update((t["state"], t["owns_gil"]) for t in busy)
        return {("running", True), (waiting, False)} <= states

    wait_until(look, "a holder and a waiter")
    assert {state for state, _ in states} <= {"running", "waits for the GIL", "sleeping"}


@pytest.mark.skipif(not interpreters.THREADED, reason="no free-threaded interpreter here")
@pytest.mark.parametrize("python", interpreters.THREADED)
def test_without_a_gil(python, start, pybpfprof):
    """Nobody holds it, nobody waits for it, and the text says so once."""
    code = "import threading\ndef spin():\n    while True: pass\n"
    code += "for _ in range(3): threading.Thread(target=spin).start()\nprint(flush=True)\n"
    process = start(python, "-c", code)
    process.stdout.readline()
    found = dump_json(process.pid)
    assert len(found["threads"]) == 4
    for thread in found["threads"]:
        assert thread["no_gil"] and not thread["owns_gil"] and not thread["waits_for_gil"]
    head = pybpfprof("dump", "-p", process.pid).stdout.splitlines()[1]
    assert head.startswith("Python " + python.version) and head.endswith(", no GIL")


def test_in_a_call_that_keeps_the_gil(start, python):
    code = "import ctypes\ndef hang(): ctypes.PyDLL(None).sleep(100000)\nprint(flush=True)\nhang()\n"
    process = start(python, "-c", code)
    process.stdout.readline()
    wait_until(lambda: only_thread(process.pid)["syscall"] == "clock_nanosleep", "the call")
    thread = only_thread(process.pid)
    assert thread["owns_gil"] and thread["frames"][0]["name"] == "hang"
    assert "(sleeping in clock_nanosleep, holds the GIL)" in dump(process.pid)[0]


def test_one_that_runs_all_the_time_is_marked(start, python):
    process = start(python, "-c", "print(flush=True)\ndef spin():\n    while True: pass\nspin()\n")
    process.stdout.readline()
    assert "(not sure: the thread ran while its stack was read)" in dump(process.pid)[0]
    process.send_signal(signal.SIGSTOP)
    wait_until(lambda: is_stopped(process.pid), "it to stop")
    assert "not sure" not in dump(process.pid)[0]


# ---- locals --------------------------------------------------------------------------------------------


def test_locals(interpreter, start):
    check_locals(start(interpreter, "locals.py"))


def check_locals(process):
    truth = json.loads(process.stdout.readline())["stacks"]
    found = {t["thread_name"]: t for t in dump_json(process.pid, "-" + "l" * 20)["threads"]}
    for name, stack in truth.items():
        frames = [f for f in found[name]["frames"] if f["filename"].endswith("locals.py") and f["name"] != "rest"]
        assert len(frames) == len(stack)
        for frame, (function, values, arguments) in zip(frames, stack):
            assert frame["name"].split(".")[-1] == function
            assert {l["name"]: l["repr"] for l in frame["locals"]} == values
            assert [l["name"] for l in frame["locals"] if l["arg"]] == arguments
    kinds = {l["name"]: l["type"] for l in found["objects"]["frames"][1]["locals"]}
    assert kinds["inner"] == "__main__.Outer.Inner" and kinds["error"] == "ValueError"


def test_locals_as_text_and_their_length(start, python):
    code = "import time\ndef f(a, *, k='x' * 1000):\n    n = list(range(1000))\n    print(flush=True)\n    time.sleep(10**5)\nf(1)\n"
    process = start(python, "-c", code)
    process.stdout.readline()
    assert "Locals" not in dump(process.pid)[0]
    short, longer = (dump(process.pid, option)[0] for option in ("-l", "-lll"))
    assert "        Arguments:\n            a: 1\n            k: 'xxx" in short
    assert "        Locals:\n            n: [0, 1, 2, 3" in short
    for text, most in ((short, 128), (longer, 384)):
        (value,) = re.findall(r"k: (.*)\n", text)
        assert len(value) == most + 3 and value.endswith("...")


# ---- the process ---------------------------------------------------------------------------------------


@pytest.mark.short
def test_text(start, python):
    process = start(python, "fifty.py")
    process.stdout.readline()
    out, _ = dump(process.pid)
    # python.path may be a script that starts it
    program = pathlib.Path(f"/proc/{process.pid}/cmdline").read_text().split("\0")[0]
    assert out.startswith(f"Process {process.pid}: {program} ")
    assert f"\nPython {python.version} (" in out
    assert re.search(r'\nThread \d+ \(sleeping in \w+\): "sleeper 0"\n    \S+ \(fifty.py:\d+\)\n', out)
    assert re.search(r'\nThread \d+ \(running, holds the GIL\): "spinner"\n    ', out)
    assert f"({WORKLOADS}/fifty.py:" in dump(process.pid, "--full-filenames")[0]
    assert "fifty.py)" in dump(process.pid, "--nolineno")[0]
    assert "line" not in dump_json(process.pid, "--nolineno")["threads"][0]["frames"][0]


def test_a_source_changed_since(start, python, tmp_path):
    script = tmp_path / "once.py"
    script.write_text("import time\nprint(flush=True)\ntime.sleep(10**5)\n")
    process = start(python, script)
    process.stdout.readline()
    assert "was changed" not in dump(process.pid)[0]
    os.utime(script, (2**31, 2**31))
    assert f"({script} was changed after the process started" in dump(process.pid)[0]


def test_without_python(start):
    process = start("/bin/cat")
    assert "no Python in process" in dump(process.pid, status=5)[1]
    never_given = min(int(pathlib.Path("/proc/sys/kernel/pid_max").read_text()), 2**22 - 1)
    assert f"no process {never_given}" in dump(never_given, status=5)[1]
    assert "no Python" in dump(process.pid, "-s", status=5)[1]


def test_a_python_that_cannot_be_read(start, newer):
    process = start(newer, "-c", "import sys; print(flush=True); sys.stdin.read()")
    process.stdout.readline()
    _, err = dump(process.pid, status=5)
    assert NEWER in err and "which cannot be" in err


def test_subprocesses(start, python):
    code = "import time; print(flush=True); time.sleep(10**5)"
    script = f"{python.path} -c '{code}' & sleep 100000 & wait"
    process = start("/bin/sh", "-c", script, start_new_session=True)
    process.stdout.readline()
    try:
        _, err = dump(process.pid, status=5)
        assert "1 Python subprocess" in err and "--subprocesses" in err
        document = json.loads(dump(process.pid, "-s", "--json")[0])
        (child,) = document["processes"]
        assert child["ppid"] == process.pid and child["threads"][0]["frames"][0]["line"] == 1
        both = json.loads(dump(process.pid, "-s", "--json", "--pid", str(child["pid"]))[0])
        assert len(both["processes"]) == 2
        _, err = dump(process.pid, "--pid", str(child["pid"]), status=5)
        assert "Python subprocess" not in err, "what is shown anyway is not left out"
    finally:
        os.killpg(process.pid, signal.SIGKILL)


def test_in_a_container(start, python):
    """Namespaces of its own for processes and files: numbers of both sides, sources that only it can see."""
    script = (
        "mount -t tmpfs none /mnt && mkdir /mnt/pkg && touch /mnt/pkg/__init__.py && cd /mnt && "
        "echo 'import time\nprint(flush=True)\ntime.sleep(10**5)' > pkg/mod.py && "
        f"exec {python.path} -c 'import sys; sys.path.insert(0, \"/mnt\"); import pkg.mod'"
    )
    # unshare itself stays outside; its child is number 1 inside
    outside = start("/usr/bin/unshare", "--pid", "--mount", "--fork", "--kill-child", "/bin/sh", "-c", script)
    outside.stdout.readline()
    children = pathlib.Path(f"/proc/{outside.pid}/task/{outside.pid}/children")
    pid = int(children.read_text())
    process = dump_json(pid)
    (thread,) = process["threads"]
    assert (process["pid"], process["inner_pid"]) == (pid, 1)
    assert (thread["os_thread_id"], thread["inner_thread_id"]) == (pid, 1) and thread["sure"]
    leaf = thread["frames"][0]
    assert (leaf["filename"], leaf["line"]) == ("/mnt/pkg/mod.py", 3)
    assert (leaf["module"], leaf["short_filename"]) == ("pkg.mod", "pkg/mod.py")
    assert dump(pid)[0].startswith(f"Process {pid} [1 in its container]: ")


# ---- rights --------------------------------------------------------------------------------------------


def as_nobody():
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


@pytest.fixture
def for_all(tmp_path_factory):
    """The program where everybody may run it, and a Python that everybody may run."""
    everybody = [i for i in interpreters.MATRIX if i.path.startswith("/usr/")]
    if not everybody:
        pytest.skip("no supported Python outside of root's home")
    with tempfile.TemporaryDirectory(prefix="pybpfprof-dump-") as folder:
        os.chmod(folder, 0o755)
        yield shutil.copy(PROGRAM, folder), everybody[0]


SLEEP = "import time; print(flush=True); time.sleep(10**5)"


def test_a_process_of_ones_own(start, for_all):
    """Without root, capabilities or BPF, where the kernel lets a user debug what is theirs."""
    scope = pathlib.Path("/proc/sys/kernel/yama/ptrace_scope")
    if scope.exists() and int(scope.read_text()):
        pytest.skip("kernel.yama.ptrace_scope forbids it here")
    program, python = for_all
    process = start(python, "-c", SLEEP, preexec_fn=as_nobody, cwd="/")
    process.stdout.readline()
    thread = only_thread(process.pid, program=[program], preexec_fn=as_nobody, cwd="/")
    assert thread["sure"] and thread["frames"][0]["line"] == 1


def test_somebody_elses(start, for_all):
    program, python = for_all
    process = start(python, "-c", SLEEP)
    process.stdout.readline()
    _, err = dump(process.pid, program=[program], preexec_fn=as_nobody, cwd="/", status=3)
    assert "CAP_SYS_PTRACE" in err and str(process.pid) in err


def refuse_vm_readv():
    """As a container's seccomp filter may do: process_vm_readv (x86-64: 310) fails with EPERM."""
    code = [(0x20, 0, 0, 0), (0x15, 0, 1, 310), (0x06, 0, 0, 0x50000 | 1), (0x06, 0, 0, 0x7FFF0000)]
    filters = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in code))
    program = struct.pack("HxxxxxxP", len(code), ctypes.addressof(filters))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, program, 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


def test_where_the_quick_call_is_refused(start, python):
    process = start(python, "-c", SLEEP)
    process.stdout.readline()
    thread = only_thread(process.pid, "-l", preexec_fn=refuse_vm_readv)
    assert thread["sure"] and thread["frames"][0]["line"] == 1


def test_usage(pybpfprof):
    assert pybpfprof("dump").returncode == 2
    assert pybpfprof("dump", "42x").returncode == 2
    assert pybpfprof("dump", "--pid", "x").returncode == 2
    shown = pybpfprof("dump", "--help")
    assert shown.returncode == 0 and "--locals" in shown.stdout
    assert "os_thread_id" in pybpfprof("man").stdout
