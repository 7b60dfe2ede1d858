# SPDX-License-Identifier: MIT
"""Real back ends, by scripts/get-backends.sh, and services to push profiles of."""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/live"))  # what reads bodies, and the browser

import servers  # noqa: E402
from programs import PROGRAM  # noqa: E402
from services import Services  # noqa: E402


def pytest_sessionstart():
    if not PROGRAM.exists():
        pytest.exit(f"{PROGRAM} is not built: run make first", returncode=1)


def needs_root():
    if os.geteuid() != 0:
        pytest.skip("needs root")


def program(name):
    """The path of that back end, built where it is not yet. What cannot be built is no reason to skip: it was asked for."""
    done = subprocess.run([ROOT / "scripts/get-backends.sh", name], stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0, f"scripts/get-backends.sh {name} failed; above is why"
    return pathlib.Path(done.stdout.strip())


@pytest.fixture(scope="session")
def parca_program():
    return program("parca")


@pytest.fixture(scope="session")
def collector_program():
    return program("collector")


@pytest.fixture
def parca(parca_program, tmp_path):
    with servers.Parca(parca_program, tmp_path / "parca") as server:
        yield server


@pytest.fixture
def services():
    """Two services of two processes each, and one without a name of its own; all busy."""
    needs_root()
    with Services({"alpha": 2, "beta": 2, None: 1}) as made:
        yield made
