"""Functions of modules that came about in every way: each says what the interpreter calls its module.

    modules.py FOLDER SECONDS [--stay]   of CPU in each function; --stay: again and again
ready: {"modules": {function: [file, module]}}   module None: the interpreter does not say; named by the file
"""

import importlib.util
import os
import sys
import types
import zipfile

import truth

SPIN = """
import sys
def {name}(seconds, clock):
    start, x = clock(), 1
    while clock() - start < seconds:
        for i in range(2000):
            x = (x * 31 + i) % 65521
    return sys._getframe()
"""

FILES = {
    "src/regular/__init__.py": SPIN.format(name="in_init"),
    "src/regular/inner.py": "from . import sibling\nfrom .sibling import in_sibling\n" + SPIN.format(name="in_inner"),
    "src/regular/sibling.py": SPIN.format(name="in_sibling"),
    "src/space/deep/part.py": SPIN.format(name="in_namespace_package"),
    "src/plain.py": SPIN.format(name="in_plain"),
    "src/large.py": "globals().update(('name_%d' % i, i) for i in range(300))\n" + SPIN.format(name="in_large"),
    "src/huge.py": "globals().update(('name_%d' % i, i) for i in range(70000))\n" + SPIN.format(name="in_huge"),
    "src/numbers_too.py": "globals()[1] = 1\n" + SPIN.format(name="with_any_keys"),
    "src/renamed.py": "__name__ = 'another.name'\n" + SPIN.format(name="in_renamed"),
    "src/nameless.py": "del __name__\n" + SPIN.format(name="in_nameless"),
    "src/late.py": "del __name__\n__name__ = 'late'\n" + SPIN.format(name="in_late"),
    "src/marked.py": "class Marked(str): pass\n__name__ = Marked('marked')\n" + SPIN.format(name="in_marked"),
    # code that a module generates: from 3.7 on by dataclasses
    "src/made.py": """
try:
    import dataclasses
except ImportError:
    pass
""" + SPIN.format(name="spin") + """
def in_factory():
    return spin(*how)
if "dataclasses" in globals():
    @dataclasses.dataclass
    class Made:
        frame: object = dataclasses.field(default_factory=in_factory)
else:
    exec("class Made:\\n  def __init__(self):\\n    self.frame = in_factory()")
def in_made(*args):
    global how
    how = args
    return Made().frame.f_back.f_back  # of the generated __init__
""",
    "plugins/x.py": SPIN.format(name="in_plugin"),
    "plugins/y.py": SPIN.format(name="in_unicode"),
}
UNKNOWN = {"in_nameless", "in_late", "in_marked"}  # the first entry of the dict is something else


def write(folder):
    for name, text in FILES.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as out:
            out.write(text)
    with zipfile.ZipFile(os.path.join(folder, "archive"), "w") as archive:
        archive.writestr("zipped/__init__.py", "")
        archive.writestr("zipped/mod.py", SPIN.format(name="in_archive"))
    sys.path[:0] = [os.path.join(folder, "src"), os.path.join(folder, "archive")]


def imported():
    names = "regular regular.inner regular.sibling space.deep.part plain large huge numbers_too renamed nameless late marked"
    for name in (names + " zipped.mod").split():
        module = importlib.import_module(name)
        yield from (f for f in vars(module).values() if isinstance(f, types.FunctionType) and f.__name__ != "in_sibling")
    yield sys.modules["regular.sibling"].in_sibling
    yield importlib.import_module("made").in_made


def by_loader(folder, name, file):
    spec = importlib.util.spec_from_file_location(name, os.path.join(folder, file))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def executed(name, file, space):
    exec(compile(SPIN.format(name=name), file, "exec"), space)
    return space[name]


def make(folder):
    write(folder)
    yield from imported()
    yield by_loader(folder, "plugin of x", "plugins/x.py").in_plugin
    yield by_loader(folder, "модуль.у", "plugins/y.py").in_unicode
    yield executed("by_exec", "<string>", vars(sys.modules["regular.inner"]))
    yield executed("by_exec_alone", "<string>", {})
    yield executed("by_exec_named", "/srv/made up.py", {"__name__": "made.up"})
    yield executed("by_template", "/srv/templates/base.html", {"environment": None, "__name__": "not.first"})
    yield executed("by_exec_in_main", "<string>", globals())


def said(frame):
    """What the interpreter calls the module of a frame's code, where it can be seen in time."""
    first = next(iter(frame.f_globals))
    name = frame.f_globals.get("__name__")
    if frame.f_code.co_name in UNKNOWN or first != "__name__" or name == "__main__":
        return None
    return name


def main():
    functions = list(make(sys.argv[1]))
    frames = [function(0, truth.thread_seconds) for function in functions]
    truth.ready(modules={f.f_code.co_name: (f.f_code.co_filename, said(f)) for f in frames})
    for function in functions:
        function(float(sys.argv[2]), truth.thread_seconds)
    truth.finish()
    while "--stay" in sys.argv:
        for function in functions:
            function(0.03, truth.thread_seconds)


if __name__ == "__main__":
    main()
# SPDX-License-Identifier: MIT
