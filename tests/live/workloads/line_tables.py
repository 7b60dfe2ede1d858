"""Writes, for every code object of the standard library, its line table and the interpreter's own answer
for every instruction: PyCode_Addr2Line, which is what frame.f_lineno is made of. Read by line_table_feed.
"""

import ctypes
import os
import struct
import sys
import sysconfig
import types

addr2line = ctypes.pythonapi.PyCode_Addr2Line
addr2line.argtypes = [ctypes.py_object, ctypes.c_int]
addr2line.restype = ctypes.c_int

# What generated code and long expressions do to a table: far jumps of the line, more than 127 columns.
ODD = "def f(a):\n" + "\n" * 70000 + " return (a +" + "\n" * 300 + "a)\n" + "x = [" + "1," * 3000 + "f(\n1)]\n"


def sources(limit):
    root = sysconfig.get_paths()["stdlib"]
    for folder, below, files in os.walk(root):
        below[:] = sorted(d for d in below if d not in ("site-packages", "dist-packages", "test", "tests"))
        for name in sorted(files):
            if name.endswith(".py"):
                yield os.path.join(folder, name)
                limit -= 1
                if not limit:
                    return


def codes(code):
    yield code
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from codes(const)


def located(code, lines):
    """None (no line) becomes the line before it in the code, at first the code object's own."""
    last = code.co_firstlineno
    for line in lines:
        last = last if line < 0 else line
        yield last


def check_public(code, lines):
    """The public views of 3.10 and 3.11 must agree with the C function, or the oracle itself is wrong."""
    if hasattr(code, "co_lines"):
        for start, end, line in code.co_lines():
            assert all(x == (-1 if line is None else line) for x in lines[start // 2 : end // 2]), code
    if hasattr(code, "co_positions"):
        assert [-1 if p[0] is None else p[0] for p in code.co_positions()] == lines, code


def record(code):
    table = code.co_linetable if hasattr(code, "co_linetable") else code.co_lnotab
    offsets = range(0, len(code.co_code), 2)
    lines = [addr2line(code, at) for at in offsets]
    check_public(code, lines)
    pairs = [-1, addr2line(code, -1)]  # not started
    for at, line in zip(offsets, located(code, lines)):
        pairs += [at, line]
    head = struct.pack("=iII", code.co_firstlineno, len(table), len(pairs) // 2)
    return head + table + struct.pack("=%di" % len(pairs), *pairs)


def main():
    out = sys.stdout.buffer
    for code in codes(compile(ODD, "odd.py", "exec")):
        out.write(record(code))
    for path in sources(int(sys.argv[1])):
        with open(path, "rb") as file:
            source = file.read()
        try:
            tree = compile(source, path, "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            continue  # lib2to3's test data and the like
        for code in codes(tree):
            out.write(record(code))


main()
# SPDX-License-Identifier: MIT
