# SPDX-License-Identifier: MIT
"""More interpreters than there is room for, made up by one user: others are profiled all the same, and it is said."""

import os
import struct
import subprocess

import pytest

import interpreters
from fake_pythons import LIBRARY, MAPPER, compiled

pytestmark = pytest.mark.xdist_group("many builds")  # each would see the other's
BUILDS = 300  # a user has room for 256

SPIN = """
import time
def spin():
    end = time.time() + 60
    while time.time() < end:
        pass
print("ready", flush=True)
spin()
"""


NOBODYS = {"user": 65534, "group": 65534, "extra_groups": []}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")
@pytest.mark.parametrize("prefix, who", [([], NOBODYS), (["unshare", "--mount"], {})], ids=["user", "containers root"])
def test_a_user_has_a_share(prefix, who, tmp_path, pybpfprof):
    library = compiled(tmp_path, "library", LIBRARY, "-shared", "-fPIC", "-s").read_bytes()
    program = compiled(tmp_path, "program", MAPPER)
    at = library.index(struct.pack("<Q", 0x030B07F0))
    for i in range(BUILDS):
        version = 0x030B00F0 | i % 16 | i // 16 << 8
        (tmp_path / f"{i}.so").write_bytes(library[:at] + struct.pack("<Q", version) + library[at + 8 :])
    for folder in [tmp_path, *tmp_path.parents]:
        if folder.stat().st_uid == os.geteuid() and folder.stat().st_mode & 0o005 != 0o005:
            folder.chmod(folder.stat().st_mode | 0o055)
    made_up = subprocess.Popen([*prefix, program, tmp_path, str(BUILDS)], stdout=subprocess.PIPE, **who)
    assert made_up.stdout.readline() == b"ready\n"
    others = [i for i in interpreters.MATRIX if interpreters.is_plain(i)][-1]  # in no container as the made-up ones
    real = subprocess.Popen([others.path, "-c", SPIN], stdout=subprocess.PIPE)
    assert real.stdout.readline() == b"ready\n"
    done = pybpfprof("record", "--all", "-d", "1s", "-o", "out.folded")
    for process in (made_up, real):
        process.kill()
        process.wait()
        process.stdout.close()
    refused = [line for line in done.stderr.splitlines() if "too many different builds of Python" in line]
    assert sum(str(tmp_path) in line for line in refused) == BUILDS - 256, refused
    assert "spin" in (tmp_path / "out.folded").read_text()
