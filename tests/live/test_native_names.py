# SPDX-License-Identifier: MIT
"""Names of native code in a running process, against nm and the program headers of what it has mapped."""

import bisect
import collections
import functools
import os
import random
import re
import shutil
import subprocess

import pytest

import interpreters
from programs import built

ADDRESSES = 3000
PLAIN = [one for one in interpreters.MATRIX if interpreters.is_plain(one)]
SHARED, STATIC = ([one for one in PLAIN if one.shared is shared][-2:] for shared in (True, False))
SUFFIX = re.compile(r"(\.(cold|part|isra|constprop|lto_priv|llvm|localalias|\d+))+$")
FILLERS = "tTwWiu"

if not shutil.which("nm"):
    pytest.skip("no binutils", allow_module_level=True)

Symbol = collections.namedtuple("Symbol", "start end name")


def output(*argv):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout.decode("utf-8", "replace")


def symbols_of(path):
    """Of functions, sorted by their start; those without a size go up to the next one."""
    found = set()
    build_id = re.search(r"Build ID: (\w\w)(\w+)", output("readelf", "-n", path))
    split_off = "/usr/lib/debug/.build-id/{}/{}.debug".format(*build_id.groups()) if build_id else path
    for which in ([path], ["-D", path], [split_off]):
        for line in output("nm", "-S", "--defined-only", *which).splitlines():
            fields = line.split()
            if len(fields) == 4 and fields[2] in FILLERS:
                found.add(Symbol(int(fields[0], 16), int(fields[0], 16) + int(fields[1], 16), fields[3].split("@")[0]))
            elif len(fields) == 3 and fields[1] in FILLERS:
                found.add(Symbol(int(fields[0], 16), None, fields[2].split("@")[0]))
    return sorted(found, key=lambda symbol: symbol.start)


def true_names(symbols, starts, vaddr):
    """All names of the innermost function that has the address; without one, of a mark before it that says no size."""
    at = bisect.bisect_right(starts, vaddr)
    sized = unsized = None
    for symbol in reversed(symbols[max(0, at - 400):at]):
        if symbol.end is None:
            unsized = symbol.start if unsized is None else unsized
        elif symbol.end > vaddr:
            sized = symbol.start
            break
    names = {SUFFIX.sub("", s.name) for s in symbols if s.start == sized and s.end and s.end > vaddr}
    marks = {s.name for s in symbols if s.start == unsized and s.end is None} if sized is None else set()
    return sized, names, marks


def code_of(pid):
    """Mappings of files that can be executed: (start, end, offset, path)."""
    with open(f"/proc/{pid}/maps") as maps:
        for line in maps:
            fields = line.split(None, 5)
            if "x" in fields[1] and len(fields) == 6 and fields[5].startswith("/"):
                start, end = (int(part, 16) for part in fields[0].split("-"))
                yield start, end, int(fields[2], 16), fields[5].rstrip("\n")


@functools.lru_cache(maxsize=None)
def code_parts(path):
    """(offset, address as linked, bytes) of what can be executed, by the program headers."""
    lines = [line.split() for line in output("readelf", "-lW", path).splitlines()]
    loads = [fields for fields in lines if fields and fields[0] == "LOAD" and "E" in "".join(fields[6:-1])]
    return [tuple(int(fields[i], 16) for i in (1, 2, 4)) for fields in loads]


def linked(path, offset):
    for at, vaddr, size in code_parts(path):
        if at & ~4095 <= offset < at + size:
            return offset - at + vaddr
    return None


@pytest.fixture
def sleeper(request):
    code = "import json, re, struct, time; print(flush=True); time.sleep(1000)"
    target = subprocess.Popen([request.param.path, "-c", code], stdout=subprocess.PIPE)
    target.stdout.readline()
    yield target.pid
    target.kill()
    target.communicate()


