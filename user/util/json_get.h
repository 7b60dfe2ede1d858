/* SPDX-License-Identifier: MIT */
/*
 * A pull parser for JSON (RFC 8259, UTF-8): the caller asks for the values it expects, in the order of the text. Memory is
 * bounded however large the text is: a piece of input and one string or number. The text is hostile.
 *
 *	for (json_get_map(j); json_get_key(j);) {
 *		if (json_is(j, "pid"))
 *			pid = json_get_whole(j, 0, UINT32_MAX);
 *		else
 *			json_skip(j);
 *	}
 *
 * The first error stays: from then on there are no keys and elements, and values are empty. So it is looked for once, at
 * the end.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_MAX_DEPTH 64
#define JSON_MAX_TEXT  65536 /* bytes of a string that are kept; what is longer is cut */

enum json_kind { JSON_NOTHING, JSON_MAP, JSON_LIST, JSON_STRING, JSON_NUMBER, JSON_BOOL, JSON_NULL };

/* Where a value begins. */
struct json_mark {
	uint64_t offset, line;
};

struct json_level {
	bool is_map, is_first;
	uint64_t index;
	char key[64]; /* of the member at hand, cut */
};

struct json_get {
	int fd; /* -1: a text in memory */
	unsigned char chunk[65536];
	const unsigned char *at, *end;
	uint64_t end_offset, line; /* of `end` in the file; of `at` */
	struct json_level levels[JSON_MAX_DEPTH];
	unsigned depth;
	char text[JSON_MAX_TEXT + 1]; /* the string, number or key just read, with a zero byte behind it */
	size_t len;
	bool is_cut;
	int err;         /* 0, -EINVAL, or -errno of read() */
	char error[512]; /* "line 3, byte 17: samples[2].pid: must be a whole number" */
};

/* Begins to read from `fd`, which stays the caller's. */
void json_get__open(struct json_get *j, int fd);
/* The same of a text in memory. */
void json_get__open_text(struct json_get *j, const char *text, size_t len);
/* Nothing may follow the document. 0, or what `err` says. */
int json_get__end(struct json_get *j);

/* The next value's place and kind; JSON_NOTHING where there is no value. */
struct json_mark json_get_mark(struct json_get *j);
enum json_kind json_get_kind(struct json_get *j);
/* Back to the value of `key` of the document; of a plain file only. */
void json_get__return(struct json_get *j, const char *key, struct json_mark to);

/* Enters an object or a list. The other two go on to its next member, leaving it (false) at its end. */
void json_get_map(struct json_get *j);
void json_get_list(struct json_get *j);
/* Members that are null are as good as absent: they are passed over. The key itself is in j->text. */
bool json_get_key(struct json_get *j);
bool json_get_element(struct json_get *j);
bool json_is(const struct json_get *j, const char *key);

/* Values; texts are valid until the next call. Anything else than what is asked for is an error. */
const char *json_get_text(struct json_get *j, size_t *len);
const char *json_get_digits(struct json_get *j); /* a number as it is written */
double json_get_real(struct json_get *j);        /* finite */
int64_t json_get_whole(struct json_get *j, int64_t least, int64_t most);
bool json_get_bool(struct json_get *j);
void json_skip(struct json_get *j);

/* A number as it is written that is whole and within bounds: others may write 5.0 or 1e3. */
bool json_to_whole(const char *digits, int64_t least, int64_t most, int64_t *out);

/* An error of the caller's, of the container or the value at hand: "samples[2].pid: …". */
void json_refuse(struct json_get *j, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define json_refuse_value(j, what) json_refuse(j, "must be %s", what)
