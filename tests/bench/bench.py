#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the profiler costs, beside an empty BPF program on the same timers and beside py-spy. Root.

    bench.py [--quick] [--only PATTERN]… [--list]

Prints a table, then the bars of the project with our figures beside them, and writes all of it to
build/bench/results.json. README.md says how the figures are made and how to read them.
"""

import argparse
import fnmatch
import json
import os
import pathlib
import signal
import sys
import time

import always
import bars
import each
import libraries
import machine
import processes
import profilers
import tables
import taken

OTHER_ROWS = ["processes", "daemon", "startup", "children", "native-processes", "native-library"]


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="five minutes: fewer rows, fewer windows")
    parser.add_argument("--only", action="append", metavar="PATTERN", help="rows with such a name (see --list)")
    parser.add_argument("--list", action="store_true", help="print the names of the rows")
    parser.add_argument("--no-py-spy", action="store_true", help="ours and the empty program only")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that is profiled")
    parser.add_argument("--cycles", type=int, help="windows of each condition for each row")
    parser.add_argument("--program", type=pathlib.Path, default=profilers.RESULTS.parent / "pybpfprof")
    return parser.parse_args()


def plan(options):
    if options.quick:
        chosen = taken.Plan(cycles=12, steady_seconds=1, py_spy_runs=1, py_spy_windows=4)
    else:
        chosen = taken.Plan(cycles=18, steady_seconds=2, py_spy_runs=2, py_spy_windows=4)
    return chosen._replace(cycles=options.cycles) if options.cycles else chosen


def is_wanted(name, options):
    return not options.only or any(fnmatch.fnmatch(name, f"*{one}*") for one in options.only)


def attempt(results, name, measure):
    """A row that cannot be measured is said, and leaves the others alone."""
    began = time.monotonic()
    print(f"{name} …", flush=True)
    try:
        results[name] = measure()
    except machine.Trouble as trouble:
        print(f"{name}: {trouble}", file=sys.stderr)
    results["seconds"][name] = round(time.monotonic() - began, 1)


def measure_taken(options, how, wanted):
    def tell(text):
        print(text, flush=True)

    found = taken.measure(options.python, wanted, how, plan(options), tell)
    return {taken.name(row): {**row._asdict(), **facts} for row, facts in found.items()}


def measure(options, how):
    quick = options.quick
    results = {"machine": machine.facts(), "quick": quick, "seconds": {}}
    results.update(python=options.python, python_version=machine.python_version(options.python))
    rows = [row for row in taken.rows(quick) if is_wanted(taken.name(row), options)]
    others = {
        "processes": lambda: processes.many(options.python, how, *((6, 2) if quick else (30, 10))),
        "daemon": lambda: always.always(options.python, how, 1 if quick else 4),
        "startup": lambda: processes.startup_of_one(options.python, how, 10 if quick else 15),
        "children": lambda: processes.short(options.python, how, 60 if quick else 200),
        "native-processes": lambda: libraries.many(options.python, how, 4 if quick else 15),
        "native-library": lambda: libraries.readiness(options.python, how, 3 if quick else 7),
    }
    for name, row in each.ROWS.items():
        if is_wanted(name, options):
            attempt(results, name, lambda row=row: each.measure(options.python, row, how, plan(options).cycles * 2 // 3))
    with machine.bpf_stats():
        for name in OTHER_ROWS:
            if is_wanted(name, options):
                attempt(results, name, others[name])
        if rows:
            attempt(results, "taken", lambda: measure_taken(options, how, rows))
    return results


def list_rows(options):
    for row in taken.rows(options.quick):
        print(taken.name(row))
    print("\n".join([*each.ROWS, *OTHER_ROWS]))


def check_machine():
    if os.geteuid():
        sys.exit("bench: needs root")
    if not {machine.TARGET_CPU, machine.PROFILER_CPU} <= machine.ALL_CPUS:
        sys.exit("bench: needs CPUs 0 and 1, for the target and for the profilers")


def main():
    options = parse()
    if options.list:
        return list_rows(options)
    check_machine()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was changed is put back
    profilers.RESULTS.mkdir(parents=True, exist_ok=True)
    os.sched_setaffinity(0, {machine.PROFILER_CPU})
    began = time.monotonic()
    py_spy = None if options.no_py_spy else profilers.installed(options.python, "venv", profilers.PY_SPY, "py-spy")
    results = measure(options, profilers.Profilers(options.program, py_spy))
    results["bars"] = bars.judge(results)
    results["seconds"]["all"] = round(time.monotonic() - began, 1)
    tables.show(results)
    path = profilers.RESULTS / "results.json"
    path.write_text(json.dumps(results, indent=1) + "\n")
    print(f"\n{results['seconds']['all']:.0f} s; everything is in {path}")


main()
