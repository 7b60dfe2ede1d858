# SPDX-License-Identifier: MIT
"""The thread that posts, against a server that misbehaves: by libcurl, and by HTTP of our own.

Bodies are numbered. What the server took, and what the sender says it dropped, refused or still has, is what was put.
"""

import contextlib
import itertools
import json
import os
import re
import select
import signal
import subprocess
import time

import pytest

from backend_stub import (Stub, Tls, breaks, chunked, closes, deaf, garbage, huge, never, ok, redirect, slow, status)  # fmt: skip
from conftest import PATIENCE, wait_until
from programs import built

pytestmark = pytest.mark.offline

VARIABLES = {name for base in ("http_proxy", "https_proxy", "no_proxy", "all_proxy", "ssl_cert_file") for name in (base, base.upper())}
HOUR = 3600


class Sender:
    """push_feed: a sender in a process of its own."""

    def __init__(self, program, log, url, env=None, prefix=None, **options):
        words = [f"{name.replace('_', '-')}={value}" for name, one in options.items() for value in (one if isinstance(one, list) else [one])]
        self.argv, self.log = [*map(str, prefix or [program]), url, *words], log
        clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}
        with open(log, "ab") as stderr:
            self.process = subprocess.Popen(self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr,
                                            env={**clean, **(env or {})})  # fmt: skip
        self.put_bodies = self.put_samples = 0

    @property
    def said(self):
        return self.log.read_text(errors="surrogateescape")

    @property
    def warnings(self):
        return re.findall(r"^pybpfprof: warning: (.*)$", self.said, re.M)

    def answer(self):
        assert select.select([self.process.stdout], [], [], PATIENCE)[0], f"{self.argv} does not answer: {self.said}"
        line = self.process.stdout.readline()
        assert line, f"{self.argv} ended: {self.process.wait(PATIENCE)}\n{self.said}"
        return json.loads(line)

    def ask(self, *words):
        self.process.stdin.write((" ".join(map(str, words)) + "\n").encode())
        self.process.stdin.flush()
        return self.answer()

    def put(self, *numbers, size=200, samples=1):
        for number in numbers:
            self.put_bodies, self.put_samples = self.put_bodies + 1, self.put_samples + samples
            assert self.ask("put", number, size, samples) == {"left": 0}
        return self

    def stats(self):
        return adds_up(self.ask("stats"))

    def wait(self, check, what, seconds=PATIENCE):
        """The first stats that are so."""

        def fits():
            stats = self.stats()
            return stats if check(stats) else None

        return wait_until(fits, f"{what}: {self.stats()}\n{self.said}", seconds)

    def wait_idle(self, seconds=PATIENCE):
        return self.wait(lambda st: not st["queued"], "nothing to be left", seconds)

    def stop(self, ms=10000):
        """The last stats: all that was put is among them."""
        stats = adds_up(self.ask("stop", ms))
        return stats

    def end(self):
        self.process.stdin.close()
        assert self.process.wait(PATIENCE) == 0, self.said
        self.process.stdout.close()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.process.stdout.close()


def adds_up(stats):
    for kind in ("", "_samples"):
        parts = [stats[name + kind] for name in ("sent", "dropped", "refused", "queued")]
        assert stats["put" + kind] == sum(parts), stats
    assert stats["requests"] == sum(stats["status"])
    return stats


def numbers_of(stub):
    return [int(body.text.split()[0]) for body in stub.bodies]


@pytest.fixture(params=["curl", "own"])
def program(request):
    return built(f"tests/live/push_feed_{request.param}")


@pytest.fixture
def start(program, tmp_path):
    """start(URL, option=…): a sender that has started."""
    senders = []

    def begin(url, **options):
        sender = Sender(program, tmp_path / f"said-{len(senders)}", url, **options)
        senders.append(sender)
        sender.http = sender.answer()["http"]
        return sender

    yield begin
    for sender in senders:
        sender.kill()


@pytest.fixture
def refused(program, tmp_path):
    """refused(URL, option=…): what it says when it does not start."""
    names = (tmp_path / f"refused-{n}" for n in itertools.count())

    def begin(url, **options):
        sender = Sender(program, next(names), url, **options)
        sender.process.stdin.close()
        assert sender.process.wait(PATIENCE) == 1, sender.said
        sender.process.stdout.close()
        return sender.said

    return begin


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return Tls(tmp_path_factory.mktemp("tls"), names=["127.0.0.1", "localhost", "backend.example"])


@pytest.fixture
def folder(tmp_path):
    """A spool."""
    return tmp_path / "spool"


def files_of(folder):
    return sorted(path for path in folder.glob("*/*") if path.is_file())


# ---- what goes well --------------------------------------------------------------------------------------------------


