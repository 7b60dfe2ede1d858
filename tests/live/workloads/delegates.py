"""Exceptions thrown through generators and coroutines that delegate, and hardly anything else.

The `ready` line holds
    links  {function: [functions that it may be called by]}; "" is called by none
The program then runs until it is killed.
"""

import truth

LINKS = {
    "<module>": [""], "main": ["<module>"], "generators": ["main"], "coroutines": ["main"], "callbacks": ["main"],
    "within": ["main"], "iterators": ["main"], "throw_some": ["generators", "coroutines", "iterators"],
    "throw_once": ["callbacks"], "throws": ["within"],
    "top": ["generators", "callbacks", "throws", "throw_some", "throw_once"],
    # close() passes by those that delegate: Objects/genobject.c, gen_close_iter()
    "middle": ["top", "generators", "callbacks", "throws"],
    "leaf": ["middle", "awaited", "coroutines", "generators", "callbacks", "throws"],
    "key": ["leaf", "throw"],
    "outer": ["throw_some", "coroutines"], "inner": ["outer", "coroutines"], "awaited": ["inner", "coroutines"],
    "by_hand": ["throw_some", "iterators"], "throw": ["by_hand", "throw_some"],
}  # fmt: skip


def key(n):
    return -n


def leaf():
    while True:
        try:
            yield
        except KeyError:
            sorted((1, 2, 3), key=key)  # the C evaluator is entered below the throw()


def middle():
    yield from leaf()


def top():
    yield from middle()


class Awaitable:
    def awaited(self):
        yield from leaf()

    __await__ = awaited


async def inner():
    await Awaitable()


async def outer():
    await inner()


class ByHand:
    """It delegates to what is no generator."""

    def __iter__(self):
        return self

    __next__ = int

    def throw(self, *_):
        sorted((1, 2, 3), key=key)


def by_hand():
    yield from ByHand()


def throw_some(generator):
    for _ in range(20):
        generator.throw(KeyError())


def generators():
    generator = top()
    next(generator)
    throw_some(generator)
    generator.close()


def coroutines():
    coroutine = outer()
    coroutine.send(None)
    throw_some(coroutine)
    coroutine.close()


def callbacks():
    def throw_once(n):
        generator.throw(KeyError())
        return n

    generator = top()
    next(generator)
    sorted((1, 2, 3), key=throw_once)
    generator.close()


def throws():
    generator = top()
    next(generator)
    for _ in range(3):
        yield generator.throw(KeyError())
    generator.close()


def within():
    for _ in throws():
        pass


def iterators():
    generator = by_hand()
    next(generator)
    throw_some(generator)
    generator.close()


def main():
    truth.ready(links=LINKS)
    while True:
        generators()
        coroutines()
        callbacks()
        within()
        iterators()


main()
# SPDX-License-Identifier: MIT
