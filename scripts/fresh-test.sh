#!/bin/bash
# SPDX-License-Identifier: MIT
# The README's two commands on a system that has nothing: in a root made for it, with this machine's kernel, /proc,
# /sys and /dev, `make demo` and a short `make test` of the tree as it is. Root.
#
#   scripts/fresh-test.sh [SUITE…]     default: $SUITES, or an old and the newest Debian: bookworm testing
#
# Packages come from where this machine's own come from. Nothing stays mounted, no process and no root is left,
# but for the logs, build/fresh/SUITE.log. Exit status 1 when anything failed.
# shellcheck disable=SC2317,SC2329 # functions are called by their names, too
set -uo pipefail
cd "$(dirname "$0")/.." || exit

fresh=$(realpath -m "${BUILD:-build}/fresh")
read -ra suites <<<"${*:-${SUITES:-bookworm testing}}"
cgroup2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
group=$cgroup2/pybpfprof-fresh-$$
root=
failed=0

say() {
	echo "fresh-test: $*"
}

die() {
	say "$*" >&2
	exit 1
}

# What runs for us: in our cgroup, or, when it was moved to one of its own, by its root.
processes() {
	local each
	cat "$group/cgroup.procs" 2>/dev/null
	for each in /proc/[0-9]*; do
		[[ $root && $(readlink "$each/root" 2>/dev/null) == "$root"* ]] && echo "${each#/proc/}"
	done
}

# The cgroups that demo and tests made for these processes.
groups_of() {
	local pid
	for pid; do
		sed -n "s,^0::\(/pybpfprof-[^/]*\).*,$cgroup2\1,p" "/proc/$pid/cgroup" 2>/dev/null
	done | sort -u
}

# The mounts go with the last process that sees them.
# shellcheck disable=SC2046,SC2086 # lists of processes and of cgroups whose names have no spaces
clean_up() {
	local pids groups=$group left
	for _ in {1..200}; do
		pids=$(processes)
		groups=$(printf '%s\n' $groups $(groups_of $pids) | sort -u)
		[[ ! $pids ]] || kill -KILL $pids 2>/dev/null
		find $groups -depth -type d -exec rmdir {} \; 2>/dev/null
		left=$pids$(ls -d $groups 2>/dev/null)
		[[ $left ]] || break
		sleep 0.1
	done
	[[ ! $left ]] || say "still there:" $left >&2
	[[ ! $root ]] || rm -rf --one-file-system "$root"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

# run COMMAND…: in a cgroup of ours, with mounts that nobody else sees. Waited for in the background, so that a
# signal is acted upon at once.
run() {
	mkdir -p "$group"
	sh -c 'echo $$ >"$0/cgroup.procs" && exec unshare --mount --propagation slave "$@"' "$group" "$@" &
	wait $!
}

# What this machine's apt was told of the network: proxies, and clocks that are not to be trusted.
apt_options() {
	apt-config dump | grep -E '^Acquire::(https?|ftp|Check-[A-Za-z-]*|Retries|ForceIPv4)[: ]'
}

# Packages need not be safe from a power cut.
make_root() {
	local suite=$1 at
	at=$(scripts/mirror.sh debian) || { echo "this machine has no Debian mirror"; return 1; }
	rm -rf --one-file-system "$root"
	mkdir -p "$fresh"
	apt_options >"$fresh/apt.conf"
	run mmdebstrap --quiet --variant=minbase --aptopt="$fresh/apt.conf" --dpkgopt=force-unsafe-io "$suite" "$root" \
		"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $at $suite main" || return
	cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
	cp -r /usr/local/share/ca-certificates "$root/usr/local/share/" 2>/dev/null || true # of an organisation's own
}

# What git knows, as it lies here.
copy_tree() {
	mkdir -p "$root/src"
	git -c safe.directory="$PWD" ls-files -z | tar -c --null --ignore-failed-read -T - | tar -x --no-same-owner -C "$root/src"
}

# inside COMMAND…: with nothing of our environment but the way to the network. The root is a mount, as every / is.
inside() {
	local at mounts="mount --rbind '$root' '$root' && "
	for at in /proc /sys /dev; do
		mounts+="mount --rbind $at '$root$at' && "
	done
	run sh -c "$mounts exec chroot '$root' \"\$@\"" sh \
		env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
		${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} "$@"
}

# step NAME COMMAND…: passed or failed, with what it said at the end.
step() {
	local name=$1 began=$SECONDS status
	shift
	printf '\n=== %s: %s\n' "$name" "$*" >>"$log"
	"$@" >>"$log" 2>&1
	status=$?
	say "$suite: $name $( ((status)) && echo FAILED || echo passed) ($((SECONDS - began)) s)"
	((status == 0)) && return
	failed=1
	tail -n 40 "$log"
	return 1
}

# The only thing that README asks for is make.
test_suite() {
	suite=$1 root=$fresh/$1 log=$fresh/$1.log
	mkdir -p "$fresh" && : >"$log"
	step "root of its own" make_root "$suite" && copy_tree && step make inside sh -c \
		"apt-get -q update && apt-get -q -y install --no-install-recommends make" && {
		step "make demo" inside make -C /src demo DEMO_SECONDS=3 &&
			step "it shows the demo's work" grep -q '"Catalogue.score\|\.score"' "$root/src/build/demo/demo.json"
		step "make test" inside make -C /src test SHORT=1
		step "all packages exist" inside /src/scripts/install-deps.sh --try
	}
	clean_up
	say "$suite: the whole of it in $log"
}

[[ $(id -u) == 0 ]] || die "needs root: sudo make fresh-test"
[[ $cgroup2 ]] || die "no cgroup v2 is mounted (see /proc/self/mounts)"
command -v apt-config >/dev/null || die "this is no Debian-like system"
scripts/install-deps.sh --fresh || die "mmdebstrap and git could not be had"
for each in "${suites[@]}"; do
	test_suite "$each"
done
exit $failed
