# SPDX-License-Identifier: MIT
"""scripts/install-deps.sh on distributions that are made up: what dpkg and apt answer comes from the test."""

import os
import pathlib
import subprocess
import time

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts/install-deps.sh"

EVERYWHERE = """
    make gcc libc6-dev linux-libc-dev pkg-config clang llvm libbpf-dev libelf-dev zlib1g-dev libdeflate-dev libcap-dev
    libncurses-dev libiberty-dev liblzma-dev libdw-dev uthash-dev python3 procps util-linux libcmocka-dev libxml2-utils
    python3-pytest python3-pytest-xdist
    python3-venv python3-jsonschema python3-selenium qemu-system-x86 qemu-system-arm qemu-user-static
    bsdextrautils gcc-aarch64-linux-gnu tmux sudo libcap2-bin podman runc mmdebstrap uwsgi-core uwsgi-plugin-python3
    apache2-bin libapache2-mod-wsgi-py3 gdb
    golang-go valgrind npm nodejs jq zsh fish man-db mandoc shellcheck
    libseccomp-dev libcurl4-openssl-dev libmbedtls-dev openssl prometheus postgresql
"""
# What each has beyond that, of what the script asks for.
ARCHIVES = {
    "debian 12": "bpftool python3.11 libclang-rt-dev chromium chromium-driver",
    "debian sid": "bpftool python3.13 libclang-rt-dev chromium chromium-driver",
    "ubuntu 22.04": "linux-tools-generic python3.10 python3.11",
    "ubuntu 24.04": "linux-tools-generic python3.12 libclang-rt-dev",
}

APT_CACHE = """#!/bin/sh
# policy NAME…: as the real one, names without a candidate included
shift
for name; do
    grep -qxF "$name" {folder}/archive && candidate=1.0 || candidate='(none)'
    printf '%s:\\n  Installed: (none)\\n  Candidate: %s\\n  Version table:\\n' "$name" "$candidate"
done
"""
DPKG_QUERY = """#!/bin/sh
# -W -f FORMAT NAME…
shift 3
for name; do
    grep -qxF "$name" {folder}/installed && echo "installed $name" || status=1
done
exit $status
"""
APT_GET = """#!/bin/sh
# Notes how it was called; what is in `broken` makes an installation fail, which then leaves nothing.
echo "$@" >>{folder}/calls
case "$*" in
*" install "*) ;;
*) exit 0 ;;
esac
names=$(echo "$*" | sed 's/.*--no-install-recommends //')
for name in $names; do
    grep -qxF "$name" {folder}/broken && exit 100
done
printf '%s\\n' $names >>{folder}/installed
"""


