/* SPDX-License-Identifier: MIT */
/*
 * The text of a Python source file, for views that show lines. Paths come from profiled processes, and what is read
 * may end up in a file that is passed on: only regular files that are Python sources by name, symbolic links
 * resolved; only in the root of the process that ran it; only what both who called the profiler (under sudo: not
 * root) and that process may read.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SOURCE_FILE_MAX (2u << 20) /* bytes; larger files are not read */

/* A process that ran it. */
struct source_location {
	pid_t pid;
	uint64_t start_unix_ns; /* the number may be another's by now */
	bool own_root;          /* it has (or had) our root directory; else its own is looked in, while it is there */
	const char *rights;     /* as procfs_rights(); NULL: nothing is known of them, and only ours count */
};

struct source_file {
	char *text; /* the caller frees */
	uint64_t written_unix_ns;
	uint64_t moved_unix_ns; /* when it, or a link that leads to it, was put there or given its name */
};

/*
 * By somebody who can be left behind (user/os/worker.h). 0 or negative errno: -ESRCH when that process is not there
 * any more, -ETIMEDOUT when nothing answers.
 */
int source_file__read(const struct source_location *where, const char *path, struct source_file *out);

/* Starts are known in steps of 10 ms, and nothing of its program is read in an interpreter's first 10. */
#define SOURCE_SLACK_NS 20000000u
/* A file that was unpacked or copied keeps its mtime from elsewhere; its ctime says when it was put there. */
bool source_file__is_newer(const struct source_file *f, uint64_t start_unix_ns);
