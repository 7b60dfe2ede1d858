"""asyncio tasks and deep chains of generators, most of the time spent at known places.

    gen.py SECONDS   of CPU in each
truth: {leaf function: [names of the callers it must have, innermost first]}
"""

import asyncio
import sys

import truth


def chain_leaf(seconds):
    truth.spin(seconds)
    yield 1


def chain(depth, seconds):
    if depth == 0:
        yield from chain_leaf(seconds)
    else:
        yield from chain(depth - 1, seconds)


def consume(seconds):
    return sum(chain(20, seconds))


async def task_leaf(seconds):
    await asyncio.sleep(0)
    truth.spin(seconds)


async def task_middle(seconds):
    await task_leaf(seconds)


async def agenerator(seconds):
    for _ in range(4):
        truth.spin(seconds / 4)
        yield 1


async def task_outer(seconds):
    await task_middle(seconds)
    async for _ in agenerator(seconds):
        await asyncio.sleep(0)


async def tasks(seconds):
    await asyncio.gather(*[task_outer(seconds / 3) for _ in range(3)])


def main():
    seconds = float(sys.argv[1])
    truth.ready()
    consume(seconds)
    asyncio.new_event_loop().run_until_complete(tasks(seconds))
    truth.finish(
        callers={
            "chain_leaf": ["chain"] * 21 + ["consume", "main"],
            "task_leaf": ["task_middle", "task_outer"],
            "agenerator": ["task_outer"],
        }
    )


main()
# SPDX-License-Identifier: MIT
