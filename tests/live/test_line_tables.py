# SPDX-License-Identifier: MIT
"""Every line table of the standard library, decoded here, against the interpreter's own answer."""

import os
import subprocess

import pytest

import interpreters
from programs import ROOT, built

pytestmark = pytest.mark.offline

FILES = int(os.environ.get("PYBPFPROF_STDLIB_FILES", "10000"))


@pytest.fixture
def feed():
    return built("tests/live/line_table_feed")


@pytest.mark.parametrize("python", interpreters.MATRIX)
def test_every_instruction_of_the_standard_library(feed, python):
    workload = ROOT / "tests/live/workloads/line_tables.py"
    source = subprocess.Popen([python.path, str(workload), str(FILES)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    sink = subprocess.run([feed, str(python.minor[1])], stdin=source.stdout, stdout=subprocess.PIPE)
    error = source.stderr.read().decode()
    assert source.wait() == 0, error
    *shown, last = sink.stdout.decode().splitlines()
    codes, offsets, mismatches = map(int, last.split())
    print(f"{python.version}: {codes} code objects, {offsets} offsets, {mismatches} mismatches")
    assert codes > 1000 and offsets > 50000
    assert mismatches == 0, "\n".join(shown)
    assert sink.returncode == 0
