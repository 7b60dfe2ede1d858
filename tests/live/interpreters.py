"""Every CPython of this machine: what the live tests run their workloads on.

Run by itself it prints them. An interpreter is told from another by the file its code comes from, so a
shim, a link or a virtual environment of one that is already listed adds nothing.
"""

import collections
import glob
import json
import os
import re
import subprocess

from programs import BUILD, ROOT

OLDEST, NEWEST = (3, 8), (3, 13)

# Run inside each candidate: must parse on every Python 3.
PROBE = """
import json, platform, sys, sysconfig
print(json.dumps({
    "implementation": platform.python_implementation(),
    "version": platform.python_version(),
    "executable": getattr(sys, "_base_executable", None) or sys.executable,
    "shared": any("libpython3" in line for line in open("/proc/self/maps")),
    "debug": hasattr(sys, "gettotalrefcount"),
    "threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
}))
"""

Interpreter = collections.namedtuple("Interpreter", "path version minor shared default")
Interpreter.__doc__ = """path to start it by, "3.12.1", (3, 12), uses a libpython.so, is neither debug nor free-threaded"""


def name(interpreter):
    """For test ids and messages: 3.11.2-static."""
    return interpreter.version + ("-shared" if interpreter.shared else "-static")


def _candidates():
    folders = os.environ.get("PATH", "").split(":") + ["/usr/bin", "/usr/local/bin"]
    folders += sorted(glob.glob("/opt/python*/bin") + glob.glob(str(BUILD / "interpreters/bin")))
    folders += sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/*/bin")))
    seen = set()
    for folder in folders:
        for path in sorted(glob.glob(os.path.join(folder, "python3.*"))):
            if re.search(r"/python3\.\d+$", path) and path not in seen and os.access(path, os.X_OK):
                seen.add(path)
                yield path


def _probe(path):
    try:
        out = subprocess.run([path, "-c", PROBE], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=20)
        facts = json.loads(out.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return facts if facts["implementation"] == "CPython" else None


def find():
    """All of them, oldest first."""
    found = {}
    for path in _candidates():
        facts = _probe(path)
        if facts is None:
            continue
        # A wrapper script reports a path inside its own root; it stands for itself then.
        real = os.path.realpath(facts["executable"])
        inside = os.path.exists(real) and not path.startswith(str(ROOT))
        numbers = re.match(r"(\d+)\.(\d+)", facts["version"])
        minor = (int(numbers.group(1)), int(numbers.group(2)))
        key = real if inside else path
        found.setdefault(
            key,
            Interpreter(
                key, facts["version"], minor, facts["shared"], not facts["debug"] and not facts["threaded"]
            ),
        )
    return sorted(found.values(), key=lambda i: (i.minor, i.version, not i.shared, i.path))


ALL = find()
# One of each build that the program claims to read.
SUPPORTED = [i for i in ALL if OLDEST <= i.minor <= NEWEST and i.default]
UNSUPPORTED = [i for i in ALL if i not in SUPPORTED]


def one_per_minor():
    """The first of each supported minor version."""
    by_minor = {}
    for interpreter in SUPPORTED:
        by_minor.setdefault(interpreter.minor, interpreter)
    return list(by_minor.values())


if __name__ == "__main__":
    for each in ALL:
        print(name(each), each.path, "" if each in SUPPORTED else "(not supported)")
