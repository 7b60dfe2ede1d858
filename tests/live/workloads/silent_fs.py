"""A file system that does not answer: silent_fs.py MOUNTPOINT. `file` can be opened but never read, what begins with `never` never found."""

import ctypes
import os
import struct
import sys

LOOKUP, GETATTR, OPEN, READ, FORGET, INIT, OPENDIR, INTERRUPT, BATCH_FORGET = 1, 3, 14, 15, 2, 26, 27, 36, 42
SILENT = {FORGET, INTERRUPT, BATCH_FORGET}  # these have no answer anyway
ROOT, FILE, SIZE = 1, 2, 1 << 20


def attributes(node):
    """struct fuse_attr of include/uapi/linux/fuse.h"""
    mode, size = (0o040755, 0) if node == ROOT else (0o100755, SIZE)
    return struct.pack("<6Q10I", node, size, size // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def answer_to(operation, node, body):
    """Bytes, a negative errno, or None: silence."""
    if operation == INIT:
        return struct.pack("<4I2H2I2H8I", 7, 31, 65536, 0, 12, 10, 65536, 1, 0, 0, *[0] * 8)
    if operation == LOOKUP:
        name = body.split(b"\0")[0]
        if name.startswith(b"never"):
            return None
        return struct.pack("<4Q2I", FILE, 0, 0, 0, 0, 0) + attributes(FILE) if name == b"file" else -2
    if operation == GETATTR:
        return struct.pack("<Q2I", 3600, 0, 0) + attributes(node)
    if operation in (OPEN, OPENDIR):
        return struct.pack("<Q2I", 1, 0, 0)
    return None if operation == READ else -38


def main():
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()},allow_other"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"silent", os.fsencode(sys.argv[1]), b"fuse", 6, options.encode()):
        sys.exit(f"mount: {os.strerror(ctypes.get_errno())}")
    print("ready", flush=True)
    while True:
        request = os.read(device, 1 << 17)
        _, operation, unique, node = struct.unpack_from("<IIQQ", request)
        answer = None if operation in SILENT else answer_to(operation, node, request[40:])
        if answer is None:
            continue
        body, error = (b"", answer) if isinstance(answer, int) else (answer, 0)
        os.write(device, struct.pack("<IiQ", 16 + len(body), error, unique) + body)


main()
# SPDX-License-Identifier: MIT
