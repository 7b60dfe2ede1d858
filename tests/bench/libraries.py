# SPDX-License-Identifier: MIT
"""What unwinding tables take: memory for many processes of large libraries, and time after a large one is mapped."""

import json
import statistics
import subprocess
import time

import machine
import processes
import profilers

MODULES = "numpy,pandas,scipy.linalg,scipy.stats,sklearn.linear_model"
PACKAGES = ["numpy==2.2.6", "pandas==2.3.3", "scipy==1.15.3", "scikit-learn==1.7.2"]
LARGE = profilers.RESULTS.parent / "tests/bench/large.so"
# Maps the library when it is told to, says when, and is in its code from then on.
LATE = """
import ctypes, sys, time
sys.stdin.readline()
spin = ctypes.CDLL(sys.argv[1]).large_spin
spin.argtypes = [ctypes.c_int64]
print(time.time(), flush=True)
spin(time.monotonic_ns() + 4000000000)
"""


def many(python, how, seconds, count=100):
    """Memory with and without native frames: of BPF maps, and the program's own."""
    python = profilers.installed(python, "venv-libraries", PACKAGES, "python")
    if not python:
        raise machine.Trouble("the libraries cannot be installed")
    result = {"processes": count, "modules": MODULES}
    with processes.workload(python, "many", count, MODULES) as (_, group):
        for name, options in {"without": [], "native": ["--native", "--no-kernel"]}.items():
            running = how.start_ours(["--cgroup", str(group), *options], processes.RATE).wait_attached(120)
            try:
                time.sleep(seconds)
                running.check()
                maps = machine.bpf_memory(running.pid)
                result[name] = {"maps": maps, "own": machine.memory(running.pid)["RssAnon"]}
                result[name]["peak"] = processes.peak_until_end(running)
            finally:
                running.kill()
    result["tables"] = sum(result["native"][key] - result["without"][key] for key in ("maps", "own"))
    return result


def ready(python, how):
    """Seconds from the mapping of a library of 200 MB to the first whole stack with one of its functions."""
    late = machine.start([python, "-c", LATE, LARGE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="ascii")
    ours = None
    try:
        time.sleep(0.3)
        ours = how.start_ours(["--pid", str(late.pid), "--native"], 999, "library.json").wait_attached()
        time.sleep(0.5)
        late.stdin.write("go\n")
        late.stdin.flush()
        mapped = float(late.stdout.readline())
        late.wait(20)
        ours.stop()
    finally:
        late.kill()
        late.wait()
        late.stdin.close()
        late.stdout.close()
        if ours:
            ours.kill()
    samples = json.loads((profilers.RESULTS / "library.json").read_text())["samples"]
    whole = [s["timestamp"] for s in samples if is_whole(s["stack"])]
    if not whole:
        raise machine.Trouble("no stack with a function of the library")
    return min(whole) - mapped


def is_whole(stack):
    return any("large_spin" in name for name in stack) and not any("frames are missing" in name for name in stack)


def readiness(python, how, runs):
    times = [ready(python, how) for _ in range(runs)]
    return {
        "median": statistics.median(times),
        "max": max(times),
        "min": min(times),
        "runs": runs,
        "bytes": LARGE.stat().st_size,
    }
