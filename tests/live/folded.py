# SPDX-License-Identifier: MIT
"""Reads folded stacks back, and compares them with what a program said of itself."""

import collections
import re

Frame = collections.namedtuple("Frame", "name file line")
Frame.__doc__ = """line 0: shown without one; `file` and `line` are None for marks such as `[truncated …]`"""
Stack = collections.namedtuple("Stack", "process thread frames count ns")
Stack.__doc__ = """process: pid or None; thread: (tid, name) or None; frames: root first; count: samples; ns: CPU time"""

PROCESS = re.compile(r'^process (\d+):"(.*)"$', re.S)
THREAD = re.compile(r"^thread \((\d+)\): (.*)$", re.S)
MOMENT = re.compile(r"^\d+\.\d{6};(.*) (\d+)\n$", re.S)
NO_PLACE = "no such place"
COLLECTOR = "[garbage collector]"  # whenever it likes
NATIVE = {"[native threads]", "[no Python function]"}
FRAME = re.compile(r"^(.*) \((.*?)(?::(-?\d+))?\)$", re.S)


def frame(text):
    found = FRAME.match(text)
    return Frame(found.group(1), found.group(2), int(found.group(3) or 0)) if found else Frame(text, None, None)


def parse(text, count, ns):
    process = thread = None
    words = text.split(";")
    if words and PROCESS.match(words[0]):
        process = int(PROCESS.match(words.pop(0)).group(1))
    if words and THREAD.match(words[0]):
        found = THREAD.match(words.pop(0))
        thread = (int(found.group(1)), found.group(2))
    if len(words) > 1 and words[-1] == COLLECTOR:
        words.pop()
    return Stack(process, thread, [frame(word) for word in words], count, ns)


def read(path):
    """The stacks of a file made with --timestamps, which has a line for each sample."""
    counts, times = collections.Counter(), collections.Counter()
    with open(path, encoding="utf-8", newline="\n") as lines:
        for line in lines:
            text, ns = MOMENT.match(line).groups()
            counts[text] += 1
            times[text] += int(ns)
    return [parse(text, count, times[text]) for text, count in counts.items()]


def total(stacks):
    return sum(stack.count for stack in stacks)


def marked(stack):
    """True when a part of it is not known: truncated, unreadable, unknown."""
    return any(frame.file is None or frame.name.startswith("[") for frame in stack.frames)


def shown(name):
    """As the profiler shows it: ABI_MAX_TEXT (bpf/abi.h)."""
    return name if len(name) <= 4096 else name[:4096] + "…"


class Oracle:
    """The possible stacks of workloads/tree.py, from its `ready` line."""

    def __init__(self, ready):
        self.codes = [dict(code, name=shown(code["name"])) for code in ready["codes"]]
        self.roots = set(ready["roots"])
        self.links = {tuple(link) for link in ready["links"]}
        self.at = collections.defaultdict(list)
        for index, code in enumerate(self.codes):
            for line in code["lines"]:
                self.at[code["file"], code["name"], line].append(index)

    def fault(self, stack):
        """Why this stack cannot be; None when it can."""
        callers, caller = None, None
        for frame in stack.frames:
            # Several only for nested comprehensions, which share name and lines up to 3.10.
            known = self.at.get((frame.file, frame.name, frame.line))
            if not known:
                return f"{NO_PLACE}: {frame.name[:40]} {frame.file}:{frame.line}"
            if callers is None:
                possible = [k for k in known if k in self.roots]
            else:
                possible = [k for k in known if any((k, c, caller.line) in self.links for c in callers)]
            if not possible:
                return f"{frame.name[:40]}:{frame.line} is not called from {caller.name[:40] if caller else None}:{caller.line if caller else 0}"
            callers, caller = possible, frame
        return None if callers else "no frames"

    def check(self, stacks):
        """(samples, impossible ones, those with a wrong line, the first few reasons). Marked stacks are left out: they say so."""
        checked = impossible = wrong = 0
        reasons = collections.Counter()
        for stack in stacks:
            # `announce` is what the start signal interrupts; it is not part of the tree.
            if marked(stack) or any(frame.name == "announce" for frame in stack.frames):
                continue
            checked += stack.count
            fault = self.fault(stack)
            if fault:
                wrong += stack.count if fault.startswith(NO_PLACE) else 0
                impossible += 0 if fault.startswith(NO_PLACE) else stack.count
                reasons[fault] += stack.count
        return checked, impossible, wrong, reasons.most_common(10)
