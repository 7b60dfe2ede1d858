"""How a workload talks to its test: JSON lines on stdout, one line on stdin.

ready() says what is known before any sample is taken and waits until the profiler runs; finish() says
what the workload itself measured. Both carry the CPU clocks, so a test can take the difference.
"""

import json
import os
import sys
import time


def cpu_seconds():
    return time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID)


def thread_seconds():
    return time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID)


def thread_id():
    """The kernel's. threading.get_native_id() came with 3.8."""
    return int(os.path.basename(os.readlink("/proc/thread-self")))


def changed_code(code, **changes):
    """code.replace(), which came with 3.8."""
    if hasattr(code, "replace"):
        return code.replace(**changes)
    members = "argcount kwonlyargcount nlocals stacksize flags code consts names varnames filename name firstlineno lnotab freevars cellvars"
    return type(code)(*[changes.get("co_" + one, getattr(code, "co_" + one)) for one in members.split()])


def say(kind, facts):
    facts = dict(facts, pid=os.getpid(), cpu=cpu_seconds(), now=time.monotonic())
    # One write: lines of several processes must not mix.
    os.write(1, (json.dumps({kind: facts}) + "\n").encode())


def ready(**facts):
    say("ready", facts)
    if not sys.stdin.readline():
        raise SystemExit("nobody wants to start me")


def finish(**facts):
    say("truth", facts)


def spin(seconds):
    """Python code that takes this much of the thread's CPU time; returns what it took."""
    start = thread_seconds()
    value = 0
    while thread_seconds() - start < seconds:
        for i in range(2000):
            value = (value * 31 + i) % 65521
    return thread_seconds() - start
# SPDX-License-Identifier: MIT
