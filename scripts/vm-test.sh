#!/bin/bash
# Runs build/pybpfprof under other kernels than this machine's: Debian's cloud kernels in virtual machines. One
# line per kernel and check; the last line counts them: `N passed, N failed, N skipped`.
#
#   scripts/vm-test.sh [SERIES…]     e.g. 6.1 6.12; default: all that are listed below, but for this machine's own
#
# A kernel is taken from the configured archive, or from another suite of the same mirror, unpacked and never
# installed; so is busybox. qemu is installed when it is missing and we are root (install-deps.sh --vm). What
# runs inside is tests/vm/. No KVM is needed: the machines are emulated, which takes about 20 s for each kernel.
# Exit status 1 when anything failed.
set -uo pipefail
cd "$(dirname "$0")/.."

build=${BUILD:-build}
python=${PYTHON:-/usr/bin/python3}
program=$(realpath -m "$build/pybpfprof")
work=$(realpath -m "$build/vm")
patience=150 # seconds per kernel
passed=0 failed=0 skipped=0

# series  where it is when not in the configured archive   what must happen
kernels='
5.10  security:bullseye-security  refused
6.1   security:bookworm-security  works
6.12  security:bookworm-security  works
6.18  main:trixie-backports       works
7     main:trixie-backports       works
'

say() {
	printf '%s: %s: %s\n' "$1" "$2" "$3"
}

skip() {
	skipped=$((skipped + 1))
	say "$1" skipped "$2"
}

finish() {
	echo "$passed passed, $failed failed, $skipped skipped"
	((failed == 0))
	exit
}

# ---- packages --------------------------------------------------------------------------------------------

