# SPDX-License-Identifier: MIT
"""Who is profiled, what a recording says of them, and how it is shown."""

import collections
import json
import os
import re
import subprocess
import time
import zipapp

import pytest

import interpreters
from conftest import PROGRAM, let_work, wait_until, within_chance


def seconds_by_pid(document):
    """CPU seconds of the samples of each process."""
    spent = collections.Counter()
    for sample in document["samples"]:
        spent[sample["pid"]] += sample["value"]
    return spent


def assert_ticks_add_up(document):
    """ticks = written + lost + failed + outside + filtered, exactly."""
    lost = sum(one["samples"] for one in document["lost"])
    assert document["ticks"] == document["sample_count"] + lost + document["filtered"], document["lost"]
    assert document["sample_count"] == len(document["samples"])


def processes_of(document):
    """{pid: process}, the last image of each."""
    return {process["pid"]: process for process in document["processes"] if process["command"]}


def wanted_versions():
    """One each of the versions the main job names, filled up with others where they are missing."""
    each = {i.minor: i for i in interpreters.MATRIX}
    chosen = [each.pop(minor) for minor in ((3, 8), (3, 10), (3, 12), (3, 13)) if minor in each]
    return (chosen + list(each.values()))[:4]


@pytest.mark.alone  # for the number of ticks that two per cent take
def test_a_cgroup_of_different_versions(cgroup, spawn, recorder):
    """Four versions busy inside, one Python busy outside: acceptance 2."""
    chosen = wanted_versions()
    if len(chosen) < 2:
        pytest.skip("needs two versions of Python")
    inside = {spawn(i, "busy.py", 4, interpreters.name(i), cgroup=cgroup): i for i in chosen}
    outside = spawn(chosen[-1], "busy.py", 4, "outside")
    # 20,000 ticks each, so that two per cent are beyond chance.
    recording = recorder("--cgroup", cgroup.path, "-r", "4999")
    for workload in [*inside, outside]:
        workload.go()
    for workload in [*inside, outside]:
        workload.finish()
    recording.stop()
    document = recording.json("--full-filenames")

    processes = processes_of(document)
    spent = seconds_by_pid(document)
    assert set(spent) == {w.pid for w in inside}
    assert outside.pid not in processes
    for workload, interpreter in inside.items():
        process = processes[workload.pid]
        assert process["python"] == interpreter.version
        assert process["command"].split()[1:] == workload.argv[1:]
        assert process["cgroup"].endswith(cgroup.path.name)
        assert spent[workload.pid] == pytest.approx(workload.truth["spent"], rel=0.02)
        assert interpreter.version in recording.stderr, "the summary names each version"
    assert_ticks_add_up(document)

    script = inside.popitem()[0].argv[1]
    lines = {m: n for n, m in enumerate(open(script).read().split("\n"), 1)}
    for stack in recording.stacks():
        assert stack.process in processes
        names = [frame.name for frame in stack.frames]
        assert all(frame.file and frame.line for frame in stack.frames), stack
        if "inner" in names:
            at = names.index("inner")
            assert names[:at] == ["<module>", "main", "outer"]
            assert stack.frames[at].file == script
            assert stack.frames[at - 1].line == lines["        value = inner("]
            assert lines["def inner(value):"] <= stack.frames[at].line <= lines["    return value"]
    assert sum(s.count for s in recording.stacks() if s.frames[-1].name == "inner") > 0.9 * len(
        document["samples"]
    )


@pytest.mark.parametrize("scope", ["cgroup", "cpu"])
def test_scopes(scope, python, cgroup, spawn, recorder):
    """Timers of the cgroup instead of the CPUs, and the other way round."""
    sampled_otherwise(python, ["--scope", scope], cgroup, spawn, recorder)


def test_without_task_work(interpreter, cgroup, spawn, recorder):
    """Names caught as kernels without task work have to."""
    sampled_otherwise(interpreter, ["--without-task-work"], cgroup, spawn, recorder)


