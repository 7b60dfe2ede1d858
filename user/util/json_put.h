/* SPDX-License-Identifier: MIT */
/*
 * Writes JSON as it comes; commas, nesting, quotes and escapes are seen to here. `key` is NULL inside a list and of a
 * whole document, which ends its line. All zeros but `out` is a writer.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json_put {
	FILE *out;
	bool is_indented;    /* for people: every value on a line of its own */
	bool is_markup;      /* for HTML and XML: their special characters, and what XML forbids, are escaped */
	bool not_first;      /* in what is open now */
	bool is_line_wanted; /* before the next value */
	unsigned depth;
};

void json_put_map(struct json_put *j, const char *key);
void json_put_list(struct json_put *j, const char *key);
void json_put_end_map(struct json_put *j);
void json_put_end_list(struct json_put *j);
/* The next value begins a line. */
void json_put_line(struct json_put *j);

/* Any bytes: what is not UTF-8 becomes U+FFFD. `</` is broken up for whoever pastes the file into HTML. */
void json_put_text(struct json_put *j, const char *key, const char *text);
void json_put_count(struct json_put *j, const char *key, uint64_t value);
void json_put_int(struct json_put *j, const char *key, int64_t value);
/* value / 10^decimals, exactly: seconds of nanoseconds have 9 */
void json_put_fixed(struct json_put *j, const char *key, int64_t value, unsigned decimals);
void json_put_seconds(struct json_put *j, const char *key, uint64_t ns);
/* The shortest text that gives the same double back; null where it is no number (0/0). */
void json_put_real(struct json_put *j, const char *key, double value);
void json_put_bool(struct json_put *j, const char *key, bool value);
void json_put_null(struct json_put *j, const char *key);
/* A value that is JSON already. */
void json_put_raw(struct json_put *j, const char *key, const char *json);

/* A list of counts, one for each `i` from 0 to cnt - 1. */
#define JSON_PUT_COLUMN(j, key, cnt, value)                                                                            \
	do {                                                                                                           \
		json_put_list(j, key);                                                                                 \
		for (size_t i = 0; i < (cnt); i++)                                                                     \
			json_put_count(j, NULL, (uint64_t)(value));                                                    \
		json_put_end_list(j);                                                                                  \
	} while (0)
