# SPDX-License-Identifier: MIT
"""`pybpfprof daemon`: windows into back ends and files, what it answers by HTTP, what signals do. Bodies are read by
backend_stub.py, which shares nothing with what wrote them."""

import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest

import backend_stub
from conftest import PATIENCE, PROGRAM, Recorder, let_work, wait_until

SECRET = "hunter2-of-the-command-line"
RATE = 499  # so that a window has many samples


@pytest.fixture
def stub():
    with backend_stub.Stub() as server:
        yield server


@pytest.fixture
def daemon(recorder, tmp_path):
    """daemon("--pid", 42, …): one that samples."""

    def start(*args, config=None, **options):
        file = tmp_path / "none.conf"
        file.write_text(config or "")
        return recorder("daemon", "--config", file, *args, output=None, **options)

    return start


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def get(port, path, timeout=PATIENCE):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=timeout) as answer:
        return answer.read()


def metric(port, name, **labels):
    """The sum of those lines that have these labels."""
    values = []
    for line in get(port, "/metrics").decode().splitlines():
        found = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
        if found and found[1] == name and all(f'{k}="{v}"' in (found[2] or "") for k, v in labels.items()):
            values.append(float(found[3]))
    return sum(values) if values else None


def by_time(profiles):
    return sorted(profiles, key=lambda p: p.time_ns)


def summed(profiles, kind):
    """{function: (own, total)} over all of them."""
    out = {}
    for profile in profiles:
        for name, (own, total) in profile.rows(kind).items():
            before = out.get(name, (0, 0))
            out[name] = (before[0] + own, before[1] + total)
    return out


def of_report(pybpfprof, path, kind):
    """The same by our own report: samples or nanoseconds."""
    done = pybpfprof("report", "--json", "-i", path)
    assert done.returncode == 0, done.stderr
    own, total, scale = ("own_samples", "samples", 1) if kind == "samples" else ("own_seconds", "seconds", 1e9)
    rows = json.loads(done.stdout)["functions"]
    return {f"{f['module']}.{f['name']}": (round(f[own] * scale), round(f[total] * scale)) for f in rows}


# ---- windows -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["pyroscope", "parca", "otlp"])
def test_windows_are_the_recording(daemon, stub, spawn, python, pybpfprof, backend):
    """What was pushed, window by window, is what the files of the same run have, function by function."""
    workload = spawn(python, "busy.py", 0, SECRET)
    recording = daemon(
        "--pid", workload.pid, "--rate", RATE, "--window", "2s", "--push", stub.url(backend), "-o", "all.pybpf", "--rotate", "1h"
    )
    workload.go()
    stub.wait_bodies(4)
    recording.stop(signal.SIGTERM)
    (made,) = recording.folder.glob("all-*.pybpf")
    profiles = by_time(stub.profiles())
    kinds = ["samples"] if backend == "otlp" else ["samples", "cpu"]
    for kind in kinds:
        assert summed(profiles, kind) == of_report(pybpfprof, made, kind)


