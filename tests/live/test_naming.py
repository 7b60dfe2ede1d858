# SPDX-License-Identifier: MIT
"""What processes are called: by themselves, by what they are in, by what they run; in recordings, and as `check` says back ends call them."""

import json
import os
import signal
import subprocess
import time

import pytest

from conftest import PROGRAM, CGroup, children_of
from podman import needs_own_cgroup, podman  # noqa: F401
from test_containers import CRI, IDS, Pid, python, spin, work  # noqa: F401
from test_record import processes_of

pytestmark = pytest.mark.xdist_group("containers")

SECRET = "hunter2hunter2"
SPIN = "while True: pass"


@pytest.fixture
def start():
    """start(argv, …) starts a process and gives it; all of them end with the test."""
    started = []

    def start(argv, env=None, **options):
        env = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")} | (env or {})
        started.append(subprocess.Popen(list(map(str, argv)), env=env, **options))
        return started[-1]

    yield start
    for process in started:
        for pid in [*children_of(process.pid)]:
            os.kill(pid, signal.SIGKILL)
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


@pytest.fixture
def script(tmp_path):
    def write(name, text=SPIN):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


def labels_by_image(document):
    """[(pid, its labels)] of each process image: one that became another by exec is two."""
    found = [(process["pid"], {}) for process in document["processes"]]
    for label in document.get("labels", []):
        found[label["process"]][1][label["key"]] = label["value"]
    return found


def check(*args, prefix=()):
    """What `check` says of each process by its pid: the labels, or None when it is not sent."""
    done = subprocess.run([*prefix, PROGRAM, "check", "--json", "--node", "n1", *map(str, args)], stdout=subprocess.PIPE, text=True)
    return {p["pid"]: p["labels"] if p["sent"] else None for p in json.loads(done.stdout)["pythons"]}


# ---- by themselves ---------------------------------------------------------------------------------------


