"""Spends its time inside system calls on a BPF hash map, where the kernel runs no other BPF program on the CPU.

    in_bpf.py SECONDS
"""

import ctypes
import os
import struct
import sys

import truth

SYS_BPF = 321  # arch/x86/entry/syscalls/syscall_64.tbl
BPF_MAP_CREATE, BPF_MAP_UPDATE_ELEM, BPF_MAP_TYPE_HASH = 0, 2, 1  # include/uapi/linux/bpf.h
VALUE = 30000

libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attributes):
    buffer = ctypes.create_string_buffer(attributes.ljust(128, b"\0"))
    done = libc.syscall(SYS_BPF, command, buffer, 128)
    if done < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return done


def main():
    fd = bpf(BPF_MAP_CREATE, struct.pack("IIII", BPF_MAP_TYPE_HASH, 4, VALUE, 16))
    key, value = ctypes.create_string_buffer(4), ctypes.create_string_buffer(VALUE)
    update = struct.pack("IIQQQ", fd, 0, ctypes.addressof(key), ctypes.addressof(value), 0)
    truth.ready()
    start = truth.thread_seconds()
    while truth.thread_seconds() - start < float(sys.argv[1]):
        for _ in range(200):
            bpf(BPF_MAP_UPDATE_ELEM, update)
    truth.finish()


main()
# SPDX-License-Identifier: MIT
