import sys
import time


def busy_in_here(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(1000))


print("ready", flush=True)
busy_in_here(float(sys.argv[1]))
# SPDX-License-Identifier: MIT
