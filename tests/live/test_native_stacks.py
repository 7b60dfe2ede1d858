"""--native: Python, C and kernel frames in one stack, each where it belongs. What calls what is known (workloads/nested.py)."""

import os
import shutil
import subprocess

import pytest

import interpreters
from conftest import WORKLOADS, summary_number

SECONDS = 0.4
MISSING = "[native frames are missing: "
SPIN = ["spin_c"]
# What may be on the stack, of the workload's own functions; a stack may be caught on the way, so each beginning is as right.
CHAINS = [
    ["py_top", "plain_c", "py_middle", "aligned_c", "py_inner", *4 * ["descend_c"], *SPIN],
    ["py_sort", "py_key", *SPIN],
    [*12 * ["py_deep", "plain_c"], "py_deep", *SPIN],
    ["py_sum", "sized_c", "py_total", "py_items", *SPIN],
    ["py_pure"],
]
BEGINNINGS = {tuple(chain[:n]) for chain in CHAINS for n in range(len(chain) + 1)}
OWN = {name for chain in CHAINS for name in chain}
WITHOUT_C = {tuple(name for name in one if name[:3] == "py_") for one in BEGINNINGS}
# Up to 3.10 frames are placed by their number, which is not that of the evaluator's while one is entered or left.
BY_NUMBER = (3, 10)
VERSIONS = [i for i in interpreters.MATRIX if i.minor in {(3, 8), (3, 11), (3, 13), (3, 14), (3, 15)}]
PERF = [i for i in interpreters.MATRIX if i.minor in {(3, 12), (3, 13)}][:1]

if not shutil.which("gcc"):
    pytest.skip("no gcc", allow_module_level=True)
if "--as-old-kernel" in os.environ.get("RECORD", "") or os.uname().machine != "x86_64":
    pytest.skip("native frames are not there", allow_module_level=True)


def built(folder, name):
    path = folder / f"{name}.so"
    options = ["-O2", "-fomit-frame-pointer", "-shared", "-fPIC", "-pthread"]
    subprocess.run(["gcc", *options, "-o", path, WORKLOADS / f"{name}.c"], check=True)
    return path


@pytest.fixture(scope="module")
def libraries(tmp_path_factory):
    folder = tmp_path_factory.mktemp("native")
    return {name: built(folder, name) for name in ("nested", "native")}


def plain(name):
    """As the functions are called in the workload: without the scope they are in."""
    return name.rsplit(".", 1)[-1]


def own_part(stack):
    return tuple(name for name in map(plain, (frame.name for frame in stack.frames)) if name in OWN)


def record_nested(spawn, recorder, python, libraries, *words, options=(), record=()):
    workload = spawn(python, "nested.py", libraries["nested"], SECONDS, *words, options=options)
    recording = recorder("--pid", workload.pid, "-r", "999", "--native", *record)
    workload.go().finish()
    return recording.wait()


def check_whole(recording, least=0.98):
    """Nearly all native stacks reach the root; the others are counted, and say so where they are shown."""
    whole, shown = (summary_number(recording.stderr, word) for word in ("of", "stacks whole"))
    assert shown > 100 and whole >= least * shown, recording.stderr
    ended = sum(int(line.split()[1].replace(",", "")) for line in recording.stderr.splitlines() if " ended early: " in line)
    assert whole + ended == shown
    return shown


def is_marked(stack):
    return any(frame.name.startswith(MISSING) for frame in stack.frames)


def check_stacks(stacks, by_number=False):
    """Every single one is as the functions call each other; where native frames are missing, the Python functions are."""
    right = sum(stack.count for stack in stacks if own_part(stack) in BEGINNINGS)
    partly = [stack for stack in stacks if own_part(stack) not in BEGINNINGS and (by_number or is_marked(stack))]
    wrong = [stack for stack in stacks if own_part(stack) not in BEGINNINGS and stack not in partly]
    assert not wrong, [frame.name for frame in wrong[0].frames]
    assert sum(stack.count for stack in partly) <= 0.02 * right + 2
    for stack in partly:
        assert tuple(name for name in own_part(stack) if name[:3] == "py_") in WITHOUT_C, [frame.name for frame in stack.frames]
    for chain in CHAINS:
        assert sum(stack.count for stack in stacks if own_part(stack) == tuple(chain)) > 3, chain


