#!/bin/bash
# SPDX-License-Identifier: MIT
# The one list of packages this project needs. Debian and its relatives.
#
#   scripts/install-deps.sh               everything: build, demo, tests
#   scripts/install-deps.sh --build-only  what `make` needs
#   scripts/install-deps.sh --demo        what `make demo` needs
#   scripts/install-deps.sh --units       what the tests of C programs and of scripts need, and SHORT=1
#   scripts/install-deps.sh --packages    what `make release` needs, and the tests of packages
#   scripts/install-deps.sh --fuzz|--bench|--real|--vm|--fresh|--arm64|--backends  what `make fuzz`, `make bench`, `make real-web`,
#                                         `make vm-test`, `make fresh-test`, `make arm64` and `make backend` need
#   scripts/install-deps.sh --list [...]  print the packages, as this distribution has them, instead of installing
#   scripts/install-deps.sh --try [...]   let apt say whether it could install them
#
# Quick when nothing is missing: one dpkg query, no network, no root. What this distribution does not have is an
# error where it is needed, and said where only some tests read our files with it.
# shellcheck disable=SC2046,SC2086 # lists of packages are words, and no name of one is a pattern
set -euo pipefail
cd "$(dirname "$0")/.."

# `a|b` means: whichever of these this distribution has (the first that exists is taken).
build="
	make gcc libc6-dev linux-libc-dev pkg-config
	clang llvm libbpf-dev bpftool|linux-tools-generic
	libelf-dev zlib1g-dev libdeflate-dev libcap-dev libseccomp-dev libncurses-dev libiberty-dev liblzma-dev libdw-dev uthash-dev
	libcurl4-openssl-dev|libcurl4-gnutls-dev
"
# The demo's workload is standard library only, but its Python must be one that we read.
demo="
	python3.6|python3.7|python3.8|python3.9|python3.10|python3.11|python3.12|python3.13|python3.14|python3.15 procps util-linux
"
# libxml2: is our SVG a document? shellcheck, python3-venv (for the pinned clang-format): `make lint`.
# libmbedtls-dev: HTTP as the static binary has it; openssl makes the certificates for it.
units="
	libmbedtls-dev openssl
	libcmocka-dev libxml2-utils python3 python3-venv python3-pytest python3-pytest-xdist shellcheck
"
fuzz="
	libcmocka-dev python3
"
# Clang's libraries for sanitizers and libFuzzer; where there is no such package (Ubuntu 22.04) its headers bring them.
runtime="
	libclang-rt-dev
"
# py-spy comes from the package index into a venv.
bench="
	python3-venv procps util-linux
"
# A database server to wait for; scripts/real.py runs one of its own. Python packages come from the package index into a venv.
real="
	python3-venv postgresql
"
# Kernels and busybox are only unpacked, by scripts/vm-test.sh itself.
vm="
	python3 qemu-system-x86 qemu-system-arm bsdextrautils
"
# What it is built against is only unpacked, by scripts/arm64-root.sh itself.
arm64="
	gcc-aarch64-linux-gnu qemu-user-static|qemu-user mmdebstrap
"
fresh="
	mmdebstrap git util-linux
"
# debhelper, lintian: the Debian package. The archives that the static binary is made of are in the packages to build with,
# but for what libdw's needs. busybox-static, mmdebstrap, podman, runc, systemd: where packages are tried.
packages="
	debhelper lintian libbz2-dev libseccomp-dev libmbedtls-dev ca-certificates
"
tried="
	busybox-static mmdebstrap podman runc systemd python3-yaml python3-venv strace
"
# Back ends are built from their modules, by scripts/get-backends.sh: any Go fetches one that is new enough. npm: Parca's page.
backends="
	golang-go npm|nodejs util-linux
"
# What live tests read our files with; one that is not there skips its tests.
# chromium, selenium: the SVG as a browser has it. jsonschema: our JSON.
# zsh, fish, man-db, mandoc: completions and the manual page as their readers have them.
# golang-go: pprof, as built; valgrind: callgrind_annotate; npm: speedscope's importer; jq: JSON Lines.
# prometheus: promtool. tmux: the screen of top. podman, runc: a real container. sudo, libcap2-bin: who may do what.
# mmdebstrap: other Pythons. uwsgi, apache2, gdb: programs that have Python as a plug-in.
readers="
	python3-jsonschema python3-selenium
	chromium chromium-driver
	tmux sudo libcap2-bin podman runc mmdebstrap
	uwsgi-core uwsgi-plugin-python3 apache2-bin libapache2-mod-wsgi-py3 gdb
	golang-go valgrind npm|nodejs jq prometheus
	zsh fish man-db mandoc
"

usage() {
	sed -n '3,16s/^# \{0,1\}//p' "$0"
	exit "$1"
}

die() {
	echo "install-deps: $*" >&2
	exit 1
}

