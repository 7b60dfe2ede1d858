# SPDX-License-Identifier: MIT
"""What is taken from a busy thread: by nothing, by the empty program, by ours, by py-spy.

One target runs for all rows that share its shape. Windows of the three conditions that can be switched
(none, empty, ours) follow each other in an order drawn anew for each cycle; figures are differences of windows
of the same cycle, so what else the machine does meanwhile hits all three alike.
"""

import collections
import random
import re
import signal
import sys
import time

import estimate
import machine
import profilers

WINDOW_SECONDS = 0.25
SETTLE_SECONDS = 0.01

Row = collections.namedtuple("Row", "rate frames idle shape sweep native weight spies")
Plan = collections.namedtuple("Plan", "cycles steady_seconds py_spy_runs py_spy_windows")

SWEEP_BYTES = 64 << 20
NATIVE_FRAMES = 30
LIBRARY = profilers.RESULTS.parent / "tests/bench/native.so"
# Beside `ours` on the rows with native frames; their timers are switched as its are.
NATIVE_WAYS = {"native": ["--native"], "wall-native": ["--wall", "--native"]}
KEY_ROWS = {(999, 50, 0), (99, 50, 160), (999, 50, 160)}  # the issue sets bars for these


def name(row):
    extra = "" if row.shape == "chain" else f"-{row.shape}"
    extra += f"-{row.native}native" * bool(row.native) + "-cold" * bool(row.sweep)
    return f"taken-{row.rate}hz-{row.frames}frames-{row.idle}idle{extra}"


def rows(quick):
    """The whole matrix, and some beside it without py-spy; quick: what has a bar, and a fast one."""
    if quick:
        table = [(999, 50, 0), (9999, 50, 0), (99, 50, 160), (999, 50, 160)]
        found = [Row(*key, "chain", 0, 0, 1, True) for key in table] + [Row(999, 50, 0, "recursion", 0, 0, 1, False)]
        return found + [Row(999, 50, 0, "chain", 0, NATIVE_FRAMES, 1, True)]
    table = [(r, f, i) for f in (5, 50, 500) for i in (0, 160) for r in (99, 999, 9999)]
    found = [Row(*key, "chain", 0, 0, 3 if key in KEY_ROWS else 1, True) for key in table]
    found += [Row(*key, "recursion", 0, 0, 3, False) for key in sorted(KEY_ROWS)]
    found += [Row(999, 500, 0, "recursion", 0, 0, 1, False), Row(999, 50, 0, "chain", SWEEP_BYTES, 0, 1, False)]
    return found + [Row(rate, 50, 0, "chain", 0, NATIVE_FRAMES, 2, True) for rate in (99, 999)]


class Target:
    """target.py at work on its CPU."""

    def __init__(self, python, row):
        self.path = profilers.RESULTS / "target.txt"
        argv = [python, machine.HERE / "target.py", "--frames", row.frames, "--idle-threads", row.idle]
        argv += ["--shape", row.shape, "--sweep", row.sweep]
        argv += ["--native", row.native, LIBRARY] * bool(row.native)
        with open(self.path, "wb") as out:
            # At the highest priority little else takes anything from it.
            self.process = machine.start(argv, {machine.TARGET_CPU}, first=True, stdout=out)
        self.pid = self.process.pid
        machine.wait_until(lambda: self.path.read_text().startswith("ready"), "the target to start")
        time.sleep(0.1)

    def finish(self):
        machine.end(self.process, signal.SIGTERM)
        return estimate.Totals(self.path.read_text())


class Windows:
    """Times of windows, by condition. What was taken in them is known when the target has ended."""

    def __init__(self):
        self.times = collections.defaultdict(list)

    def open(self, condition, seconds=WINDOW_SECONDS):
        start = time.monotonic_ns()
        time.sleep(seconds)
        self.times[condition].append((start, time.monotonic_ns()))

    def taken(self, condition, totals):
        return [totals.taken(*window) for window in self.times[condition]]

    def loops(self, condition, totals):
        return [totals.loops(*window) for window in self.times[condition]]


def alternate(windows, running, cycles):
    """Windows of each condition, so many times, each time in another order."""
    order = ["off", *running]
    for _ in range(cycles):
        random.shuffle(order)
        for condition in order:
            if condition in running:
                running[condition].events.switch(True)
            time.sleep(SETTLE_SECONDS)
            windows.open(condition)
            if condition in running:
                running[condition].events.switch(False)


def cpu_percent(pid, seconds):
    """Of one core, over that time."""
    start, before = time.monotonic_ns(), machine.cpu_ns(pid)
    time.sleep(seconds)
    return 100.0 * (machine.cpu_ns(pid) - before) / (time.monotonic_ns() - start)


def accounting(log):
    """(with a stack, filtered, ticks) of the line that `record -v` ends with."""
    found = re.search(r"ticks (\d+) = (\d+) with a stack .*?(\d+) failed \+ (\d+) lost \+ (\d+) filtered", log)
    if not found:
        raise machine.Trouble("`record -v` did not account for its ticks")
    ticks, stacks, failed, lost, filtered = map(int, found.groups())
    return {"ticks": ticks, "stacks": stacks, "failed": failed, "lost": lost, "filtered": filtered}