def check_folded_away(stacks, python):
    """Of the interpreter's own C functions there are those that Python called last."""
    for stack in stacks:
        places = [frame.file or "" for frame in stack.frames]
        last = max((n for n, place in enumerate(places) if place.endswith(".py")), default=0)
        assert not [place for place in places[:last] if "libpython" in place or place == os.path.basename(python.path)]


@pytest.mark.parametrize("each", VERSIONS)
def test_each_frame_is_where_it_belongs(each, libraries, spawn, recorder):
    recording = record_nested(spawn, recorder, each, libraries)
    stacks = recording.all_stacks()
    check_whole(recording)
    check_stacks(stacks, by_number=each.minor <= BY_NUMBER)
    check_folded_away(stacks, each)


@pytest.mark.parametrize("named", [True, False], ids=["named", "without-names"])
@pytest.mark.parametrize("each", PERF)
def test_trampolines_of_perf_are_passed(each, named, libraries, spawn, recorder):
    """-X perf has each Python function called by code that is made at run time; it is not shown, named (yet) or not."""
    workload = spawn(each, "nested.py", libraries["nested"], SECONDS, options=["-X", "perf"])
    if not named:
        os.unlink(f"/tmp/perf-{workload.pid}.map")
    recording = recorder("--pid", workload.pid, "-r", "999", "--native")
    workload.go().finish()
    stacks = recording.wait().all_stacks()
    check_whole(recording)
    check_stacks(stacks)
    # one that runs itself is shown, as its stack ends there
    made = ("py::", "[made at run time]", "[unknown]")
    shown = [stack for stack in stacks if not is_marked(stack) for frame in stack.frames if frame.name.startswith(made)]
    assert not shown, shown[0]


def kinds(document):
    """Of the frames of each sample."""
    of = {name: function.get("kind", "python") for name, function in document["functions"].items()}
    return [[of[name] for name in sample["stack"]] for sample in document["samples"]]


def test_kernel_frames_are_on_top(python, libraries, spawn, recorder):
    document = record_nested(spawn, recorder, python, libraries, "read").json()
    stacks = kinds(document)
    assert sum(stack[-1] == "kernel" for stack in stacks) > 0.5 * len(stacks), "the workload is nearly always in the kernel"
    for stack in stacks:
        first = stack.index("kernel") if "kernel" in stack else len(stack)
        assert set(stack[first:]) <= {"kernel"}, "nothing is called by the kernel"
    without = record_nested(spawn, recorder, python, libraries, "read", record=["--no-kernel"]).json()
    assert kinds(without) and not [stack for stack in kinds(without) if "kernel" in stack]


def test_native_threads_have_their_stacks(python, libraries, spawn, recorder):
    workload = spawn(python, "native.py", libraries["native"], SECONDS, 2)
    recording = recorder("--pid", workload.pid, "-r", "999", "--native")
    workload.go().finish()
    stacks = recording.wait().all_stacks("-t")
    pool = [stack for stack in stacks if stack.thread[1].startswith("pool-")]
    work = [stack for stack in pool if "work" in [frame.name for frame in stack.frames]]
    assert sum(stack.count for stack in work) > 0.9 * sum(stack.count for stack in pool) > 300
    assert not [stack for stack in work if "[native threads]" in [frame.name for frame in stack.frames]]


def test_all_shows_the_interpreters_own(python, libraries, spawn, recorder):
    stacks = record_nested(spawn, recorder, python, libraries, record=["--native=all"]).all_stacks()
    check_stacks(stacks)
    sorting = [[plain(frame.name) for frame in stack.frames] for stack in stacks if own_part(stack)[:2] == ("py_sort", "py_key")]
    assert sorting
    for names in sorting:
        between = names[names.index("py_sort") + 1 : names.index("py_key")]
        assert len(between) > 2, "what sorts, and the evaluator"


def test_what_old_kernels_lack_is_said(pybpfprof):
    done = pybpfprof("record", "--as-old-kernel", "--native", "--pid", os.getpid(), "-d", "0.1", "-o", "x.svg")
    assert done.returncode == 4 and "bpf_loop" in done.stderr and "5.17" in done.stderr
