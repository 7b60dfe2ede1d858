#!/bin/bash
# SPDX-License-Identifier: MIT
# Makes a folder of programs from the package index, pinned by a list in tests/. Quick when it is there.
#
#   scripts/test-venv.sh        build/venv: the viewers that the format tests load our files into
#   scripts/test-venv.sh lint   build/venv-lint: what `make lint` needs
#   scripts/test-venv.sh push   build/venv-push: what bodies for OpenTelemetry are read with
#
# Prints the folder; status 1 when it cannot be made (no package index).
set -euo pipefail
cd "$(dirname "$0")/.."

list=tests/requirements${1:+-$1}.txt
venv=${BUILD:-build}/venv${1:+-$1}
python=${PYTHON:-/usr/bin/python3}

if ! cmp -s "$list" "$venv/requirements.txt"; then
	rm -rf "$venv"
	"$python" -m venv "$venv" >&2
	"$venv/bin/pip" install --quiet --disable-pip-version-check -r "$list" >&2
	cp "$list" "$venv/requirements.txt"
fi
realpath "$venv"
