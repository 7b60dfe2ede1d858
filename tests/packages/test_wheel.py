# SPDX-License-Identifier: MIT
"""The wheel: what pip installs into an environment of its own, in a Debian that has Python and nothing else."""

import shutil
import zipfile

import pytest

from conftest import HERE, is_profile_of_workload


@pytest.fixture(scope="module")
def environment(debian_with_python, release):
    root, wheel = debian_with_python, release.file("*.whl")
    shutil.copy(wheel, root.path / "tmp")
    shutil.copy(HERE / "workload.py", root.path / "tmp")
    root.run("python3", "-m", "venv", "/tmp/venv")
    root.run("/tmp/venv/bin/pip", "install", "--no-index", "--no-deps", f"/tmp/{wheel.name}")
    return root


def test_pip_installs_the_program(environment, version):
    assert environment.run("/tmp/venv/bin/pybpfprof", "--version").split()[1] == version
    assert f"Version: {version}" in environment.run("/tmp/venv/bin/pip", "show", "pybpfprof")


def test_it_records_a_program(environment):
    environment.run("/tmp/venv/bin/pybpfprof", "record", "-o", "/tmp/out.svg", "--", "/tmp/venv/bin/python", "/tmp/workload.py", "2")
    assert is_profile_of_workload(environment.read("/tmp/out.svg"))


def test_it_is_what_it_says(release):
    """RECORD has the hash of each file, and only the program may be executed."""
    with zipfile.ZipFile(release.file("*.whl")) as wheel:
        names = {each.filename: each.external_attr >> 16 & 0o777 for each in wheel.infolist()}
        (record,) = [n for n in names if n.endswith("/RECORD")]
        assert {line.split(",")[0] for line in wheel.read(record).decode().splitlines()} == set(names)
    assert {n for n, mode in names.items() if mode & 0o111} == {n for n in names if "/scripts/" in n}
