# SPDX-License-Identifier: MIT
"""Fixtures of the suite `packages`: a release, made twice in folders of different names, and roots that hold little else."""

import concurrent.futures
import contextlib
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
FOLDER = (ROOT / os.environ.get("BUILD", "build")).resolve() / "packages"
PATIENCE = 120
AGAIN = bool(os.environ.get("AGAIN"))
CHROOT = shutil.which("chroot", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
sys.path.append(str(ROOT / "tests/live"))  # for backend_stub

# What a make of the tests is not to hear from the one that may have started them.
CLEAN = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "BUILD", "STATIC", "SOURCE_DATE_EPOCH")}


def output_of(*argv, **more):
    """Of a command that has to succeed."""
    done = subprocess.run([str(each) for each in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    assert done.returncode == 0, f"{argv}: status {done.returncode}\n{done.stdout[-4000:]}"
    return done.stdout


def pytest_collection_modifyitems(items):
    if os.geteuid():
        for each in items:
            each.add_marker(pytest.mark.skip(reason="needs root: packages are installed into roots of their own"))


# ---- releases ----------------------------------------------------------------------------------------


class Release:
    """`make release` of a copy of this tree; with AGAIN=1 in the environment, that (and roots) of the last time."""

    def __init__(self, name):
        self.tree = FOLDER / name
        if not AGAIN:
            shutil.rmtree(self.tree, ignore_errors=True)
            output_of(ROOT / "packaging/tree.sh", self.tree)
        self.folder = self.tree / "build/release"
        self.static = self.tree / "build/static/pybpfprof"

    def make(self):
        if not AGAIN:
            output_of("make", "-j2", "release", cwd=self.tree, env=CLEAN)
        return self

    def file(self, pattern):
        (found,) = self.folder.glob(pattern)
        return found


@pytest.fixture(scope="session")
def releases():
    """Two: nothing in one may say where it was made, or when."""
    both = [Release("release"), Release("another-folder/release")]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return list(pool.map(Release.make, both))


@pytest.fixture(scope="session")
def release(releases):
    return releases[0]


@pytest.fixture(scope="session")
def version(release):
    return output_of("make", "-s", "print-VERSION", cwd=release.tree, env=CLEAN).strip()


# ---- roots -------------------------------------------------------------------------------------------


class Root:
    """A root directory to run programs in, with the host's processes, kernel and network."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        for name in ("proc", "sys", "dev", "tmp"):
            (self.path / name).mkdir(parents=True, exist_ok=True)

    def argv(self, *argv, env=()):
        mounts = "".join(f"mount --rbind /{name} '{self.path}/{name}' && " for name in ("proc", "sys", "dev"))
        words = ["env", "-i", "PATH=/usr/bin:/usr/sbin:/bin:/sbin", "HOME=/tmp", *env]
        return ["unshare", "--mount", "--propagation", "slave", "sh", "-c", f"{mounts} exec \"$@\"", "sh",
                *words, CHROOT, str(self.path), *map(str, argv)]  # fmt: skip

    def run(self, *argv, env=()):
        return output_of(*self.argv(*argv, env=env))

    def read(self, path):
        return (self.path / path.lstrip("/")).read_text()


def apt_options():
    """What this machine's apt was told of the network."""
    dump = output_of("apt-config", "dump")
    lines = re.findall(r"^Acquire::(?:https?|ftp|Check-[A-Za-z-]*|Retries|ForceIPv4)[: ].*$", dump, re.M)
    path = FOLDER / "apt.conf"
    path.write_text("\n".join(lines) + "\n")
    return path


def debian(name, *packages):
    """A root of this machine's Debian with these packages, those they depend on, and what every Debian has."""
    if not shutil.which("mmdebstrap"):
        pytest.skip("no mmdebstrap here (scripts/install-deps.sh --packages)")
    release = dict(line.split("=", 1) for line in pathlib.Path("/etc/os-release").read_text().splitlines() if "=" in line)
    mirror = subprocess.run([ROOT / "scripts/mirror.sh", release["ID"]], stdout=subprocess.PIPE, text=True)
    if mirror.returncode:
        pytest.skip("this machine's apt has no mirror of Debian")
    path, suite = FOLDER / name, release["VERSION_CODENAME"]
    if AGAIN and (path / "etc").is_dir():
        return Root(path)
    subprocess.run(["rm", "-rf", "--one-file-system", path], check=True)
    source = f"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {mirror.stdout.strip()} {suite} main"
    output_of("unshare", "--mount", "mmdebstrap", "--quiet", "--variant=minbase", f"--aptopt={apt_options()}",
              "--hook-dir=/usr/share/mmdebstrap/hooks/file-mirror-automount",  # for packages that are files
              "--dpkgopt=force-unsafe-io", "--include=" + ",".join(map(str, packages)), suite, path, source)  # fmt: skip
    return Root(path)


@pytest.fixture(scope="session")
def debian_with_deb(release):
    return debian("debian-deb", release.file("*.deb"))


@pytest.fixture(scope="session")
def debian_with_python():
    return debian("debian-python", "python3-venv")


@pytest.fixture(scope="session")
def bare_root(release):
    """No C library, no shell but busybox's, nothing in /etc: as little as any distribution has."""
    busybox = shutil.which("busybox", path="/bin:/usr/bin")
    if not busybox or "not a dynamic" not in subprocess.run(["ldd", busybox], capture_output=True, text=True).stderr:
        pytest.skip("no static busybox here (package busybox-static)")
    path = FOLDER / "bare"
    subprocess.run(["rm", "-rf", "--one-file-system", path], check=True)
    root = Root(path)
    (path / "bin").mkdir()
    shutil.copy(busybox, path / "bin")
    (path / "bin/sh").symlink_to("busybox")
    shutil.copy(release.static, path / "bin")
    return root


# ---- the main job ------------------------------------------------------------------------------------


@contextlib.contextmanager
def busy_python(*prefix, python="/usr/bin/python3", seconds=600):
    """A Python of this machine that is busy in busy_in_here()."""
    process = subprocess.Popen([*prefix, python, HERE / "workload.py", str(seconds)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        yield process.pid
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def busy():
    with busy_python() as pid:
        yield pid


def is_profile_of_workload(svg):
    return svg.startswith("<?xml") and "busy_in_here" in svg and "workload.py" in svg


def on_a_terminal(argv, until, keys="q", seconds=PATIENCE):
    """What a program drew by the time that it drew `until`; then it is typed to, and has to end well."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp(argv[0], argv)
    drawn, end, typed = "", time.monotonic() + seconds, False
    while time.monotonic() < end:
        if select.select([fd], [], [], 0.2)[0]:
            try:
                data = os.read(fd, 65536)
            except OSError:
                break
            drawn += data.decode(errors="replace")
        if until in drawn and not typed:
            os.write(fd, keys.encode())
            typed = True
    else:
        os.kill(pid, 9)
    status = os.waitpid(pid, 0)[1]
    os.close(fd)
    assert typed and status == 0, (status, drawn[-2000:])
    return drawn


@contextlib.contextmanager
def daemon(argv, **more):
    """A daemon that has to stop well when it is told to."""
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    try:
        yield process
        process.terminate()
        said = process.communicate(timeout=PATIENCE)[0]
        assert process.returncode == 0, said
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def wait_pushed(stub, function="busy_in_here"):
    """Until the back end has a body with samples of that function."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if any(function in str(each.rows("cpu")) for each in stub.profiles()):
            return
        time.sleep(0.2)
    raise AssertionError(f"nothing of {function} was pushed: {stub.requests}")
