#!/bin/bash
# SPDX-License-Identifier: MIT
# Profiles an application for some time in one go, and leaves all files about it in the working directory.
#
#   scripts/profile_app.sh SECONDS CMD [ARG…]    starts it; it gets SIGTERM when the time is over and the files are there
#   scripts/profile_app.sh SECONDS PID           one that runs already, and goes on
#   scripts/profile_app.sh SECONDS               finds a Python application that runs
#
#   PROFILING=1          follows its memory too (an application that is started here): tracemalloc of the standard
#                        library, by a sitecustomize for that process and its children only
#   PROFILE_NAME=app     what the files begin with
#   PROFILE_OPTIONS=…    more options for `pybpfprof record`, for example "--rate 499 --gil"
#   PYBPFPROF=…          the program, where it is not built here or installed
#
# CPU:     app_profile.svg .html .prof .json .pybpf
# Memory:  app_memory_snapshot.txt, now and then; app_memory_final.txt, at its end; others' with their pid
#
# As root, under sudo, or with sudo at hand: the application runs as, and the files belong to, whoever asked. It is the
# exit status of an application that ended by itself; 0 where we ended it; else that of `pybpfprof record`. One that
# does not end within 10 s after SIGTERM is killed, and so are children that it leaves behind.
set -uo pipefail

GRACE=10 # seconds
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
name=${PROFILE_NAME:-app}
profile=$PWD/${name}_profile
memory=$PWD/${name}_memory
as_root=() # what goes before the profiler
recorder='' tmp=''

say() {
	echo "profile_app: $*" >&2
}

die() { # STATUS MESSAGE
	local status=$1
	shift
	say "$*"
	exit "$status"
}

usage() {
	sed -n '3,21s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
	exit "$1"
}

# ---- what there is --------------------------------------------------------------------------------------

find_program() {
	local one
	for one in "${PYBPFPROF:-}" "$here/../${BUILD:-build}/pybpfprof" "$here/../../bin/pybpfprof"; do
		[[ $one && -x $one ]] && { realpath "$one"; return; }
	done
	command -v pybpfprof || die 1 "no pybpfprof here: run make, or name it: PYBPFPROF=path"
}

# Rights of our own, or sudo.
find_rights() {
	((EUID == 0)) && return
	"$program" check >/dev/null 2>&1
	(($? == 3)) || return
	command -v sudo >/dev/null || die 3 "not permitted to profile: be root, or install sudo (\`pybpfprof check\` says more)"
	as_root=(sudo)
}

formats() {
	local suffix known
	known=$("$program" completions --list formats | cut -f 1)
	for suffix in svg html prof json; do
		[[ $suffix == html && $'\n'$known$'\n' != *$'\n'html$'\n'* ]] && continue
		printf '%s\n' -o "$profile.$suffix"
	done
	printf '%s\n' -o "$profile.pybpf"
}

parent_of() {
	sed -n 's/^PPid:\t//p' "/proc/$1/status" 2>/dev/null
}

# Python processes whose parent is none, but not those that we were started by: "PID<tab>COMMAND".
applications() {
	local pid command at ours=" $$ " all=()
	declare -A python=()
	for ((at = $$; at > 1;)); do
		at=$(parent_of "$at")
		[[ $at ]] || break
		ours+="$at "
	done
	while IFS=$'\t' read -r pid command; do
		python[$pid]=$command
		all+=("$pid")
	done < <("${as_root[@]}" "$program" completions --list pids)
	for pid in ${all[@]+"${all[@]}"}; do
		at=$(parent_of "$pid")
		[[ ! $at || $ours == *" $pid "* || ${python[$at]+x} && $ours != *" $at "* ]] && continue
		printf '%s\t%s\n' "$pid" "${python[$pid]}"
	done
}

