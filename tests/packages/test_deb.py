# SPDX-License-Identifier: MIT
"""The Debian package: clean by lintian, and installed into a Debian that has nothing else."""

import re
import shutil
import subprocess

import pytest

import backend_stub
from conftest import ROOT, daemon, is_profile_of_workload, output_of, wait_pushed

UNIT = "/lib/systemd/system/pybpfprof.service"
CAPABILITIES = {"CAP_BPF", "CAP_PERFMON", "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"}


def test_lintian_finds_nothing(release):
    if not shutil.which("lintian"):
        pytest.skip("no lintian here (scripts/install-deps.sh --packages)")
    found = subprocess.run(["lintian", "--allow-root", "--fail-on=warning,error", release.file("*.deb")],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # fmt: skip
    assert found.returncode == 0 and not re.findall(r"^[EW]: .*", found.stdout, re.M), found.stdout


def test_it_has_what_a_package_has(debian_with_deb, version):
    root = debian_with_deb
    shown = root.run("dpkg", "-L", "pybpfprof").splitlines()
    for each in ("/usr/bin/pybpfprof", "/usr/share/man/man1/pybpfprof.1.gz", "/usr/share/bash-completion/completions/pybpfprof",
                 "/usr/share/zsh/vendor-completions/_pybpfprof", "/usr/share/fish/vendor_completions.d/pybpfprof.fish",
                 "/usr/share/pybpfprof/profile.schema.json", "/usr/share/doc/pybpfprof/README.md", "/etc/pybpfprof.conf",
                 "/usr/share/doc/pybpfprof/docs/install.md", "/usr/share/doc/pybpfprof/copyright", UNIT):  # fmt: skip
        assert each in shown, each
    assert root.run("pybpfprof", "--version").split()[1] == version
    assert "/etc/pybpfprof.conf" in root.run("dpkg-query", "-W", "-f", "${Conffiles}", "pybpfprof")


def test_the_changelog_is_debians(debian_with_deb, version):
    text = debian_with_deb.run("zcat", "/usr/share/doc/pybpfprof/changelog.Debian.gz")
    assert text.startswith(f"pybpfprof ({version}) unstable;") and re.search(r"^ -- .*> +\w+, \d\d \w+ \d{4} ", text, re.M)


def test_it_records(debian_with_deb, busy):
    debian_with_deb.run("pybpfprof", "record", "--pid", busy, "-d", "2s", "-o", "/tmp/out.svg")
    assert is_profile_of_workload(debian_with_deb.read("/tmp/out.svg"))


def test_its_daemon_pushes(debian_with_deb, busy):
    """By the file that the service reads."""
    root = debian_with_deb
    with backend_stub.Stub() as stub:
        (root.path / "etc/pybpfprof.conf").write_text(f"push = {stub.url('pyroscope')}\npid = {busy}\nwindow = 1s\n")
        with daemon(root.argv("pybpfprof", "daemon")):
            wait_pushed(stub)


def test_the_service_is_installed_but_not_enabled(debian_with_deb):
    assert not list((debian_with_deb.path / "etc/systemd/system").glob("**/pybpfprof*"))


def service():
    """The unit's settings: each name with the list of its values."""
    found = {}
    for line in (ROOT / "packaging/systemd/pybpfprof.service").read_text().splitlines():
        name, is_setting, value = line.partition("=")
        if is_setting and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def test_the_service_has_four_capabilities():
    unit = service()
    assert set(unit["AmbientCapabilities"][0].split()) == set(unit["CapabilityBoundingSet"][0].split()) == CAPABILITIES
    assert unit["DynamicUser"] == unit["NoNewPrivileges"] == ["yes"] and unit["Type"] == ["notify"]


def analyzed(root, *words):
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here (package systemd)")
    return subprocess.run(["systemd-analyze", *words, f"--root={root.path}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_systemd_understands_the_service(debian_with_deb):
    """Nothing is said of this unit; what is missing in a root without systemd is not its matter."""
    root = debian_with_deb
    for target in ("network-online.target", "multi-user.target", "basic.target", "sysinit.target", "shutdown.target"):
        (root.path / "lib/systemd/system" / target).write_text("[Unit]\n")
    done = analyzed(root, "verify", "--man=no", "--recursive-errors=no", UNIT)
    assert done.returncode == 0 and "pybpfprof" not in done.stdout, done.stdout


def test_the_service_is_hardened(debian_with_deb, record_property):
    done = analyzed(debian_with_deb, "security", "--offline=true", "--threshold=30", "pybpfprof.service")
    exposure = re.search(r"Overall exposure level for pybpfprof.service: ([\d.]+)", done.stdout)
    assert done.returncode == 0 and exposure, done.stdout
    record_property("exposure", exposure[1])
    print("exposure", exposure[1])


def test_the_daemon_calls_what_the_service_lets_it(debian_with_deb, busy, tmp_path):
    """SystemCallFilter, from what strace sees of a daemon that pushes and answers."""
    if not shutil.which("strace") or not shutil.which("systemd-analyze"):
        pytest.skip("no strace or no systemd-analyze here")
    allowed = set(service()["SystemCallFilter"][0].split())
    for group in [each for each in allowed if each.startswith("@")]:
        allowed |= calls_of(group)
    with backend_stub.Stub() as stub:
        words = ["daemon", "--window", "1s", "--pid", busy, "--push", stub.url("pyroscope"), "--listen", f"unix:/tmp/{tmp_path.name}"]
        log = tmp_path / "calls"
        with daemon(["strace", "-f", "-qq", "-o", log, *debian_with_deb.argv("pybpfprof", *words)]) as process:
            wait_pushed(stub)
            # strace forwards no signals: the program is told itself.
            output_of("pkill", "-TERM", "-P", process.pid)
    called = set(re.findall(r"^\d+ +(\w+)\(", after_exec(log.read_text()), re.M))
    assert called and not called - allowed, called - allowed


def after_exec(text):
    """From the daemon's own start on: before it are sh, mount and chroot."""
    return text[text.index('execve("/usr/bin/pybpfprof"'):]


def calls_of(group):
    found, groups = set(), [group]
    while groups:
        for word in output_of("systemd-analyze", "syscall-filter", groups.pop()).split("\n"):
            word = word.strip()
            if word.startswith("@") and word not in found:
                groups.append(word)
            found.add(word)
    return found
