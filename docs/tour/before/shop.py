"""A shop's nightly run over its orders; slow in five ways. docs/tour.md finds them."""

import json
import random
import re
import sys
import threading
import time

import rates

SETTINGS = json.dumps({"currency": "EUR", "rebate": 0.03, "limits": list(range(300))})
GOODS = [f"item-{number}" for number in range(8000)]


def read_orders(cnt):
    chance = random.Random(1)
    return [{"customer": f"c{chance.randrange(cnt)}", "goods": chance.choice(GOODS), "price": chance.random() * 90}
            for _ in range(cnt)]  # fmt: skip


def customers(orders):
    """Each of them once."""
    seen = []
    for order in orders:
        if order["customer"] not in seen:
            seen.append(order["customer"])
    return seen


def mentions(goods, note):
    """How often each is mentioned in a note."""
    found = {}
    for name in goods:
        pattern = re.compile(rf"\b{name}\b[^.]*\.")
        found[name] = len(pattern.findall(note))
    return found


def income(orders):
    total = 0
    for order in orders:
        settings = json.loads(SETTINGS)
        total += order["price"] * (1 - settings["rebate"]) * rates.TABLE[settings["currency"]]
    return total


class Statistics:
    """Written down by a thread of its own, so that nobody has to wait."""

    def __init__(self):
        self.lock = threading.RLock()
        self.rows = []
        threading.Thread(target=self.save, name="statistics", daemon=True).start()

    def add(self, row):
        with self.lock:
            self.rows.append(row)

    def save(self):
        while True:
            with self.lock:
                time.sleep(0.6)  # the disk is slow today
                self.rows.clear()
            time.sleep(0.05)


def night(statistics, cnt):
    orders = read_orders(cnt)
    statistics.add(("customers", len(customers(orders))))
    statistics.add(("mentions", mentions(GOODS, "item-7 is not item-70.")))
    statistics.add(("income", income(orders)))


if __name__ == "__main__":
    saved = Statistics()
    for _ in range(int(sys.argv[1])):
        night(saved, 14000)
# SPDX-License-Identifier: MIT
