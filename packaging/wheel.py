#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A wheel of the static binary, as py-spy's: `pip install` puts it beside python. The same input gives the same file.

    packaging/wheel.py BINARY VERSION FOLDER LICENCE…
"""

import base64
import hashlib
import pathlib
import sys
import zipfile

from binary import machine_of, release_time

METADATA = """\
Metadata-Version: 2.1
Name: pybpfprof
Version: {version}
Summary: Sampling profiler for CPython that works from the Linux kernel
License: MIT
{files}
Classifier: License :: OSI Approved :: MIT License
Classifier: Operating System :: POSIX :: Linux
Classifier: Topic :: Software Development :: Debuggers
Description-Content-Type: text/markdown

The program needs rights that sudo gives: `sudo $(which pybpfprof) --pid 4242 -d 10s -o out.svg`, since sudo does not look into
virtual environments by itself. `pybpfprof --help` shows the rest.
"""
# The binary needs no library at all, so both kinds of systems have what it needs.
WHEEL = """\
Wheel-Version: 1.0
Generator: pybpfprof
Root-Is-Purelib: false
Tag: py3-none-manylinux_2_17_{machine}
Tag: py3-none-musllinux_1_1_{machine}
"""


def write_wheel(binary, version, folder, licences):
    machine = machine_of(binary)
    info = f"pybpfprof-{version}.dist-info"
    files = {f"pybpfprof-{version}.data/scripts/pybpfprof": binary.read_bytes()}
    files |= {f"{info}/licenses/{each.name}": each.read_bytes() for each in licences}
    names = "\n".join(f"License-File: {each.name}" for each in licences)
    files[f"{info}/METADATA"] = METADATA.format(version=version, files=names).encode()
    files[f"{info}/WHEEL"] = WHEEL.format(machine=machine).encode()
    files[f"{info}/RECORD"] = record(files, f"{info}/RECORD").encode()
    path = folder / f"pybpfprof-{version}-py3-none-manylinux_2_17_{machine}.musllinux_1_1_{machine}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as wheel:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, release_time()[:6])
            entry.external_attr = (0o100755 if "/scripts/" in name else 0o100644) << 16
            wheel.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return path


def record(files, own):
    """Name, hash and size of each file, and the name alone of this one."""

    def row(name, data):
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        return f"{name},sha256={digest},{len(data)}\n"

    return "".join(row(*each) for each in files.items()) + f"{own},,\n"


if __name__ == "__main__":
    program, number, out, *texts = sys.argv[1:]
    print(write_wheel(pathlib.Path(program), number, pathlib.Path(out), [pathlib.Path(each) for each in texts]))
