#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a fleet sends: the tables of docs/scale.md, from measured windows and the back ends' published limits.

    scale-model.py              the tables, from the figures below
    scale-model.py --measure    measures the figures (root; some five minutes): paste them in
"""

import argparse
import collections
import http.server
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import zlib

GZIP = b"\x1f\x8b\x08"
WINDOW = 15  # seconds
RATE = 29
BACKENDS = ("pyroscope", "parca", "otlp")

# ---- measured, by --measure: of one window the bodies, their bytes as they are sent, and unpacked

MEASURED = {  # processes, services: on two CPUs that were busy otherwise, too
    (1, 1): {
        "samples": 196,
        "pyroscope": {"bodies": 1.0, "bytes": 4605, "raw": 10759},
        "parca": {"bodies": 1.0, "bytes": 6185, "raw": 0},
        "otlp": {"bodies": 1.0, "bytes": 3772, "raw": 10426},
    },
    (10, 10): {
        "samples": 507,
        "pyroscope": {"bodies": 1.0, "bytes": 29185, "raw": 67049},
        "parca": {"bodies": 1.0, "bytes": 39255, "raw": 0},
        "otlp": {"bodies": 1.0, "bytes": 6185, "raw": 18919},
    },
    (100, 20): {
        "samples": 517,
        "pyroscope": {"bodies": 1.0, "bytes": 45222, "raw": 100990},
        "parca": {"bodies": 1.0, "bytes": 60965, "raw": 0},
        "otlp": {"bodies": 1.0, "bytes": 6660, "raw": 21252},
    },
}

# ---- published limits: defaults of Pyroscope v2.2, of Parca v0.28 and of the Collector's receiver

LIMITS = {
    "pyroscope": {"body": 4 << 20, "rate": 4 << 20, "series": 5000},  # a tenant's; unpacked
    "parca": {"body": 32 << 20},
    "otlp": {"body": 20 << 20},  # confighttp: max_request_body_size
}
SERIES_OF_A_SERVICE = 2  # value types: samples, cpu

NODES = (10, 1000, 100_000)

SERVICE = r'''
import difflib, html, json, random, re, sys, textwrap, time
from collections import Counter
from email.message import EmailMessage
from xml.etree import ElementTree

random.seed(int(sys.argv[1]))
pause = float(sys.argv[2])
words = [str(random.random()) for _ in range(400)]


def as_json():
    return json.loads(json.dumps({w: [w] * 5 for w in words}, indent=1))


def as_xml():
    root = ElementTree.Element("a")
    for w in words[:100]:
        ElementTree.SubElement(root, "b", name=w).text = w
    return ElementTree.fromstring(ElementTree.tostring(root))


def as_mail():
    mail = EmailMessage()
    mail["Subject"] = "x"
    mail.set_content("\n".join(words[:50]))
    return mail.as_string()


def compared():
    return list(difflib.unified_diff(words[:60], words[20:80]))


def wrapped():
    return textwrap.fill(" ".join(words), 60)


def counted():
    return Counter(re.findall(r"\d\d", " ".join(words))).most_common(5)


def escaped():
    return html.unescape(html.escape("<&>".join(words)))


WORK = [as_json, as_xml, as_mail, compared, wrapped, counted, escaped]
random.shuffle(WORK)


def handle(request):
    return WORK[request % len(WORK)]()


n = 0
while True:
    began = time.perf_counter()
    handle(n)
    n += 1
    time.sleep((time.perf_counter() - began) * pause)
'''


# ---- measuring ---------------------------------------------------------------------------------------------


class Backend(http.server.ThreadingHTTPServer):
    def __init__(self):
        super().__init__(("127.0.0.1", 0), Taker)
        self.bodies = collections.defaultdict(list)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


def raw_bytes(body):
    """Of the profiles in a body of Pyroscope's, unpacked, as its limits count them."""
    total, at = 0, body.find(GZIP)
    while at >= 0:
        stream = zlib.decompressobj(wbits=31)
        try:
            total += len(stream.decompress(body[at:]))
            at = body.find(GZIP, len(body) - len(stream.unused_data))
        except zlib.error:  # not one, after all
            at = body.find(GZIP, at + 1)
    return total


