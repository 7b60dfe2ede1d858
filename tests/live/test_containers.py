# SPDX-License-Identifier: MIT
"""Containers by name: found by the beginning of an id or a name, followed when they are started again, told apart in every output."""

import collections
import json
import os
import re
import subprocess

import pytest

import interpreters
from conftest import PROGRAM, CGroup, children_of, let_work
from podman import cgroup_of, needs_own_cgroup, podman  # noqa: F401
from test_record import processes_of, seconds_by_pid

pytestmark = pytest.mark.xdist_group("containers")  # each would see the other's

SPIN = """
def {name}():
    x = 1
    while True:
        x = (x * 31 + 7) % 65521
{name}()
"""
IN_USR = [i for i in interpreters.SUPPORTED if i.path.startswith("/usr/bin/")]
Pid = collections.namedtuple("Pid", "pid")


@pytest.fixture
def python():
    if not IN_USR:
        pytest.skip("no supported Python in /usr/bin to run in the container")
    return IN_USR[0]


def spin(python, name):
    return [python.path, "-c", SPIN.format(name=name)]


def labels_of(document):
    """{pid: its labels}; of an image that became another one by exec the last one's."""
    found = collections.defaultdict(dict)
    for label in document.get("labels", []):
        found[document["processes"][label["process"]]["pid"]][label["key"]] = label["value"]
    return found


def work(pid, seconds):
    """Until it has had that much more CPU time."""
    let_work(Pid(pid), seconds)


