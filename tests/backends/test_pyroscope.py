# SPDX-License-Identifier: MIT
"""The real Pyroscope, for those who have one (docs/pyroscope.md): PYROSCOPE=/path/to/pyroscope make backends-test."""

import os

import pytest

import servers
from servers import until
from services import Daemon, profile_of
from test_parca import push, recording, wait_windows  # noqa: F401

pytestmark = pytest.mark.skipif(
    not os.environ.get("PYROSCOPE"), reason="its modules are not published, so it is not built here: PYROSCOPE=/path/to/pyroscope"
)


@pytest.fixture
def pyroscope(tmp_path):
    with servers.Pyroscope(os.environ["PYROSCOPE"], tmp_path / "pyroscope") as server:
        yield server


def own(profile):
    return {name: values[0] for name, values in profile.rows().items() if values[0]}


def total(server, services):
    rows = {}
    for name in services:
        for function, value in server.own(f'service_name="{name}"').items():
            rows[function] = rows.get(function, 0) + value
    return rows


def test_a_recording_is_in_it(pyroscope, recording):  # noqa: F811
    push(recording, pyroscope)
    names = until(lambda: pyroscope.values("service_name"), "the recording to be there")
    assert {"alpha", "beta"} < names
    assert total(pyroscope, names) == own(profile_of(recording))


def test_three_windows_are_in_it(pyroscope, services, tmp_path):
    with Daemon(tmp_path, services, "--push", pyroscope.push_url()) as daemon:
        wait_windows(daemon, 3)
        daemon.end()
    assert total(pyroscope, pyroscope.values("service_name")) == {name: row[0] for name, row in daemon.recorded().items() if row[0]}
