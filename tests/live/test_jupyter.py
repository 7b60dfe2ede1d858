# SPDX-License-Identifier: MIT
"""Code that has no file: what it is called, and its text, as the process itself has them. Cells of real Jupyter kernels first.

Kernels are of the newest ipykernel that each Python can have, from the package index: without one that is skipped. Other
kinds of such code are run by workloads/held.py, which says what is to be seen.
"""

import json
import os
import re
import shutil
import stat
import subprocess

import pytest

import html_page
import interpreters
from conftest import PATIENCE, PROGRAM, WORKLOADS, let_work, wait_until
from programs import BUILD, alone_with

SPIN = """\
import time

def spin(seconds):  # é
\tend = time.process_time() + seconds
\twhile time.process_time() < end:
\t\tsum(i * i for i in range(1000))
"""
ONCE, TWICE = "spin(1)  # once", "spin(1)  # twice"


@pytest.fixture(scope="module", params=interpreters.FEW, ids=interpreters.name)
def notebook(request):
    """A Python with ipykernel and what starts it; made once."""
    folder = BUILD / "notebook" / interpreters.name(request.param)
    with alone_with(folder):
        if not (folder / "made").exists():
            shutil.rmtree(folder, ignore_errors=True)
            made = subprocess.run([request.param.path, "-m", "venv", folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if not made.returncode:
                wanted = ["ipykernel", "jupyter_client", "attrs"]
                made = subprocess.run([folder / "bin/pip", "install", "-q", "--disable-pip-version-check", "--prefer-binary", *wanted],
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
            if made.returncode:
                shutil.rmtree(folder, ignore_errors=True)
                pytest.skip("no ipykernel for this Python: " + " ".join(made.stdout.decode(errors="replace").split())[-300:])
            (folder / "made").touch()
    return folder / "bin/python"


class Kernel:
    def __init__(self, python):
        argv = [python, WORKLOADS / "notebook.py"]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8")
        self.pid = int(self.process.stdout.readline())

    def run(self, text):
        self.process.stdin.write(json.dumps(text) + "\n")
        self.process.stdin.flush()
        if text.startswith("#later"):
            return None
        return self.process.stdout.readline()


@pytest.fixture
def kernel(notebook):
    kernel = Kernel(notebook)
    yield kernel
    os.kill(kernel.pid, 9)
    kernel.process.kill()
    kernel.process.wait(PATIENCE)
    kernel.process.stdin.close()
    kernel.process.stdout.close()


def texts_of(document):
    return {source["file"]: source.get("text") for source in document.get("sources", [])}


def functions_of(document):
    for name, function in document["functions"].items():
        for variant in function.get("variants", [function]):
            yield name, variant


def cells_of(document):
    """{(function, what its cell is called)}, of functions in cells."""
    return {(name, f["short_file"]) for name, f in functions_of(document) if re.match(r"<ipython-input-|.*/ipykernel_\d+/", f["file"])}


def only_me(path):
    return stat.S_IMODE(path.stat().st_mode) == 0o600


def test_cells_have_their_numbers_and_their_text(kernel, recorder, pybpfprof):
    assert kernel.run(SPIN) == "ran 1\n" and kernel.run("x = 1") == "ran 2\n"
    recording = recorder("--pid", kernel.pid, "-r", 200)
    for number, text in enumerate([ONCE, TWICE, ONCE], 3):
        assert kernel.run(text) == f"ran {number}\n"
    recording.stop()
    document = json.loads(recording.convert("x.json").read_text())
    cells, texts = cells_of(document), texts_of(document)
    assert ("spin", "In [1]") in cells and {("<module>", "In [4]"), ("<module>", "In [5]")} <= cells
    # IPython gave each run of a text a name of its own, and gives each text one: it is called by its last run then.
    assert {label for _, label in cells} - {"In [3]"} == {"In [1]", "In [4]", "In [5]"}
    assert {text.strip() for text in texts.values()} == {SPIN.strip(), ONCE, TWICE}
    # The same from JSON as from the recording; nobody else may read them.
    page = html_page.Page(recording.convert("x.html")).head
    assert SPIN in [source.get("text") for source in page["sources"]] and "In [4]" in page["texts"]
    again = pybpfprof("convert", "-i", recording.folder / "x.json", "-o", recording.folder / "y.json")
    assert again.returncode == 0 and "rec.pybpf" in recording.stderr and "it holds source text, so only you can read it" in recording.stderr
    assert texts_of(json.loads((recording.folder / "y.json").read_text())) == texts
    assert all(only_me(recording.folder / name) for name in ("rec.pybpf", "x.json", "x.html", "y.json"))
    # In a report: the line below where it is.
    report = pybpfprof("report", recording.recording).stdout
    assert "In [1]:6" in report and "│ sum(i * i for i in range(1000))" in report
    folded = recording.convert("x.folded")
    assert ";<module> (In [4]:1);spin (In [1]:" in folded.read_text() and not only_me(folded)


def test_dump_names_cells(kernel):
    kernel.run(SPIN)
    kernel.run("#later\nspin(60)")
    let_work(kernel, 0.5)
    text = subprocess.run([PROGRAM, "dump", "--pid", str(kernel.pid)], stdout=subprocess.PIPE, check=True).stdout.decode()
    assert "    <module> (In [2]:2)\n" in text and "    spin (In [1]:" in text


def test_what_attrs_makes(notebook, recorder):
    program = (
        "import attr, time\n"
        "@attr.s\n"
        "class Point:\n"
        "    x = attr.ib(validator=lambda *a: sum(range(10000)))\n"
        "end = time.process_time() + 60\n"
        "while time.process_time() < end:\n"
        "    Point(1)\n"
    )
    with subprocess.Popen([notebook, "-c", program]) as process:
        recording = recorder("--pid", process.pid, "-r", 200)
        let_work(process, 1)
        recording.stop()
        process.kill()
    texts = texts_of(json.loads(recording.convert("x.json").read_text()))
    (init,) = [text for file, text in texts.items() if re.match("<attrs generated .*Point>", file)]
    assert "def __init__(self, x):\n" in init


# ---- the same of every interpreter -----------------------------------------------------------------------------


def check_held(path, recorder, folder):
    folder.mkdir()
    with subprocess.Popen([path, WORKLOADS / "held.py", folder], stdout=subprocess.PIPE) as process:
        expected = json.loads(process.stdout.readline())
        recording = recorder("--pid", process.pid, "-r", 500)
        let_work(process, 2.5)
        recording.stop()
        process.kill()
    document = json.loads(recording.convert("x.json").read_text())
    ran = {f["file"] for _, f in functions_of(document)}
    assert set(expected) - ran <= {"<doctest burn[0]>"}, "which takes no time"
    wanted = {file: text if text.endswith("\n") else text + "\n" for file, text in expected.items() if text and file in ran}
    assert texts_of(document) == wanted


def test_text_of_code_without_a_file(interpreter, recorder, tmp_path):
    check_held(interpreter.path, recorder, tmp_path / "held")


@pytest.mark.parametrize("python", interpreters.UNUSUAL)
def test_text_in_unusual_builds(python, recorder, tmp_path):
    check_held(python.path, recorder, tmp_path / "held")


CHANGES = """
import linecache, sys, time
print(flush=True)
sys.stdin.readline()
for n in range(2):
    text = "def run(end):\\n    while time.process_time() < end:\\n        pass  # %d\\n" % n
    linecache.cache["<made>"] = (len(text), None, text.splitlines(True), "<made>")
    exec(compile(text, "<made>", "exec"))
    run(time.process_time() + 1)
print(flush=True)
time.sleep(60)
"""


def test_of_two_texts_of_a_name_none_is_shown(python, recorder, tmp_path):
    with subprocess.Popen([python.path, "-c", CHANGES], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"\n"
        recording = recorder("--pid", process.pid)
        process.stdin.write(b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"\n", "both have run"
        recording.stop()  # it lives, and is asked once more
        process.kill()
    (source,) = [s for s in json.loads(recording.convert("x.json").read_text())["sources"] if s["file"] == "<made>"]
    assert "text" not in source


def test_what_was_given_to_the_interpreter_itself(recorder):
    """From 3.13 on it keeps what -c was given."""
    program = "import time\ndef burn(end):\n    while time.process_time() < end:\n        sum(range(1000))\nburn(1.5)\nprint(flush=True)\ntime.sleep(60)\n"
    newest = interpreters.MATRIX[-1]
    recording = recorder("--", newest.path, "-c", program, wait=False)
    wait_until(lambda: recording.stdout, "its end")
    recording.stop(expect=None)
    texts = texts_of(json.loads(recording.convert("x.json").read_text()))
    assert {file: text.rstrip() for file, text in texts.items()} == ({"<string>": program.rstrip()} if newest.minor >= (3, 13) else {})
