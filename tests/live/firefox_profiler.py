# SPDX-License-Identifier: MIT
"""The Firefox Profiler's own processing code, by its command line tool: what the page would show of a file.

The tool loads a file into a process that answers questions on a socket. Its own way to start that process gives up
after half a second, so it is started and asked here.
"""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import tempfile
import time

PATIENCE = 60


class Profiler:
    """with Profiler(node, cli, path) as profiler: profiler.ask("thread", "list")"""

    def __init__(self, node, cli, path):
        # the name of a socket has few characters
        self.folder = tempfile.TemporaryDirectory(prefix="ffp")
        self.log = pathlib.Path(self.folder.name) / "stderr"
        env = {**os.environ, "PROFILER_CLI_SESSION_DIR": self.folder.name}
        argv = [str(node), str(cli), "--daemon", str(path), "--session", "s"]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(argv, env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.socket = None

    def _message(self, **message):
        self.socket.sendall(json.dumps(message).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            data = self.socket.recv(1 << 20)
            assert data, f"it went away: {self.said()}"
            answer += data
        return json.loads(answer)

    def said(self):
        return self.log.read_text(errors="replace")[-2000:]

    def _connect(self):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE)
        for name in os.listdir(self.folder.name):
            with contextlib.suppress(OSError):
                connection.connect(f"{self.folder.name}/{name}")
                return connection
        connection.close()
        return None

    def __enter__(self):
        end = time.monotonic() + PATIENCE
        try:
            while True:
                assert self.process.poll() is None and time.monotonic() < end, self.said()
                self.socket = self.socket or self._connect()
                status = self._message(type="status") if self.socket else {"type": "loading"}
                assert status["type"] != "error", status["error"]
                if status["type"] == "ready":
                    return self
                time.sleep(0.02)
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        if self.socket:
            self.socket.close()
        self.process.kill()
        self.process.wait(PATIENCE)
        self.folder.cleanup()

    def ask(self, command, subcommand, **more):
        answer = self._message(type="command", command={"command": command, "subcommand": subcommand, **more})
        assert answer["type"] == "success", answer
        return answer["result"]
