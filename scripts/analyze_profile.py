#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Where the time goes, from pstats files: those of pybpfprof and of cProfile alike.

Standard library only, any Python from 3.6 on; the file may come from another one. A pstats file is a marshalled
dictionary {(file, line, function): (calls without recursion, calls, own s, total s, {caller: the same or a count})}
(CPython Lib/profile.py and Lib/pstats.py). A sampling profiler writes samples where these have calls; which it is
shows in the numbers, see `is_sampled`.
"""

import argparse
import io
import marshal
import os
import re
import shutil
import sys

HOTTEST = 5  # functions whose callers are shown
SORTS = ("own", "total", "calls", "name")


class Unreadable(Exception):
    """Why a file is no profile, as a sentence."""


class Row:
    """A function: how often, how long, called by whom."""

    __slots__ = ("file", "line", "name", "calls", "own", "total", "callers")

    def __init__(self, key):
        self.file, self.line, self.name = key
        self.calls = 0
        self.own = self.total = 0.0
        self.callers = {}  # key → [calls, own s, total s]; s are None where the file has only counts

    def place(self):
        if is_builtin(self.file):
            return "built-in"
        return "%s:%d" % (self.file, self.line)


# ---- reading


def key_of(key):
    """(file, line, name) of an entry, None when it is none. `python -m profile` has a code object for a name."""
    if not isinstance(key, tuple) or len(key) != 3 or not isinstance(key[0], str) or not isinstance(key[1], int):
        return None
    name = getattr(key[2], "co_name", key[2])
    return (key[0], key[1], name) if isinstance(name, str) else None


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_entry(value):
    return (
        isinstance(value, tuple)
        and len(value) >= 5
        and all(is_number(v) for v in value[:4])
        and isinstance(value[4], dict)
    )


def load(path):
    """The dictionary of a pstats file, its shape checked."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise Unreadable(error.strerror)
    if not data:
        raise Unreadable("it is empty; was the profiler stopped before it could write?")
    # marshal trusts its input: what is surely something else is not shown to it
    if data[0] & 0x7F != ord("{") or re.match(rb"\{[ \r\n\t]*[\"}]", data):
        raise Unreadable("it is no pstats file" + guess(data))
    try:
        stats = marshal.loads(data)
    except (ValueError, EOFError, TypeError, MemoryError, OverflowError):
        raise Unreadable("it is no pstats file" + guess(data))
    if not isinstance(stats, dict):
        raise Unreadable("it is no pstats file: it holds a %s" % type(stats).__name__)
    for key, value in stats.items():
        if key_of(key) is None or not is_entry(value):
            raise Unreadable("it is no pstats file: an entry is not as profilers write them")
    if not stats:
        raise Unreadable("there is nothing in it: no function was profiled")
    return stats


def guess(data):
    """What the file is instead, where that is easy to see."""
    kinds = (
        (b"{", "this looks like JSON; `pybpfprof convert -i FILE -o FILE.prof` makes a pstats file of ours"),
        (b"\x89PYBPF", "this looks like a recording; `pybpfprof convert -i FILE -o FILE.prof` makes a pstats file of it"),
        (b"\x1f\x8b", "this is gzip"),
        (b"<", "this looks like SVG or HTML"),
    )
    for start, words in kinds:
        if data.lstrip()[: len(start)].upper() == start.upper():
            return ": " + words
    return ""


def add(rows, stats):
    """Adds a file's entries up, as pstats.Stats.add does."""
    for key, entry in stats.items():
        key = key_of(key)
        row = rows.get(key)
        if row is None:
            row = rows[key] = Row(key)
        row.calls += entry[1]
        row.own += entry[2]
        row.total += entry[3]
        for caller, what in entry[4].items():
            caller = key_of(caller)
            if caller:
                add_caller(row.callers.setdefault(caller, [0, None, None]), what)


def add_caller(sums, what):
    """`what` is a tuple from cProfile, a count from profile."""
    if isinstance(what, tuple) and len(what) >= 4 and all(is_number(v) for v in what[:4]):
        sums[0] += what[1]
        sums[1] = (sums[1] or 0.0) + what[2]
        sums[2] = (sums[2] or 0.0) + what[3]
    elif is_number(what):
        sums[0] += what


