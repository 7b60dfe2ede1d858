# SPDX-License-Identifier: MIT
"""What the real Parca has of what was pushed to it, against our own recordings of the same samples."""

import re
import subprocess
import time

import pytest

from programs import PROGRAM
from servers import until
from services import Daemon, profile_of

WINDOW = 3  # seconds


def push(recording, server, *options):
    done = subprocess.run([PROGRAM, "push", recording, "--to", server.push_url(), *options], stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.fixture
def recording(services, tmp_path):
    """Of all services; on a machine that has hardly any time for them it takes longer."""
    out = tmp_path / "one.pybpf"
    for seconds in 4, 16, 64:
        done = subprocess.run(
            [PROGRAM, "record", *services.targets(), "-d", str(seconds), "-o", out], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert done.returncode == 0, done.stderr
        if outer(profile_of(out)) == {"alpha", "beta", "nameless"}:
            return out
    raise AssertionError(f"a service that has no time at all: {done.stderr}")


def by_service(server):
    return {name: server.profile(f'service_name="{name}"') for name in server.values("service_name")}


def merged(profiles):
    """{function: (own, total)} of all of them."""
    rows = {}
    for profile in profiles:
        for name, (own, total) in profile.rows().items():
            before = rows.get(name, (0, 0))
            rows[name] = (before[0] + own, before[1] + total)
    return rows


def outer(profile):
    """The functions of services.WORK that it has, by their service."""
    return {name.rsplit(".", 1)[-1][: -len("_outer")] for name in profile.rows() if name.endswith("_outer")}


def test_a_recording_is_in_it_nanosecond_by_nanosecond(parca, recording):
    ours = profile_of(recording)
    push(recording, parca)
    kept = by_service(parca)
    assert merged(kept.values()) == ours.rows()
    assert sum(profile.total() for profile in kept.values()) == ours.total() > 0
    # It shows numbers of samples as the time that they stand for: times the period, of each service the mean of its samples.
    counted = parca.profile(kind="pybpfprof:samples:count:cpu:nanoseconds:delta").total()
    assert abs(counted - ours.total()) <= ours.total("samples")


def test_services_are_told_apart(parca, recording):
    push(recording, parca)
    kept = by_service(parca)
    assert {"alpha", "beta"} < set(kept), set(kept)
    assert {name: outer(kept[name]) for name in ("alpha", "beta")} == {"alpha": {"alpha"}, "beta": {"beta"}}
    assert [outer(profile) for name, profile in kept.items() if name not in ("alpha", "beta")] == [{"nameless"}]


def test_files_and_lines_come_back(parca, recording):
    push(recording, parca)
    assert functions(parca.profile()) == functions(profile_of(recording))


def functions(profile):
    return {(frame.function, frame.line) for sample in profile.samples for frame in sample.stack}


def test_labels_are_those_of_the_series_and_hold_no_command_line(parca, recording):
    push(recording, parca, "--label", "team=green", "--node", "here")
    assert parca.labels() == {"service_name", "node", "python", "team"}
    assert parca.values("team") == {"green"} and parca.values("node") == {"here"}
    kept = parca.profile()
    assert not [text for text in kept.strings if "hunter2" in text]
    selected = parca.profile('service_name="alpha",team="green"')
    assert selected.rows() == parca.profile('service_name="alpha"').rows()


def test_two_recordings_are_one_after_the_other(parca, services, tmp_path):
    """Each keeps its time, so that the second is not added to the first one's."""
    for name in "first", "second":
        out = tmp_path / f"{name}.pybpf"
        subprocess.run([PROGRAM, "record", *services.targets(), "-d", "2", "-o", out], stdin=subprocess.DEVNULL, check=True)
        push(out, parca)
    ((_, points),) = parca.series()
    assert len(points) == 2
    took = [int(point["value"]) for point in points]
    assert took == [profile_of(tmp_path / f"{name}.pybpf").total() for name in ("first", "second")]


def test_what_it_refuses_is_said_in_its_words(parca, recording):
    """At a path that it does not know Parca says 200, and shows its page."""
    for url, why in (parca.push_url() + "/nowhere", "web page|404"), (parca.push_url().replace("parca", "pyroscope"), "web page|404"):
        done = subprocess.run([PROGRAM, "push", recording, "--to", url], stderr=subprocess.PIPE, text=True)
        assert done.returncode == 1 and re.search(why, done.stderr), done.stderr
        assert "samples were refused" in done.stderr
    assert not parca.types()


# ---- the daemon ------------------------------------------------------------------------------------------


def wait_windows(daemon, more):
    """Until so many more windows were handed over."""
    there = daemon.number("pybpfprof_windows_total") + more
    until(lambda: daemon.number("pybpfprof_windows_total") >= there, f"{more} windows")


def check_books(daemon):
    """What was put is somewhere; returns what was sent."""
    n = daemon.numbers()

    def of(name):
        return sum(value for key, value in n.items() if key.split("{")[0] == f"pybpfprof_push_{name}")

    put, sent = of("samples_total"), of("sent_samples_total")
    assert put == sent + of("dropped_samples_total") + of("refused_samples_total") + of("queue_samples"), n
    return sent


def test_three_windows_are_in_it_and_nothing_else(parca, services, tmp_path):
    with Daemon(tmp_path, services, "--push", parca.push_url(), window=f"{WINDOW}s") as daemon:
        wait_windows(daemon, 3)
        until(lambda: {"alpha", "beta"} < parca.values("service_name"), "both services")
        check_books(daemon)
        daemon.end()
    kept = by_service(parca)
    assert merged(kept.values()) == daemon.recorded()
    assert {"alpha", "beta"} < set(kept)
    for _, points in parca.series():
        check_times(points)


def check_times(points):
    """Windows in step with the wall clock, each of its length: none twice, none missing."""
    starts = [time.mktime(time.strptime(point["timestamp"][:19], "%Y-%m-%dT%H:%M:%S")) for point in points]
    assert len(points) >= 4, "the first is part of one, three are whole, and the last is what was begun"
    assert [b - a for a, b in zip(starts[1:], starts[2:])] == [WINDOW] * (len(starts) - 2), points
    assert all(start % WINDOW == 0 for start in starts[1:])
    whole = [int(point["duration"]) / int(point["count"] and 1) for point in points[1:-1]]
    assert all(abs(length / 1e9 - WINDOW) < 0.5 for length in whole), whole


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
def test_a_restarted_server_has_all_that_was_sent(parca, services, tmp_path, kill):
    """Meanwhile windows wait. What was neither sent nor counted would be missing in the sum."""
    with Daemon(tmp_path, services, "--push", parca.push_url(), window=f"{WINDOW}s") as daemon:
        wait_windows(daemon, 1)
        until(lambda: check_books(daemon) > 0, "the first window to be sent")
        parca.stop(kill=kill)
        wait_windows(daemon, 2)
        assert daemon.number("pybpfprof_push_queue_samples") > 0
        parca.start()
        until(lambda: daemon.number("pybpfprof_push_queue_samples") == 0, "the queue to be sent")
        wait_windows(daemon, 1)
        check_books(daemon)
        assert daemon.number("pybpfprof_push_dropped_samples_total") == 0
        daemon.end()
    assert merged(by_service(parca).values()) == daemon.recorded()


def test_without_a_server_nothing_is_lost_uncounted(parca, services, tmp_path):
    """It never comes, and the queue has room for one window: the rest is dropped, counted and said."""
    parca.stop()
    with Daemon(tmp_path, services, "--push", parca.push_url(), "--queue", "8kB", window="1s") as daemon:
        until(lambda: daemon.number("pybpfprof_push_dropped_samples_total") > 0, "windows to be dropped")
        check_books(daemon)
        said = daemon.said()
        daemon.end()
    assert str(parca.port) in said and said.count("refused") < 10, said
