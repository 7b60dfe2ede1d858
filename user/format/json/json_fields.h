/* The keys of our JSON that hold plain values: what they must look like, where the value goes. */
#pragma once
#include "user/format/json/json_parse.h"

enum json_kind {
	TEXT,
	WORD,
	U64,
	U32,
	U16,
	I32,
	INDEX,
	SECONDS,
	NUMBER,
	BOOL,
	NOT_BOOL,
	GIL,
	ORIGIN,
	VALUE
};

struct json_field {
	enum json_place in;
	const char *key;
	enum json_kind kind;
	size_t offset; /* in struct json_items */
};

/* NULL: no such key there. */
const struct json_field *json_field_find(enum json_place in, const char *key, size_t len);
/* "a whole number" */
const char *json_field_expected(const struct json_field *f);

/* Put a value into its place; false: it is not what the field must be. */
bool json_field_number(const struct json_field *f, struct json_items *items, const char *text);
bool json_field_text(const struct json_field *f, struct json_items *items, const char *text,
		     size_t len);
bool json_field_bool(const struct json_field *f, struct json_items *items, bool value);

/* A JSON number that is whole and within bounds. */
bool json_to_integer(const char *text, int64_t least, int64_t most, int64_t *out);
