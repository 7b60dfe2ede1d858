/* Numbers as text where millions of them are written and printf would take most of the time. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define DIGITS_MAX 24 /* room for any number with a point and a sign */

/* Writes the digits of a number so that they end before `end`, at least `least` of them; gives where they begin. */
static inline char *digits_before(char *end, uint64_t value, unsigned least)
{
	char *at = end;

	for (; value || least; value /= 10, least -= least > 0)
		*--at = (char)('0' + value % 10);
	return at;
}

static inline void digits_put(FILE *out, uint64_t value)
{
	char text[DIGITS_MAX], *at = digits_before(text + sizeof(text), value, 1);

	fwrite(at, 1, (size_t)(text + sizeof(text) - at), out);
}
