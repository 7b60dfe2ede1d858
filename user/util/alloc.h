/* SPDX-License-Identifier: MIT */
/* Memory: out of memory ends the program, so callers have no error branch for it. */
#pragma once
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void *xmalloc(size_t size);
/* Called before memory that is out ends the program, for what must not be left as it is; async-signal-safe. */
void xmalloc_last_act(void (*fn)(void));
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *text);
char *xstrndup(const char *text, size_t max);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Grow `items` so that one more fits; `cap` and `items` are updated. Doubles, starting at 16. */
#define xgrow(items, count, cap)                                                                                       \
	do {                                                                                                           \
		if ((count) == (cap)) {                                                                                \
			(cap) = (cap) ? (cap) * 2 : 16;                                                                \
			(items) = xrealloc((items), (size_t)(cap) * sizeof(*(items)));                                 \
		}                                                                                                      \
	} while (0)

/* Scope-bound release: `__cleanup_free char *s = …`. */
static inline void cleanup_free_ptr(void *p)
{
	free(*(void **)p);
}
static inline void cleanup_close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
static inline void cleanup_close_file(FILE **f)
{
	if (*f)
		fclose(*f);
}
#define __cleanup_free  __attribute__((cleanup(cleanup_free_ptr)))
#define __cleanup_close __attribute__((cleanup(cleanup_close_fd)))
#define __cleanup_file  __attribute__((cleanup(cleanup_close_file)))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
