# SPDX-License-Identifier: MIT
"""The real OpenTelemetry Collector takes what we send, and hands on every sample of it."""

import re

import pytest

import pushed
import servers
from backend_stub import Stub
from servers import until
from services import Daemon, profile_of
from test_parca import merged, push, recording, wait_windows  # noqa: F401


@pytest.fixture
def forwarded():
    """Where the Collector sends it on to. It rewrites attributes to references, which servers of today do not read; so no checks."""
    with Stub(checks=False) as stub:
        yield stub


@pytest.fixture
def collector(collector_program, forwarded, tmp_path):
    to = f"http://127.0.0.1:{forwarded.port}/v1development/profiles"
    with servers.Collector(collector_program, tmp_path / "collector", to) as server:
        yield server


def text_of(strings, attribute):
    """(name, value), by reference or not."""
    value = attribute.value
    return (
        attribute.key or strings[attribute.key_strindex],
        value.string_value or strings[value.string_value_strindex],
    )


def profiles(stub):
    """What it handed on, as pushed.Profile with the labels of their resource."""
    out = []
    for body in list(stub.requests):
        request = pushed.otlp_request()()
        request.ParseFromString(body.text)
        strings = request.dictionary.string_table
        for resource in request.resource_profiles:
            labels = dict(text_of(strings, attribute) for attribute in resource.resource.attributes)
            out += [pushed.otlp_profile(request.dictionary, p, labels, body.text) for s in resource.scope_profiles for p in s.profiles]
    return out


def counts(profile):
    return profile.rows("samples")


def all_counts(profiles):
    rows = {}
    for profile in profiles:
        for name, values in counts(profile).items():
            before = rows.get(name, (0, 0))
            rows[name] = (before[0] + values[0], before[1] + values[1])
    return rows


def test_a_recording_goes_through_sample_by_sample(collector, forwarded, recording):  # noqa: F811
    ours = profile_of(recording)
    push(recording, collector)
    until(lambda: sum(p.total("samples") for p in profiles(forwarded)) >= ours.total("samples"), "the Collector to hand it on")
    assert all_counts(profiles(forwarded)) == counts(ours)


def test_services_are_resources(collector, forwarded, recording):  # noqa: F811
    push(recording, collector)
    until(lambda: len(profiles(forwarded)) >= 3, "the Collector to hand it on")
    names = {p.labels["service.name"]: {n.rsplit(".")[-1] for n in counts(p) if n.endswith("_outer")} for p in profiles(forwarded)}
    assert names["alpha"] == {"alpha_outer"} and names["beta"] == {"beta_outer"} and len(names) == 3
    assert b"hunter2" not in b"".join(body.text for body in forwarded.requests)


def test_it_reads_all_of_it_itself(collector, forwarded, recording):  # noqa: F811
    """By its own words: names, types and resources, and nothing that it could not decode."""
    push(recording, collector)
    until(lambda: profiles(forwarded), "the Collector to hand it on")
    said = collector.said()
    assert re.search(r"service\.name: Str\(alpha\)", said), said[-3000:]
    assert "alpha_outer" in said and not re.search(r"\terror\t", said)


def test_windows_of_a_daemon_go_through(collector, forwarded, services, tmp_path):
    with Daemon(tmp_path, services, "--push", collector.push_url()) as daemon:
        wait_windows(daemon, 3)
        daemon.end()
    ours = {}
    for path in sorted(tmp_path.glob("all*.pybpf")):
        for name, values in counts(profile_of(path)).items():
            before = ours.get(name, (0, 0))
            ours[name] = (before[0] + values[0], before[1] + values[1])
    until(lambda: sum(own for own, _ in all_counts(profiles(forwarded)).values()) >= sum(own for own, _ in ours.values()), "the last window")
    assert all_counts(profiles(forwarded)) == ours
    starts = sorted({p.time_ns for p in profiles(forwarded)})
    assert len(starts) >= 4