needed="$build $units"
optional="$demo $readers $real $packages $tried"
action=install
for arg; do
	case $arg in
	--build-only) needed=$build optional= ;;
	--demo) needed="$build $demo" optional= ;;
	--units) optional=$demo ;;
	--packages) needed="$build $units $packages" optional=$tried ;;
	--fuzz) needed="$build $fuzz" optional=$runtime ;;
	--bench) needed="$build $demo $bench" optional= ;;
	--real) needed="$build $demo $real" optional= ;;
	--vm) needed="$build $vm" optional= ;;
	--fresh) needed=$fresh optional= ;;
	--arm64) needed="$build $units $arm64" optional= ;;
	--backends) needed="$build $backends" optional=$demo ;;
	--list) action=list ;;
	--try) action=try ;;
	-h | --help) usage 0 ;;
	*) usage 2 >&2 ;;
	esac
done

command -v dpkg-query >/dev/null ||
	die "this is no Debian-like system (no dpkg-query). Install by hand what stands for:" $needed

# Those of these packages that are installed, or that apt could install by the lists it has.
installed() {
	dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' || true
}

available() {
	LC_ALL=C apt-cache policy "$@" 2>/dev/null |
		awk '/^[^ ]/ { name = substr($1, 1, length($1) - 1) } $1 == "Candidate:" && $2 != "(none)" { print name }'
}

# first_of `a|b` NAME…: the first of the alternatives that is among the names.
first_of() {
	local one
	for one in ${1//|/ }; do
		[[ " ${*:2} " == *" $one "* ]] && echo "$one" && return
	done
	return 1
}

# choose NAME…: into `chosen`, what stands for each here; into `absent`, those that nothing does.
choose() {
	local name one
	for name; do
		if one=$(first_of "$name" $present || first_of "$name" $known); then
			chosen+=("$one")
		else
			absent+=("$name")
		fi
	done
}

# missing_of NAME…: of which no alternative is installed.
missing_of() {
	local name
	for name; do
		first_of "$name" $present >/dev/null || echo "$name"
	done
}

present=$(installed $(tr '|' ' ' <<<"$needed $optional"))
chosen=() absent=()

if [[ $action != install ]]; then
	known=$(missing_of $needed $optional)
	[[ -z $known ]] || known=$(available ${known//|/ })
	choose $needed
	((${#absent[@]} == 0)) || die "not in the package lists: ${absent[*]} (apt-get update?)"
	choose $optional
	((${#absent[@]} == 0)) || echo "install-deps: not in the package lists: ${absent[*]}" >&2
	[[ $action == try ]] && exec apt-get -q -q --simulate install --no-install-recommends "${chosen[@]}"
	printf '%s\n' "${chosen[@]}"
	exit
fi

missing=$(missing_of $needed | xargs)
wished=$(missing_of $optional | xargs)
# What could not be had is not asked for again on the same day.
gone=${BUILD:-build}/absent-packages
if [[ -z $missing && -n $wished && $(cat "$gone" 2>/dev/null) == "$wished" && $(find "$gone" -mtime -1) ]]; then
	echo "install-deps: all packages are present but what is not to be had here: $wished"
	exit
elif [[ -z $missing$wished ]]; then
	echo "install-deps: all packages are present"
	exit
fi

if [[ -z $missing && ($(id -u) != 0 || ! $(command -v apt-get)) ]]; then
	echo "install-deps: not here, so what only they can read is not tested: $wished" >&2
	exit
fi
command -v apt-get >/dev/null || die "no apt-get here; install by hand: $missing"
[[ $(id -u) == 0 ]] || die "must be root to install: $missing (try: sudo $0 ${*:-})"

export DEBIAN_FRONTEND=noninteractive
apt=(apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
echo "install-deps: installing" $missing $wished
"${apt[@]}" update || echo "install-deps: package lists could not be refreshed; using those present" >&2

known=$(available $(tr '|' ' ' <<<"$missing $wished"))
choose $missing
((${#absent[@]} == 0)) || die "no package ${absent[*]} in this distribution's archive"
required=("${chosen[@]}")
choose $wished
install=("${apt[@]}" install --no-install-recommends)
# Together, which is quicker; else what only some tests want must not stand in the way.
if ! "${install[@]}" "${chosen[@]}"; then
	((${#required[@]} == 0)) || "${install[@]}" "${required[@]}" || die "apt-get could not install: ${required[*]}"
	for name in "${chosen[@]:${#required[@]}}"; do
		"${install[@]}" "$name" || echo "install-deps: apt-get could not install $name" >&2
	done
fi
present=$(installed $(tr '|' ' ' <<<"$optional"))
wished=$(missing_of $optional | xargs)
if [[ $wished ]]; then
	echo "install-deps: not to be had here: $wished"
	mkdir -p "${gone%/*}" && echo "$wished" >"$gone"
fi
echo "install-deps: done"
