# SPDX-License-Identifier: MIT
"""Where what was built lies, and how a test gets a program of its own that `make` alone does not build."""

import contextlib
import fcntl
import functools
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("BUILD", "build")
PROGRAM = pathlib.Path(os.environ.get("PYBPFPROF", BUILD / "pybpfprof"))


@contextlib.contextmanager
def alone_with(path):
    """Tests run beside each other, in processes of their own: one at a time uses what is made at that path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_name(path.name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@functools.lru_cache(maxsize=None)
def built(name):
    """The path of that program below the build folder, up to date: built("tests/unit/make_svg")."""
    with alone_with(BUILD / "tests/make"):
        subprocess.run(["make", "-s", "-C", str(ROOT), f"BUILD={os.path.relpath(BUILD, ROOT)}",
                        os.path.relpath(BUILD / name, ROOT)], check=True)  # fmt: skip
    return BUILD / name


@functools.lru_cache(maxsize=None)
def prepared(script, *args):
    """A finished scripts/test-*.sh; once, as without a network it takes its time to fail."""
    with alone_with(BUILD / "tests" / "-".join((script, *args))):
        return subprocess.run([str(ROOT / "scripts" / script), *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
