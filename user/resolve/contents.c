/* SPDX-License-Identifier: MIT */
#include "user/resolve/contents.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/digest.h"
#include "user/util/log.h"
#include <string.h>

#define IMAGE_MAX (64u << 20) /* bytes of line tables of one process image; the largest known programs have 20 MB */
#define ALL_MAX   (512u << 20)
#define OVERHEAD  16 /* bytes, of a piece of memory */

struct contents {
	struct content *by_text;
	struct content_table *tables;
	size_t table_bytes, text_bytes;
	uint32_t last_id;
	bool limit_told;
};

struct contents *contents__new(void)
{
	return xcalloc(1, sizeof(struct contents));
}

static void free_table(struct content_table *t)
{
	line_table__clear(&t->lines);
	free(t);
}

void contents__free(struct contents *c)
{
	struct content_table *t, *next_table;
	struct content *i, *next;

	if (!c)
		return;
	HASH_ITER(hh, c->by_text, i, next)
	{
		HASH_DEL(c->by_text, i);
		free(i);
	}
	HASH_ITER(hh, c->tables, t, next_table)
	{
		HASH_DEL(c->tables, t);
		free_table(t);
	}
	free(c);
}

/* ---- tables ------------------------------------------------------------------------------------------------ */

size_t contents__room(const struct contents *c, size_t image_bytes)
{
	size_t all = c->table_bytes < ALL_MAX ? ALL_MAX - c->table_bytes : 0;
	size_t mine = image_bytes < IMAGE_MAX ? IMAGE_MAX - image_bytes : 0;

	return all < mine ? all : mine;
}

static void emit_limit(struct contents *c)
{
	if (!c->limit_told)
		log_warn("a process has line tables of more than %u MB, or all have of more than %u MB: those that "
			 "come later are not kept, and functions have no lines there",
			 IMAGE_MAX >> 20, ALL_MAX >> 20);
	c->limit_told = true;
}

static struct content_table *new_table(const struct code_text *t, uint32_t image_id)
{
	struct content_table *table = xmalloc(sizeof(*table) + t->table_len);

	memset(table, 0, sizeof(*table));
	table->len = (uint32_t)t->table_len;
	memcpy(table->bytes, t->table, t->table_len);
	table->image_id = image_id;
	table->digest = digest_of(table->bytes, table->len);
	table->lines = (struct line_table){.kind = t->kind, .bytes = table->bytes, .len = table->len};
	return table;
}

/* Of other kinds of Python they are others. NULL for none; `*cut` when there is no room for it. */
static struct content_table *get_table(struct contents *c, const struct code_text *t, uint32_t image_id,
				       size_t *image_bytes, bool *cut)
{
	struct content_table *table;
	unsigned hash;

	*cut = t->cut;
	if (!t->table_len)
		return NULL;
	HASH_VALUE(t->table, t->table_len, hash);
	hash ^= (unsigned)t->kind;
	HASH_FIND_BYHASHVALUE(hh, c->tables, t->table, t->table_len, hash, table);
	if (table)
		return table;
	if (t->table_len > contents__room(c, *image_bytes)) {
		emit_limit(c);
		*cut = true;
		return NULL;
	}
	table = new_table(t, image_id);
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, c->tables, table->bytes, table->len, hash, table);
	c->table_bytes += table->len;
	*image_bytes += table->len;
	return table;
}

static struct contents_gone put_table(struct contents *c, struct content_table *t)
{
	struct contents_gone gone = {t->image_id, t->len};

	if (--t->refs)
		return (struct contents_gone){0};
	c->table_bytes -= t->len;
	HASH_DEL(c->tables, t);
	free_table(t);
	return gone;
}

/* ---- contents ---------------------------------------------------------------------------------------------- */

/* Name, file and module come first, each with its zero. */
static void make_key(struct buf *key, const struct code_text *t, const struct content_table *table, bool cut)
{
	const char *module = t->module ? t->module : "";

	buf_put(key, t->name, strlen(t->name) + 1);
	buf_put(key, t->file, strlen(t->file) + 1);
	buf_put(key, module, strlen(module) + 1);
	buf_put_svarint(key, t->first_line);
	buf_put_varint(key, (uint64_t)t->kind << 2 | (uint64_t)t->is_console_script << 1 | cut);
	buf_put(key, &table, sizeof(table));
}

static struct content *new_content(struct contents *c, const struct code_text *t, const struct buf *key)
{
	struct content *i = xmalloc(sizeof(*i) + key->len);
	char *text = (char *)(i + 1);

	memset(i, 0, sizeof(*i));
	memcpy(text, key->data, key->len);
	i->id = ++c->last_id;
	i->text_len = (uint32_t)key->len;
	i->name = text;
	i->file = text + strlen(text) + 1;
	i->module = i->file + strlen(i->file) + 1;
	i->first_line = t->first_line;
	i->kind = t->kind;
	i->is_console_script = t->is_console_script;
	return i;
}

struct content *contents__get(struct contents *c, const struct code_text *t, uint32_t image_id, size_t *image_bytes)
{
	struct content_table *table;
	struct content *i;
	struct buf key = {0};
	bool cut;

	table = get_table(c, t, image_id, image_bytes, &cut);
	make_key(&key, t, table, cut);
	HASH_FIND(hh, c->by_text, key.data, key.len, i);
	if (!i) {
		i = new_content(c, t, &key);
		i->cut = cut;
		i->table = table;
		if (table)
			table->refs++;
		HASH_ADD_KEYPTR(hh, c->by_text, i->name, key.len, i);
		c->text_bytes += key.len;
	}
	i->refs++;
	buf_free(&key);
	return i;
}

struct contents_gone contents__put(struct contents *c, struct content *i)
{
	struct contents_gone gone = {0};

	if (--i->refs)
		return gone;
	HASH_DEL(c->by_text, i);
	c->text_bytes -= i->text_len;
	if (i->table)
		gone = put_table(c, i->table);
	free(i);
	return gone;
}

size_t contents__bytes(const struct contents *c)
{
	return HASH_COUNT(c->by_text) * (sizeof(struct content) + OVERHEAD) + c->text_bytes +
	       HASH_COUNT(c->tables) * (sizeof(struct content_table) + OVERHEAD) + c->table_bytes;
}

size_t content__bytes(const struct content *i)
{
	const struct content_table *t = i->table;
	size_t table = t ? (sizeof(*t) + OVERHEAD + t->len) / (t->refs ? t->refs : 1) : 0;

	return i->refs ? (sizeof(*i) + OVERHEAD + i->text_len + table) / i->refs : 0;
}

int32_t content__line(const struct content *c, int32_t lasti)
{
	struct line_table none = {.kind = c->kind};

	return line_table__line(c->table ? &c->table->lines : &none, c->first_line, lasti);
}
