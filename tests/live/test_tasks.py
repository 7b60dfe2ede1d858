# SPDX-License-Identifier: MIT
"""Tasks of asyncio in `dump`, against what coroutines and tasks say of themselves (workloads/waiting_tasks.py)."""

import json
import re

import pytest

import interpreters
from conftest import wait_until
from test_dump import dump, dump_json, frames_of, start  # noqa: F401 (a fixture)

pytestmark = pytest.mark.offline

OLDEST = (3, 8)  # asyncio's tasks have names from there on
HAVE_TASKS = [i for i in interpreters.MATRIX + interpreters.THREADED if i.minor >= OLDEST]
SOME = [i for i in HAVE_TASKS if i.minor in ((3, 8), (3, 12), interpreters.NEWEST)]

each = pytest.mark.parametrize("python", HAVE_TASKS, ids=interpreters.name)
some = pytest.mark.parametrize("python", SOME, ids=interpreters.name)


def starts(start, python, mode):  # noqa: F811
    process = start(python, "waiting_tasks.py", mode)
    return process, json.loads(process.stdout.readline())


def settled(process, *options):
    """A dump once its loops have nothing more to do: who has said the truth goes on a little."""
    dumps = []

    def is_sure():
        dumps.append(dump_json(process.pid, *options))
        return all(loop["sure"] for loop in dumps[-1]["event_loops"])

    wait_until(is_sure, "its loops to wait")
    return dumps[-1]


def check_task(task, truth):
    assert frames_of(task) == truth["frames"], task["name"]
    assert task["waits_for"] == truth["waits_for"], task["name"]
    assert task["waits_for_task"] == truth["waits_for_task"], task["name"]
    assert not task["cut"]


def check_awaited_by(found, said):
    names = {task["id"]: task["name"] for loop in found["event_loops"] for task in loop["tasks"]}
    awaited_by = {
        task["name"]: sorted(names[by] for by in task["awaited_by"])
        for loop in found["event_loops"]
        for task in loop["tasks"]
        if task["awaited_by"]
    }
    assert awaited_by == {name: sorted(by) for name, by in said["awaited_by"].items()}


def check_loops(found, said):
    assert found["tasks_complete"]
    loops = {loop["thread_id"]: loop for loop in found["event_loops"]}
    assert len(loops) == len(found["event_loops"]) == len(said["loops"])
    for truth in said["loops"]:
        loop = loops[truth["thread"]]
        assert loop["sure"]
        assert {t["name"]: t["id"] for t in loop["tasks"]} == {name: t["id"] for name, t in truth["tasks"].items()}
        yield loop, truth["tasks"]


def check_waiting(process, said):
    found = settled(process)
    for loop, truths in check_loops(found, said):
        for task in loop["tasks"]:
            check_task(task, truths[task["name"]])
            expected = "waiting" if loop["thread_id"] else "not started yet"
            assert task["state"] == expected, task["name"]
    check_awaited_by(found, said)
    return found


@each
def test_waiting(python, start):  # noqa: F811
    process, said = starts(start, python, "plain")
    assert "yields" in said["loops"][2]["tasks"] and "done" not in said["loops"][2]["tasks"]
    check_waiting(process, said)
    text, _ = dump(process.pid)
    assert re.search(r'\n  Task "awaits" \(waiting for task "nested"\)\n    awaits \(\S*waiting_tasks.py:\d+\)\n\n', text)
    assert '\n  Task "gathers" (waiting for a gather())\n' in text
    assert '\n  Task "limited" (waiting for a future, awaited by "waits for")\n' in text
    order = re.findall(r'\n  Task "(link \d)"', text)
    assert order == [f"link {i}" for i in range(1, 10)]


@some
def test_tasks_made_in_python(python, start):  # noqa: F811
    process, said = starts(start, python, "python")
    found = check_waiting(process, said)
    kinds = {task["waits_for"] for loop in found["event_loops"] for task in loop["tasks"]}
    assert "asyncio.tasks.Task" in kinds


