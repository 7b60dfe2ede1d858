"""Runs in the virtual machine: pybpfprof under this kernel. Says one line per check, which scripts/vm-test.sh
collects: `@ passed|failed|skipped NAME: what was seen`.

    check.py works|refused   what this kernel is expected to do
    check.py --files         names the files that Python needs for it (run outside)
"""

import collections
import contextlib
import encodings.ascii
import encodings.latin_1
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

PROGRAM = "/usr/bin/pybpfprof"
SETPRIV = "/usr/bin/setpriv"
WORK = "/vm/work.py"
BRIEFLY = ("-d", "1", "-r", "499")
NOTHING = ("record", "-q", "--all", "-d", "1", "-o", "/tmp/none.folded")  # where it is to be refused
TREE = 100  # children of the check of short lives …
CHILD_SECONDS = 0.05  # … and the CPU time of each


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
    must(done.returncode == status, "status", done.returncode, "instead of", status)
    return said


def record(*args, **options):
    """What it recorded, as our JSON has it."""
    target = pathlib.Path("/tmp/out.json")
    with contextlib.suppress(FileNotFoundError):
        target.unlink()
    pybpfprof("record", "--full-filenames", "-o", target, *args, **options)
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


def worst(faults):
    return sorted(faults.items(), key=lambda one: -one[1])[:3]


def check_stacks(samples, place, share=0.99):
    """At least this share of the samples must be right; says how many are."""
    faults = collections.Counter(fault(sample, place) for sample in samples)
    right = faults.pop(None, 0)
    must(len(samples) >= 30, "only", len(samples), "samples")
    must(right >= share * len(samples), right, "of", len(samples), "right:", worst(faults))
    leaves = sum(sample["stack"][-1].endswith(".inner") for sample in samples)
    must(leaves > 0.9 * len(samples), "only", leaves, "of", len(samples), "in inner")
    return f"{right} of {len(samples)} samples right"


@contextlib.contextmanager
def busy(cgroup=None):
    """A program that is well under way in `inner`, in that cgroup."""

    def enter():
        if cgroup is not None:
            (cgroup / "cgroup.procs").write_text("0")

    command = [sys.executable, "-S", WORK, "busy", "600"]
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


def check_pid_without_task_work():
    if tuple(map(int, os.uname().release.split(".")[:2])) < (6, 18):
        raise Skip("this kernel has none")
    return check_pid("--without-task-work")


def check_least_privilege():
    """Nobody, with the capabilities that the README names."""
    if not os.path.exists(SETPRIV):
        raise Skip("no setpriv here")
    caps = "-all,+bpf,+perfmon,+sys_ptrace,+dac_read_search"
    nobody = [SETPRIV, "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set", caps, "--inh-caps", caps,
              "--ambient-caps", caps]  # fmt: skip
    limit = pathlib.Path("/proc/sys/kernel/perf_event_paranoid")
    if int(limit.read_text()) > 2:
        # Debian's kernels start like this and want more then.
        plain(pybpfprof(*NOTHING, prefix=nobody, status=3), "perf_event_paranoid = 3")
        limit.write_text("2")
    return check_pid(prefix=nobody)


def check_cgroup(*options):
    group = pathlib.Path("/sys/fs/cgroup/inside")
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


def check_tree():
    """Children that live 50 ms; the command's own exit status."""
    document = record("-s", "-r", "999", "--", sys.executable, "-S", WORK, "forks", TREE, CHILD_SECONDS, 23, status=23)
    parent = document["processes"][0]["pid"]
    samples = [s for s in document["samples"] if s["pid"] != parent]
    seen = {s["pid"] for s in samples}
    must(len(seen) >= 0.99 * TREE, len(seen), "of", TREE, "children seen")
    faults = collections.Counter(fault(s, "forks") for s in samples)
    failed = failed_of(document, but=parent)
    # Inside os.fork's own hooks and in os._exit it is not yet or no longer there, which is right too.
    named, total = faults[None], len(samples) + sum(failed.values())
    must(named >= 0.99 * total, named, "of", total, "named:", worst(faults), dict(failed))
    faults.pop(None)
    return f"{len(seen)} of {TREE} children, {named} of {total} samples named; else {worst(faults)} {dict(failed)}"


def check_no_types():
    """What a kernel without BTF looks like."""
    types = "/sys/kernel/btf"
    subprocess.run(["mount", "-t", "tmpfs", "none", types], check=True)
    try:
        said = pybpfprof(*NOTHING, status=4)
    finally:
        subprocess.run(["umount", types], check=True)
    return plain(said, "BTF")


def check_locked_down():
    """Cannot be undone: the last check."""
    switch = pathlib.Path("/sys/kernel/security/lockdown")
    if not switch.exists():
        raise Skip("this kernel cannot be locked down")
    switch.write_text("confidentiality")
    return plain(pybpfprof(*NOTHING, status=4), "locked down")


def check_refused():
    """A kernel that lacks something."""
    return plain(pybpfprof(*NOTHING, status=4), "bpf_loop", "5.17")


def plain(said, *words):
    """One line for people, with these words in it, and nothing left behind."""
    lines = said.strip().split("\n")
    must(len(lines) == 1 and all(word in said for word in words), "it said:", lines)
    left = [name for name in os.listdir("/tmp") if name.startswith("none")]
    must(not left, "left behind:", left)
    return lines[0]


CHECKS = {
    "works": {
        "--pid": check_pid,
        "--pid, without task work": check_pid_without_task_work,
        "--pid, as nobody with four capabilities": check_least_privilege,
        "--cgroup": check_cgroup,
        "--scope=cgroup without its controller": check_no_controller,
        "--scope=cgroup": check_scope,
        "command -s, children of 50 ms": check_tree,
        "without BTF": check_no_types,
        "locked down": check_locked_down,
    },
    "refused": {"status 4": check_refused},
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


if sys.argv[1] == "--files":
    for module in list(sys.modules.values()):
        for path in (getattr(module, "__file__", None), getattr(module, "__cached__", None)):
            if path and os.path.exists(path) and path != os.path.abspath(__file__):
                print(path)
else:
    print(flush=True)  # what the firmware has left on the line
    source_lines_known = source_lines()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for each, function in CHECKS[sys.argv[1]].items():
        run(each, function)
    print("@ end", flush=True)
