#!/bin/bash
# SPDX-License-Identifier: MIT
# The Debian package of this tree, as it lies here: packaging/deb.sh FOLDER leaves it there (and that of its debug symbols).
# What Debian wants to be told again (version, date, licence, packages to build with) is taken from where it is said.
set -euo pipefail
cd "$(dirname "$0")/.."

# Its make knows nothing of the one that may have called this.
unset MAKEFLAGS MFLAGS MAKELEVEL BUILD STATIC
out=$(realpath -m "$1")
version=$(make -s --no-print-directory print-VERSION)
work=$out/work
tree=$work/pybpfprof-$version

die() {
	echo "deb: $*" >&2
	exit 1
}

# The versions of CHANGELOG.md in Debian's words: of each what its lists say, in lines as short as Debian wants them.
changelog() {
	awk -v maintainer="$(sed -n 's/^Maintainer: //p' packaging/debian/control)" '
	function finish_item(    n, words, i, line) {
		n = split(item, words, " ")
		line = item ? "  *" : ""
		for (i = 1; i <= n; i++) {
			if (length(line " " words[i]) > 76) {
				print line
				line = "   "
			}
			line = line " " words[i]
		}
		if (line)
			print line
		item = ""
	}
	function finish_version() {
		finish_item()
		if (version)
			printf "\n -- %s  %s\n", maintainer, date
	}
	/^## \[[0-9]/ {
		finish_version()
		printf "%spybpfprof (%s) unstable; urgency=medium\n\n", version ? "\n" : "", version = substr($2, 2, length($2) - 2)
		("LC_ALL=C date -u -R -d " $4) | getline date
		next
	}
	version && /^- / { finish_item(); item = substr($0, 3); next }
	version && /^  [^ ]/ { item = item " " $0; next }
	END { finish_version() }' CHANGELOG.md
}

# Packages to build with, as this system names them.
build_depends() {
	scripts/install-deps.sh --list --build-only | sed 'H;1h;$!d;x;s/\n/, /g'
}

# The licence in the form that a field of debian/copyright has.
mit() {
	sed '1,/^Copyright/d;1,/^$/d;s/^$/./;s/^/ /' LICENSES/MIT.txt | sed '1{/^ \.$/d}'
}

command -v dh >/dev/null || die "needs debhelper: scripts/install-deps.sh --packages"
rm -rf "$out"
packaging/tree.sh "$tree"
cp -r packaging/debian packaging/systemd/pybpfprof.service "$tree/"
cd "$tree"
mv pybpfprof.service debian/pybpfprof.service
cp packaging/systemd/pybpfprof.default debian/pybpfprof.default
changelog >debian/changelog
mit >"$work/mit"
sed -i "s/@BUILD_DEPENDS@/$(build_depends)/" debian/control
sed -i -e "/@MIT@/{r $work/mit" -e 'd}' debian/copyright
DEB_BUILD_OPTIONS="nocheck ${DEB_BUILD_OPTIONS:-parallel=$(nproc)}" dpkg-buildpackage -b -us -uc >"$out/log" 2>&1 || {
	tail -n 40 "$out/log" >&2
	die "the whole of it is in $out/log"
}
mv "$work"/*.deb "$out/"
rm -rf "$work"
ls "$out"/*.deb
