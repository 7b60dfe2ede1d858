# SPDX-License-Identifier: MIT
"""Outputs of `record`: several at once, one after another with --rotate, and shown with --open."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import tempfile

import pytest

import readers
from conftest import PROGRAM, let_work, summary_number, wait_until

pytestmark = pytest.mark.offline

NOBODY = 65534


def load(path):
    return json.loads(path.read_bytes())


def made_of(recording, folder, name="again.json", **options):
    readers.run(PROGRAM, "convert", "-i", recording, "-o", folder / name, **options)
    return folder / name


# ---- several at once --------------------------------------------------------------------------------------------------


def test_every_format_in_one_run(spawn, recorder, python, tmp_path):
    """Each is what convert makes of the recording that was written beside it."""
    paths = {name: tmp_path / f"all{suffixes[0]}" for name, suffixes in readers.formats().items()}
    del paths["recording"]
    workload = spawn(python, "busy.py", 0)
    recording = recorder("--pid", workload.pid, "-r", "199", *(word for path in paths.values() for word in ("-o", path)))
    workload.go()
    let_work(workload, 0.3)
    recording.stop()
    for name, path in paths.items():
        again = made_of(recording.recording, tmp_path, f"again{readers.formats()[name][0]}")
        assert path.read_bytes() == again.read_bytes(), name
        private = name == "html"  # it has source text
        assert stat.S_IMODE(path.stat().st_mode) == (0o600 if private else 0o644), name
        [line] = [line for line in recording.stderr.splitlines() if f"wrote {path} " in line]
        assert ("only you can read it" in line) == private


# ---- one after another ------------------------------------------------------------------------------------------------


def windows(recording, suffix):
    """Finished files of that kind in the order of their names; those that are being written have other names."""
    name = re.compile(rf"rec-\d{{8}}T\d{{6}}Z{re.escape(suffix)}")
    return sorted(path for path in recording.folder.iterdir() if name.fullmatch(path.name))


def assert_nothing_is_missing(recording, documents):
    """Every tick is in one window: sums over the windows are those of the session."""
    assert summary_number(recording.stderr, "samples,") == sum(d["sample_count"] for d in documents)
    assert sum(d["ticks"] for d in documents) == sum(
        d["sample_count"] + d["filtered"] + sum(one["samples"] for one in d["lost"]) for d in documents
    )
    for before, after in zip(documents, documents[1:]):
        # the machine may have stood still between the two readings of the clock, or its clock been set
        assert -2 < after["start"] - (before["start"] + before["duration"]) < 5


def test_rotation_by_time(spawn, recorder, python):
    """Windows without a pause, each complete in every format asked for, readable by itself, with all its names."""
    workload = spawn(python, "busy.py", 0)
    kinds = (".json", ".profile.json.gz", ".svg")
    recording = recorder("--pid", workload.pid, "-r", "199", "--rotate", "1s", *(word for kind in kinds for word in ("-o", f"rec{kind}")))
    workload.go()
    wait_until(lambda: len(windows(recording, ".svg")) >= 3, "three windows")
    recording.stop()
    names = [path.name.removesuffix(".pybpf") for path in windows(recording, ".pybpf")]
    assert len(names) >= 4
    for kind in kinds:
        assert [path.name.removesuffix(kind) for path in windows(recording, kind)] == names
    assert len(list(recording.folder.glob("rec*"))) == 4 * len(names)  # nothing else is left
    documents = [load(path) for path in windows(recording, ".json")]
    assert_nothing_is_missing(recording, documents)
    full = [d for d in documents if d["sample_count"]]
    assert len(full) >= 2
    for document in full:
        assert any(name.endswith((".inner", ".outer")) for name in document["functions"])
        assert document["complete"] and [p["pid"] for p in document["processes"]] == [workload.pid]
    for path, document in zip(windows(recording, ".pybpf"), documents):
        assert load(made_of(path, recording.folder)) == document
        assert "recorded" in readers.run(PROGRAM, "report", path)
    # one line for each, the last one's with more words
    assert all(f"{name}.pybpf (" in recording.stderr for name in names)


def test_rotation_by_size(spawn, recorder, python):
    workload = spawn(python, "busy.py", 0)
    recording = recorder("--pid", workload.pid, "-r", "4999", "--rotate", "5kB")
    workload.go()
    wait_until(lambda: len(windows(recording, ".pybpf")) >= 2, "two windows")
    recording.stop()
    paths = windows(recording, ".pybpf")
    assert all(path.stat().st_size >= 5000 for path in paths[:-1])
    assert_nothing_is_missing(recording, [load(made_of(path, recording.folder)) for path in paths])


def test_a_crash_loses_no_window(spawn, recorder, python):
    """What was finished is there; what was being recorded is under its temporary name and can be read."""
    workload = spawn(python, "busy.py", 0)
    recording = recorder("--pid", workload.pid, "-r", "199", "--rotate", "2s", "-o", "rec.json")
    workload.go()
    wait_until(lambda: windows(recording, ".json"), "a window")

    def parts():
        """What can be read of windows that are not finished."""
        for path in recording.folder.glob("rec-*.pybpf.*.pybpf"):
            made = recording.folder / "now.json"
            if not subprocess.run([str(PROGRAM), "convert", "-i", path, "-o", made], stderr=subprocess.PIPE).returncode:
                yield load(made)

    def stopped_with_a_part():
        """Stopped, it cannot finish the window before it is killed."""
        recording.send(signal.SIGSTOP)
        if any(part["sample_count"] and not part["complete"] for part in parts()):
            return True
        recording.send(signal.SIGCONT)
        return False

    wait_until(stopped_with_a_part, "a part of the next window", every=0.1)
    recording.process.kill()
    recording.process.wait()
    assert all(load(path)["complete"] for path in windows(recording, ".json"))
    assert any(part["sample_count"] and not part["complete"] for part in parts())


def test_what_cannot_be_rotated_is_refused(pybpfprof):
    for args, words in (
        (["--rotate", "1s", "-o", "-", "-f", "folded"], "standard output"),
        (["--rotate", "0.1s"], "at least a second"),
        (["--rotate", "1kB"], "at least"),
        (["--rotate", "often"], "5m"),
    ):
        done = pybpfprof("record", "--pid", os.getpid(), *args)
        assert done.returncode == 2 and words in done.stderr, done.stderr


# ---- --open -----------------------------------------------------------------------------------------------------------

XDG_OPEN = """#!/bin/sh
{{ id -u; echo "$1"; echo "$DISPLAY"; echo "$HOME"; test -r "$1" && echo readable; }} > {said}.part
mv {said}.part {said}
exit {status}
"""


@pytest.fixture
def place():
    """A folder that everybody may go through, as those of pytest are not."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pybpfprof-open-"))
    folder.chmod(0o755)
    (folder / "out").mkdir()
    (folder / "out").chmod(0o777)
    (folder / "in.json").write_text('{"process_name":"a","functions":{"f":{"samples":1,"time":0.01}},'
                                    '"samples":[{"thread_id":1,"stack":["f"],"timestamp":1.5}]}')  # fmt: skip
    (folder / "in.json").chmod(0o644)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def desktop(place):
    """desktop(status=0) plants an xdg-open; the environment of somebody who typed sudo on a screen, and what it said."""

    def plant(status=0):
        opener = place / "xdg-open"
        opener.write_text(XDG_OPEN.format(said=place / "out/said", status=status))
        opener.chmod(0o755)
        env = {key: value for key, value in os.environ.items() if key not in ("WAYLAND_DISPLAY", "BROWSER")}
        sudo = {"SUDO_UID": str(NOBODY), "SUDO_GID": str(NOBODY), "SUDO_USER": "nobody", "DISPLAY": ":7"}
        return {**env, **sudo, "PATH": f"{place}:{env['PATH']}"}, place / "out/said"

    return plant


