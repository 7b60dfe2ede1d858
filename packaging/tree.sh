#!/bin/bash
# SPDX-License-Identifier: MIT
# Copies this tree's sources: packaging/tree.sh FOLDER. All that git does not ignore, as it lies here; outside of git, all
# but what was built.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p "$1"
if [[ -e .git ]]; then
	git -c safe.directory="$PWD" ls-files -z -c -o --exclude-standard |
		tar -c --null --ignore-failed-read --no-recursion -T - 2>/dev/null
else
	tar -c --exclude=./build .
fi | tar -x --no-same-owner -C "$1"
