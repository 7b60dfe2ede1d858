# SPDX-License-Identifier: MIT
"""Every CPython of this machine: what the live tests run their workloads on.

Run by itself it prints them: `3.14-nopie 3.14.10 static PATH (where it came from)`. An interpreter is told from another by the file its code comes from, so a
shim, a link or a virtual environment of one that is already listed adds nothing.
"""

import collections
import concurrent.futures
import glob
import json
import os
import re
import subprocess

from programs import BUILD, ROOT

OLDEST, NEWEST = (3, 6), (3, 15)  # that the program reads
FETCHED = BUILD / "interpreters"  # by scripts/get-interpreters.sh, which names what is unusual about a build: python3.14-dbg

# Run inside each candidate, without site: must parse on every Python 3.
PROBE = """
import json, sys
print(json.dumps({
    "implementation": sys.implementation.name,
    "version": sys.version.split()[0].rstrip("+"),
    "executable": getattr(sys, "_base_executable", None) or sys.executable,
    "shared": any("libpython3" in line for line in open("/proc/self/maps")),
    "debug": hasattr(sys, "gettotalrefcount"),
    "traced": hasattr(sys, "getobjects"),
    "threaded": "t" in sys.abiflags,
}))
"""

Interpreter = collections.namedtuple("Interpreter", "path version minor shared debug traced threaded build")
Interpreter.__doc__ = """\
path to start it by, "3.12.1" or "3.13.5t", (3, 12), uses a libpython.so, how it was configured (with a debug build's checks, a list of all
objects, that is Py_TRACE_REFS, free-threaded), and what it is called for that: "", "dbg", "t", "nopie", "musl", …"""


def name(interpreter):
    """For test ids and messages: 3.11.2-static, 3.13.5td-shared, 3.14.10-static-nopie."""
    words = [interpreter.version + "d" * interpreter.debug, "shared" if interpreter.shared else "static", interpreter.build]
    return "-".join(word for word in words if word not in ("", "t"))


def is_plain(interpreter):
    """Runs by its path, with the libraries of this machine: no starter that enters a root of its own."""
    with open(interpreter.path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def origin(interpreter):
    """Where scripts/get-interpreters.sh had it from, or the folder where it was found."""
    note = FETCHED / "from" / os.path.basename(interpreter.path)
    fetched = interpreter.path.startswith(str(FETCHED))
    return note.read_text().strip() if fetched and note.exists() else os.path.dirname(interpreter.path)


def _candidates():
    folders = os.environ.get("PATH", "").split(":") + ["/usr/bin", "/usr/local/bin"]
    folders += sorted(glob.glob("/opt/python*/bin") + [str(FETCHED / "bin")])
    folders += sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/*/bin")))
    seen = set()
    for folder in folders:
        for path in sorted(glob.glob(os.path.join(folder, "python3.*"))):
            fetched = folder == str(FETCHED / "bin")
            wanted = re.search(r"/python3\.\d+t?(-\w+)?$" if fetched else r"/python3\.\d+t?$", path)
            if wanted and path not in seen and os.access(path, os.X_OK):
                seen.add(path)
                yield path


def _probe(path):
    try:
        out = subprocess.run([path, "-S", "-c", PROBE], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=300)
        facts = json.loads(out.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return facts if facts["implementation"] == "cpython" else None


def find():
    """All of them, oldest first."""
    found = {}
    paths = list(_candidates())
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        probed = list(pool.map(_probe, paths))
    for path, facts in zip(paths, probed):
        if facts is None:
            continue
        # A wrapper script reports a path inside its own root; it stands for itself then.
        real = os.path.realpath(facts["executable"])
        inside = os.path.exists(real) and not path.startswith(str(ROOT))
        numbers = re.match(r"(\d+)\.(\d+)", facts["version"])
        minor = (int(numbers.group(1)), int(numbers.group(2)))
        key = real if inside else path
        version = facts["version"] + "t" * facts["threaded"]
        found.setdefault(
            key,
            Interpreter(
                key, version, minor, facts["shared"], facts["debug"], facts["traced"], facts["threaded"],
                "-".join(re.fullmatch(r"python3\.\d+(t?)-?(.*)", os.path.basename(path)).group(1, 2)).strip("-"),
            ),  # fmt: skip
        )
    return sorted(found.values(), key=lambda i: (i.minor, i.threaded, i.debug, i.build, i.version, not i.shared, i.path))


def _all():
    """Workers of pytest-xdist have their controller's: whatever a moment's trouble hid from one would be missing there alone."""
    if "PYTEST_XDIST_WORKER" in os.environ and "PYBPFPROF_INTERPRETERS" in os.environ:
        return [Interpreter(*one)._replace(minor=tuple(one[2])) for one in json.loads(os.environ["PYBPFPROF_INTERPRETERS"])]
    found = find()
    os.environ["PYBPFPROF_INTERPRETERS"] = json.dumps(found)
    return found


ALL = _all()
# Those that the program claims to read.
SUPPORTED = [i for i in ALL if OLDEST <= i.minor <= NEWEST and not i.traced]
THREADED = [i for i in SUPPORTED if i.threaded]
UNUSUAL = [i for i in SUPPORTED if i.threaded or i.build == "musl"]  # in how they hold locks, and objects
# One of each minor version: what tests are run on that are not about builds.
MATRIX = list({i.minor: i for i in reversed(SUPPORTED) if not (i.build or i.debug or i.threaded)}.values())[::-1]
# Of these: for what hardly depends on the version, and is long.
FEW = sorted({MATRIX[n * (len(MATRIX) - 1) // 3] for n in range(4)}, key=MATRIX.index) if MATRIX else []


def with_gil(interpreter):
    """The environment in which a free-threaded build has a GIL, too."""
    return {"PYTHON_GIL": "1"} if interpreter.threaded else {}


if __name__ == "__main__":
    for each in ALL:
        short = "%d.%d" % each.minor
        if each.build:
            short += "t" if each.build == "t" else "-" + each.build
        print(short, each.version, "shared" if each.shared else "static", each.path, f"(from {origin(each)})",
              "" if each in SUPPORTED else "(not supported)")  # fmt: skip
