# SPDX-License-Identifier: MIT
"""A day's work, command by command as a user types it, on a program with three subprocesses and eight threads."""

import json
import os
import pstats
import signal
import subprocess
import sys

import pytest

from conftest import PATIENCE, PROGRAM, ROOT, WORKLOADS

pytestmark = pytest.mark.offline

SECONDS = 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("day")


@pytest.fixture(scope="module")
def app():
    process = subprocess.Popen([sys.executable, WORKLOADS / "day.py"], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    yield process
    process.terminate()
    process.wait(PATIENCE)


def run(folder, *words, environment=None):
    done = subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=4 * PATIENCE,
        encoding="utf-8",
        env={**os.environ, **(environment or {})},
    )
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


@pytest.fixture(scope="module")
def recorded(app, folder):
    run(folder, PROGRAM, "record", "--pid", app.pid, "--subprocesses", "--threads", "--rate", 100, "--duration", SECONDS, "-o", "p.json")
    return json.loads((folder / "p.json").read_text())


def test_record(recorded, app):
    """Four processes, the busy threads by their names, and the work of each."""
    pids = {sample["pid"] for sample in recorded["samples"]}
    assert len(pids) == 4 and app.pid in pids
    text = json.dumps(recorded)
    for name in ("parse_orders-0", "parse_orders-2", "compress_pages-3"):
        assert name in text
    assert {"parse_orders", "compress_pages"} <= {name.rsplit(".", 1)[-1] for name in recorded["functions"]}


def test_top_of_a_file(recorded, folder):
    shown = run(folder, PROGRAM, "top", "--input", "p.json")
    assert "compress_pages" in shown and "parse_orders" in shown


def test_flamegraph(recorded, folder):
    run(folder, PROGRAM, "flamegraph", "--input", "p.json", "--output", "f.svg")
    assert "parse_orders" in (folder / "f.svg").read_text()


def test_convert_and_analyze(recorded, folder):
    run(folder, PROGRAM, "convert", "-i", "p.json", "-o", "p.prof")
    own = {key[2]: row[2] for key, row in pstats.Stats(str(folder / "p.prof")).stats.items()}
    assert sum(own.values()) == pytest.approx(sum(s["value"] for s in recorded["samples"]), rel=0.01)
    assert "compress_pages" in run(folder, "python3", ROOT / "scripts/analyze_profile.py", "p.prof")


def profile_app(folder, seconds, *args, **environment):
    folder.mkdir()
    run(folder, ROOT / "scripts/profile_app.sh", seconds, "python3", WORKLOADS / "day.py", *args, environment=environment)
    files = {path.name: path for path in folder.iterdir()}
    for suffix in (".svg", ".prof", ".json"):
        assert any(name.endswith(suffix) for name in files), (suffix, files)
    return files


def test_profile_app(folder):
    files = profile_app(folder / "cpu", 2)
    assert not any(name.startswith("app_memory") for name in files)


def test_profile_app_with_memory(folder):
    files = profile_app(folder / "memory", PATIENCE, 2, PROFILING="1")  # it ends by itself: not before it has begun
    for name in ("app_memory_snapshot.txt", "app_memory_final.txt"):
        assert files[name].stat().st_size, name


def test_top_of_a_process(app, folder):
    shown = run(folder, PROGRAM, "top", "--pid", app.pid, "--subprocesses", "--threads", "--once")
    assert "compress_pages" in shown


def test_check_and_dump(app, folder):
    assert str(app.pid) in run(folder, PROGRAM, "check", "--pid", app.pid)
    shown = run(folder, PROGRAM, "dump", "--pid", app.pid, "--subprocesses")
    assert shown.count("wait_for_work") >= 4 and "wait_for_work-7" in shown
    os.kill(app.pid, signal.SIGSTOP)
    try:
        assert run(folder, PROGRAM, "dump", "--pid", app.pid).count("wait_for_work") >= 4
    finally:
        os.kill(app.pid, signal.SIGCONT)
