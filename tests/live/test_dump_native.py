# SPDX-License-Identifier: MIT
"""dump --native: C functions between those of Python, of threads that sleep. What calls what is known (workloads/paused.py)."""

import json
import os
import shutil
import subprocess

import pytest

import interpreters
from conftest import WORKLOADS, wait_until

CHAINS = {
    "py_top": ["py_top", "plain_c", "py_middle", "aligned_c", "py_pause", "pause_c"],
    "py_sort": ["py_sort", "py_pause", "pause_c"],
    "py_sum": ["py_sum", "py_items", "py_read"],
    "py_sized": ["py_sized", "sized_c", "py_read"],
    "py_deep": [*30 * ["py_deep", "plain_c"], "py_deep", "py_pause", "pause_c"],
}
WORKER = ["worker_c", *6 * ["deeper_c"], "pause_c"]
OWN = {name for chain in (*CHAINS.values(), WORKER) for name in chain}
MISSING = "[native frames are missing: "
KINDS = {"-fomit-frame-pointer": "no frame pointers", "-fno-omit-frame-pointer": "frame pointers"}

if not shutil.which("gcc"):
    pytest.skip("no gcc", allow_module_level=True)
if os.uname().machine != "x86_64":
    pytest.skip("native frames are not there", allow_module_level=True)


@pytest.fixture(scope="module", params=KINDS, ids=KINDS.get)
def library(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("paused") / "paused.so"
    sources = [WORKLOADS / "nested.c", WORKLOADS / "paused.c"]
    subprocess.run(["gcc", "-O2", request.param, "-shared", "-fPIC", "-pthread", "-o", path, *sources], check=True)
    return path


def sleeping(pid):
    """All of its threads but the one that spins."""
    states = []
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/stat") as stat:
            states.append(stat.read().rsplit(")", 1)[1].split()[0])
    return states.count("S") >= len(states) - 1 >= len(CHAINS) + 1


def dump(pybpfprof, pid, *options):
    """The process, after all of its threads have come to where they stay."""
    wait_until(lambda: sleeping(pid), "its threads to sleep")
    done = pybpfprof("dump", "--pid", pid, "--json", "--native", *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["processes"][0]


def names(thread):
    return [frame["name"].rsplit(".", 1)[-1] for frame in reversed(thread["frames"])]


def own_part(thread):
    return [name for name in names(thread) if name in OWN]


@pytest.mark.parametrize("each", interpreters.MATRIX)
def test_each_frame_is_where_it_belongs(each, library, spawn, pybpfprof):
    workload = spawn(each, "paused.py", library)
    process = dump(pybpfprof, workload.pid)
    threads = {thread["thread_name"]: thread for thread in process["threads"]}
    for name, chain in CHAINS.items():
        thread = threads[name]
        assert thread["sure"] and own_part(thread) == chain, names(thread)
        assert not [one for one in names(thread) if one.startswith(MISSING)]
    for frame in (frame for thread in process["threads"] for frame in thread["frames"]):
        assert frame.get("kind") == ("native" if frame["name"].endswith("_c") else frame.get("kind"))
        assert not frame["name"].endswith("_c") or frame["module"] == "paused.so"
    assert "select" in names(threads["py_spin"]) or not [f for f in threads["py_spin"]["frames"] if f.get("kind")]
    (worker,) = [thread for thread in process["native_threads"] if thread["thread_name"] == "worker"]
    assert worker["sure"] and own_part(worker) == WORKER and worker["syscall"] == "pause"


def test_the_interpreters_own_are_folded_away(python, library, spawn, pybpfprof):
    workload = spawn(python, "paused.py", library)
    folded, whole = ({thread["thread_name"]: names(thread) for thread in dump(pybpfprof, workload.pid, *options)["threads"]}
                     for options in ([], ["--native=all"]))  # fmt: skip
    between = [chain[chain.index("py_sort") + 1 : chain.index("py_pause")] for chain in (folded["py_sort"], whole["py_sort"])]
    assert not between[0] and len(between[1]) > 2, "what sorts, and the evaluator"


def test_as_text(python, library, spawn, pybpfprof):
    workload = spawn(python, "paused.py", library)
    wait_until(lambda: sleeping(workload.pid), "its threads to sleep")
    text = pybpfprof("dump", "--pid", workload.pid, "--native").stdout
    stack = next(part for part in text.split("\n\n") if ': "py_top"' in part)
    assert [line.strip() for line in stack.splitlines() if "_c (" in line] == [f"{n} (paused.so)" for n in ("pause_c", "aligned_c", "plain_c")]
    worker = next(part for part in text.split("\n\n") if ': "worker"' in part)
    assert worker.count("deeper_c (paused.so)\n") == 6
    plain = pybpfprof("dump", "--pid", workload.pid).stdout
    assert "_c (" not in plain and '1 more thread has no Python state:' in plain
