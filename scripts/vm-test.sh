#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs build/pybpfprof under other kernels than this machine's, and on arm64: Debian's cloud kernels in virtual machines. One
# line per kernel and check, then a table of figures; the last line counts: `N passed, N failed, N skipped`.
#
#   scripts/vm-test.sh [ROW|MACHINE…]     e.g. 5.10 6.12 arm64; default: all that are listed below, but for this machine's own
#   IMAGES=tests/host/images scripts/vm-test.sh arm64      only makes the images of tests/host/process_image.h anew
#
# A kernel is taken from the configured archive, or from another suite of the same mirror, unpacked and never
# installed; so is busybox. qemu is installed when it is missing and we are root (install-deps.sh --vm). What
# runs inside is tests/vm/. No KVM is needed: the machines are emulated, which takes about 20 s for each kernel.
# Exit status 1 when anything failed.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

build=${BUILD:-build}
images=${IMAGES:-}
python=${PYTHON:-/usr/bin/python3}
work=$(realpath -m "$build/vm")
passed=0 failed=0 skipped=0
figures=()

# row       machine  series  where it is when not in the configured archive  Python: this machine's (-), or a suite's  options of `record`
# No archive has a 5.14 or 5.15 any more: they lack what the variant for old kernels does without, so there it runs on 6.1.
kernels='
5.10        amd64  5.10  security:bullseye-security  -
5.15-like   amd64  6.1   security:bookworm-security  -  --as-old-kernel
6.1         amd64  6.1   security:bookworm-security  -
6.12        amd64  6.12  security:bookworm-security  -
6.18        amd64  6.18  main:trixie-backports       -
7           amd64  7     main:trixie-backports       -
6.1-arm64   arm64  6.1   security:bookworm-security  bookworm:python3.11
6.12-arm64  arm64  6.12  security:bookworm-security  trixie:python3.13
7-arm64     arm64  7     main:trixie-backports       sid:python3.15
'

# Per machine: the program for it, qemu, its console, seconds that a kernel may take (an emulated arm64 needs more).
declare -A programs=([amd64]=$build/pybpfprof [arm64]=$build/arm64/pybpfprof)
declare -A host_walks=([amd64]=$build/tests/host/host_walk [arm64]=$build/arm64/tests/host/host_walk)
declare -A emulators=([amd64]="qemu-system-x86_64 -cpu max" [arm64]="qemu-system-aarch64 -machine virt -cpu max,pauth-impdef=on")
declare -A consoles=([amd64]=ttyS0 [arm64]=ttyAMA0)
qemu_user=$(command -v qemu-aarch64-static || command -v qemu-aarch64) # by qemu-user-static, or qemu-user
declare -A patience=([amd64]=600 [arm64]=900)

say() {
	printf '%s: %s: %s\n' "$1" "$2" "$3"
}

skip() {
	skipped=$((skipped + 1))
	say "$1" skipped "$2"
}

finish() {
	[[ ${figures[*]} ]] && printf '%s\n' "row kernel stacks depth lives named" "${figures[@]}" | column -t
	echo "$passed passed, $failed failed, $skipped skipped"
	((failed == 0))
	exit
}

# ---- packages --------------------------------------------------------------------------------------------

