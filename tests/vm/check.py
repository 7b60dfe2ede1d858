# SPDX-License-Identifier: MIT
"""Runs in the virtual machine: pybpfprof under this kernel. Says one line per check, which scripts/vm-test.sh
collects: `@ passed|failed|skipped NAME: what was seen`.

    check.py OPTION…            with these options of `record` in every check
    check.py --images           only says images of processes (tests/host/process_image.h), as `@ image NAME BASE64` line by line
    check.py --files            names the files that Python needs for it (run outside)

`@ figure NAME VALUE` is for the table at the end.
"""

import base64
import collections
import contextlib
import ctypes
import encodings.ascii
import encodings.latin_1
import gzip
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import time

PROGRAM = "/usr/bin/pybpfprof"
SETPRIV = "/usr/bin/setpriv"
HOST_WALK = "/usr/bin/host_walk"
WORK = "/vm/work.py"
ASLEEP = "/vm/asleep.py"
ANYWHERE = "/vm/anywhere.py"
SLEEPERS = ("plain", "over_several_lines", "sort_key", "comprehensions", "generators", "coroutines", "asynchronous_generator",
            "constructors", "class_body", "with_statement", "executed_text", "unicode_names", "called_from_c",
            "generator_at_the_root")  # fmt: skip
STEPS = 2000  # instructions: about a round of a loop of ANYWHERE
BRIEFLY = ("-d", "1", "-r", "499")
NOTHING = ("record", "-q", "--all", "-d", "1", "-o", "/tmp/none.folded")  # where it is to be refused
TREE = 100  # children of the check of short lives …
CHILD_SECONDS = 0.02  # … and the CPU time of each
DEPTH = 1100  # more than is kept of a stack, …
KEPT = 1024  # … which is so much
TYPES = pathlib.Path("/sys/kernel/btf")
OPTIONS = []
all_stacks = collections.Counter()


class Wrong(Exception):
    """What was seen is not what must be."""


class Skip(Exception):
    pass


def must(condition, *words):
    if not condition:
        raise Wrong(" ".join(map(str, words)))


# ---- recordings -----------------------------------------------------------------------------------------


