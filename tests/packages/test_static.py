# SPDX-License-Identifier: MIT
"""The static binary where there is nothing else: no C library, no /etc, no descriptions of terminals."""

import os
import pathlib
import pwd
import shutil
import tempfile

import pytest

import backend_stub
from conftest import daemon, is_profile_of_workload, on_a_terminal, output_of, wait_pushed


def test_it_needs_no_library_and_no_loader(release):
    headers, dynamic = output_of("readelf", "-lW", release.static), output_of("readelf", "-dW", release.static)
    assert "INTERP" not in headers and "GNU_RELRO" in headers
    assert "(NEEDED)" not in dynamic and "BIND_NOW" in dynamic and "PIE" in dynamic


def test_it_records_where_there_is_nothing(bare_root, busy):
    bare_root.run("/bin/pybpfprof", "record", "--pid", busy, "-d", "2s", "-o", "/tmp/out.svg")
    assert is_profile_of_workload(bare_root.read("/tmp/out.svg"))


@pytest.mark.parametrize("terminal", ["xterm-256color", "tmux-256color", "linux", "alacritty"])
def test_top_draws_without_descriptions_of_terminals(bare_root, busy, terminal):
    argv = bare_root.argv("/bin/pybpfprof", "top", "--pid", busy, env=[f"TERM={terminal}"])
    drawn = on_a_terminal(argv, until="busy_in_here")
    assert "\x1b[" in drawn and "pybpfprof top:" not in drawn  # not line by line


def test_top_writes_lines_where_it_knows_no_such_terminal(bare_root, busy):
    argv = bare_root.argv("/bin/pybpfprof", "top", "--pid", busy, env=["TERM=teletype"])
    assert "pybpfprof top:" in on_a_terminal(argv, until="busy_in_here", keys="\x03")


@pytest.fixture
def folder_of_nobody():
    nobody = pwd.getpwnam("nobody")
    path = pathlib.Path(tempfile.mkdtemp(prefix="pybpfprof-nobody-"))
    os.chown(path, nobody.pw_uid, nobody.pw_gid)
    yield path, nobody
    shutil.rmtree(path)


def test_it_asks_no_plugins_of_this_system_who_users_are(release, folder_of_nobody):
    """Loading libnss_* of whatever system this is crashes a static program; sudo's user is looked up when a command starts."""
    folder, nobody = folder_of_nobody
    shutil.copy(release.static, folder)
    command = ["/usr/bin/python3", "-c", "import os; print(os.getuid(), os.getgroups(), os.environ['HOME']); sum(range(30_000_000))"]
    said = output_of(folder / "pybpfprof", "record", "-o", folder / "out.folded", "--", *command, cwd=folder,
                     env={**os.environ, "SUDO_UID": str(nobody.pw_uid), "SUDO_GID": str(nobody.pw_gid)})  # fmt: skip
    assert f"{nobody.pw_uid} [{nobody.pw_gid}] {nobody.pw_dir}" in said


def test_it_pushes_from_where_there_is_nothing(bare_root, busy):
    with backend_stub.Stub() as stub:
        argv = bare_root.argv("/bin/pybpfprof", "daemon", "--window", "1s", "--pid", busy, "--push", stub.url("pyroscope"))
        with daemon(argv):
            wait_pushed(stub)


def test_hosts_are_found_by_the_files_of_the_root(bare_root, busy):
    """Names too, without plug-ins: /etc/hosts of the root, and what is not there is said."""
    hosts = bare_root.path / "etc/hosts"
    hosts.parent.mkdir(exist_ok=True)
    hosts.write_text("127.0.0.1 profiles.internal\n")
    (bare_root.path / "etc/nsswitch.conf").write_text("hosts: mymachines resolve files dns\npasswd: files systemd\n")
    with backend_stub.Stub() as stub:
        url = stub.url("pyroscope").replace("127.0.0.1", "profiles.internal")
        argv = bare_root.argv("/bin/pybpfprof", "daemon", "--window", "1s", "--pid", busy, "--push", url)
        with daemon(argv):
            wait_pushed(stub)

