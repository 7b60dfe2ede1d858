#!/bin/bash
# SPDX-License-Identifier: MIT
# The Debian package of this tree, as it lies here: packaging/deb.sh FOLDER leaves it there (and that of its debug symbols).
# What Debian wants to be told again (version, date, licence, packages to build with) is taken from where it is said.
set -euo pipefail
cd "$(dirname "$0")/.."

out=$(realpath -m "$1")
version=$(make -s print-VERSION)
work=$out/work
tree=$work/pybpfprof-$version

die() {
	echo "deb: $*" >&2
	exit 1
}

# The versions of CHANGELOG.md in Debian's words: of each what its lists say.
changelog() {
	awk -v maintainer="$(sed -n 's/^Maintainer: //p' packaging/debian/control)" '
	function finish() {
		if (version)
			printf "\n -- %s  %s\n", maintainer, date
	}
	/^## \[[0-9]/ {
		finish()
		gsub(/[][]/, "")
		if (version)
			print ""
		version = $2
		("LC_ALL=C date -u -R -d " $4) | getline date
		printf "pybpfprof (%s) unstable; urgency=medium\n\n", version
	}
	version && /^- / { sub(/^- /, "  * "); print; item = 1; next }
	version && /^  [^ ]/ { print "  " $0 }
	END { finish() }' CHANGELOG.md
}

# Packages to build with, as this system names them.
build_depends() {
	scripts/install-deps.sh --list --build-only | sed 'H;1h;$!d;x;s/\n/, /g'
}

# The licence in the form that a field of debian/copyright has.
mit() {
	sed '1,/^Copyright/d;1,/^$/d;s/^$/./;s/^/ /' LICENSES/MIT.txt | sed '1{/^ \.$/d}'
}

# What git does not ignore, as it lies here; outside of git all but what was built.
copy_tree() {
	if [[ -e .git ]]; then
		git -c safe.directory="$PWD" ls-files -z -c -o --exclude-standard | tar -c --null --ignore-failed-read --no-recursion -T - 2>/dev/null
	else
		tar -c --exclude="./${BUILD:-build}" --exclude=./build .
	fi | tar -x --no-same-owner -C "$tree"
}

command -v dh >/dev/null || die "needs debhelper: scripts/install-deps.sh --packages"
rm -rf "$out"
mkdir -p "$tree"
copy_tree
cp -r packaging/debian packaging/systemd/pybpfprof.service "$tree/"
cd "$tree"
mv pybpfprof.service debian/pybpfprof.service
cp packaging/systemd/pybpfprof.default debian/pybpfprof.default
changelog >debian/changelog
mit >"$work/mit"
sed -i "s/@BUILD_DEPENDS@/$(build_depends)/" debian/control
sed -i -e "/@MIT@/{r $work/mit" -e 'd}' debian/copyright
unset MAKEFLAGS MFLAGS MAKELEVEL BUILD STATIC
DEB_BUILD_OPTIONS="nocheck ${DEB_BUILD_OPTIONS:-parallel=$(nproc)}" dpkg-buildpackage -b -us -uc >"$out/log" 2>&1 || {
	tail -n 40 "$out/log" >&2
	die "the whole of it is in $out/log"
}
mv "$work"/*.deb "$out/"
rm -rf "$work"
ls "$out"/*.deb
