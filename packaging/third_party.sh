#!/bin/bash
# SPDX-License-Identifier: MIT
# The licences of what is linked into the static binary, by the linker's own list of archives: packaging/third_party.sh MAP
# prints what each one's package says of it (copyright files of Debian), and the licences those name.
set -euo pipefail

die() {
	echo "third_party: $*" >&2
	exit 1
}

[[ -s $1 ]] || die "$1: no map of a static link (make static)"
mapfile -t archives < <(grep -o '^[^ (]*\.a(' "$1" | tr -d '(' | sort -u | xargs realpath | sort -u)
((${#archives[@]})) || die "$1 names no archive"
mapfile -t packages < <(dpkg-query -S "${archives[@]}" | sed 's/:.*//' | LC_ALL=C sort -u)
copyrights=("${packages[@]/#//usr/share/doc/}")
copyrights=("${copyrights[@]/%//copyright}")
cat "$(dirname "$0")/NOTICE"
printf '\nLinked in are archives of these packages of Debian:\n\n'
for each in "${archives[@]}"; do
	package=$(dpkg-query -S "$each" | sed 's/:.*//')
	printf '    %-22s %s\n' "${each##*/}" "$(dpkg-query -W -f '${source:Package} ${source:Version}' "$package")"
done
for each in "${packages[@]}"; do
	printf '\n\n======== %s\n\n' "$each"
	cat "/usr/share/doc/$each/copyright"
done
cat "${copyrights[@]}" | grep -o '/usr/share/common-licenses/[A-Z][A-Za-z0-9.-]*[0-9]' | grep -v GFDL | sort -u | while read -r text; do
	[[ ! -L $text && -f $text ]] || continue
	printf '\n\n======== %s\n\n' "${text##*/}"
	cat "$text"
done
