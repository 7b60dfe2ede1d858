#!/bin/bash
# SPDX-License-Identifier: MIT
# The format of all C sources is that of .clang-format, as the pinned clang-format understands it: versions differ.
#
#   scripts/check-format.sh          fails, and says which lines differ
#   scripts/check-format.sh --fix    rewrites them (`make format`)
#
# Exit status 77 (skipped) where that clang-format cannot be had.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=$(scripts/test-venv.sh lint) || {
	echo 'check-format: skipped: tests/requirements-lint.txt cannot be installed (no package index, or no python3-venv)'
	exit 77
}
mapfile -t sources < <(find user bpf vmlinux tests -name '*.[ch]' | LC_ALL=C sort)
if [[ ${1:-} == --fix ]]; then
	exec "$venv/bin/clang-format" -i "${sources[@]}"
fi
"$venv/bin/clang-format" --dry-run --Werror "${sources[@]}" || {
	echo "check-format: make format rewrites these lines" >&2
	exit 1
}
echo "check-format: ${#sources[@]} files are formatted"