def sampled_otherwise(interpreter, options, cgroup, spawn, recorder):
    """Two inside, one outside: only those inside, named, with as much CPU time as they say."""
    inside = [spawn(interpreter, "busy.py", 0.7, cgroup=cgroup) for _ in range(2)]
    outside = spawn(interpreter, "busy.py", 0.7)
    recording = recorder("--cgroup", cgroup.path, "-r", "999", *options)
    for workload in [*inside, outside]:
        workload.go()
    for workload in [*inside, outside]:
        workload.finish()
    recording.stop()
    document = recording.json()
    spent = seconds_by_pid(document)
    assert set(spent) == {w.pid for w in inside}
    for workload in inside:
        assert spent[workload.pid] == within_chance(workload.truth["spent"], 999)
    assert_ticks_add_up(document)
    stacks = recording.stacks()
    named = sum(s.count for s in stacks if [f.name for f in s.frames[:3]] == ["<module>", "main", "outer"])
    assert named > 0.95 * sum(s.count for s in stacks)


@pytest.mark.short
def test_cgroup_by_relative_path_and_descendants(cgroup, spawn, recorder, python):
    """A path below the mount is taken too; what lies below the group belongs to it."""
    below = cgroup.child("below")
    one, two = spawn(python, "busy.py", 0.5, cgroup=cgroup), spawn(python, "busy.py", 0.5, cgroup=below)
    recording = recorder("--cgroup", cgroup.path.name, "-r", "499")
    for workload in (one, two):
        workload.go()
    for workload in (one, two):
        workload.finish()
    recording.stop()
    assert set(seconds_by_pid(recording.json())) == {one.pid, two.pid}


def test_several_cgroups(make_cgroup, spawn, recorder, python):
    groups = [make_cgroup() for _ in range(3)]
    workloads = [spawn(python, "busy.py", 0.5, cgroup=group) for group in groups]
    recording = recorder("--cgroup", groups[0].path, "--cgroup", groups[1].path, "-r", "499")
    for workload in workloads:
        workload.go()
    for workload in workloads:
        workload.finish()
    recording.stop()
    assert set(seconds_by_pid(recording.json())) == {workloads[0].pid, workloads[1].pid}


def test_a_process_that_enters_the_cgroup_is_followed(cgroup, spawn, recorder, python):
    workload = spawn(python, "busy.py", 0)
    recording = recorder("--cgroup", cgroup.path, "-r", "999")
    workload.go()
    let_work(workload, 0.3)
    entered = time.time()
    cgroup.add(workload.pid)
    let_work(workload, 0.5)
    recording.stop()
    times = [sample["timestamp"] for sample in recording.json()["samples"]]
    assert len(times) > 50
    assert min(times) > entered - 0.01


@pytest.mark.short
def test_pids(spawn, recorder, python):
    """-p takes a list, and only those."""
    workloads = [spawn(python, "busy.py", 0.5) for _ in range(3)]
    recording = recorder("-p", f"{workloads[0].pid},{workloads[1].pid}", "-r", "499")
    for workload in workloads:
        workload.go()
    recording.wait()  # by itself, when the last target ends
    assert recording.status == 0, recording.stderr
    assert set(seconds_by_pid(recording.json())) == {workloads[0].pid, workloads[1].pid}


def test_all(spawn, recorder, python):
    workloads = [spawn(python, "busy.py", 1.5) for _ in range(2)]
    recording = recorder("--all", "-r", "499", "-d", "1")
    for workload in workloads:
        workload.go()
    recording.wait()
    assert recording.status == 0, recording.stderr
    document = recording.json()
    assert {w.pid for w in workloads} <= set(seconds_by_pid(document))
    assert recording.pid not in seconds_by_pid(document), "the profiler does not profile itself"
    assert all(processes_of(document)[pid]["python"] for pid in seconds_by_pid(document))
    assert_ticks_add_up(document)


@pytest.mark.short
def test_every_interpreter_from_birth(interpreter, pybpfprof, tmp_path):
    """-- CMD is recorded from its start, on every build there is: version, names, lines."""
    script = tmp_path / "app.py"
    script.write_text(
        "import time\n"
        "def work():\n"
        "    end = time.process_time() + 0.4\n"
        "    while time.process_time() < end:\n"
        "        sum(range(1000))\n"
        "class Outer:\n"
        "    def method(self):\n"
        "        work()\n"
        "Outer().method()\n"
    )
    done = pybpfprof("record", "-r", "999", "-o", "out.json", "-o", "out.folded", "--", interpreter.path, script)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "out.folded").read_text()
    method = "Outer.method" if interpreter.minor >= (3, 11) else "method"
    count = sum(
        int(line.rsplit(" ", 1)[1])
        for line in text.splitlines()
        if re.search(rf"<module> \(app\.py:9\);{method} \(app\.py:8\);work \(app\.py:[45]\) \d+$", line)
    )
    assert count > 200, text
    assert f'"python":"{interpreter.version}"' in (tmp_path / "out.json").read_text().replace('": "', '":"')


