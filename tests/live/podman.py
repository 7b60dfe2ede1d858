# SPDX-License-Identifier: MIT
"""Containers of podman and runc, without images: a root directory into which this machine's /usr is mounted."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from conftest import PATIENCE, Workload, wait_until

PLACES = os.environ["PATH"] + ":/usr/sbin:/sbin"
LIMITS = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"]  # the usual ones need CAP_SYS_RESOURCE


def rootless(folder):
    """The least a container needs to run this machine's Python."""
    root = folder / "root"
    for name in ("usr", "proc", "sys", "dev", "tmp", "etc", "run", "w"):
        (root / name).mkdir(parents=True)
    for name in ("bin", "lib", "lib64", "sbin"):
        real = pathlib.Path("/", name)
        if real.is_symlink():
            (root / name).symlink_to(os.readlink(real))
    return root


class Podman:
    """An engine with a storage of its own. Names begin with `prefix`, which nobody else's do."""

    def __init__(self, folder):
        for tool in ("podman", "runc"):
            if not shutil.which(tool, path=PLACES):
                pytest.skip(f"no {tool} on this machine")
        self.prefix = f"pybpfprof{os.getpid()}-"
        self.root = rootless(folder)
        self.short = tempfile.mkdtemp(prefix="podman-")  # a run root may have 50 characters
        self.words = ["podman", "--cgroup-manager=cgroupfs", "--storage-driver=vfs", f"--root={folder}/storage",
                      f"--runroot={self.short}", "--runtime=" + shutil.which("runc", path=PLACES)]  # fmt: skip
        self.names = []
        probe = self.podman(*self._run("probe", ["--rm"]), "/usr/bin/true")
        if probe.returncode:
            pytest.skip("no container starts here: " + probe.stdout.strip()[-300:])

    def podman(self, *args):
        return subprocess.run([*self.words, *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def _run(self, name, options, mounts=()):
        self.names.append(self.prefix + name)
        volumes = [word for at in ("/usr", *mounts) for word in ("-v", f"{at}:{at}:ro")]
        return ["run", *options, f"--name={self.prefix}{name}", "--network=none", *LIMITS, *volumes, "--rootfs", self.root]

    def workload(self, name, argv, folder):
        """A workload of `folder`, which the container sees as /w, with our ends of its input and output."""
        run = self._run(name, ["--rm", "-i", "-v", f"{folder}:/w:ro"])
        return Workload([*self.words, *run, *argv])

    def start(self, name, *argv, mounts=()):
        """Its pid, once it is Python."""
        done = self.podman(*self._run(name, ["-d"], mounts), *map(str, argv))
        assert done.returncode == 0, done.stdout
        return self.pid(name)

    def restart(self, name):
        """The same container once more: its new pid."""
        done = self.podman("restart", "-t0", self.prefix + name)
        assert done.returncode == 0, done.stdout
        return self.pid(name)

    def remove(self, name):
        self.podman("rm", "-f", "-i", "-t0", self.prefix + name)

    def state(self, name):
        return json.loads(self.podman("inspect", self.prefix + name).stdout)[0]

    def pid(self, name):
        pid = self.state(name)["State"]["Pid"]
        wait_until(lambda: "python" in os.path.basename(os.readlink(f"/proc/{pid}/exe")), "its Python", PATIENCE)
        return pid

    def close(self):
        if self.names:
            self.podman("rm", "-f", "-i", "-t0", *self.names)
        shutil.rmtree(self.short, ignore_errors=True)


@pytest.fixture
def podman(tmp_path):
    engine = Podman(tmp_path)
    yield engine
    engine.close()


def cgroup_of(pid):
    """Of version 2."""
    return next(line[3:].rstrip("\n") for line in open(f"/proc/{pid}/cgroup") if line.startswith("0::"))


def needs_own_cgroup(pid):
    if cgroup_of(pid) == "/":
        pytest.skip("this container has no cgroup v2 of its own")
