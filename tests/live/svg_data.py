# SPDX-License-Identifier: MIT
"""The data inside an SVG (user/format/svg/svg_data.c), and what can be told from it: parents and totals."""

import json
import xml.etree.ElementTree

SVG = "{http://www.w3.org/2000/svg}"


def read(path):
    """By node, besides what the file has: "parent", "total" (CPU ns) and "samples", at or below."""
    root = xml.etree.ElementTree.parse(path).getroot()
    data = json.loads(next(e for e in root.iter(SVG + "script") if e.get("id") == "data").text)
    data["parent"], trail = [], []
    for i, depth in enumerate(data["depth"]):
        del trail[depth:]
        data["parent"].append(trail[-1] if trail else -1)
        trail.append(i)
    for total, parts in (("total", ("own", "pruned")), ("samples", ("own_samples", "pruned_samples"))):
        data[total] = sums = [sum(pair) for pair in zip(*(data[part] for part in parts))]
        for i in range(len(sums) - 1, 0, -1):
            sums[data["parent"][i]] += sums[i]
    return data
