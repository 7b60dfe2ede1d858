# SPDX-License-Identifier: MIT
"""Follows a program's memory by tracemalloc and writes where it is; see scripts/profile_app.sh.

Every Python that starts with this folder first in PYTHONPATH imports this file by itself, before the program. It must
not be noticed: it prints nothing, starts no thread, lets go of its place in sys.path and sys.modules, and hands over to
the sitecustomize that would have been imported otherwise. Where tracemalloc is missing it does nothing at all, so its
syntax is that of every Python since 2.7.

    NAME_snapshot.txt   now and then, when the garbage collector has run (no thread: fork() warns about those)
    NAME_final.txt      at the end: atexit, os._exit, SIGTERM where the program has no handler of its own

The first process has these names, all others NAME_final.PID.txt.
"""

import os
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
NAME = os.environ.get("PYBPFPROF_MEMORY_NAME", "")  # the files' common beginning, absolute
CLAIM = os.environ.get("PYBPFPROF_MEMORY_CLAIM", "")  # who creates this file is the first process
ROWS = 30
TRACEBACKS = 5
LONGEST_LINE = 100  # of source text


def number_of(variable, otherwise):
    try:
        return float(os.environ[variable])
    except (KeyError, ValueError):
        return otherwise


EVERY = number_of("PYBPFPROF_MEMORY_EVERY", 2.0)  # seconds between snapshots
FRAMES = int(number_of("PYBPFPROF_MEMORY_FRAMES", 8))  # of each allocation's call stack
# Seconds that a thread keeps the GIL while a report is made. Whoever waits already may still take it, and then has a
# turn as long: so it must be short while the program runs, and may be longer when it ends.
TURN = 0.05
LAST_TURN = 0.5
MOST_SHARE = 0.05  # of the time that snapshots may take


def hand_over():
    """Imports the sitecustomize that this one hides, if there is one; else it is as if there were none."""
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != FOLDER]
    if sys.version_info < (3, 4):
        import imp

        del sys.modules["sitecustomize"]
        imp.load_module("sitecustomize", *imp.find_module("sitecustomize"))
        return
    # what every interpreter has loaded already; importlib.util would bring modules that the program may not have
    import _frozen_importlib
    import _frozen_importlib_external

    spec = _frozen_importlib_external.PathFinder.find_spec("sitecustomize", sys.path)
    if spec is None:
        # what site.py passes over in silence
        raise ImportError("no sitecustomize but the profiler's", name="sitecustomize")
    module = _frozen_importlib.module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


def size_text(size):
    for unit in ("B", "kB", "MB", "GB"):
        if abs(size) < 999.5 or unit == "GB":
            return "%d %s" % (size, unit) if unit == "B" else "%.1f %s" % (size, unit)
        size /= 1000.0


def visible(text):
    """On one line, and without control characters."""
    return "".join(c if c.isprintable() else "\\x%02x" % ord(c) for c in text)