def test_by_the_variables_of_opentelemetry(python, start, script, recorder):
    """Nothing else of an environment, and no argument, is in a label or anywhere in the recording."""
    app = script("app.py")
    wanted = [
        ({"OTEL_SERVICE_NAME": "checkout"}, "checkout"),
        ({"OTEL_RESOURCE_ATTRIBUTES": f"token={SECRET},service.name=shop%20one,x=y"}, "shop one"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=shop", "OTEL_SERVICE_NAME": "pay"}, "pay"),
        ({}, None),
    ]
    processes = [start([python.path, app], {"DB_PASSWORD": SECRET} | env) for env, _ in wanted]
    recording = recorder("-p", ",".join(str(p.pid) for p in processes), "-r", "499")
    for process in processes:
        work(process.pid, 0.2)
    called = check("-p", ",".join(str(p.pid) for p in processes))
    recording.stop()
    labels = dict(labels_by_image(recording.json()))
    for process, (_, service) in zip(processes, wanted):
        assert labels[process.pid].get("service") == service
        assert called[process.pid]["service_name"] == (service or "app")
        assert called[process.pid]["node"] == "n1"
        assert called[process.pid]["python"] == ".".join(python.version.split(".")[:2])
    assert SECRET not in json.dumps(recording.json()) and SECRET not in json.dumps(called)
    assert SECRET.encode() not in recording.recording.read_bytes()


def test_those_that_are_gone_before_they_are_looked_at(python, start, script, recorder):
    """The profiler stands still while they live: their parent's word is theirs."""
    parent = start([python.path, script("parent.py", """
import subprocess, sys, time
child = "import time\\nend = time.process_time() + 0.15\\nwhile time.process_time() < end: pass"
while True:
    end = time.process_time() + 0.05
    while time.process_time() < end: pass
    if not sys.stdin.readline(): break
    for _ in range(4): subprocess.run([sys.executable, "-c", child])
    print("done", flush=True)
""")], {"OTEL_SERVICE_NAME": "batch"}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # fmt: skip
    recording = recorder("-p", parent.pid, "--subprocesses", "-r", "499")
    profiler = recording.own_pid()
    for number in (signal.SIGCONT, signal.SIGSTOP):  # the second time nobody looks
        os.kill(profiler, number)
        try:
            parent.stdin.write("go\n")
            parent.stdin.flush()
            assert parent.stdout.readline() == "done\n"
        finally:
            os.kill(profiler, signal.SIGCONT)
    parent.stdin.close()
    parent.wait()
    recording.wait()
    document = recording.json()
    images = zip(document["processes"], labels_by_image(document))  # those of a moment between fork and exec are no Pythons
    children = {pid: labels for process, (pid, labels) in images if process["python"] and pid != parent.pid}
    assert len(children) >= 6, children
    assert {labels.get("service") for labels in children.values()} == {"batch"}, children


def test_each_image_of_a_chain_of_execs(python, start, script, recorder):
    chain = script("chain.py", """
import os, sys, time
left = int(sys.argv[1])
end = time.process_time() + 0.4
while time.process_time() < end: pass
if left:
    os.environ["OTEL_SERVICE_NAME"] = f"stage-{left - 1}"
    os.execv(sys.executable, [sys.executable, __file__, str(left - 1)])
""")  # fmt: skip
    gate = "import sys, os; sys.stdin.readline(); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    process = start([python.path, "-c", gate, chain, "2"], {"OTEL_SERVICE_NAME": "stage-2"}, stdin=subprocess.PIPE, text=True)
    recording = recorder("-p", process.pid, "-r", "499")
    process.stdin.write("\n")
    process.stdin.close()
    process.wait()
    recording.wait()
    services = [labels.get("service") for pid, labels in labels_by_image(recording.json()) if pid == process.pid]
    assert list(dict.fromkeys(services)) == ["stage-2", "stage-1", "stage-0"]


def test_workers_of_a_pool_are_called_like_their_program(python, start, script, recorder):
    """Their command lines say nothing of it."""
    pool = script("shopd.py", """
import multiprocessing, sys
def spin(): 
    while True: pass
if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    workers = [context.Process(target=spin, daemon=True) for _ in range(2)]
    for worker in workers: worker.start()
    print(*[worker.pid for worker in workers], flush=True)
    workers[0].join()
""")  # fmt: skip
    for method in ("spawn", "forkserver", "fork"):
        process = start([python.path, pool, method], stdout=subprocess.PIPE, text=True)
        workers = list(map(int, process.stdout.readline().split()))
        recording = recorder("-p", process.pid, "--subprocesses", "-r", "499", output=f"{method}.pybpf")
        for pid in workers:
            work(pid, 0.2)
        called = check("-p", process.pid, "--subprocesses")
        recording.stop()
        assert {called[pid]["service_name"] for pid in (process.pid, *workers)} == {"shopd"}, method
        labels = dict(labels_by_image(recording.json()))
        for pid in workers:
            assert labels[pid].get("program") == (None if method == "fork" else "shopd")
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        process.wait()


def test_titles_and_arguments_are_no_names(python, start, script):
    app = script("web.py")
    plain = start([python.path, app, "--password", SECRET])
    titled = start(["bash", "-c", f'exec -a "gunicorn: worker [{SECRET}]" {python.path} {app}'])
    unnamed = start([python.path, "-c", f"{SPIN} # {SECRET}"])
    module = start([python.path, "-m", "web", SECRET], cwd=app.parent)
    for process in (plain, titled, unnamed, module):
        work(process.pid, 0.05)
    called = check("-p", ",".join(str(p.pid) for p in (plain, titled, unnamed, module)))
    assert [called[p.pid]["service_name"] for p in (plain, titled, unnamed, module)] == ["web", "gunicorn", "python", "web"]
    assert SECRET not in json.dumps(called)


# ---- by what they are in -----------------------------------------------------------------------------------


def test_a_container_of_podman(podman, python):
    pid = podman.start("web", *spin(python, "spin"))
    needs_own_cgroup(pid)
    called = check("--container", podman.prefix + "web", "--with-label", "container_id", "--with-label", "runtime")
    assert called == {
        pid: {
            "service_name": podman.prefix + "web", "container": podman.prefix + "web", "runtime": "podman", "node": "n1",
            "container_id": podman.state("web")["Id"], "python": ".".join(python.version.split(".")[:2]),
        }
    }  # fmt: skip


POD = "0b5e7a1c-9f00-4c1e-8d2a-112233445566"
SLICE = f"kubepods.slice/kubepods-pod{POD.replace('-', '_')}.slice"
COMPOSE = {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}
FILES = {
    f"var/lib/docker/containers/{IDS[0]}/config.v2.json": {"Name": "/shop-web-1", "Config": {"Labels": COMPOSE, "Env": [SECRET]}},
    f"run/containerd/io.containerd.runtime.v2.task/k8s.io/{IDS[1]}/config.json": CRI,
    f"var/log/containers/api-5f6d_pay_api-{IDS[2]}.log": "",
    f"var/log/pods/pay_long-name_{POD}/only/0.log": "",
}
# cgroup: the name of the service, and the other labels
PLACES = {
    f"docker-{IDS[0]}.scope": ("web", {"container": "shop-web-1"}),
    f"{SLICE}/cri-containerd-{IDS[1]}.scope": ("shop/app", {"container": "app", "pod": "web-7d4b9", "namespace": "shop"}),
    f"{SLICE}/crio-{IDS[2]}.scope": ("pay/api", {"container": "api", "pod": "api-5f6d", "namespace": "pay"}),
    f"kubepods/burstable/pod{POD}/{IDS[3]}": ("pay/only", {"container": "only", "pod": "long-name", "namespace": "pay"}),
    f"cri-containerd-{IDS[5]}.scope": ("busy", {"container": IDS[5][:12]}),  # known to nobody
    "gunicorn.service": ("gunicorn", {}),
    "session-3.scope": ("busy", {}),
}  # fmt: skip
AS_OTHERS_HAVE_IT = """
mount --make-rprivate /
for at in /var/lib /run /var/log; do mkdir -p "$1$at"; mount --bind "$1$at" $at; done
shift
exec "$@"
"""


def make_tree(tree, files):
    for name, content in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(json.dumps(content) if content else "")
    return ["unshare", "-m", "sh", "-ec", AS_OTHERS_HAVE_IT, "sh", str(tree)]


def make_path(path, below):
    for part in path.relative_to(below).parts:
        below = below / part
        if not below.exists():
            CGroup(below)


def move(process, path):
    (path / "cgroup.procs").write_text(str(process.pid))


def test_containers_pods_and_units(python, start, script, cgroup, tmp_path, recorder):
    prefix = make_tree(tmp_path / "tree", FILES)
    busy, processes = script("busy.py"), {}
    for name in PLACES:
        make_path(cgroup.path / name, cgroup.path)
        processes[name] = start([python.path, busy])
        move(processes[name], cgroup.path / name)
    recording = recorder("--cgroup", cgroup.path, "-r", "499", prefix=prefix)
    for process in processes.values():
        work(process.pid, 0.15)
    called = check("--cgroup", cgroup.path, "--label", "python=", prefix=prefix)
    recording.stop()
    for name, (service, labels) in PLACES.items():
        assert called[processes[name].pid] == {"service_name": service, "node": "n1"} | labels, name
    recorded = dict(labels_by_image(recording.json()))
    compose = recorded[processes[f"docker-{IDS[0]}.scope"].pid]
    assert (compose["compose_project"], compose["compose_service"]) == ("shop", "web")
    assert SECRET not in json.dumps(recording.json())


def test_a_container_that_only_version_1_knows(python, start, script, cgroup, make_cgroup, tmp_path):
    """In version 2 there is another group, of no container: engines that know nothing of it leave processes where they were."""
    of_memory = make_cgroup("memory")
    path = of_memory.path / f"docker-{IDS[0]}.scope"
    make_path(path, of_memory.path)
    make_path(cgroup.path / "docker.service", cgroup.path)
    process = start([python.path, script("busy.py")])
    move(process, path)
    move(process, cgroup.path / "docker.service")
    called = check("-p", process.pid, "--label", "python=", prefix=make_tree(tmp_path / "tree", FILES))
    assert called[process.pid] == {"service_name": "web", "container": "shop-web-1", "node": "n1"}


def test_a_pod_in_a_node_that_is_a_container(python, start, script, cgroup, tmp_path):
    """As kind and minikube have it: the pod's container counts, and the node has the files."""
    outer = cgroup.path / f"docker-{IDS[6]}.scope"
    inner = outer / f"kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{POD.replace('-', '_')}.slice/cri-containerd-{IDS[1]}.scope"
    make_path(inner, cgroup.path)
    prefix = make_tree(tmp_path / "node", FILES)
    node = f"import subprocess, sys; print(subprocess.Popen([sys.executable, {str(script('busy.py'))!r}]).pid, flush=True)\n{SPIN}"
    shim = start([*prefix, python.path, "-c", node], stdout=subprocess.PIPE, text=True)
    child = Pid(int(shim.stdout.readline()))
    move(shim, outer)
    move(child, inner)
    called = check("-p", f"{child.pid},{shim.pid}", "--label", "python=")
    assert called[child.pid] == {"service_name": "shop/app", "container": "app", "pod": "web-7d4b9", "namespace": "shop", "node": "n1"}
    assert called[shim.pid] == {"service_name": "python", "container": IDS[6][:12], "node": "n1"}


def test_seen_from_a_cgroup_namespace(python, start, script, cgroup, tmp_path):
    """As an agent in a container has it: /proc shows the way from its own group. Who may make groups in a service is not believed."""
    prefix = make_tree(tmp_path / "tree", FILES)
    inside = f"{SLICE}/cri-containerd-{IDS[1]}.scope"
    places = {inside: "shop/app", f"user@1000.service/{inside}": "busy"}
    make_path(cgroup.path / "agent", cgroup.path)
    processes = []
    for name in places:
        make_path(cgroup.path / name, cgroup.path)
        processes.append(start([python.path, script("busy.py")]))
        move(processes[-1], cgroup.path / name)
    enter = ["sh", "-ec", f'echo 0 > {cgroup.path}/agent/cgroup.procs; exec unshare -C "$@"', "sh"]
    called = check("-p", ",".join(str(p.pid) for p in processes), prefix=[*enter, *prefix])
    assert [called[p.pid]["service_name"] for p in processes] == list(places.values())


def test_moved_after_its_first_tick(python, start, script, cgroup, recorder):
    """Where it went is what counts, and what it has left is taken back. It is looked for again and again, each time twice as late."""
    before, after = f"docker-{IDS[7]}.scope", "shop.service"
    for name in (before, after):
        CGroup(cgroup.path / name)
    process = start([python.path, script("busy.py")])
    move(process, cgroup.path / before)
    began = time.monotonic()
    recording = recorder("--cgroup", cgroup.path, "-r", "499")
    work(process.pid, 0.1)
    move(process, cgroup.path / after)
    time.sleep(time.monotonic() - began + 6)  # until the next look at it
    work(process.pid, 0.3)
    recording.stop()
    ((_, labels),) = [one for one in labels_by_image(recording.json()) if one[0] == process.pid]
    assert labels == {"unit": after}
    assert processes_of(recording.json())[process.pid]["cgroup"].endswith(after)


# ---- rules ---------------------------------------------------------------------------------------------------


def test_rules(python, start, script, pybpfprof):
    web, job = (start([python.path, script(name)], {"OTEL_SERVICE_NAME": service}) for name, service in (("web.py", "web"), ("job.py", "job-7")))
    pids = f"{web.pid},{job.pid}"
    for process in (web, job):
        work(process.pid, 0.05)
    called = check("-p", pids, "--label", "env=prod", "--label", "service_name={program}:if=service=job-*", "--label", "python=",
                   "--with-label", "pid")  # fmt: skip
    assert called[web.pid] == {"service_name": "web", "env": "prod", "node": "n1", "pid": str(web.pid)}
    assert called[job.pid] == {"service_name": "job", "env": "prod", "node": "n1", "pid": str(job.pid)}
    assert check("-p", pids, "--drop", "service_name=job-*")[job.pid] is None
    assert check("-p", pids, "--keep", "service_name=job-*")[web.pid] is None
    text = pybpfprof("check", "-p", pids, "--node", "n1", "--drop", "service_name=job-*").stdout
    assert f"web: {web.pid}; node=n1 python=" in text and f"not sent, by --keep or --drop: {job.pid}" in text
    for rule, said in [
        ("my-team=x", "my_team would do"),
        ("x", "is no rule"),
        ("x=1:if=namspace=a", "no process has a label 'namspace'"),
        ("service_name=", "cannot be removed"),
    ]:
        done = pybpfprof("check", "--label", rule)
        assert done.returncode == 2 and said in done.stderr, done.stderr
    assert pybpfprof("check", "--keep", "namspace=a").returncode == 2
