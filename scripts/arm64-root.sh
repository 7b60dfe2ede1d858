#!/bin/bash
# SPDX-License-Identifier: MIT
# Makes a folder with a suite of Debian for arm64 and prints its name: what is cross-built against, and what runs in user-mode
# qemu and in virtual machines. Packages are only unpacked. What is there already is left alone.
#
#   scripts/arm64-root.sh [SUITE [PYTHON]]     default: bookworm python3.11
#
# Exit status 1 when it cannot be had, and why is said.
set -euo pipefail
cd "$(dirname "$0")/.."

suite=${1:-bookworm}
python=${2:-python3.11}
folder=$(realpath -m "${BUILD:-build}/arm64-roots")
root=$folder/$suite-$python
packages=$(scripts/install-deps.sh --units --list | grep -- '-dev$' | paste -sd,),busybox-static,util-linux

die() {
	echo "arm64-root: $*" >&2
	exit 1
}

[[ ! -f $root/complete || $(<"$root/complete") != "$packages" ]] || { echo "$root"; exit; }
command -v mmdebstrap >/dev/null || die "no mmdebstrap here"
at=$(scripts/mirror.sh debian) || die "this machine has no Debian mirror"
rm -rf --one-file-system "$root"
mkdir -p "$folder"
mmdebstrap --quiet --architectures=arm64 --variant=extract --include="$packages,$python" \
	--aptopt='Acquire::Retries "3"' "$suite" "$root" \
	"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg check-valid-until=no] $at $suite main" \
	>"$root.log" 2>&1 || die "no $suite for arm64 at this mirror, see $root.log"
# What the packages leave to their scripts, which are not run.
[[ -e $root/lib ]] || ln -s usr/lib "$root/lib"
echo "$packages" >"$root/complete"
echo "$root"
