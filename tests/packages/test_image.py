# SPDX-License-Identifier: MIT
"""The image, under podman and runc with the rights that its pages name; and as the DaemonSet has it."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

import backend_stub
from conftest import ROOT, daemon, is_profile_of_workload, output_of, wait_pushed

LIMITS = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"]  # the usual ones need CAP_SYS_RESOURCE
RIGHTS = ["--pid=host", "--cap-drop=all", "--cap-add=BPF,PERFMON,SYS_PTRACE,DAC_READ_SEARCH", "--security-opt=seccomp=unconfined", "--read-only"]


class Engine:
    def __init__(self, folder, release):
        runc = shutil.which("runc", path="/usr/sbin:/sbin:/usr/bin")
        if not shutil.which("podman") or not runc:
            pytest.skip("no podman or no runc here (scripts/install-deps.sh --packages)")
        self.short = tempfile.mkdtemp(prefix="podman-")  # a run root may have 50 characters
        self.words = ["podman", "--cgroup-manager=cgroupfs", "--storage-driver=vfs", f"--root={folder}/storage", f"--runroot={self.short}",
                      f"--runtime={runc}"]  # fmt: skip
        output_of(*self.words, "load", "-i", release.file("*-image-*.tar"))
        self.image = output_of(*self.words, "images", "--format={{.Repository}}:{{.Tag}}").strip()
        probe = subprocess.run(self.argv("--network=none", command=["--version"]), capture_output=True, text=True)
        if probe.returncode:
            pytest.skip("no container starts here: " + probe.stderr.strip()[-300:])

    def argv(self, *options, command):
        return [*self.words, "run", "--rm", *LIMITS, *map(str, options), self.image, *map(str, command)]

    def close(self):
        subprocess.run([*self.words, "rm", "-f", "-a", "-t0"], capture_output=True)
        shutil.rmtree(self.short, ignore_errors=True)


@pytest.fixture(scope="module")
def engine(tmp_path_factory, release):
    made = Engine(tmp_path_factory.mktemp("engine"), release)
    yield made
    made.close()


def test_the_image_says_what_it_is(engine, version):
    assert engine.image == f"localhost/pybpfprof:{version}"
    assert output_of(*engine.argv("--network=none", command=["--version"])).split()[1] == version


def test_it_records_with_four_capabilities(engine, busy):
    command = ["record", "--pid", busy, "-d", "2s", "-q", "-f", "svg", "-o", "-"]
    done = subprocess.run(engine.argv("--network=none", *RIGHTS, command=command), capture_output=True, text=True)
    assert done.returncode == 0 and is_profile_of_workload(done.stdout), done.stderr


def test_without_the_hosts_processes_it_says_so(engine, busy):
    rights = [each for each in RIGHTS if each != "--pid=host"]
    command = ["record", "--all", "-d", "1s", "-f", "svg", "-o", "-"]
    done = subprocess.run(engine.argv("--network=none", *rights, command=command), capture_output=True, text=True)
    assert "--pid=host" in done.stderr and "busy_in_here" not in done.stdout, done.stderr


def test_it_is_a_daemon_by_itself(engine, busy):
    """The image's own command, told by the environment."""
    with backend_stub.Stub() as stub:
        told = {"PUSH": stub.url("pyroscope"), "PID": busy, "WINDOW": "1s"}
        options = [f"--env=PYBPFPROF_{name}={value}" for name, value in told.items()]
        with daemon(engine.argv("--network=host", *RIGHTS, *options, command=[])):
            wait_pushed(stub)


# ---- the DaemonSet -----------------------------------------------------------------------------------


def documents():
    yaml = pytest.importorskip("yaml", reason="no python3-yaml here (scripts/install-deps.sh --packages)")
    found = list(yaml.safe_load_all((ROOT / "packaging/kubernetes/daemonset.yaml").read_text()))
    return {each["kind"]: each for each in found}


def options_of(pod, container, volumes):
    """What podman is told for what Kubernetes would do. Anything it does not know is an error: it would be left out."""
    known = {"runAsUser", "runAsGroup", "privileged", "allowPrivilegeEscalation", "readOnlyRootFilesystem", "capabilities", "seccompProfile"}
    rights = container["securityContext"]
    assert set(rights) == known and not rights["privileged"] and rights["seccompProfile"] == {"type": "Unconfined"}
    yield from ("--pid=host",) if pod["hostPID"] else ()
    yield f"--user={rights['runAsUser']}:{rights['runAsGroup']}"
    yield from ("--read-only", "--read-only-tmpfs=false") if rights["readOnlyRootFilesystem"] else ()
    yield from () if rights["allowPrivilegeEscalation"] else ("--security-opt=no-new-privileges",)
    yield from (f"--cap-drop={each}" for each in rights["capabilities"]["drop"])
    yield "--cap-add=" + ",".join(rights["capabilities"]["add"])
    yield "--security-opt=seccomp=unconfined"
    yield f"--memory={container['resources']['limits']['memory'].replace('Mi', 'm')}"
    yield "--env=NODE_NAME=a-node"
    for mount in container["volumeMounts"]:
        assert mount["readOnly"]
        yield f"--volume={volumes[mount['name']]}:{mount['mountPath']}:ro"


@contextlib.contextmanager
def node(folder, pod, config):
    """Where each volume is: host paths that a node has, made up where this machine has none."""
    volumes = {}
    for each in pod["volumes"]:
        volumes[each["name"]] = path = folder / each["name"]
        if "hostPath" in each and pathlib.Path(each["hostPath"]["path"]).is_dir():
            volumes[each["name"]] = each["hostPath"]["path"]
            continue
        path.mkdir()
        if "configMap" in each:
            for name, text in config.items():
                (path / name).write_text(text)
        if "secret" in each:
            (path / "token").write_text("s3cret\n")
            (path / "token").chmod(each["secret"]["defaultMode"])
    yield volumes


def test_the_daemonset_runs_with_exactly_its_rights(engine, busy, tmp_path):
    """Its pod's settings, its configuration and its token; only the back end's address and the window are the test's."""
    there = documents()
    pod = there["DaemonSet"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["hostPID"] and not pod["automountServiceAccountToken"] and container["image"] == engine.image
    with backend_stub.Stub(token="s3cret") as stub:
        config = there["ConfigMap"]["data"]["pybpfprof.conf"].replace("#token-file", "token-file")
        assert "pyroscope+http://pyroscope.monitoring:4040" in config
        config = config.replace("pyroscope+http://pyroscope.monitoring:4040", stub.url("pyroscope")) + f"window = 1s\npid = {busy}\n"
        with node(tmp_path, pod, {"pybpfprof.conf": config}) as volumes:
            options = list(options_of(pod, container, volumes))
            name = f"pybpfprof{os.getpid()}-daemonset"
            with daemon(engine.argv("--network=host", f"--name={name}", *options, command=container["args"])):
                wait_pushed(stub)
                probe = subprocess.run([*engine.words, "exec", name, *container["livenessProbe"]["exec"]["command"]], capture_output=True, text=True)
                assert probe.returncode == 0, probe
        assert all(each.labels["node"] == "a-node" for each in stub.profiles())
