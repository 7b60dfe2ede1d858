"""Reports of a shop, written by a pool of threads, so that all processors work on them. They do not."""

import concurrent.futures
import json
import os
import sys
import threading
import time

MENDED = "MENDED" in os.environ
WORKERS = 4


def sales(number, rows):
    return [{"id": row, "day": row % 31, "price": (row * 7919 + number) % 1000 / 10, "goods": f"item {row % 97}"} for row in range(rows)]


def totals(rows):
    """By goods and day, in plain Python."""
    sums = {}
    for row in rows:
        key = row["goods"], row["day"]
        sums[key] = sums.get(key, 0.0) + row["price"]
    return sums


def report(number, rows=20_000):
    """What it says, and this thread's seconds: all of them, and those on a CPU."""
    began, used = time.perf_counter(), time.thread_time()
    rows = sales(number, rows)
    found = totals(rows)
    text = json.dumps({"rows": rows, "totals": list(found.values())})  # in C, in one go: nobody else runs meanwhile
    return len(text), time.perf_counter() - began, time.thread_time() - used


def main(reports):
    pool = concurrent.futures.ProcessPoolExecutor if MENDED else concurrent.futures.ThreadPoolExecutor
    began = time.perf_counter()
    with pool(WORKERS) as workers:
        done = list(workers.map(report, range(reports)))
    took = {"all": time.perf_counter() - began, "reports": sum(d[1] for d in done), "on a CPU": sum(d[2] for d in done)}
    print(sum(d[0] for d in done), "characters; took", {name: round(seconds, 3) for name, seconds in took.items()})


if __name__ == "__main__":
    main(int(sys.argv[1]))
# SPDX-License-Identifier: MIT
