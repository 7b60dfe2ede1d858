/* SPDX-License-Identifier: MIT */
/* Entry 0 of each table is there and empty: it is what an index that was left out means. */
#include "user/push/otlp_tables.h"
#include "user/format/pb.h"
#include "user/push/sets.h"
#include "user/util/alloc.h"
#include <string.h>

enum {
	DICTIONARY_MAPPING = 1,
	DICTIONARY_LOCATION,
	DICTIONARY_FUNCTION,
	DICTIONARY_LINK,
	DICTIONARY_STRING,
	DICTIONARY_ATTRIBUTE,
	DICTIONARY_STACK
};
enum { MAPPING_FILENAME = 4 };
enum { LOCATION_MAPPING = 1, LOCATION_LINES = 3 };
enum { LINE_FUNCTION = 1, LINE_LINE };
enum { FUNCTION_NAME = 1, FUNCTION_SYSTEM_NAME, FUNCTION_FILENAME, FUNCTION_START_LINE };
enum { ATTRIBUTE_KEY = 1, ATTRIBUTE_VALUE };
enum { STACK_LOCATIONS = 1 };
enum { ANY_STRING = 1 };

#define ENTRY_BYTES 24

void otlp_tables__init(struct otlp_tables *t, const struct profile *p, const struct view *v)
{
	t->refs.by_file = true;
	pprof_tables__init(&t->refs, p, v);
	t->stacks = intern__new();
	t->attributes = intern__new();
}

void otlp_tables__free(struct otlp_tables *t)
{
	pprof_tables__free(&t->refs);
	intern__free(t->stacks);
	intern__free(t->attributes);
}

size_t otlp_tables__bytes(const struct otlp_tables *t)
{
	return t->refs.bytes + t->bytes;
}

uint32_t otlp_tables__text(struct otlp_tables *t, const char *text)
{
	return pprof_tables__text(&t->refs, text);
}

static uint32_t add(struct otlp_tables *t, struct intern *table, const void *key, size_t len, size_t bytes)
{
	uint32_t before = intern__count(table), id = intern__id(table, key, len);

	if (id > before)
		t->bytes += bytes + ENTRY_BYTES;
	return id;
}

uint32_t otlp_tables__stack(struct otlp_tables *t, uint32_t process, uint32_t stack)
{
	size_t depth = pprof_tables__stack(&t->refs, process, stack);
	__cleanup_free uint32_t *ids = xcalloc(depth + 1, sizeof(*ids));

	for (size_t i = 0; i < depth; i++)
		ids[i] = (uint32_t)t->refs.stack[i];
	return depth ? add(t, t->stacks, ids, depth * sizeof(*ids), depth * 5) : 0;
}

uint32_t otlp_tables__attribute(struct otlp_tables *t, const char *key, const char *value)
{
	uint32_t key_id;
	struct buf both = {0};
	uint32_t id;

	if (!*value)
		return 0;
	key_id = otlp_tables__text(t, key);
	buf_put(&both, &key_id, sizeof(key_id));
	buf_put(&both, value, strlen(value));
	id = add(t, t->attributes, both.data, both.len, both.len);
	buf_free(&both);
	return id;
}

/* ---- as messages ------------------------------------------------------------------------------- */

static void put(struct buf *out, uint32_t table, struct buf *entry)
{
	pb_put_message(out, table, entry);
	buf_reset(entry);
}

static void put_mappings(struct otlp_tables *t, struct buf *out)
{
	struct buf m = {0};

	put(out, DICTIONARY_MAPPING, &m);
	for (uint32_t id = 1; id <= intern__count(t->refs.mappings); id++) {
		__cleanup_free char *path = pprof_tables__mapping(&t->refs, id);

		pb_put_int(&m, MAPPING_FILENAME, otlp_tables__text(t, path));
		put(out, DICTIONARY_MAPPING, &m);
	}
	buf_free(&m);
}