# Options for apt to see a suite that is not configured here, in lists of our own; empty for the configured.
declare -a apt_options
use_suite() {
	local archive=debian suite=${1#*:} at lists
	apt_options=(-o APT::Sandbox::User=root)
	[[ $1 == - ]] && return
	[[ $1 == security:* ]] && archive=debian-security
	at=$(scripts/mirror.sh $archive)
	[[ $at ]] || return
	lists=$work/suites/$suite
	mkdir -p "$lists/partial" "$work/suites/cache/archives/partial"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $at $suite main" >"$lists.list"
	apt_options+=(-o "Dir::Etc::sourcelist=$lists.list" -o Dir::Etc::sourceparts=/dev/null
		-o "Dir::State::lists=$lists" -o "Dir::Cache=$work/suites/cache")
	# Fetched once a day.
	[[ -f $lists/fetched && -z $(find "$lists/fetched" -mtime +0) ]] && return
	apt-get -q "${apt_options[@]}" -o Acquire::Retries=3 update >"$lists.log" 2>&1 && touch "$lists/fetched"
}

# The newest kernel's version: 6.1.0-55.
newest() {
	apt-cache "${apt_options[@]}" search --names-only "^linux-image-${1//./\\.}\.[^ ]*-cloud-amd64\$" |
		sed -n 's/^linux-image-\([0-9][^ ]*\)-cloud-amd64 .*/\1/p' | sort -V | tail -n 1
}

# unpack PACKAGE FOLDER
unpack() {
	local down=$work/down
	rm -rf "$down" && mkdir -p "$down" "$2"
	(cd "$down" && apt-get -q "${apt_options[@]}" -o Acquire::Retries=3 download "$1") >"$work/download.log" 2>&1 &&
		dpkg-deb -x "$down"/*.deb "$2" && rm -rf "$down"
}

vmlinuz() {
	find "$work/kernels/$1" -name 'vmlinuz*' -size +1M 2>/dev/null | head -n 1
}

# From 6.19 on the kernel itself is in a package of its own, linux-binary.
get_kernel() {
	local version=$1 kind
	for kind in image binary; do
		[[ $(vmlinuz "$version") ]] && return
		rm -rf "$work/kernels/$version"
		unpack "linux-$kind-$version-cloud-amd64" "$work/kernels/$version"
	done
	[[ $(vmlinuz "$version") ]]
}

# ---- what runs inside ------------------------------------------------------------------------------------

# put FILE…: at the same place in the machine, with the libraries each needs.
put() {
	local file library
	for file; do
		mkdir -p "$root${file%/*}"
		cp -pL "$file" "$root$file"
		[[ $file == *.py || $file == *.pyc ]] && continue
		for library in $(ldd "$file" 2>/dev/null | grep -o '/[^ ]*'); do
			mkdir -p "$root${library%/*}"
			cp -pLn "$library" "$root$library"
		done
	done
}

make_initramfs() {
	local real files
	root=$work/root
	rm -rf "$root"
	mkdir -p "$root"/{bin,usr/bin,proc,sys,dev,tmp,vm}
	cp "$work/busybox/bin/busybox" "$root/bin/"
	"$root/bin/busybox" --install -s "$root/bin" && (cd "$root/bin" && for each in *; do
		[[ -L $each ]] && ln -sf busybox "$each"
	done)
	real=$("$python" -c 'import os, sys; print(os.path.realpath(sys.executable))') || return
	files=$("$python" -I -B tests/vm/check.py --files) || return
	put "$real" $files $(ls /usr/bin/setpriv 2>/dev/null)
	mkdir -p "$root$("$python" -c 'import sysconfig; print(sysconfig.get_path("platstdlib"))')/lib-dynload"
	ln -sf "$real" "$root/bin/python3"
	put "$program" # for its libraries
	mv "$root$program" "$root/usr/bin/"
	cp tests/vm/check.py tests/vm/work.py "$root/vm/"
	install -m 755 tests/vm/init "$root/init"
	(cd "$root" && find . | ./bin/busybox cpio -o -H newc 2>/dev/null) | gzip -1 >"$work/initramfs.gz"
}

# ---- one kernel -------------------------------------------------------------------------------------------

boot() {
	timeout -k 5 "$patience" qemu-system-x86_64 -accel tcg -cpu max -smp 2 -m 768 -nographic -no-reboot \
		-nic none -kernel "$(vmlinuz "$1")" -initrd "$work/initramfs.gz" \
		-append "console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off $2" </dev/null 2>&1 |
		tr -d '\r' >"$work/$1.log"
}

run_kernel() {
	local series=$1 suite=$2 expected=$3 version result name
	version=
	use_suite - && version=$(newest "$series")
	[[ $version ]] || { use_suite "$suite" && version=$(newest "$series"); }
	[[ $version ]] || { skip "$series" "no such kernel in the archives this machine can reach"; return; }
	get_kernel "$version" || { skip "$version" "its package cannot be downloaded"; return; }
	boot "$version" "$expected"
	while read -r _ result name; do
		case $result in
		passed) passed=$((passed + 1)) ;;
		failed) failed=$((failed + 1)) ;;
		skipped) skipped=$((skipped + 1)) ;;
		*) continue ;;
		esac
		say "$version" "$result" "$name"
	done < <(grep -a '^@ ' "$work/$version.log")
	grep -qa '^@ end' "$work/$version.log" && return
	failed=$((failed + 1))
	say "$version" failed "it did not get to the end; the last of $build/vm/$version.log:"
	tail -n 15 "$work/$version.log"
}

[[ $(uname -m) == x86_64 ]] || { skip all "for x86-64 only"; finish; }
command -v apt-cache dpkg-deb >/dev/null || { skip all "no apt here to get kernels with"; finish; }
command -v qemu-system-x86_64 >/dev/null || { [[ $(id -u) == 0 ]] && scripts/install-deps.sh --vm; }
command -v qemu-system-x86_64 >/dev/null || { skip all "no qemu-system-x86_64, and it cannot be installed"; finish; }
[[ -x $program ]] || { echo "$program is not built: run make first" >&2; exit 1; }
mkdir -p "$work"
use_suite -
apt-cache show busybox-static >/dev/null 2>&1 || apt-get -q update >"$work/update.log" 2>&1
[[ -x $work/busybox/bin/busybox ]] || unpack busybox-static "$work/busybox" ||
	{ skip all "busybox-static cannot be downloaded"; finish; }
make_initramfs || { echo "cannot make the initramfs" >&2; exit 1; }

wanted=" ${*:-} "
while read -r series suite expected; do
	[[ $series ]] || continue
	if [[ $# != 0 ]]; then
		[[ $wanted == *" $series "* ]] || continue
	elif [[ $(uname -r) == "$series".* ]]; then
		continue # that is what `make test` is for
	fi
	run_kernel "$series" "$suite" "$expected"
done <<<"$kernels"
finish