def pybpfprof(*args, status=0, prefix=()):
    """Its stderr, when it ended with that status."""
    done = subprocess.run([*prefix, PROGRAM, *map(str, args)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, timeout=60)  # fmt: skip
    said = done.stderr.decode(errors="replace")
    if done.returncode != status:
        print(said, flush=True)
        if "-v shows its reasons" in said:  # the verifier's, at its end
            command = [*prefix, PROGRAM, *map(str, args[:1]), "-v", *map(str, args[1:])]
            again = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
            print(again.stderr.decode(errors="replace")[-6000:], flush=True)
    must(done.returncode == status, "status", done.returncode, "instead of", status)
    return said


def record(*args, **options):
    """What it recorded, as our JSON has it."""
    target = pathlib.Path("/tmp/out.json")
    with contextlib.suppress(FileNotFoundError):
        target.unlink()
    pybpfprof("record", "--full-filenames", "-o", target, *OPTIONS, *args, **options)
    document = json.loads(target.read_bytes())
    lost = sum(one["samples"] for one in document["lost"])
    ticks = document["sample_count"] + lost + document["filtered"]
    must(document["ticks"] == ticks > 0, document["ticks"], "ticks, but", ticks, "are accounted for")
    must(document["sample_count"] == len(document["samples"]), "sample_count is not the number of samples")
    return document


def failed_of(document, but=None):
    """{reason: samples} of those that were taken and failed; an emulated machine's timers come late."""
    failed = collections.Counter()
    for one in document["lost"]:
        if one["failure"] and one["reason"] != "late" and one.get("pid") != but:
            failed[one["reason"]] += one["samples"]
    return failed


def kernel_release():
    return tuple(map(int, os.uname().release.split(".")[:2]))


def source_lines():
    """{what a line says it does: its number}, and the lines of `inner`."""
    marks, inner, inside = {}, set(), False
    for number, line in enumerate(pathlib.Path(WORK).read_text().split("\n"), 1):
        if "  # " in line:
            marks[line.split("  # ")[1]] = number
        inside = line.startswith("def inner") or inside and line.startswith((" ", "#"))
        if inside:
            inner.add(number)
    return marks, inner


def fault(sample, place):
    """What is wrong with a stack that ends in `inner`, or in the functions that lead there; None: nothing."""
    marks, inner = source_lines_known
    names = [name.rsplit(".", 1)[-1] for name in sample["stack"]]
    lines = dict(zip(names, sample["lines"]))
    way = ["<module>", *(["forks", "child"] if place == "forks" else []), "outer", "inner"]
    at = [marks[place], *([marks["calls child"], marks["calls outer"]] if place == "forks" else []),
          marks["calls inner"]]  # fmt: skip
    if names != way[: len(names)]:
        return f"stack {names}"
    callers = [lines[name] for name in names[:-1]]
    if callers != at[: len(callers)]:
        return f"{names} called from lines {callers} instead of {at[: len(callers)]}"
    if names[-1] == "inner" and lines["inner"] not in inner:
        return f"inner at line {lines['inner']}"
    return None


def figure(name, value):
    print(f"@ figure {name} {value}", flush=True)


def worst(faults):
    return sorted(faults.items(), key=lambda one: -one[1])[:3]


def check_stacks(samples, place, share=0.99):
    """At least this share of the samples must be right; says how many are."""
    faults = collections.Counter(fault(sample, place) for sample in samples)
    right = faults.pop(None, 0)
    must(len(samples) >= 30, "only", len(samples), "samples")
    must(right >= share * len(samples), right, "of", len(samples), "right:", worst(faults))
    all_stacks.update(right=right, all=len(samples))
    figure("stacks", f"{all_stacks['right']}/{all_stacks['all']}")
    leaves = sum(sample["stack"][-1].endswith(".inner") for sample in samples)
    must(leaves > 0.9 * len(samples), "only", leaves, "of", len(samples), "in inner")
    return f"{right} of {len(samples)} samples right"


@contextlib.contextmanager
def busy(cgroup=None, depth=0, list_of="cgroup.procs"):
    """A program that is well under way in `inner`, in that cgroup, below so many calls."""

    def enter():
        if cgroup is not None:
            (cgroup / list_of).write_text("0")

    command = [sys.executable, "-S", WORK, "busy", "600", str(depth)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, preexec_fn=enter)
    try:
        process.stdout.readline()
        time.sleep(0.2)  # until `print` has returned, on a slow machine
        yield process.pid
    finally:
        process.kill()
        process.communicate()


# ---- checks -----------------------------------------------------------------------------------------------


def check_pid(*options, **how):
    with busy() as pid:
        document = record("--pid", pid, *BRIEFLY, *options, **how)
    must({s["pid"] for s in document["samples"]} == {pid}, "samples of other processes")
    must(sum(failed_of(document).values()) <= 0.01 * document["sample_count"], document["lost"])
    must(document["processes"][0]["python"] == sys.version.split()[0], document["processes"])
    return check_stacks(document["samples"], "busy")


def check_dump():
    """All threads at one moment, by the walker as host C, with their variables."""
    with busy() as inside:
        said = subprocess.run([PROGRAM, "dump", "--pid", str(inside), "--json", "--locals"], stdout=subprocess.PIPE, check=True)
    (thread,) = json.loads(said.stdout)["processes"][0]["threads"]
    frames = thread["frames"]
    sample = {"stack": [f["name"] for f in frames[::-1]], "lines": [f["line"] for f in frames[::-1]]}
    must(thread["thread_name"] == "MainThread" and len(frames) >= 2, thread)
    must(fault(sample, "busy") is None, fault(sample, "busy"))
    must({"end", "clock", "value"} <= {v["name"] for v in frames[-2]["locals"]}, frames[-2])
    return " ".join(sample["stack"])


def all_sleep(pid):
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return {(task / "stat").read_text().rsplit(")", 1)[1].split()[0] for task in tasks} == {"S"}


@contextlib.contextmanager
def running(*command):
    """A program, and what it said first, in JSON."""
    process = subprocess.Popen([sys.executable, "-S", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield process.pid, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def walked(*options):
    """[(ident, outcome, [[name, file, line, first line], …])] of the walker as host C, without what tracebacks leave out."""
    if not os.path.exists(HOST_WALK):
        raise Skip("tests/host/host_walk was not built")
    done = subprocess.run([HOST_WALK, *map(str, options)], stdout=subprocess.PIPE, check=True)
    threads = []
    for line in done.stdout.decode().splitlines():
        word, *fields = line.split("\t")
        if word == "thread":
            threads.append((int(fields[0]), fields[1], []))
        elif fields[0] != "0":
            threads[-1][2].append([fields[2], fields[3], int(fields[1]), int(fields[0])])
    return threads


def say_image(name, stacks):
    """The one that host_walk has just written, with what Python says of these threads, and without the others."""
    lines, told = [], True
    for line in pathlib.Path("/tmp/image").read_text().splitlines(keepends=True):
        word, *fields = line.split("\t")
        if word == "thread":
            told = int(fields[0], 0) in stacks
        if word != "thread" or told:
            lines.append(line)
        if word == "thread" and told:
            for function, file, number, first in stacks[int(fields[0], 0)]:
                lines.append(f"frame\t{first}\t{number}\t{function}\t{file}\n")
    packed = base64.b64encode(gzip.compress("".join(lines).encode(), mtime=0)).decode()
    name = f"{os.uname().machine}-python{sys.version_info[0]}.{sys.version_info[1]}-{name}.gz"
    for at in range(0, len(packed), 76):
        print(f"@ image {name} {packed[at : at + 76]}", flush=True)


def check_sleepers():
    """The walker as host C over threads that sleep in all kinds of frames."""
    with running(ASLEEP, *SLEEPERS) as (pid, said):
        while not all_sleep(pid):
            time.sleep(0.1)
        threads = walked(*(["--image", "/tmp/image"] if IMAGES else []), pid)
    found = {ident: (outcome, frames) for ident, outcome, frames in threads}
    stacks = {int(ident): stack for ident, stack in said["stacks"].items()}
    must(len(stacks) == len(SLEEPERS) + 1, said["kinds"])
    for ident, stack in stacks.items():
        must(found.get(ident) == ("ok", stack), said["kinds"][str(ident)], "is", found.get(ident), "instead of", stack)
    if IMAGES:
        say_image("asleep", stacks)
    return f"{len(stacks)} threads as Python itself says"


def follow(function):
    """Its moments: [(ident, outcome, frames)]. Each stack must be one of those that the program says it can have."""
    image = pathlib.Path("/tmp/image")
    image.unlink(missing_ok=True)
    with running(ANYWHERE, function) as (pid, said):
        time.sleep(0.5)  # until `print` has returned, on a slow machine
        moments = walked("--steps", STEPS, *(["--image", image] if IMAGES else []), pid)
    for _, outcome, frames in moments:
        below = [f"{name.rsplit('.', 1)[-1]}:{number}" for name, file, number, _ in frames[-3::-1]]
        must(outcome in ("ok", "registers") and below in said["possible"], outcome, below)
    must(len({str(frames) for _, _, frames in moments}) >= 2, "only", moments)
    if IMAGES and image.exists():
        ident, _, frames = next(moment for moment in moments if moment[1] == "registers")
        say_image(f"{function}-switch", {ident: frames})
    return moments


def check_switches():
    """And instruction by instruction, from one frame to another."""
    moments = [*follow("by_generators"), *follow("by_loops")]
    by_registers = sum(outcome == "registers" for _, outcome, _ in moments)
    return f"{len(moments)} stacks in {2 * STEPS} instructions, {by_registers} by registers"


def check_depth():
    """How much there is of a stack that is deeper than what is kept."""
    with busy(depth=DEPTH) as pid:
        document = record("--pid", pid, *BRIEFLY)
    depths = collections.Counter(sum(name.rsplit(".", 1)[-1] == "deep" for name in s["stack"]) for s in document["samples"])
    most, cnt = max(depths.items(), key=lambda one: one[1], default=(0, 0))
    figure("depth", most + 2)  # and outer, inner
    must(most + 2 >= KEPT - 2 and cnt > 0.9 * document["sample_count"], "depths", dict(depths))
    return f"{most + 2} of {DEPTH + 3} frames in {cnt} of {document['sample_count']} samples"


def check_pid_without_task_work():
    if not has_task_work():
        raise Skip("this kernel has none")
    return check_pid("--without-task-work")


def check_least_privilege():
    """Nobody, with the capabilities that the README names."""
    if not os.path.exists(SETPRIV):
        raise Skip("no setpriv here")
    caps = "-all,+bpf,+perfmon,+sys_ptrace,+dac_read_search"
    nobody = [SETPRIV, "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set", caps, "--inh-caps", caps,
              "--ambient-caps", caps]  # fmt: skip
    if kernel_release() < (5, 11):
        # There maps count as locked memory, of which nobody may have more.
        plain(pybpfprof(*NOTHING, prefix=nobody, status=3), "RLIMIT_MEMLOCK")
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    limit = pathlib.Path("/proc/sys/kernel/perf_event_paranoid")
    if int(limit.read_text()) > 2:
        # Debian's kernels start like this and want more then.
        plain(pybpfprof(*NOTHING, prefix=nobody, status=3), "perf_event_paranoid = 3")
        limit.write_text("2")
    return check_pid(prefix=nobody)


def check_cgroup(*options, top=pathlib.Path("/sys/fs/cgroup")):
    group = top / "inside"
    group.mkdir()
    try:
        with busy(group) as inside, busy():
            document = record("--cgroup", group, *BRIEFLY, *options)
    finally:
        group.rmdir()
    must({s["pid"] for s in document["samples"]} == {inside}, "samples of other processes")
    must("--scope" in options or document["filtered"] > 50, "no ticks filtered")
    return check_stacks(document["samples"], "busy")


def check_scope():
    """Kernels up to date make the perf_event controller active only with the first other one."""
    (pathlib.Path("/sys/fs/cgroup") / "cgroup.subtree_control").write_text("+cpu")
    return check_cgroup("--scope", "cgroup")


def check_no_controller():
    group = pathlib.Path("/sys/fs/cgroup/without")
    group.mkdir()
    try:
        said = pybpfprof("record", "-q", "--cgroup", group, "--scope=cgroup", "-o", "/tmp/none.folded", status=4)
    finally:
        group.rmdir()
    return plain(said, "perf_event controller")


@contextlib.contextmanager
def hierarchies(*mounts):
    """The machine's cgroups as these (KIND, OPTIONS, FOLDER) instead of version 2 alone."""
    root = "/sys/fs/cgroup"
    subprocess.run(["umount", root], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", root], check=True)
    made = []
    try:
        for kind, options, name in mounts:
            os.mkdir(f"{root}/{name}")
            subprocess.run(["mount", "-t", kind, "-o", options, "none", f"{root}/{name}"], check=True)
            made.append(f"{root}/{name}")
        yield [pathlib.Path(one) for one in made]
    finally:
        for one in reversed(made):
            subprocess.run(["umount", one], check=True)
        subprocess.run(["umount", root], check=True)
        subprocess.run(["mount", "-t", "cgroup2", "none", root], check=True)


def check_version_1():
    """Only version 1: no cgroup2 anywhere."""
    with hierarchies(("cgroup", "pids", "pids"), ("cgroup", "freezer,net_cls", "freezer,net_cls")) as (one, both):
        return check_cgroup(top=one) + "; " + check_cgroup(top=both)


def check_hybrid():
    """perf_event in a hierarchy of version 1: its timers run only with the cgroup there."""
    with hierarchies(("cgroup2", "rw", "unified"), ("cgroup", "perf_event", "perf_event")) as (unified, perf):
        plain(pybpfprof("record", "-q", "--cgroup", unified, "--scope=cgroup", "-o", "/tmp/none.folded", status=4),
              "perf_event controller")  # fmt: skip
        return check_cgroup(top=unified) + "; " + check_cgroup("--scope", "cgroup", top=perf)


def check_delegated():
    """From inside a cgroup namespace, whose root is a group that was given away."""
    group = pathlib.Path("/sys/fs/cgroup/given")
    inside = group / "inside"
    inside.mkdir(parents=True)
    own = pathlib.Path("/tmp/own")
    own.mkdir(exist_ok=True)
    child = os.fork()
    if not child:
        (group / "cgroup.procs").write_text("0")
        libc = ctypes.CDLL(None, use_errno=True)
        must(not libc.unshare(0x02000000 | 0x00020000), "unshare:", os.strerror(ctypes.get_errno()))  # CGROUP, NS
        subprocess.run(["mount", "-t", "cgroup2", "none", own], check=True)
        with busy(own / "inside") as pid, busy():
            document = record("--cgroup", own / "inside", *BRIEFLY)
        os._exit({s["pid"] for s in document["samples"]} != {pid})
    status = os.waitpid(child, 0)[1]
    for one in (inside, group):
        one.rmdir()
    must(not status, "status", status)
    return "samples of those in it only"


def is_not_there(sample):
    """Whether the walker met memory that it could not read."""
    return any(name.startswith(("[truncated: a frame was not readable", "[unreadable function]")) for name in sample["stack"])


def has_task_work():
    """With it a tick reads again what it could not, once the task can wait for it. Without, two things stay unread after a fork:
    a page that is being copied at that moment, because the task writes to it; and on arm64, whose kernels make pages "old" for
    the child, what it has not touched yet, but for processors that keep the access flags by themselves (FEAT_HAFDBS; qemu 7.2's
    do so nearly always)."""
    return kernel_release() >= (6, 18)


def first_of(document):
    """The pid of the command, whose children all others are; the list is in no order."""
    pids = {one["pid"] for one in document["processes"]}
    (pid,) = (one["pid"] for one in document["processes"] if one["parent_pid"] not in pids)
    return pid


def check_tree():
    """Children that live 20 ms; the command's own exit status."""
    document = record("-s", "-r", "999", "--", sys.executable, "-S", WORK, "forks", TREE, CHILD_SECONDS, 23, status=23)
    parent = first_of(document)
    samples = [s for s in document["samples"] if s["pid"] != parent]
    seen = {s["pid"] for s in samples}
    figure("lives", f"{len(seen)}/{TREE}")
    failed = failed_of(document, but=parent)
    kernel_ages = os.uname().machine == "aarch64" and not has_task_work()
    must(len(seen) >= (0.9 if kernel_ages else 0.99) * TREE, len(seen), "of", TREE, "children seen", dict(failed))
    faults = collections.Counter(fault(s, "forks") for s in samples)
    unread = 0
    if not has_task_work():
        unread = sum(map(is_not_there, samples)) + sum(failed.pop(why, 0) for why in ("fault_tstate", "fault_frame", "torn"))
        must(unread < (0.1 if kernel_ages else 0.05) * len(samples), unread, "of", len(samples), "not readable")
        samples = [s for s in samples if not is_not_there(s)]
        faults = collections.Counter(fault(s, "forks") for s in samples)
    # Inside os.fork's own hooks and in os._exit it is not yet or no longer there, which is right too.
    named, total = faults[None], len(samples) + sum(failed.values())
    figure("named", f"{named}/{total}")
    must(named >= 0.99 * total, named, "of", total, "named:", worst(faults), dict(failed))
    faults.pop(None)
    return f"{len(seen)} of {TREE} children, {named} of {total} samples named; else {worst(faults)} {dict(failed)}, {unread} not readable"


def check_new_memory():
    """By the kernel's sum of the process's memory, which has had two types (bpf/source/faults.bpf.c)."""
    command = (sys.executable, "-S", "-c", "import os\n\nblock = bytearray(48 << 20)\nos.write(1, block[:1])")
    document = record("--event", "faults", "--", *command)
    grown = collections.Counter()
    for sample in document["samples"]:
        grown[sample["lines"][-1]] += sample["amount"] / (1 << 20)
    must(abs(grown[3] - 48) < 1.5, "48 MiB in line 3, but", dict(grown))
    return f"48 MiB seen as {grown[3]:.2f}"


def check_waits():
    """A thread that sleeps has all of that time in the line that does, and next to nothing else."""
    command = (sys.executable, "-S", "-c", "import time\n\nfor _ in range(20): time.sleep(0.02)")
    if kernel_release() < (5, 17):
        said = pybpfprof("record", "--event", "offcpu", "-o", "/tmp/none.json", "--", *command, status=4)
        must("--event offcpu needs bpf_loop (Linux 5.17)" in said, "it said:", said)
        return said.strip().split("\n")[-1]
    if "--as-old-kernel" in OPTIONS:
        raise Skip("so its walk takes more stack than kernels before 5.17 allow, or this one")
    document = record("--event", "offcpu", "--", *command)
    slept = sum(s["value"] for s in document["samples"] if s["lines"][-2:-1] == [3])
    must(0.39 < slept < document["duration"], slept, "s of sleep in", document["duration"])
    return f"0.4 s of sleep seen as {slept:.3f} s"


def check_native():
    """What a thread sleeps in, what it waits for the GIL in, and what touches new memory: the C library's functions, and the kernel's."""
    program = """import _thread, os, time

def spin():
    while True: sum(range(1000))

_thread.start_new_thread(spin, ())
for _ in range(30): time.sleep(0.01)
block = bytearray(16 << 20)
os._exit(0)
"""
    command = (sys.executable, "-S", "-c", program)
    if kernel_release() < (5, 17) or os.uname().machine != "x86_64" or "--as-old-kernel" in OPTIONS:
        return pybpfprof("record", "--native", "-o", "/tmp/none.json", *OPTIONS, "--", *command, status=4).strip().split("\n")[-1]
    said = pybpfprof("record", "--event", "cpu,offcpu,gil,faults", "--native", "-o", "/tmp/native.json", *OPTIONS, "--", *command)
    document = json.loads(pathlib.Path("/tmp/native.json").read_bytes())
    types = {one["id"]: one["name"] for one in document["value_types"]}
    sleeps, memory, fights = [], [], []
    for sample in document["samples"]:
        kind, stack = types[sample.get("value_type", 0)], sample["stack"]
        if kind == "offcpu" and stack[-1] == "[sleep]":
            sleeps.append("clock_nanosleep" in stack and "hrtimer_nanosleep" in stack)
        elif kind == "faults":
            memory.append(document["functions"][stack[-1]].get("kind") == "native")
        elif kind == "gil":
            fights.append("pthread_cond_timedwait" in stack)
    for seen in (sleeps, memory, fights):
        must(len(seen) > 10 and sum(seen) > 0.8 * len(seen), "sleeps, memory, fights:", len(sleeps), sum(sleeps), len(memory), sum(memory),
             len(fights), sum(fights), said)  # fmt: skip
    return f"{len(sleeps)} sleeps, {len(memory)} samples of new memory, {len(fights)} waits for the GIL in C functions"


def check_no_types():
    """What a kernel without BTF looks like, and what it is worth to have it in a file."""
    shutil.copy(TYPES / "vmlinux", "/tmp/types")
    subprocess.run(["mount", "-t", "tmpfs", "none", TYPES], check=True)
    try:
        plain(pybpfprof(*NOTHING, status=4), "BTF", "--btf FILE")
        return check_pid("--btf", "/tmp/types")
    finally:
        subprocess.run(["umount", TYPES], check=True)
        os.unlink("/tmp/types")


def check_locked_down():
    """Cannot be undone: the last check."""
    switch = pathlib.Path("/sys/kernel/security/lockdown")
    if not switch.exists():
        raise Skip("this kernel cannot be locked down")
    switch.write_text("confidentiality")
    return plain(pybpfprof(*NOTHING, status=4), "locked down")


def plain(said, *words):
    """One line for people, with these words in it, and nothing left behind."""
    lines = said.strip().split("\n")
    must(len(lines) == 1 and all(word in said for word in words), "it said:", lines)
    left = [name for name in os.listdir("/tmp") if name.startswith("none")]
    must(not left, "left behind:", left)
    return lines[0]


CHECKS = {
    "--pid": check_pid,
    "depth": check_depth,
    "--pid, without task work": check_pid_without_task_work,
    "--pid, as nobody with four capabilities": check_least_privilege,
    "dump": check_dump,
    "walker as host C, sleeping threads": check_sleepers,
    "walker as host C, each instruction": check_switches,
    "--cgroup": check_cgroup,
    "--scope=cgroup without its controller": check_no_controller,
    "--scope=cgroup": check_scope,
    "--cgroup of a delegated subtree": check_delegated,
    "--cgroup of version 1": check_version_1,
    "--cgroup of a hybrid host": check_hybrid,
    "command -s, children of 20 ms": check_tree,
    "--event faults": check_new_memory,
    "--event offcpu": check_waits,
    "--native": check_native,
    "without BTF of its own": check_no_types,
    "locked down": check_locked_down,
}


def run(name, check):
    start = time.monotonic()
    try:
        result, detail = "passed", check()
    except Skip as reason:
        result, detail = "skipped", reason
    except (Wrong, KeyError, OSError, ValueError, subprocess.SubprocessError) as error:
        result, detail = "failed", f"{type(error).__name__}: {error}"
    took = time.monotonic() - start
    print(f"@ {result} {name}: {str(detail)[:600]} ({took:.1f} s)", flush=True)


IMAGES = "--images" in sys.argv
if sys.argv[1:] == ["--files"]:
    sys.modules["ssl"] = None  # which asyncio, and so ASLEEP, can do without
    import asyncio

    for module in list(sys.modules.values()):
        for path in (getattr(module, "__file__", None), getattr(module, "__cached__", None)):
            if path and os.path.exists(path) and path != os.path.abspath(__file__):
                print(path)
else:
    print(flush=True)  # what the firmware has left on the line
    source_lines_known = source_lines()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    OPTIONS += sys.argv[1:]
    for each, function in CHECKS.items():
        if not IMAGES or function in (check_sleepers, check_switches):
            run(each, function)
    print("@ end", flush=True)