def test_threads_with_their_names(interpreter, cgroup, spawn, recorder):
    """-t: a root per thread, named as Python names it, with as much CPU time as the thread says."""
    workload = spawn(interpreter, "threads.py", 0.5, 3, 2, cgroup=cgroup)
    recording = recorder("--cgroup", cgroup.path, "-r", "999")
    workload.go().finish()
    recording.stop()
    document = recording.json()
    spent = collections.Counter()
    for sample in document["samples"]:
        spent[sample["thread_id"]] += sample["value"]
    names = {thread["thread_id"]: thread["name"] for thread in document["threads"]}
    for thread in workload.truth["threads"]:
        assert names[thread["tid"]] == thread["name"]
        assert spent[thread["tid"]] == within_chance(thread["spent"], 999)
    roots = {stack.thread for stack in recording.stacks("-t")}
    shown = {(thread["tid"], thread["name"]) for thread in workload.truth["threads"] if ";" not in thread["name"]}
    assert shown <= roots
    assert {stack.thread for stack in recording.stacks()} == {None}


def test_gil_flag(interpreter, cgroup, spawn, recorder):
    """Time in zlib is charged to their lines, without the GIL; Python code holds it."""
    workload = spawn(interpreter, "gilfree.py", 0.8, cgroup=cgroup, env=interpreters.with_gil(interpreter))
    recording = recorder("--cgroup", cgroup.path, "-r", "999")
    workload.go().finish()
    recording.stop()
    document = recording.json()
    at = collections.Counter()
    held = collections.Counter()
    for sample in document["samples"]:
        for name, line in zip(reversed(sample["stack"]), reversed(sample["lines"])):
            function = name.rsplit(".", 1)[-1]
            if function in workload.truth["functions"]:
                at[function, line] += sample["value"]
                held[function] += sample["value"] if sample["gil"] else 0
                break
    for function, true in workload.truth["functions"].items():
        assert at[function, true["line"]] == within_chance(true["spent"], 999), function
    assert held["compress"] < 0.1 * at["compress", workload.truth["functions"]["compress"]["line"]]
    assert held["checksum"] < 0.1 * at["checksum", workload.truth["functions"]["checksum"]["line"]]
    assert held["python"] > 0.97 * at["python", workload.truth["functions"]["python"]["line"]]
    # --gil of an output is the same choice, made later.
    kept = recording.all_stacks("--gil")
    assert sum(s.count for s in kept) == sum(1 for sample in document["samples"] if sample["gil"])


def test_gil_only_recording(cgroup, spawn, recorder, python):
    """-g while recording: samples without the GIL are filtered, and counted as that."""
    workload = spawn(python, "gilfree.py", 0.6, cgroup=cgroup)
    recording = recorder("--cgroup", cgroup.path, "-r", "499", "-g")
    workload.go().finish()
    recording.stop()
    document = recording.json()
    assert document["samples"] and all(sample["gil"] for sample in document["samples"])
    assert document["gil_only"] is True
    assert_ticks_add_up(document)


@pytest.mark.skipif(not interpreters.THREADED, reason="no free-threaded interpreter here")
@pytest.mark.parametrize("python", interpreters.THREADED)
def test_gil_only_recording_without_a_gil(python, spawn, pybpfprof):
    """Nothing is left of it, and that is said, with the reason."""
    workload = spawn(python, "gilfree.py", 60)
    workload.go()
    done = pybpfprof("record", "-p", workload.pid, "-g", "-r", "499", "-d", 1, "-o", "out.json")
    assert done.returncode == 6
    assert "runs without a GIL" in done.stderr and "without --gil" in done.stderr


def test_views(cgroup, spawn, recorder, python):
    """-F, --nolineno and --full-filenames change the frames' text and nothing else."""
    workload = spawn(python, "busy.py", 0.5, cgroup=cgroup)
    script = workload.argv[1]
    recording = recorder("--cgroup", cgroup.path, "-r", "999")
    workload.go().finish()
    recording.stop()

    def lines(*options):
        return recording.convert("view.folded", *options).read_text().splitlines()

    first = next(n for n, text in enumerate(open(script), 1) if text.startswith("def inner"))
    total = sum(int(line.rsplit(" ", 1)[1]) for line in lines())
    for options, frame in [
        ((), rf"inner \(busy\.py:\d+\)"),
        (("-F",), rf"inner \(busy\.py:{first}\)"),
        (("--nolineno",), r"inner \(busy\.py\)"),
        (("--full-filenames",), rf"inner \({re.escape(script)}:\d+\)"),
        (("--nolineno", "--full-filenames"), rf"inner \({re.escape(script)}\)"),
    ]:
        shown = lines(*options)
        matching = [line for line in shown if re.search(rf";{frame} \d+$", line)]
        assert matching, (options, shown)
        assert not [line for line in shown if ";inner" in line and not re.search(f";{frame}", line)]
        assert sum(int(line.rsplit(" ", 1)[1]) for line in shown) == total
    assert len([line for line in lines("-F") if ";inner" in line]) == 1