def test_open_is_for_the_invoking_user(pybpfprof, desktop, place):
    env, said = desktop()
    page = place / "out/-x.svg"
    for args in (["convert", "-o", "out/x.prof", "-o", page], ["flamegraph", "-o", page]):
        done = pybpfprof(*args, "--open", "-i", "in.json", env=env, cwd=place)
        assert done.returncode == 0 and f"opened {page} for nobody" in done.stderr, done.stderr
        wait_until(said.exists, "xdg-open")
        uid, shown, display, home, readable = said.read_text().splitlines()
        assert (int(uid), shown, display, readable) == (NOBODY, str(page), ":7", "readable")
        assert home != "/root"
        said.unlink()


def test_open_after_a_recording(pybpfprof, desktop, place):
    env, said = desktop()
    command = ["/usr/bin/python3", "-c", "sum(range(10**7))"]
    done = pybpfprof("record", "--open", "-o", "out/x.json", "-o", "out/x.html", "--", *command, env=env, cwd=place)
    assert done.returncode == 0 and "opened" in done.stderr, done.stderr
    wait_until(said.exists, "xdg-open")
    assert said.read_text().splitlines()[1] == str(place / "out/x.html")


def test_open_says_why_not(pybpfprof, desktop, place):
    """Never root's browser, never a browser in the terminal; the outputs are there all the same."""
    env, _ = desktop()
    root = {key: value for key, value in env.items() if not key.startswith("SUDO_")}
    for changed, words in (
        (root, "root's own session"),
        ({key: value for key, value in env.items() if key != "DISPLAY"}, "no screen"),
        ({**env, "PATH": "/nowhere"}, "no xdg-open"),
    ):
        done = pybpfprof("flamegraph", "-i", "in.json", "-o", "out/x.svg", "--open", env=changed, cwd=place)
        assert done.returncode == 0 and words in done.stderr, done.stderr
        assert (place / "out/x.svg").exists()
        (place / "out/x.svg").unlink()
    refused = pybpfprof("convert", "-i", "in.json", "-o", "out/x.prof", "--open", env=env, cwd=place)
    assert refused.returncode == 2 and "--open" in refused.stderr


