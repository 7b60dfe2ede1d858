#!/bin/bash
# SPDX-License-Identifier: MIT
# A back end on this machine, for a first look and for trials: Parca, with its page, on loopback.
#
#   sudo scripts/backend.sh start     installs what it takes, builds Parca (minutes, the first time only) and pybpfprof, starts Parca
#   scripts/backend.sh status|stop
#
# BACKEND_PORT=7070. What it stores is below build/backend/ and still there at the next start; `make clean` removes it.
set -euo pipefail
cd "$(dirname "$0")/.."

build=${BUILD:-build}
folder=$PWD/$build/backend
port=${BACKEND_PORT:-7070}
url=http://127.0.0.1:$port

say() {
	printf '\n== %s\n' "$*"
}

die() {
	echo "backend: $*" >&2
	exit 1
}

# Of the invoking user under sudo, with their settings of Go and npm: nothing of a back end needs root.
as_user() {
	if [[ -n ${SUDO_UID:-} && $SUDO_UID != 0 ]]; then
		HOME=$(getent passwd "$SUDO_UID" | cut -d: -f6) \
			setpriv --reuid="$SUDO_UID" --regid="${SUDO_GID:-$SUDO_UID}" --init-groups "$@"
	else
		"$@"
	fi
}

# The one that was started here; a pid alone may be another program's by now.
running() {
	local pid
	pid=$(cat "$folder/pid" 2>/dev/null) && [[ $(readlink "/proc/$pid/exe") == */backends/parca* ]] && echo "$pid"
}

answers() {
	(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null
}

start_parca() {
	as_user mkdir -p "$folder"
	as_user tee "$folder/parca.yaml" >/dev/null <<-END
		object_storage: {bucket: {type: FILESYSTEM, config: {directory: $folder/data}}}
		scrape_configs: []
	END
	# Nothing is asked of the world outside, and all of it outlives a restart.
	rm -f "$folder/pid"
	# shellcheck disable=SC2016 # of the inner shell
	as_user setsid --fork bash -c 'echo $$ >"$1/pid"; exec "${@:2}" >"$1/parca.log" 2>&1 </dev/null' - "$folder" \
		"$PWD/$build/backends/parca" --config-path="$folder/parca.yaml" --http-address="127.0.0.1:$port" \
		--enable-persistence --storage-enable-wal --storage-path="$folder/data" --debuginfo-cache-dir="$folder/cache" \
		--debuginfod-upstream-servers= --log-level=warn
	sleep 1
	for _ in {1..300}; do
		answers && return
		[[ ! -s $folder/pid ]] || running >/dev/null || break
		sleep 0.1
	done
	tail -n 5 "$folder/parca.log" >&2
	die "Parca did not start (all that it said: $folder/parca.log)"
}

explain() {
	cat <<-END

		next, something to look at (any Python that runs here will do), and what looks at it, until Ctrl-C:
		  python3 scripts/demo_workload.py shop &
		  sudo $build/pybpfprof daemon --push parca+http://127.0.0.1:$port
		then open $url; the first profiles are there after 15 s. A service is chosen by the label service_name
		(from another machine: ssh -L $port:127.0.0.1:$port $(hostname))
		to stop Parca: sudo make backend-stop
	END
}

start() {
	say "packages"
	scripts/install-deps.sh --backends
	say "build"
	as_user make -s -j"$(nproc)" BUILD="$build"
	as_user env BUILD="$build" scripts/get-backends.sh parca
	say "start Parca"
	if running >/dev/null; then
		echo "it runs already, at $url"
	elif answers; then
		die "another program listens at port $port: BACKEND_PORT=7071 sudo -E make backend takes another"
	else
		start_parca
		echo "it answers at $url, to this machine only; what it stores is below $folder"
	fi
	explain
}

stop() {
	local pid
	pid=$(running) || { echo "backend: none runs"; return; }
	kill "$pid"
	for _ in {1..300}; do
		running >/dev/null || { echo "backend: stopped; what it stored is still below $folder"; return; }
		sleep 0.1
	done
	die "process $pid does not end"
}

status() {
	local pid
	pid=$(running) || { echo "backend: none runs: sudo make backend starts one"; exit 1; }
	echo "backend: Parca runs as process $pid, at $url"
}

case ${1:-} in
start | stop | status) "$1" ;;
*)
	sed -n '3,9s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
