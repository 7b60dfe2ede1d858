#!/bin/bash
# SPDX-License-Identifier: MIT
# Who may open files, or look paths up, by himself. Everything that a profiled process named or wrote goes through
# user/os/untrusted.c; the files below name only what the kernel, the user or this program itself chose.
#
#   scripts/check-opens.sh [ROOT]
set -euo pipefail
cd "${1:-$(dirname "$0")/..}"

# file: whose paths it opens
allowed='
user/main.c                    /dev/null
user/os/worker.c               /dev/null
user/os/untrusted.c            the door
user/os/path_walk.c            the door, step by step
user/os/procfs.c               files of /proc that hold text
user/os/tasks.c                files of /proc that hold text
user/os/memory.c               /proc/PID/mem
user/os/container.c            files of /proc, and marks that container engines leave
user/os/cgroup.c               the cgroup file system
user/os/perf.c                 /sys
user/os/caps.c                 /sys
user/os/kernel.c               /proc/sys, /sys
user/symbol/kallsyms.c         /proc/kallsyms
user/os/privileges.c           /proc/self/exe
user/os/own_cost.c             files of /proc that hold text
user/os/loading.c              /proc/PID/auxv
user/os/opener.c               the desktop session of the user
user/os/output.c               outputs that the user names
user/os/source_file.c          names of descriptors
user/format/format.c           inputs that the user names
user/format/json/json_read.c   inputs that the user names
user/format/recording_read.c   inputs that the user names
user/push/secrets.c            what the user names
user/push/spool.c              a folder of our own, where the user says
user/push/http_own_tls.c       certificates of the system, or that the user names
user/session/features.c        /sys
user/session/features_probe.c  /sys
user/session/types.c           what the user names, and files of kernels
user/session/cgroups.c         directories of cgroups
user/source/cpu_events.c       directories of cgroups
user/target/containers.c       directories of cgroups
user/serve/listen.c            the socket that the user names
user/cmd/check/check_program.c the program that the user names
user/cmd/in_path.c             the program that the user names
user/cmd/command.c             the program that the user names
user/cmd/flamegraph.c          outputs that the user names
user/cmd/diff.c                outputs that the user names
user/cmd/outputs.c             outputs that the user names
user/cmd/daemon/numbers.c      /proc/self/statm
user/cmd/keep.c                outputs that the user names
user/cmd/rotation.c            outputs that the user names
user/cmd/settings.c            a file that the user names
user/cmd/target_options.c      words of the command line
user/cmd/top/top_output.c      /dev/null
user/cmd/top/top_snapshot.c    outputs that the user names
user/cmd/top/top_source.c      temporary files of our own
'

mapfile -t sources < <(find user -name '*.c' | LC_ALL=C sort)
awk -v allowed="$allowed" '
BEGIN {
	n = split(allowed, rows, "\n")
	for (i = 1; i <= n; i++)
		if (split(rows[i], w, " "))
			may[w[1]] = 1
}
FNR == 1 { files++ }
FILENAME in may { nextfile }
# A comment, or a function of ours whose name ends so, is none.
/^[ \t]*(\/?\*|\/\/)/ { next }
/(^|[^A-Za-z0-9_.>])(open|openat|openat2|open64|creat|fopen|freopen|opendir|scandir|nftw|access|faccessat|stat|lstat|fstatat|statx|readlink|readlinkat|realpath|statfs|SYS_open[a-z0-9]*)[ \t]*\(/ ||
/SYS_open/ {
	printf "%s:%d: opens by itself; what a process names goes through user/os/untrusted.h\n", FILENAME, FNR
	bad++
}
END {
	if (!files)
		print "no sources found", bad++
	if (bad)
		print "check-opens: " bad " violation" (bad > 1 ? "s" : "") > "/dev/stderr"
	else
		print "check-opens: " files " files open nothing that a process chose but through one door"
	exit bad > 0
}' "${sources[@]}"
