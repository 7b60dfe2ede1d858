# SPDX-License-Identifier: MIT
"""Recordings made up with a fixed seed, as JSON documents, and their sums taken one sample at a time.

What a program should say of such a document is known from its samples alone.
"""

import collections
import json
import math
import random

# name: (module, file below the root, first line)
FUNCTIONS = {
    "<module>": ("app", "app/__main__.py", 1),
    "main": ("app.core", "app/core.py", 10),
    "Engine.step": ("app.core", "app/core.py", 20),
    "Engine.load": ("app.core", "app/core.py", 40),
    "walk": ("app.tree", "app/tree.py", 5),
    "query": ("app.db.sql", "app/db/sql.py", 7),
    "connect": ("app.db.pool", "app/db/pool.py", 9),
    "dumps": ("json", "json/__init__.py", 183),
}
# (weight, stack as (function, line) from the root on)
STACKS = [
    (30, [("<module>", 3), ("main", 12), ("Engine.step", 22)]),
    (10, [("<module>", 3), ("main", 12), ("Engine.step", 25)]),
    (12, [("<module>", 3), ("main", 13), ("Engine.load", 41), ("query", 8)]),
    (6, [("<module>", 3), ("main", 13), ("Engine.load", 41), ("connect", 10)]),
    (9, [("<module>", 3), ("main", 14), ("walk", 6), ("walk", 6), ("walk", 7)]),
    (7, [("<module>", 3), ("main", 14), ("walk", 6), ("Engine.step", 22), ("walk", 7)]),
    (5, [("<module>", 4), ("dumps", 231)]),
    (4, [("walk", 7)]),
]


def full_name(name):
    return f"{FUNCTIONS[name][0]}.{name}"


def document(seed=1, samples=3000, weights=None, moved=0, root="/srv/v1", processes=2, pid=100, gil=0.8):
    """`weights`: of stacks, by position, instead of the usual ones; `moved`: lines by which all code is lower."""
    rng = random.Random(seed)
    likely = [(weights or {}).get(i, weight) for i, (weight, _) in enumerate(STACKS)]
    out = []
    for n in range(samples):
        thread = rng.randrange(2 * processes)
        stack = rng.choices(STACKS, likely)[0][1]
        out.append({
            "timestamp": 1790000000 + n / 100, "pid": pid + thread // 2, "thread_id": 10 * pid + thread, "thread": thread,
            "cpu": 0, "gil": rng.random() < gil, "value": round(0.01 + rng.randrange(1000) / 1e6, 9),
            "stack": [full_name(name) for name, _ in stack],
            "lines": [line + moved for _, line in stack],
        })
    return {
        "schema": "pybpfprof/1", "process_name": "app", "target": "cgroup /app", "start": 1790000000, "duration": 30,
        "rate": 100, "complete": True,
        "processes": [{"pid": pid + i, "command": f"python3 -m app --role {i}", "python": "3.12.1"}
                      for i in range(processes)],
        "threads": [{"process": i // 2, "pid": pid + i // 2, "thread_id": 10 * pid + i, "name": f"worker-{i % 2}"}
                    for i in range(2 * processes)],
        "functions": {
            full_name(name): {"samples": 0, "time": 0, "module": module, "file": f"{root}/{file}", "short_file": file,
                              "line": line + moved}
            for name, (module, file, line) in FUNCTIONS.items()
        },
        "lost": [{"reason": "ring_full", "samples": 3, "time": 0.03, "failure": True, "sentence": "the ring was full"}],
        "samples": out,
    }


def write(path, *args, **settings):
    path.write_text(json.dumps(document(*args, **settings)))
    return path


class Sum:
    """What a thing had: seconds and samples with it at the leaf (own), and with it anywhere (once per sample)."""

    def __init__(self):
        self.own = self.total = self.gil = 0.0
        self.own_samples = self.samples = 0


def sums(doc, things):
    """`things(sample)`: what the sample counts for, from the root on."""
    found = collections.defaultdict(Sum)
    for sample in doc["samples"]:
        listed = things(sample)
        found[listed[-1]].own += sample["value"]
        found[listed[-1]].own_samples += 1
        for thing in set(listed):
            found[thing].total += sample["value"]
            found[thing].samples += 1
            found[thing].gil += sample["value"] if sample["gil"] else 0
    return found


def share_text(part, whole, samples, percent="%"):
    """"42.3% ± 1.0": half the width of the binomial's 95 % interval, or what samples that are all alike leave open."""
    share = part / whole
    width = max(1.959964 * math.sqrt(share * (1 - share) / samples), 1 - 0.05 ** (1 / samples))
    digits = 0 if width >= 0.02 else 1 if width >= 0.002 else 2
    return f"{100 * share:.{digits}f}{percent} ± {100 * width:.{digits}f}"


def cpu_seconds(doc):
    return sum(sample["value"] for sample in doc["samples"])
