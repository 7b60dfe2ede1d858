"""A nightly job with pandas: trips of taxis, their fares, and how the drivers' days resemble each other."""

import os
import sys
import time

import numpy as np
import pandas as pd

MENDED = "MENDED" in os.environ
took = {}


def timed(function):
    """The job's own clock: seconds of each step."""

    def step(*arguments):
        began = time.perf_counter()
        result = function(*arguments)
        took[function.__name__] = time.perf_counter() - began
        return result

    return step


def write_trips(path, rows):
    """What the job reads: made-up trips."""
    random = np.random.default_rng(1)
    start = pd.Timestamp("2026-01-01") + pd.to_timedelta(random.integers(0, 30 * 86_400, rows), "s")
    trips = pd.DataFrame({
        "driver": random.integers(0, 400, rows), "start": start, "km": random.gamma(2.0, 3.0, rows).round(2),
        "zone": random.choice(["north", "south", "east", "west"], rows),
    })  # fmt: skip
    trips.to_csv(path, index=False)


@timed
def read(path):
    return pd.read_csv(path, parse_dates=["start"])


def fare(trip):
    night = trip["start"].hour < 6
    return round(3.5 + trip["km"] * (2.6 if night else 1.9) + (4.0 if trip["zone"] == "north" else 0.0), 2)


@timed
def fares(trips):
    if MENDED:
        night = trips["start"].dt.hour < 6
        return (3.5 + trips["km"] * np.where(night, 2.6, 1.9) + np.where(trips["zone"] == "north", 4.0, 0.0)).round(2)
    return trips.apply(fare, axis=1)


@timed
def best_days(trips):
    days = trips.groupby(["driver", trips["start"].dt.date])["fare"].sum()
    return days.sort_values(ascending=False).head(1000)


@timed
def alike(trips):
    """How much each two drivers' hours resemble each other: a product of large matrices."""
    hours = trips.pivot_table(index="driver", columns=trips["start"].dt.floor("h"), values="fare", aggfunc="sum", fill_value=0)
    table = hours.to_numpy()
    for _ in range(12):
        table = table / np.abs(table).max()
        near = table @ table.T
        table = near @ table
    return near


if __name__ == "__main__":
    trips = read(sys.argv[1])
    trips["fare"] = fares(trips)
    print(best_days(trips).head(3).to_string(), alike(trips).shape)
    print("took", {name: round(seconds, 3) for name, seconds in took.items()})
# SPDX-License-Identifier: MIT
