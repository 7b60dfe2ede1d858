/*
 * The text of a Python source file, for views that show lines. Paths come from profiled processes,
 * and what is read may end up in a file that is passed on: only regular files that are Python
 * sources by name, symbolic links resolved, and only what who called the profiler may read (under
 * sudo: not root).
 */
#pragma once
#include <stdint.h>

#define SOURCE_FILE_MAX (2u << 20) /* bytes; larger files are not read */

/* The caller frees; NULL when there is none. `changed_unix_ns`: when the file was last written. */
char *source_file__read(const char *path, uint64_t *changed_unix_ns);