def test_open_through_sudo(desktop, place):
    """With what sudo was told to keep the page is shown; without it the path to open is said, and nothing is started."""
    if not shutil.which("sudo") or not os.path.isdir("/etc/sudoers.d") or not os.path.exists("/usr/bin/xdg-open"):
        pytest.skip("needs sudo, its folder of rules and xdg-utils")
    _, said = desktop()
    program, rule = (f"{folder}/pybpfprof-open-{os.getpid()}" for folder in ("/usr/local/bin", "/etc/sudoers.d"))
    shell = {"WAYLAND_DISPLAY": "wayland-7", "BROWSER": str(place / "xdg-open"), "PATH": os.environ["PATH"]}
    try:
        shutil.copy(PROGRAM, program)
        with open(os.open(rule, os.O_CREAT | os.O_WRONLY, 0o440), "w") as file:
            file.write(f"nobody ALL=(root) NOPASSWD:SETENV: {program}\n")
        without, done = (subprocess.run(
            ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "sh", "-c",
             f"sudo -n {options} {program} flamegraph -i in.json -o out/x.svg --open; exit $?"],
            cwd=place, env=shell, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        ) for options in ("", "--preserve-env=WAYLAND_DISPLAY,BROWSER"))  # fmt: skip
    finally:
        for path in (rule, program):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
    if "sudo:" in done.stderr:
        pytest.skip("sudo does not work here: " + done.stderr.strip())
    assert without.returncode == 0 and "out/x.svg is not opened: there is no screen" in without.stderr, without.stderr
    assert done.returncode == 0 and "opened out/x.svg for nobody" in done.stderr, done.stderr
    # the browser may be started behind its opener's back
    wait_until(said.exists, "the browser")
    uid, shown, *_ = said.read_text().splitlines()
    assert int(uid) == NOBODY and shown.endswith("/out/x.svg")
