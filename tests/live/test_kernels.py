# SPDX-License-Identifier: MIT
"""Kernels that lack something, as far as this one can play one: the rest is in tests/vm."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

from conftest import PROGRAM
from test_check import items
from test_record import assert_ticks_add_up

OWN = pathlib.Path("/sys/kernel/btf/vmlinux")


@pytest.fixture
def without_types(tmp_path):
    """without_types(ARG…, put={path: file}): runs the profiler where the kernel's types are hidden, and files lie elsewhere."""
    probe = subprocess.run(["unshare", "-m", "true"], stderr=subprocess.PIPE)
    if probe.returncode or not OWN.exists():
        pytest.skip("cannot hide the kernel's BTF here")
    empty = tmp_path / "empty"
    empty.mkdir()

    def run(*args, put=None):
        mounts = [f"mount --bind {empty} /sys/kernel/btf"]
        for folder, source in (put or {}).items():
            mounts.append(f"mount --bind {source} {folder}")
        return subprocess.run(
            ["unshare", "-m", "sh", "-c", " && ".join([*mounts, 'exec "$@"']), "sh", PROGRAM, *map(str, args)],
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    return run


@pytest.fixture
def types(tmp_path):
    """A file with this kernel's types."""
    return shutil.copy(OWN, tmp_path / "kernel.btf") if OWN.exists() else None


@pytest.fixture
def busy(cgroup, spawn, python):
    return spawn(python, "busy.py", 0, cgroup=cgroup).go()


def assert_whole(path, pid):
    document = json.loads(path.read_text())
    assert_ticks_add_up(document)
    inner = [s for s in document["samples"] if s["pid"] == pid and s["stack"][-1].endswith("inner")]
    assert len(inner) > 0.9 * document["sample_count"] > 0
    assert all(line > 0 for s in inner for line in s["lines"])


def test_without_types_it_says_what_helps(busy, without_types):
    done = without_types("record", "-p", busy.pid, "-d", 1)
    assert done.returncode == 4, done.stderr
    assert "BTF" in done.stderr and "--btf FILE" in done.stderr
    assert "pybpfprof: error" not in done.stderr.split("--btf", 1)[1], "said once"


def test_types_from_a_file(busy, without_types, types, tmp_path):
    done = without_types("record", "-p", busy.pid, "-d", 1, "-r", 499, "-o", "out.json", "--btf", types)
    assert done.returncode == 0, done.stderr
    assert_whole(tmp_path / "out.json", busy.pid)


def test_types_where_packages_put_them(busy, without_types, types, tmp_path):
    folder = tmp_path / "boot"
    folder.mkdir()
    shutil.copy(types, folder / f"vmlinux-{os.uname().release}")
    done = without_types("record", "-v", "-p", busy.pid, "-d", 1, "-r", 499, "-o", "out.json", put={"/boot": folder})
    assert done.returncode == 0, done.stderr
    assert f"types are taken from /boot/vmlinux-{os.uname().release}" in done.stderr
    assert_whole(tmp_path / "out.json", busy.pid)


@pytest.mark.parametrize("content, word", [(b"no types", "holds no type information"), (None, "cannot open")])
def test_a_file_without_types(busy, tmp_path, content, word):
    """Also where it would not be needed: who names a file means it."""
    file = tmp_path / "types"
    if content:
        file.write_bytes(content)
    done = subprocess.run([PROGRAM, "record", "-p", str(busy.pid), "-d", "1", "-o", "out.json", "--btf", file],
                          cwd=tmp_path, stderr=subprocess.PIPE, text=True)  # fmt: skip
    assert done.returncode not in (0, None) and word in done.stderr and str(file) in done.stderr
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize("given", [False, True])
def test_check(without_types, types, given):
    done = without_types("check", "--json", *(["--btf", types] if given else []))
    _, found = items(done)
    assert "--btf" in found["type information (BTF)"]["remedy"]
    assert done.returncode == (0 if given else 4), done.stdout


# ---- as on a kernel that lacks all that 5.10 lacks -----------------------------------------------------------


@pytest.fixture
def old(recorder):
    return lambda *args: recorder(*args, "--as-old-kernel")


def test_deep_stacks_on_an_old_kernel(python, spawn, old):
    """None of the depth is lost."""
    workload = spawn(python, "recursion.py", 1, 1000)
    recording = old("-p", workload.pid, "-r", 499)
    workload.go().finish()
    recording.wait()
    assert recording.status == 0, recording.stderr
    document = recording.json()
    assert_ticks_add_up(document)
    depth = workload.ready["frames"]
    leaves = [s for s in document["samples"] if s["stack"][-1].endswith("leaf")]
    assert depth > 1000 and len(leaves) > 100
    assert {len(s["stack"]) for s in leaves} == {depth}


def test_a_tree_that_outgrows_the_table_on_an_old_kernel(python, spawn, old):
    """Members without an entry are known by bits, which are set and taken back without atomic steps for that."""
    workload = spawn(python, "forker.py", "fork", 8, 0.5)
    recording = old("--pid", workload.pid, "--subprocesses", "-r", 499, "--max-processes", 4)
    workload.go().finish()
    recording.wait()
    assert recording.status == 0, recording.stderr
    document = recording.json()
    assert_ticks_add_up(document)
    assert sum(row["samples"] for row in document["lost"] if row["reason"] == "proc_table_full") > 50
    assert len({s["pid"] for s in document["samples"]}) > 3


def test_images_have_numbers_of_their_own_on_an_old_kernel(cgroup, python, spawn, old):
    workload = spawn(python, "forker.py", "exec", 40, 0.02, cgroup=cgroup)
    recording = old("--cgroup", cgroup.path, "-r", "9999")
    workload.go().finish()
    recording.stop()
    document = recording.json()
    assert_ticks_add_up(document)
    pids = {child["pid"] for child in workload.children}
    entries = [process["pid"] for process in document["processes"] if process["pid"] in pids]
    assert len(entries) == 2 * len(pids), "the forked image, and the one after exec"
    assert {s["pid"] for s in document["samples"]} >= pids
