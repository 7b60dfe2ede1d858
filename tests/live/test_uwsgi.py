# SPDX-License-Identifier: MIT
"""uWSGI: Python is a plug-in of another program, whose master runs none, and whose workers are forked.

Threads are named by uWSGI itself, those that it makes in C too.
"""

import collections
import http.client
import shutil
import socket
import subprocess
import threading

import pytest

from conftest import wait_until

APPLICATION = '''
import time


def crunch(x):
    for i in range(4000):
        x = (x * 33 + i) % 65521
    return x


def render(seconds):
    end = time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID) + seconds
    x = 1
    while time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID) < end:
        x = crunch(x)
    return x


def application(env, start_response):
    render(0.02)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]
'''


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def serves(port):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/")
        return connection.getresponse().read() == b"ok"
    except OSError:
        return False


@pytest.fixture
def server(request, tmp_path, cgroup, pybpfprof):
    """(process, port)"""
    program = shutil.which("uwsgi-core")
    if not program:
        pytest.skip("uwsgi-core is not here")
    (tmp_path / "app.py").write_text(APPLICATION)
    port = free_port()
    with open(tmp_path / "log", "w") as log:
        process = subprocess.Popen(
            [program, "--plugin", "python3", "--http-socket", f"127.0.0.1:{port}", "--wsgi-file", "app.py", "--master",
             "--need-app", "--die-on-term", "--workers", "2", *request.param], cwd=tmp_path, stdout=log, stderr=log)
    cgroup.add(process.pid)
    try:
        wait_until(lambda: process.poll() is not None or serves(port), "an answer")
        if process.poll() is not None:
            pytest.skip("it does not start: " + (tmp_path / "log").read_text().splitlines()[-1])
        if "cannot be profiled" in pybpfprof("check", process.pid).stdout:
            pytest.skip("its Python is none of those that are supported")
        yield process, port
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize("server", [["--threads", "2"], ["--lazy-apps", "--enable-threads", "--auto-procname"]],
                         ids=["threads", "lazy"], indirect=True)
def test_workers(server, recorder, pybpfprof):
    process, port = server
    recording = recorder("--pid", process.pid, "--subprocesses", "--threads", "-r", "499")
    over = threading.Event()

    def ask():
        while not over.is_set():
            serves(port)

    clients = [threading.Thread(target=ask) for _ in range(3)]
    for client in clients:
        client.start()
    over.wait(3)
    dumped = pybpfprof("dump", "--pid", process.pid, "--subprocesses").stdout
    over.set()
    for client in clients:
        client.join()
    recording.stop()
    document = recording.json()
    by_thread = collections.Counter()
    rendering = total = 0
    for sample in document["samples"]:
        names = [entry.rsplit(".", 1)[-1] for entry in sample["stack"]]
        total += sample["value"]
        by_thread[document["threads"][sample["thread"]]["name"], sample["pid"]] += sample["value"]
        if "render" in names:
            at = names.index("render")
            assert names[at - 1] == "application" and set(names[at + 1:]) <= {"crunch"}
            rendering += sample["value"]
    assert total > 1 and rendering > 0.6 * total
    named = {pid for (name, pid), seconds in by_thread.items() if name.startswith("uWSGIWorker")}
    assert len(named) == 2, by_thread
    assert sum(seconds for (name, _), seconds in by_thread.items() if name.startswith("uWSGIWorker")) > 0.95 * total
    assert '"uWSGIWorker' in dumped
