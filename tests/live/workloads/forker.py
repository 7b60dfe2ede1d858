"""Processes made in every way there is; each says how much CPU time it took, in which function.

    forker.py fork|spawn|forkserver|exec COUNT SECONDS     children of SECONDS of CPU each
    forker.py many COUNT SECONDS [PYTHON…]  short-lived ones, half forked, half started anew with the PYTHONs ("itself": this one)
    forker.py pool COUNT SECONDS            multiprocessing.Pool of COUNT workers
Children print {"child": {pid, function, spent}}.
"""

import multiprocessing
import os
import sys

import truth


def child(function, seconds):
    truth.say("child", {"function": function.__name__, "spent": function(seconds)})


def forked(seconds):
    return truth.spin(seconds)


def spawned(seconds):
    return truth.spin(seconds)


def before_exec(seconds):
    return truth.spin(seconds)


def after_exec(seconds):
    return truth.spin(seconds)


def short_forked(seconds):
    return truth.spin(seconds)


def short_started(seconds):
    return truth.spin(seconds)


def pooled(seconds):
    spent = truth.spin(seconds)
    truth.say("child", {"function": "pooled", "spent": spent})


def parent(seconds):
    return truth.spin(seconds)


def fork(function, seconds):
    pid = os.fork()
    if pid == 0:
        try:
            child(function, seconds)
        finally:
            os._exit(0)
    return pid


def start(command):
    """os.posix_spawn() came with 3.8."""
    if hasattr(os, "posix_spawn"):
        return os.posix_spawn(command[0], command, os.environ)
    pid = os.fork()
    if pid == 0:
        os.execv(command[0], command)
    return pid


def fork_then_exec(seconds):
    pid = os.fork()
    if pid == 0:
        child(before_exec, seconds)
        os.execv(sys.executable, [sys.executable, __file__, "after-exec", "1", str(seconds)])
    return pid


def many(count, seconds, pythons):
    """At most four at a time; the CPU time of all of them is what the kernel says of dead children."""
    alive = set()
    for i in range(count):
        while len(alive) >= 4:
            alive.discard(os.wait()[0])
        if i % 2 or not pythons:
            alive.add(fork(short_forked, seconds))
        else:
            python = pythons[i // 2 % len(pythons)].replace("itself", sys.executable)
            command = [python, "-S", "-E", __file__, "short-started", "1", str(seconds)]
            alive.add(start(command))
    while alive:
        alive.discard(os.wait()[0])


def main():
    how, count, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    if how == "after-exec":
        return child(after_exec, seconds)
    if how == "short-started":
        return child(short_started, seconds)
    truth.ready()
    if how == "fork":
        for pid in [fork(forked, seconds) for _ in range(count)]:
            os.waitpid(pid, 0)
    elif how == "exec":
        for pid in [fork_then_exec(seconds) for _ in range(count)]:
            os.waitpid(pid, 0)
    elif how == "many":
        many(count, seconds, sys.argv[4:])
    elif how == "pool":
        with multiprocessing.Pool(count) as pool:
            pool.map(pooled, [seconds] * count, chunksize=1)
    else:
        context = multiprocessing.get_context(how)
        children = [context.Process(target=child, args=(spawned, seconds)) for _ in range(count)]
        for process in children:
            process.start()
        for process in children:
            process.join()
    spent = parent(0.1)
    times = os.times()
    truth.finish(spent=spent, children=times.children_user + times.children_system)


if __name__ == "__main__":
    main()
# SPDX-License-Identifier: MIT
