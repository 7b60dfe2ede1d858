/* SPDX-License-Identifier: MIT */
/* The numbers at the end, and Python's own default, whose number is in front of what the thread runs. */
#include "user/profile/pool_name.h"
#include "user/util/alloc.h"
#include <ctype.h>
#include <string.h>

/* How much is left of these bytes without numbers at their end, and what sets them apart. */
static size_t without_numbers(const char *name, size_t len)
{
	size_t end = len;

	while (end && isdigit((unsigned char)name[end - 1])) {
		while (end && isdigit((unsigned char)name[end - 1]))
			end--;
		while (end && strchr("-_ #:./@", name[end - 1]))
			end--;
		len = end;
	}
	return len;
}

char *pool_name(const char *thread_name)
{
	size_t len = strlen(thread_name);
	const char *runs = len && thread_name[len - 1] == ')' ? strstr(thread_name, " (") : NULL;

	if (!runs)
		return xstrndup(thread_name, without_numbers(thread_name, len));
	return xasprintf("%.*s%s", (int)without_numbers(thread_name, (size_t)(runs - thread_name)), thread_name, runs);
}
