# SPDX-License-Identifier: MIT
"""Many containers, one after another, each with a process of its own for a moment.

    containers.py FOLDER COUNT SECONDS [exec]   cgroups are made below FOLDER, with names as Docker gives; each process computes
                                                SECONDS, in a program of its own where `exec` is said, as engines start one
"""

import hashlib
import os
import sys

import truth


def compute_here(seconds):
    end = truth.cpu_seconds() + seconds
    while truth.cpu_seconds() < end:
        sum(i * i for i in range(1000))


def live_in(folder, seconds):
    pid = os.fork()
    if not pid:
        with open(os.path.join(folder, "cgroup.procs"), "w") as procs:
            procs.write("0")
        if "exec" in sys.argv:
            os.execv(sys.executable, [sys.executable, "-S", "-E", __file__, str(seconds)])
        compute_here(seconds)
        os._exit(0)
    os.waitpid(pid, 0)


def main():
    below, count, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    truth.ready()
    for i in range(count):
        name = hashlib.sha256(b"%d" % i).hexdigest()
        folder = os.path.join(below, f"docker-{name}.scope")
        os.mkdir(folder)
        live_in(folder, seconds)
        os.rmdir(folder)
    truth.finish(containers=count)


compute_here(float(sys.argv[1])) if len(sys.argv) == 2 else main()
