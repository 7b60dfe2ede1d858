# SPDX-License-Identifier: MIT
"""File names of code objects, whatever kind of string they are: instances of subclasses, legacy strings, beyond ASCII."""

import json
import subprocess

import pytest

from conftest import PROGRAM, wait_until

LINES = {1, 2, 3, 4, 5, 6}  # of the functions, in each file: where each begins (RESUME), its loop


@pytest.fixture
def workload(interpreter, tmp_path, spawn):
    # Asking for the legacy API is deprecated, and warned of on stderr.
    def start(*args):
        return spawn(interpreter, "file_names.py", tmp_path / "made", *args, stderr=subprocess.DEVNULL)

    return start


def test_recorded(workload, recorder):
    one = workload(0.15)
    recording = recorder("-p", one.pid, "-r", "999")
    one.go().finish()
    recording.stop()
    found = {}
    for stack in recording.stacks():
        for frame in stack.frames:
            assert not frame.name.startswith("[") and frame.file is not None, stack
            if frame.name in one.ready["files"]:
                found.setdefault(frame.name, (set(), set()))[0].add(frame.file)
                found[frame.name][1].add(frame.line)
    assert {name: files for name, (files, _) in found.items()} == {
        name: {file} for name, file in one.ready["files"].items()
    }
    for name, (_, lines) in found.items():
        assert lines <= LINES and len(lines) > 1, (name, lines)


def test_dumped(workload):
    one = workload(0.02, "--stay").go()
    wanted = dict(one.ready["files"])

    def all_met():
        done = subprocess.run([PROGRAM, "dump", "--pid", str(one.pid), "--json"], stdout=subprocess.PIPE, check=True)
        for process in json.loads(done.stdout)["processes"]:
            for thread in process["threads"]:
                for frame in thread["frames"]:
                    assert not frame["name"].startswith("["), frame
                    if frame["name"] in one.ready["files"]:
                        assert frame["filename"] == one.ready["files"][frame["name"]]
                        assert frame["line"] in LINES
                        wanted.pop(frame["name"], None)
        return not wanted

    wait_until(all_met, f"{wanted} to be met")
