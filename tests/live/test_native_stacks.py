# SPDX-License-Identifier: MIT
"""--native: Python, C and kernel frames in one stack, each where it belongs. What calls what is known (workloads/nested.py)."""

import os
import shutil
import subprocess

import pytest

import interpreters
from conftest import WORKLOADS, summary_number

# NATIVE_SECONDS=5 has every build of the library on every interpreter: 100,000 samples and more.
LONG = "NATIVE_SECONDS" in os.environ
SECONDS = float(os.environ.get("NATIVE_SECONDS", 0.4))
RATE = 4999
MISSING = "[native frames are missing: "
SPIN = ["spin_c"]
# What may be on the stack, of the workload's own functions; a stack may be caught on the way, so each beginning is as right.
CHAINS = [
    ["py_top", "plain_c", "py_middle", "aligned_c", "py_inner", *4 * ["descend_c"], *SPIN],
    ["py_sort", "py_key", *SPIN],
    [*12 * ["py_deep", "plain_c"], "py_deep", *SPIN],
    ["py_sum", "sized_c", "py_total", "py_items", *SPIN],
    ["py_descend", *101 * ["descend_c"], *SPIN],
    ["py_pure"],
]
OF_MODULE = [["py_each", "each_c", "py_items", *SPIN]]
OF_CXX = [["py_safe", "noexcept_c", "py_inner", *4 * ["descend_c"], *SPIN]]
BEGINNINGS = {tuple(chain[:n]) for chain in CHAINS + OF_MODULE + OF_CXX for n in range(len(chain) + 1)}
BEGINNINGS.add(("py_each", "py_items"))  # a generator makes its object itself
OWN = {name for one in BEGINNINGS for name in one}
WITHOUT_C = {tuple(name for name in one if name[:3] == "py_") for one in BEGINNINGS}
# Up to 3.9 frames are placed by their number, which is not that of the evaluator's while one is entered or left.
BY_NUMBER = (3, 9)
VERSIONS = [i for i in interpreters.MATRIX if i.minor >= (3, 8)]
UNUSUAL = [i for i in interpreters.SUPPORTED if i.build in ("musl", "t") or (i.build == "standalone" and i.minor == (3, 14))]
PERF = [i for i in interpreters.MATRIX if i.minor in {(3, 12), (3, 13)}][:1]
JIT = [i for i in VERSIONS + UNUSUAL if i.minor >= (3, 14) and not i.threaded]
# How the library is built, and what the workload is told of it. Of one without .eh_frame the code is read.
PLAIN = ["-O2", "-fomit-frame-pointer", "-nostdlib"]
BUILDS = {
    "ctypes": (PLAIN, []),
    "module": (PLAIN, ["module"]),
    "lto": (["-O3", "-flto", "-fomit-frame-pointer", "-DWITH_CXX", "-static-libgcc", "-static-libstdc++"], ["module", "cxx"]),
    "framed": (["-O2", "-fno-omit-frame-pointer", "-nostdlib"], ["module"]),
    "bare": ([*PLAIN, "-fno-asynchronous-unwind-tables"], ["module"]),
}

if not shutil.which("g++"):
    pytest.skip("no g++", allow_module_level=True)
if "--as-old-kernel" in os.environ.get("RECORD", "") or os.uname().machine != "x86_64":
    pytest.skip("native frames are not there", allow_module_level=True)


def builds_for(interpreter):
    """The C++ library of this machine is not that of musl, which has no ctypes here, either."""
    return [build for build in BUILDS if interpreter.build != "musl" or build not in ("ctypes", "lto")]


def rows():
    """Each build of the library on some interpreter, and each interpreter with some build."""
    for n, each in enumerate(VERSIONS + UNUSUAL):
        builds = builds_for(each)
        for build in builds if LONG else [builds[n % len(builds)]]:
            yield pytest.param(each, build, id=f"{interpreters.name(each)}-{build}")


def built(folder, build, object_bytes=None):
    path, options = folder / f"{build}{object_bytes or ''}.so", [*BUILDS[build][0], "-fPIC"]
    objects = []
    for source in ["nested.c", "nested_cxx.cc"] if "-DWITH_CXX" in options else ["nested.c"]:
        objects.append(path.with_suffix("." + source + ".o"))
        head = [f"-DOBJECT_BYTES={object_bytes}"] if object_bytes else []
        compiler = "g++" if source.endswith(".cc") else "gcc"
        subprocess.run([compiler, *options, *head, "-c", "-o", objects[-1], WORKLOADS / source], check=True)
    subprocess.run(["g++", *options, "-shared", "-o", path, *objects], check=True)
    return path