class Distribution:
    def __init__(self, folder, archive):
        self.folder = folder
        self.write("archive", archive.split())
        for name in ("installed", "broken", "calls"):
            self.write(name, [])
        for name, text in (("apt-cache", APT_CACHE), ("dpkg-query", DPKG_QUERY), ("apt-get", APT_GET)):
            (folder / name).write_text(text.replace("{folder}", str(folder)))
            (folder / name).chmod(0o755)

    def write(self, name, lines):
        (self.folder / name).write_text("".join(f"{line}\n" for line in lines))

    def read(self, name):
        return (self.folder / name).read_text().splitlines()

    def run(self, *options, status=0, prefix=(), script=SCRIPT):
        env = {**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}", "BUILD": str(self.folder / "build")}
        done = subprocess.run([*prefix, script, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
        assert done.returncode == status, done
        return done


@pytest.fixture
def distribution(tmp_path):
    return lambda name, without=(): Distribution(
        tmp_path, " ".join(set(f"{EVERYWHERE} {ARCHIVES.get(name, name)}".split()) - set(without))
    )


@pytest.mark.parametrize(
    "name, bpftool, python",
    [
        ("debian 12", "bpftool", "python3.11"),
        ("debian sid", "bpftool", "python3.13"),
        ("ubuntu 22.04", "linux-tools-generic", "python3.10"),
        ("ubuntu 24.04", "linux-tools-generic", "python3.12"),
    ],
)
def test_list(distribution, name, bpftool, python):
    here = distribution(name)
    done = here.run("--list")
    listed = done.stdout.split()
    assert set(listed) <= set(here.read("archive")), "nothing that is not there"
    assert {"clang", "libbpf-dev", "libcmocka-dev", "npm", bpftool, python} <= set(listed)
    assert sum(one.startswith("python3.") for one in listed) == 1
    assert ("chromium" in listed) == ("chromium chromium-driver" not in done.stderr) == name.startswith("debian")
    build = here.run("--build-only", "--list").stdout.split()
    assert build and listed[: len(build)] == build and "libcmocka-dev" not in build
    assert ("libclang-rt-dev" in here.run("--fuzz", "--list").stdout.split()) == (name != "ubuntu 22.04")
    assert {"qemu-system-x86", "qemu-system-arm"} <= set(here.run("--vm", "--list").stdout.split())
    assert {"gcc-aarch64-linux-gnu", "qemu-user-static"} <= set(here.run("--arm64", "--list").stdout.split())
    assert not here.read("calls")


def test_what_is_installed_comes_before_what_could_be(distribution):
    here = distribution("debian 12")
    here.write("installed", ["nodejs", "python3.13", "linux-tools-generic"])
    listed = here.run("--list").stdout.split()
    assert {"nodejs", "python3.13", "linux-tools-generic"} <= set(listed)
    assert not {"npm", "python3.11", "bpftool"} & set(listed)


@pytest.mark.parametrize("name", ["libbpf-dev", "libcmocka-dev"])
def test_what_the_build_and_the_units_need_must_be_there(distribution, name):
    here = distribution("debian 12", [name])
    assert name in here.run(status=1).stderr and name in here.run("--list", status=1).stderr
    assert not [call for call in here.read("calls") if " install " in call]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root installs")
class TestInstallation:
    def test_everything_that_is_there_and_then_quickly_nothing(self, distribution):
        here = distribution("ubuntu 24.04")
        said = here.run().stdout
        assert "not to be had here: chromium chromium-driver" in said
        assert {"clang", "linux-tools-generic", "python3.12", "jq"} <= set(here.read("installed"))
        calls = len(here.read("calls"))
        assert "not to be had here: chromium chromium-driver" in here.run().stdout
        assert len(here.read("calls")) == calls, "not asked for again"
        here.write("archive", [*here.read("archive"), "chromium", "chromium-driver"])
        os.utime(here.folder / "build/absent-packages", (time.time() - 2 * 86400,) * 2)
        here.run()
        assert "chromium" in here.read("installed"), "but on another day"
        assert "all packages are present" in here.run().stdout

    def test_a_reader_that_cannot_be_installed_is_in_nobodys_way(self, distribution):
        here = distribution("debian 12")
        here.write("broken", ["npm"])
        done = here.run()
        assert "could not install npm" in done.stderr and "not to be had here: npm|nodejs" in done.stdout
        assert {"clang", "libcmocka-dev", "jq", "chromium"} <= set(here.read("installed"))

    def test_a_compiler_that_cannot_be_installed_is_an_error(self, distribution):
        here = distribution("debian 12")
        here.write("broken", ["clang"])
        assert "could not install" in here.run("--build-only", status=1).stderr
        here.run(status=1)

    def test_for_the_demo_nothing_else(self, distribution):
        here = distribution("debian sid")
        here.run("--demo")
        assert {"python3.13", "procps"} <= set(here.read("installed"))
        assert not {"chromium", "jq", "libcmocka-dev"} & set(here.read("installed"))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become nobody")
class TestNobody:
    @pytest.fixture
    def as_nobody(self, distribution):
        """In a folder that nobody can read, with the script beside."""
        here = distribution("debian 12")
        for folder in (here.folder, *list(here.folder.parents)[:3]):
            folder.chmod(folder.stat().st_mode | 0o055)
        (here.folder / "scripts").mkdir()
        script = here.folder / "scripts/install-deps.sh"
        script.write_bytes(SCRIPT.read_bytes())
        script.chmod(0o755)
        prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        return here, lambda *options, **more: here.run(*options, prefix=prefix, script=script, **more)

    def test_is_told_what_is_missing(self, as_nobody):
        _, run = as_nobody
        said = run("--build-only", status=1).stderr
        assert "must be root" in said and "libbpf-dev" in said and "libcmocka-dev" not in said

    def test_goes_on_without_readers(self, as_nobody):
        here, run = as_nobody
        here.write("installed", [one for one in here.read("archive") if one not in ("jq", "zsh")])
        assert "jq zsh" in run().stderr
        assert not here.read("calls")


def test_quick_when_nothing_is_missing():
    start = time.monotonic()
    done = subprocess.run([SCRIPT, "--units"], stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0 and "all packages are present" in done.stdout
    assert time.monotonic() - start < 20, "a dpkg query takes a fraction of a second"


def test_refuses_unknown_options():
    done = subprocess.run([SCRIPT, "--nonsense"], stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert "--build-only" in done.stderr
