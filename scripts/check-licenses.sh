#!/bin/bash
# SPDX-License-Identifier: MIT
# Every source file says its licence: in one of its first five lines, or in the last, where tests and pages count its lines:
# MIT; what is loaded into the kernel "MIT OR GPL-2.0-only", and the object itself says the same to the kernel.
#
#   scripts/check-licenses.sh [ROOT]    fails, and says which do not
#   scripts/check-licenses.sh --fix     puts the line into those that have none (`make format`)
set -euo pipefail
fix=
[[ ${1:-} != --fix ]] || { fix=1; shift; }
cd "${1:-$(dirname "$0")/..}"

kernel_side="MIT OR GPL-2.0-only"
bad=0

complain() {
	echo "$*"
	bad=$((bad + 1))
}

# Sources by their names, and whatever else says in its first line that it is a script.
list_sources() {
	find . \( -path ./.git -o -path "./${BUILD:-build}" -o -name node_modules -o -name __pycache__ \) -prune -o -type f -print0 |
		LC_ALL=C sort -z | xargs -0 awk '
		FNR == 1 && (/^#!/ || FILENAME ~ /\/(Makefile|rules)$|\.(c|h|cc|py|sh|bash|zsh|fish|js|css|roff|ya?ml|service)$/) { print substr(FILENAME, 3) }
		{ nextfile }'
}

# file<TAB>licence, for each of the files; nothing behind the tab where it says none.
licences_of() {
	awk '
	function finish() {
		if (file && !said && last ~ mark)
			said = id(last)
		if (file)
			print file "\t" said
	}
	function id(line) {
		sub(".*" mark, "", line)
		sub(/ *\*\/$/, "", line)
		return line
	}
	BEGIN { mark = "SPDX-License-Identifier: " }
	FNR == 1 { finish(); file = FILENAME; said = "" }
	FNR <= 5 && !said && index($0, mark) { said = id($0) }
	{ last = $0 }
	END { finish() }' "$@"
}

# put_line FILE LICENCE: as the first line, or the second where the first is for a program.
put_line() {
	local line="SPDX-License-Identifier: $2"
	case $1 in
	*.[ch] | *.cc | *.css) line="/* $line */" ;;
	*.js) line="// $line" ;;
	*.roff) line='.\\" '$line ;; # for sed
	*) line="# $line" ;;
	esac
	if [[ $(head -c 2 "$1") == '#!' ]]; then
		sed -i "1a$line" "$1"
	else
		sed -i "1i$line" "$1"
	fi
	echo "$1: is under $2"
}

mapfile -t sources < <(list_sources)
((${#sources[@]})) || complain "check-licenses: no sources found"
while IFS=$'\t' read -r file said; do
	wanted=MIT
	[[ $file == @(bpf|vmlinux)/* || $file == *.bpf.c ]] && wanted=$kernel_side
	if [[ ! $said && $fix ]]; then
		put_line "$file" "$wanted"
	elif [[ ! $said ]]; then
		complain "$file: has no line SPDX-License-Identifier: $wanted"
	elif [[ $said != "$wanted" ]]; then
		complain "$file: is under $said, where it should be $wanted"
	fi
done < <(((${#sources[@]})) && licences_of "${sources[@]}")

for id in MIT GPL-2.0-only; do
	[[ -s LICENSES/$id.txt ]] || complain "LICENSES/$id.txt, the text of the licence, is missing"
done
grep -qs 'SEC("license") = "Dual MIT/GPL";' bpf/*.bpf.c || complain "bpf/: does not tell the kernel that it is under Dual MIT/GPL"
((bad == 0)) || { echo "check-licenses: $bad violation$( ((bad == 1)) || echo s)" >&2; exit 1; }
echo "check-licenses: ${#sources[@]} files say their licence"
