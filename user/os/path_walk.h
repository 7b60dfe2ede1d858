/* SPDX-License-Identifier: MIT */
/*
 * A path taken one step at a time, for who must know what it leads through: links that were turned elsewhere,
 * directories that somebody could not have passed. The file that is opened is the one that was judged, whatever is
 * renamed meanwhile.
 */
#pragma once
#include <stdint.h>
#include <sys/stat.h>

/* Each directory, link and the file at the end, as it is met. Anything but 0 stops, and is returned. */
typedef int (*path_step_fn)(void *ctx, const struct stat *st);

/*
 * Opens the regular file that `path` is below the directory `root` (user/os/untrusted.h), which it cannot leave, as
 * open_untrusted() does. fd or negative errno.
 */
int path_walk(int root, const char *path, uint64_t max_bytes, path_step_fn step, void *ctx);