class Taker(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies[self.path.split("/")[1]].append((len(body), raw_bytes(body)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def cgroup():
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        if line.split()[2] == "cgroup2":
            path = pathlib.Path(line.split()[1]) / f"pybpfprof-scale-{os.getpid()}"
            path.mkdir()
            return path
    sys.exit("scale-model: no cgroup v2 is mounted")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def samples(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        found = re.search(r'^pybpfprof_samples_total\{type="cpu"\} (\S+)$', answer.read().decode(), re.M)
    return float(found[1]) if found else 0.0


def start(group, number, services, pause):
    def enter():
        (group / "cgroup.procs").write_text("0")

    environment = {**os.environ, "OTEL_SERVICE_NAME": f"service-{number % services}"}
    return subprocess.Popen([sys.executable, "-c", SERVICE, str(number), str(pause)], env=environment, preexec_fn=enter)


def summed(sizes, windows):
    sent, raw = (sum(one[i] for one in sizes) / windows for i in (0, 1))
    return {"bodies": len(sizes) / windows, "bytes": sent, "raw": raw}


def measure(program, processes, services, windows=3):
    """Bytes of each back end's bodies in a window, and the samples of one."""
    group = cgroup()
    pause = max(0.0, processes / len(os.sched_getaffinity(0)) - 1)
    started = [start(group, number, services, pause) for number in range(processes)]
    try:
        time.sleep(5)
        with Backend() as backend, tempfile.NamedTemporaryFile("r") as config:
            where = [f"http://127.0.0.1:{backend.server_port}/{name}" for name in BACKENDS]
            port = free_port()
            argv = [program, "daemon", "-q", "--listen", f"127.0.0.1:{port}", "--config", config.name, "-r", str(RATE), "--cgroup", str(group)]
            argv += [word for name, url in zip(BACKENDS, where) for word in ("--push", f"{name}+{url}")]
            daemon = subprocess.Popen(argv)
            time.sleep(WINDOW * 2)
            before = {name: len(backend.bodies[name]) for name in BACKENDS}
            taken = samples(port)
            time.sleep(WINDOW * windows)
            taken = samples(port) - taken
            bodies = {name: backend.bodies[name][before[name]:] for name in BACKENDS}
            daemon.terminate()
            daemon.wait()
    finally:
        for one in started:
            one.kill()
            one.wait()
        time.sleep(0.5)
        group.rmdir()
    return {**{name: summed(sizes, windows) for name, sizes in bodies.items()}, "samples": taken / windows}


def measure_all(program):
    for processes, services in (1, 1), (10, 10), (100, 20):
        found = measure(program, processes, services)
        print(f"    ({processes}, {services}): {{")
        print(f'        "samples": {found.pop("samples"):.0f},')
        for name, facts in found.items():
            print(f'        "{name}": {{"bodies": {facts["bodies"]:.1f}, "bytes": {facts["bytes"]:.0f}, "raw": {facts["raw"]:.0f}}},')
        print("    },", flush=True)


# ---- the tables --------------------------------------------------------------------------------------------


def scaled(value):
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} PB"


def show_nodes():
    print("| busy processes | services | samples | Pyroscope (unpacked) | Parca | OTLP | a day: Pyroscope | Parca | OTLP |")
    print("|---|---|---|---|---|---|---|---|---|")
    for (processes, services), found in MEASURED.items():
        sizes = [scaled(found[name]["bytes"]) for name in BACKENDS]
        sizes[0] += f" ({scaled(found['pyroscope']['raw'])})"
        days = [scaled(found[name]["bytes"] * 86400 / WINDOW) for name in BACKENDS]
        print(f"| {processes} | {services} | {found['samples']} | " + " | ".join([*sizes, *days]) + " |")


def times(value, limit):
    return f"{value / limit:.0%} of it" if value <= limit else f"**{value / limit:.3g} times it**"


def show_fleet(processes=100, services=20):
    found = MEASURED[processes, services]
    pyroscope, limits = found["pyroscope"], LIMITS["pyroscope"]
    print("| | " + " | ".join(f"{nodes:,} nodes" for nodes in NODES) + " |")
    print("|---|" + "---|" * len(NODES))
    rows = {
        "requests a second, each back end": lambda n: f"{n * pyroscope['bodies'] / WINDOW:,.1f}",
        "Pyroscope: bytes a second": lambda n: scaled(n * pyroscope["bytes"] / WINDOW),
        "… unpacked, of 4 MiB/s for a tenant": lambda n: times(n * pyroscope["raw"] / WINDOW, limits["rate"]),
        "… one body, of 4 MiB": lambda n: times(pyroscope["raw"], limits["body"]),
        "… series with the label `node`, of 5,000": lambda n: times(n * services * SERIES_OF_A_SERVICE, limits["series"]),
        "… without it, all nodes alike": lambda n: times(services * SERIES_OF_A_SERVICE, limits["series"]),
        "Parca: bytes a second": lambda n: scaled(n * found["parca"]["bytes"] / WINDOW),
        "… one body, of 32 MiB": lambda n: times(found["parca"]["bytes"], LIMITS["parca"]["body"]),
        "OTLP: bytes a second": lambda n: scaled(n * found["otlp"]["bytes"] / WINDOW),
        "… one body, of 20 MiB": lambda n: times(found["otlp"]["raw"], LIMITS["otlp"]["body"]),
        "a day, Pyroscope": lambda n: scaled(n * pyroscope["bytes"] * 86400 / WINDOW),
        "a day, OTLP": lambda n: scaled(n * found["otlp"]["bytes"] * 86400 / WINDOW),
    }
    for name, cell in rows.items():
        print(f"| {name} | " + " | ".join(cell(nodes) for nodes in NODES) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--program", default=str(pathlib.Path(__file__).resolve().parents[1] / "build/pybpfprof"))
    options = parser.parse_args()
    if options.measure:
        return measure_all(options.program)
    show_nodes()
    print()
    show_fleet()


main()
