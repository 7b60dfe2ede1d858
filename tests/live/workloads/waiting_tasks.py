"""Tasks of asyncio that wait in every way, in loops of two threads and in one that nobody runs; says all of it, as JSON.

    waiting_tasks.py [plain|python|eager|uvloop|stuck]

{"loops": [{"thread": ident or null, "tasks": {name: {id, frames, waits_for, waits_for_task}}}], "awaited_by": {name: [name, ...]}}
with frames leaf first, as [name, file, line], by the attributes that coroutines have for it. `stuck`: one task blocks
its thread then, and others are about to run.
"""

import asyncio
import gc
import inspect
import json
import sys
import threading
import time
import types

mode = sys.argv[1] if len(sys.argv) > 1 else "plain"
kept, awaited_by = [], {}


# ---- what coroutines say of themselves -------------------------------------------------------------------


def inside(awaitable):
    """(frame, what it awaits) of a coroutine or generator; what stands for one is looked through."""
    for prefix, awaited in ("cr", "cr_await"), ("gi", "gi_yieldfrom"), ("ag", "ag_await"):
        if hasattr(awaitable, prefix + "_frame"):
            return getattr(awaitable, prefix + "_frame"), getattr(awaitable, awaited)
    proxied = [o for o in gc.get_referents(awaitable) if inspect.isasyncgen(o) or inspect.iscoroutine(o)]
    is_proxy = type(awaitable).__name__ in ("async_generator_asend", "coroutine_wrapper", "anext_awaitable")
    return inside(proxied[0]) if is_proxy and proxied else (None, None)


def frames_of(task):
    frames, awaitable = [], task.get_coro()
    while awaitable is not None:
        frame, awaitable = inside(awaitable)
        if frame is not None:
            code = frame.f_code
            frames.insert(0, [getattr(code, "co_qualname", code.co_name), code.co_filename, frame.f_lineno])
    return frames


def truth_of(task):
    waiter = task._fut_waiter
    pending = waiter is not None and not waiter.done()
    return {
        "id": id(task),
        "frames": frames_of(task),
        "waits_for": f"{type(waiter).__module__}.{type(waiter).__qualname__}" if pending else None,
        "waits_for_task": id(waiter) if pending and isinstance(waiter, (asyncio.Task, asyncio.tasks._PyTask)) else None,
    }


def all_tasks(loop):
    """From 3.14 on those that are made in Python are in a list of their own."""
    return asyncio.all_tasks(loop) | getattr(asyncio.tasks, "_py_all_tasks", asyncio.all_tasks)(loop)


def say(loops):
    told = [{"thread": ident, "tasks": {t.get_name(): truth_of(t) for t in all_tasks(loop)}} for loop, ident in loops]
    if mode == "python":  # the module in C does not know them as current ones from 3.14 on: some end with an error
        alive = {text for loop in told for text in loop["tasks"]}
        for text in [text for text, by in awaited_by.items() if not alive.issuperset(by)]:
            del awaited_by[text]
    print(json.dumps({"loops": told, "awaited_by": awaited_by}), flush=True)


# ---- ways to wait -----------------------------------------------------------------------------------------


async def leaf(label):
    await asyncio.get_running_loop().create_future()


async def nested(label="nested"):
    await leaf(label + " leaf")


async def sleeps():
    await asyncio.sleep(100000)


async def numbers():
    yield 1
    await leaf("in a generator")
    yield 2


async def iterates():
    async for _ in numbers():
        pass


@types.coroutine
def old_style(inner):
    for _ in (x for x in "two"):  # on its stack while it waits
        yield from inner


async def awaits_old_style():
    await old_style(nested().__await__())


@types.coroutine
def yields(generator):
    for future in generator:
        yield future


async def awaits_what_yields(future):
    """Waits in a plain `yield`, with a generator on its stack that it does not delegate to."""
    future._asyncio_future_blocking = True
    await yields(f for f in [future])


