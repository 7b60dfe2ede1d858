"""Works in one function until it has had so much CPU time. The truth: seconds by function that it was off the CPU meanwhile."""

import sys
import time

import truth


def works(seconds):
    truth.spin(seconds)


truth.ready()
start = time.monotonic() - truth.thread_seconds()
works(float(sys.argv[1]))
truth.finish(measured={"works": time.monotonic() - truth.thread_seconds() - start})
# SPDX-License-Identifier: MIT
