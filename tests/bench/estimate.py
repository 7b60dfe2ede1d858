# SPDX-License-Identifier: MIT
"""Medians of paired differences, with an interval that says how far chance may have moved them."""

import bisect
import random
import statistics

DRAWS = 1000
LEVEL = 0.95


class Estimate:
    """A median and its bootstrap interval: the middle 95 % of the medians of redrawn samples."""

    def __init__(self, values):
        self.count = len(values)
        self.median = statistics.median(values)
        draw = random.Random(1)
        medians = sorted(statistics.median(draw.choices(values, k=len(values))) for _ in range(DRAWS))
        cut = int(DRAWS * (1 - LEVEL) / 2)
        self.low, self.high = medians[cut], medians[-1 - cut]

    def facts(self):
        return {"median": self.median, "low": self.low, "high": self.high, "pairs": self.count}


def paired(with_it, without):
    """Of the differences of windows that were neighbours in time."""
    return Estimate([a - b for a, b in zip(with_it, without)])


class Totals:
    """What target.py printed; tells what was taken between two moments."""

    def __init__(self, text):
        rows = [tuple(map(int, line.split())) for line in text.splitlines() if line[:1].isdigit()]
        self.rows = [row for row in rows if len(row) == 5]
        self.times = [row[0] for row in self.rows]

    def _between(self, start_ns, end_ns):
        first = bisect.bisect_left(self.times, start_ns)
        last = bisect.bisect_right(self.times, end_ns) - 1
        if last <= first:  # a target that was stopped all the time said nothing: look further around
            first, last = max(0, first - 1), min(len(self.rows) - 1, last + 1)
        return self.rows[first], self.rows[last]

    def taken(self, start_ns, end_ns):
        """In points: percent of the time that the target could have run."""
        a, b = self._between(start_ns, end_ns)
        return 100.0 * (b[1] - a[1]) / max(1, b[0] - a[0] - (b[4] - a[4]))

    def loops(self, start_ns, end_ns):
        """Rounds per second: slower also when what was taken came in gaps too short to be seen."""
        a, b = self._between(start_ns, end_ns)
        return 1e9 * (b[3] - a[3]) / max(1, b[0] - a[0] - (b[4] - a[4]))
