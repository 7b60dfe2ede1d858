#!/bin/bash
# The one list of packages this project needs. Debian and its relatives.
#
#   scripts/install-deps.sh               everything: build, demo, tests
#   scripts/install-deps.sh --build-only  what `make` needs
#   scripts/install-deps.sh --demo        what `make demo` needs
#   scripts/install-deps.sh --vm          what `make vm-test` needs beyond that; no part of everything
#   scripts/install-deps.sh --list [...]  print the packages instead of installing them
#
# Quick when nothing is missing: one dpkg query, no network, no root.
set -euo pipefail

# `a|b` means: whichever of the two this distribution has (the first that exists is taken).
build="
	make gcc libc6-dev linux-libc-dev pkg-config
	clang llvm libbpf-dev bpftool|linux-tools-generic
	libelf-dev zlib1g-dev libyajl-dev libcap-dev libncurses-dev uthash-dev
"
# The workload of the demo is standard library only.
demo="
	python3 procps
"
# libcmocka: units. chromium, selenium, libxml2: the SVG as a browser has it. jsonschema: our JSON.
# zsh, fish, man-db, mandoc: completions and the manual page as their readers have them.
# golang-go: pprof, as built; valgrind: callgrind_annotate; npm: speedscope's importer; jq: JSON Lines.
# tmux: the screen of top. podman, runc: a real container. sudo, libcap2-bin, util-linux: who may do what.
# debootstrap: other Pythons.
tests="
	libcmocka-dev
	python3-pytest python3-pytest-xdist python3-venv python3-jsonschema python3-selenium
	chromium chromium-driver libxml2-utils
	tmux sudo libcap2-bin util-linux podman runc debootstrap
	golang-go valgrind npm|nodejs jq
	zsh fish man-db mandoc
"
# Kernels and busybox are only unpacked, by scripts/vm-test.sh itself.
vm="
	qemu-system-x86
"

usage() {
	sed -n '2,10s/^# \{0,1\}//p' "$0"
	exit "$1"
}

die() {
	echo "install-deps: $*" >&2
	exit 1
}

want=all
list=
for arg; do
	case $arg in
	--build-only) want=build ;;
	--demo) want=demo ;;
	--vm) want=vm ;;
	--list) list=1 ;;
	-h | --help) usage 0 ;;
	*) usage 2 >&2 ;;
	esac
done

case $want in
build) wanted=$build ;;
demo) wanted="$build $demo" ;;
vm) wanted=$vm ;;
all) wanted="$build $demo $tests" ;;
esac

command -v dpkg-query >/dev/null ||
	die "this is no Debian-like system (no dpkg-query). Install by hand what stands for:" $wanted

installed() {
	[[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# Known to apt as a real package. Needs the package lists.
available() {
	local policy
	policy=$(LC_ALL=C apt-cache policy "$1" 2>/dev/null)
	[[ $policy =~ Candidate:\ [^\(] ]]
}

missing_of() {
	local name
	for name; do
		local found=
		for one in ${name//|/ }; do
			installed "$one" && found=1
		done
		[[ $found ]] || echo "$name"
	done
}

if [[ $list ]]; then
	printf '%s\n' $wanted
	exit
fi

# One query for all that have no alternative; it is the usual case that nothing is missing.
plain=$(printf '%s\n' $wanted | grep -v '|')
present=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $plain 2>/dev/null |
	sed -n 's/^installed //p') || true # it fails when it does not know one of them
missing=$(comm -23 <(sort <<<"$plain") <(sort <<<"$present"))
missing+=" $(missing_of $(printf '%s\n' $wanted | grep '|' || true))"
missing=$(echo $missing)
if [[ -z $missing ]]; then
	echo "install-deps: all packages are present"
	exit
fi

command -v apt-get >/dev/null || die "no apt-get here; install by hand: $missing"
[[ $(id -u) == 0 ]] || die "must be root to install: $missing (try: sudo $0 ${*:-})"

export DEBIAN_FRONTEND=noninteractive
apt=(apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
echo "install-deps: installing $missing"
"${apt[@]}" update || echo "install-deps: package lists could not be refreshed; using those present" >&2

chosen=()
for name in $missing; do
	pick=
	for one in ${name//|/ }; do
		[[ -z $pick ]] && available "$one" && pick=$one
	done
	[[ $pick ]] || die "no package $name in this distribution's archive"
	chosen+=("$pick")
done
"${apt[@]}" install --no-install-recommends "${chosen[@]}" ||
	die "apt-get could not install: ${chosen[*]}"
echo "install-deps: done"