class Memory:
    def __init__(self, tracemalloc):
        import time

        # everything that is called later is bound now: at the interpreter's end modules lose their contents
        self.tracemalloc = tracemalloc
        self.clock = time.time
        self.started = self.last = self.clock()
        self.cost = 0.0
        self.turn = TURN
        self.busy = self.done = 0  # pids: what a parent was doing does not hold for its child
        self.snapshots = set()  # pids that have written one
        self.own = {__file__, tracemalloc.__file__}
        self.first = self.claim()

    def claim(self):
        """The pid of the first process; it stays the first when it execs."""
        pid = os.getpid()
        try:
            fd = os.open(CLAIM, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError:
            try:
                with open(CLAIM) as file:
                    return int(file.read() or 0)
            except (OSError, ValueError):
                return 0
        os.write(fd, str(pid).encode())
        os.close(fd)
        return pid

    # ---- when ----

    def install(self):
        import atexit
        import gc
        import signal

        gc.callbacks.append(self.after_collection)
        atexit.register(self.at_end)
        leave = os._exit

        def _exit(status):
            self.at_end()
            leave(status)

        _exit.__doc__ = leave.__doc__
        os._exit = _exit
        try:
            if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
                signal.signal(signal.SIGTERM, self.at_sigterm)
        except ValueError:  # a sub-interpreter
            pass
        self.default = signal.SIG_DFL
        self.signal = signal.signal
        if not self.tracemalloc.is_tracing():
            self.tracemalloc.start(max(1, FRAMES))

    def after_collection(self, phase, info):
        pid = os.getpid()
        now = self.clock()
        if phase != "stop" or self.busy == pid or self.done == pid:
            return
        if now - self.last < max(min(EVERY, 1.0) if pid not in self.snapshots else EVERY, self.cost / MOST_SHARE):
            return
        self.busy = pid
        try:
            self.write("snapshot")
        finally:
            self.busy = 0
            self.last = self.clock()
            self.cost = self.last - now

    def at_end(self):
        pid = os.getpid()
        if self.done == pid:
            return
        self.done = pid
        self.turn = LAST_TURN
        self.write(*(("final",) if pid in self.snapshots else ("snapshot", "final")))

    def at_sigterm(self, number, frame):
        """Ends as it would have ended without us."""
        self.at_end()
        self.signal(number, self.default)
        os.kill(os.getpid(), number)

    # ---- what ----

    def write(self, *kinds):
        """Never a trouble of the program's: where the disk is full or the folder is not ours it goes on."""
        pid = os.getpid()
        try:
            data = "".join(self.lines(pid)).encode("utf-8", "backslashreplace")
            for kind in kinds:
                self.write_file("%s_%s%s.txt" % (NAME, kind, "" if pid == self.first else ".%d" % pid), data)
            self.snapshots.add(pid)
        except Exception:
            pass

    def write_file(self, path, data):
        """Whole or not at all."""
        temporary = os.path.join(os.path.dirname(path), ".%s.%d" % (os.path.basename(path), os.getpid()))
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            while data:
                data = data[os.write(fd, data) :]
        finally:
            os.close(fd)
        os.rename(temporary, path)

    def statistics(self):
        """[(size, blocks, frames)] of each call stack, largest first; frames innermost first.

        One pass over all blocks, as there are many, in long turns: among busy threads it would wait for its next one
        again and again. Snapshot.statistics() does the same much more slowly.
        """
        turn = sys.getswitchinterval()
        sys.setswitchinterval(max(turn, self.turn))
        try:
            sums = {}
            # (domain, size, frames, …); equal stacks are one object: Modules/_tracemalloc.c, tracemalloc_get_traces
            traces = self.tracemalloc.take_snapshot().traces._traces
            for trace in traces:
                have = sums.get(id(trace[2]))
                if have is None:
                    sums[id(trace[2])] = [trace[1], 1, trace[2]]
                else:
                    have[0] += trace[1]
                    have[1] += 1
        finally:
            sys.setswitchinterval(turn)
        stacks = [stack for stack in sums.values() if stack[2][0][0] not in self.own]
        return sorted(stacks, key=lambda stack: -stack[0])

    def lines(self, pid):
        now, most = self.tracemalloc.get_traced_memory()
        stacks = self.statistics()
        command = " ".join(getattr(sys, "argv", None) or [sys.executable])
        yield "Memory of %s\n" % visible(command)
        yield "pid %d, Python %s, %.1f s after its start\n\n" % (pid, sys.version.split()[0], self.clock() - self.started)
        yield "%12s  traced now, in %d blocks\n" % (size_text(now), sum(blocks for _, blocks, _ in stacks))
        yield "%12s  at most so far\n" % size_text(most)
        yield "%12s  taken by the tracing itself\n" % size_text(self.tracemalloc.get_tracemalloc_memory())
        resident = self.resident()
        if resident:
            yield "%12s  resident: the whole process\n" % size_text(resident)
        for line in self.table("By line", stacks, lambda frame: frame):
            yield line
        for line in self.table("By file", stacks, lambda frame: frame[:1]):
            yield line
        for line in self.tracebacks(stacks):
            yield line

    def resident(self):
        try:
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, ValueError, IndexError):
            return 0

    def table(self, title, stacks, place_of):
        sums = {}
        for size, blocks, frames in stacks:
            have = sums.setdefault(place_of(frames[0]), [0, 0])
            have[0] += size
            have[1] += blocks
        rows = sorted(sums.items(), key=lambda row: -row[1][0])
        whole = sum(size for size, _, _ in stacks) or 1
        yield "\n%s\n%12s %7s %9s %10s\n" % (title, "size", "share", "blocks", "average")
        for place, (size, blocks) in rows[:ROWS]:
            where = visible(":".join(map(str, place)))
            text = self.source(place) if len(place) > 1 else ""
            yield "%12s %5.1f %% %9d %10s  %s%s\n" % (
                size_text(size), 100.0 * size / whole, blocks, size_text(float(size) / blocks), where,
                "  " + text if text else "",
            )  # fmt: skip
        rest = rows[ROWS:]
        if rest:
            size, blocks = sum(r[1][0] for r in rest), sum(r[1][1] for r in rest)
            yield "%12s %5.1f %% %9d %10s  in %d more\n" % (size_text(size), 100.0 * size / whole, blocks, "", len(rest))

    def tracebacks(self, stacks):
        yield "\nHow the largest came about (outermost call first)\n"
        for size, blocks, frames in stacks[:TRACEBACKS]:
            yield "\n%12s in %d blocks\n" % (size_text(size), blocks)
            for frame in reversed(frames):
                text = self.source(frame)
                yield "    %s:%d%s\n" % (visible(frame[0]), frame[1], "  " + text if text else "")

    def source(self, frame):
        """Of files only, and not through linecache, which would keep them."""
        try:
            with open(frame[0], "rb") as file:
                for number, line in enumerate(file, 1):
                    if number == frame[1]:
                        return visible(line.decode("utf-8", "replace").strip())[:LONGEST_LINE]
        except (OSError, ValueError):
            pass
        return ""


def begin():
    try:
        import tracemalloc
    except ImportError:
        return
    if NAME and CLAIM:
        try:
            Memory(tracemalloc).install()
        except Exception:  # whatever it is, it is no trouble of the program's
            pass


try:
    hand_over()
finally:
    begin()