def test_bodies_arrive_in_order(start, program):
    with Stub() as stub:
        sender = start(stub.url("test", "/behind/a/prefix/"))
        sender.put(*range(20), size=2000, samples=7)
        sender.wait_idle()
        stats = sender.stop()
        sender.end()
    assert numbers_of(stub) == list(range(20))
    assert stats["sent"] == 20 and stats["sent_samples"] == 140 and stats["status"][2] == 20
    assert stub.connections == 1  # it was kept
    body = stub.bodies[0]
    assert body.path == "/behind/a/prefix/plain" and body.headers["Content-Type"] == "text/x-test"
    assert body.headers["Content-Encoding"] == "gzip" and len(body.raw) < len(body.text) == 2000
    assert re.fullmatch(r"pybpfprof/\S+ \(otlp profiles v1development 1\.10\)", body.headers["User-Agent"])
    assert body.headers["Host"] == f"127.0.0.1:{stub.port}" and "Expect" not in body.headers
    assert sender.http.startswith("libcurl" if program.name.endswith("curl") else "mbedTLS")


def test_large_bodies(start):
    with Stub() as stub:
        sender = start(stub.url("talks")).put(1, 2, size=5 << 20)
        sender.wait_idle()
    assert [len(body.raw) for body in stub.bodies] == [5 << 20] * 2
    assert "Content-Encoding" not in stub.bodies[0].headers  # this back end takes none
    assert "Expect" not in stub.bodies[0].headers  # nor is it asked whether it would


@pytest.mark.parametrize("act", [chunked(), chunked((b"x" * 5000, b"y" * 3)), huge(10), huge(500_000), huge(3_000_000), breaks(), status(204)],
                         ids=["chunked", "chunks", "length", "long", "longer", "cut", "empty"])  # fmt: skip
def test_good_answers(start, act):
    with Stub() as stub:
        stub.behave([], then=act)
        sender = start(stub.url("test")).put(1, 2, 3)
        stats = sender.wait_idle()
    assert stats["sent"] == 3 and numbers_of(stub) == [1, 2, 3]


def test_a_server_that_ends_connections_between_requests(start):
    """HTTP 1.0's way, and that of servers that clean up what is idle."""
    with Stub() as stub:
        sender = start(stub.url("test"))
        for number in range(3):
            sender.put(number).wait_idle()
            stub.refuse()
            stub.accept()
        stats = sender.stats()
    assert stats["sent"] == 3 and stats["requests"] == 3 and stub.connections == 3


# ---- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [500, 502, 504])
def test_a_broken_server_is_asked_three_times(start, code):
    with Stub() as stub:
        stub.behave([status(code, "broken"), status(code), status(code), ok])
        sender = start(stub.url("test")).put(1, 2, samples=3)
        stats = sender.wait_idle()
    assert stats["refused"] == 1 and stats["refused_samples"] == 3 and stats["sent"] == 1 and stats["status"][5] == 3
    assert numbers_of(stub) == [2] and stats["retries"] == 3


@pytest.mark.parametrize("act", [garbage(), garbage(b"HTTP/1.1 abc\r\n\r\n"), garbage(b"HTTP/1.1 200 OK\r\nno header\r\n"), closes()],
                         ids=["ssh", "no-status", "no-headers", "nothing"])  # fmt: skip
def test_what_is_no_http_is_tried_three_times(start, act):
    with Stub() as stub:
        stub.behave([], then=act)
        sender = start(stub.url("test")).put(1)
        stats = sender.wait_idle()
        asked = len(stub.requests)
        assert stats["refused"] == 1 and stats["status"][0] == 3 and stats["requests"] == 3 == asked
        assert stats["connect_failures"] == 0
        stub.behave([])
        sender.put(2)
        assert sender.wait_idle()["sent"] == 1
    assert numbers_of(stub) == [2]


@pytest.mark.parametrize("code", [429, 503])
@pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "date"])
def test_retry_after_is_respected(start, code, as_date):
    with Stub() as stub:
        # A date has whole seconds, rounded down: of 4, more than 2 are left when it is read.
        when = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 4)) if as_date else 3
        stub.behave([status(code, "too much", retry_after=when)])
        sender = start(stub.url("test")).put(1)
        stats = sender.wait_idle()
        asked, again = (request.time for request in stub.requests)
    assert stats["sent"] == 1 and stats["refused"] == 0 and len(stub.requests) == 2
    assert again - asked >= (2 if as_date else 2.9)
    assert f"it says {code}: too much; the next try is in" in sender.said