@pytest.mark.parametrize("sleeper", SHARED + STATIC, indirect=True)
def test_names_as_nm_has_them(sleeper):
    dice = random.Random(3)
    files = [code for code in code_of(sleeper) if re.search(r"libpython|bin/python|/libc[.-]", code[3]) and os.path.exists(code[3])]
    assert files
    addresses = [dice.randrange(start, end) for start, end, _, _ in files for _ in range(ADDRESSES // len(files))]
    asked = subprocess.run([built("tests/live/native_names_dump"), str(sleeper)], input="\n".join(map("%x".__mod__, addresses)).encode(),
                           stdout=subprocess.PIPE, check=True)  # fmt: skip
    answers = [line.split("\t") for line in asked.stdout.decode("utf-8").splitlines()]
    assert len(answers) == len(addresses) + 1
    named, whole, wrong = 0, 0, []
    tables = {path: symbols_of(path) for _, _, _, path in files}
    starts = {path: [symbol.start for symbol in table] for path, table in tables.items()}
    for address, (_, vaddr, start, module, name) in zip(addresses, answers):
        (file,) = [code for code in files if code[0] <= address < code[1]]
        true = linked(file[3], address - file[0] + file[2])
        if true is None:  # what a page has behind the code
            continue
        whole += 1
        begin, names, marks = true_names(tables[file[3]], starts[file[3]], true)
        nameless = name in (f"{module}+0x{start}", f"[{module}]")
        named += bool(names)
        if (int(vaddr, 16) != true or module != os.path.basename(file[3])
                or (names and (name not in names or int(start, 16) != begin)) or (not names and name not in marks and not nameless)):  # fmt: skip
            wrong.append((hex(address), vaddr, hex(true), module, start, name, names, marks))
    assert not wrong[:5]
    assert whole > ADDRESSES * 0.5
    assert named > whole * 0.3  # the rest has no name anywhere


def test_a_name_belongs_to_one_place(tmp_path):
    """In a root of its own, and from a file that was deleted: what is mapped is read, and not what lies at its path."""
    source = tmp_path / "mapped.c"
    source.write_text("#include <unistd.h>\nint NAME(void) { return getpid(); }\n")
    library = tmp_path / "libmapped.so"
    target = None
    try:
        for name in ("the_mapped_one", "another_one"):
            library.unlink() if library.exists() else None
            subprocess.run(["gcc", "-O1", "-shared", "-fPIC", f"-DNAME={name}", "-o", library, source], check=True)
            if target is None:
                code = (f"import ctypes, time; l = ctypes.CDLL({str(library)!r});"
                        "print(ctypes.cast(l.the_mapped_one, ctypes.c_void_p).value, flush=True); time.sleep(1000)")  # fmt: skip
                target = subprocess.Popen([PLAIN[-1].path, "-c", code], stdout=subprocess.PIPE)
                address = int(target.stdout.readline())
        asked = subprocess.run([built("tests/live/native_names_dump"), str(target.pid)], input=f"{address + 1:x}".encode(),
                               stdout=subprocess.PIPE, check=True)  # fmt: skip
        assert asked.stdout.decode().splitlines()[0].split("\t")[3:] == ["libmapped.so", "the_mapped_one"]
    finally:
        target.kill()
        target.communicate()


TRAMPOLINES = [one for one in PLAIN if one.minor >= (3, 12) and not one.debug]


@pytest.mark.skipif(not TRAMPOLINES, reason="no Python that makes code for perf")
def test_code_made_at_run_time_in_a_container():
    """-X perf: the map lies in the /tmp of the process's own mounts, under its number in its own namespace."""
    code = """
import os, sys, time
def made(): pass
made()
lines = [line.split(None, 2) for line in open("/tmp/perf-%d.map" % os.getpid())]
print(os.getpid(), *[int(start, 16) for start, _, name in lines if ":made:" in name], flush=True)
time.sleep(1000)
"""
    inside = "mount -t tmpfs none /tmp && mount -t proc proc /proc && exec \"$@\""
    argv = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", inside, "sh", TRAMPOLINES[-1].path, "-X", "perf", "-c", code]
    target = subprocess.Popen(argv, stdout=subprocess.PIPE)
    try:
        inner, address = map(int, target.stdout.readline().split())
        with open(f"/proc/{target.pid}/task/{target.pid}/children") as children:
            pid = int(children.read())
        assert inner == 1 != pid
        asked = subprocess.run([built("tests/live/native_names_dump"), str(pid)], input=f"{address + 1:x}\n1000\n".encode(),
                               stdout=subprocess.PIPE, check=True)  # fmt: skip
        named, unknown, _ = (line.split("\t") for line in asked.stdout.decode().splitlines())
        assert named[4].startswith("py::made:")
        assert unknown[4] == "[unknown]"
    finally:
        target.kill()
        target.communicate()