@pytest.mark.parametrize("python", [i for i in HAVE_TASKS if i.minor in ((3, 12), interpreters.NEWEST)], ids=interpreters.name)
def test_eager_tasks(python, start):  # noqa: F811
    check_waiting(*starts(start, python, "eager"))


@each
def test_stuck(python, start):  # noqa: F811
    """One task blocks its thread: the others cannot run, though two of them could."""
    process, said = starts(start, python, "stuck")
    found = settled(process)
    for loop, truths in check_loops(found, said):
        tasks = {task["name"]: task for task in loop["tasks"]}
        states = {name: task["state"] for name, task in tasks.items() if task["state"] != "waiting"}
        if "main" not in tasks:
            continue
        assert states == {"main": "running", "woken": "ready to run", "new": "not started yet"}
        assert [frame["name"] for frame in tasks["main"]["frames"]] == ["block", "main"]
        for name in set(tasks) - {"main"}:
            check_task(tasks[name], truths[name])
    check_awaited_by(found, said)


@some
def test_locals(python, start):  # noqa: F811
    process, _ = starts(start, python, "plain")
    found = settled(process, "--locals")
    (task,) = [t for loop in found["event_loops"] for t in loop["tasks"] if t["name"] == "nested"]
    values = {frame["name"]: {v["name"]: v["repr"] for v in frame["locals"]} for frame in task["frames"]}
    assert values == {"leaf": {"label": "'nested leaf'"}, "nested": {"label": "'nested'"}}


CIRCLES = """
import asyncio, json
async def main():
    tasks = {}
    async def waits(name):
        await tasks[name]
    for name, other in ("a", "b"), ("b", "c"), ("c", "a"), ("d", "e"), ("e", "d"), ("to a", "a"), ("to none", "free"):
        tasks[name] = asyncio.create_task(waits(other), name=name)
    tasks["free"] = asyncio.create_task(asyncio.sleep(100000), name="free")
    for _ in range(5):
        await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(print, json.dumps({id(t): name for name, t in tasks.items()}))
    await asyncio.sleep(100000)
asyncio.run(main())
"""


@some
def test_circles(python, start):  # noqa: F811
    process = start(python, "-u", "-c", CIRCLES)
    names = json.loads(process.stdout.readline())
    found = settled(process)
    circles = ["".join(names[str(task)] for task in circle) for circle in found["task_circles"]]
    assert sorted(circles) == ["abc", "de"], "those that only wait for one in a circle are in none"
    assert '\nWaiting in a circle: task "d" waits for task "e", which waits for task "d"\n' in dump(process.pid)[0]


MANY = """
import asyncio, time
async def one():
    await asyncio.get_running_loop().create_future()
async def main():
    kept = [asyncio.create_task(one()) for _ in range(%d)]
    await asyncio.sleep(0)
    print("ready", flush=True)
    time.sleep(100000)
asyncio.run(main())
"""


@some
def test_more_than_are_shown(python, start):  # noqa: F811
    process = start(python, "-c", MANY % 10100)
    process.stdout.readline()
    found = settled(process)
    (loop,) = found["event_loops"]
    assert len(loop["tasks"]) == 10000 and not found["tasks_complete"]
    assert sum(len(task["frames"]) == 1 for task in loop["tasks"]) >= 9999
    text = dump(process.pid)[0]
    assert "\n(there are more tasks than these 10000)\n" in text
    shown = text.count('\n  Task "')
    left_out = int(re.search(r"\n  \((\d+) more, each in the same state and place as 5 of these", text).group(1))
    assert 5 <= shown <= 8 and shown + left_out == 10000


def test_none(python, start):  # noqa: F811
    process = start(python, "-c", "import time; print('ready', flush=True); time.sleep(100000)")
    process.stdout.readline()
    found = settled(process)
    assert found["event_loops"] == [] and found["tasks_complete"]
    assert "loop" not in dump(process.pid)[0]
