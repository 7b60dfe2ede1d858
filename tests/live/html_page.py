# SPDX-License-Identifier: MIT
"""The data inside a page (user/format/html/html_data.c), and what it says without a browser."""

import base64
import collections
import json
import re
import zlib


class Page:
    def __init__(self, path):
        self.text = path.read_text(encoding="utf-8")
        packed = re.search(r'<script type="text/plain" id="data">\n([A-Za-z0-9+/=\s]*)</script>', self.text).group(1)
        text, rows = zlib.decompress(base64.b64decode(packed)).split(b"\0", 1)
        self.head = json.loads(text)
        self.type = self.head["types"][self.head["type"]]  # the one that is shown first
        tables = ("function_", "frame_", "stack_")  # their entry 0 means "none"
        self.columns = {key: column[1:] if key.startswith(tables) else column for key, column in self.head.items() if "_" in key and type(column) is list}

        self.columns.update(self._rows(rows))

    def _rows(self, packed):
        """Columns of rows, as numbers of 7 bits a byte; a row's units are told by what they are more than its samples are."""
        numbers, value, shift = [], 0, 0
        for byte in packed:
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                numbers.append(value)
                value = shift = 0
        cnt, each = self.head["row_count"], self.head["row_units_each"]
        assert len(numbers) == 3 * cnt
        slices, samples, beyond = numbers[:cnt], numbers[cnt : 2 * cnt], numbers[2 * cnt :]
        units = [n * each + ((b + 1) // 2 if b & 1 else -b // 2) for n, b in zip(samples, beyond)]
        return {"row_slice": slices, "row_samples": samples, "row_units": units}

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
            number = self["stack_parent"][number - 1]
        return frames[::-1]

    def parts(self, kind=None):
        """[(thread, stack, held, samples, value, [(slice, samples, value to a unit)])] of a value type, else of the first shown."""
        at, out = 0, []
        kind = kind or self.type
        for part, rows in enumerate(self["part_rows"]):
            slices, last = [], 0
            for row in range(at, at + rows):
                last += self["row_slice"][row]
                slices.append((last, self["row_samples"][row], self["row_units"][row] * kind["row_unit"]))
            at += rows
            if self.head["types"][self["part_type"][part]] is kind:
                out.append((*(self[f"part_{what}"][part] for what in ("thread", "stack", "held", "samples", "value")), slices))
        assert at == len(self["row_slice"])
        return out

    def function_stacks(self):
        """Counters by stack of (file, line, name), root first: samples, values."""
        samples, value = collections.Counter(), collections.Counter()
        for _, stack, _, count, ns, _ in self.parts():
            key = tuple(self.function(self["frame_function"][frame - 1]) for frame in self.stack(stack))
            samples[key] += count
            value[key] += ns
        return samples, value