choose_application() {
	local found number
	mapfile -t found < <(applications)
	case ${#found[@]} in
	0) die 5 "no Python application runs here: give the command that starts it" ;;
	1) number=1 ;;
	*)
		say "these Python applications run:"
		for number in "${!found[@]}"; do
			printf '  %2d) %s\n' $((number + 1)) "${found[number]/$'\t'/  }" >&2
		done
		[[ -t 0 && -t 2 ]] || die 2 "choose one: $0 $seconds PID"
		read -rp "which one (1-${#found[@]})? " number
		[[ $number =~ ^[1-9][0-9]*$ && $number -le ${#found[@]} ]] || die 2 "none was chosen"
		;;
	esac
	pid=${found[number - 1]%%$'\t'*}
	say "profiling process $pid: ${found[number - 1]#*$'\t'}"
}

# ---- the application that is started ----------------------------------------------------------------------

# Its environment: the caller's own where sudo stands between, and what makes Python import our sitecustomize.
write_environment() {
	{
		((${#as_root[@]} == 0)) || export -p
		[[ ${PROFILING:-0} == 1 ]] || return 0
		# shellcheck disable=SC2016 # for the shell that reads the file
		printf 'export PYTHONPATH=%q${PYTHONPATH:+:$PYTHONPATH}\n' "$tmp/site"
		printf 'export PYBPFPROF_MEMORY_NAME=%q PYBPFPROF_MEMORY_CLAIM=%q\n' "$memory" "$tmp/claim"
	} >"$tmp/environment"
}

# Ours alone, and readable to the application that may be another user's.
make_folder() {
	tmp=$(mktemp -d "${TMPDIR:-/tmp}/profile_app.XXXXXXXX") || exit 1
	mkdir "$tmp/site" "$tmp/as"
	cp "$here/profile_app/sitecustomize.py" "$tmp/site/" || exit 1
	write_environment
	((EUID != 0)) || [[ ! ${SUDO_UID:-} ]] || chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$tmp"
}

is_alive() { # PID START: also not another one with its number
	[[ $(start_of "$1") == "$2" ]]
}

# When a process began, by its number; nothing for one that is gone or only waits to be reaped.
start_of() {
	local stat
	{ stat=$(<"/proc/$1/stat"); } 2>/dev/null || return
	read -ra stat <<<"${stat##*) }"
	[[ ${stat[0]} == Z ]] || echo "${stat[19]}"
}

# Each descendant of a process, as "PID START".
descendants() {
	local child children
	read -rd '' -a children < <(cat "/proc/$1"/task/*/children 2>/dev/null)
	for child in "${children[@]}"; do
		echo "$child $(start_of "$child")"
		descendants "$child"
	done
}

# SIGTERM, time to end, SIGKILL. Arguments: PID START, …
end_processes() {
	local left i again
	for ((i = 1; i < $#; i += 2)); do
		is_alive "${!i}" "${@:i+1:1}" && "${as_root[@]}" kill -TERM "${!i}" 2>/dev/null
	done
	for ((again = 0; again < GRACE * 10; again++)); do
		left=
		for ((i = 1; i < $#; i += 2)); do
			is_alive "${!i}" "${@:i+1:1}" && left=1
		done
		[[ $left ]] || return 0
		sleep 0.1
	done
	for ((i = 1; i < $#; i += 2)); do
		is_alive "${!i}" "${@:i+1:1}" || continue
		say "process ${!i} did not end within $GRACE s: killed"
		"${as_root[@]}" kill -KILL "${!i}" 2>/dev/null
	done
}

# The application first: it may want to end its children by itself. What it leaves behind is ended then.
end_application() {
	local pid start family
	pid=$(cat "$tmp/pid" 2>/dev/null)
	start=$(start_of "${pid:-0}")
	[[ $pid && $start ]] || return 0
	mapfile -t family < <(descendants "$pid")
	touch "$tmp/ended_by_us"
	end_processes "$pid" "$start"
	# shellcheck disable=SC2068 # pairs
	((${#family[@]} == 0)) || end_processes ${family[@]}
}

# The recording takes its place as the last of all files: then the time is over.
watch_recording() {
	until [[ $profile.pybpf -nt $tmp/started ]]; do
		sleep 0.1
	done
	end_application
}

# ---- one go ------------------------------------------------------------------------------------------------

# shellcheck disable=SC2317,SC2329 # the trap of main calls it
clean_up() {
	[[ ! ${watcher:-} ]] || kill "$watcher" 2>/dev/null
	[[ ! $tmp ]] || rm -rf "$tmp"
}

# In the background, so that signals to us are heard at once; but with the terminal's input and its Ctrl-C.
record() {
	local outputs more
	mapfile -t outputs < <(formats)
	read -ra more <<<"${PROFILE_OPTIONS:-}"
	rm -f "$profile".{svg,html,prof,json,pybpf}
	(
		trap - INT
		exec "${as_root[@]}" "$program" record --duration "$seconds" --subprocesses "${outputs[@]}" \
			${more[@]+"${more[@]}"} "$@"
	) <&0 &
	recorder=$!
	trap '"${as_root[@]}" kill -TERM "$recorder" 2>/dev/null' TERM HUP
	trap : INT
}

wait_for_recorder() {
	local status
	while :; do
		wait "$recorder"
		status=$?
		# a signal of ours ends `wait` early
		kill -0 "$recorder" 2>/dev/null || return "$status"
	done
}

list_files() {
	local file
	for file in "$profile".{svg,html,prof,json,pybpf} "$memory"_{snapshot,final}{,.*}.txt; do
		[[ -s $file ]] && echo "  ${file#"$PWD"/}" >&2
	done
}

tell_about_memory() {
	[[ ${PROFILING:-0} == 1 ]] || return 0
	if [[ ! -s ${memory}_final.txt && ! -s ${memory}_snapshot.txt ]]; then
		say "no memory files: was it no Python, was it started with -I, -E or -S, or may it not write here?"
	elif [[ ! -s ${memory}_final.txt ]]; then
		say "no ${name}_memory_final.txt: it did not end in an orderly way; the snapshot is the last there is"
	fi
}

main() {
	local pid='' status
	[[ ${1:-} == -h || ${1:-} == --help ]] && usage 0
	(($# > 0)) || usage 2 >&2
	seconds=$1
	shift
	[[ $seconds =~ ^[0-9]+(\.[0-9]+)?[smh]?$ ]] || die 2 "$seconds: how many seconds?"
	program=$(find_program) || exit
	find_rights
	trap clean_up EXIT
	make_folder
	rm -f "$memory"_{snapshot,final}{,.[0-9]*}.txt
	if (($# == 0)); then
		choose_application
	elif [[ $# == 1 && $1 =~ ^[0-9]+$ ]]; then
		pid=$1
	fi
	touch "$tmp/started"
	if [[ $pid ]]; then
		[[ ${PROFILING:-0} != 1 ]] || say "PROFILING=1: memory can be followed only from the start; give the command"
		PROFILING=0
		record --pid "$pid"
	else
		command -v -- "$1" >/dev/null || die 127 "$1: no such program"
		# exec: the process that is noted is the application. The name is for titles.
		ln -s "$BASH" "$tmp/as/${1##*/}"
		# shellcheck disable=SC2016 # for the shell that becomes the application
		record -- "$tmp/as/${1##*/}" -c '. "$1"; echo $$ >"$2"; shift 2; exec "$@"' bash "$tmp/environment" "$tmp/pid" "$@"
		watch_recording &
		watcher=$!
	fi
	wait_for_recorder
	status=$?
	if [[ -e $tmp/ended_by_us ]]; then
		status=0
		wait "$watcher" # what the application left behind
	fi
	tell_about_memory
	list_files
	exit "$status"
}

main "$@"