class Awaitable:
    def __await__(self):
        return nested().__await__()


async def awaits_object():
    await Awaitable()


async def locks(lock):
    async with lock:
        await leaf("locked")


async def gets(queue):
    await queue.get()


async def awaits(other):
    await other


async def gathers(others):
    await asyncio.gather(*others)


async def waits(others):
    await asyncio.wait(others)


async def waits_for(other):
    await asyncio.wait_for(other, 100000)


async def shields(other):
    await asyncio.shield(other)


async def groups(start):
    async with asyncio.TaskGroup() as group:
        name(group.create_task(nested()), "of a group")


async def nothing():
    pass


def name(task, text):
    task.set_name(text)
    kept.append(task)
    return task


def start_all(prefix):
    def start(coroutine, text):
        return name(loop.create_task(coroutine), prefix + text)

    def by(text, *others):
        awaited_by[prefix + text] = [prefix + other for other in others]

    loop = asyncio.get_running_loop()
    lock, queue, future = asyncio.Lock(), asyncio.Queue(), loop.create_future()
    kept.append((lock, queue, future))
    target = start(nested(), "nested")
    for text, coroutine in [
        ("sleeps", sleeps()),
        ("iterates", iterates()),
        ("old style", awaits_old_style()),
        ("object", awaits_object()),
        ("has the lock", locks(lock)),
        ("wants the lock", locks(lock)),
        ("gets", gets(queue)),
        ("done", nothing()),
    ]:
        start(coroutine, text)
    if mode == "plain":  # tasks in Python do not take futures of this kind
        start(awaits_what_yields(future), "yields")
    start(awaits(target), "awaits")
    start(waits([target]), "waits")
    start(shields(target), "shields")
    by("nested", "awaits", "waits", "shields")
    first, second = start(nested(), "first"), start(sleeps(), "second")
    start(gathers([first, second]), "gathers")
    by("first", "gathers")
    by("second", "gathers")
    start(waits_for(start(nested(), "limited")), "waits for")
    by("limited", "waits for")
    chain = start(nested(), "link 9")
    for i in range(8, 0, -1):
        chain = start(awaits(chain), f"link {i}")
        by(f"link {i + 1}", f"link {i}")
    if hasattr(asyncio, "TaskGroup") and not prefix:
        start(groups(start), "group")
        by("of a group", "group")


# ---- loops --------------------------------------------------------------------------------------------------


def block():
    time.sleep(100000)


async def is_woken(event):
    await event.wait()


def set_factory(loop):
    if mode == "python":
        loop.set_task_factory(lambda of, coroutine, **options: asyncio.tasks._PyTask(coroutine, loop=of))
    if mode == "eager":
        loop.set_task_factory(asyncio.eager_task_factory)


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


async def second(ready):
    asyncio.current_task().set_name("second's main")
    start_all("second's ")
    await settle()
    loop = asyncio.get_running_loop()
    loop.call_soon(ready.append, (loop, threading.get_ident()))
    await leaf("second")


async def main(loops):
    asyncio.current_task().set_name("main")
    loop = asyncio.get_running_loop()
    set_factory(loop)
    start_all("")
    event = asyncio.Event()
    kept.append(event)
    if mode == "stuck":
        name(loop.create_task(is_woken(event)), "woken")
    await settle()
    while len(loops) < 2:
        await asyncio.sleep(0.01)
    loops.append((loop, threading.get_ident()))
    if mode != "stuck":
        loop.call_soon(say, loops)
        await leaf("main")
    event.set()
    name(loop.create_task(nested()), "new")
    say(loops)
    block()


if mode == "uvloop":
    import uvloop

    uvloop.install()
idle = asyncio.new_event_loop()
name(idle.create_task(nested()), "of nobody")
found = [(idle, None)]
threading.Thread(target=lambda: asyncio.run(second(found)), daemon=True).start()
asyncio.run(main(found))
# SPDX-License-Identifier: MIT
