#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A back end that reads every body, keeps it, and misbehaves on demand.

    with Stub() as s:                           # 127.0.0.1, a free port
        run("--push", s.url("pyroscope"))       # pyroscope+http://127.0.0.1:PORT
        s.wait_bodies(3)
        for p in s.profiles():                  # of all bodies it took: pushed.Profile (labels, types, samples, rows(), total() …)
            print(p.labels["service_name"], p.rows("cpu"))

    s.bodies                                    # those it took: Body(backend, path, prefix, headers, raw, text, profiles, time, status)
    s.requests                                  # all of them, whatever was answered: `status` 0 where nothing (or garbage) was
    s.connections, s.refused_connections        # how many were made, and how many TLS handshakes failed

    s.behave([status(500), status(429, retry_after=2), garbage()])   # one for each request to come, then it is well again
    s.behave([], then=status(503))              # until told otherwise
        status(400, "why")                      # in the back end's own form (JSON, protobuf); `raw=b"…"`: as it is
        garbage()       no HTTP                 slow(0.2)     a good answer, 0.2 s between its bytes
        never()         no answer at all        closes()      the connection ends instead
        deaf()          does not even read      chunked()     a good answer, in chunks
        breaks()        takes it, and ends amid the answer
      huge(n)       a good answer with a body of n bytes
    s.refuse(); s.accept()                      # nobody listens at the port, which stays ours; somebody again

    Stub(token="secret")                        # 401 without "Authorization: Bearer secret"; s.token may be changed
    tls = Tls(folder, names=["127.0.0.1"])      # a CA and a certificate by openssl; tls.ca is a file
    Stub(tls=tls)                               # https; s.url() says so
    Stub(proxy=True)                            # CONNECT, and POST http://…; s.proxied: ["host:port", …];
    s.routes["name:443"] = ("127.0.0.1", port)  # what names lead to, by such a proxy
    Stub(checks=False)                          # bodies are kept, not decoded

A body that its server would refuse is answered with 400 and the reason, and raises at the end of the `with`: so no test passes with
such bodies by chance (s.expect_bad = True: they are wanted). The path /plain takes anything.

