# SPDX-License-Identifier: MIT
"""Identifying interpreters from their files: every one of this machine, and altered copies of them."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

import fake_pythons
import interpreters
from programs import built

pytestmark = pytest.mark.offline

HOLDER = """
import re, sys
for line in open("/proc/self/maps"):
    path = line.split(None, 5)[-1].strip()
    if "/libpython3" in path:
        break
else:
    import os
    path = os.path.realpath("/proc/self/exe")
print("%08x" % sys.hexversion, path, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def identify():
    program = built("tests/live/identify_dump")

    def run(path):
        out = subprocess.run([program, path], stdout=subprocess.PIPE, check=True).stdout.decode()
        return out.rstrip("\n").split("\t")

    return run


def holder(python):
    """The file that holds the interpreter, which may be in a root of its own, and its sys.hexversion."""
    process = subprocess.Popen([python.path, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    hexversion, path = process.stdout.readline().rstrip("\n").split(" ", 1)
    root = os.readlink(f"/proc/{process.pid}/root").rstrip("/")
    process.communicate()
    return root + path, hexversion


@pytest.mark.parametrize("python", interpreters.ALL)
def test_every_interpreter(identify, python):
    path, hexversion = holder(python)
    verdict, version, found, why = identify(path)
    assert (version, found) == (python.version, hexversion)
    assert verdict == ("supported" if python in interpreters.SUPPORTED else "refused")
    # what is refused is refused by its name
    assert (why == "") if verdict == "supported" else (python.version in why)


@pytest.mark.parametrize("python", [i for i in interpreters.ALL if i.shared and not i.build])
def test_program_that_only_links_libpython(identify, python):
    assert identify(os.path.realpath(python.path))[0] == "absent"


def test_other_files(identify):
    assert [identify(p)[0] for p in ("/bin/sh", "/etc/passwd", "/proc/self/maps", "/dev/null")] == ["absent"] * 4


@pytest.fixture(params=interpreters.SUPPORTED)
def copy(request, tmp_path):
    path, hexversion = holder(request.param)
    # a name that says nothing: the version must come from the content
    return shutil.copy(path, tmp_path / "lib"), request.param, hexversion


def alter(path, old, new, count=-1):
    data = pathlib.Path(path).read_bytes()
    assert old in data
    pathlib.Path(path).write_bytes(data.replace(old, new, count))


def test_stripped(identify, copy):
    path, python, hexversion = copy
    done = subprocess.run(["strip", "--strip-all", path], stderr=subprocess.PIPE, check=True)
    if b"not in segment" in done.stderr:
        pytest.skip("strip breaks what BOLT has laid out: no program that is left of it runs")
    assert identify(path) == ["supported", python.version, hexversion, ""]


def without_section_headers(path):
    """As packers leave files. Elf64_Ehdr: e_shoff, e_shnum, e_shstrndx"""
    data = bytearray(pathlib.Path(path).read_bytes())
    data[40:48] = bytes(8)
    data[60:64] = bytes(4)
    pathlib.Path(path).write_bytes(data)


def test_without_section_headers(identify, copy):
    """The dynamic symbols are enough."""
    path, python, hexversion = copy
    without_section_headers(path)
    assert identify(path) == ["supported", python.version, hexversion, ""]


def test_other_member_offsets(identify, copy):
    """A patched interpreter whose code objects have another shape is not walked with the wrong numbers."""
    path, python, _ = copy
    data = pathlib.Path(path).read_bytes()
    # PyMemberDef of co_filename: {name, T_OBJECT = 6, pad, offset, READONLY = 1}, code_memberlist
    offset = {6: 96, 7: 96, 8: 104, 9: 104, 10: 104}.get(python.minor[1], 112) + 16 * python.threaded
    entry = b"\6\0\0\0\0\0\0\0" + offset.to_bytes(8, "little") + b"\1\0\0\0"
    assert entry in data
    pathlib.Path(path).write_bytes(data.replace(entry, entry.replace(bytes([offset]), bytes([offset + 16]))))
    verdict, _, _, why = identify(path)
    assert verdict == "refused" and "unknown layout" in why and "co_filename" in why


@pytest.mark.parametrize("level, text", [(0xA1, "a1"), (0xC2, "rc2")])
@pytest.mark.parametrize("python", [i for i in interpreters.SUPPORTED if i.minor >= (3, 11)])
def test_pre_releases(identify, python, level, text, tmp_path):
    """Changes the constant Py_Version, which exists from 3.11 on."""
    path, hexversion = holder(python)
    path = shutil.copy(path, tmp_path / "lib")
    number = int(hexversion, 16)
    alter(path, number.to_bytes(8, "little"), (number & ~0xFF | level).to_bytes(8, "little"))
    verdict, version, _, why = identify(path)
    assert (verdict, version) == ("refused", python.version.rstrip("t") + text + "t" * python.threaded)
    assert "pre-release" in why


def test_build_that_traces_references(identify, tmp_path):
    """Its objects have a larger head; other debug builds are read as release builds are."""
    text = fake_pythons.LIBRARY + "void _Py_AddToAllObjects(void *object) {}\n"
    library = fake_pythons.compiled(tmp_path, "lib.so", text, "-shared", "-fPIC")
    verdict, version, _, why = identify(library)
    assert (verdict, version) == ("refused", "3.11.7")
    assert "3.11.7" in why and "Py_TRACE_REFS" in why


# thread_state.next, pyobject.ob_type, bytes.ob_sval, code_object.filename
DEBUG_POSITIONS = {13: (168, 360, 528, 280), 14: (192, 408, 608, 320), 15: (192, 472, 704, 384)}


@pytest.mark.parametrize("python", [i for i in interpreters.SUPPORTED if i.minor >= (3, 13)])
def test_debug_offsets_are_validated(identify, python, tmp_path):
    path = shutil.copy(holder(python)[0], tmp_path / "lib")
    original = pathlib.Path(path).read_bytes()
    at = [m.start() for m in re.finditer(b"xdebugpy" + int(holder(python)[1], 16).to_bytes(8, "little"), original)]
    assert len(at) == 1
    wrong = [(16, ""), (24, "size"), (0, "")]  # free_threaded; runtime size; cookie
    wrong += [(position, "") for position in DEBUG_POSITIONS[python.minor[1]]]
    for position, words in wrong:
        data = bytearray(original)
        data[at[0] + position] ^= 1
        pathlib.Path(path).write_bytes(data)
        verdict, _, _, why = identify(path)
        assert verdict == "refused" and words in why, position


@pytest.mark.parametrize("size, verdict", [(1520, "supported"), (1424, "supported"), (1512, "refused")])
def test_sizes_of_runtime(identify, size, verdict, tmp_path):
    """3.7.0 to 3.7.3 have a smaller _PyRuntime, and nothing has the third: in the symbol (Elf64_Sym.st_size) of another one."""
    python = next((i for i in interpreters.SUPPORTED if i.minor == (3, 7)), None)
    if python is None:
        pytest.skip("no Python 3.7")
    path = shutil.copy(holder(python)[0], tmp_path / "lib")
    alter(path, (1520).to_bytes(8, "little"), size.to_bytes(8, "little"))
    assert identify(path)[0] == verdict


@pytest.mark.parametrize("python", [i for i in interpreters.SUPPORTED if i.minor >= (3, 13)])
def test_newer_minor(identify, python, tmp_path):
    """An alpha of 3.16 is read only where all that its file shows is as in 3.15."""
    path, hexversion = holder(python)
    path = shutil.copy(path, tmp_path / "lib")
    alter(path, int(hexversion, 16).to_bytes(8, "little"), (0x031000A1).to_bytes(8, "little"))
    verdict, version, _, why = identify(path)
    assert version == "3.16.0a1" + "t" * python.threaded
    assert verdict == ("supported" if python.minor == (3, 15) else "refused")
    assert verdict == "supported" or "newer than 3.15" in why
    if verdict == "refused":
        return
    original = pathlib.Path(path).read_bytes()
    at = original.index(b"xdebugpy" + (0x031000A1).to_bytes(8, "little"))
    for position in (208, 240, 328, 336, 352, 384, 416, 736):  # of current_frame, …, asciiobject_size
        data = bytearray(original)
        data[at + position] += 8
        pathlib.Path(path).write_bytes(data)
        verdict, _, _, why = identify(path)
        assert verdict == "refused" and "newer than 3.15" in why, position
