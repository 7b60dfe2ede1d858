# SPDX-License-Identifier: MIT
"""Many processes, short ones, and how soon the first sample is there: what a whole machine asks of a profiler."""

import contextlib
import json
import re
import statistics
import subprocess
import time

import machine
import profilers

WORKLOAD = machine.HERE / "workload.py"
RATE = 99


@contextlib.contextmanager
def workload(python, *args, **options):
    """workload.py in a cgroup of its own, ready: (process, cgroup)."""
    with machine.cgroup() as group:
        process = machine.start(
            [python, WORKLOAD, *args], cgroup=group, stdout=subprocess.PIPE, encoding="ascii", **options
        )
        try:
            if process.stdout.readline() != "ready\n":
                raise machine.Trouble(f"{WORKLOAD.name} did not start")
            yield process, group
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def _cgroup_cpu_ns(group):
    """CPU time of its processes that are alive."""
    total = 0
    for pid in (group / "cgroup.procs").read_text().split():
        with contextlib.suppress(OSError):
            total += machine.cpu_ns(int(pid))
    return total


# ---- 100 processes ---------------------------------------------------------------------------------------


def peak_until_end(running):
    """Stops it and watches its peak memory while it writes its outputs."""
    running.process.send_signal(2)
    peak = 0
    while running.process.poll() is None:
        with contextlib.suppress(OSError):
            peak = max(peak, machine.memory(running.pid).get("VmHWM", 0))
        time.sleep(0.002)
    running.stop()
    return peak


def watch(running, group, seconds):
    """What it uses while those processes run."""
    try:
        time.sleep(1)  # its start is another row
        start, before, theirs = time.monotonic_ns(), machine.cpu_ns(running.pid), _cgroup_cpu_ns(group)
        time.sleep(seconds)
        passed = time.monotonic_ns() - start
        running.check()
        facts = {
            "cpu_percent": 100.0 * (machine.cpu_ns(running.pid) - before) / passed,
            "workload_cpu_percent": 100.0 * (_cgroup_cpu_ns(group) - theirs) / passed,
            "memory": machine.memory(running.pid),
        }
        facts["peak_with_outputs"] = peak_until_end(running)
        return facts
    finally:
        running.kill()


def many(python, how, seconds, py_spy_seconds, count=100):
    """CPU and memory of each profiler over `count` processes, each on half a percent of a core."""
    result = {"processes": count}
    with workload(python, "many", count) as (parent, group):
        time.sleep(1)
        ours = how.start_ours(["--cgroup", str(group)], RATE, "many.svg")
        result["ours"] = watch(ours.wait_attached(), group, seconds)
        for spy_how in ("", "nonblocking") if how.py_spy else ():
            try:
                spy = how.start_py_spy(parent.pid, RATE, spy_how, more=["--subprocesses"])
                result[spy.name] = watch(spy.wait_sampling(), group, py_spy_seconds)
            except machine.Trouble as trouble:
                print(f"processes, py-spy: {trouble}")
        result["startup_cgroup"] = startup(how, ["--cgroup", str(group)], 5)
    return result


# ---- the first sample ------------------------------------------------------------------------------------


def first_sample(how, target):
    """Seconds from just before the program is started to its first sample with a Python stack."""
    began = time.time()
    ours = how.start_ours([*target, "-d", "0.4s"], 100, "startup.json")
    try:
        ours.process.wait(30)
        ours.stop()
    finally:
        ours.kill()
    samples = json.loads((profilers.RESULTS / "startup.json").read_text())["samples"]
    if not samples:
        raise machine.Trouble("no sample in 0.4 s")
    return min(sample["timestamp"] for sample in samples) - began


def startup(how, target, runs):
    times = [first_sample(how, target) for _ in range(runs)]
    return {"median": statistics.median(times), "max": max(times), "min": min(times), "runs": runs}


def startup_of_one(python, how, runs):
    """Over one busy process, which was there before."""
    code = "while True:\n    pass"
    busy = machine.start([python, "-c", code])
    try:
        time.sleep(0.3)
        return startup(how, ["--pid", str(busy.pid)], runs)
    finally:
        busy.kill()
        busy.wait()


# ---- short lives -----------------------------------------------------------------------------------------


def run_short(process):
    """Lets workload.py start its children; their pids."""
    process.stdin.write("go\n")
    process.stdin.flush()
    pids = {int(line) for line in process.stdout}
    process.wait()
    return pids


def named_by_ours(pids):
    """Of those processes: sampled at all, and with `work` and its line on a stack."""
    profile = json.loads((profilers.RESULTS / "short.json").read_text())
    sampled, named = set(), set()
    for sample in profile["samples"]:
        if sample["pid"] in pids:
            sampled.add(sample["pid"])
            if any(f.endswith(".work") and n > 0 for f, n in zip(sample["stack"], sample["lines"])):
                named.add(sample["pid"])
    return {"sampled": len(sampled), "named": len(named)}


def named_by_py_spy(pids, name):
    """The same in its folded stacks, whose roots are `process PID:"…"`."""
    sampled, named = set(), set()
    for line in (profilers.RESULTS / f"{name}.raw").read_text(errors="replace").splitlines():
        for pid in set(map(int, re.findall(r"process (\d+)", line))) & pids:
            sampled.add(pid)
            if re.search(r"work \(workload\.py:\d+\)", line):
                named.add(pid)
    return {"sampled": len(sampled), "named": len(named)}


def short(python, how, count, seconds=0.05):
    """`count` processes that work 50 ms each, one after the other: how many are found, with names and lines."""
    result = {"processes": count}
    conditions = ["ours"] + ["py-spy", "py-spy-nonblocking"] * bool(how.py_spy)
    for condition in conditions:
        with workload(python, "short", count, seconds, stdin=subprocess.PIPE) as (parent, group):
            if condition == "ours":
                spy = how.start_ours(["--cgroup", str(group)], RATE, "short.json").wait_attached()
            else:
                spy_how = "" if condition == "py-spy" else "nonblocking"
                spy = how.start_py_spy(parent.pid, RATE, spy_how, more=["--subprocesses"])
                spy.wait_sampling()
            try:
                pids = run_short(parent)
                if condition == "ours":
                    spy.stop()
                    result[condition] = named_by_ours(pids)
                else:
                    spy.process.wait(30)  # it ends with the parent
                    result[condition] = named_by_py_spy(pids, condition)
            finally:
                spy.kill()
    return result
