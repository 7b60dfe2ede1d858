/* The generator's callbacks write straight to the stream; nothing is held. */
#include "user/format/json/json_put.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <yajl/yajl_gen.h>

struct json_put {
	yajl_gen gen;
	FILE *out;
};

static void print(void *ctx, const char *text, size_t len)
{
	fwrite(text, 1, len, ctx);
}

struct json_put *json_put__new(FILE *out)
{
	struct json_put *j = xcalloc(1, sizeof(*j));

	j->out = out;
	j->gen = yajl_gen_alloc(NULL);
	if (!j->gen)
		abort(); /* out of memory */
	yajl_gen_config(j->gen, yajl_gen_beautify, 1);
	yajl_gen_config(j->gen, yajl_gen_indent_string, " ");
	yajl_gen_config(j->gen, yajl_gen_print_callback, print, out);
	return j;
}

int json_put__end(struct json_put *j)
{
	int err = ferror(j->out) ? -EIO : 0;

	yajl_gen_free(j->gen);
	free(j);
	return err;
}

static void put_string(struct json_put *j, const char *text)
{
	yajl_gen_string(j->gen, (const unsigned char *)text, strlen(text));
}

static void put_key(struct json_put *j, const char *key)
{
	if (key)
		put_string(j, key);
}

void json_put_map(struct json_put *j, const char *key)
{
	put_key(j, key);
	yajl_gen_map_open(j->gen);
}

void json_put_list(struct json_put *j, const char *key)
{
	put_key(j, key);
	yajl_gen_array_open(j->gen);
}

void json_put_end_map(struct json_put *j)
{
	yajl_gen_map_close(j->gen);
}

void json_put_end_list(struct json_put *j)
{
	yajl_gen_array_close(j->gen);
}

void json_put_text(struct json_put *j, const char *key, const char *text)
{
	put_key(j, key);
	put_string(j, text);
}

static void put_number(struct json_put *j, const char *key, const char *digits)
{
	put_key(j, key);
	yajl_gen_number(j->gen, digits, strlen(digits));
}

void json_put_count(struct json_put *j, const char *key, uint64_t value)
{
	char digits[32];

	snprintf(digits, sizeof(digits), "%" PRIu64, value);
	put_number(j, key, digits);
}

void json_put_int(struct json_put *j, const char *key, int64_t value)
{
	char digits[32];

	snprintf(digits, sizeof(digits), "%" PRId64, value);
	put_number(j, key, digits);
}

void json_put_seconds(struct json_put *j, const char *key, uint64_t ns)
{
	char digits[32];

	snprintf(digits, sizeof(digits), "%" PRIu64 ".%09" PRIu64, ns / 1000000000,
		 ns % 1000000000);
	put_number(j, key, digits);
}

void json_put_real(struct json_put *j, const char *key, double value)
{
	char digits[400]; /* the largest double has 309 digits */

	if (!isfinite(value)) {
		put_key(j, key);
		yajl_gen_null(j->gen);
		return;
	}
	snprintf(digits, sizeof(digits), "%.6f", value);
	put_number(j, key, digits);
}

void json_put_bool(struct json_put *j, const char *key, bool value)
{
	put_key(j, key);
	yajl_gen_bool(j->gen, value);
}
