# SPDX-License-Identifier: MIT
"""Libraries that seem to hold an interpreter, processes that have them mapped, and a version that nobody knows."""

import os
import pathlib
import shutil
import subprocess

import interpreters

NEWER = "3.16.0"

LIBRARY = """
#include <stdio.h>
__attribute__((section(".PyRuntime"), used)) char _PyRuntime[166688];
const unsigned long Py_Version = 0x030b07f0;
int Py_GetVersion(void) { return puts(""); }
"""
# FOLDER COUNT [busy]: a process for each of FOLDER/0.so …, never quite idle when it says so; they end with the first.
MAPPER = """
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	for (int i = 0; i < atoi(argv[2]); i++) {
		char path[4096];
		sprintf(path, "%s/%d.so", argv[1], i);
		if (fork())
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, open(path, O_RDONLY), 0);
		while (argc > 3) {
			for (volatile int k = 0; k < 100000; k++)
				;
			usleep(100000);
		}
		pause();
	}
	puts("ready");
	fflush(stdout);
	pause();
}
"""


def newer(folder):
    """A Python that says it is of a version after the last one that is walked: its path; None when there is no static one.

    The constant Py_Version (Python/getversion.c) exists from 3.11 on.
    """
    static = [i for i in interpreters.SUPPORTED if not i.shared and i.path.startswith("/usr/bin/") and i.minor >= (3, 11)]
    if not static:
        return None
    own = subprocess.run([static[0].path, "-c", "import sys; print(sys.hexversion)"], stdout=subprocess.PIPE, check=True)
    data = pathlib.Path(static[0].path).read_bytes()
    constant = int(own.stdout).to_bytes(8, "little")
    assert constant in data
    for name in "bin", "lib":
        (folder / name).mkdir()
    library = "python%d.%d" % static[0].minor
    (folder / "lib" / library).symlink_to(f"/usr/lib/{library}")  # where a program looks for it, from its own folder
    made = shutil.copy(os.path.realpath(static[0].path), folder / "bin/python3.newer")
    pathlib.Path(made).write_bytes(data.replace(constant, (0x031000F0).to_bytes(8, "little")))
    return made


def compiled(folder, name, text, *options):
    (folder / f"{name}.c").write_text(text)
    subprocess.run(["gcc", "-O1", "-w", *options, "-o", folder / name, folder / f"{name}.c"], check=True)
    return folder / name