class Libraries:
    """Built as they are asked for."""

    def __init__(self, folder):
        self.folder, self.made = folder, {}

    def get(self, interpreter, build):
        size = None
        if "module" in BUILDS[build][1]:
            asked = [interpreter.path, "-S", "-c", "print(object.__basicsize__)"]
            size = int(subprocess.run(asked, stdout=subprocess.PIPE, check=True).stdout)
        if (build, size) not in self.made:
            self.made[build, size] = built(self.folder, build, size)
        return self.made[build, size]


@pytest.fixture(scope="module")
def libraries(tmp_path_factory):
    return Libraries(tmp_path_factory.mktemp("native"))


def plain(name):
    """As the functions are called in the workload: without the scope they are in."""
    return name.rsplit(".", 1)[-1]


def own_part(stack):
    return tuple(name for name in map(plain, (frame.name for frame in stack.frames)) if name in OWN)


def record_nested(spawn, recorder, python, libraries, build, *words, record=(), **how):
    words = [libraries.get(python, build), SECONDS, *BUILDS[build][1], *words]
    workload = spawn(python, "nested.py", *words, **how)
    recording = recorder("--pid", workload.pid, "-r", RATE, "--native", *record)
    workload.go().finish()
    return recording.wait()


def check_whole(recording, least=0.99):
    """Nearly all native stacks reach the root; the others are counted, and say so where they are shown."""
    whole, shown = (summary_number(recording.stderr, word) for word in ("of", "stacks whole"))
    assert shown > 100 and whole >= least * shown, recording.stderr
    ended = sum(int(line.split()[1].replace(",", "")) for line in recording.stderr.splitlines() if " ended early: " in line)
    assert whole + ended == shown
    return f"{shown:7} stacks, {100 * whole / shown:6.2f} % whole"


def is_marked(stack):
    return any(frame.name.startswith(MISSING) for frame in stack.frames)


def check_stacks(stacks, build, by_number=False):
    """Every single one is as the functions call each other; where native frames are missing, the Python functions are."""
    right = sum(stack.count for stack in stacks if own_part(stack) in BEGINNINGS)
    partly = [stack for stack in stacks if own_part(stack) not in BEGINNINGS and (by_number or is_marked(stack))]
    others = [stack for stack in stacks if own_part(stack) not in BEGINNINGS and stack not in partly]
    # seen once in 211,000: of a sample without any native frame the functions of Python are there, and nothing says so
    bare = [stack for stack in others if all(frame.file.endswith(".py") for frame in stack.frames)]
    wrong = [stack for stack in others if stack not in bare]
    assert sum(stack.count for stack in bare) <= 1 + 0.0001 * right, bare[0]
    assert not wrong, (sum(stack.count for stack in wrong), [frame.name for frame in wrong[0].frames])
    assert sum(stack.count for stack in partly) <= 0.02 * right + 2
    for stack in partly:
        assert tuple(name for name in own_part(stack) if name[:3] == "py_") in WITHOUT_C, [frame.name for frame in stack.frames]
    words = BUILDS[build][1]
    for chain in CHAINS + OF_MODULE * ("module" in words) + OF_CXX * ("cxx" in words):
        assert sum(stack.count for stack in stacks if own_part(stack) == tuple(chain)) > 3, chain


def check_folded_away(stacks, python):
    """Of the interpreter's own C functions there are those that Python called last."""
    for stack in stacks:
        places = [frame.file or "" for frame in stack.frames]
        last = max((n for n, place in enumerate(places) if place.endswith(".py")), default=0)
        own = ("libpython", "/Objects/", "/Python/")  # with debug information there is the source instead of the library
        assert not [place for place in places[:last] if any(part in place for part in own) or place == os.path.basename(python.path)]


@pytest.mark.parametrize("each, build", rows())
def test_each_frame_is_where_it_belongs(each, build, libraries, spawn, recorder):
    recording = record_nested(spawn, recorder, each, libraries, build)
    stacks = recording.all_stacks()
    print("native frames:", check_whole(recording, 0.95 if each.build == "musl" else 0.99))
    check_stacks(stacks, build, by_number=each.minor <= BY_NUMBER)
    check_folded_away(stacks, each)


