# SPDX-License-Identifier: MIT
"""What wheel.py and image.py want to know of the binary and of the release."""

import os
import struct
import time

MACHINES = {62: "x86_64", 183: "aarch64"}  # e_machine of its ELF header


def machine_of(path):
    """As uname(1) names it."""
    with open(path, "rb") as file:
        head = file.read(20)
    number = struct.unpack_from("<H", head, 18)[0] if head[:4] == b"\x7fELF" else 0
    if number not in MACHINES:
        raise SystemExit(f"{path}: not a program for {' or '.join(MACHINES.values())}")
    return MACHINES[number]


def release_seconds():
    return int(os.environ["SOURCE_DATE_EPOCH"])


def release_time():
    """In UTC."""
    return time.gmtime(release_seconds())
