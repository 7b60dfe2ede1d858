"""The data inside a page (user/format/html/html_data.c), and what it says without a browser."""

import base64
import collections
import json
import re
import zlib

STEPS = {"frame_function", "stack_frame", "part_thread", "part_stack"}


def varints(raw, at, count):
    out = []
    for _ in range(count):
        value = shift = 0
        while True:
            byte = raw[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        out.append(value)
    return out, at


class Page:
    def __init__(self, path):
        self.text = path.read_text(encoding="utf-8")
        packed = re.search(r'<script type="text/plain" id="data">\n([A-Za-z0-9+/=\s]*)</script>', self.text).group(1)
        raw = zlib.decompress(base64.b64decode(packed))
        split = raw.index(b"\n")
        self.head = json.loads(raw[:split])
        self.columns, at = {}, split + 1
        for name, count, size in self.head["columns"]:
            self.columns[name], end = varints(raw, at, count)
            assert end == at + size, name
            at = end
            if name in STEPS:
                last, column = 0, self.columns[name]
                for i, value in enumerate(column):
                    last += -(value + 1) // 2 if value & 1 else value // 2
                    column[i] = last
        assert at == len(raw)

    def __getitem__(self, name):
        return self.columns[name]

    def function(self, number):
        """(file, line, name) of function 1, 2, …"""
        texts = self.head["texts"]
        file, line, name = (self[f"function_{what}"][number - 1] for what in ("file", "line", "name"))
        return texts[file], line, texts[name]

    def stack(self, number):
        """Frame numbers, root first."""
        frames = []
        while number:
            frames.append(self["stack_frame"][number - 1])
            number -= self["stack_parent"][number - 1]
        return frames[::-1]

    def parts(self):
        """[(thread, stack, held, samples, CPU ns, [(slice, samples, CPU ns to a unit)])]"""
        at, out = 0, []
        for part, rows in enumerate(self["part_rows"]):
            slices, last = [], 0
            for row in range(at, at + rows):
                last += self["row_slice"][row]
                slices.append((last, self["row_samples"][row], self["row_units"][row] * self.head["unit_ns"]))
            at += rows
            out.append((*(self[f"part_{what}"][part] for what in ("thread", "stack", "held", "samples", "value_ns")), slices))
        assert at == len(self["row_slice"])
        return out

    def function_stacks(self):
        """Counters by stack of (file, line, name), root first: samples, CPU ns."""
        samples, value = collections.Counter(), collections.Counter()
        for _, stack, _, count, ns, _ in self.parts():
            key = tuple(self.function(self["frame_function"][frame - 1]) for frame in self.stack(stack))
            samples[key] += count
            value[key] += ns
        return samples, value
