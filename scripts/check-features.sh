#!/bin/bash
# SPDX-License-Identifier: MIT
# The list of what is used of the kernel, in docs/requirements.md, is that of user/session/features.c. Fails, and says what it should be.
#
#   scripts/check-features.sh [ROOT]
set -euo pipefail
cd "${1:-$(dirname "$0")/..}"

# {"name", "since", NULL or "what is lost", …
wanted=$(awk '
FNR == 1 { file++ }
file == 1 && /^#define VARIANT_WORK_SINCE/ { split($0, part, "\""); task_work = part[2] }
file == 2 && /^\t\{"[^"]+", ("[^"]*"|VARIANT_WORK_SINCE), / {
	sub(/VARIANT_WORK_SINCE/, "\"" task_work "\"")
	split($0, part, "\"")
	lost = part[5] ~ /NULL/ ? "nothing works" : part[6]
	printf "| %s | %s | %s |\n", part[2], part[4] == "" ? "as configured" : part[4], lost
}' user/session/variant.h user/session/features.c)
[[ $wanted ]] || { echo 'check-features: no rows found in user/session/features.c'; exit 1; }
there=$(awk '/^\| of the kernel \|/ { on = 1; next } on && !/^\|/ { exit } on && !/^\|-/' docs/requirements.md)
if [[ $there != "$wanted" ]]; then
	echo 'check-features: docs/requirements.md should list of the kernel:'
	echo "$wanted"
	exit 1
fi
oldest=$(awk -F' \\| ' '/nothing works/ { print $2 }' <<<"$wanted" | grep '^[0-9]' | sort -V | tail -1)
for page in README.md docs/requirements.md; do
	grep -q "Linux $oldest or newer" $page || { echo "check-features: $page should ask for Linux $oldest or newer"; exit 1; }
done
echo "check-features: docs/requirements.md has all $(wc -l <<<"$wanted") features of the kernel that are used"
