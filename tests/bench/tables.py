# SPDX-License-Identifier: MIT
"""The results as text."""

import each

MIB = 1 << 20


def _align(rows, left=1):
    """Columns of equal width; the first `left` to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths))]
        print("  ".join(cells).rstrip())


def _points(estimate):
    return f"{estimate['median']:.2f}"


def _interval(estimate, digits=2):
    median, low, high = (f"{estimate[key]:.{digits}f}" for key in ("median", "low", "high"))
    return f"{median} [{low}, {high}]"


def _used(facts):
    """CPU, steady and peak memory of a profiler."""
    memory = facts["memory"]
    return [
        f"{facts['cpu_percent']:.2f}",
        f"{memory['VmRSS'] / MIB:.1f}",
        f"{memory['VmHWM'] / MIB:.1f}",
    ]


def _row_name(row):
    more = [row["shape"]] * (row["shape"] != "chain") + ["cold"] * bool(row["sweep"])
    more += [f"{row['native']} native"] * bool(row["native"])
    return " ".join([f"{row['rate']} Hz × {row['frames']}", f"{row['idle']} idle", *more])


def _show_native(rows):
    if not rows:
        return
    print("\nTaken with native frames, more than by the same samples without")
    table = [["", "--native [95 %]", "--wall --native [95 %]", "py-spy --native", "BPF µs/sample: without", "--native"]]
    for row in rows.values():
        spy = _points(row["py-spy-native"]["taken"]) if "py-spy-native" in row else "-"
        more = [_interval(row[way]["beyond_ours"]) for way in ("native", "wall-native")]
        own = [f"{row[way]['bpf_ns_per_sample'] / 1000:.2f}" for way in ("ours", "native")]
        table.append([_row_name(row), *more, spy, *own])
    _align(table)


def _show_taken(rows):
    print("\nTaken from a busy thread, in points (percent of its time) more than without a profiler")
    head = ["", "empty", "ours", "ours - empty [95 %]", "slower", "py-spy", "nonblocking", "BPF µs/sample"]
    table = [head]
    for row in rows.values():
        spies = [_points(row[c]["taken"]) if c in row else "-" for c in ("py-spy", "py-spy-nonblocking")]
        own = row["ours"]["slower"]["median"] - row["empty"]["slower"]["median"]
        table.append(
            [
                _row_name(row),
                _points(row["empty"]["taken"]),
                _points(row["ours"]["taken"]),
                _interval(row["beyond_empty"]),
                f"{own:.2f}",
                *spies,
                f"{row['ours']['bpf_ns_per_sample'] / 1000:.2f}",
            ]
        )
    _align(table)
    _show_native({name: row for name, row in rows.items() if row["native"]})
    print("\nWhat the profiler itself uses meanwhile: CPU in % of a core, memory in MB (steady, peak)")
    table = [["", "ours", "RSS", "peak", "py-spy", "RSS", "peak", "nonblocking", "RSS", "peak"]]
    for row in rows.values():
        cells = [_row_name(row)]
        for condition in ("ours", "py-spy", "py-spy-nonblocking"):
            cells += _used(row[condition]) if condition in row else ["-"] * 3
        table.append(cells)
    _align(table)


def _show_each(rows):
    print("\nCPU time of a switch or a page fault, in ns: without a profiler, and how much more")
    head = ["", "without", "", "more [95 %]", "beyond empty [95 %]", "% beyond empty [95 %]", "% of a CPU at 50,000/s"]
    table = [head]
    for name, row in rows.items():
        for condition, facts in row.items():
            if not isinstance(facts, dict) or condition == "off":
                continue
            is_empty = condition == "empty"
            table.append(
                [
                    name,
                    f"{row['off']['median']:.0f}",
                    condition,
                    _interval(facts["beyond_off"], 0),
                    "" if is_empty else _interval(facts["beyond_empty"], 0),
                    "" if is_empty else _interval(facts["percent_beyond_empty"], 1),
                    f"{facts['percent_at_many']:.1f}" if row["kind"] == "switch" else "",
                ]
            )
    _align(table)


def _show_processes(row):
    print(f"\n{row['processes']} processes at 99 Hz")
    table = [["", "CPU %", "RSS MB", "peak", "with outputs", "workload CPU %"]]
    for condition in ("ours", "py-spy", "py-spy-nonblocking"):
        if condition in row:
            facts = row[condition]
            outputs = f"{facts['peak_with_outputs'] / MIB:.1f}"
            table.append([condition, *_used(facts), outputs, f"{facts['workload_cpu_percent']:.0f}"])
    _align(table)


def _show_daemon(row):
    print(f"\ndaemon at {row['rate']} Hz beside {row['processes']} processes: {row['percent']:.3f} % of a core beyond the empty program")
    table = [["", "CPU %", "BPF %", "programs/s", "wake-ups/s", "RSS MB", "peak"]]
    for name in ("empty", "daemon"):
        facts = row[name]
        memory = [f"{row['memory'][key] / MIB:.1f}" for key in ("VmRSS", "VmHWM")] if name == "daemon" else ["", ""]
        shares = [f"{facts['cpu_percent']:.3f}", f"{facts['bpf_percent']:.3f}"]
        table.append([name, *shares, f"{facts['programs_per_second']:.0f}", f"{facts['wakeups_per_second']:.1f}", *memory])
    _align(table)
    print(f"{row['requests']} requests, {row['bytes_per_window'] / 1000:.1f} kB for each window")


def _show_libraries(row):
    print(f"\n{row['processes']} processes with {row['modules']}: memory in MB")
    table = [["", "BPF maps", "own", "peak RSS"]]
    for name in ("without", "native"):
        table.append([name, *(f"{row[name][key] / MIB:.1f}" for key in ("maps", "own", "peak"))])
    _align(table)


def _show_startup(what, row):
    times = ", ".join(f"{key} {row[key] * 1000:.0f} ms" for key in ("min", "median", "max"))
    print(f"\nFirst {what}: {times} of {row['runs']} starts")


def _show_children(row):
    print(f"\n{row['processes']} children of 50 ms, one after the other")
    table = [["", "sampled", "named with lines"]]
    for condition in ("ours", "py-spy", "py-spy-nonblocking"):
        if condition in row:
            table.append([condition, str(row[condition]["sampled"]), str(row[condition]["named"])])
    _align(table)


def _show_bars(judged):
    print("\nBars")
    table = [["", "bar", "ours", ""]]
    for bar in judged:
        table.append(
            [
                bar["what"],
                f"{bar['sense']} {bar['bar']:g} {bar['unit']}",
                f"{bar['figure']:.2f}",
                "OK" if bar["met"] else "MISSED",
            ]
        )
    _align(table, 2)


def show(results):
    facts = results["machine"]
    kind = "virtual machine" if facts["virtual"] else "machine"
    print(f"\n{facts['cpu']}, {facts['cpus']} CPUs ({kind}), Linux {facts['kernel']}, load {facts['load']:.2f} at the start")
    print(f"profiled: {results['python']} ({results['python_version']})")
    if "taken" in results:
        _show_taken(results["taken"])
    found = {name: results[name] for name in each.ROWS if name in results}
    if found:
        _show_each(found)
    if "processes" in results:
        _show_processes(results["processes"])
        _show_startup("sample among 100 processes in a cgroup", results["processes"]["startup_cgroup"])
    if "daemon" in results:
        _show_daemon(results["daemon"])
    if "startup" in results:
        _show_startup("sample over one busy process", results["startup"])
    if "native-processes" in results:
        _show_libraries(results["native-processes"])
    if "native-library" in results:
        row = results["native-library"]
        _show_startup(f"whole native stack in a library of {row['bytes'] / 1e6:.0f} MB after it is mapped", row)
    if "children" in results:
        _show_children(results["children"])
    if results["bars"]:
        _show_bars(results["bars"])
