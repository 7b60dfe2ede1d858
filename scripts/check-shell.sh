#!/bin/bash
# SPDX-License-Identifier: MIT
# Every shell script is clean by shellcheck: those that say in their first line that they are one.
#
#   scripts/check-shell.sh [ROOT]
#
# Exit status 77 (skipped) where there is no shellcheck.
set -euo pipefail
cd "${1:-$(dirname "$0")/..}"

command -v shellcheck >/dev/null || {
	echo 'check-shell: skipped: no shellcheck here (scripts/install-deps.sh --units installs it)'
	exit 77
}
mapfile -t scripts < <(find . \( -path ./.git -o -path "./${BUILD:-build}" -o -name node_modules \) -prune -o -type f -print |
	LC_ALL=C sort | xargs awk 'FNR == 1 && /^#!.*[\/ ](ba|da)?sh( |$)/ { print FILENAME } { nextfile }')
((${#scripts[@]})) || { echo 'check-shell: no scripts found'; exit 1; }
shellcheck "${scripts[@]}"
echo "check-shell: ${#scripts[@]} scripts are clean"
