# SPDX-License-Identifier: MIT
"""The programs that are measured, each as a process that can be started, asked what it used, and stopped.

What matters for the figures: for a busy thread ours and the empty program keep running for a whole row and only their timers
are switched off and on, so windows with and without them alternate several times a second. py-spy stops its
target itself and catches up when it was held, so it is started and ended for each of its windows.
"""

import os
import signal
import subprocess
import time

import machine

RESULTS = machine.ROOT / os.environ.get("BUILD", "build") / "bench"
PY_SPY = ["py-spy==0.4.3"]


class Running:
    """A profiler at work. `log` has what it said."""

    def __init__(self, name, argv, cpus, cgroup=None):
        self.name = name
        self.log = RESULTS / f"{name}.log"
        with open(self.log, "wb") as log:
            self.process = machine.start(argv, cpus, cgroup, stdout=log, stderr=subprocess.STDOUT)
        self.pid = self.process.pid
        self.events = None

    def said(self):
        return self.log.read_text(errors="replace").strip()

    def check(self):
        if self.process.poll() is not None:
            raise machine.Trouble(f"{self.name} ended with {self.process.returncode}: {self.said()[-300:]}")

    def wait_attached(self, seconds=20):
        """Until it has a timer on each CPU."""

        def attached():
            self.check()
            return len(machine.fds(self.pid, "perf_event")) >= os.sysconf("SC_NPROCESSORS_ONLN")

        machine.wait_until(attached, f"{self.name} to attach", seconds)
        time.sleep(0.05)
        return self

    def wait_hooked(self, name, count=1):
        """Until it has that many programs at that hook of the kernel's."""

        def hooked():
            self.check()
            return machine.hooks(self.pid).count(name) >= count

        machine.wait_until(hooked, f"{self.name} to follow {name}")
        return self

    def take_events(self):
        self.events = machine.Events(self.pid)
        self.events.switch(False)

    def wait_sampling(self):
        """Until py-spy says that it samples."""

        def sampling():
            self.check()
            return "Sampling process" in self.said()

        machine.wait_until(sampling, f"{self.name} to start sampling", 60)
        return self

    def stop(self):
        if self.events:
            self.events.close()
            self.events = None
        status = machine.end(self.process)
        if status not in (0, -signal.SIGINT):
            raise machine.Trouble(f"{self.name} ended with {status}: {self.said()[-300:]}")

    def kill(self):
        if self.events:
            self.events.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Profilers:
    """How each of them is started."""

    def __init__(self, program, py_spy):
        self.program = program
        self.empty = RESULTS.parent / "tests/bench/empty"
        self.py_spy = py_spy  # None: not to be had

    def start_ours(self, target, rate, output="ours.pybpf", cpus=None, name="ours"):
        argv = [self.program, "record", "-q", "-r", str(rate), *target, "-o", RESULTS / output]
        return Running(name, argv, cpus)

    def start_empty(self, what, cpus=None):
        """On timers of a rate, or what else empty.c has."""
        return Running("empty", [self.empty, str(what)], cpus)

    def start_py_spy(self, pid, rate, how="", cpus=None, more=()):
        """`how`: "nonblocking", "native"."""
        name = f"py-spy-{how}" if how else "py-spy"
        argv = [self.py_spy, "record", "-p", pid, "-r", rate, "-f", "raw", "-o", RESULTS / f"{name}.raw", *more]
        return Running(name, argv + [f"--{how}"] * bool(how), cpus)


def installed(python, name, packages, program):
    """
    A program of a virtual environment of the bench's own, with these packages. None when there is no package index to be
    reached.
    """
    venv = RESULTS / name
    program = venv / "bin" / program
    wanted, text = venv / "wanted", " ".join([python, *packages])
    if program.exists() and wanted.exists() and wanted.read_text() == text:
        return program
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    for argv in (
        [python, "-m", "venv", "--clear", venv],
        [venv / "bin/pip", "install", "--quiet", "--disable-pip-version-check", *packages],
    ):
        done = subprocess.run([str(word) for word in argv], **quiet)
        if done.returncode:
            print(f"{text} cannot be installed: {done.stderr.decode(errors='replace').strip()[-300:]}")
            return None
    wanted.write_text(text)
    return program
