# SPDX-License-Identifier: MIT
"""The static binary where there is nothing else: no C library, no /etc, no descriptions of terminals."""

import os
import subprocess

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
def root_with_plugins(bare_root):
    """Its nsswitch.conf names a plug-in for all lookups that ends whoever loads it, as one made for another C library may."""
    root = bare_root.path
    for folder in ("etc", "lib", f"lib/{os.uname().machine}-linux-gnu"):
        (root / folder).mkdir(exist_ok=True)
    trap = "__attribute__((constructor)) static void trap(void) { __builtin_trap(); }"
    plugin = root / f"lib/{os.uname().machine}-linux-gnu/libnss_trap.so.2"
    output_of("gcc", "-shared", "-fPIC", "-nostdlib", "-x", "c", "-", "-o", plugin, input=trap)
    lines = (f"{name}: trap files\n" for name in ("passwd", "group", "initgroups", "hosts"))
    (root / "etc/nsswitch.conf").write_text("".join(lines))
    (root / "etc/hosts").write_text("127.0.0.1 profiles.internal\n")
    (root / "etc/passwd").write_text("somebody:x:4321:4321::/home/of/somebody:/bin/sh\n")
    (root / "etc/group").write_text("somebody:x:4321:\nothers:x:4322:somebody\n")
    (root / "tmp").chmod(0o1777)
    return bare_root


def test_it_asks_no_plugins_who_users_are(root_with_plugins):
    """sudo's user is looked up when a command starts."""
    argv = root_with_plugins.argv("/bin/pybpfprof", "record", "-o", "/tmp/out.folded", "--", "/bin/sh", "-c", "busybox id; echo $HOME",
                                  env=["SUDO_UID=4321", "SUDO_GID=4321"])  # fmt: skip
    said = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    assert "uid=4321(somebody) gid=4321(somebody) groups=4321(somebody),4322(others)" in said and "/home/of/somebody\n" in said, said


def test_it_pushes_from_where_there_is_nothing(bare_root, busy):
    with backend_stub.Stub() as stub:
        argv = bare_root.argv("/bin/pybpfprof", "daemon", "--window", "1s", "--pid", busy, "--push", stub.url("pyroscope"))
        with daemon(argv):
            wait_pushed(stub)


def test_it_asks_no_plugins_where_hosts_are(root_with_plugins, busy):
    with backend_stub.Stub() as stub:
        url = stub.url("pyroscope").replace("127.0.0.1", "profiles.internal")
        argv = root_with_plugins.argv("/bin/pybpfprof", "daemon", "--window", "1s", "--pid", busy, "--push", url)
        with daemon(argv):
            wait_pushed(stub)
