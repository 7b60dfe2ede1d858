#!/bin/bash
# SPDX-License-Identifier: MIT
# The whole thing on a machine that has nothing yet: installs, builds, starts a real workload in a cgroup
# of its own, profiles that cgroup, and says what to open. Leaves only build/demo/ behind.
#
#   sudo scripts/demo.sh       DEMO_SECONDS=10: how long to record
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${DEMO_SECONDS:-10}
build=${BUILD:-build}
out=$build/demo
group=
helpers=()

say() {
	printf '\n== %s\n' "$*"
}

die() {
	echo "demo: $*" >&2
	exit 1
}

# Of the invoking user under sudo, so that later builds need no root.
as_user() {
	if [[ -n ${SUDO_UID:-} && $SUDO_UID != 0 ]]; then
		setpriv --reuid="$SUDO_UID" --regid="${SUDO_GID:-$SUDO_UID}" --init-groups "$@"
	else
		"$@"
	fi
}

# Whatever happens: no process and no cgroup stays.
clean_up() {
	local pid
	# All at once where the kernel can, or a worker would complain about the others.
	[[ -z $group || ! -w $group/cgroup.kill ]] || echo 1 >"$group/cgroup.kill" 2>/dev/null || true
	for pid in "${helpers[@]}"; do
		kill -KILL "$pid" 2>/dev/null || true
	done
	[[ -n $group && -d $group ]] || return 0
	for _ in {1..100}; do
		while read -r pid; do
			kill -KILL "$pid" 2>/dev/null || true
		done <"$group/cgroup.procs"
		rmdir "$group" 2>/dev/null && return 0
		sleep 0.1
	done
	echo "demo: $group could not be removed" >&2
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

# Where cgroup v2 is mounted: alone at /sys/fs/cgroup, or beside v1 below it.
cgroup2_mount() {
	awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts
}

[[ $(id -u) == 0 ]] || die "needs root for BPF: sudo make demo"

say "packages"
scripts/install-deps.sh --demo
# The distribution's default may be newer than what we read.
python=${PYTHON:-/usr/bin/$(scripts/install-deps.sh --demo --list | grep '^python3')}
say "build"
as_user make -s -j"$(nproc)" BUILD="$build"
mount=$(cgroup2_mount)
[[ $mount ]] || die "no cgroup v2 is mounted (see /proc/self/mounts)"

say "start a web service, its report pool and its archive threads in a cgroup of their own"
as_user mkdir -p "$out"
rm -f "$out"/demo.{svg,html,prof,json,pybpf}
group=$mount/pybpfprof-demo-$$
mkdir "$group" || die "cannot make a cgroup in $mount"
port_file=$(mktemp)
(
	echo 0 >"$group/cgroup.procs"
	exec "$python" scripts/demo_workload.py serve
) >"$port_file" 2>"$out/workload.log" &
helpers+=($!)
disown # its end needs no comment of the shell's
for _ in {1..150}; do
	[[ -s $port_file ]] && break
	kill -0 "${helpers[0]}" 2>/dev/null || die "the workload did not start"
	sleep 0.1
done
port=$(cat "$port_file")
rm -f "$port_file"
[[ $port ]] || die "the workload did not say its port"
"$python" scripts/demo_workload.py load "$port" $((seconds + 20)) >/dev/null &
helpers+=($!)
disown # its end needs no comment of the shell's
sleep 1
echo "$(wc -l <"$group/cgroup.procs") processes in $group"

say "profile that cgroup for $seconds seconds"
"$build/pybpfprof" --cgroup "$group" -d "${seconds}s" \
	-o "$out/demo.svg" -o "$out/demo.html" -o "$out/demo.prof" -o "$out/demo.json" -o "$out/demo.pybpf"

say "what was hot"
"$build/pybpfprof" report "$out/demo.pybpf"

say "open these in a browser:"
echo "  $PWD/$out/demo.html"
echo "  $PWD/$out/demo.svg"
echo "and with Python's own tools: python3 -m pstats $out/demo.prof"
