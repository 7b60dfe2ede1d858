"""Functions whose code objects have file names of every kind of string that CPython has.

Marked strings (templates, Ansible) and path classes that are strings get there by compile(), by loaders and by
replace(); up to 3.11 extensions may make strings of wchar_t's, which keep their characters elsewhere too.

    file_names.py FOLDER SECONDS   of CPU in each
ready: {"files": {function: file name}}
"""

import ctypes
import importlib.machinery
import importlib.util
import os
import sys

import truth

SOURCE = """def NAME(seconds, clock):
    start = clock()
    x = 1
    while clock() - start < seconds:
        for i in range(2000):
            x = (x * 31 + i) % 65521
"""


class Marked(str):
    """An instance of a subclass is never a compact string."""


def by_compile(name, file):
    space = {}
    exec(compile(SOURCE.replace("NAME", name), file, "exec"), space)
    return space[name]


def by_loader(name, file):
    with open(file, "w") as source:
        source.write(SOURCE.replace("NAME", name))
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader(name, file)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return getattr(module, name)


def by_replace(name, file):
    function = by_compile(name, "<replaced>")
    function.__code__ = truth.changed_code(function.__code__, co_filename=file)
    return function


def from_wchars(text):
    """Include/cpython/unicodeobject.h, up to 3.11: PyASCIIObject.wstr is all there is of it."""
    make = ctypes.pythonapi.PyUnicode_FromUnicode
    make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_ssize_t]
    made = make(None, len(text))
    ctypes.memmove(ctypes.c_void_p.from_address(id(made) + 40).value, ctypes.create_unicode_buffer(text), 4 * len(text))
    return made


def not_ready(name, file):
    """What takes a file name in makes it ready first; only C code can put in one that is not."""
    function = by_compile(name, "<not ready>")
    legacy = from_wchars(file)
    at = 112 if sys.version_info >= (3, 11) else 104 if sys.version_info >= (3, 8) else 96  # PyCodeObject.co_filename, versions.c
    place = ctypes.c_void_p.from_address(id(function.__code__) + at)
    assert ctypes.cast(place.value, ctypes.py_object).value == "<not ready>"
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(legacy))
    place.value = id(legacy)
    return function


def make(folder):
    files = {
        "compiled": Marked(folder + "/compiled.py"),
        "loaded": Marked(folder + "/loaded.py"),
        "latin": Marked("/srv/café/généré.py"),
        "greek": Marked("/srv/τέμπλετ.py"),
        "snake": Marked("/srv/🐍.py"),
        "compact": "/srv/τέμπλετ/🐍.py",
    }
    hows = {"compiled": by_compile, "loaded": by_loader}
    functions = {name: hows.get(name, by_replace)(name, file) for name, file in files.items()}
    if sys.version_info < (3, 12):
        files["wide"] = "/srv/of wchar_t's.py"
        functions["wide"] = by_replace("wide", from_wchars(files["wide"]))
        files["unready"] = "/srv/nothing but wchar_t's 🐍.py"
        functions["unready"] = not_ready("unready", files["unready"])
    return files, functions


def main():
    os.makedirs(sys.argv[1], exist_ok=True)
    files, functions = make(sys.argv[1])
    truth.ready(files={name: str(file) for name, file in files.items()})
    for name in functions:
        functions[name](float(sys.argv[2]), truth.thread_seconds)
    truth.finish(functions=sorted(functions))
    while "--stay" in sys.argv:
        for name in functions:
            functions[name](0.05, truth.thread_seconds)


if __name__ == "__main__":
    main()
# SPDX-License-Identifier: MIT
