# SPDX-License-Identifier: MIT
"""The C library that an interpreter runs on: musl, one that is linked in, one that nobody knows."""

import json
import os
import pathlib
import subprocess

import pytest

import interpreters
from fake_pythons import LIBRARY, compiled
from test_builds import without_section_headers
from test_elsewhere import SPIN, home_of
from test_record import processes_of

MUSL = [i for i in interpreters.SUPPORTED if i.path.endswith("-musl")]
LINKS = """
import glob, json, os, sysconfig
at, library, *more = sysconfig.get_config_vars("LIBPL", "LIBRARY", "LIBS", "SYSLIBS", "MODLIBS")
if sysconfig.is_python_build():
    at = sysconfig.get_config_var("abs_builddir")
print(json.dumps({
    "library": os.path.join(at, library),
    "more": glob.glob(at + "/Modules/_hacl/*.a") + [word for word in " ".join(more).split() if word.startswith("-l")],
    "path": os.path.dirname(os.__file__),
    "compiler": sysconfig.get_config_var("CC").split()[0],
}))
"""
EMBEDS = """
extern void Py_Initialize(void);
extern int PyRun_SimpleString(const char *);
int main(int argc, char **argv)
{
	Py_Initialize();
	return PyRun_SimpleString(argv[1]);
}
"""
THREADS = """
import sys, threading, time
def leaf():
    x = 1
    for i in range(2000):
        x = (x * 33 + i) % 65521
def work():
    while True:
        leaf()
for name in ("first", "second"):
    threading.Thread(target=work, name=name, daemon=True).start()
for thread in threading.enumerate():
    print(thread.native_id, thread.name)
print(flush=True)
sys.stdin.read()
"""


def links_of(interpreter):
    """What a program is linked with to have this interpreter within; None when its library is not there."""
    out = subprocess.run([interpreter.path, "-c", LINKS], stdout=subprocess.PIPE, check=True).stdout
    links = json.loads(out)
    return links if os.path.exists(links["library"]) else None


def with_library():
    """The oldest and the newest that can be linked in, and on musl."""
    usual = [i for i in interpreters.MATRIX if links_of(i)]
    return usual[:1] + usual[1:][-1:] + MUSL[:1]


@pytest.mark.parametrize("kind", ["static", "static-pie", "stripped", "bare"])
@pytest.mark.parametrize("python", with_library(), ids=interpreters.name)
def test_linked_in(python, kind, tmp_path, recorder):
    """Programs that are whole in one file: what the loader does for others was done by the linker."""
    links = links_of(python)
    if kind == "stripped" and python.minor < (3, 10):
        pytest.skip("before 3.10 nothing marks _PyRuntime but its symbol")
    if kind == "bare" and python.minor < (3, 13):
        pytest.skip("before 3.13 nothing marks _PyRuntime but its symbol and its section")
    if kind == "static-pie" and python in MUSL:
        pytest.skip("musl-gcc links no such programs")
    (tmp_path / "embeds.c").write_text(EMBEDS)
    program = tmp_path / "embeds"
    mode = "-static-pie" if kind == "static-pie" else "-static"
    done = subprocess.run(
        [links["compiler"], mode, "-O1", "-w", "-o", program, tmp_path / "embeds.c", links["library"], *links["more"], "-lm"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    if done.returncode:
        pytest.skip("its libraries are not here as archives: " + done.stderr.splitlines()[-2])
    if kind in ("stripped", "bare"):
        subprocess.run(["strip", "--strip-all", program], check=True)
    if kind == "bare":
        without_section_headers(program)
    recording = recorder(
        "-r", "499", "--", program, SPIN.format(seconds=0.3), wait=False,
        env={**os.environ, "PYTHONHOME": home_of(python), "PYTHONPATH": links["path"]},
    ).wait()  # fmt: skip
    assert recording.status == 0, recording.stderr
    (process,) = processes_of(recording.json()).values()
    assert process["python"] == python.version
    spinning = [s for s in recording.stacks() if [f.name for f in s.frames] == ["<module>", "root", "leaf"]]
    assert sum(s.count for s in spinning) > 100, recording.stderr
    assert {s.frames[-1].line for s in spinning} <= {4, 5, 6}


@pytest.fixture
def threads():
    """(process, {native id: name}) of one on musl whose two threads share the GIL."""
    if not MUSL:
        pytest.skip("no Python on musl: scripts/get-interpreters.sh 3.13-musl")
    process = subprocess.Popen([MUSL[0].path, "-c", THREADS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield process, dict(line.split() for line in iter(process.stdout.readline, "\n"))
    process.communicate("")


def test_threads_of_musl_recorded(threads, recorder):
    process, names = threads
    assert "libc.so" in pathlib.Path(f"/proc/{process.pid}/maps").read_text()
    document = recorder("--pid", process.pid, "-r", "499", "-d", "2").wait().json()
    failed = sum(row["samples"] for row in document["lost"] if row["failure"])
    assert failed <= 0.01 * document["sample_count"], document["lost"]
    spent = {}
    for sample in document["samples"]:
        assert sample["stack"][-1].rsplit(".", 1)[-1] in ("leaf", "work")
        spent[str(sample["thread_id"])] = spent.get(str(sample["thread_id"]), 0) + sample["value"]
    assert {names[thread] for thread in spent} == {"first", "second"}
    assert {str(t["thread_id"]): t["name"] for t in document["threads"] if str(t["thread_id"]) in spent} == {
        thread: names[thread] for thread in spent
    }


def test_threads_of_musl_dumped(threads, pybpfprof):
    process, names = threads
    text = pybpfprof("dump", "--pid", process.pid).stdout
    for thread, name in names.items():
        assert f"Thread {thread} " in text and f'"{name}"' in text.split(f"Thread {thread} ", 1)[1].split("\n", 1)[0], text


def test_who_waits_for_the_gil_on_musl(threads, pybpfprof):
    """Who waits on one of its conditions waits at an address on the stack: they are in the condition's list."""
    process, names = threads
    dumps = [pybpfprof("dump", "--pid", process.pid).stdout for _ in range(10)]
    workers = [line for text in dumps for line in text.splitlines() if line.endswith(('"first"', '"second"'))]
    waiting = sum("(waits for the GIL" in line for line in workers)
    # on a busy machine both may want to run; neither does anything else
    assert len(workers) == 20 and waiting > 0 and sum("sleeping" in line for line in workers) <= waiting / 4, workers


LOADER = """
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, open(argv[i], O_RDONLY), 0);
	puts("ready");
	fflush(stdout);
	pause();
}
"""


def test_another_libc(tmp_path, pybpfprof):
    """It is named and refused: nobody knows where its threads have their values."""
    python = compiled(tmp_path, "python", LIBRARY, "-shared", "-fPIC")
    unknown = compiled(tmp_path, "libc.so.7", "int puts(const char *s) { return *s; }", "-shared", "-fPIC", "-nostdlib")
    program = compiled(tmp_path, "loader", LOADER, "-static")
    process = subprocess.Popen([program, unknown, python], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    done = pybpfprof("check", "--pid", process.pid)
    process.kill()
    process.wait()
    process.stdout.close()
    assert "Python 3.11.7" in done.stdout and "neither glibc nor musl" in done.stdout, done.stdout
