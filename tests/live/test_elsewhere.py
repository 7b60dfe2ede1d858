# SPDX-License-Identifier: MIT
"""Interpreters in other places than those they came from, and programs that are unlike `python script.py`."""

import os
import pathlib
import shutil
import subprocess

import pytest

import interpreters
from test_record import processes_of

SPIN = """
import time
def leaf(seconds):
    end = time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID) + seconds
    while time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID) < end:
        pass
def root():
    leaf({seconds})
root()
"""


SHARED = [i for i in interpreters.MATRIX if i.shared]
STATIC = [i for i in interpreters.MATRIX if not i.shared]
ENDS = SHARED[:1] + SHARED[1:][-1:]  # the oldest and the newest


def library_of(interpreter):
    """Its libpython, or None."""
    probe = "print([l.split()[-1] for l in open('/proc/self/maps') if 'libpython' in l][0])"
    if not interpreter.shared:
        return None
    out = subprocess.run([interpreter.path, "-c", probe], stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout
    return pathlib.Path(out.strip())


def home_of(interpreter):
    probe = "import sys; print(sys.base_prefix)"
    return subprocess.run(
        [interpreter.path, "-c", probe], stdout=subprocess.PIPE, encoding="utf-8", check=True
    ).stdout.strip()


def by_function(document, pid):
    """{(function, line): CPU seconds} of a process's innermost frames, and how many ticks it failed in."""
    spent = {}
    for sample in document["samples"]:
        if sample["pid"] == pid:
            key = (sample["stack"][-1].rsplit(".", 1)[-1], sample["lines"][-1])
            spent[key] = spent.get(key, 0) + sample["value"]
    return spent


def test_a_file_in_the_place_of_another(cgroup, tmp_path, recorder):
    """Programs and libraries that take over the inodes of other versions', as builds in containers do."""
    chosen = [i for i in ENDS if library_of(i).exists()]
    if len(chosen) < 2:
        pytest.skip("not two versions with a libpython")
    recording = recorder("--cgroup", cgroup.path, "-r", "499")
    program, pids = tmp_path / "program", {}
    for interpreter in chosen:
        library = library_of(interpreter)
        here = tmp_path / library.name
        for old in tmp_path.glob("libpython*"):
            os.rename(old, here)
        # Written in place: the same inode, other bytes.
        shutil.copyfile(library, here)
        shutil.copyfile(interpreter.path, program)
        program.chmod(0o755)
        process = subprocess.Popen(
            [program, "-c", SPIN.format(seconds=0.8)],
            env={**os.environ, "LD_LIBRARY_PATH": str(tmp_path), "PYTHONHOME": home_of(interpreter)},
            preexec_fn=lambda: (cgroup.path / "cgroup.procs").write_text("0"),
        )
        assert process.wait() == 0
        pids[process.pid] = interpreter
    recording.stop()
    document = recording.json()
    for pid, interpreter in pids.items():
        assert processes_of(document)[pid]["python"] == interpreter.version
        spent = by_function(document, pid)
        leaf = sum(seconds for (name, line), seconds in spent.items() if name == "leaf" and line in (4, 5, 6))
        assert leaf > 0.1, (interpreter, spent, recording.stderr)


EMBEDS = """
extern char PyCode_Type[];
extern void Py_Initialize(void);
extern int PyRun_SimpleString(const char *);
int main(int argc, char **argv)
{
	Py_Initialize();
	return PyCode_Type[0] && PyRun_SimpleString(argv[1]);
}
"""


@pytest.mark.parametrize("which", ENDS)
def test_a_program_with_its_own_copy_of_a_type(which, tmp_path, recorder):
    """What a program refers to of a library's data is copied into the program, and the library uses the copy."""
    library = library_of(which)
    if not library.exists():
        pytest.skip("its library is in a root of its own")
    (tmp_path / "embeds.c").write_text(EMBEDS)
    program = tmp_path / "embeds"
    linked = [library, f"-Wl,-rpath,{library.parent}"]
    subprocess.run(["gcc", "-O1", "-fPIE", "-pie", "-o", program, tmp_path / "embeds.c", *linked], check=True)
    relocations = subprocess.run(["readelf", "-rW", program], stdout=subprocess.PIPE, encoding="utf-8").stdout
    assert any("COPY" in line and "PyCode_Type" in line for line in relocations.splitlines()), relocations
    recording = recorder(
        "-r", "499", "--", program, SPIN.format(seconds=0.3), wait=False,
        env={**os.environ, "PYTHONHOME": home_of(which)},
    ).wait()
    assert recording.status == 0, recording.stderr
    stacks = recording.stacks()
    spinning = [s for s in stacks if [f.name for f in s.frames[:3]] == ["<module>", "root", "leaf"]]
    assert sum(s.count for s in spinning) > 60, (stacks[:5], recording.stderr)
    assert not any(frame.name.startswith("[") for s in stacks for frame in s.frames)


def test_very_long_line_tables(python, tmp_path, recorder):
    """A generated module whose line table is longer than what the kernel side sends: its lines are right."""
    if python.minor < (3, 11):
        pytest.skip("tables of two bytes a line: none gets so long")
    lines = SPIN.format(seconds=0.05).split("\n")
    lines += ["a = b = c = d = v = 1"]
    lines += ["v = (a or 1) + (b or 2) * (c or 3) - (d or 4) if v else len('abc') + abs(-1)"] * 6000
    lines += ["leaf(0.2)"]
    script = tmp_path / "generated.py"
    script.write_text("\n".join(lines))
    table = "print(len(compile(open('%s').read(), 'generated', 'exec').co_linetable))" % script
    out = subprocess.run([python.path, "-c", table], stdout=subprocess.PIPE, check=True).stdout
    assert int(out) > 300_000
    recording = recorder("-r", "499", "--", python.path, script, wait=False).wait()
    assert recording.status == 0, recording.stderr
    last = [s for s in recording.stacks() if len(s.frames) == 2 and s.frames[1].name == "leaf"]
    assert sum(s.count for s in last) > 40
    assert {s.frames[0].line for s in last} == {len(lines)}


LOADS_LATE = """
#include <dlfcn.h>
#include <time.h>
int main(int argc, char **argv)
{
	void *library;
	while (clock() < 1.3 * CLOCKS_PER_SEC)
		;
	library = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL);
	((void (*)(void))dlsym(library, "Py_Initialize"))();
	return ((int (*)(const char *))dlsym(library, "PyRun_SimpleString"))(argv[2]);
}
"""


@pytest.mark.skipif(not SHARED, reason="no libpython to load")
def test_python_that_comes_late(tmp_path, recorder):
    """A program that was none of Python's for long, and loads it then: editors, web servers, databases."""
    library = library_of(SHARED[-1])
    if not library.exists():
        pytest.skip("its library is in a root of its own")
    (tmp_path / "late.c").write_text(LOADS_LATE)
    program = tmp_path / "late"
    subprocess.run(["gcc", "-O1", "-o", program, tmp_path / "late.c", "-ldl"], check=True)
    recording = recorder(
        "-r", "499", "--", program, library, SPIN.format(seconds=0.5), wait=False,
        env={**os.environ, "PYTHONHOME": home_of(SHARED[-1])},
    ).wait()
    assert recording.status == 0, recording.stderr
    leaf = sum(s["value"] for s in recording.json()["samples"] if s["stack"][-1].endswith("leaf"))
    assert leaf > 0.1, recording.stderr


FROM_MEMORY = """
import os, sys
fd = os.memfd_create("program", 0)
with open(sys.argv[1], "rb") as program:
    os.sendfile(fd, program.fileno(), 0, os.fstat(program.fileno()).st_size)
os.execve(fd, ["program", "-c", sys.argv[2]], dict(os.environ, PYTHONHOME=sys.argv[3], PYTHONPATH=sys.argv[4]))
"""
DELETED = '(sleep 0.1; rm "$0") & PYTHONHOME="$2" PYTHONPATH="$3" exec "$0" -c "$1"'
ABOUT = """
import os, sys
for each in os.path.realpath("/proc/self/exe"), sys.base_prefix, os.path.dirname(os.__file__):
    print(each)
"""


@pytest.mark.parametrize("gone", [False, True], ids=["memory", "deleted"])
@pytest.mark.parametrize("which", STATIC, ids=interpreters.name)
def test_a_program_without_a_path(which, gone, tmp_path, recorder):
    """Started from memory; or from a file that is gone as soon as it runs."""
    about = subprocess.run([which.path, "-c", ABOUT], stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout
    program, *home = about.splitlines()
    if not os.path.exists(program):
        pytest.skip("it is in a root of its own")
    code = "import time; time.sleep(0.3)\n" + SPIN.format(seconds=0.3)
    if gone:
        command = ["sh", "-c", DELETED, shutil.copy(program, tmp_path / "program"), code, *home]
    else:
        command = [which.path, "-c", FROM_MEMORY, program, code, *home]
    recording = recorder("-r", "499", "--", *command, wait=False).wait()
    assert recording.status == 0, recording.stderr
    assert which.version in [p["python"] for p in recording.json()["processes"]], recording.stderr
    assert not os.path.exists(tmp_path / "program")
    spinning = [s for s in recording.stacks() if [f.name for f in s.frames] == ["<module>", "root", "leaf"]]
    assert sum(s.count for s in spinning) > 100, recording.stderr


def test_gdb(tmp_path, recorder):
    """A debugger that has Python within, and calls it from its own loop."""
    if not shutil.which("gdb"):
        pytest.skip("gdb is not here")
    script = tmp_path / "script.py"
    script.write_text(SPIN.format(seconds=0.3))
    recording = recorder("-r", "499", "--", "gdb", "-q", "-nx", "-batch", "-x", script, wait=False).wait()
    assert recording.status == 0, recording.stderr
    spinning = [s for s in recording.stacks() if [f.name for f in s.frames[-2:]] == ["root", "leaf"]]
    assert sum(s.count for s in spinning) > 100, recording.stderr