As a program: backend_stub.py [--port N] [--token T] [--behave 500,429:2,garbage,ok]; a JSON line for each request.
"""

import argparse
import collections
import gzip
import http.client
import http.server
import json
import select
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
import time
import zlib

import pushed

Body = collections.namedtuple("Body", "backend path prefix headers raw text profiles time status")
PATIENCE = 60


# ---- how it behaves: functions of the handler ------------------------------------------------------------------------


def status(code, text="", retry_after=None, raw=None):
    def act(handler):
        handler.answer(code, handler.says(code, text) if raw is None else raw, retry_after)
        return code

    return act


def ok(handler):
    handler.answer(200, handler.says(200, ""))
    return 200


def garbage(data=b"\x00\xffSSH-2.0-none of it\r\n\r\n"):
    return lambda handler: handler.end_with(data)


def closes():
    return lambda handler: handler.end_with(b"")


def breaks():
    return lambda handler: handler.end_with(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart", 200)


def slow(seconds, head=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"):
    def act(handler):
        try:
            for byte in head:
                handler.wfile.write(bytes([byte]))
                handler.wfile.flush()
                if handler.stub.closing.wait(seconds):
                    break
        except OSError:
            handler.close_connection = True
            return 0
        return 200

    return act


def never():
    def act(handler):
        handler.wait_for_end()
        return 0

    return act


def deaf():
    """Does not read the body."""
    act = never()
    act.deaf = True
    return act


def chunked(parts=(b"{", b"}"), code=200):
    def act(handler):
        handler.send_response(code)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for part in parts:
            handler.wfile.write(b"%x;extension=1\r\n%s\r\n" % (len(part), part))
        handler.wfile.write(b"0\r\nTrailer: x\r\n\r\n")
        return code

    return act


def huge(size, code=200):
    """Who has seen enough of it may hang up: it was answered all the same."""

    def act(handler):
        try:
            handler.answer(code, b"x" * size)
        except OSError:
            handler.close_connection = True
        return code

    return act


def redirect(where, code=307):
    def act(handler):
        handler.send_response(code)
        handler.send_header("Location", where)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return code

    return act


# ---- certificates ------------------------------------------------------------------------------------------------------


class Tls:
    """A CA of its own, and a certificate for these names and addresses."""

    def __init__(self, folder, names=("127.0.0.1", "localhost"), days=2):
        folder.mkdir(exist_ok=True)
        self.ca, self.key, self.certificate = folder / "ca.pem", folder / "key.pem", folder / "certificate.pem"
        alternatives = ",".join(("IP:" if name.replace(".", "").isdigit() or ":" in name else "DNS:") + name for name in names)
        new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", str(days))
        self.openssl(folder, *new, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=made up",
                     "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")  # fmt: skip
        self.openssl(folder, *new, "-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "key.pem", "-out", "certificate.pem",
                     "-subj", "/CN=server", "-addext", "subjectAltName=" + alternatives,
                     "-addext", "basicConstraints=critical,CA:FALSE")  # fmt: skip

    @staticmethod
    def openssl(folder, *args):
        done = subprocess.run(["openssl", *args], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0, done.stdout.decode()

    def context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


# ---- the server --------------------------------------------------------------------------------------------------------


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stub = None

    def setup(self):
        with self.stub.lock:
            self.stub.connections += 1
            self.stub.open.add(self.request)
        self.plain = self.request
        if self.stub.context:
            try:
                self.request.settimeout(PATIENCE)
                self.request = self.stub.context.wrap_socket(self.request, server_side=True)
                self.request.settimeout(None)
            except (OSError, ValueError) as error:
                with self.stub.lock:
                    self.stub.refused_connections += 1
                raise ConnectionError(str(error)) from error
        super().setup()

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass  # it went away, or we ended it

    def finish(self):
        try:
            super().finish()
        except OSError:
            pass
        finally:
            self.stub.open.discard(self.plain)

    def log_message(self, *_):
        pass

    def send_header(self, name, value):
        if name not in ("Server", "Date"):
            super().send_header(name, value)

    # -- answers

    def says(self, code, text):
        """The body that this back end gives with such a status."""
        good = code < 300
        if self.backend == "otlp":
            message = text.encode()
            return b"" if good else b"\x08\x03\x12" + bytes([len(message) & 127 | 128, len(message) >> 7]) + message
        if self.backend == "pyroscope":
            return b"" if good else json.dumps({"code": "invalid_argument", "message": text}).encode()
        if self.backend == "parca":
            return json.dumps({} if good else {"code": 3, "message": text, "details": []}).encode()
        return text.encode()

    def answer(self, code, body, retry_after=None):
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        if retry_after is not None:
            self.send_header("Retry-After", str(retry_after))
        self.end_headers()
        self.wfile.write(body)

    def end_with(self, data, code=0):
        """Instead of an answer, or of the rest of one."""
        self.wfile.write(data)
        self.close_connection = True
        return code

    def wait_for_end(self):
        self.close_connection = True
        while not self.stub.closing.wait(0.01):
            if select.select([self.plain], [], [], 0)[0] and not self.plain.recv(1, socket.MSG_PEEK):
                return

    # -- requests

    def read_body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def decode(self, raw):
        """(the body as it was before it was compressed, its profiles). ValueError."""
        row = pushed.split_path(self.path)[1]
        packed = self.headers.get("Content-Encoding")
        if packed not in (None, "gzip"):
            raise ValueError(f"Content-Encoding {packed}")
        try:
            text = gzip.decompress(raw) if packed else raw
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"gzip: {error}") from error
        if not row or not self.stub.checks:
            return text, []
        _, types, takes_gzip, read = row
        if packed and not takes_gzip:
            raise ValueError("gzip is not taken here")
        if self.headers.get("Content-Type") not in types:
            raise ValueError(f"Content-Type {self.headers.get('Content-Type')} is not one of {types}")
        try:
            return text, read(text)
        except (KeyError, TypeError, UnicodeDecodeError) as error:
            raise ValueError(repr(error)) from error

    def do_POST(self):
        if self.path.startswith("http://"):
            return self.forward()
        prefix, row = pushed.split_path(self.path)
        self.backend = row[0] if row else "plain"
        act = self.stub.next_act()
        raw, text, profiles, wrong = b"", b"", [], ""
        if not getattr(act, "deaf", False):
            raw = self.read_body()
            try:
                text, profiles = self.decode(raw)
            except ValueError as error:
                wrong = str(error) or "not valid"
        if self.stub.token is not None and self.headers.get("Authorization") != f"Bearer {self.stub.token}":
            act = status(401, "no valid token")
        elif act is ok and not row and not prefix.endswith("/plain"):
            act = status(404, "no such path")
        elif act is ok and wrong:
            self.stub.bad.append(wrong)
            act = status(400, wrong)
        body = Body(self.backend, self.path, prefix, dict(self.headers), raw, text, profiles, time.time(), 0)
        self.stub.answer(self, act, body)

    # -- as a proxy

    def do_CONNECT(self):
        if not self.stub.proxy:
            return self.send_error(405)
        with self.stub.lock:
            self.stub.proxied.append(self.path)
            self.stub.proxy_headers.append(dict(self.headers))
        try:
            there = socket.create_connection(self.stub.route(self.path), PATIENCE)
        except OSError as error:
            return self.send_error(502, str(error))
        self.send_response(200, "Connection established")
        self.end_headers()
        self.close_connection = True
        with there:
            self.pump(there)

    def pump(self, there):
        ends = {self.request: there, there: self.request}
        while not self.stub.closing.is_set():
            for one in select.select(list(ends), [], [], 0.05)[0]:
                data = one.recv(65536)
                if not data:
                    return
                ends[one].sendall(data)

    def forward(self):
        if not self.stub.proxy:
            return self.send_error(400, "no proxy")
        host, _, path = self.path[len("http://") :].partition("/")
        with self.stub.lock:
            self.stub.proxied.append(host)
            self.stub.proxy_headers.append(dict(self.headers))
        there = http.client.HTTPConnection(*self.stub.route(host), timeout=PATIENCE)
        headers = {name: value for name, value in self.headers.items() if not name.lower().startswith("proxy-")}
        there.request("POST", "/" + path, self.read_body(), headers)
        got = there.getresponse()
        self.answer(got.status, got.read(), got.getheader("Retry-After"))
        there.close()


class Stub:
    def __init__(self, port=0, tls=None, token=None, proxy=False, checks=True, host="127.0.0.1"):
        self.host, self.port, self.tls, self.token, self.proxy, self.checks = host, port, tls, token, proxy, checks
        self.context = tls.context() if tls else None
        self.lock, self.closing, self.changed = threading.RLock(), threading.Event(), threading.Condition()
        self.requests, self.proxied, self.proxy_headers, self.bad = [], [], [], []
        self.routes, self.expect_bad = {}, False
        self.connections = self.refused_connections = 0
        self.open, self.acts, self.then = set(), collections.deque(), ok
        self.on_request = None  # called with each Body
        self.handler = type("Handler", (Handler,), {"stub": self})
        self.server = self.closed = None

    def __enter__(self):
        self.accept()
        return self

    def __exit__(self, kind, *_):
        self.closing.set()
        self.refuse()
        self.closed.close()
        if kind is None and not self.expect_bad:
            assert not self.bad, f"bodies that a server refuses: {self.bad[:3]}"

    # -- the port

    def accept(self):
        self.server = Server((self.host, self.port), self.handler, bind_and_activate=False)
        if self.closed:
            self.server.socket.close()
            self.server.socket, self.closed = self.closed, None
        else:
            self.server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.server.socket.bind((self.host, self.port))
        self.port = self.server.socket.getsockname()[1]
        self.server.server_name, self.server.server_port = self.host, self.port
        self.server.server_activate()
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def refuse(self):
        """Bound, but not listened at: nobody else gets the port."""
        self.server.shutdown()
        self.server.server_close()
        for one in list(self.open):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.closed = socket.socket()
        self.closed.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.closed.bind((self.host, self.port))

    def url(self, backend=None, prefix="", host=None):
        """Without a back end: http://…/plain."""
        scheme = "https" if self.tls else "http"
        where = f"{scheme}://{host or self.host}:{self.port}{prefix}"
        return f"{backend}+{where}" if backend else where + "/plain"

    def route(self, name):
        host, _, port = name.rpartition(":") if ":" in name else (name, "", "80")
        return self.routes.get(f"{host}:{port}") or self.routes.get(host) or (host, int(port))

    # -- what it does

    def behave(self, acts, then=ok):
        with self.lock:
            self.acts, self.then = collections.deque(acts), then

    def next_act(self):
        with self.lock:
            return self.acts.popleft() if self.acts else self.then

    def answer(self, handler, act, body):
        """A body counts as taken before its sender can know; what was not answered in the end does not count."""
        with self.changed:
            self.requests.append(body)
            at = len(self.requests) - 1
            if act is ok:
                self.requests[at] = body._replace(status=200)
            self.changed.notify_all()
        if self.on_request:
            self.on_request(body)
        done = act(handler)
        with self.changed:
            self.requests[at] = body._replace(status=done)
            self.changed.notify_all()

    # -- what it got

    @property
    def bodies(self):
        return [body for body in list(self.requests) if 200 <= body.status < 300]

    def profiles(self):
        return [profile for body in self.bodies for profile in body.profiles]

    def wait_for(self, check, what, seconds=PATIENCE):
        with self.changed:
            assert self.changed.wait_for(check, seconds), f"waited {seconds} s for {what}; requests: {[r.status for r in self.requests]}"

    def wait_bodies(self, count, seconds=PATIENCE):
        self.wait_for(lambda: len(self.bodies) >= count, f"{count} bodies, {len(self.bodies)} came", seconds)
        return self.bodies

    def wait_requests(self, count, seconds=PATIENCE):
        self.wait_for(lambda: len(self.requests) >= count, f"{count} requests", seconds)
        return self.requests