@pytest.mark.parametrize("each, build", [pytest.param(*row.values, id=row.id) for row in rows() if row.values[0] in JIT])
def test_code_of_the_jit_compiler_is_passed(each, build, libraries, spawn, recorder):
    """It has no unwind tables, and mostly no frame pointers; and is no function of its own."""
    recording = record_nested(spawn, recorder, each, libraries, build, env={"PYTHON_JIT": "1"})
    stacks = recording.all_stacks()
    print("native frames:", check_whole(recording, 0.85))
    check_stacks(stacks, build)
    shown = {frame.name for stack in stacks if not is_marked(stack) for frame in stack.frames}
    assert not shown & {"[made at run time]", "[unknown]"}


@pytest.mark.parametrize("named", [True, False], ids=["named", "without-names"])
@pytest.mark.parametrize("each", PERF)
def test_trampolines_of_perf_are_passed(each, named, libraries, spawn, recorder):
    """-X perf has each Python function called by code that is made at run time; it is not shown, named (yet) or not."""
    words = [libraries.get(each, "ctypes"), SECONDS, *BUILDS["ctypes"][1]]
    workload = spawn(each, "nested.py", *words, options=["-X", "perf"])
    if not named:
        os.unlink(f"/tmp/perf-{workload.pid}.map")
    recording = recorder("--pid", workload.pid, "-r", RATE, "--native")
    workload.go().finish()
    stacks = recording.wait().all_stacks()
    check_whole(recording)
    check_stacks(stacks, "ctypes")
    # one that runs itself is shown, as its stack ends there
    made = ("py::", "[made at run time]", "[unknown]")
    shown = [stack for stack in stacks if not is_marked(stack) for frame in stack.frames if frame.name.startswith(made)]
    assert not shown, shown[0]


def kinds(document):
    """Of the frames of each sample."""
    of = {name: function.get("kind", "python") for name, function in document["functions"].items()}
    return [[of[name] for name in sample["stack"]] for sample in document["samples"]]


def test_kernel_frames_are_on_top(python, libraries, spawn, recorder):
    document = record_nested(spawn, recorder, python, libraries, "ctypes", "read").json()
    stacks = kinds(document)
    assert sum(stack[-1] == "kernel" for stack in stacks) > 0.5 * len(stacks), "the workload is nearly always in the kernel"
    for stack in stacks:
        first = stack.index("kernel") if "kernel" in stack else len(stack)
        assert set(stack[first:]) <= {"kernel"}, "nothing is called by the kernel"
    without = record_nested(spawn, recorder, python, libraries, "ctypes", "read", record=["--no-kernel"]).json()
    assert kinds(without) and not [stack for stack in kinds(without) if "kernel" in stack]


def test_native_threads_have_their_stacks(python, tmp_path, spawn, recorder):
    library = tmp_path / "native.so"
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-pthread", "-o", library, WORKLOADS / "native.c"], check=True)
    workload = spawn(python, "native.py", library, SECONDS, 2)
    recording = recorder("--pid", workload.pid, "-r", "999", "--native")
    workload.go().finish()
    stacks = recording.wait().all_stacks("-t")
    pool = [stack for stack in stacks if stack.thread[1].startswith("pool-")]
    work = [stack for stack in pool if "work" in [frame.name for frame in stack.frames]]
    assert sum(stack.count for stack in work) > 0.9 * sum(stack.count for stack in pool) > 300
    assert not [stack for stack in work if "[native threads]" in [frame.name for frame in stack.frames]]


def test_all_shows_the_interpreters_own(python, libraries, spawn, recorder):
    stacks = record_nested(spawn, recorder, python, libraries, "ctypes", record=["--native=all"]).all_stacks()
    check_stacks(stacks, "ctypes")
    sorting = [[plain(frame.name) for frame in stack.frames] for stack in stacks if own_part(stack)[:2] == ("py_sort", "py_key")]
    assert sorting
    for names in sorting:
        between = names[names.index("py_sort") + 1 : names.index("py_key")]
        assert len(between) > 2, "what sorts, and the evaluator"


def test_what_old_kernels_lack_is_said(pybpfprof):
    done = pybpfprof("record", "--as-old-kernel", "--native", "--pid", os.getpid(), "-d", "0.1", "-o", "x.svg")
    assert done.returncode == 4 and "bpf_loop" in done.stderr and "5.17" in done.stderr
