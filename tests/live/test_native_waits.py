# SPDX-License-Identifier: MIT
"""--native with waits and with new memory: what stands between a Python function and what it waits for, or the memory that it
touched. What calls what is known (workloads/native_waits.py).
"""

import collections
import subprocess

import pytest

import interpreters
from conftest import WORKLOADS
from test_native_stacks import check_whole, kinds, plain

SECONDS = 0.8
OPTIONS = [(), ("--without-task-work",)]
VERSIONS = [i for i in interpreters.MATRIX if i.minor in {(3, 8), (3, 11), (3, 13), (3, 14)}]
DEEP = ["py_top", "plain_c", "py_middle", "aligned_c"]
# By the C function that waits: what the C library calls its part, where it has names for that, and the cause.
CAUSES = {"sleep_c": ("nanosleep", "[sleep]"), "lock_c": ("lock", "[lock]"), "read_c": ("recv", "[socket read]")}
CHAINS = [
    [*DEEP, "py_sleep", "sleep_c"],
    [*DEEP, "py_lock", "lock_c"],
    [*DEEP, "py_read", "read_c"],
    [*DEEP, "py_python_sleep"],
    ["py_fight", "plain_c", "py_nothing"],
    ["pool_c", "sleep_c"],
]
GROWS = [*DEEP, "py_grow", "touch_c"]
BEGINNINGS = {tuple(chain[:n]) for chain in [*CHAINS, GROWS] for n in range(len(chain) + 1)}
OWN = {name for chain in [*CHAINS, GROWS] for name in chain}
HELD_BY, WAITS_FOR_GIL = "[held by ", "[waits for the GIL]"


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    path = tmp_path_factory.mktemp("native") / "native_waits.so"
    options = ["-O2", "-fomit-frame-pointer", "-shared", "-fPIC", "-pthread"]
    subprocess.run(["gcc", *options, "-o", path, WORKLOADS / "native_waits.c"], check=True)
    return path


def own_part(stack):
    return tuple(name for name in map(plain, (frame.name for frame in stack.frames)) if name in OWN)


def record(spawn, recorder, python, library, words, options):
    workload = spawn(python, "native_waits.py", library, *words)
    recording = recorder("--pid", workload.pid, "-r", "999", "--native", *options)
    workload.go().finish()
    recording.stop()
    assert "accounting is off" not in recording.stderr
    return workload, recording


def check_chains(stacks, chains):
    """Each is as the functions call each other, in their order; one that ends early in C code has its Python functions."""
    for stack in stacks:
        names = [frame.name for frame in stack.frames]
        assert own_part(stack) in BEGINNINGS or any("native frames are missing" in name for name in names), names
    for chain in chains:
        assert sum(stack.count for stack in stacks if own_part(stack) == tuple(chain)) > 3, chain


def check_leaves(stacks):
    """The cause is above all functions; between it and the C function that waits there are the C library's, and the kernel's."""
    seen = collections.Counter()
    for stack in stacks:
        names = [plain(frame.name) for frame in stack.frames]
        last = next((name for name in reversed(names) if name in CAUSES), None)
        called, cause = CAUSES.get(last, (None, None))
        if stack.frames[-1].name == cause:
            between = stack.frames[len(names) - names[::-1].index(last) : -1]
            assert called in between[0].name or between[0].name.startswith("libc."), between
            assert between[-1].file == "[kernel]", between
            seen[last] += stack.count
    assert all(seen[name] > 3 for name in CAUSES), seen


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("python", VERSIONS)
def test_stacks_of_waits(python, options, library, spawn, recorder):
    _, recording = record(spawn, recorder, python, library, [SECONDS], ["--wall", *options])
    check_whole(recording)
    stacks = {kind: recording.all_stacks("--threads", "--idle-waits", "--type", kind) for kind in ("offcpu", "gil", "gil_held")}
    check_chains(stacks["offcpu"], CHAINS[:4] + CHAINS[5:])
    check_leaves(stacks["offcpu"])
    check_chains(stacks["gil"], [])
    of_fight = [stack for stack in stacks["gil"] if own_part(stack)[:2] == ("py_fight", "plain_c")]
    assert sum(stack.count for stack in of_fight) > 3, "what calls back waits for the GIL below C code"
    for stack in stacks["gil"]:
        assert stack.frames[-1].name.startswith(HELD_BY) and stack.frames[-2].name == WAITS_FOR_GIL
        assert any("pthread_" in frame.name for frame in stack.frames[-8:-2]), stack.frames
    check_chains(stacks["gil_held"], [])

    # The pool's thread is no Python thread, and has its own stack for all that.
    pool = [stack for stack in stacks["offcpu"] if stack.thread[1] == "pool"]
    assert pool and all(own_part(stack) in {("pool_c", "sleep_c"), ("pool_c",), ()} for stack in pool)


def test_without_the_kernels(python, library, spawn, recorder):
    _, recording = record(spawn, recorder, python, library, [SECONDS / 2], ["--wall", "--no-kernel"])
    document = recording.json("--idle-waits", "--type", "offcpu")
    assert kinds(document) and not [stack for stack in kinds(document) if "kernel" in stack]


@pytest.mark.parametrize("python", VERSIONS)
def test_who_touched_new_memory(python, library, spawn, recorder):
    size = 24
    workload, recording = record(spawn, recorder, python, library, [0, size], ["--event", "cpu,faults"])
    stacks = recording.all_stacks("--type", "faults")
    check_chains(stacks, [GROWS])
    grown = sum(stack.ns for stack in stacks if own_part(stack) == tuple(GROWS))
    assert grown == pytest.approx(workload.truth["grown"], rel=0.05, abs=1 << 19)
    touched = [stack for stack in stacks if own_part(stack) == tuple(GROWS)]
    assert sum(s.ns for s in touched if plain(s.frames[-1].name) == "touch_c") > 0.97 * grown, "the function that touched it is the leaf"
