# SPDX-License-Identifier: MIT
"""The BPF walker, compiled as host C, over the memory of live processes of every interpreter.

Threads that sleep: each stack must be, frame by frame and line by line, what sys._current_frames() says.
Threads that are stopped at any instruction, or follow one instruction after another: each stack must be one that the program
can have.
"""

import collections
import json
import os
import pathlib
import signal
import subprocess
import time

import pytest

import interpreters
from conftest import WORKLOADS, wait_until
from programs import built

MAX_FRAMES = 1024

Frame = collections.namedtuple("Frame", "name file line first")  # as the workloads say it
Thread = collections.namedtuple("Thread", "outcome gil frames")


@pytest.fixture
def host_walk():
    program = built("tests/host/host_walk")

    def walk(pid, *options):
        """{thread ident: Thread}, without the frames that codes.c hides (_Py_InitCleanup). With --steps: {number: Thread}."""
        words = [program, *map(str, options), str(pid)]
        out = subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout.decode("utf-8")
        threads = {}
        for line in out.splitlines():
            word, *fields = line.split("\t")
            if word == "thread":
                thread = threads[len(threads) if options else int(fields[0])] = Thread(fields[1], fields[2], [])
                continue
            first, number, name, file, _module = fields
            if (name, file, first) != ("__init__", "__init__", "0"):
                thread.frames.append(Frame(name, file, int(number), int(first)))
        return threads

    return walk


@pytest.fixture
def start():
    started = []

    def run(python, script, *args):
        argv = [python.path, str(WORKLOADS / script), *map(str, args)]
        started.append(subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def all_are(pid, letter):
    """Whether that is the state of every thread."""
    states = set()
    for task in os.listdir(f"/proc/{pid}/task"):
        stat = pathlib.Path(f"/proc/{pid}/task/{task}/stat").read_text()
        states.add(stat.rsplit(")", 1)[1].split()[0])
    return states == {letter}


@pytest.mark.parametrize("python", interpreters.MATRIX)
def test_sleeping_threads(host_walk, start, python):
    process = start(python, "asleep.py")
    said = json.loads(process.stdout.readline())
    wait_until(lambda: all_are(process.pid, "S"), "the reporter to sleep too")
    threads = host_walk(process.pid)
    kinds = {int(ident): kind for ident, kind in said["kinds"].items()}
    by_kind = {kind: threads[ident] for ident, kind in kinds.items()}
    assert {thread.gil for thread in threads.values()} == {"none" if python.threaded else "not held"}
    for ident, stack in said["stacks"].items():
        kind = kinds[int(ident)]
        if kind == "in_a_sub_interpreter":
            continue
        truth = [Frame(*frame) for frame in stack]
        found = threads[int(ident)]
        if len(truth) > MAX_FRAMES:
            assert (found.outcome, len(found.frames)) == ("cut_depth", MAX_FRAMES), kind
            truth = truth[:MAX_FRAMES]
        else:
            assert found.outcome == "ok", kind
        assert found.frames == truth, kind
    assert len(by_kind) > 25 and len(by_kind["deep_recursion"].frames) == MAX_FRAMES
    # The slot follows the active interpreter from 3.12 on; before, it keeps the outer one's stack.
    inner = by_kind["in_a_sub_interpreter"]
    assert inner.outcome == "ok"
    if python.minor >= (3, 12):
        text = "<script>" if python.minor >= (3, 14) else "<string>"
        assert [(f.name, f.file, f.line) for f in inner.frames] == [("inner", text, 3), ("<module>", text, 4)]
    else:  # nothing makes one before 3.8
        assert inner.frames[python.minor < (3, 8)].name == "in_a_sub_interpreter"


@pytest.mark.parametrize("python", interpreters.MATRIX)
def test_threads_stopped_anywhere(host_walk, start, python):
    process = start(python, "anywhere.py")
    possible = {tuple(stack) for stack in json.loads(process.stdout.readline())["possible"]}
    outcomes, seen, held = collections.Counter(), collections.Counter(), collections.Counter()
    for _ in range(40):
        time.sleep(0.013)
        process.send_signal(signal.SIGSTOP)
        while not all_are(process.pid, "T"):
            time.sleep(0.001)
        threads = host_walk(process.pid)
        process.send_signal(signal.SIGCONT)
        held[sum(thread.gil == "held" for thread in threads.values())] += 1
        for thread in threads.values():
            outcomes[thread.outcome] += 1
            if thread.outcome == "ok":
                below = [f for f in thread.frames if f.file.endswith("anywhere.py")]
                seen[tuple(f"{f.name.split('.')[-1]}:{f.line}" for f in reversed(below))] += 1
    strange = {stack: n for stack, n in seen.items() if stack not in possible}
    assert not strange
    print(f"{python.version}: {dict(outcomes)} holders {dict(held)} {len(seen)} of {len(possible)} stacks")
    assert set(outcomes) <= {"ok", "torn"}
    assert outcomes["torn"] <= outcomes["ok"] / 50
    assert set(held) == {0} if python.threaded else set(held) <= {0, 1} and held[1] > 20
    assert len(seen) >= 5


@pytest.mark.parametrize("python", interpreters.MATRIX)
@pytest.mark.parametrize("function", ["by_generators", "by_loops"])
def test_each_instruction(host_walk, start, python, function):
    """Of one frame to the next; memory alone does not always name the current one, a register does then."""
    process = start(python, "anywhere.py", function)
    possible = json.loads(process.stdout.readline())["possible"]
    time.sleep(0.2)  # until `print` has returned
    moments = host_walk(process.pid, "--steps", 10000).values()
    assert {moment.outcome for moment in moments} <= {"ok", "registers"}
    # without `main` and the module
    stacks = [[f"{f.name.split('.')[-1]}:{f.line}" for f in moment.frames[-3::-1]] for moment in moments]
    assert not [stack for stack in stacks if stack not in possible]
    assert len(set(map(str, stacks))) >= 3