static void put_lines(struct buf *location, struct cursor lines)
{
	struct buf line = {0};
	struct pprof_line l;

	while (pprof_tables__next_line(&lines, &l)) {
		pb_put_int(&line, LINE_FUNCTION, l.function_id);
		pb_put_int(&line, LINE_LINE, l.line > 0 ? (uint32_t)l.line : 0);
		put(location, LOCATION_LINES, &line);
	}
	buf_free(&line);
}

static void put_locations(struct otlp_tables *t, struct buf *out)
{
	struct buf location = {0};

	put(out, DICTIONARY_LOCATION, &location);
	for (uint32_t id = 1; id <= intern__count(t->refs.locations); id++) {
		struct cursor lines;

		pb_put_int(&location, LOCATION_MAPPING, pprof_tables__location(&t->refs, id, &lines));
		put_lines(&location, lines);
		put(out, DICTIONARY_LOCATION, &location);
	}
	buf_free(&location);
}

static void put_functions(struct otlp_tables *t, struct buf *out)
{
	struct buf function = {0};

	put(out, DICTIONARY_FUNCTION, &function);
	for (uint32_t id = 1; id <= intern__count(t->refs.functions); id++) {
		struct pprof_function f = pprof_tables__function(&t->refs, id);

		pb_put_int(&function, FUNCTION_NAME, f.name);
		pb_put_int(&function, FUNCTION_SYSTEM_NAME, f.system_name);
		pb_put_int(&function, FUNCTION_FILENAME, f.file);
		pb_put_int(&function, FUNCTION_START_LINE, f.first_line);
		put(out, DICTIONARY_FUNCTION, &function);
	}
	buf_free(&function);
}

void otlp_put_any(struct buf *out, uint32_t field, const char *text, size_t len)
{
	struct buf any = {0};

	pb_put_element(&any, ANY_STRING, text, len);
	pb_put_message(out, field, &any);
	buf_free(&any);
}

static void put_attributes(struct otlp_tables *t, struct buf *out)
{
	struct buf attribute = {0};

	put(out, DICTIONARY_ATTRIBUTE, &attribute);
	for (uint32_t id = 1; id <= intern__count(t->attributes); id++) {
		size_t len;
		const char *both = intern__bytes(t->attributes, id, &len);
		uint32_t key;

		memcpy(&key, both, sizeof(key));
		pb_put_int(&attribute, ATTRIBUTE_KEY, key);
		otlp_put_any(&attribute, ATTRIBUTE_VALUE, both + sizeof(key), len - sizeof(key));
		put(out, DICTIONARY_ATTRIBUTE, &attribute);
	}
	buf_free(&attribute);
}

static void put_stacks(struct otlp_tables *t, struct buf *out)
{
	struct buf stack = {0};

	put(out, DICTIONARY_STACK, &stack);
	for (uint32_t id = 1; id <= intern__count(t->stacks); id++) {
		size_t len;
		const uint32_t *ids = intern__bytes(t->stacks, id, &len);
		__cleanup_free uint64_t *wide = xcalloc(len / sizeof(*ids) + 1, sizeof(*wide));

		for (size_t i = 0; i < len / sizeof(*ids); i++)
			memcpy(&wide[i], &ids[i], sizeof(*ids));
		pb_put_packed(&stack, STACK_LOCATIONS, wide, len / sizeof(*ids));
		put(out, DICTIONARY_STACK, &stack);
	}
	buf_free(&stack);
}

static void put_texts(const struct otlp_tables *t, struct buf *out)
{
	pb_put_element(out, DICTIONARY_STRING, "", 0);
	for (uint32_t i = 1; i <= intern__count(t->refs.texts); i++) {
		size_t len;
		const char *text = intern__bytes(t->refs.texts, i, &len);

		pb_put_element(out, DICTIONARY_STRING, text, len);
	}
}

void otlp_tables__put(struct otlp_tables *t, struct buf *out)
{
	const struct buf empty = {0};

	put_mappings(t, out);
	put_locations(t, out);
	put_functions(t, out);
	put_attributes(t, out);
	put_stacks(t, out);
	/* Link{}: one of zero bytes, as the specification's text has it, is refused by Parca and profcheck */
	pb_put_message(out, DICTIONARY_LINK, &empty);
	put_texts(t, out);
}
