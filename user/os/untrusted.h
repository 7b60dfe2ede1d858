/* SPDX-License-Identifier: MIT */
/*
 * Files whose name or content a profiled process chose. Opening alone can have effects or take for ever (devices,
 * FIFOs, tapes), and a path means what its author wants: so it is looked up in that process's own root, first without
 * being opened, and only a regular file of a bearable size is opened then. Nobody else opens such files
 * (scripts/check-opens.sh).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#define UNTRUSTED_ELF_MAX (4ull << 30) /* bytes; debug builds of large embedding programs have 2 GB */

/*
 * `path` in the root of process `pid` (0: in ours), whatever links lead there. Only the descriptor's owner closes it.
 * fd or negative errno: -ENOTSUP is no regular file, -EFBIG a larger one than `max_bytes`.
 */
int open_untrusted(pid_t pid, const char *path, uint64_t max_bytes);
/* A directory, to list what is in it. */
int open_untrusted_dir(pid_t pid, const char *path);
/* The target of a link of /proc, which is a file and no path: "exe", "map_files/START-END". */
int open_untrusted_link(pid_t pid, const char *link, uint64_t max_bytes);

/* A process's root directory (0: ours), to look up from; what was looked up (O_PATH), judged and opened. */
int root_untrusted(pid_t pid);
int open_untrusted_found(int found, uint64_t max_bytes);

/* The same without opening. 0 or negative errno. */
int stat_untrusted_link(pid_t pid, const char *link, struct stat *out);
/* Is there such a path, in the process's root or, where it is relative, below its working directory? */
bool has_untrusted(pid_t pid, const char *path);
/* The same for who cannot wait: false where nothing answers (user/os/worker.h). */
bool has_untrusted_aside(pid_t pid, const char *path);
