# SPDX-License-Identifier: MIT
"""The daemon beside 100 busy processes: what it takes of a core, all of it, as long as nobody looks; and what it sends."""

import contextlib
import http.server
import threading
import time

import machine
from processes import workload
from profilers import Running

RATE = 29
WINDOW = 15


class Backend(http.server.ThreadingHTTPServer):
    """Takes whatever is pushed: how many requests there were, and their bytes."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Taker)
        self.requests = self.bytes = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class _Taker(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        self.rfile.read(length)
        self.server.requests += 1
        self.server.bytes += length
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def used(pid):
    """What the program, its helpers and its BPF programs have used so far."""
    pids = [pid, *machine.children(pid)]
    runs, bpf = machine.bpf_used(pid, None)
    cpu = 0
    for one in pids:
        with contextlib.suppress(OSError):  # a helper that has ended meanwhile
            cpu += machine.cpu_ns(one)
    return {"cpu": cpu, "bpf": bpf, "runs": runs, "wakeups": sum(map(machine.switches, pids)), "at": time.monotonic_ns()}


def rates(before, after):
    passed = (after["at"] - before["at"]) / 1e9
    return {
        "cpu_percent": (after["cpu"] - before["cpu"]) / passed / 1e7,
        "bpf_percent": (after["bpf"] - before["bpf"]) / passed / 1e7,
        "programs_per_second": (after["runs"] - before["runs"]) / passed,
        "wakeups_per_second": (after["wakeups"] - before["wakeups"]) / passed,
    }


def mean(rows):
    return {key: sum(row[key] for row in rows) / len(rows) for key in rows[0]}


def part(running, seconds):
    """What it uses meanwhile, with its timers on."""
    running.events.switch(True)
    before = used(running.pid)
    time.sleep(seconds)
    running.check()
    after = used(running.pid)
    running.events.switch(False)
    return rates(before, after)


def always(python, how, cycles, count=100):
    """CPU time of the daemon and of the empty program on the same timers, in turn; 30 s of the one, 15 s of the other."""
    with workload(python, "many", count) as (_, group), Backend() as backend:
        time.sleep(1)
        url = f"pyroscope+http://127.0.0.1:{backend.server_port}"
        argv = [how.program, "daemon", "-q", "-r", str(RATE), "--cgroup", group, "--push", url]
        ours, empty = Running("daemon", argv, None), how.start_empty(RATE)
        try:
            ours.wait_attached()
            empty.wait_attached()
            empty.take_events()
            time.sleep(2 * WINDOW)  # its start, and the first windows
            ours.take_events()
            before = backend.requests, backend.bytes
            parts = {"daemon": [], "empty": []}
            for _ in range(cycles):
                parts["daemon"].append(part(ours, 2 * WINDOW))
                parts["empty"].append(part(empty, WINDOW))
            result = {name: mean(rows) for name, rows in parts.items()}
            sent = backend.bytes - before[1]
            result.update(
                processes=count,
                rate=RATE,
                memory=machine.memory(ours.pid),
                requests=backend.requests - before[0],
                bytes_per_window=sent / (2 * cycles),
                percent=result["daemon"]["cpu_percent"] + result["daemon"]["bpf_percent"] - result["empty"]["bpf_percent"],
            )
            ours.stop()
            return result
        finally:
            ours.kill()
            empty.kill()
