"""A shop's nightly run over its orders, without what docs/tour.md found."""

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
    return list(dict.fromkeys(order["customer"] for order in orders))


def mentions(goods, note):
    """How often each is mentioned in a note."""
    words = re.findall(r"[\w-]+", note)
    return {name: words.count(name) for name in goods}


def income(orders):
    settings = json.loads(SETTINGS)
    total = sum(order["price"] for order in orders)
    return total * (1 - settings["rebate"]) * rates.rate(settings["currency"])


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
                rows, self.rows = self.rows, []
            time.sleep(0.6)  # the disk is slow today
            del rows


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