def test_duration_is_seconds(cgroup, spawn, recorder, python):
    """Not ticks: it ends even where nothing runs, and not early where much does."""
    start = time.monotonic()
    recording = recorder("--cgroup", cgroup.path, "-d", "1s", "-r", "99")
    recording.wait()
    assert time.monotonic() - start >= 1
    for _ in range(2):
        spawn(python, "busy.py", 0, cgroup=cgroup).go()
    start = time.monotonic()
    recording = recorder("--cgroup", cgroup.path, "--duration", "1", "--rate", "1khz")
    recording.wait()
    assert recording.status == 0
    assert time.monotonic() - start >= 1
    document = recording.json()
    assert document["duration"] == pytest.approx(1, abs=1.5)
    assert document["rate"] == 1000
    assert 0 < document["effective_rate"] < 1500


def test_samples_lie_within_the_recording(cgroup, spawn, recorder, python):
    before = time.time()
    spawn(python, "busy.py", 0, cgroup=cgroup).go()
    recording = recorder("--cgroup", cgroup.path, "-d", "1", "-r", "499")
    recording.wait()
    document = recording.json()
    times = [sample["timestamp"] for sample in document["samples"]]
    assert times and before <= min(times) and max(times) <= time.time()
    assert max(times) - min(times) <= document["duration"] + 0.1
    assert {sample["cpu"] for sample in document["samples"]} <= set(range(os.cpu_count()))


def test_a_renamed_thread_and_a_native_name(spawn, recorder, python):
    """Without a Python name for it, a thread has the kernel's."""
    workload = spawn(python, "busy.py", 0.5)
    recording = recorder("-p", workload.pid, "-r", "499")
    workload.go().finish()
    recording.wait()
    names = {thread["thread_id"]: thread["name"] for thread in recording.json()["threads"]}
    assert names[workload.pid] in ("MainThread", os.path.basename(python.path)[:15])


SHORT_THREADS = """
import sys, threading, time
def burn(seconds):
    end = time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID) + seconds
    while time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID) < end: pass
def work(name): exec("def %s(): burn(0.02)\\n%s()" % (name, name), {"burn": burn})
threading.current_thread().name = "boss"
for n in range(30):
    names = ["worker_%d" % ((n + i) % 7) for i in range(2)]
    threads = [threading.Thread(target=work, args=(name,), name=name) for name in names]
    for t in threads: t.start()
    burn(0.005)
    for t in threads: t.join()
stay = threading.Thread(target=burn, args=(1.5,), name="stays")
stay.start()
burn(0.5)
"""


def test_no_thread_has_the_name_of_another(python, pybpfprof, tmp_path):
    """Numbers of threads that have ended are used again at once: what cannot be known is not made up."""
    done = pybpfprof("record", "-t", "-r", "999", "-o", "out.folded", "--", python.path, "-c", SHORT_THREADS)
    assert done.returncode == 0, done.stderr
    seen = set()
    for line in (tmp_path / "out.folded").read_text().splitlines():
        name = re.match(r"thread \(\d+\): ([^;]*);", line).group(1)
        own = re.search(r";(worker_\d) ", line)
        seen.add(name)
        assert not own or name == own.group(1) or not name.startswith("worker_"), line
    assert {"boss", "stays"} <= seen


def test_many_idle_threads(cgroup, spawn, recorder, python):
    """Sleeping threads give no samples and take nothing away from the busy one."""
    workload = spawn(python, "threads.py", 1, 1, 160, cgroup=cgroup)
    recording = recorder("--cgroup", cgroup.path, "-r", "999")
    workload.go().finish()
    recording.stop()
    document = recording.json()
    busy = workload.truth["threads"][0]
    spent = sum(s["value"] for s in document["samples"] if s["thread_id"] == busy["tid"])
    assert spent == within_chance(busy["spent"], 999)
    assert not [t for t in document["threads"] if t["name"].startswith("idle-")]