def test_windows_follow_each_other(daemon, stub, spawn, python):
    """In step with the wall clock, without a gap or an overlap; what is pushed has no command line."""
    workload = spawn(python, "busy.py", 0, SECRET)
    recording = daemon("--pid", workload.pid, "--rate", RATE, "--window", "2s", "--push", stub.url("pyroscope"))
    workload.go()
    stub.wait_bodies(5)
    recording.stop(signal.SIGTERM)
    profiles = by_time(stub.profiles())
    assert len(profiles) >= 5
    for before, after in zip(profiles, profiles[1:]):
        assert abs(after.time_ns - before.time_ns - before.duration_ns) < 50e6  # two clocks are read one after the other
    late = [p.time_ns % 2_000_000_000 for p in profiles[1:]]
    assert sorted(late)[len(late) // 2] < 500e6, late  # a busy machine is late now and then
    for profile in profiles:
        assert profile.labels["service_name"] == "busy"
        assert profile.labels["node"] == socket.gethostname()
        assert profile.total("samples") * profile.period == pytest.approx(profile.total("cpu"), rel=1e-3)
        assert not profile.comments
    for body in stub.bodies:
        assert SECRET.encode() not in body.text and SECRET.encode() not in body.raw
        for profile in body.profiles:
            assert SECRET.encode() not in profile.raw
            assert not {label for sample in profile.samples for label in sample.labels}


def test_nothing_is_lost_that_is_not_counted(daemon, stub, spawn, python):
    """The server is away for a while, refuses one, and is slow: what it got and what is counted as not sent is all."""
    port = free_port()
    workload = spawn(python, "busy.py", 0)
    recording = daemon(
        "--pid", workload.pid, "--rate", RATE, "--window", "1s", "--push", stub.url("pyroscope"), "--listen", f"127.0.0.1:{port}"
    )
    workload.go()
    stub.wait_bodies(1)
    stub.behave([backend_stub.status(400, "no such thing"), backend_stub.status(503, retry_after=1), backend_stub.status(500)])
    wait_until(lambda: metric(port, "pybpfprof_push_refused_bodies_total"), "a refusal", every=0.2)
    stub.refuse()
    time.sleep(3)
    stub.accept()
    count = len(stub.bodies)
    stub.wait_bodies(count + 4)
    assert "no such thing" in recording.stderr
    recording.stop(signal.SIGTERM)
    sent = sum(p.total("samples") for p in stub.profiles())
    refused = sum(p.total("samples") for r in stub.requests if r.status == 400 for p in r.profiles)
    said = " ".join(recording.stderr.split())
    assert re.search(rf": sent {sent:,.0f} samples in {len(stub.bodies)} requests", said), (sent, said)
    assert refused and f": {refused:,.0f} samples were refused" in said, (refused, said)
    assert "dropped" not in said


def test_sigterm_sends_the_rest(daemon, stub, spawn, python):
    workload = spawn(python, "busy.py", 0)
    recording = daemon("--pid", workload.pid, "--rate", RATE, "--window", "1h", "--push", stub.url("pyroscope"))
    workload.go()
    let_work(workload, 1)
    assert not stub.requests
    recording.stop(signal.SIGTERM)
    (profile,) = stub.profiles()
    assert profile.total("cpu") >= 0.7e9 and 0 < profile.duration_ns < PATIENCE * 1e9


def test_a_process_that_ends_is_in_its_window(daemon, stub, spawn, python):
    """… and a later window knows nothing of it."""
    first, second = spawn(python, "busy.py", 0.5), spawn(python, "busy.py", 0)
    recording = daemon("--pid", f"{first.pid},{second.pid}", "--with-label", "pid", "--rate", RATE, "--window", "1s", "--push", stub.url("pyroscope"))
    first.go()
    second.go()
    first.finish()
    count = len(stub.bodies)
    stub.wait_bodies(count + 3)
    recording.stop(signal.SIGTERM)
    of = {pid: [p for p in stub.profiles() if p.labels["pid"] == str(pid)] for pid in (first.pid, second.pid)}
    assert sum(p.total("cpu") for p in of[first.pid]) == pytest.approx(first.spent * 1e9, rel=0.2)
    last = max(p.time_ns for p in of[first.pid])
    assert any(p.time_ns > last for p in of[second.pid])


# ---- configuration --------------------------------------------------------------------------------------------------


def reload(recording, file, text, said):
    count = recording.stderr.count(said)
    file.write_text(text)
    recording.send(signal.SIGHUP)
    wait_until(lambda: recording.stderr.count(said) > count, f"{said!r} in {recording.stderr}")


def test_sighup_reads_the_file_again(recorder, tmp_path, stub, spawn, python):
    """Labels, back ends and the rate change without a gap, and a file that is wrong changes nothing."""
    workload = spawn(python, "busy.py", 0)
    file = tmp_path / "daemon.conf"
    common = f"pid = {workload.pid}\nwindow = 1s\npush = {stub.url('pyroscope')}\n"
    file.write_text(common + "rate = 499\nlabel = team=a\n")
    recording = recorder("daemon", "--config", file, output=None)
    workload.go()
    stub.wait_bodies(2)
    reload(recording, file, common + "rate = 499\nlabel = team=b\n", "was read again")
    stub.wait_for(lambda: any(p.labels["team"] == "b" for p in stub.profiles()), "the other label")
    reload(recording, file, common + "rate = 997\nlabel = team=c\n", "sampling began anew")
    stub.wait_for(lambda: sum(p.labels["team"] == "c" for p in stub.profiles()) >= 3, "the third label")
    reload(recording, file, common + "rate = often\n", "was not taken")
    count = len(stub.bodies)
    stub.wait_bodies(count + 2)
    recording.stop(signal.SIGTERM)
    assert "--rate often" in recording.stderr
    profiles = by_time(stub.profiles())
    teams = [p.labels["team"] for p in profiles]
    assert teams == sorted(teams) and set(teams) == {"a", "b", "c"}
    for before, after in zip(profiles, profiles[1:]):
        gap = after.time_ns - before.time_ns - before.duration_ns
        assert -50e6 < gap < 1e9, (gap, before.labels, after.labels)
    full = [p for p in profiles[1:-1] if p.duration_ns > 0.9e9]
    rates = {team: [1e9 / p.period for p in full if p.labels["team"] == team] for team in "ac"}
    assert all(rate == pytest.approx(499, rel=0.2) for rate in rates["a"]), rates
    assert all(rate == pytest.approx(997, rel=0.2) for rate in rates["c"]), rates


def test_environment_and_flags(recorder, tmp_path, stub, spawn, python):
    """What is typed comes before the environment, and that before the file."""
    workload = spawn(python, "busy.py", 0)
    file = tmp_path / "daemon.conf"
    file.write_text("window = 5m\nlabel = from=file\n")
    env = {**os.environ, "PYBPFPROF_LABEL": "from=environment", "PYBPFPROF_WINDOW": "10m", "PYBPFPROF_PID": str(workload.pid)}
    recording = recorder("daemon", "--config", file, "--window", "1s", "--push", stub.url("parca"), output=None, env=env)
    workload.go()
    stub.wait_bodies(2)
    recording.stop(signal.SIGTERM)
    assert {p.labels["from"] for p in stub.profiles()} == {"environment"}


@pytest.mark.parametrize(
    "args, words",
    [
        ([], "nobody would get anything"),
        (["--push", "http://127.0.0.1:1"], "pyroscope"),
        (["--push", "pyroscop+http://127.0.0.1:1"], "pyroscope"),
        (["--window", "10ms", "--listen", "127.0.0.1:1"], "from 1s"),
        (["--listen", "0.0.0.0:9100"], "loopback"),
        (["-o", "-", "-f", "folded"], "standard output"),
        (["--push", "parca+http://127.0.0.1:1", "--", "python3", "x.py"], "no command"),
        (["--listen", "127.0.0.1:1", "--label", "1x=2"], "--label"),
    ],
)
def test_what_is_wrong_is_said(pybpfprof, tmp_path, args, words):
    (tmp_path / "empty").write_text("")
    done = pybpfprof("daemon", "--config", tmp_path / "empty", *args)
    assert done.returncode in (1, 2), done.stderr
    assert words in done.stderr


def test_the_service_manager_is_told(recorder, tmp_path, spawn, python, stub):
    """READY, RELOADING and READY again, signs of life, STOPPING."""
    where = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(where))
        s.settimeout(PATIENCE)
        file = tmp_path / "d.conf"
        file.write_text(f"push = {stub.url('parca')}\n")
        env = {**os.environ, "NOTIFY_SOCKET": str(where), "WATCHDOG_USEC": "1000000"}
        recording = recorder("daemon", "--config", file, output=None, env=env)
        seen = [s.recv(4096).decode()]
        assert "READY=1" in seen[0]
        while not any("WATCHDOG=1" in text for text in seen):
            seen.append(s.recv(4096).decode())
        recording.send(signal.SIGHUP)
        while not any("RELOADING=1" in text for text in seen):
            seen.append(s.recv(4096).decode())
        while "READY=1" not in seen[-1]:
            seen.append(s.recv(4096).decode())
        recording.stop(signal.SIGTERM)
        while not any("STOPPING=1" in text for text in seen):
            seen.append(s.recv(4096).decode())


