# SPDX-License-Identifier: MIT
"""A sampled thread that waits for its own memory within our program keeps it and its maps in the kernel, also after the
profiler has gone: there must be no such thread."""

import subprocess
import time

import pytest

import interpreters
from conftest import PROGRAM, WORKLOADS, bpf_programs, wait_until
from test_stalls import pytestmark, start  # noqa: F401

# 3.12 and newer know a code object by its number, older ones by its content, which a walk reads
BY_MINOR = {python.minor: python for python in interpreters.MATRIX}


@pytest.mark.parametrize("kind", ["memory", "userfault", "frame"])
@pytest.mark.parametrize("python", BY_MINOR.values(), ids=interpreters.name)
def test_nothing_of_ours_waits_for_a_target(kind, python, silent, tmp_path):
    target = start(python.path, WORKLOADS / "stalls.py", kind, silent)
    record = subprocess.Popen(
        [PROGRAM, "record", "--pid", str(target.pid), "-d", "1s", "-o", tmp_path / "out.folded"], stderr=subprocess.PIPE
    )
    try:
        ours = wait_until(lambda: len(bpf_programs(record.pid)) > 4 and bpf_programs(record.pid), "the programs")
        assert ours & bpf_programs()
        _, said = record.communicate(timeout=20)
        assert record.returncode in (0, 6), said
        end = time.monotonic() + 5
        while ours & bpf_programs() and time.monotonic() < end:
            time.sleep(0.05)
        assert not ours & bpf_programs()
        assert kind != "frame" or "spin" in (tmp_path / "out.folded").read_text()
        assert target.poll() is None
        assert open(f"/proc/{target.pid}/stat").read().rsplit(")", 1)[1].split()[0] == "R"
    finally:
        record.kill()
        target.kill()  # it ends with its file system, if it waits for that
        target.stdout.close()