# ---- as a program --------------------------------------------------------------------------------------------------------

WORDS = {"ok": lambda: ok, "garbage": garbage, "never": never, "closes": closes, "breaks": breaks, "slow": lambda: slow(0.2)}


def act_of(word):
    name, _, seconds = word.partition(":")
    return WORDS[name]() if name in WORDS else status(int(name), f"told to say {name}", int(seconds) if seconds else None)


def shown(body):
    rows = [{"labels": p.labels, "samples": len(p.samples), "total": p.total(p.default_type)} for p in body.profiles]
    return json.dumps({"backend": body.backend, "path": body.path, "bytes": len(body.raw), "profiles": rows})


def main():
    parser = argparse.ArgumentParser(description="a back end that prints a line for each request")
    parser.add_argument("--port", type=int, default=4040)
    parser.add_argument("--token")
    parser.add_argument("--behave", default="", help="500,429:2 (Retry-After),garbage,never,closes,breaks,slow,ok; then well")
    args = parser.parse_args()
    with Stub(port=args.port, token=args.token) as stub:
        stub.expect_bad = True
        stub.behave([act_of(word) for word in args.behave.split(",") if word])
        stub.on_request = lambda body: print(shown(body), flush=True)
        print(f"listens at {stub.url('pyroscope')}", file=sys.stderr)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