def test_profiler_leaves_no_mark_on_the_target(spawn, recorder, python):
    """Nobody traces it, nobody stops it."""
    workload = spawn(python, "busy.py", 0).go()
    recording = recorder("-p", workload.pid, "-r", "999")
    for _ in range(50):
        status = open(f"/proc/{workload.pid}/status").read()
        assert "TracerPid:\t0" in status
        assert re.search(r"State:\t[RSD]", status), status
        time.sleep(0.01)
    recording.stop()
    assert wait_until(lambda: workload.process.poll() is None, "it still to run")


@pytest.mark.short
def test_version_is_in_the_recording(cgroup, spawn, recorder, python, pybpfprof):
    spawn(python, "busy.py", 0, cgroup=cgroup).go()
    recording = recorder("--cgroup", cgroup.path, "-d", "0.5", "-r", "199")
    recording.wait()
    document = recording.json()
    version = pybpfprof("--version").stdout.split()[-1]
    assert document["tool"].endswith(version)
    assert "--cgroup" in document["command"] and PROGRAM.name in document["command"]
    assert document["complete"] is True
    assert document["kernel"] == os.uname().release and document["host"] == os.uname().nodename


SPIN = """
def spin():
    for i in range(200000):
        pass
"""
MAIN = """
import plain, select, shop.cart, sys
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    plain.spin()
    shop.cart.spin()
"""


@pytest.mark.parametrize("program", ["app", "tool"])
def test_modules_are_named_as_they_are_imported(pybpfprof, tmp_path, program):
    """From packages, in a folder and in an archive without a suffix; by paths relative to where the process is."""
    files = {"shop/__init__.py": "", "shop/cart.py": SPIN, "plain.py": SPIN, "__main__.py": MAIN}
    for name, text in files.items():
        (tmp_path / "app" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "app" / name).write_text(text)
    zipapp.create_archive(tmp_path / "app", tmp_path / "tool")
    python = interpreters.MATRIX[0].path  # the oldest: it knows a script by what was typed
    with subprocess.Popen([python, program], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        done = pybpfprof("record", "-p", process.pid, "-d", "1", "-o", "x.json")
        process.stdin.close()
    assert done.returncode == 0, done.stderr
    functions = json.loads((tmp_path / "x.json").read_text())["functions"]
    named = {name for name in functions if not name.startswith("runpy.")}
    assert named == {"__main__.<module>", "plain.spin", "shop.cart.spin"}


def programs():
    """Those that are programs, not scripts that enter a root of their own."""
    return [i for i in interpreters.MATRIX if open(i.path, "rb").read(4) == b"\x7fELF"]


@pytest.mark.parametrize("how", ["program", "env", "first line"])
@pytest.mark.parametrize("program", programs(), ids=interpreters.name)
def test_a_command_is_read_from_its_first_tick(program, how, tmp_path, recorder):
    """What we start ourselves is looked at before it runs: nothing of its start is lost."""
    script = tmp_path / "script"
    script.write_text(f"#!/usr/bin/env {program.path}\nimport json\nfor i in range(10**5): pass\n")
    script.chmod(0o755)
    command = {
        "program": [program.path, script],
        "env": ["env", "A=1", program.path, script],
        "first line": [script],
    }[how]
    document = recorder("-r", "4999", "--", *command, wait=False).wait().json()
    assert "identifying" not in {loss["reason"] for loss in document["lost"]}, document["lost"]
    names = {name for sample in document["samples"] for name in sample["stack"]}
    assert any("importlib" in name for name in names) and any("json" in name for name in names), names
    assert_ticks_add_up(document)


@pytest.mark.parametrize("share, waits", [(0.01, True), (0.5, False)])
def test_a_program_that_waits(share, waits, python, recorder):
    """Few samples are no fault of the recording's: it says why, and what shows the rest."""
    script = f"""
import time
end = time.monotonic() + 2
while time.monotonic() < end:
    now = time.thread_time()
    while time.thread_time() < now + {share} * 0.05: pass
    time.sleep({1 - share} * 0.05)
"""
    recording = recorder("-r", "199", "--", python.path, "-c", script, wait=False).wait()
    assert recording.status == 0
    assert ("% of the time" in recording.stderr and "dump --pid" in recording.stderr) == waits, recording.stderr
