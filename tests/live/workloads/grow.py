"""Grows by MIB at each of several lines, and says what each grew by, by /proc/self/statm.

    grow.py MIB
"""

import ctypes
import mmap
import resource
import sys

import truth

PAGE = mmap.PAGESIZE
HUGE = getattr(mmap, "MADV_HUGEPAGE", None)  # 3.8
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
kept = []


def resident():
    with open("/proc/self/statm", "rb", 0) as file:
        return int(file.read().split()[1]) * PAGE


def one_block(size):
    kept.append(bytearray(size))


def small_objects(size):
    for number in range(size // 128):
        kept.append(str(number).zfill(79))  # with its place in the list, 136 bytes


def leak(size):
    for _ in range(size >> 20):
        libc.memset(libc.malloc(1 << 20), 1, 1 << 20)


def read_by_kernel(size):
    block = mmap.mmap(-1, size)
    kept.append(block)
    with open("/dev/zero", "rb", 0) as zero:
        zero.readinto(block)


def huge_pages(size):
    block = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    kept.append(block)
    if HUGE is not None:
        block.madvise(HUGE)
    for at in range(0, size, PAGE):
        block[at] = 1


def again(size):
    """Given back each time, so it does not grow in the end, but all of it is new each time."""
    with open("/dev/zero", "rb", 0) as zero:
        for _ in range(4):
            zero.readinto(mmap.mmap(-1, size // 4))


def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def main():
    size = int(sys.argv[1]) << 20
    truth.ready()
    start = faults()
    grown = {}
    for grow in (one_block, small_objects, leak, read_by_kernel, huge_pages):
        before = resident()
        grow(size)
        grown[grow.__name__] = resident() - before
    again(size)
    grown["again"] = size
    truth.finish(grown=grown, faults=faults() - start)


main()
# SPDX-License-Identifier: MIT