def is_sampled(stats):
    """A function is in no more samples of a caller than the caller is in, while whatever is called in a loop has more
    calls than its caller; and samples stand for times of one order, while calls are cheap or expensive, and nearly
    always some took no time at all."""
    for entry in stats.values():
        for caller, what in entry[4].items():
            count = what[1] if isinstance(what, tuple) and len(what) > 1 else what
            if caller in stats and is_number(count) and count > stats[caller][1]:
                return False
    each = sorted(entry[3] / entry[1] for entry in stats.values() if entry[1] > 0)
    if len(each) < 3:
        return False
    low, high = each[len(each) // 10], each[len(each) - 1 - len(each) // 10]  # one odd sample proves nothing
    return low > 0 and high < 50 * low


# ---- words


def is_builtin(file):
    return file in ("~", "")


def clean(text):
    """What a profiled program chose for a name is not to act on a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def module_of(row):
    """The package or module a file belongs to, by its path."""
    if is_builtin(row.file):
        return "(built-in)"
    if row.file.startswith("<"):
        return row.file
    parts = re.split(r"[/\\]", row.file)
    for i, part in enumerate(parts):
        if part in ("site-packages", "dist-packages") and i + 1 < len(parts):
            return re.sub(r"\.py$", "", parts[i + 1])
    for i, part in enumerate(parts[:-1]):
        if re.match(r"python\d+(\.\d+)?t?$", part) and i and parts[i - 1] in ("lib", "lib64"):
            return re.sub(r"\.py$", "", parts[i + 1])
    return "/".join(parts[-2:-1] + [re.sub(r"\.py$", "", parts[-1])]) if len(parts) > 1 else parts[0]


def shorten(text, width, keep_end=False):
    if len(text) <= width:
        return text
    return "…" + text[len(text) - width + 1 :] if keep_end else text[: width - 1] + "…"


def percent(part, whole):
    return 100.0 * part / whole if whole else 0.0


def plural(count, what):
    return "{:,} {}{}".format(count, what, "" if count == 1 else "s")


class Report:
    """Tables on standard output."""

    def __init__(self, rows, options, width, sampled):
        """`sampled`: of each file, whether its counts are samples."""
        self.rows = rows
        self.options = options
        self.width = width
        self.all_own = sum(row.own for row in rows.values())
        self.sampled = all(sampled)
        self.count = "samples" if self.sampled else "counts" if any(sampled) else "calls"
        self.shown = [row for row in rows.values() if self.is_wanted(row)]

    def is_wanted(self, row):
        wanted = self.options.filter
        return not wanted or wanted.search("%s (%s:%d)" % (row.name, row.file, row.line))

    def sorted(self, by):
        keys = {
            "own": lambda r: (-r.own, -r.total, r.name, r.file, r.line),
            "total": lambda r: (-r.total, -r.own, r.name, r.file, r.line),
            "calls": lambda r: (-r.calls, -r.own, r.name, r.file, r.line),
            "name": lambda r: (r.name, r.file, r.line),
        }
        return sorted(self.shown, key=keys[by])

    def heading(self, text):
        print("\n" + text)

    def more(self, count):
        if count > self.options.top:
            print("%9s … and %s more" % ("", "{:,}".format(count - self.options.top)))

    def head(self, paths):
        print(", ".join(clean(path) for path in paths))
        counts = sum(row.calls for row in self.rows.values())
        if self.sampled:
            print(
                "%.3f s in %s; counts are samples, not calls"
                % (self.all_own, plural(len(self.rows), "function"))
            )
        elif self.count == "counts":
            print(
                "%.3f s in %s; counts are calls and samples mixed: some of these files were sampled, some not"
                % (self.all_own, plural(len(self.rows), "function"))
            )
        else:
            print("%.3f s in %s, %s" % (self.all_own, plural(len(self.rows), "function"), plural(counts, "call")))
        if self.options.filter:
            print(
                "%s fit the filter, with %.2f %% of the own time"
                % (
                    plural(len(self.shown), "function"),
                    percent(sum(row.own for row in self.shown), self.all_own),
                )
            )

    def functions(self, title, by):
        self.heading(title)
        rows = self.sorted(by)
        room = max(self.width - 48, 32)
        name_room = min(max([len(clean(r.name)) for r in rows[: self.options.top]] + [8]), room * 3 // 5)
        print("   own %%     own s  total %%   total s %8s  %s  file:line" % (self.count, "function".ljust(name_room)))
        for row in rows[: self.options.top]:
            print(
                "%8.2f %9.3f %8.2f %9.3f %8d  %s  %s"
                % (
                    percent(row.own, self.all_own),
                    row.own,
                    percent(row.total, self.all_own),
                    row.total,
                    row.calls,
                    shorten(clean(row.name), name_room).ljust(name_room),
                    shorten(clean(row.place()), room - name_room - 2, keep_end=True),
                )
            )
        self.more(len(rows))

    def groups(self, title, what, of):
        """Own time only: what calls between a group's functions took is not in the file."""
        sums = {}
        for row in self.shown:
            entry = sums.setdefault(of(row), [0.0, 0])
            entry[0] += row.own
            entry[1] += 1
        self.heading(title)
        print("   own %%     own s functions  %s" % what)
        order = sorted(sums.items(), key=lambda item: (-item[1][0], item[0]))
        for name, (own, count) in order[: self.options.top]:
            text = shorten(clean(name), max(self.width - 31, 16), keep_end=True)
            print("%8.2f %9.3f %9d  %s" % (percent(own, self.all_own), own, count, text))
        self.more(len(order))

    def callers(self):
        hottest = [row for row in self.sorted("own") if row.own > 0][:HOTTEST]
        if not hottest:
            return
        self.heading("Callers of the hottest functions (total time when called from there)")
        for row in hottest:
            text = "%s  %s" % (clean(row.name), clean(row.place()))
            print(shorten(text, self.width))
            self.callers_of(row)

    def callers_of(self, row):
        if not row.callers:
            print("%19s called by nobody that was profiled" % "")
        order = sorted(row.callers.items(), key=lambda item: (-(item[1][2] or 0), -item[1][0], item[0]))
        for (file, line, name), (calls, _, total) in order[: self.options.top]:
            place = "built-in" if is_builtin(file) else "%s:%d" % (file, line)
            share = "%8.2f %9.3f" % (percent(total, row.total), total) if total is not None else "%18s" % ""
            text = shorten("%s  %s" % (clean(name), clean(place)), max(self.width - 41, 16))
            print("%s %8d %s  %s" % (share, calls, self.count, text))
        self.more(len(order))

    def all(self, paths):
        self.head(paths)
        if not self.shown:
            return
        if self.options.sort:
            self.functions("Functions by %s" % self.options.sort, self.options.sort)
        else:
            self.functions("Own time", "own")
            self.functions("Total time", "total")
        self.groups("Own time by module", "module", module_of)
        self.groups("Own time by file", "file", lambda r: "(built-in)" if is_builtin(r.file) else r.file)
        self.callers()


# ---- command line


def positive(text):
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def expression(text):
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError("no regular expression: %s" % error)


def parse_arguments():
    parser = argparse.ArgumentParser(
        description="Show where the time goes in pstats files, of pybpfprof or cProfile, as tables. "
        "Several files are added up.",
        epilog="For example: analyze_profile.py --top 10 --filter 'app/' out.prof",
    )
    parser.add_argument("files", nargs="+", metavar="FILE.prof")
    parser.add_argument("-n", "--top", type=positive, default=20, metavar="N", help="rows of each table (default 20)")
    parser.add_argument(
        "-s", "--sort", choices=SORTS, help="one table of functions, in this order (default: two, by own and by total)"
    )
    parser.add_argument(
        "-f",
        "--filter",
        type=expression,
        metavar="REGEX",
        help="only functions whose `name (file:line)` matches; percentages stay those of the whole",
    )
    return parser.parse_args()


def survive_encoding():
    """A terminal that cannot show a letter gets an escape instead of ending the program (3.6 has no reconfigure)."""
    sys.stdout = io.TextIOWrapper(
        sys.stdout.buffer, encoding=sys.stdout.encoding, errors="backslashreplace", line_buffering=False
    )


def output_width():
    if os.environ.get("COLUMNS", "").isdigit() or sys.stdout.isatty():
        return shutil.get_terminal_size((100, 24)).columns
    return 10000  # a file or a pipe gets whole names


def main():
    options = parse_arguments()
    rows, sampled = {}, []
    survive_encoding()
    for path in options.files:
        try:
            stats = load(path)
            add(rows, stats)
            sampled.append(is_sampled(stats))
        except Unreadable as why:
            print("analyze_profile.py: %s: %s" % (clean(path), why), file=sys.stderr)
            return 1
    try:
        Report(rows, options, output_width(), sampled).all(options.files)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
