# SPDX-License-Identifier: MIT
"""The demo's customers when the shop is closed on them: not a word, whatever they were in the middle of."""

import importlib.util
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts/demo_workload.py"
ANSWER = b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Type: text/html\r\nContent-Length: 30\r\n\r\n" + b"x" * 30


@pytest.fixture(scope="module")
def workload():
    spec = importlib.util.spec_from_file_location("demo_workload", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def close(connection, reset):
    if reset:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def answer_once(listener, answer, reset, stop):
    """As a service that is killed: what the kernel had of the answer, and then nobody listens (if `stop`)."""
    connection, _ = listener.accept()
    connection.recv(65536)
    if stop:
        listener.close()
    connection.sendall(answer)
    close(connection, reset)


def visit(workload, answer, reset, stop):
    """One customer of such a service: how many answers it had. Raises what the customer raises."""
    listener = socket.create_server(("127.0.0.1", 0))
    service = threading.Thread(target=answer_once, args=(listener, answer, reset, stop))
    service.start()
    done = []
    try:
        workload.customer(listener.getsockname()[1], time.monotonic() + 60, done)
    finally:
        service.join()
        listener.close()
    return len(done)


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_closed_at_every_byte_of_an_answer(workload, reset):
    had = [visit(workload, ANSWER[:size], reset, True) for size in range(len(ANSWER) + 1)]
    assert had[len(ANSWER)] == 1 or reset, "the whole answer counts"
    assert had.count(0) > 40, "it was in the middle of one"


def test_nobody_listens(workload):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    workload.customer(port, time.monotonic() + 60, [])


def test_an_error_of_a_service_that_goes_on_is_said(workload, monkeypatch):
    monkeypatch.setattr(workload.is_gone, "__defaults__", (0.3,))
    with pytest.raises(workload.http.client.HTTPException):
        visit(workload, b"nonsense\r\n", False, False)


def test_the_service_is_killed_again_and_again():
    """The real ones, killed as the demo does it, at other moments of their work each time."""
    served = 0
    for moment in range(10):
        with subprocess.Popen([sys.executable, SCRIPT, "serve"], stdout=subprocess.PIPE, start_new_session=True) as shop:
            port = shop.stdout.readline().decode().strip()
            load = subprocess.Popen([sys.executable, SCRIPT, "load", port, "60"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            time.sleep(0.5 + 0.1 * moment)
            os.killpg(shop.pid, signal.SIGKILL)
        said, complained = load.communicate(timeout=30)
        assert (load.returncode, complained) == (0, b"")
        served += int(said)
    assert served, "there were customers"


def environment_of(pid):
    with open(f"/proc/{pid}/environ", "rb") as file:
        return dict(line.partition(b"=")[::2] for line in file.read().split(b"\0"))


def alive(group):
    try:
        os.killpg(group, 0)
        return True
    except ProcessLookupError:
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_shop_is_two_services_and_leaves_nobody_behind(number):
    """As it is started for back ends."""
    with subprocess.Popen([sys.executable, SCRIPT, "shop"], stderr=subprocess.PIPE) as shop:
        parts = []
        end = time.monotonic() + 60
        while len(parts) < 2 and time.monotonic() < end:
            time.sleep(0.1)
            with open(f"/proc/{shop.pid}/task/{shop.pid}/children") as file:
                parts = file.read().split()
        time.sleep(0.5)  # a part is exec'd by now
        assert [environment_of(pid)[b"OTEL_SERVICE_NAME"] for pid in parts] == [b"shop", b"customers"]
        shop.send_signal(number)
        assert shop.communicate(timeout=30)[1] == b""
    while any(alive(int(pid)) for pid in parts) and time.monotonic() < end:
        time.sleep(0.1)
    assert not any(alive(int(pid)) for pid in parts)
