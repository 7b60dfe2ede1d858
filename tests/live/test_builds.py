"""Identifying interpreters from their files: every one of this machine, and altered copies of them."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

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
print("%08x" % sys.hexversion, path)
"""


@pytest.fixture
def identify():
    program = built("tests/live/identify_dump")

    def run(path):
        out = subprocess.run([program, path], stdout=subprocess.PIPE, check=True).stdout.decode()
        return out.rstrip("\n").split("\t")

    return run


def holder(python):
    """The file that holds the interpreter, as the process itself sees it, and its sys.hexversion."""
    out = subprocess.run([python.path, "-c", HOLDER], stdout=subprocess.PIPE, check=True).stdout.decode()
    return out.split(None, 1)[1].strip(), out.split()[0]


@pytest.mark.parametrize("python", interpreters.ALL)
def test_every_interpreter(identify, python):
    path, hexversion = holder(python)
    verdict, version, found, why = identify(path)
    assert (version, found) == (python.version, hexversion)
    assert verdict == ("supported" if python in interpreters.SUPPORTED else "refused")
    # what is refused is refused by its name
    assert (why == "") if verdict == "supported" else (python.version in why)


@pytest.mark.parametrize("python", [i for i in interpreters.ALL if i.shared])
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
    subprocess.run(["strip", "--strip-all", path], check=True)
    assert identify(path) == ["supported", python.version, hexversion, ""]


def test_without_section_headers(identify, copy):
    """As packers leave them; the dynamic symbols are enough. Offsets: Elf64_Ehdr e_shoff, e_shnum, e_shstrndx."""
    path, python, hexversion = copy
    data = bytearray(pathlib.Path(path).read_bytes())
    data[40:48] = bytes(8)
    data[60:64] = bytes(4)
    pathlib.Path(path).write_bytes(data)
    assert identify(path) == ["supported", python.version, hexversion, ""]


def test_other_libc(identify, copy):
    path, python, _ = copy
    alter(path, b"libc.so.6\0", b"libc.so\0\0\0")
    verdict, version, _, why = identify(path)
    assert (verdict, version) == ("refused", python.version)
    assert "musl" in why and python.version in why


def test_other_member_offsets(identify, copy):
    """A patched interpreter whose code objects have another shape is not walked with the wrong numbers."""
    path, python, _ = copy
    data = pathlib.Path(path).read_bytes()
    # PyMemberDef of co_filename: {name, T_OBJECT = 6, pad, offset, READONLY = 1}, code_memberlist
    offset = {8: 104, 9: 104, 10: 104}.get(python.minor[1], 112)
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
    assert (verdict, version) == ("refused", python.version + text)
    assert "pre-release" in why


@pytest.mark.parametrize("python", [i for i in interpreters.SUPPORTED if i.minor >= (3, 13)])
def test_debug_offsets_are_validated(identify, python, tmp_path):
    path = shutil.copy(holder(python)[0], tmp_path / "lib")
    original = pathlib.Path(path).read_bytes()
    at = [m.start() for m in re.finditer(b"xdebugpy" + int(holder(python)[1], 16).to_bytes(8, "little"), original)]
    assert len(at) == 1
    # free_threaded; runtime size; thread_state.next; pyobject.ob_type; bytes.ob_sval; filename; cookie
    for position, words in ((16, "free-threaded"), (24, "size"), (168, ""), (360, ""), (528, ""), (280, ""), (0, "")):
        data = bytearray(original)
        data[at[0] + position] ^= 1
        pathlib.Path(path).write_bytes(data)
        verdict, _, _, why = identify(path)
        assert verdict == "refused" and words in why, position


def test_newer_minor(identify, tmp_path):
    newest = interpreters.SUPPORTED[-1]
    path, hexversion = holder(newest)
    path = shutil.copy(path, tmp_path / "lib")
    number = int(hexversion, 16)
    alter(path, number.to_bytes(8, "little"), (number + (1 << 16) & ~0xFF00).to_bytes(8, "little"))
    verdict, version, _, why = identify(path)
    assert (verdict, version) == ("refused", "3.%d.0" % (newest.minor[1] + 1))
    assert "3.8 to 3.13" in why
