/* SPDX-License-Identifier: MIT */
#include "user/os/stat_text.h"
#include <stdlib.h>
#include <string.h>

const char *stat_field(const char *text, int number)
{
	const char *p = text ? strrchr(text, ')') : NULL; /* the name before it may hold anything */

	for (int field = 2; p && field < number; field++) {
		p = strchr(p, ' ');
		p = p ? p + 1 : NULL;
	}
	return p && *p ? p : NULL;
}

uint64_t stat_number(const char *text, int number)
{
	const char *p = stat_field(text, number);

	return p ? strtoull(p, NULL, 10) : 0;
}