# use_suite SUITE MACHINE: options for apt to see a suite that is not configured here, in lists of our own; -: the configured,
# which have this machine's packages alone.
declare -a apt_options
use_suite() {
	local archive=debian suite=${1#*:} at lists
	apt_options=(-o APT::Sandbox::User=root)
	[[ $1 == - ]] && { [[ $2 == "$(dpkg --print-architecture)" ]]; return; }
	[[ $1 == security:* ]] && archive=debian-security
	at=$(scripts/mirror.sh $archive)
	[[ $at ]] || return
	lists=$work/suites/$suite-$2
	mkdir -p "$lists/partial" "$work/suites/cache/archives/partial"
	echo "deb [arch=$2 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $at $suite main" >"$lists.list"
	apt_options+=(-o "Dir::Etc::sourcelist=$lists.list" -o Dir::Etc::sourceparts=/dev/null
		-o "Dir::State::lists=$lists" -o "Dir::Cache=$work/suites/cache"
		-o "APT::Architecture=$2" -o "APT::Architectures=$2")
	# Fetched once a day.
	[[ -f $lists/fetched && -z $(find "$lists/fetched" -mtime +0) ]] && return
	apt-get -q "${apt_options[@]}" -o Acquire::Retries=3 update >"$lists.log" 2>&1 && touch "$lists/fetched"
}

# newest SERIES MACHINE: the newest kernel's version: 6.1.0-55.
newest() {
	apt-cache "${apt_options[@]}" search --names-only "^linux-image-${1//./\\.}\.[^ ]*-cloud-$2\$" |
		sed -n "s/^linux-image-\([0-9][^ ]*\)-cloud-$2 .*/\1/p" | sort -V | tail -n 1
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
	local name=$1-cloud-$2 kind
	for kind in image binary; do
		[[ $(vmlinuz "$name") ]] && return
		rm -rf "$work/kernels/$name"
		unpack "linux-$kind-$name" "$work/kernels/$name"
	done
	[[ $(vmlinuz "$name") ]]
}

# ---- what runs inside ------------------------------------------------------------------------------------

# The libraries that a file of `from` needs, by their names there.
libraries() {
	if [[ $from ]]; then
		"$qemu_user" -L "$from" "$from/lib/ld-linux-aarch64.so.1" --list "$1"
	else
		ldd "$1"
	fi 2>/dev/null | grep -o '/[^ ]*'
}

put_libraries() {
	local library
	for library in $(libraries "$1"); do
		library=${library#"$from"}
		mkdir -p "$root${library%/*}"
		cp -pLn "$from$library" "$root$library"
	done
}

# put FILE…: of `from` at the same place in the machine, with the libraries each needs.
put() {
	local file
	for file; do
		mkdir -p "$root${file%/*}"
		cp -pL "$from$file" "$root$file"
		[[ $file == *.py || $file == *.pyc ]] || put_libraries "$from$file"
	done
}

# Python that is to be in the machine, run here.
its_python() {
	if [[ $from ]]; then
		"$qemu_user" -L "$from" "$from$interpreter" "$@"
	else
		"$python" "$@"
	fi
}

# make_initramfs MACHINE PYTHON: the name of the file, whose parts are in `from`: a root, or here.
make_initramfs() {
	local program=${programs[$1]} from='' interpreter root=$work/root files busybox at each
	rm -rf "$root"
	mkdir -p "$root"/{bin,usr/bin,proc,sys,dev,tmp,vm}
	if [[ $2 == - ]]; then
		interpreter=$("$python" -c 'import os, sys; print(os.path.realpath(sys.executable))') || return
		busybox=$work/busybox/bin/busybox
	else
		from=$(scripts/arm64-root.sh "${2%:*}" "${2#*:}") || return
		interpreter=/usr/bin/${2#*:}
		busybox=$(find "$from/bin/busybox" "$from/usr/bin/busybox" 2>/dev/null | head -n 1)
	fi
	cp "$busybox" "$root/bin/busybox"
	"$work/busybox/bin/busybox" --list | while read -r each; do
		[[ $each == busybox ]] || ln -sf busybox "$root/bin/$each"
	done
	mapfile -t files < <(its_python -I -B tests/vm/check.py --files)
	((${#files[@]})) || return
	files=("${files[@]#"$from"}")
	[[ ! -x $from/usr/bin/setpriv ]] || files+=(/usr/bin/setpriv)
	put "$interpreter" "${files[@]}"
	at=$(its_python -c 'import sysconfig; print(sysconfig.get_path("platstdlib"))')
	mkdir -p "$root${at#"$from"}/lib-dynload"
	ln -sf "$interpreter" "$root/bin/python3"
	for each in "$program" "${host_walks[$1]}"; do
		[[ -f $each ]] || continue
		cp "$each" "$root/usr/bin/"
		put_libraries "$each"
	done
	cp tests/vm/{check,work}.py tests/live/workloads/{asleep,anywhere}.py "$root/vm/"
	install -m 755 tests/vm/init "$root/init"
	(cd "$root" && find . | "$work/busybox/bin/busybox" cpio -o -H newc 2>/dev/null) | gzip -1 >"$work/initramfs-$1-${2#*:}.gz"
}

# ---- one kernel -------------------------------------------------------------------------------------------

# boot NAME MACHINE INITRAMFS WORD
boot() {
	# shellcheck disable=SC2086 # the emulator has arguments
	timeout -k 5 "${patience[$2]}" ${emulators[$2]} -accel tcg -smp 2 -m 768 -nographic -no-reboot \
		-nic none -kernel "$(vmlinuz "$1")" -initrd "$3" \
		-append "console=${consoles[$2]} quiet loglevel=3 panic=-1 mitigations=off ${images:+--images} $4" </dev/null 2>&1 |
		tr -d '\r' >"$work/$1.log"
}

# keep_images LOG
keep_images() {
	local name
	mkdir -p "$images"
	sed -n 's/^@ image \([^ ]*\) .*/\1/p' "$1" | sort -u | while read -r name; do
		sed -n "s/^@ image $name //p" "$1" | base64 -d >"$images/$name"
	done
}

# What a machine needs here, once for all its kernels; why it cannot be, when it cannot.
is_ready() {
	local emulator=${emulators[$1]%% *}
	[[ -x ${programs[$1]} ]] || { echo "${programs[$1]} is not built"; return 1; }
	command -v "$emulator" >/dev/null || { [[ $(id -u) == 0 ]] && scripts/install-deps.sh --vm >&2; }
	command -v "$emulator" >/dev/null || { echo "no $emulator, and it cannot be installed"; return 1; }
}

run_kernel() {
	local row=$1 machine=$2 series=$3 suite=$4 python_of=$5 options=$6 initramfs version why began=$SECONDS result name
	local -A figure=()
	why=$(is_ready "$machine") || { skip "$row" "$why"; return; }
	version=
	use_suite - "$machine" && version=$(newest "$series" "$machine")
	[[ $version ]] || { use_suite "$suite" "$machine" && version=$(newest "$series" "$machine"); }
	[[ $version ]] || { skip "$row" "no such kernel in the archives this machine can reach"; return; }
	get_kernel "$version" "$machine" || { skip "$version $machine" "its package cannot be downloaded"; return; }
	initramfs=$work/initramfs-$machine-${python_of#*:}.gz
	[[ -f $initramfs ]] || make_initramfs "$machine" "$python_of" ||
		{ skip "$version $machine" "no initramfs: $python_of cannot be had"; return; }
	version=$version-cloud-$machine
	boot "$version" "$machine" "$initramfs" "$options"
	while read -r _ result name; do
		case $result in
		passed) passed=$((passed + 1)) ;;
		failed) failed=$((failed + 1)) ;;
		skipped) skipped=$((skipped + 1)) ;;
		figure)
			figure[${name%% *}]=${name#* }
			continue
			;;
		*) continue ;;
		esac
		say "$row ($version)" "$result" "$name"
	done < <(grep -a '^@ ' "$work/$version.log")
	[[ ! $images ]] || keep_images "$work/$version.log"
	echo "$row: $((SECONDS - began)) s"
	figures+=("$row $version ${figure[stacks]:--} ${figure[depth]:--} ${figure[lives]:--} ${figure[named]:--}")
	grep -qa '^@ end' "$work/$version.log" && return
	failed=$((failed + 1))
	say "$version" failed "it did not get to the end; the last of $build/vm/$version.log:"
	tail -n 15 "$work/$version.log"
}

[[ $(uname -m) == x86_64 ]] || { skip all "for x86-64 only"; finish; }
command -v apt-cache dpkg-deb >/dev/null || { skip all "no apt here to get kernels with"; finish; }
mkdir -p "$work"
rm -f "$work"/initramfs*.gz
use_suite - amd64
apt-cache show busybox-static >/dev/null 2>&1 || apt-get -q update >"$work/update.log" 2>&1
[[ -x $work/busybox/bin/busybox ]] || unpack busybox-static "$work/busybox" ||
	{ skip all "busybox-static cannot be downloaded"; finish; }

wanted=" ${*:-} "
while read -r row machine series suite python_of options; do
	[[ $row ]] || continue
	if [[ $# != 0 ]]; then
		[[ $wanted == *" $row "* || $wanted == *" $machine "* ]] || continue
	elif [[ $machine == amd64 && $(uname -r) == "$series".* ]]; then
		continue # that is what `make test` is for
	fi
	run_kernel "$row" "$machine" "$series" "$suite" "$python_of" "$options"
done <<<"$kernels"
finish
