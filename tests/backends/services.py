# SPDX-License-Identifier: MIT
"""Busy Pythons, several of which are one service, and the profiler on them."""

import os
import pathlib
import re
import signal
import subprocess
import sys

import pushed
from programs import PROGRAM
from servers import until

WORK = """
import time
def {name}_inner(end):
    while time.monotonic() < end:
        sum(range(200))
def {name}_outer():
    {name}_inner(time.monotonic() + 0.2)
def both():
    end = time.monotonic() + 0.05
    while time.monotonic() < end:
        pass
def main():
    print("ready", flush=True)
    while True:
        {name}_outer()
        both()
        time.sleep(0.2)
main()
"""


class Services:
    """`processes`: {service: how many}. One without a name is known by its script."""

    def __init__(self, processes):
        self.wanted, self.started = processes, []

    def __enter__(self):
        environment = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
        for name, count in self.wanted.items():
            code = WORK.format(name=name or "nameless")
            own = {**environment, **({"OTEL_SERVICE_NAME": name} if name else {})}
            for _ in range(count):
                command = [sys.executable, "-c", code, "--password=hunter2"]
                self.started.append(subprocess.Popen(command, env=own, stdout=subprocess.PIPE))
        for process in self.started:
            assert process.stdout.readline() == b"ready\n"
        return self

    def __exit__(self, *_):
        for process in self.started:
            process.kill()
            process.wait()
            process.stdout.close()

    def targets(self):
        return [word for process in self.started for word in ("--pid", str(process.pid))]


def service_of(labels):
    return labels.get("service_name")


def rows_of(recording):
    """{function: (own, total)} in nanoseconds of all that was recorded, by our own pprof."""
    return profile_of(recording).rows()


def profile_of(recording):
    out = pathlib.Path(recording).with_suffix(".pb.gz")
    done = subprocess.run([PROGRAM, "convert", "-i", recording, "-o", out], stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
    return pushed.read_pprof(out.read_bytes())


class Daemon:
    """`pybpfprof daemon`, whose recording of the whole run is `recording` once it ended."""

    def __init__(self, folder, services, *options, window="3s"):
        self.folder = pathlib.Path(folder)
        self.log = self.folder / "daemon.log"
        self.command = [PROGRAM, "daemon", *services.targets(), "--rate", "99", "--window", window, "--listen", f"unix:{folder}/socket",
                        "-o", self.folder / "all.pybpf", *options]  # fmt: skip

    def __enter__(self):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(lambda: "sampling" in self.said(), "the daemon to sample")
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def said(self):
        text = self.log.read_text()
        assert self.process.poll() in (None, 0), text
        return text

    def numbers(self):
        """Its metrics, by name with labels."""
        done = subprocess.run(
            ["curl", "-s", "--unix-socket", self.folder / "socket", "http://localhost/metrics"], stdout=subprocess.PIPE, text=True
        )
        return {name: float(value) for name, value in re.findall(r"^([a-z]\S*) (\S+)$", done.stdout, re.M)}

    def number(self, name, **labels):
        """The sum of those with such labels."""
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return sum(v for k, v in self.numbers().items() if k.split("{")[0] == name and all(w in k for w in wanted))

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0, self.log.read_text()

    def recorded(self):
        """Its own files, merged: {function: (own, total)}."""
        own = {}
        for path in sorted(self.folder.glob("all*.pybpf")):
            for name, values in rows_of(path).items():
                before = own.get(name, (0, 0))
                own[name] = (before[0] + values[0], before[1] + values[1])
        return own
