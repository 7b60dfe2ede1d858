#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One of the real programs of docs/real/, looked at: installs what it needs, runs it in a cgroup of its own, records it, says what
to open and what was found; and the same once it is mended, with what changed. Leaves only build/real/ (and build/venv-real/) behind.

    sudo scripts/real.py web|pandas|crawler|threads      docs/real.md says what each is
"""

import contextlib
import glob
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = (ROOT / os.environ.get("BUILD", "build")).resolve()
PROGRAM = BUILD / "pybpfprof"
SOURCES = ROOT / "docs" / "real"
OPTIONS = {"pandas": ["--wall", "--native"], "threads": ["--wall", "--native"]}
FILES = ["html", "svg", "pybpf"]
ABSOLUTE = {"web": []}  # a service does as much as it can in its seconds: shares are compared
PATIENCE = 120  # seconds for what should be quick


class Missing(Exception):
    """What cannot be had on this machine."""


# ---- what is around the program --------------------------------------------------------------------------


def environment():
    """The Python of build/venv-real."""
    done = subprocess.run([ROOT / "scripts/test-venv.sh", "real"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise Missing(f"no packages for the programs of docs/real/: {done.stderr.strip().splitlines()[-1:]}")
    return pathlib.Path(done.stdout.strip()) / "bin" / "python"


@contextlib.contextmanager
def cgroup(name):
    """A new one; whatever is in it at the end is ended, and it is removed."""
    mounts = [line.split() for line in open("/proc/self/mounts")]
    where = pathlib.Path(next(mount for _, mount, kind, *_ in mounts if kind == "cgroup2")) / f"{name}-{os.getpid()}"
    where.mkdir()
    try:
        yield where
    finally:
        end = time.monotonic() + PATIENCE
        while pids := (where / "cgroup.procs").read_text().split():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            assert time.monotonic() < end, f"{where} does not become empty"
            time.sleep(0.02)
        where.rmdir()


def enter(group):
    (group / "cgroup.procs").write_text("0")


@contextlib.contextmanager
def running(command, inside=None, how_to_end=signal.SIGTERM, **options):
    """A process, in a cgroup if there is one for it, which is ended and waited for."""

    process = subprocess.Popen(list(map(str, command)), preexec_fn=inside and (lambda: enter(inside)), **options)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(how_to_end)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until(check, what):
    end = time.monotonic() + PATIENCE
    while not (value := check()):
        assert time.monotonic() < end, f"never came true: {what}"
        time.sleep(0.05)
    return value


def answers(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def free_port(first):
    """Below those that the kernel gives away, so that it is shown."""
    return next(port for port in range(first, first + 100) if not answers(port))


@contextlib.contextmanager
def postgres():
    """A database server of its own, with Debian's program; the address that SQLAlchemy wants."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
    if not found:
        raise Missing("no PostgreSQL: apt-get install postgresql")
    programs = pathlib.Path(found[-1]).parent
    user = pwd.getpwnam("postgres")
    account = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}
    with tempfile.TemporaryDirectory(prefix="pybpfprof-real-", ignore_cleanup_errors=True) as folder:
        os.chown(folder, user.pw_uid, user.pw_gid)
        data, port = f"{folder}/data", free_port(5432)
        made = [programs / "initdb", "-D", data, "--auth=trust", "--no-sync", "--no-locale", "--encoding=UTF8"]
        subprocess.run(made, check=True, stdout=subprocess.DEVNULL, **account)
        server = [programs / "postgres", "-D", data, "-p", port, "-k", folder, "-c", "fsync=off", "-c", "listen_addresses=127.0.0.1"]
        with running(server, how_to_end=signal.SIGINT, stderr=open(f"{folder}/log", "w"), **account) as process:
            until(lambda: process.poll() is not None or answers(port), "the database server")
            assert process.poll() is None, open(f"{folder}/log").read()
            yield f"postgresql+psycopg2://postgres@127.0.0.1:{port}/postgres"


def get(url):
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        return json.load(answer)


