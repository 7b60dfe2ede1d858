/* SPDX-License-Identifier: MIT */
#include "user/util/alloc.h"
#include <stdarg.h>
#include <string.h>

static void (*last_act)(void);

void xmalloc_last_act(void (*fn)(void))
{
	last_act = fn;
}

static void *check(void *p)
{
	if (!p) {
		static const char msg[] = "pybpfprof: out of memory\n";
		ssize_t ignored;

		if (last_act)
			last_act();
		ignored = write(STDERR_FILENO, msg, sizeof(msg) - 1);
		(void)ignored;
		_exit(1);
	}
	return p;
}

void *xmalloc(size_t size)
{
	return check(malloc(size ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
	return check(calloc(count ? count : 1, size ? size : 1));
}

void *xrealloc(void *old, size_t size)
{
	return check(realloc(old, size ? size : 1));
}

char *xstrdup(const char *text)
{
	return check(strdup(text));
}

char *xstrndup(const char *text, size_t max)
{
	return check(strndup(text, max));
}

char *xasprintf(const char *fmt, ...)
{
	va_list args;
	char *out = NULL;

	va_start(args, fmt);
	if (vasprintf(&out, fmt, args) < 0)
		out = NULL;
	va_end(args);
	return check(out);
}
