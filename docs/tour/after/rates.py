"""Rates of currencies, worked out from their history when they are needed."""

import functools


def average(start):
    return sum((start * step) % 7 for step in range(1_000_000)) / 1_000_000


@functools.cache
def rate(currency):
    return average(("EUR", "USD", "GBP", "CHF", "JPY", "SEK").index(currency) + 1)
# SPDX-License-Identifier: MIT