@contextlib.contextmanager
def visitors(url, count):
    """Each asks for the next day whenever it has its answer."""
    enough = threading.Event()

    def visit(first):
        day = first
        while not enough.is_set():
            get(f"{url}/orders/{day % 400}")
            day += count

    threads = [threading.Thread(target=visit, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        enough.set()
        for thread in threads:
            thread.join()


# ---- the programs ------------------------------------------------------------------------------------------


class Run:
    """One of them as it is, or mended. What its own clock says is in `took`, what the profiler said in `said`."""

    def __init__(self, name, folder, python, mended=False, size=1.0, options=()):
        self.name, self.folder, self.size = name, folder, size
        self.options = [*OPTIONS.get(name, ["--wall"]), *options]
        self.stem = f"{name}-mended" if mended else name
        self.env = {**os.environ, "PATH": f"{python.parent}:{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"}
        self.env.update({"MENDED": "1"} if mended else {})
        self.took, self.said, self.command = {}, "", ""
        for source in SOURCES.glob("*.py"):
            shutil.copy(source, folder)

    def python(self, *words):
        return ["python3", *map(str, words)]

    def record(self, *target, **options):
        """What the profiler says goes to the terminal, too."""
        words = ["record", *self.options, *(word for kind in FILES for word in ("-o", f"{self.stem}.{kind}")), *map(str, target)]
        self.command = " ".join(["pybpfprof", *words])
        print(f"\n$ sudo {self.command}", flush=True)
        with subprocess.Popen([PROGRAM, *words], cwd=self.folder, env=self.env, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, **options) as recorder:  # fmt: skip
            for line in recorder.stdout:
                print(line, end="", flush=True)
                self.said += line
        assert recorder.returncode == 0, f"status {recorder.returncode}"

    def record_program(self, *words, more=()):
        """From its start to its end, in a cgroup so that nothing of it is left."""
        with cgroup(f"real-{self.name}") as group:
            self.record(*more, "--", *self.python(*words), preexec_fn=lambda: enter(group))
        self.took = json.loads(re.search(r"took (\{.*\})", self.said).group(1).replace("'", '"'))

    def call(self, module, function, *arguments, **more):
        """Prepares what the program needs; not recorded."""
        code = f"import {module}; {module}.{function}(*{arguments!r})"
        subprocess.run(self.python("-c", code), cwd=self.folder, env={**self.env, **more}, check=True)


def web(run):
    """A web service under load, for some seconds."""
    with postgres() as database, cgroup("real-web") as group:
        run.call("web", "set_up", DATABASE=database)
        port = free_port(8000)
        server = run.python("-m", "uvicorn", "--port", port, "--log-level", "warning", "web:app")
        with running(server, group, env={**run.env, "DATABASE": database}, cwd=run.folder) as process:
            until(lambda: process.poll() is not None or answers(port), "the service")
            assert process.poll() is None, "the service did not start"
            url = f"http://127.0.0.1:{port}"
            with visitors(url, 4):
                until(lambda: get(f"{url}/took")["requests"] > 4, "requests")
                before = get(f"{url}/took")
                run.record("--cgroup", group.name, "-d", f"{round(10 * run.size)}s")
                after = get(f"{url}/took")
    run.took = {name: after[name] - before[name] for name in after}


def pandas(run):
    """A job, from its start to its end."""
    run.call("job", "write_trips", "trips.csv", int(400_000 * run.size))
    run.record_program("job.py", "trips.csv")


def crawler(run):
    """It visits a site that takes its time."""
    site = run.python("pages.py", int(150 * run.size))
    with running(site, cwd=run.folder, env=run.env, stdout=subprocess.PIPE, text=True) as process:
        run.record_program("crawler.py", f"http://127.0.0.1:{int(process.stdout.readline())}")


def threads(run):
    """A pool of threads, or of processes."""
    run.record_program("pool.py", int(200 * run.size), more=["--subprocesses"])


PROGRAMS = {"web": web, "pandas": pandas, "crawler": crawler, "threads": threads}


def look_at(name, folder, python, size=1.0, options=()):
    """As it is and mended; the two runs, and what diff says of them."""
    runs = []
    for mended in False, True:
        print(f"\n== {name}{', mended' if mended else ''}: {PROGRAMS[name].__doc__}")
        runs.append(Run(name, folder, python, mended, size, options))
        PROGRAMS[name](runs[-1])
        print("by its own clock:", ", ".join(f"{what} {value:.5g}" for what, value in runs[-1].took.items()))
    words = ["diff", "-n", "4", *ABSOLUTE.get(name, ["--absolute"]), f"{name}.pybpf", f"{name}-mended.pybpf", "-o", f"{name}-diff.svg"]
    print(f"\n== what changed\n\n$ pybpfprof {' '.join(words)}", flush=True)
    done = subprocess.run([PROGRAM, *words], cwd=folder, text=True, stdout=subprocess.PIPE, check=True)
    print(done.stdout, end="")
    return (*runs, done.stdout)


def main(name):
    if os.geteuid() != 0:
        sys.exit(f"real: needs root for BPF: sudo make real-{name}")
    folder = BUILD / "real"
    folder.mkdir(exist_ok=True, parents=True)
    look_at(name, folder, environment())
    print("\n== open these in a browser:")
    for each in f"{name}.html", f"{name}.svg", f"{name}-mended.html", f"{name}-diff.svg":
        print(f"  {folder / each}")


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in PROGRAMS:
        sys.exit(__doc__)
    try:
        main(sys.argv[1])
    except Missing as why:
        sys.exit(f"real: {why}")
