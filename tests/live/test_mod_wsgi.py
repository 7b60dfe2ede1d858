# SPDX-License-Identifier: MIT
"""mod_wsgi: Apache loads Python as a plug-in of a plug-in, and runs applications in a sub-interpreter."""

import collections
import shutil
import signal
import subprocess

import pytest

from conftest import wait_until
from test_uwsgi import APPLICATION, free_port, serves

CONFIGURATION = """
ServerRoot {folder}
ServerName localhost
PidFile {folder}/pid
ErrorLog {folder}/log
DefaultRuntimeDir {folder}
Mutex file:{folder}
Listen 127.0.0.1:{port}
User nobody
Group nogroup
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule wsgi_module {modules}/mod_wsgi.so
WSGIDaemonProcess app processes=2 threads=2
WSGIProcessGroup app
WSGISocketPrefix {folder}/wsgi
WSGIScriptAlias / {folder}/app.wsgi
<Directory {folder}>
Require all granted
</Directory>
"""
MODULES = "/usr/lib/apache2/modules"


@pytest.fixture
def server(tmp_path):
    """(process, port)"""
    program = shutil.which("apache2")
    port = free_port()
    (tmp_path / "app.wsgi").write_text(APPLICATION)
    (tmp_path / "conf").write_text(CONFIGURATION.format(folder=tmp_path, port=port, modules=MODULES))
    for folder in [tmp_path, tmp_path.parent, tmp_path.parent.parent]:
        folder.chmod(folder.stat().st_mode | 0o055)  # its workers may be another user
    if not program:
        pytest.skip("apache2 is not here")
    process = subprocess.Popen([program, "-f", tmp_path / "conf", "-DFOREGROUND"], stderr=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: process.poll() is not None or serves(port), "an answer")
        if process.poll() is not None:
            pytest.skip("it does not start: " + process.stderr.read())
        yield process, port
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()


def test_sub_interpreter(server, recorder):
    """Its threads had a state of the main interpreter, which was deleted: they are no native threads for that."""
    process, port = server
    sum(serves(port) for _ in range(4))  # each worker has its sub-interpreter now, most likely
    recording = recorder("--pid", process.pid, "--subprocesses", "-r", "499")
    answers = sum(serves(port) for _ in range(40))
    recording.stop()
    document = recording.json()
    by_function = collections.Counter()
    for sample in document["samples"]:
        by_function[sample["stack"][-1].rsplit(".", 1)[-1]] += sample["value"]
    native = by_function.pop("[native threads]", 0)
    # each takes 20 ms of CPU time
    assert by_function["crunch"] + by_function["render"] > 0.015 * answers > 0, (by_function, document["lost"])
    assert native < 0.2 * sum(by_function.values()), document["lost"]
