# SPDX-License-Identifier: MIT
"""The daemon's HTTP server: what clients of all kinds get from it, good ones, slow ones, and those that are none."""

import contextlib
import http.client
import os
import pathlib
import socket
import stat
import subprocess
import time

import pytest

from conftest import PATIENCE, wait_until
from programs import built

pytestmark = pytest.mark.offline

CONNECTIONS = 16


class Server:
    def __init__(self, where, *args):
        self.process = subprocess.Popen([built("tests/live/serve_driver"), where, *map(str, args)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
        self.url = self.process.stdout.readline().strip()
        assert self.url, self.process.communicate()[1]
        self.port = int(self.url.rpartition(":")[2]) if self.url.startswith("http") else None

    def connect(self):
        if self.port:
            family, address = (socket.AF_INET6, "::1") if "[" in self.url else (socket.AF_INET, "127.0.0.1")
            s = socket.socket(family)
            s.settimeout(PATIENCE)
            s.connect((address, self.port))
        else:
            s = socket.socket(socket.AF_UNIX)
            s.connect(self.url)  # waits where too many are before us, as with a timeout it would not
            s.settimeout(PATIENCE)
        return s

    def get(self, path, host="localhost"):
        return self.raw(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())

    def raw(self, request):
        with contextlib.closing(self.connect()) as s:
            s.sendall(request)
            return Answer(read_all(s))

    def cpu_ticks(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        return sum(map(int, text.rpartition(")")[2].split()[11:13]))

    def stop(self):
        self.process.stdin.close()
        assert self.process.wait(PATIENCE) == 0, self.process.stderr.read()


class Answer:
    def __init__(self, text):
        head, _, self.body = text.partition(b"\r\n\r\n")
        first, *fields = head.decode().split("\r\n")
        self.status = int(first.split()[1])
        self.fields = dict(field.split(": ", 1) for field in fields)


def read_all(s):
    out = b""
    while part := s.recv(1 << 16):
        out += part
    return out


@pytest.fixture
def start():
    servers = []

    def begin(where="127.0.0.1:0", *args):
        servers.append(Server(where, *args))
        return servers[-1]

    yield begin
    for one in servers:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait()


@pytest.fixture(params=["127.0.0.1:0", "[::1]:0", "localhost:0", "unix"])
def server(request, start, tmp_path):
    return start(f"unix:{tmp_path}/s" if request.param == "unix" else request.param)


def test_answers(server):
    answer = server.get("/metrics")
    assert (answer.status, answer.body) == (200, b"up 1\n")
    assert answer.fields["Content-Length"] == "5" and answer.fields["Connection"] == "close"
    assert server.get("/nothing").status == 404
    assert server.get("/echo?x=a%20b%2Fc").body == b"a b/c"
    answer = server.raw(b"HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (answer.status, answer.body, answer.fields["Content-Length"]) == (200, b"", "5")
    answer = server.raw(b"POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc")
    assert answer.status == 405 and answer.fields["Allow"] == "GET, HEAD"
    server.stop()


def test_clients_as_there_are(start, tmp_path):
    server = start("127.0.0.1:0")
    for path, status in [("/metrics", 200), ("/later?ms=300&text=x", 200), ("/nothing", 404)]:
        client = http.client.HTTPConnection("localhost", server.port, timeout=PATIENCE)
        client.request("GET", path)
        assert client.getresponse().status == status
        client.close()
    other = start(f"unix:{tmp_path}/s")
    for options, url in [([], server.url), (["--unix-socket", other.url], "http://any.name"), (["--http1.0"], server.url),
                         (["--http2"], server.url), (["-d", "x", "-X", "GET"], server.url)]:  # fmt: skip
        done = subprocess.run(["curl", "-sS", "--fail", *options, url + "/metrics"], stdout=subprocess.PIPE, timeout=PATIENCE)
        assert (done.returncode, done.stdout) == (0, b"up 1\n"), options


def test_large_files_reach_slow_readers_whole(start, tmp_path):
    content = os.urandom(3_000_000)
    (tmp_path / "file").write_bytes(content)
    server = start("127.0.0.1:0", tmp_path / "file")
    assert server.get("/file").body == content
    answer = server.raw(b"HEAD /file HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (answer.body, answer.fields["Content-Length"]) == (b"", "3000000")
    with contextlib.closing(server.connect()) as s:
        s.sendall(b"GET /file HTTP/1.0\r\n\r\n")
        time.sleep(1)
        assert server.get("/metrics").status == 200  # meanwhile
        assert read_all(s).endswith(content[-100:])


@pytest.mark.parametrize("host", ["evil.example", "evil.example:9100", "127.0.0.1.evil.example", "192.168.1.1", "0.0.0.0"])
def test_names_of_others_are_refused(start, tmp_path, host):
    server = start("127.0.0.1:0")
    assert server.get("/metrics", host).status == 421
    assert server.raw(f"GET http://{host}/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()).status == 421
    assert start(f"unix:{tmp_path}/s").get("/metrics", host).status == 200  # no page reaches that one


def test_garbage(server):
    for request, status in [(b"\r\n\r\n", 400), (b"GET /\n\n", 400), (b"\x16\x03\x01\x00\x05hello\n\n", 400), (b"GET / HTTP/1.1\r\n\r\n", 400),
                            (b"GET /" + b"a" * 9000, 431), (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 2000, 431)]:  # fmt: skip
        assert server.raw(request).status == status, request[:40]
    for _ in range(20):
        with contextlib.closing(server.connect()) as s:
            s.sendall(os.urandom(4096))
    assert server.get("/metrics").status == 200


def test_half_closed_pipelined_and_in_pieces(server):
    request = b"GET /later?ms=300&text=yes HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with contextlib.closing(server.connect()) as s:
        s.sendall(request)
        s.shutdown(socket.SHUT_WR)
        before = server.cpu_ticks()
        assert Answer(read_all(s)).body == b"yes"
        assert server.cpu_ticks() - before < 15, "a client that says no more costs nothing"
    assert server.raw(request * 3).body == b"yes"
    with contextlib.closing(server.connect()) as s:
        for byte in request:
            s.send(bytes([byte]))
        assert Answer(read_all(s)).body == b"yes"
    with contextlib.closing(server.connect()) as s:
        s.sendall(request[:20])
        s.shutdown(socket.SHUT_WR)
        assert read_all(s) == b""  # what it wanted is not guessed


def test_who_has_gone_is_told(start, tmp_path):
    server = start(f"unix:{tmp_path}/s")
    s = server.connect()
    s.sendall(b"GET /later?ms=500 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    time.sleep(0.2)
    s.close()
    wait_until(lambda: server.get("/gone").body == b"1\n", "a client that is gone")
    for _ in range(3):
        server.connect().close()
    assert server.get("/metrics").status == 200


def test_a_hundred_that_say_nothing(server):
    """And those that begin and never end: somebody who asks is answered all the same."""
    crowd = [server.connect() for _ in range(50)]
    for s in crowd[::2]:
        with contextlib.suppress(ConnectionError):
            s.sendall(b"GET /me")
    crowd += [server.connect() for _ in range(50)]
    assert server.get("/metrics").body == b"up 1\n"
    fds = os.listdir(f"/proc/{server.process.pid}/fd")
    assert len(fds) <= CONNECTIONS + 4 + 8
    for s in crowd:
        s.close()
    server.stop()


def test_when_all_wait_for_answers(start):
    server = start("127.0.0.1:0")
    waiting = [server.connect() for _ in range(CONNECTIONS)]
    for s in waiting:
        s.sendall(b"GET /later?ms=2000&text=yes HTTP/1.1\r\nHost: localhost\r\n\r\n")
    for _ in range(20):
        assert server.get("/metrics").status == 503
    assert all(Answer(read_all(s)).body == b"yes" for s in waiting)
    for s in waiting:
        s.close()
    assert server.get("/metrics").status == 200


def test_slow_heads_have_an_end(start):
    """Ten seconds, however often a byte comes."""
    server = start()
    s = server.connect()
    began = time.monotonic()
    with contextlib.suppress(ConnectionError):
        for byte in b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 400:
            s.send(bytes([byte]))
            time.sleep(0.1)
            if time.monotonic() - began > 4 * PATIENCE:
                pytest.fail("it waits for ever")
    assert time.monotonic() - began > 9
    with contextlib.suppress(ConnectionError):
        answer = read_all(s)
        assert not answer or Answer(answer).status == 408


def test_who_does_not_read_is_left(start, tmp_path):
    (tmp_path / "file").write_bytes(bytes(30_000_000))
    server = start("127.0.0.1:0", tmp_path / "file")
    s = server.connect()
    s.sendall(b"GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n")
    fds = f"/proc/{server.process.pid}/fd"
    wait_until(lambda: any(os.readlink(f"{fds}/{fd}").endswith("/file") for fd in os.listdir(fds)), "the file")

    def is_left():
        return not any(os.readlink(f"{fds}/{fd}").endswith("/file") for fd in os.listdir(fds))

    wait_until(is_left, "its end", seconds=60, every=0.5)
    assert server.get("/metrics").status == 200
    s.close()


# ---- where it is -------------------------------------------------------------------------------------------------


def test_rights_of_a_unix_socket(start, tmp_path):
    tmp_path.chmod(0o755)
    for folder in tmp_path.parents[:2]:
        folder.chmod(0o755)
    server = start(f"unix:{tmp_path}/s")
    st = os.stat(tmp_path / "s")
    assert stat.S_ISSOCK(st.st_mode) and stat.S_IMODE(st.st_mode) == 0o660 and st.st_uid == os.getuid()
    command = ["curl", "-sS", "--unix-socket", tmp_path / "s", "http://x/metrics"]
    if os.getuid() == 0:
        other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        done = subprocess.run([*other, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert done.returncode and not done.stdout
        os.chown(tmp_path / "s", 0, 65534)  # as an administrator may
        assert subprocess.run([*other, *command], stdout=subprocess.PIPE).stdout == b"up 1\n"
    server.stop()
    assert not (tmp_path / "s").exists()


def refused(where):
    done = subprocess.run([built("tests/live/serve_driver"), where], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=PATIENCE)  # fmt: skip
    assert done.returncode == 1 and not done.stdout, where
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_a_dead_ones_socket_is_replaced_and_a_living_ones_is_not(start, tmp_path):
    where = f"unix:{tmp_path}/s"
    first = start(where)
    assert "another program does" in refused(where)
    assert first.get("/metrics").status == 200
    first.process.kill()
    first.process.wait()
    assert (tmp_path / "s").exists()
    second = start(where)
    assert second.get("/metrics").status == 200
    (tmp_path / "s").rename(tmp_path / "moved")
    third = start(where)
    second.stop()
    assert third.get("/metrics").status == 200, "what took its place is not removed by its predecessor"


def test_of_many_that_start_at_once_one_lives(tmp_path):
    where = f"unix:{tmp_path}/s"
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(f"{tmp_path}/s")
    dead.close()
    driver = built("tests/live/serve_driver")
    crowd = [subprocess.Popen([driver, where], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(8)]
    lines = [one.stdout.readline() for one in crowd]
    assert sum(bool(line) for line in lines) == 1
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as s:
        s.connect(f"{tmp_path}/s")
        s.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        assert Answer(read_all(s)).status == 200
    for one in crowd:
        one.communicate(timeout=PATIENCE)


def test_other_files_stay(tmp_path):
    (tmp_path / "s").write_text("precious")
    assert "it is a file, and no socket" in refused(f"unix:{tmp_path}/s")
    (tmp_path / "link").symlink_to(tmp_path / "s")
    assert "no socket" in refused(f"unix:{tmp_path}/link")
    assert (tmp_path / "s").read_text() == "precious"
    assert "No such file" in refused(f"unix:{tmp_path}/none/s")


def test_addresses(start):
    for where in ["0.0.0.0:9100", "192.168.1.1:9100", "[::]:9100", "example.com:9100", ":9100", "127.1:9100"]:
        assert "loopback" in refused(where), where
    for where in ["9100", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000", "localhost", "[::1]", ""]:
        assert "write 127.0.0.1:PORT" in refused(where), where
    for where in ["unix:", "unix:relative", "unix:/" + "x" * 120]:
        assert "give a path" in refused(where), where
    taken = start("127.0.0.1:0")
    assert "choose another port" in refused(f"127.0.0.1:{taken.port}")
