"""A small service: three subprocesses and eight threads, all with something to do.

    day.py [SECONDS]    default: until it is told to end
"""

import hashlib
import json
import signal
import subprocess
import sys
import threading
import time
import zlib


stopping = threading.Event()


def parse_orders(end):
    text = json.dumps([{"id": i, "items": list(range(20))} for i in range(50)])
    while time.monotonic() < end and not stopping.is_set():
        sum(len(order["items"]) for order in json.loads(text))


def compress_pages(end):
    page = bytes(range(256)) * 100
    while time.monotonic() < end and not stopping.is_set():
        hashlib.sha256(zlib.compress(page)).hexdigest()


def wait_for_work(end):
    while time.monotonic() < end:
        time.sleep(0.05)


def child(seconds):
    compress_pages(time.monotonic() + seconds)


def main():
    if sys.argv[1:2] == ["child"]:
        return child(float(sys.argv[2]))
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3600.0
    end = time.monotonic() + seconds
    children = [subprocess.Popen([sys.executable, __file__, "child", str(seconds)]) for _ in range(3)]
    work = [parse_orders] * 3 + [compress_pages] + [wait_for_work] * 4
    threads = [
        threading.Thread(target=task, args=(end,), name="%s-%d" % (task.__name__, i), daemon=True)
        for i, task in enumerate(work)
    ]
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)
    finally:
        stopping.set()
        for process in children:
            process.kill()
            process.wait()


main()
# SPDX-License-Identifier: MIT
