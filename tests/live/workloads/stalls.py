"""A program that puts what a profiler reads where nothing answers: stalls.py KIND MOUNTPOINT."""

import ctypes
import fcntl
import gc
import mmap
import os
import struct
import sys
import time

USERFAULTFD = 323  # arch/x86/entry/syscalls/syscall_64.tbl
UFFDIO_API, UFFDIO_REGISTER, MISSING = 0xC018AA3F, 0xC020AA00, 1  # include/uapi/linux/userfaultfd.h
MAP_PRIVATE, MAP_ANONYMOUS = mmap.MAP_PRIVATE, 0x20

SPIN = """
def spin(seconds):
    end = time.time() + seconds
    while time.time() < end:
        pass
"""


def mapping(flags, file):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    address = libc.mmap(None, mmap.PAGESIZE, mmap.PROT_READ, flags, file, 0)
    assert address not in (None, ctypes.c_void_p(-1).value)
    return address


def missing():
    """Memory whose pages a program is to bring, this one, which does not."""
    fd = ctypes.CDLL(None, use_errno=True).syscall(USERFAULTFD, 0)
    assert fd >= 0, os.strerror(ctypes.get_errno())
    address = mapping(MAP_PRIVATE | MAP_ANONYMOUS, -1)
    fcntl.ioctl(fd, UFFDIO_API, struct.pack("<3Q", 0xAA, 0, 0))
    fcntl.ioctl(fd, UFFDIO_REGISTER, struct.pack("<4Q", address, mmap.PAGESIZE, MISSING, 0))
    return address


def silent(kind, mountpoint):
    if kind == "userfault":
        return missing()
    return mapping(MAP_PRIVATE, os.open(os.path.join(mountpoint, "file"), os.O_RDONLY))


def swap_word(start, count, old, new):
    words = (ctypes.c_uint64 * count).from_address(start)
    words[[i for i in range(count) if words[i] == old][0]] = new


def spin_for(address, spin):
    """Its caller's frame, which is not to be returned to, has its code object there."""
    frame = sys._getframe(1)
    start = id(frame)
    if sys.version_info >= (3, 11):
        start = ctypes.c_uint64.from_address(start + 24).value  # Include/internal/pycore_frame.h: PyFrameObject.f_frame
    swap_word(start, 12, id(frame.f_code), address)
    os.write(1, b"ready\n")
    spin(60)


def main():
    kind, mountpoint = sys.argv[1:]
    file = __file__ if kind == "memory" else os.path.join(mountpoint, "never", "x.py")
    if kind == "relative":
        os.chdir(os.path.dirname(mountpoint))
        file = os.path.relpath(file)
    names = {"time": time}
    exec(compile(SPIN, file, "exec"), names)
    code = names["spin"].__code__
    gc.disable()
    if kind == "frame":
        spin_for(silent(kind, mountpoint) + 64, names["spin"])
    if kind != "path":  # the file's name is a pointer into the mapping
        swap_word(id(code), 24, id(code.co_filename), silent(kind, mountpoint) + 64)
    os.write(1, b"ready\n")
    names["spin"](60)


main()
# SPDX-License-Identifier: MIT
