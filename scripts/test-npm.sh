#!/bin/bash
# SPDX-License-Identifier: MIT
# Makes build/npm, with the JavaScript readers that the format tests load our files into. Quick when it is there.
#
#   scripts/test-npm.sh      prints the folder of packages; status 1 when it cannot be made (no npm, no registry)
set -euo pipefail
cd "$(dirname "$0")/.."

npm=${BUILD:-build}/npm

if ! cmp -s tests/package.json "$npm/installed.json"; then
	rm -rf "$npm"
	mkdir -p "$npm"
	cp tests/package.json "$npm/package.json"
	npm install --prefix "$npm" --no-audit --no-fund --ignore-scripts --no-progress >&2
	cp tests/package.json "$npm/installed.json"
fi
realpath "$npm/node_modules"