def test_overload_is_borne_as_long_as_it_lasts(start):
    with Stub() as stub:
        stub.behave([status(429), status(503)] * 2)  # more often than what is broken
        sender = start(stub.url("test")).put(1, 2)
        stats = sender.wait_idle()
    assert stats["sent"] == 2 and stats["refused"] == 0 and stats["requests"] == 6 and stats["retries"] == 4
    assert len(sender.warnings) == 1  # once a minute at most
    assert "takes profiles again" in sender.said


@pytest.mark.parametrize("code", [400, 401, 404, 413, 422])
def test_refusals_are_final(start, code):
    with Stub() as stub:
        stub.behave([], then=status(code, "label 'pod' is too long\nsecond line \x1b[31m"))
        sender = start(stub.url("test")).put(1, 2, 3, samples=2)
        stats = sender.wait_idle()
    assert stats["refused"] == 3 and stats["refused_samples"] == 6 and stats["requests"] == 3 and stats["status"][4] == 3
    (warning,) = sender.warnings
    assert f"refused, and not sent again: it says {code}: label 'pod' is too long" in warning
    assert "second line" not in warning and "\x1b" not in sender.said


def test_a_back_end_has_words_of_its_own(start):
    with Stub() as stub:
        stub.behave([], then=status(400, "no such tenant"))
        sender = start(stub.url("talks")).put(1)
        sender.wait_idle()
    assert "it says 400: in its own words, no such tenant" in sender.said


def test_redirects_are_not_followed(start):
    """A token is for one server."""
    with Stub() as other, Stub(token="secret-of-ours") as stub:
        stub.behave([], then=redirect(other.url()))
        sender = start(stub.url("test"), token="secret-of-ours").put(1)
        stats = sender.wait_idle()
        assert stats["refused"] == 1 and stats["status"][3] == 1
    assert not other.requests


@pytest.mark.parametrize("act", [never(), deaf(), slow(1)], ids=["never", "deaf", "slow"])
def test_silence_ends(start, act):
    with Stub() as stub:
        stub.behave([act] * 3)
        sender = start(stub.url("talks"), timeout=4000).put(1, 2, size=4 << 20)
        sender.put(3)
        stats = sender.wait_idle()
    assert stats["refused"] == 1 and stats["sent"] == 2 and stats["status"][0] == 3
    assert numbers_of(stub) == [2, 3]


def test_nobody_listens_for_a_while(start):
    with Stub() as stub:
        stub.refuse()
        sender = start(stub.url("test")).put(1, 2, 3)
        sender.wait(lambda st: st["connect_failures"] >= 3, "it to try again")
        stats = sender.stats()
        assert stats["queued"] == 3 and stats["status"][0] == stats["connect_failures"] == stats["requests"]
        stub.accept()
        stats = sender.wait_idle()
    assert stats["sent"] == 3 and stats["refused"] == stats["dropped"] == 0 and numbers_of(stub) == [1, 2, 3]
    (warning,) = sender.warnings
    assert "no connection: " in warning and str(stub.port) in warning and re.search("(?i)connect", warning)


def test_no_such_name(start):
    sender = start("test+http://no-such-host.invalid:1").put(1)
    stats = sender.wait(lambda st: st["connect_failures"], "it to look the name up")
    assert stats["queued"] == 1 and "no-such-host.invalid" in sender.said


def test_putting_never_waits(start):
    with Stub() as stub:
        stub.behave([], then=never())
        sender = start(stub.url("test"), queue=100_000)
        for number in range(500):
            sender.put(number, size=1000)
        stats = sender.stats()
        assert stats["dropped"] >= 500 - 101 and stats["queued_bytes"] <= 101_000
        began = time.monotonic()
        stats = sender.stop(300)
        assert time.monotonic() - began < PATIENCE / 2  # not the 30 s of a request
    assert stats["dropped"] == 500 and stats["queued"] == 0


def test_the_oldest_make_room(start):
    with Stub() as stub:
        stub.behave([], then=status(503))
        sender = start(stub.url("talks"), queue=10_000).put(*range(50), size=1000, samples=3)
        sender.wait(lambda st: st["status"][5], "a failure")
        stub.behave([])
        stats = sender.wait_idle()
        sender.put(50, size=20_000)  # more than the queue can hold
        last = sender.stats()
    assert last["dropped"] == stats["dropped"] + 1
    got = numbers_of(stub)
    assert got[-10:] == list(range(40, 50)) and len(got) == stats["sent"] <= 11
    assert stats["dropped"] == 50 - len(got) and stats["dropped_samples"] == 3 * stats["dropped"]


def test_stop_sends_what_there_is(start):
    with Stub() as stub:
        sender = start(stub.url("test")).put(*range(100))
        stats = sender.stop()
    assert stats["sent"] == 100 and numbers_of(stub) == list(range(100))


