"""What a switch between threads costs, and a page fault, while ours follow each of them: of targets, and of everybody else.

A target does nothing else (counted.py, counted.c). Windows of each condition follow each other in an order drawn anew for each
cycle; a program is started and ended for each of its windows, as its hooks cannot be switched off. What is compared is CPU time
for each switch or fault, so what else the machine does shifts it little.
"""

import bisect
import collections
import contextlib
import random
import signal
import time

import estimate
import machine
import profilers

WINDOW_SECONDS = 0.4
SETTLE_SECONDS = 0.1
RATE = 99
MANY_A_SECOND = 50000  # switches, of which the project's bar is

Row = collections.namedtuple("Row", "kind counted is_target empty ways hooks")

WAITS = {"offcpu": ["--event", "offcpu"], "gil": ["--event", "gil"], "wall": ["--wall"]}
KEPT = {"kept": ["--event", "offcpu", "--without-task-work"]}
# What `wait_hooked` waits for: programs at sched_switch.
SWITCH_HOOKS = {"empty": 1, "offcpu": 1, "kept": 1, "gil": 1, "wall": 2}
FAULTS = {"faults": ["--event", "faults"]}
ROWS = {
    "switch-others": Row("switch", "switch", False, "switch", WAITS, SWITCH_HOOKS),
    "switch-target": Row("switch", "switch", True, "switch", {**WAITS, **KEPT}, SWITCH_HOOKS),
    "switch-gil": Row("switch", "threads", True, "switch", WAITS, SWITCH_HOOKS),
    "faults-others": Row("fault", "faults", False, "faults", FAULTS, {}),
    "faults-target": Row("fault", "faults", True, "faults", FAULTS, {}),
}


class Totals:
    """What counted.py printed: CPU time for each of what it did, between two moments."""

    def __init__(self, text):
        rows = [tuple(map(int, line.split())) for line in text.splitlines() if line[:1].isdigit()]
        self.rows = [row for row in rows if len(row) == 3]
        self.times = [row[0] for row in self.rows]

    def each_ns(self, start_ns, end_ns):
        first = bisect.bisect_left(self.times, start_ns)
        last = bisect.bisect_right(self.times, end_ns) - 1
        if last <= first:
            raise machine.Trouble("the target did not run in a window")
        a, b = self.rows[first], self.rows[last]
        return (b[1] - a[1]) / (b[2] - a[2])


@contextlib.contextmanager
def started(argv, path, **options):
    """A process that has said that it is ready, with what it says in that file."""
    with open(path, "wb") as out:
        process = machine.start(argv, stdout=out, **options)
    try:
        machine.wait_until(lambda: path.read_text().startswith("ready"), f"{argv[0]} to start")
        yield process
    finally:
        process.kill()
        process.wait()


def counted(python, row):
    """The program that is measured, first on its CPU."""
    program = [python, machine.HERE / "counted.py"] if row.is_target else [profilers.RESULTS.parent / "tests/bench/counted"]
    path = profilers.RESULTS / "counted.txt"
    return started([*program, row.counted], path, cpus={machine.TARGET_CPU}, first=True)


def bystander(python):
    """A Python that does nothing, for ours to record where the program that is measured is no target."""
    code = "import time; print('ready', flush=True); time.sleep(1e6)"
    return started([python, "-c", code], profilers.RESULTS / "bystander.txt")


def run(row, condition, how, pid):
    cpus = {machine.PROFILER_CPU}
    if condition == "empty":
        running = how.start_empty(row.empty, cpus)
    else:
        target = ["--pid", str(pid), *["--subprocesses"] * row.is_target]
        running = how.start_ours([*target, *row.ways[condition]], RATE, cpus=cpus)
    try:
        if row.hooks:
            running.wait_hooked("sched_switch", row.hooks[condition])
        else:
            running.wait_attached()
        time.sleep(SETTLE_SECONDS)
    except BaseException:
        running.kill()
        raise
    return running


def window(row, condition, how, pid):
    """Its beginning and its end."""
    running = run(row, condition, how, pid) if condition != "off" else None
    try:
        start = time.monotonic_ns()
        time.sleep(WINDOW_SECONDS)
        end = time.monotonic_ns()
        if running:
            running.stop()
    finally:
        if running:
            running.kill()
    return start, end


def watch(python, row, how, cycles):
    """Windows of each condition, and what the target counted."""
    times = collections.defaultdict(list)
    order = ["off", "empty", *row.ways]
    with counted(python, row) as target, bystander(python) as other:
        pid = target.pid if row.is_target else other.pid
        for _ in range(cycles):
            random.shuffle(order)
            for condition in order:
                times[condition].append(window(row, condition, how, pid))
        machine.end(target, signal.SIGTERM)
    return times, Totals((profilers.RESULTS / "counted.txt").read_text())


def measure(python, row, how, cycles):
    times, totals = watch(python, row, how, cycles)
    each = {condition: [totals.each_ns(*one) for one in windows] for condition, windows in times.items()}
    result = {"kind": row.kind, "is_target": row.is_target, "off": estimate.Estimate(each["off"]).facts()}
    for condition in each:
        if condition == "off":
            continue
        beyond_off = estimate.paired(each[condition], each["off"])
        percents = [100 * (a - b) / c for a, b, c in zip(each[condition], each["empty"], each["off"])]
        result[condition] = {
            "beyond_off": beyond_off.facts(),
            "beyond_empty": estimate.paired(each[condition], each["empty"]).facts(),
            "percent_beyond_empty": estimate.Estimate(percents).facts(),
            "percent_at_many": 100 * MANY_A_SECOND * beyond_off.median / 1e9,
        }
    return result
# SPDX-License-Identifier: MIT