# ---- HTTP -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def listening(daemon, spawn, python):
    port = free_port()
    workload = spawn(python, "busy.py", 0)
    recording = daemon("--pid", workload.pid, "--rate", RATE, "--window", "1s", "--listen", f"127.0.0.1:{port}")
    workload.go()
    yield recording, port
    recording.stop(signal.SIGTERM)


def test_metrics(listening, tmp_path):
    """They are as Prometheus wants them."""
    recording, port = listening
    wait_until(lambda: (metric(port, "pybpfprof_windows_total") or 0) >= 2, "two windows", every=0.1)
    text = get(port, "/metrics").decode()
    assert metric(port, "pybpfprof_samples_total", type="cpu") > 0
    assert "pybpfprof_build_info" in text
    if not shutil.which("promtool"):
        pytest.skip("no promtool here")
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stdout + done.stderr


def test_health(listening):
    _, port = listening
    assert get(port, "/healthz") == b"ok\n"
    with pytest.raises(urllib.error.HTTPError) as missing:
        get(port, "/other")
    assert missing.value.code == 404


def test_a_profile_of_now(listening):
    """Of the next seconds, in the format that was asked for; two at a time; the windows go on."""
    recording, port = listening
    before = metric(port, "pybpfprof_windows_total")
    first = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    first.request("GET", "/profile?seconds=3&format=folded")
    svg = get(port, "/profile?seconds=2")
    assert b"<svg" in svg[:2000] and b"inner" in svg
    answer = first.getresponse()
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain")
    lines = answer.read().decode().splitlines()
    total = sum(int(line.rsplit(" ", 1)[1]) for line in lines)
    assert any("inner" in line for line in lines)
    assert total > 0
    wait_until(lambda: metric(port, "pybpfprof_windows_total") >= before + 3, "windows", every=0.1)


