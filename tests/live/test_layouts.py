# SPDX-License-Identifier: MIT
"""Are the rows of user/python/versions.c what debug information of the interpreters says?"""

import shutil
import subprocess

import pytest

import interpreters
from programs import ROOT

pytestmark = pytest.mark.offline


# More than one of a version: of those that distributions have, debug information is mostly elsewhere.
PLAIN = [i for i in interpreters.SUPPORTED if not (i.build or i.debug or i.threaded)]


@pytest.mark.skipif(not shutil.which("gdb"), reason="there is no gdb")
@pytest.mark.parametrize("python", PLAIN)
def test_rows_are_those_of_debug_information(python):
    done = subprocess.run([ROOT / "scripts/print-layout", "--check", python.path], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, encoding="utf-8")  # fmt: skip
    if "has no debug information" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stdout + done.stderr
