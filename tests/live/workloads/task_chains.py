"""Tasks that work, each in a function of its own, awaited in all the ways that there are; beside them another thread with a
loop of its own. Who awaits whom is so from before the first work on to the last.

    task_chains.py SECONDS [sleep|python|eager]   of CPU for each; each sleeps in its thread instead; tasks are of the class in
                                                  Python; or eager ones

The truth: by function its seconds and the names of its task, of who awaits that, and so on. A name that nobody gave is "".
"""

import asyncio
import sys
import threading
import time

import truth

SECONDS, MODE = float(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "work"
PIECE = 0.004
DEEP = 20  # tasks that await each other: more than are told of
measured = {}
chains = {}


def piece(seconds):
    if MODE != "sleep":
        return truth.spin(seconds)
    start = time.monotonic() - truth.thread_seconds()
    time.sleep(5 * seconds)
    return time.monotonic() - truth.thread_seconds() - start


def function(name):
    """By which a stack tells whose it is."""
    scope = {"piece": piece}
    exec(f"def {name}(seconds):\n    return piece(seconds)", scope)
    return scope[name]


async def work(name):
    of_its_own = function(name)
    measured[name] = 0
    for _ in range(2 * DEEP):  # till all are awaited
        await asyncio.sleep(0)
    while measured[name] < SECONDS:
        measured[name] += of_its_own(PIECE)
        await asyncio.sleep(0)


def task(name, *by, number=False):
    chains[name] = ["" if number else "task " + name, *by, ""]
    return asyncio.ensure_future(work(name)) if number else asyncio.create_task(work(name), name="task " + name)


async def direct():
    await task("directly", "direct")


async def gathers():
    await asyncio.gather(task("gathered", "gathers"), asyncio.sleep(0), task("numbered", "gathers", number=True))


async def group():
    async with asyncio.TaskGroup() as tasks:
        chains["in_group"] = ["task in_group", "group", ""]
        tasks.create_task(work("in_group"), name="task in_group")


async def waits():
    await asyncio.wait([task("waited", "waits"), asyncio.create_task(asyncio.sleep(0))])


async def limits():
    await asyncio.wait_for(task("limited", "limits"), 1000)


async def timeout():
    async with asyncio.timeout(1000):
        await task("in_time", "timeout")


async def shields():
    await asyncio.shield(task("shielded", "shields"))


async def deep(left):
    if left:
        await asyncio.create_task(deep(left - 1), name=f"deep {left - 1}")
    else:
        await task("deepest", *(f"deep {i}" for i in range(DEEP + 1)))


async def forgets():
    forgotten = task("forgotten")
    chains["forgotten"] = ["task forgotten"]
    while not forgotten.done():
        await asyncio.sleep(0)


async def main():
    loop = asyncio.get_running_loop()
    if MODE == "python":
        loop.set_task_factory(lambda loop, coro, **options: asyncio.tasks._PyTask(coro, loop=loop, **options))
    elif MODE == "eager":
        loop.set_task_factory(asyncio.eager_task_factory)
    ways = [direct, gathers, waits, shields, forgets]
    if MODE != "python":  # asyncio.current_task() does not know of those
        ways += [limits]
        ways += [group, timeout] if hasattr(asyncio, "timeout") else []  # 3.11
    tasks = [asyncio.create_task(way(), name=way.__name__) for way in ways]
    tasks.append(asyncio.create_task(deep(DEEP), name=f"deep {DEEP}"))
    await asyncio.gather(*tasks)


def other_thread():
    asyncio.run(alone())


async def alone():
    chains["alone"] = ["", ""]
    await asyncio.gather(work("alone"))


thread = threading.Thread(target=other_thread)
truth.ready()
thread.start()
asyncio.run(main())
thread.join()
truth.finish(functions={name: [spent, chains[name]] for name, spent in measured.items()})
# SPDX-License-Identifier: MIT