def test_a_profile_has_just_its_seconds(listening):
    """A busy thread of one CPU has about a second in each."""
    _, port = listening
    document = json.loads(get(port, "/profile?seconds=2&format=json"))
    assert 1.8 < document["duration"] < 8
    assert document["sample_count"] > 0


@pytest.mark.parametrize("query", ["seconds=0", "seconds=soon", "seconds=9999", "format=nonsense", "format=pybpf"])
def test_profiles_that_cannot_be(listening, query):
    _, port = listening
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(port, f"/profile?{query}")
    assert refused.value.code == 400 and refused.value.read()


def test_a_client_that_goes_away(listening):
    recording, port = listening
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", port)) as s:
            s.sendall(b"GET /profile?seconds=300 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    wait_until(lambda: get(port, "/profile?seconds=1&format=folded") is not None, "room for others")
    assert recording.process.poll() is None


# ---- files ------------------------------------------------------------------------------------------------------------


def test_files_by_size_and_age(daemon, spawn, python):
    """--keep removes the oldest of its own, and nothing else."""
    workload = spawn(python, "busy.py", 0)
    recording = daemon("--pid", workload.pid, "--rate", RATE, "--window", "1s", "-o", "all.pybpf", "--rotate", "1s", "--keep", "3s", wait=False)
    foreign = ["all.pybpf", "all-20200101T000000Z.svg", "all-20200101T00000Z.pybpf", "ball-20200101T000000Z.pybpf"]
    for name in foreign:
        (recording.folder / name).write_bytes(b"mine")
        os.utime(recording.folder / name, (1, 1))
    old = recording.folder / "all-20200101T000000Z.pybpf"
    old.write_bytes(b"of a former run")
    os.utime(old, (1, 1))
    recording.wait_attached()
    workload.go()
    wait_until(lambda: not old.exists(), "the old file to go")

    def written():
        return sorted(p for p in recording.folder.iterdir() if re.fullmatch(r"all-\d{8}T\d{6}Z\.pybpf", p.name))

    first = wait_until(written, "a file")[0]
    wait_until(lambda: not first.exists(), "the first file to go")
    recording.stop(signal.SIGTERM)
    assert all((recording.folder / name).exists() for name in foreign)
    assert 1 <= len(written()) <= 8


def test_record_keeps_by_size(spawn, recorder, python):
    workload = spawn(python, "busy.py", 0)
    recording = recorder("record", "--pid", workload.pid, "-r", "4999", "--rotate", "5kB", "--keep", "40kB")
    workload.go()
    names = set()

    def seen():
        names.update(p.name for p in recording.folder.glob("rec-*Z.pybpf"))
        return len(names) >= 10

    wait_until(seen, "ten windows", every=0.1)
    recording.stop()
    left = list(recording.folder.glob("rec-*Z.pybpf"))
    assert sum(p.stat().st_size for p in left) <= 40_000
    assert max(names) <= max(p.name for p in left)


def test_files_are_of_all_windows(daemon, spawn, python):
    """One file holds several windows of several seconds: each process, thread, function is there once."""
    workload = spawn(python, "busy.py", 0)
    recording = daemon("--pid", workload.pid, "--rate", RATE, "--window", "1s", "-o", "all.json", "--rotate", "1h")
    workload.go()
    let_work(workload, 3)
    recording.stop(signal.SIGTERM)
    (made,) = recording.folder.glob("all-*.json")
    document = json.loads(made.read_bytes())
    assert document["complete"] and document["duration"] > 2.5
    assert [p["pid"] for p in document["processes"]] == [workload.pid]
    functions = [(f["name"], f["line"]) if isinstance(f, dict) else f for f in document["functions"]]
    assert len(functions) == len(set(map(str, functions)))
    assert document["ticks"] == document["sample_count"] + document["filtered"] + sum(one["samples"] for one in document["lost"])


def test_a_reload_listens_elsewhere(recorder, tmp_path, spawn, python, stub):
    """Who waits for a profile there is told, the new place answers, the old one does not; elsewhere nowhere stays as it was."""
    workload = spawn(python, "busy.py", 0)
    file, first, second = tmp_path / "d.conf", free_port(), free_port()
    common = f"pid = {workload.pid}\nwindow = 1s\npush = {stub.url('parca')}\nrate = 199\n"
    file.write_text(common + f"listen = 127.0.0.1:{first}\n")
    recording = recorder("daemon", "--config", file, output=None)
    workload.go()
    waiting = http.client.HTTPConnection("127.0.0.1", first, timeout=PATIENCE)
    waiting.request("GET", "/profile?seconds=300")
    assert get(first, "/healthz") == b"ok\n"
    reload(recording, file, common + f"listen = 127.0.0.1:{second}\n", "was read again")
    wait_until(lambda: get(second, "/healthz") == b"ok\n", "the new place")
    try:
        assert waiting.getresponse().status == 503
    except (http.client.HTTPException, OSError):
        pass  # closed, which says it, too
    with pytest.raises(urllib.error.URLError):
        get(first, "/healthz")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        reload(recording, file, common + f"listen = 127.0.0.1:{taken.getsockname()[1]}\n", "was read again")
    assert get(second, "/healthz") == b"ok\n"
    count = len(stub.bodies)
    stub.wait_bodies(count + 2)
    recording.stop(signal.SIGTERM)


def test_a_full_disk_stops_no_windows(daemon, spawn, python, stub, tmp_path):
    """What cannot be written is said, back ends go on, and the next file is tried."""
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small], check=True)
    try:
        (small / "fills").write_bytes(bytes(52_000))
        workload = spawn(python, "busy.py", 0)
        recording = daemon("--pid", workload.pid, "--rate", "4999", "--window", "1s", "--push", stub.url("parca"), "-o", small / "all.pybpf", "--rotate", "3s")
        workload.go()
        wait_until(lambda: "No space left" in recording.stderr, "a full disk", every=0.1)
        count = len(stub.bodies)
        stub.wait_bodies(count + 3)
        (small / "fills").unlink()
        made = wait_until(lambda: [p for p in small.iterdir() if re.fullmatch(r"all-\d{8}T\d{6}Z.pybpf", p.name) and p.stat().st_mtime > time.time() - 2], "a file", every=0.2)
        assert made
        recording.stop(signal.SIGTERM, expect=None)
    finally:
        subprocess.run(["umount", "-l", small], check=True)
