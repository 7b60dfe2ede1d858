/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer on the pull parser and the writer. What was read and written again must be read again and be written the same, and values that are asked
 * for as something else must leave nothing but an error. The first byte says what is asked for.
 */
#include "user/util/alloc.h"
#include "user/util/json_get.h"
#include "user/util/json_put.h"
#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct json_get reader; /* too large for a stack */

static void copy(struct json_get *j, struct json_put *out, const char *key)
{
	switch (json_get_kind(j)) {
	case JSON_MAP:
		json_put_map(out, key);
		for (json_get_map(j); json_get_key(j);) {
			__cleanup_free char *name = xstrndup(j->text, j->len);

			copy(j, out, name);
		}
		json_put_end_map(out);
		break;
	case JSON_LIST:
		json_put_list(out, key);
		for (json_get_list(j); json_get_element(j);)
			copy(j, out, NULL);
		json_put_end_list(out);
		break;
	case JSON_STRING:
		json_put_text(out, key, json_get_text(j, NULL));
		break;
	case JSON_NUMBER:
		json_put_real(out, key, json_get_real(j));
		break;
	case JSON_BOOL:
		json_put_bool(out, key, json_get_bool(j));
		break;
	case JSON_NULL:
		json_put_null(out, key);
		/* fall through */
	default:
		json_skip(j);
	}
}

/* What is read, written again; NULL when it is refused. The caller frees. */
static char *copy_of(struct json_get *j)
{
	char *text = NULL;
	size_t len = 0;
	struct json_put out = {.out = open_memstream(&text, &len)};
	int err;

	copy(j, &out, NULL);
	err = json_get__end(j);
	if (!err != !*j->error)
		abort();
	fclose(out.out);
	if (err) {
		free(text);
		return NULL;
	}
	return text;
}

static void open_text(const char *text, size_t len)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (write(fd, text, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET))
		abort();
	*reader.error = 0;
	json_get__open(&reader, fd);
}

static char *copy_of_text(const char *text, size_t len)
{
	char *out;

	open_text(text, len);
	out = copy_of(&reader);
	close(reader.fd);
	return out;
}

/* Asks for whatever the bits say, regardless of what there is. */
static void ask(struct json_get *j, uint8_t bits, int depth)
{
	switch (depth < 8 ? bits & 7 : 7) {
	case 0:
		for (json_get_map(j); json_get_key(j);)
			ask(j, (uint8_t)(bits >> 1 | bits << 7), depth + 1);
		break;
	case 1:
		for (json_get_list(j); json_get_element(j);)
			ask(j, (uint8_t)(bits >> 3 | bits << 5), depth + 1);
		break;
	case 2:
		json_get_text(j, NULL);
		break;
	case 3:
		json_get_real(j);
		break;
	case 4:
		json_get_whole(j, -5, 1000);
		break;
	case 5:
		json_get_bool(j);
		break;
	case 6:
		json_refuse(j, "refused");
		break;
	default:
		json_skip(j);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 1;
	char *once, *twice;

	if (!size)
		return 0;
	open_text(text, size - 1);
	ask(&reader, data[0], 0);
	json_get__end(&reader);
	close(reader.fd);
	once = copy_of_text(text, size - 1);
	if (!once)
		return 0;
	twice = copy_of_text(once, strlen(once));
	if (!twice || strcmp(once, twice))
		abort();
	free(once);
	free(twice);
	return 0;
}
