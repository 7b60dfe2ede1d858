"""2 ms of CPU every 20.2 ms, which is two periods of 99 Hz: what a fixed sampling period misjudges.

    burst.py SECONDS
"""

import sys
import time

import truth

BURST_SECONDS, EVERY_SECONDS = 0.002, 0.0202


def burst():
    start = truth.thread_seconds()
    value = 0
    while truth.thread_seconds() - start < BURST_SECONDS:
        for i in range(100):
            value = (value * 31 + i) % 65521


def main():
    seconds = float(sys.argv[1])
    truth.ready()
    cpu, start, count = truth.cpu_seconds(), time.monotonic(), 0
    while time.monotonic() - start < seconds:
        burst()
        count += 1
        time.sleep(max(0.0, start + count * EVERY_SECONDS - time.monotonic()))
    truth.finish(spent=truth.cpu_seconds() - cpu, bursts=count)


main()
# SPDX-License-Identifier: MIT
