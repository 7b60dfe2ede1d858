#!/bin/bash
# The README's two commands on a system that has nothing: in a root made for it, with this machine's kernel, /proc,
# /sys and /dev, `make demo` and a short `make test` of the tree as it is. Root.
#
#   scripts/fresh-test.sh [SUITE…]     default: $SUITES, or an old and the newest Debian: bookworm testing
#
# Packages come from where this machine's own come from. Nothing stays mounted, no process and no root is left,
# but for the logs, build/fresh/SUITE.log. Exit status 1 when anything failed.
set -uo pipefail
cd "$(dirname "$0")/.."

fresh=$(realpath -m "${BUILD:-build}/fresh")
suites=(${*:-${SUITES:-bookworm testing}})
root=
running=
failed=0

say() {
	echo "fresh-test: $*"
}

die() {
	say "$*" >&2
	exit 1
}

# Those whose root is ours or below it (an interpreter of yet another suite), wherever they were moved to.
processes() {
	local each
	for each in /proc/[0-9]*; do
		[[ $(readlink "$each/root" 2>/dev/null) == "$root"* ]] && echo "${each#/proc/}"
	done
}

# The mounts are those of the processes inside and go with the last of them.
clean_up() {
	local inside
	[[ -z $running ]] || kill -KILL -- -"$running" 2>/dev/null
	[[ $root && -d $root ]] || return 0
	for _ in {1..100}; do
		inside=$(processes)
		[[ $inside ]] || break
		kill -KILL $inside 2>/dev/null
		sleep 0.1
	done
	[[ -z $inside ]] || die "still running in $root:" $inside
	rm -rf --one-file-system "$root"
	root=
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

# In a session of its own, and waited for in the background: a signal is acted upon at once, and ends all of it.
run() {
	local status
	setsid "$@" &
	running=$!
	wait $running
	status=$?
	running=
	return $status
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
	run unshare --mount --propagation slave sh -c "$mounts exec chroot '$root' \"\$@\"" sh \
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
		step "make demo" inside make -C /src demo DEMO_SECONDS=3
		step "make test" inside make -C /src test SHORT=1
		step "all packages exist" inside /src/scripts/install-deps.sh --try
	}
	clean_up
	say "$suite: the whole of it in $log"
}

[[ $(id -u) == 0 ]] || die "needs root: sudo make fresh-test"
command -v apt-config >/dev/null || die "this is no Debian-like system"
command -v mmdebstrap >/dev/null || apt-get -q -y install --no-install-recommends mmdebstrap >/dev/null || die "needs mmdebstrap"
for each in "${suites[@]}"; do
	test_suite "$each"
done
exit $failed
