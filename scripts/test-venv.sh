#!/bin/bash
# Makes build/venv, with the viewers that the format tests load our files into. Quick when it is there.
#
#   scripts/test-venv.sh      prints the folder; status 1 when it cannot be made (no package index)
set -euo pipefail
cd "$(dirname "$0")/.."

venv=${BUILD:-build}/venv
python=${PYTHON:-/usr/bin/python3}

if ! cmp -s tests/requirements.txt "$venv/requirements.txt"; then
	rm -rf "$venv"
	"$python" -m venv "$venv" >&2
	"$venv/bin/pip" install --quiet --disable-pip-version-check -r tests/requirements.txt >&2
	cp tests/requirements.txt "$venv/requirements.txt"
fi
realpath "$venv"
