# SPDX-License-Identifier: MIT
"""scripts/demo.sh, shortened: what a newcomer runs first."""

import contextlib
import json
import os
import pathlib
import pstats
import re
import subprocess
import xml.etree.ElementTree

import pytest

from conftest import cgroup2_mount
from programs import BUILD, ROOT

pytestmark = pytest.mark.offline
OURS = f"DEMO_OF={os.getpid()}".encode()  # others may run it too


@pytest.fixture(scope="module")
def demo():
    """Its output, and what it wrote, after a run of some seconds."""
    mount = cgroup2_mount()
    if mount is None:
        pytest.skip("no cgroup v2 is mounted")
    done = subprocess.run(
        [ROOT / "scripts/demo.sh"],
        env={**os.environ, "DEMO_SECONDS": "8", "DEMO_OF": str(os.getpid())},
        cwd="/",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout, BUILD / "demo"


def processes(variable):
    """Command lines of those that have it in their environment."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if variable in (path / "environ").read_bytes().split(b"\0"):
                found.append((path / "cmdline").read_bytes())
    return found


def test_demo(demo):
    said, folder = demo
    assert str(folder / "demo.svg") in said, "says what to open"
    root = xml.etree.ElementTree.parse(folder / "demo.svg").getroot()
    assert root.tag.endswith("}svg")
    document = json.loads((folder / "demo.json").read_text())
    busy = {sample["pid"] for sample in document["samples"]}
    assert len(busy) >= 5, "web workers, pool workers and their parent"
    names = {name.rsplit(".", 1)[-1] for sample in document["samples"] for name in sample["stack"]}
    assert {"search", "score", "do_GET", "monthly_report", "pack_archive"} <= names
    assert "customer" not in names, "the load comes from outside the cgroup"
    hot = said[said.index("what was hot") :]
    assert "score" in hot and "demo_workload.py" in hot
    stats = pstats.Stats(str(folder / "demo.prof"))
    assert stats.total_tt == pytest.approx(document["cpu_seconds"], rel=1e-6)


def test_demo_cleans_up(demo):
    group = pathlib.Path(re.search(r"processes in (\S+)", demo[0]).group(1))
    assert group.parent == cgroup2_mount() and not group.exists()
    assert not processes(OURS)