def dump(*args):
    done = subprocess.run([PROGRAM, "dump", "--json", *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done, json.loads(done.stdout or "null")


# ---- real ones -------------------------------------------------------------------------------------------


def test_every_output_knows_the_container(podman, python, recorder, pybpfprof):
    """As the engine itself and the kernel's /proc tell of it, beside a process that is in none."""
    pid = podman.start("web", *spin(python, "spin"))
    needs_own_cgroup(pid)
    name, state = podman.prefix + "web", podman.state("web")
    inner = open(f"/proc/{pid}/status").read().split("NSpid:")[1].split("\n")[0].split()[-1]
    outside = subprocess.Popen(spin(python, "spin"))
    try:
        recording = recorder("-p", f"{pid},{outside.pid}", "-r", "499")
        work(pid, 0.4)
        work(outside.pid, 0.2)
        recording.stop()
    finally:
        outside.kill()
        outside.wait()
    document = recording.json()
    labels = labels_of(document)
    want = {"container": name, "container_id": state["Id"], "runtime": "podman", "inner_pid": inner}
    assert {key: value for key, value in labels[pid].items() if key != "unit"} == want
    assert "container" not in labels[outside.pid] and "inner_pid" not in labels[outside.pid]

    done, data = dump("--container", name)
    (process,) = data["processes"]
    assert (process["pid"], process["inner_pid"], process["container"]) == (pid, int(inner), name)
    assert (process["container_id"], process["runtime"]) == (state["Id"], "podman")
    text = subprocess.run([PROGRAM, "dump", "-p", str(pid)], stdout=subprocess.PIPE, text=True).stdout
    assert f"Process {pid} [{inner} in its container]" in text
    assert f"\nContainer {name} (podman {state['Id'][:12]})\n" in text

    file = recording.recording
    rows = json.loads(pybpfprof("report", file, "--json", "--by", "container").stdout)["containers"]
    seconds = seconds_by_pid(document)
    rest = labels[outside.pid].get("unit", "no container")
    assert {row["container"]: row["seconds"] for row in rows} == pytest.approx({name: seconds[pid], rest: seconds[outside.pid]})
    assert re.search(rf"^By container\n.*\n(.*\n)?.* {name}$", pybpfprof("report", file).stdout, re.M)
    rows = json.loads(pybpfprof("top", "-i", file, "--once", "--json", "--by", "container").stdout)["rows"]
    assert {row["container"]: row["own_seconds"] for row in rows} == pytest.approx({name: seconds[pid], rest: seconds[outside.pid]})
    lines = recording.convert("c.folded", "--containers").read_text().splitlines()
    assert {line.split(";")[0] for line in lines} == {f"container {name}", f"unit {rest}" if "." in rest else rest}
    assert any(line.startswith(f"container {name};process {pid}:") for line in lines)


def test_by_the_beginning_of_a_name_or_an_id(podman, python, pybpfprof, recorder):
    pids = {name: podman.start(name, *spin(python, "spin")) for name in ("web", "web-2", "worker")}
    needs_own_cgroup(pids["web"])
    ids = {name: podman.state(name)["Id"] for name in pids}
    for given, name in [
        (podman.prefix + "wo", "worker"),
        (podman.prefix + "web", "web"),  # exactly so, though another begins so
        (podman.prefix + "web-", "web-2"),
        (ids["web"][:20], "web"),
        (ids["worker"], "worker"),
    ]:
        done, data = dump("--container", given)
        assert done.returncode == 0, done.stderr
        assert [p["pid"] for p in data["processes"]] == [pids[name]], given
    for command in (["record", "-d", "1"], ["top", "--once"], ["dump"]):
        done = pybpfprof(*command, "--container", podman.prefix + "w")
        assert done.returncode == 5, done.stderr
        for name in pids:
            assert f"{podman.prefix}{name} (podman {ids[name][:12]})" in done.stderr
        assert "may be any of these" in done.stderr
        done = pybpfprof(*command, "--container", podman.prefix + "none")
        assert done.returncode == 5 and "Containers that run: " in done.stderr
    assert pybpfprof("record", "--container", "").returncode == 2
    assert pybpfprof("record", "--container", "x", "--all").returncode == 2
    both = recorder("--container", podman.prefix + "wor", "--container", ids["web-2"][:16], "--cgroup", cgroup_of(pids["web-2"]))
    for name in ("worker", "web-2"):
        work(pids[name], 0.2)
    both.stop()
    assert set(seconds_by_pid(both.json())) == {pids["worker"], pids["web-2"]}
    listed = pybpfprof("completions", "--list", "containers").stdout
    assert {podman.prefix + name for name in pids} <= set(re.findall(r"^(\S+)\tpodman$", listed, re.M))


@pytest.mark.parametrize("scope", ["cpu", "cgroup"])
def test_goes_on_through_a_restart(podman, python, recorder, scope):
    """In the same cgroup made anew, and as another container of the same name; another name is none of it."""
    pids = [podman.start("web", *spin(python, "spin"))]
    needs_own_cgroup(pids[0])
    recording = recorder("--container", podman.prefix + "we", "--scope", scope, "-r", "499")
    work(pids[0], 0.3)
    pids.append(podman.restart("web"))
    work(pids[1], 0.3)
    podman.remove("web")
    other = podman.start("web-of-another", *spin(python, "spin"))
    pids.append(podman.start("web", *spin(python, "spin")))
    work(pids[2], 0.8)
    recording.stop()
    document = recording.json()
    spent = seconds_by_pid(document)
    assert other not in spent
    assert all(spent[pid] > 0.2 for pid in pids), (pids, spent)
    labels = labels_of(document)
    assert {labels[pid]["container"] for pid in pids} == {podman.prefix + "web"}
    assert labels[pids[0]]["container_id"] == labels[pids[1]]["container_id"] != labels[pids[2]]["container_id"]
    # of the last one nearly all: it was found before its Python ran
    process = max((p for p in document["processes"] if p["pid"] == pids[2]), key=lambda p: p["sampled"])
    assert process["sampled"] > process["cpu_clock"] - 0.3
    assert "was started again in cgroup" in recording.stderr and "was replaced 2 times" in recording.stderr


def candidates():
    """One of each version and build, those that can be mounted into a container first."""
    found = {}
    for one in sorted(interpreters.ALL, key=lambda i: not interpreters.is_plain(i)):
        found.setdefault((one.minor, one.threaded, one.debug, one.path.endswith("-musl")), one)
    special = [one for key, one in found.items() if key[1] or key[3]]
    rest = [one for one in found.values() if one not in special and not one.traced]
    return special + rest[: 10 - len(special)]


def test_one_recording_of_ten_interpreters(podman, recorder, pybpfprof):
    """Three of them in containers, with musl and without a GIL among them where they are there: each is named."""
    chosen = candidates()
    plain = [i for i in chosen if interpreters.is_plain(i)]
    if len(plain) < 3 or len(chosen) < 5:
        pytest.skip("too few interpreters")
    inside, started, pids = plain[:3], [], {}
    try:
        for n, one in enumerate(inside):
            mounts = [] if one.path.startswith("/usr/") else [os.path.dirname(os.path.dirname(one.path))]
            pids[podman.start(f"app{n}", one.path, "-c", SPIN.format(name=f"spin_{n}"), mounts=mounts)] = (one, f"spin_{n}")
        for n, one in enumerate((i for i in chosen if i not in inside), len(inside)):
            started.append(subprocess.Popen([one.path, "-c", SPIN.format(name=f"spin_{n}")]))
            pids[started[-1].pid] = (one, f"spin_{n}")
        for pid in pids:
            work(pid, 0.05)  # its Python runs
        recording = recorder("--all", "-r", "199")
        for pid in pids:
            work(pid, 0.2)
        recording.stop()
    finally:
        for process in started:
            process.kill()
            process.wait()
    document = recording.json()
    print(f"{len(pids)} interpreters: " + ", ".join(interpreters.name(one) for one, _ in pids.values()))
    processes, labels = processes_of(document), labels_of(document)
    spun = collections.defaultdict(collections.Counter)
    for sample in document["samples"]:
        spun[sample["pid"]][sample["stack"][-1].rsplit(".", 1)[-1]] += 1
    for pid, (one, function) in pids.items():
        assert processes[pid]["python"].startswith(one.version), one
        assert spun[pid][function] > 5, (one, spun[pid])
        assert not [name for name in spun[pid] if name.startswith("spin_") and name != function]
    in_container = list(pids)[:3]
    for n, pid in enumerate(in_container):
        assert labels[pid]["container"] == f"{podman.prefix}app{n}"
    assert not [pid for pid in list(pids)[3:] if "container" in labels[pid]]

    needs_own_cgroup(in_container[0])
    for n, pid in enumerate(in_container):
        keeps_to_it = recorder("--container", podman.state(f"app{n}")["Id"][:16] if n else f"{podman.prefix}app0", "-r", "499")
        work(pid, 0.2)
        again = podman.restart(f"app{n}")
        work(again, 0.3)
        keeps_to_it.stop()
        document = keeps_to_it.json()
        assert set(seconds_by_pid(document)) == {pid, again}
        assert processes_of(document)[again]["python"].startswith(inside[n].version)


# ---- made-up ones ----------------------------------------------------------------------------------------

POD = "0b5e7a1c-9f00-4c1e-8d2a-112233445566"
IDS = [c * 64 for c in "123456789"]
CRI = {"annotations": {"io.kubernetes.cri.container-name": "app", "io.kubernetes.cri.sandbox-name": "web-7d4b9",
                       "io.kubernetes.cri.sandbox-namespace": "shop"}}  # fmt: skip
CRIO = {"annotations": {"io.kubernetes.container.name": "side", "io.kubernetes.pod.name": "web-7d4b9",
                        "io.kubernetes.pod.namespace": "shop"}}  # fmt: skip
STORAGE = "containers/storage/overlay-containers"
FILES = {
    f"var/lib/docker/containers/{IDS[0]}/config.v2.json": {"Name": "/shop-web-1", "Config": {"Labels": {"a": "b"}}},
    f"run/containerd/io.containerd.runtime.v2.task/k8s.io/{IDS[1]}/config.json": CRI,
    f"run/{STORAGE}/{IDS[2]}/userdata/config.json": CRIO,
    f"var/lib/{STORAGE}/containers.json": [{"id": IDS[3], "names": ["cache"]}],
    f"home/ann/.local/share/{STORAGE}/containers.json": [{"id": IDS[4], "names": ["hers"]}],
}
SLICE = f"kubepods.slice/kubepods-pod{POD.replace('-', '_')}.slice"
# cgroup: what is told of it
PLACES = {
    f"docker-{IDS[0]}.scope": ("shop-web-1", "docker", None, None),
    f"{SLICE}/cri-containerd-{IDS[1]}.scope": ("app", "containerd", "web-7d4b9", None),
    f"{SLICE}/crio-{IDS[2]}.scope": ("side", "cri-o", "web-7d4b9", None),
    f"libpod-{IDS[3]}.scope/container": ("cache", "podman", None, None),
    f"ann/libpod-{IDS[4]}.scope": ("hers", "podman", None, None),
    f"ann/docker-{IDS[0]}.scope": (IDS[0][:12], "docker", None, None),  # hers to make, but not to name
    "lxc.payload.box": ("box", "lxc", None, None),
    "machine.slice/machine-build\\x2dbox.scope": ("build-box", "machine", None, None),
    "nginx.service": (None, None, None, "nginx.service"),
}
AS_OTHERS_HAVE_IT = """
mount --make-rprivate /
for at in /var/lib /run /etc/passwd; do mount --bind "$1$at" $at; done
shift
exec "$@"
"""


@pytest.fixture
def engines(cgroup, python, tmp_path):
    """{cgroup: pid} of a busy Python in each, and the words that start a program where their engines' files are."""
    tree = tmp_path / "tree"
    for name, content in FILES.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(json.dumps(content))
    (tree / "etc").mkdir()
    (tree / "etc/passwd").write_text(f"root:x:0:0::/root:/bin/sh\nann:x:1000:1000::{tree}/home/ann:/bin/sh\n")
    processes = {}
    try:
        for name in PLACES:
            path = cgroup.path
            for part in name.split("/"):
                path = path / part
                if not path.exists():
                    CGroup(path)
                    if part == "ann":
                        os.chown(path, 1000, 1000)
            processes[name] = subprocess.Popen(spin(python, "spin"))
            (path / "cgroup.procs").write_text(str(processes[name].pid))
        prefix = ["unshare", "-m", "sh", "-ec", AS_OTHERS_HAVE_IT, "sh", str(tree)]
        yield {name: p.pid for name, p in processes.items()}, prefix
    finally:
        for process in processes.values():
            process.kill()
            process.wait()


def test_each_engine_by_its_files(engines, cgroup, recorder):
    pids, prefix = engines
    recording = recorder("--cgroup", cgroup.path, "-r", "499", prefix=prefix)
    for pid in pids.values():
        work(pid, 0.15)
    recording.stop()
    labels = labels_of(recording.json())
    for name, (container, runtime, pod, unit) in PLACES.items():
        got = labels[pids[name]]
        assert [got.get(key) for key in ("container", "runtime", "pod", "unit")] == [container, runtime, pod, unit], name
        assert got.get("namespace") == ("shop" if pod else None)


def test_each_engine_by_its_names(engines, pybpfprof):
    pids, prefix = engines

    def chosen(given):
        done = subprocess.run([*prefix, PROGRAM, "dump", "--json", "--container", given], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)  # fmt: skip
        return {p["pid"] for p in json.loads(done.stdout)["processes"]} if done.returncode == 0 else done.stderr

    in_pod = {pids[name] for name in PLACES if name.startswith(SLICE)}
    for given, name in [
        ("shop-web", f"docker-{IDS[0]}.scope"),
        (IDS[0][:5], f"docker-{IDS[0]}.scope"),  # the host's comes before a user's
        ("app", f"{SLICE}/cri-containerd-{IDS[1]}.scope"),
        ("web-7d4b9/si", f"{SLICE}/crio-{IDS[2]}.scope"),
        ("cache", f"libpod-{IDS[3]}.scope/container"),
        ("hers", f"ann/libpod-{IDS[4]}.scope"),
        ("box", "lxc.payload.box"),
        ("build-b", "machine.slice/machine-build\\x2dbox.scope"),
        ("nginx", "nginx.service"),
        ("nginx.service", "nginx.service"),
    ]:
        assert chosen(given) == {pids[name]}, given
    for given in ("web-7d4b9", POD, "web-7"):
        assert chosen(given) == in_pod, given
    said = chosen("web-7d4b9/")
    assert "may be any of these" in said and "web-7d4b9/app (containerd 222222222222)" in said
    assert "of these" in chosen("b")  # box and build-box


def test_a_container_that_comes_again_elsewhere(engines, cgroup, recorder, python, tmp_path):
    """A pod's is another one with another id; what a user calls like it is not."""
    pids, prefix = engines
    recording = recorder("--container", "web-7d4b9/app", "-r", "499", prefix=prefix)
    work(pids[f"{SLICE}/cri-containerd-{IDS[1]}.scope"], 0.2)
    os.kill(pids[f"{SLICE}/cri-containerd-{IDS[1]}.scope"], 9)
    again, alike = (cgroup.path / where / f"cri-containerd-{IDS[n]}.scope" for where, n in ((SLICE, 5), ("ann", 6)))
    for n in (5, 6):
        bundle = tmp_path / f"tree/run/containerd/io.containerd.runtime.v2.task/k8s.io/{IDS[n]}"
        bundle.mkdir()
        (bundle / "config.json").write_text(json.dumps(CRI))
    started = []
    try:
        for path in (alike, again):
            CGroup(path)
            started.append(subprocess.Popen(spin(python, "spin"), preexec_fn=lambda at=path: (at / "cgroup.procs").write_text("0")))
        for process in started:
            work(process.pid, 0.3)
        recording.stop()
    finally:
        for process in started:
            process.kill()
            process.wait()
    spent = seconds_by_pid(recording.json())
    assert spent[started[1].pid] > 0.2 and started[0].pid not in spent
    assert labels_of(recording.json())[started[1].pid]["container_id"] == IDS[5]


# ---- namespaces ------------------------------------------------------------------------------------------

NAMED = """
import json, os, threading
ready = []
def spin():
    ready.append(threading.get_native_id())
    while True: pass
threads = [threading.Thread(target=spin, name=f"worker-{n}", daemon=True) for n in range(2)]
for thread in threads: thread.start()
while len(ready) < 2: pass
print(json.dumps({"pid": os.getpid(), "tids": {t.name: t.native_id for t in threads}}), flush=True)
spin()
"""


@pytest.mark.parametrize("flags", [
    ["-p"], ["-pm", "--mount-proc"], ["-Ur"], ["-Urp"], ["-T", "--boottime", "100000"], ["-C"], ["-n", "-u", "-i"],
    ["-UrpmCTnui", "--mount-proc", "--monotonic", "5000"],
], ids=" ".join)  # fmt: skip
def test_numbers_and_names_in_namespaces(recorder, python, flags):
    """The numbers that it has there are those that it knows of itself; its threads have the names that it gave them."""
    fork = [] if not any("p" in flag for flag in flags if not flag.startswith("--")) else ["--fork"]
    argv = ["unshare", *flags, *fork, "--kill-child", python.path, "-c", NAMED] if fork else ["unshare", *flags, python.path, "-c", NAMED]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        if not line:
            pytest.skip("no such namespaces here: " + process.stderr.read())
        own = json.loads(line)
        pid = next(children_of(process.pid)) if fork else process.pid
        recording = recorder("-p", pid, "-r", "199", "--threads")
        work(pid, 0.4)
        done, data = dump("-p", pid)
        recording.stop()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()
    (dumped,) = data["processes"]
    assert (dumped["pid"], dumped["inner_pid"]) == (pid, own["pid"])
    assert {t["thread_name"]: t["inner_thread_id"] for t in dumped["threads"] if t["thread_name"] in own["tids"]} == own["tids"]
    document = recording.json()
    labels = labels_of(document)[pid]
    assert labels.get("inner_pid") == (str(own["pid"]) if own["pid"] != pid else None)
    names = {thread["name"] for thread in document["threads"] if thread["pid"] == pid}
    assert {"MainThread", *own["tids"]} == names
