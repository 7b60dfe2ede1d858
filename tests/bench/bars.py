# SPDX-License-Identifier: MIT
"""What the project has promised to reach, each bar with where its figure is found in the results."""

MIB = 1 << 20


def _beyond(rate, frames, idle, shape=""):
    def find(results):
        return results["taken"][f"taken-{rate}hz-{frames}frames-{idle}idle{shape}"]["beyond_empty"]["median"]

    return find


def _native(rate):
    def find(results):
        return results["taken"][f"taken-{rate}hz-50frames-0idle-30native"]["native"]["beyond_ours"]["median"]

    return find


def _path(*keys, scale=1.0):
    def find(results):
        for key in keys:
            results = results[key]
        return results * scale

    return find


def _named_percent(results):
    row = results["children"]
    return 100.0 * row["ours"]["named"] / row["processes"]


AT_MOST, AT_LEAST = "≤", "≥"

# what, bar, unit, sense, where
BARS = [
    ("taken beyond the empty program, 999 Hz × 50 frames", 0.5, "points", AT_MOST, _beyond(999, 50, 0)),
    ("… with 160 idle threads", 0.5, "points", AT_MOST, _beyond(999, 50, 160)),
    ("… with 160 idle threads at 99 Hz", 0.5, "points", AT_MOST, _beyond(99, 50, 160)),
    ("999 Hz × 50 frames of one function", 0.5, "points", AT_MOST, _beyond(999, 50, 0, "-recursion")),
    ("… with 160 idle threads", 0.5, "points", AT_MOST, _beyond(999, 50, 160, "-recursion")),
    ("… with 160 idle threads at 99 Hz", 0.5, "points", AT_MOST, _beyond(99, 50, 160, "-recursion")),
    ("100 processes: CPU", 0.3, "% of a core", AT_MOST, _path("processes", "ours", "cpu_percent")),
    (
        "100 processes: peak memory, recording",
        25.0,
        "MB",
        AT_MOST,
        _path("processes", "ours", "memory", "VmHWM", scale=1 / MIB),
    ),
    (
        "… and writing a flame graph at the end",
        25.0,
        "MB",
        AT_MOST,
        _path("processes", "ours", "peak_with_outputs", scale=1 / MIB),
    ),
    ("daemon at 29 Hz beside 100 processes: CPU", 0.5, "% of a core", AT_MOST, _path("daemon", "percent")),
    ("… and its memory", 60.0, "MB", AT_MOST, _path("daemon", "memory", "VmHWM", scale=1 / MIB)),
    ("first sample after the start, median", 150.0, "ms", AT_MOST, _path("startup", "median", scale=1000)),
    ("… slowest", 150.0, "ms", AT_MOST, _path("startup", "max", scale=1000)),
    (
        "… among 100 processes in a cgroup, median",
        150.0,
        "ms",
        AT_MOST,
        _path("processes", "startup_cgroup", "median", scale=1000),
    ),
    ("30 native frames beside 50 of Python, 99 Hz", 0.2, "points", AT_MOST, _native(99)),
    ("… at 999 Hz", 1.5, "points", AT_MOST, _native(999)),
    (
        "a switch of others while waits are recorded",
        1.0,
        "% beyond empty",
        AT_MOST,
        _path("switch-others", "offcpu", "percent_beyond_empty", "median"),
    ),
    (
        "50,000 switches a second of a target",
        5.0,
        "% of a CPU",
        AT_MOST,
        _path("switch-target", "offcpu", "percent_at_many"),
    ),
    (
        "unwinding tables, 100 processes of data science",
        60.0,
        "MB",
        AT_MOST,
        _path("native-processes", "tables", scale=1 / MIB),
    ),
    ("whole stacks in a library of 200 MB", 500.0, "ms", AT_MOST, _path("native-library", "median", scale=1000)),
    ("children of 50 ms named with lines", 99.0, "%", AT_LEAST, _named_percent),
]


def judge(results):
    """The bars whose rows were measured."""
    judged = []
    for what, bar, unit, sense, find in BARS:
        try:
            figure = find(results)
        except KeyError:
            continue
        met = figure <= bar if sense == AT_MOST else figure >= bar
        judged.append({"what": what, "bar": bar, "sense": sense, "unit": unit, "figure": figure, "met": met})
    return judged
