"""Functions, files, threads and a command line with names that want to break out of every output.

    hostile.py SECONDS   of CPU for each name
truth: names, as JSON strings (lone surrogates included).
"""

import sys
import threading

import truth

PAYLOAD = "</script><svg onload=document.title='owned'>;\x1b[31m"
NAMES = [
    PAYLOAD,
    "nul\0name",
    "new\nline 7",
    "carriage\rreturn",
    "lone\ud800surrogate",
    "x" * 100000,
    "größe",
    "имя",
    "snake🐍",
    "bidi\u202egnp.exe",
    "c1\x9b31m",
    "]]>&amp;&#0;\"'`<!--",
    "{\"a\":1}",
    "",
    " ",
    "f (other.py:1) 99",
    "__proto__",
    "%s%n%d",
    "back\\slash",
]
FILE = "/tmp/'\"></script><img src=x onerror=document.title='owned'>\x1b]0;owned\x07;\n.py"


def original(seconds):
    return truth.spin(seconds)


def renamed(name, file):
    changes = {"co_name": name, "co_filename": file}
    if hasattr(original.__code__, "co_qualname"):
        changes["co_qualname"] = name
    code = truth.changed_code(original.__code__, **changes)
    return type(original)(code, globals())


def main():
    seconds = float(sys.argv[1])
    functions = [renamed(name, __file__) for name in NAMES] + [renamed("in_hostile_file", FILE)]
    truth.ready(names=NAMES, file=FILE)
    spent = [function(seconds) for function in functions]
    thread = threading.Thread(target=functions[0], args=(seconds,), name=PAYLOAD)
    thread.start()
    thread.join()
    truth.finish(spent=spent)


main()
# SPDX-License-Identifier: MIT
