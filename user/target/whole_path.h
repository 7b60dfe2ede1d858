/* SPDX-License-Identifier: MIT */
/*
 * A script that was started as `python3.8 app.py` has functions in "app.py", and so has another one in another folder:
 * a relative path is made whole where the file is found from the process's working directory.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* "<string>" and "<frozen …>" are the same everywhere. */
bool path_is_relative(const char *file);

/* Is there such a file for this process? */
typedef bool (*path_exists_fn)(void *ctx, uint32_t image_id, const char *path);
/* A relative path made absolute by the process's working directory now; NULL when that is not known. Caller frees. */
typedef char *(*path_absolute_fn)(void *ctx, uint32_t image_id, const char *path);

/* The functions that look. */
struct path_asker {
	path_exists_fn exists;     /* NULL: there are none */
	path_absolute_fn absolute; /* NULL: never known */
	void *ctx;
};

/* Results for one process: each path is looked for once, and so many of them. {} is an empty one. */
#define WHOLE_PATHS_MAX 256
struct whole_paths {
	struct whole_path *by_file;
	unsigned cnt;
};

/*
 * `file` as an absolute path when there is such a file, or an archive or a folder of that name that it is in: so much
 * of it is looked for as `file` itself has. Else `file`. Valid until the end of both.
 */
const char *whole_paths__find(struct whole_paths *w, const char *file, uint32_t image_id, const struct path_asker *ask);
void whole_paths__clear(struct whole_paths *w);
