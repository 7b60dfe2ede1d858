"""scripts/demo.sh, shortened: what a newcomer runs first."""

import json
import os
import pathlib
import pstats
import subprocess
import xml.etree.ElementTree

import pytest

from conftest import cgroup2_mount
from programs import BUILD, ROOT

pytestmark = pytest.mark.offline


@pytest.fixture(scope="module")
def demo():
    """Its output, and what it wrote, after a run of three seconds."""
    mount = cgroup2_mount()
    if mount is None:
        pytest.skip("no cgroup v2 is mounted")
    done = subprocess.run(
        [ROOT / "scripts/demo.sh"],
        env={**os.environ, "DEMO_SECONDS": "3"},
        cwd="/",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout, BUILD / "demo"


def processes(word):
    """Command lines that hold it."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes())
        except OSError:
            continue
    return [line for line in found if word in line]


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
    assert not list(cgroup2_mount().glob("pybpfprof-demo-*"))
    assert not processes(b"demo_workload")
