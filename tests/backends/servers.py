# SPDX-License-Identifier: MIT
"""Back ends as processes: started on a free port of loopback, asked what they have, ended whatever happens."""

import base64
import json
import os
import pathlib
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import pushed

PATIENCE = 120
LONGEST = 3600  # seconds: what is asked for begins so long ago


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def until(true, what, seconds=PATIENCE):
    """The first true value."""
    end = time.monotonic() + seconds
    while True:
        value = true()
        if value:
            return value
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.1)


def rfc3339(unix):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(unix))


class Server:
    """`command` and `environment` are each one's own. Its output goes to a file, whose end is shown when it does not start."""

    scheme = ""
    environment = {}

    def __init__(self, folder):
        self.folder, self.port, self.process = pathlib.Path(folder), free_port(), None
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "log"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def push_url(self):
        return f"{self.scheme}+{self.url()}"

    def said(self):
        return self.log.read_text(errors="replace")

    def listens(self):
        assert self.process.poll() is None, self.said()[-2000:]
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
            return True
        except OSError:
            return False

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command(), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **self.environment}
            )
        until(self.listens, f"{self.scheme} to listen")

    def stop(self, kill=False):
        if self.process and self.process.poll() is None:
            (self.process.kill if kill else self.process.terminate)()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def get(self, path, **query):
        return self.ask(f"{path}?{urllib.parse.urlencode(query)}")

    def ask(self, path, data=None, kind="application/json"):
        request = urllib.request.Request(self.url() + path, data, {"Content-Type": kind} if data else {})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}: {error.code}: {error.read()[:500]!r}") from error


class Parca(Server):
    scheme = "parca"
    cpu = "pybpfprof:cpu:nanoseconds:cpu:nanoseconds:delta"

    def __init__(self, program, folder):
        super().__init__(folder)
        self.program, self.since = program, time.time() - LONGEST
        bucket = {"type": "FILESYSTEM", "config": {"directory": str(self.folder / "data")}}
        (self.folder / "parca.yaml").write_text(json.dumps({"object_storage": {"bucket": bucket}, "scrape_configs": []}))

    def command(self):
        """As scripts/backend.sh starts it: what it was given outlives a restart."""
        return [self.program, "--config-path=parca.yaml", f"--http-address=127.0.0.1:{self.port}", "--debuginfod-upstream-servers=",
                "--enable-persistence", "--storage-enable-wal", "--storage-path=data", "--debuginfo-cache-dir=cache",
                "--log-level=warn"]  # fmt: skip

    def values(self, label):
        return set(json.loads(self.get(f"/api/profiles/labels/{label}/values"))["labelValues"])

    def labels(self):
        return set(json.loads(self.get("/api/profiles/labels"))["labelNames"])

    def types(self):
        """As its queries name them."""
        types = json.loads(self.get("/api/profiles/types")).get("types", [])
        keys = ("name", "sampleType", "sampleUnit", "periodType", "periodUnit")
        return {":".join([*(one[key] for key in keys), *(["delta"] if one.get("delta") else [])]) for one in types}

    def profile(self, selector="", kind=None):
        """All that it has of those series, merged, as a pushed.Profile. None: nothing."""
        now = time.time()
        query = {
            "mode": "MODE_MERGE",
            "report_type": "REPORT_TYPE_PPROF",
            "merge.start": rfc3339(self.since),
            "merge.end": rfc3339(now + 60),
            "merge.query": f"{kind or self.cpu}{{{selector}}}",
        }
        try:
            answer = self.get("/api/profiles/query", **query)
        except AssertionError as error:
            if "404" in str(error):  # no such series
                return None
            raise
        return pushed.read_pprof(base64.b64decode(json.loads(answer)["pprof"]))

    def series(self, kind=None):
        """[(labels, number of profiles)] of those that it has one by one."""
        now = time.time()
        query = {"query": f"{kind or self.cpu}{{}}", "start": rfc3339(self.since), "end": rfc3339(now + 60), "step": "1s"}
        found = json.loads(self.get("/api/profiles/query_range", **query)).get("series", [])
        return [({one["name"]: one["value"] for one in each["labelset"]["labels"]}, each["samples"]) for each in found]


class Collector(Server):
    """It forwards to `to`, a URL, and prints what it got."""

    scheme = "otlp"

    def __init__(self, program, folder, to):
        super().__init__(folder)
        self.program = program
        configuration = {
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{self.port}"}}}},
            "exporters": {
                "debug": {"verbosity": "detailed"},
                "otlp_http": {"profiles_endpoint": to, "compression": "none"},
            },
            "service": {
                "telemetry": {"metrics": {"level": "none"}},
                "pipelines": {"profiles": {"receivers": ["otlp"], "exporters": ["debug", "otlp_http"]}},
            },
        }
        (self.folder / "collector.yaml").write_text(json.dumps(configuration))  # which is YAML, too

    def command(self):
        return [self.program, "--config", "collector.yaml", "--feature-gates=+service.profilesSupport"]


class Pyroscope(Server):
    """docs/pyroscope.md says the same to people."""

    scheme = "pyroscope"
    cpu = "process_cpu:cpu:nanoseconds:cpu:nanoseconds"

    def __init__(self, program, folder):
        super().__init__(folder)
        self.program, self.grpc, self.gossip = program, free_port(), free_port()
        (self.folder / "pyroscope.yaml").write_text(f"""target: all
analytics: {{reporting_enabled: false}}
self_profiling: {{disable_push: true}}
server: {{http_listen_address: 127.0.0.1, http_listen_port: {self.port}, grpc_listen_address: 127.0.0.1, grpc_listen_port: {self.grpc}}}
memberlist: {{bind_addr: [127.0.0.1], advertise_addr: 127.0.0.1, bind_port: {self.gossip}}}
storage: {{backend: filesystem, filesystem: {{dir: ./data}}}}
""")

    def command(self):
        parts = ("distributor.ring", "query-frontend", "query-scheduler.ring", "overrides-exporter.ring")
        own = [f"-{part}.instance-addr=127.0.0.1" for part in parts]
        return [self.program, "-config.file=pyroscope.yaml", "-architecture.storage=v2", "-segment-writer.lifecycler.addr=127.0.0.1", *own]

    def query(self, what, **fields):
        now = time.time()
        fields = {"start": int((now - LONGEST) * 1000), "end": int((now + 60) * 1000), **fields}
        return json.loads(self.ask(f"/querier.v1.QuerierService/{what}", json.dumps(fields).encode()))

    def values(self, label):
        return set(self.query("LabelValues", name=label).get("names", []))

    def own(self, selector, kind=None):
        """{function: own value}."""
        graph = self.query("SelectMergeStacktraces", profile_typeID=kind or self.cpu, label_selector=f"{{{selector}}}").get("flamegraph", {})
        names, own = graph.get("names", []), {}
        for level in graph.get("levels", []):
            values = [int(value) for value in level["values"]]
            for at in range(0, len(values), 4):  # distance to the last one, total, own, name
                name = names[values[at + 3]]
                own[name] = own.get(name, 0) + values[at + 2]
        return {name: value for name, value in own.items() if value}