def bpf_per_sample(ours, empty, account):
    """Nanoseconds of our program for a tick that was sampled; filtered ones are taken for empty."""
    empty_ns = empty[1] / max(1, empty[0])
    return (ours[1] - account["filtered"] * empty_ns) / max(1, account["stacks"])


def steady(running, plan):
    """What it uses by itself."""
    running.events.switch(True)
    time.sleep(0.3)  # two of its polls: nothing of the windows is left
    used = {"cpu_percent": cpu_percent(running.pid, plan.steady_seconds), "memory": machine.memory(running.pid)}
    running.events.switch(False)
    return used


def measure_switched(row, target, how, plan, windows):
    """Ours, in each way that the row has, and the empty program. Gives what ours used, by way."""
    cpus = {machine.PROFILER_CPU}
    ways = {"ours": [], **(NATIVE_WAYS if row.native else {})}
    running = {}
    try:
        for way, options in ways.items():
            argv = ["-v", "--pid", str(target.pid), *options]
            running[way] = how.start_ours(argv, row.rate, f"{way}.pybpf", cpus, way)
        running["empty"] = how.start_empty(row.rate, cpus)
        for one in running.values():
            one.wait_attached().take_events()
        alternate(windows, running, plan.cycles * row.weight)
        used = {way: steady(running[way], plan) for way in ways}
        runs = {name: machine.bpf_used(one.pid) for name, one in running.items()}
        for one in running.values():
            one.stop()
    finally:
        for one in running.values():
            one.kill()
    for way, facts in used.items():
        facts["accounting"] = accounting(running[way].said())
        facts["bpf_ns_per_sample"] = bpf_per_sample(runs[way], runs["empty"], facts["accounting"])
        facts["bpf_ns_empty"] = runs["empty"][1] / max(1, runs["empty"][0])
    return used


def py_spy_condition(spy_how):
    return f"py-spy-{spy_how}" if spy_how else "py-spy"


def measure_py_spy(row, target, how, plan, windows, spy_how):
    """Windows while it runs, and as many right after it; what it used."""
    condition = py_spy_condition(spy_how)
    percents, memory = [], {}
    for _ in range(plan.py_spy_runs):
        spy = how.start_py_spy(target.pid, row.rate, spy_how, {machine.PROFILER_CPU})
        try:
            spy.wait_sampling()
            time.sleep(0.1)
            start, before = time.monotonic_ns(), machine.cpu_ns(spy.pid)
            for _ in range(plan.py_spy_windows):
                windows.open(condition)
            percents.append(100.0 * (machine.cpu_ns(spy.pid) - before) / (time.monotonic_ns() - start))
            memory = machine.memory(spy.pid)
            spy.stop()
        finally:
            spy.kill()
        for _ in range(plan.py_spy_windows):
            windows.open(f"after-{condition}")
    return {"cpu_percent": sum(percents) / len(percents), "memory": memory}


def evaluate(windows, totals, used):
    """The row as it goes into results.json."""
    taken = {condition: windows.taken(condition, totals) for condition in windows.times}
    loops = {condition: windows.loops(condition, totals) for condition in windows.times}
    result = {"off": estimate.Estimate(taken["off"]).facts()}
    for condition in [one for one in ("empty", "ours", *NATIVE_WAYS) if one in taken]:
        result[condition] = {"taken": estimate.paired(taken[condition], taken["off"]).facts()}
        slower = [100.0 * (1 - a / b) for a, b in zip(loops[condition], loops["off"])]
        result[condition]["slower"] = estimate.Estimate(slower).facts()
    result["beyond_empty"] = estimate.paired(taken["ours"], taken["empty"]).facts()
    for way in NATIVE_WAYS:
        if way in taken:
            result[way]["beyond_ours"] = estimate.paired(taken[way], taken["ours"]).facts()
    for condition in map(py_spy_condition, ("", "nonblocking", "native")):
        if condition in taken:
            with_it, after = taken[condition], taken[f"after-{condition}"]
            result[condition] = {"taken": estimate.paired(with_it, after).facts()}
    for condition, facts in used.items():
        result[condition].update(facts)
    return result


def measure_target(python, rows_of_it, how, plan, tell):
    """All rows of one target. {row: result}"""
    target = Target(python, rows_of_it[0])
    measured = {}
    try:
        for row in rows_of_it:
            tell(f"{name(row)} …")
            windows, used = Windows(), {}
            try:
                used.update(measure_switched(row, target, how, plan, windows))
                for spy_how in ("", "native" if row.native else "nonblocking") if how.py_spy and row.spies else ():
                    spy = measure_py_spy(row, target, how, plan, windows, spy_how)
                    used[py_spy_condition(spy_how)] = spy
            except machine.Trouble as trouble:
                print(f"{name(row)}: {trouble}", file=sys.stderr)
                continue
            measured[row] = windows, used
        totals = target.finish()
    finally:
        if target.process.poll() is None:
            target.process.kill()
            target.process.wait()
    return {row: evaluate(windows, totals, used) for row, (windows, used) in measured.items()}


def measure(python, wanted, how, plan, tell=print):
    by_target = collections.defaultdict(list)
    for row in wanted:
        by_target[row[1:6]].append(row)
    results = {}
    for rows_of_it in by_target.values():
        results.update(measure_target(python, rows_of_it, how, plan, tell))
    return results