def test_stop_tries_at_once_and_only_once(start):
    with Stub() as stub:
        stub.behave([status(429, retry_after=200)], then=status(503))
        sender = start(stub.url("test")).put(1, 2)
        sender.wait(lambda st: st["status"][4], "the first answer")
        stats = sender.stop(PATIENCE * 1000)
        assert stats["dropped"] == 2 and stats["requests"] == 2


# ---- secrets -----------------------------------------------------------------------------------------------------------


def test_a_token_is_read_anew_for_each_request(start, tmp_path):
    token = tmp_path / "token"
    token.write_text("first-token\n")
    with Stub(token="first-token") as stub:
        sender = start(stub.url("test"), token_file=token).put(1)
        sender.wait_idle()
        stub.token = "second-token"
        token.with_suffix(".new").write_text("second-token")
        os.replace(token.with_suffix(".new"), token)
        sender.put(2)
        sender.wait_idle()
        token.unlink()  # while it is replaced there may be none
        sender.put(3)
        wait_until(lambda: f"{token}: No such file" in sender.said, "it to miss the token")
        assert sender.stats()["queued"] == 1
        token.write_text("second-token")
        stats = sender.wait_idle()
    assert stats["sent"] == 3 and "-token" not in sender.said.replace(str(token), "")


def test_headers_come_from_files(start, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("# a comment\n\nX-Scope-OrgID:   tenant one  \r\nAuthorization: Basic dXNlcjpwYXNzd29yZA==\n")
    second.write_text("X-Other: 1")
    with Stub() as stub:
        start(stub.url("test"), header_file=[first, second]).put(1).wait_idle()
    headers = stub.bodies[0].headers
    assert headers["X-Scope-OrgID"] == "tenant one" and headers["X-Other"] == "1"
    assert headers["Authorization"] == "Basic dXNlcjpwYXNzd29yZA=="


def test_servers_that_repeat_secrets(start, tmp_path):
    header = tmp_path / "header"
    header.write_text("X-Key: key-that-is-secret\n")
    with Stub() as stub:
        stub.behave([], then=status(401, "Bearer token-that-is-secret with key-that-is-secret is not valid"))
        sender = start(stub.url("test"), token="token-that-is-secret", header_file=[header]).put(1)
        sender.wait_idle()
        command = open(f"/proc/{sender.process.pid}/cmdline").read()
    assert stub.requests[0].headers["Authorization"] == "Bearer token-that-is-secret"
    assert "it says 401: " in sender.said and "is not valid" in sender.said and "that-is-secret" not in sender.said
    assert "token-that" in command  # this driver's; the program has no such option


@pytest.mark.parametrize(
    "name, text, why",
    [
        ("token_file", "", "there is no token in it"),
        ("token_file", "two words", "a token is one word on one line"),
        ("token_file", "two\nlines", "a token is one word on one line"),
        ("token_file", None, "No such file or directory"),
        ("token_file", "x" * 70000, "this is too long"),
        ("header_file", "no colon", "line 1 is not of the form Name: value"),
        ("header_file", "A: 1\nBad name: 2", "line 2 is not of the form Name: value"),
        ("header_file", "A: 1\x012", "line 1 is not of the form Name: value"),
        ("header_file", "host: elsewhere", "line 1 sets Host, which only the request itself can"),
        ("ca", None, "No such file or directory"),
    ],
)
def test_bad_files_are_refused_at_the_start(refused, tmp_path, name, text, why):
    path = tmp_path / "file"
    if text is not None:
        path.write_text(text)
    said = refused("test+http://127.0.0.1:1", **{name: path})
    assert f"cannot push to test+http://127.0.0.1:1: {path}: " in said and why in said
    assert "words" not in said.replace("a token is one word", "") and "Bad name" not in said and "elsewhere" not in said


@pytest.mark.parametrize(
    "url, why",
    [
        ("tests://h", 'nothing is known of "tests"; did you mean test? Known are test and talks'),
        ("xyz+http://h", 'nothing is known of "xyz"; known are test and talks'),
        ("http://h:4040", "say what takes it there, as test+http://…; known are test and talks"),
        ("h:4040", "a URL is needed, as test+http://HOST:PORT"),
        ("test+ftp://h", 'after the + comes http or https, not "ftp"'),
        ("test+http://", "the name of the host is missing"),
        ("test+http://h:0", "the port is no number from 1 to 65535"),
        ("test+http://h:99999/x", "the port is no number from 1 to 65535"),
        ("test+http://[::1", "the bracket before the address is not closed"),
        ("test+http://h/a b", "it has a character that no URL has"),
        ("test+http://h/x?token=hunter2", "it has a part after ? or #"),
        ("test+http://user:hunter2@h/x", "a user and a password do not belong into a URL"),
        ("tset://user:hunter2@h/x", 'nothing is known of "tset"; did you mean test?'),
    ],
)
def test_bad_urls_are_refused(refused, url, why):
    said = refused(url)
    assert said.startswith("pybpfprof: error: cannot push to ") and why in said and "hunter2" not in said


def test_the_url_that_is_shown(start):
    assert start("test://[::1]/").stats()["url"] == "test+https://[::1]:443"
    assert start("TEST+HTTP://host/a//").stats()["url"] == "test+http://host:80/a"


# ---- TLS ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_tls(start, tls, host):
    with Stub(tls=tls) as stub:
        sender = start(stub.url("test", host=host), ca=tls.ca).put(*range(5))
        sender.wait_idle()
        sender.put(5, size=1 << 20)
        stats = sender.wait_idle()
    assert stats["sent"] == 6 and stub.connections == 1


def test_an_unknown_authority(start, tls):
    """Nothing is sent, nothing is lost, and why is said."""
    with Stub(tls=tls) as stub:
        sender = start(stub.url("test")).put(1)
        stats = sender.wait(lambda st: st["connect_failures"], "a refusal")
        assert stats["sent"] == 0 and stats["queued"] == 1 and not stub.requests
    assert "certificate" in sender.warnings[0]


def test_the_authority_of_another(start, tls, tmp_path):
    other = Tls(tmp_path / "other")
    with Stub(tls=tls) as stub:
        sender = start(stub.url("test"), ca=other.ca).put(1)
        sender.wait(lambda st: st["connect_failures"], "a refusal")
        assert not stub.requests
        # The file is replaced by the right one while we run.
        other.ca.write_bytes(tls.ca.read_bytes())
        assert sender.wait_idle()["sent"] == 1
    assert "certificate" in sender.warnings[0]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_certificate_of_another_host(start, tmp_path, host):
    tls = Tls(tmp_path / "tls", names=["another.example", "127.0.0.2"])
    with Stub(tls=tls) as stub:
        sender = start(stub.url("test", host=host), ca=tls.ca).put(1)
        sender.wait(lambda st: st["connect_failures"], "a refusal")
        assert not stub.requests
    assert re.search("(?i)certificate", sender.warnings[0])


def test_authorities_of_the_environment(start, tls):
    with Stub(tls=tls) as stub:
        sender = start(stub.url("test"), env={"SSL_CERT_FILE": str(tls.ca)}).put(1)
        assert sender.wait_idle()["sent"] == 1


BUNDLES = ("ssl/certs/ca-certificates.crt", "pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "pki/tls/certs/ca-bundle.crt",
           "ssl/ca-bundle.pem", "ssl/cert.pem")  # fmt: skip


def test_authorities_of_the_system(start, tls, tmp_path, program):
    """Where Debian and Alpine, RHEL, SUSE have them: the static binary runs on all of them. libcurl knows its distribution's."""
    for bundle in BUNDLES if program.name.endswith("own") else BUNDLES[:1]:
        script = tmp_path / "elsewhere"
        script.write_text(f"""#!/bin/sh
mount -t tmpfs none /etc && mkdir -p $(dirname /etc/{bundle}) && cp {tls.ca} /etc/{bundle} && exec {program} "$@"
""")
        script.chmod(0o755)
        with Stub(tls=tls) as stub:
            sender = start(stub.url("test"), prefix=["unshare", "--mount", script]).put(1)
            assert sender.wait_idle()["sent"] == 1, sender.said
            sender.end()


def test_no_authorities_at_all(start, tls, tmp_path, program):
    script = tmp_path / "elsewhere"
    script.write_text(f'#!/bin/sh\nmount -t tmpfs none /etc && exec {program} "$@"\n')
    script.chmod(0o755)
    with Stub(tls=tls) as stub:
        sender = start(stub.url("test"), prefix=["unshare", "--mount", script]).put(1)
        stats = sender.wait(lambda st: st["status"][0], "a failure")
        assert stats["sent"] == 0 and stats["connect_failures"] and not stub.requests
    assert "certificate" in sender.warnings[0]


def test_no_tls_where_some_is_expected(start, tls):
    with Stub() as plain:
        sender = start(plain.url("test").replace("http:", "https:"), ca=tls.ca).put(1)
        stats = sender.wait(lambda st: st["connect_failures"], "a refusal")
        assert stats["queued"] == 1 and not plain.bodies


# ---- proxies -------------------------------------------------------------------------------------------------------------


def test_a_proxy_of_the_environment(start):
    with Stub() as stub, Stub(proxy=True) as proxy:
        proxy.routes["backend.example:80"] = ("127.0.0.1", stub.port)
        env = {"http_proxy": f"http://user:pass%40word@127.0.0.1:{proxy.port}/"}
        sender = start("test+http://backend.example/x", env=env, token="for-the-server").put(1, 2)
        assert sender.wait_idle()["sent"] == 2
    assert proxy.proxied == ["backend.example:80"] * 2 or proxy.proxied == ["backend.example"] * 2
    assert proxy.proxy_headers[0]["Proxy-Authorization"] == "Basic dXNlcjpwYXNzQHdvcmQ="
    assert stub.bodies[0].path == "/x/plain" and "Proxy-Authorization" not in stub.bodies[0].headers
    assert stub.bodies[0].headers["Authorization"] == "Bearer for-the-server"


def test_tls_through_a_proxy(start, tls):
    """The name is the server's, though only the proxy knows where that is; the proxy sees no token."""
    with Stub(tls=tls) as stub, Stub(proxy=True) as proxy:
        proxy.routes["backend.example:443"] = ("127.0.0.1", stub.port)
        env = {"https_proxy": f"127.0.0.1:{proxy.port}"}
        sender = start("test://backend.example", env=env, ca=tls.ca, token="for-the-server").put(1, 2)
        assert sender.wait_idle()["sent"] == 2
    assert proxy.proxied == ["backend.example:443"] and "Authorization" not in proxy.proxy_headers[0]
    assert stub.bodies[0].headers["Host"] == "backend.example"


def test_a_proxy_as_an_option(start):
    with Stub() as stub, Stub(proxy=True) as proxy:
        sender = start(stub.url("test"), proxy=f"http://127.0.0.1:{proxy.port}", env={"http_proxy": "http://127.0.0.1:1"}).put(1)
        assert sender.wait_idle()["sent"] == 1
    assert proxy.proxied == [f"127.0.0.1:{stub.port}"]


def test_a_proxy_that_says_no(start, tls):
    with Stub(proxy=True) as proxy:
        proxy.routes["backend.example:443"] = ("127.0.0.1", 1)  # nobody listens there
        sender = start("test://backend.example", proxy=f"http://127.0.0.1:{proxy.port}", ca=tls.ca).put(1)
        stats = sender.wait(lambda st: st["connect_failures"], "a refusal")
        assert stats["queued"] == 1
    assert "502" in sender.warnings[0]


@pytest.mark.parametrize("no_proxy", ["127.0.0.1", "example.com, 127.0.0.0/8", "*"])
def test_no_proxy(start, no_proxy):
    with Stub() as stub, Stub(proxy=True) as proxy:
        env = {"http_proxy": f"http://127.0.0.1:{proxy.port}", "no_proxy": no_proxy}
        assert start(stub.url("test"), env=env).put(1).wait_idle()["sent"] == 1
    assert not proxy.proxied


def test_a_proxy_with_a_password_among_options(refused):
    said = refused("test://h", proxy="http://user:hunter2@proxy:3128")
    assert "https_proxy" in said and "hunter2" not in said


# ---- the spool ------------------------------------------------------------------------------------------------------------


def test_what_cannot_be_sent_is_on_disk(start, folder):
    with Stub() as stub:
        stub.refuse()
        sender = start(stub.url("test"), spool=folder).put(*range(5), samples=4)
        sender.wait(lambda st: st["spooled_bytes"] and st["spooled_bytes"] == st["queued_bytes"], "all to be on disk")
        wait_until(lambda: len(files_of(folder)) == 5, "five files")
        (own,) = folder.iterdir()
        assert own.name.startswith(f"test_http___127.0.0.1_{stub.port}-")
        assert {path.stat().st_mode & 0o7777 for path in files_of(folder)} == {0o600}
        assert {path.stat().st_mode & 0o7777 for path in (folder, own)} == {0o700}
        assert [re.fullmatch(r"[0-9a-f]{16}-0000000\d-4\.gz", path.name) is not None for path in files_of(folder)] == [True] * 5
        stub.accept()
        stats = sender.wait_idle()
        assert stats["sent"] == 5 and stats["spooled_bytes"] == 0 and not files_of(folder)
    assert numbers_of(stub) == list(range(5))


def test_killed_between_two_bodies(start, folder):
    with Stub() as stub:
        first = start(stub.url("test"), spool=folder).put(1)
        first.wait_idle()
        stub.behave([], then=status(503))
        first.put(2, 3, 4, samples=5)
        wait_until(lambda: len(files_of(folder)) == 3, "three files")
        os.kill(first.process.pid, signal.SIGKILL)
        first.process.wait(PATIENCE)
        stub.behave([])
        second = start(stub.url("test"), spool=folder).put(5, samples=2)
        stats = second.wait_idle()
    assert stats["put"] == stats["sent"] == 4 and stats["sent_samples"] == 17 and not files_of(folder)
    assert numbers_of(stub) == [1, 2, 3, 4, 5]
    assert "3 bodies of a former run are in the spool" in second.said


def test_what_is_left_at_the_end_is_spooled(start, folder):
    with Stub() as stub:
        stub.behave([], then=never())
        first = start(stub.url("test"), spool=folder).put(1, 2, 3)
        stub.wait_requests(1)
        stats = first.stop(100)
        assert stats["queued"] == 3 == len(files_of(folder)) and stats["spooled_bytes"] == stats["queued_bytes"] > 0
        first.end()
        stub.behave([])
        stats = start(stub.url("test"), spool=folder).wait_idle()
    assert stats["put"] == stats["sent"] == 3 and numbers_of(stub) == [1, 2, 3]


def test_another_destination_has_another_spool(start, folder):
    with Stub() as stub, Stub() as other:
        stub.refuse()
        sender = start(stub.url("test"), spool=folder).put(1)
        sender.wait(lambda st: st["spooled_bytes"], "a file")
        assert start(other.url("test"), spool=folder).stats()["put"] == 0
        assert start(stub.url("test", "/x"), spool=folder).stats()["put"] == 0
        sender.stop(0)


def test_one_process_has_it(start, refused, folder):
    with Stub() as stub:
        start(stub.url("test"), spool=folder)
        assert "is in use: each process needs its own" in refused(stub.url("test"), spool=folder)


def test_a_spool_is_bounded(start, folder):
    with Stub() as stub:
        stub.refuse()
        sender = start(stub.url("talks"), spool=folder, spool_bytes=10_000).put(*range(30), size=1000, samples=2)
        stats = sender.wait(lambda st: st["dropped"] >= 20, "twenty to go")
        assert stats["spooled_bytes"] <= 10_000 and stats["dropped_samples"] == 2 * stats["dropped"]
        assert sum(path.stat().st_size for path in files_of(folder)) <= 10_000
        stub.accept()
        stats = sender.wait_idle()
    assert numbers_of(stub) == list(range(20, 30)) and stats["dropped"] == 20


@pytest.fixture
def small_disk(tmp_path):
    """64 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "none", place], stderr=subprocess.PIPE)
    if done.returncode:
        pytest.skip(f"no tmpfs can be mounted: {done.stderr.decode()}")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_full_disk_is_counted(start, small_disk):
    with Stub() as stub:
        stub.refuse()
        sender = start(stub.url("talks"), spool=small_disk / "spool").put(*range(40), size=8192, samples=2)
        stats = sender.wait(lambda st: st["spooled_bytes"] == st["queued_bytes"], "all to be somewhere")
        assert stats["dropped"] >= 32 and 0 < stats["spooled_bytes"] <= 65536
        stub.accept()
        stats = sender.wait_idle()
        # What is not ours fills it: there is no place at all.
        (small_disk / "other").write_bytes(b"x" * 40000)
        with contextlib.suppress(OSError):
            with open(small_disk / "rest", "wb", 0) as rest:
                while True:
                    rest.write(b"x")
        stub.refuse()
        sender.put(100, size=8192)
        after = sender.wait(lambda st: not st["queued"], "it to be dropped")
        assert after["dropped"] == stats["dropped"] + 1
        stub.accept()
        sender.put(101)
        wait_until(lambda: 101 in numbers_of(stub) or sender.stats()["dropped"] > after["dropped"], "an end of it")
    got = numbers_of(stub)
    assert got[: stats["sent"]] == list(range(40 - stats["sent"], 40))
    assert "No space left on device" in sender.said and len(re.findall("No space", sender.said)) == 1


def test_what_is_too_old_is_dropped(start, folder):
    """Back ends refuse it."""
    with Stub() as stub:
        stub.refuse()
        sender = start(stub.url("test"), spool=folder).put(1, 2, samples=3)
        wait_until(lambda: len(files_of(folder)) == 2, "two files")
        assert sender.stop(0)["queued"] == 2
        sender.end()
        old = files_of(folder)[0]
        moment, rest = old.name.split("-", 1)
        old.rename(old.with_name(f"{int(moment, 16) - (HOUR + 10) * 10**9:016x}-{rest}"))
        stub.accept()
        second = start(stub.url("test"), spool=folder)
        stats = second.wait_idle()
    assert stats["put"] == 2 and stats["sent"] == 1 and stats["dropped"] == 1 and stats["dropped_samples"] == 3
    assert numbers_of(stub) == [2] and "could not be sent for an hour" in second.said


def test_what_others_put_into_a_spool(start, folder, tmp_path):
    """Links, folders, half-written bodies, things of any name: nothing is followed, nothing is sent, and what was ours is counted."""
    secret = tmp_path / "secret"
    secret.write_text("0 secret")
    with Stub() as stub:
        start(stub.url("test"), spool=folder).end()
        (own,) = folder.iterdir()
        now = int(time.time() * 1e9)
        (own / f"{now:016x}-00000001-5.raw").symlink_to(secret)
        (own / f"{now:016x}-00000002-5.raw").mkdir()
        os.mkfifo(own / f"{now:016x}-00000003-5.raw")
        (own / f".{now:016x}-00000004-5.gz").write_bytes(b"half")  # as it was written
        (own / f"{now:016x}-00000005-5.raw").write_bytes(b"")
        (own / "notes.txt").write_text("mine")
        (own / f"{now:016x}-00000006-7.raw").write_bytes(b"6 good")
        stats = start(stub.url("test"), spool=folder).wait_idle()
    assert stats["put"] == 3 and stats["dropped"] == 2 and stats["dropped_samples"] == 10 and stats["sent_samples"] == 7
    assert numbers_of(stub) == [6] and secret.read_text() == "0 secret" and (own / "notes.txt").exists()
    assert not list(own.glob(".*"))


def test_a_file_that_goes_away(start, folder):
    with Stub() as stub:
        stub.refuse()
        sender = start(stub.url("test"), spool=folder).put(1, 2, 3)
        wait_until(lambda: len(files_of(folder)) == 3, "three files")
        files_of(folder)[1].unlink()
        stub.accept()
        stats = sender.wait_idle()
    assert stats["sent"] == 2 and stats["dropped"] == 1 and numbers_of(stub) == [1, 3]


def test_folders_that_are_no_spool(refused, tmp_path):
    url = "test+http://127.0.0.1:1"
    file, open_to_all = tmp_path / "file", tmp_path / "open"
    file.write_text("")
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    assert f"{file} is no folder" in refused(url, spool=file)
    assert f"others may write to {open_to_all}" in refused(url, spool=open_to_all)
    assert "cannot make or open the spool" in refused(url, spool=tmp_path / "no/such")
    own = tmp_path / "own"
    refused(url, spool=own, token_file=tmp_path / "none")
    assert not own.exists()  # what is wrong is found before anything is made


def test_links_in_a_spool(start, refused, folder, tmp_path):
    """The folder that the user names may be reached by a link, as systemd's are; the one below it is ours alone."""
    (tmp_path / "elsewhere").mkdir(0o700)
    folder.symlink_to(tmp_path / "elsewhere")
    start("test+http://127.0.0.1:1", spool=folder).end()
    (own,) = folder.iterdir()
    own.rename(tmp_path / "moved")
    own.symlink_to(tmp_path / "moved")
    assert f"{own} is a link, or no folder: the spool needs one" in refused("test+http://127.0.0.1:1", spool=folder)


# ---- the thread -------------------------------------------------------------------------------------------------------------


def test_signals_are_not_for_it(start):
    with Stub() as stub:
        sender = start(stub.url("test")).put(1)
        sender.wait_idle()
        masks = {}
        for task in os.listdir(f"/proc/{sender.process.pid}/task"):
            text = open(f"/proc/{sender.process.pid}/task/{task}/status").read()
            masks[re.search(r"Name:\t(.*)", text).group(1)] = int(re.search(r"SigBlk:\t(\w+)", text).group(1), 16)
        assert masks["push"] & (1 << 1) and masks["push"] & (1 << 14) and masks["push"] & (1 << 0)  # INT, TERM, HUP
        assert [mask for name, mask in masks.items() if name != "push"] == [0]


def test_numbers_add_up_at_any_moment(start, folder):
    """Every behaviour, in turn, under a queue and a spool that are too small; `stats` checks the sums all the time."""
    acts = [ok, status(500), status(429), ok, garbage(), status(400), closes(), ok, status(503), ok]
    began = time.monotonic()
    with Stub() as stub:
        stub.behave(acts * 3)
        sender = start(stub.url("talks"), spool=folder, queue=20_000, spool_bytes=30_000)
        for number in range(300):
            sender.put(number, size=1000, samples=number)
            sender.stats()
        stats = sender.wait_idle(4 * PATIENCE)
    got = numbers_of(stub)
    assert got == sorted(set(got)) and len(got) == stats["sent"] and sum(got) == stats["sent_samples"]
    assert stats["put"] == 300 and stats["put_samples"] == sum(range(300))
    minutes = 1 + int(time.monotonic() - began) // 60
    assert len(sender.warnings) <= minutes and sender.said.count("takes profiles again") <= minutes
