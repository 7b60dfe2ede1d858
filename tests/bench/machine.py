# SPDX-License-Identifier: MIT
"""What the bench asks of the machine: CPUs, cgroups, what a process used, what a BPF program used.

CPU time is read from the process's own CPU clock, which /proc/PID/stat shows rounded to 10 ms.
"""

import contextlib
import ctypes
import fcntl
import os
import pathlib
import platform
import re
import signal
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TARGET_CPU, PROFILER_CPU = 0, 1
ALL_CPUS = os.sched_getaffinity(0)  # before the bench itself is pinned

libc = ctypes.CDLL(None, use_errno=True)
SYS_PIDFD_GETFD = 438
PR_SET_PDEATHSIG = 1
PERF_EVENT_IOC_ENABLE, PERF_EVENT_IOC_DISABLE = 0x2400, 0x2401  # linux/perf_event.h: _IO('$', 0), _IO('$', 1)
BPF_PROG_TYPE_PERF_EVENT = 7


class Trouble(Exception):
    """Something that keeps a row from being measured; its text says what."""


def wait_until(check, what, seconds=20.0, every=0.002):
    end = time.monotonic() + seconds
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > end:
            raise Trouble(f"waited {seconds:.0f} s for {what}")
        time.sleep(every)


def raise_priority():
    """The highest for the caller, among its session's tasks and for its session as a whole (sched(7))."""
    os.setsid()
    os.setpriority(os.PRIO_PROCESS, 0, -20)
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/self/autogroup").write_text("-20")


def start(argv, cpus=None, cgroup=None, first=False, **popen):
    """A child that dies with the bench, on these CPUs (or all), in this cgroup; `first`: before all others."""

    def enter():
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.sched_setaffinity(0, cpus or ALL_CPUS)
        if first:
            raise_priority()
        if cgroup is not None:
            (cgroup / "cgroup.procs").write_text("0")

    popen.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.Popen([str(word) for word in argv], preexec_fn=enter, **popen)


def end(process, number=signal.SIGINT, seconds=60.0):
    """Asks a child to end; one that does not is killed and that is said."""
    if process.poll() is None:
        process.send_signal(number)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise Trouble(f"{process.args[0]} did not stop within {seconds:.0f} s") from None


# ---- what a process uses ---------------------------------------------------------------------------------


def cpu_ns(pid):
    """CPU time of all threads of a process so far (linux/posix-timers.h: CPUCLOCK_SCHED of a pid)."""
    return time.clock_gettime_ns((~pid << 3) | 2)


def memory(pid):
    """{"VmRSS": bytes, "VmHWM": …, "RssAnon": …}"""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return {key: int(kib) << 10 for key, kib in re.findall(r"^(Vm\w+|Rss\w+):\s+(\d+) kB$", text, re.M)}


def children(pid):
    """Of all its threads."""
    found = []
    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, path.read_text().split())
    return found


def switches(pid):
    """Times that a thread of the process had the CPU."""
    total = 0
    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/status"):
        with contextlib.suppress(OSError):
            total += sum(map(int, re.findall(r"^\w*voluntary_ctxt_switches:\s+(\d+)$", path.read_text(), re.M)))
    return total


def fds(pid, kind):
    """File descriptors of a process whose file is an anonymous inode of that kind: `perf_event`."""
    found = []
    with contextlib.suppress(OSError):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/fd/{fd}") == f"anon_inode:[{kind}]":
                    found.append(int(fd))
    return found


def hooks(pid):
    """The kernel's tracepoints that a process has BPF programs at."""
    found = []
    for info in pathlib.Path(f"/proc/{pid}/fdinfo").glob("*"):
        with contextlib.suppress(OSError):
            found += re.findall(r"^tp_name:\s*(\S+)$", info.read_text(), re.M)
    return found


class Events:
    """The perf events of another process, which can be switched off and on again while it goes on."""

    def __init__(self, pid):
        handle = os.pidfd_open(pid)
        try:
            self.fds = [libc.syscall(SYS_PIDFD_GETFD, handle, fd, 0) for fd in fds(pid, "perf_event")]
        finally:
            os.close(handle)
        if not self.fds or min(self.fds) < 0:
            raise Trouble(f"the timers of process {pid} cannot be reached: {os.strerror(ctypes.get_errno())}")

    def switch(self, on):
        for fd in self.fds:
            fcntl.ioctl(fd, PERF_EVENT_IOC_ENABLE if on else PERF_EVENT_IOC_DISABLE, 0)

    def close(self):
        for fd in self.fds:
            os.close(fd)
        self.fds = []


# ---- BPF -------------------------------------------------------------------------------------------------

STATS = pathlib.Path("/proc/sys/kernel/bpf_stats_enabled")


@contextlib.contextmanager
def bpf_stats():
    """The kernel counts runs and nanoseconds of BPF programs meanwhile."""
    before = STATS.read_text()
    STATS.write_text("1")
    try:
        yield
    finally:
        STATS.write_text(before)


def bpf_used(pid, kind=BPF_PROG_TYPE_PERF_EVENT):
    """(runs, nanoseconds) of the timers' programs that a process holds, or (None) of all, as `bpftool prog show` has it."""
    seen = {}
    with contextlib.suppress(OSError):
        for info in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
            with contextlib.suppress(OSError):
                facts = dict(re.findall(r"^(\w+):\s*(\S+)$", info.read_text(), re.M))
                if (kind is None or facts.get("prog_type") == str(kind)) and "run_cnt" in facts:
                    seen[facts["prog_id"]] = (int(facts["run_cnt"]), int(facts["run_time_ns"]))
    return tuple(map(sum, zip(*seen.values()))) if seen else (0, 0)


def bpf_memory(pid):
    """Bytes of the BPF maps that a process holds."""
    seen = {}
    for info in pathlib.Path(f"/proc/{pid}/fdinfo").glob("*"):
        with contextlib.suppress(OSError):
            facts = dict(re.findall(r"^(\w+):\s*(\S+)$", info.read_text(), re.M))
            if "map_id" in facts:
                seen[facts["map_id"]] = int(facts["memlock"])
    return sum(seen.values())


# ---- cgroups ---------------------------------------------------------------------------------------------


def cgroup2_mount():
    """Where cgroup v2 is mounted: /sys/fs/cgroup, or beside v1 somewhere below it."""
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind = line.split()[:3]
        if kind == "cgroup2":
            return pathlib.Path(where)
    raise Trouble("no cgroup v2 is mounted")


@contextlib.contextmanager
def cgroup():
    """A cgroup of our own; what is in it at the end is killed."""
    path = cgroup2_mount() / f"pybpfprof-bench-{os.getpid()}"
    path.mkdir()

    def gone():
        for pid in (path / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        try:
            path.rmdir()
        except OSError:
            return False
        return True

    try:
        yield path
    finally:
        wait_until(gone, f"{path} to be empty", every=0.02)


# ---- what it is ------------------------------------------------------------------------------------------


def facts():
    """What a reader of the figures wants to know about where they come from."""
    cpu = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    hypervisor = "hypervisor" in pathlib.Path("/proc/cpuinfo").read_text()
    return {
        "kernel": platform.release(),
        "cpu": cpu.group(1) if cpu else platform.machine(),
        "cpus": os.cpu_count(),
        "virtual": hypervisor,
        "load": os.getloadavg()[0],
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def python_version(python):
    code = "import platform; print(platform.python_version())"
    done = subprocess.run([python, "-c", code], stdout=subprocess.PIPE, encoding="ascii")
    if done.returncode:
        raise SystemExit(f"bench: {python} is no interpreter")
    return done.stdout.strip()
