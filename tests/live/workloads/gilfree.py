"""Threads that work in C without the GIL, beside one that needs it; each knows its CPU time.

    gilfree.py SECONDS   of CPU for each of the three
truth: {function: {line, spent}}; the line is the one that calls the C code.
"""

import hashlib
import sys
import threading

import truth

try:
    import zlib
except ImportError:  # a build without it; its hashes are CPython's own, which hold the GIL before 3.12
    WORK = hashlib.sha256, hashlib.md5
else:
    WORK = zlib.compress, zlib.crc32

DATA = bytes(range(256)) * 8192  # 2 MiB; both release the GIL above 5 KiB


def compress(end):
    while truth.thread_seconds() < end:
        WORK[0](DATA)  # C: compress


def checksum(end):
    while truth.thread_seconds() < end:
        WORK[1](DATA)  # C: checksum


def python(end):
    value = 1
    while truth.thread_seconds() < end:
        for i in range(2000): value = (value * 31 + i) % 65521  # C: python


def run(function, seconds, spent):
    before = truth.thread_seconds()
    function(before + seconds)
    spent[function.__name__] = truth.thread_seconds() - before


def main():
    seconds = float(sys.argv[1])
    with open(__file__) as source:
        lines = {text.split("# C: ")[1].strip(): n for n, text in enumerate(source, 1) if "  # C: " in text}
    truth.ready()
    spent = {}
    threads = [threading.Thread(target=run, args=(f, seconds, spent)) for f in (compress, checksum, python)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    truth.finish(functions={name: {"line": lines[name], "spent": cpu} for name, cpu in spent.items()})


main()
# SPDX-License-Identifier: MIT
