/* SPDX-License-Identifier: MIT */
#include "user/resolve/codes.h"
#include "user/python/code_object.h"
#include "user/resolve/codes_parts.h"
#include "user/resolve/console_script.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/digest.h"
#include "user/util/text.h"
#include <string.h>

#define FILES_MAX 8192 /* of an image that are remembered */
#define STALE_MAX 4096 /* contents that are gone, and whose instructions are still known */

/* The interpreter's own machinery; no frame is made of it. */
static struct content hidden;

struct partial {
	char *name, *file, *module;
	int32_t first_line;
	enum line_table_kind kind;
	uint32_t have, want;
	bool untold; /* there is a table, but it was not sent */
	char *table;
};

static void begin_tables(struct codes *c)
{
	c->segment++;
	c->functions = intern__new();
	c->named = intern__new();
	c->frame_cnt = 0;
}

static void end_tables(struct codes *c)
{
	intern__free(c->functions);
	intern__free(c->named);
	for (size_t m = 0; m < c->module_cnt; m++)
		module_name_clear(&c->modules[m]);
	c->module_cnt = 0;
	pair_map__free(&c->by_lasti);
	pair_map__free(&c->by_line);
	c->stale = 0;
}

struct codes *codes__new(struct profile_sink sink, struct path_asker files)
{
	struct codes *c = xcalloc(1, sizeof(*c));

	c->sink = sink;
	c->files = files;
	c->contents = contents__new();
	begin_tables(c);
	return c;
}

void codes__on_file(struct codes *c, void (*met)(void *ctx, uint32_t image_id, const char *file), void *ctx)
{
	c->met_file = met;
	c->met_ctx = ctx;
}

static void partial_free(struct partial *p)
{
	if (!p)
		return;
	free(p->name);
	free(p->file);
	free(p->module);
	free(p->table);
	free(p);
}

static struct code_image *find_image(const struct codes *c, uint32_t image_id)
{
	struct code_image *i;

	HASH_FIND(hh, c->images, &image_id, sizeof(image_id), i);
	return i;
}

static void content_drop(struct codes *c, struct code *code)
{
	struct content *t = code->content;
	struct code_image *by;
	struct contents_gone gone;

	code->content = NULL;
	if (!t || t == &hidden)
		return;
	c->stale += t->refs == 1;
	gone = contents__put(c->contents, t);
	by = gone.table_bytes ? find_image(c, gone.image_id) : NULL;
	if (by)
		by->table_bytes -= gone.table_bytes;
}

void code_free(struct codes *c, struct code *code)
{
	content_drop(c, code);
	partial_free(code->partial);
	free(code);
}

void codes__free(struct codes *c)
{
	struct code_image *i, *next;

	if (!c)
		return;
	HASH_ITER(hh, c->images, i, next)
	codes__forget(c, i->image_id);
	end_tables(c);
	free(c->modules);
	contents__free(c->contents);
	free(c);
}

void codes__begin_segment(struct codes *c, struct profile_sink sink)
{
	end_tables(c);
	begin_tables(c);
	c->sink = sink;
}

static struct code_image *get_image(struct codes *c, uint32_t image_id)
{
	struct code_image *i = find_image(c, image_id);

	if (!i) {
		i = xcalloc(1, sizeof(*i));
		i->image_id = image_id;
		HASH_ADD(hh, c->images, image_id, sizeof(i->image_id), i);
	}
	return i;
}

static struct code *find_code(const struct codes *c, uint64_t key)
{
	struct code *code;

	HASH_FIND(hh, c->by_key, &key, sizeof(key), code);
	return code;
}

static struct code *meet(const struct codes *c, uint64_t key)
{
	struct code *code = find_code(c, key);

	if (code) {
		code->used_s = c->now_s;
		code->leaving = false;
	}
	return code;
}

void codes__meet(struct codes *c, uint64_t key)
{
	meet(c, key);
}

static struct code *get_code(struct codes *c, uint64_t key, uint32_t image_id)
{
	struct code *code = meet(c, key);
	struct code_image *image;

	if (code)
		return code;
	code = xcalloc(1, sizeof(*code));
	code->key = key;
	code->image_id = image_id;
	code->used_s = c->now_s;
	image = get_image(c, image_id);
	code->next_of_image = image->codes;
	image->codes = code;
	HASH_ADD(hh, c->by_key, key, sizeof(code->key), code);
	return code;
}

void codes__forget(struct codes *c, uint32_t image_id)
{
	struct code_image *i = find_image(c, image_id);
	struct code *code, *next;

	if (!i)
		return;
	for (code = i->codes; code; code = next) {
		next = code->next_of_image;
		HASH_DEL(c->by_key, code);
		code_free(c, code);
	}
	HASH_DEL(c->images, i);
	whole_paths__clear(&i->paths);
	pair_map__free(&i->files);
	free(i);
}

/* A file has many functions. */
static const struct module_name *module_of(struct codes *c, const struct content *t)
{
	struct buf key = {0};
	uint32_t id;

	buf_put_text(&key, t->file);
	buf_put_text(&key, t->module);
	buf_put_varint(&key, t->is_console_script);
	id = intern__id(c->named, key.data, key.len);
	buf_free(&key);
	if (id > c->module_cnt) {
		xgrow(c->modules, c->module_cnt, c->module_cap);
		module_name_find(t->file, t->module, &c->modules[c->module_cnt++]);
		if (t->is_console_script && c->modules[id - 1].origin == PROFILE_USER)
			c->modules[id - 1].origin = PROFILE_SITE;
	}
	return &c->modules[id - 1];
}

/*
 * A function is identified by name, file, first line and module. One file may be several modules (run and imported,
 * generated code), and processes may call it differently. A relative path may mean another file in each process
 * (templates, programs in one file): there functions with different line tables are different functions.
 */
static uint32_t find_function(struct codes *c, const struct content *t, const char *module)
{
	struct buf key = {0};
	uint32_t id;

	buf_put_text(&key, t->name);
	buf_put_text(&key, t->file);
	buf_put_text(&key, module);
	buf_put_svarint(&key, t->first_line);
	if (path_is_relative(t->file) && t->table)
		buf_put(&key, &t->table->digest, sizeof(t->table->digest));
	id = intern__id(c->functions, key.data, key.len);
	buf_free(&key);
	return id;
}

/* Sent to the profile when it is first needed. */
static uint32_t function_id(struct codes *c, struct content *t)
{
	uint32_t before = intern__count(c->functions);
	const struct module_name *m;

	if (t->segment == c->segment)
		return t->function;
	m = module_of(c, t);
	t->segment = c->segment;
	t->function = find_function(c, t, m->module);
	if (t->function <= before)
		return t->function;
	c->sink.ops->function(c->sink.ctx, &(struct profile_function){
						   .id = t->function,
						   .name = t->name,
						   .module = m->module,
						   .file = t->file,
						   .short_file = m->short_file,
						   .first_line = t->first_line,
						   .origin = m->origin,
					   });
	return t->function;
}

size_t codes__room(struct codes *c, uint32_t image_id)
{
	return contents__room(c->contents, get_image(c, image_id)->table_bytes);
}

static void meet_file(struct codes *c, struct code_image *image, const char *file)
{
	uint64_t digest = digest_of(file, strlen(file));
	uint32_t *slot;

	if (!c->met_file || image->files.count >= FILES_MAX)
		return;
	slot = pair_map__slot(&image->files, (uint32_t)(digest >> 32), (uint32_t)digest);
	if (!*slot)
		c->met_file(c->met_ctx, image->image_id, file);
	*slot = 1;
}

static struct content *content_of(struct codes *c, uint32_t image_id, const struct code_text *t)
{
	struct code_image *image = get_image(c, image_id);
	struct code_text text = *t;

	if (code_is_machinery(t->name, t->file, t->first_line))
		return &hidden;
	text.file = whole_paths__find(&image->paths, t->file, image_id, &c->files);
	meet_file(c, image, text.file);
	text.is_console_script = console_script(&text, image_id, &c->files, &image->script_asks);
	return contents__get(c->contents, &text, image_id, &image->table_bytes);
}

void codes__set(struct codes *c, uint64_t key, uint32_t image_id, const struct code_text *text)
{
	struct code *code = get_code(c, key, image_id);

	if (code->lacking)
		content_drop(c, code);
	if (!code->content)
		code->content = content_of(c, image_id, text);
	code->lacking = false;
	partial_free(code->partial);
	code->partial = NULL;
}

/* The pieces are together, or no more will come: they become content. */
static void complete(struct codes *c, struct code *code)
{
	struct partial *p = code->partial;
	struct code_text text = {.name = p->name,
				 .file = p->file,
				 .module = p->module,
				 .first_line = p->first_line,
				 .table = p->table,
				 .table_len = p->have,
				 .kind = p->kind,
				 .cut = p->untold || p->have < p->want};
	bool lacking = p->have < p->want;

	codes__set(c, code->key, code->image_id, &text);
	code->lacking = lacking;
}

/* A name as its code points; cut names end in an ellipsis so that nobody takes them for whole. */
static char *record_text(const char *data, const struct abi_text *t)
{
	__cleanup_free char *text = text_from_units(data, t->bytes, t->kind);

	if (t->flags & ABI_TEXT_UNREADABLE)
		return xstrdup("[unreadable]");
	return xasprintf("%s%s", text, t->flags & ABI_TEXT_CUT ? "…" : "");
}

static char *record_module(const char *data, const struct abi_text *t)
{
	__cleanup_free char *text = t->flags & ABI_TEXT_UNREADABLE ? NULL : record_text(data, t);

	return code_module(text, t->flags);
}

void codes__add(struct codes *c, const struct abi_code *rec, enum line_table_kind kind)
{
	const char *data = (const char *)(rec + 1);
	struct code *code = get_code(c, rec->code_key, rec->image_id);
	struct partial *p;

	if (code->partial && (rec->flags & ABI_CODE_UNREADABLE)) { /* the rest of its lines is not to be had */
		partial_free(code->partial);
		code->partial = NULL;
	}
	if (code->partial || (code->content && !code->lacking))
		return; /* two threads met it at the same time, or it was sent again */
	p = xcalloc(1, sizeof(*p));
	p->name = record_text(data, &rec->name);
	p->file = record_text(data + rec->name.bytes, &rec->file);
	p->module = record_module(data + rec->name.bytes + rec->file.bytes, &rec->module);
	p->first_line = rec->first_line;
	p->kind = kind;
	p->want = rec->lines_bytes <= ABI_SENT_LINES ? rec->lines_bytes : 0;
	p->untold = !p->want && (rec->lines_bytes || rec->flags & ABI_CODE_UNREADABLE);
	p->table = xmalloc(p->want);
	code->partial = p;
	if (!p->want)
		complete(c, code);
}

void codes__add_lines(struct codes *c, const struct abi_lines *rec)
{
	struct code *code = find_code(c, rec->code_key);
	struct partial *p = code ? code->partial : NULL;

	if (!p || rec->offset != p->have || rec->bytes > p->want - p->have)
		return; /* a second copy of a table, or one with a hole */
	memcpy(p->table + p->have, rec + 1, rec->bytes);
	p->have += rec->bytes;
	if (p->have == p->want)
		complete(c, code);
}

static uint32_t frame_id(struct codes *c, uint32_t function, int32_t line)
{
	uint32_t *slot = pair_map__slot(&c->by_line, function, (uint32_t)line);

	if (!*slot) {
		*slot = ++c->frame_cnt;
		c->sink.ops->frame(c->sink.ctx,
				   &(struct profile_frame){.id = *slot, .function = function, .line = line});
	}
	return *slot;
}

/* Entries of contents that are gone are dropped all at once, now and then. */
static void drop_stale(struct codes *c)
{
	if (c->stale < STALE_MAX)
		return;
	pair_map__free(&c->by_lasti);
	c->stale = 0;
}

uint32_t codes__frame(struct codes *c, uint64_t key, int32_t lasti)
{
	struct code *code = meet(c, key);
	struct content *t;
	uint32_t known, id;
	int32_t line = 0;

	if (!code || !code->content)
		return 0;
	if (code->content == &hidden)
		return CODES_HIDDEN;
	t = code->content;
	known = pair_map__get(&c->by_lasti, t->id, (uint32_t)lasti);
	if (known)
		return known;
	if (!t->cut || lasti < -1)
		line = content__line(t, lasti);
	id = frame_id(c, function_id(c, t), line);
	drop_stale(c);
	*pair_map__slot(&c->by_lasti, t->id, (uint32_t)lasti) = id;
	return id;
}

char *codes__text(struct codes *c, uint64_t key)
{
	const struct code *code = find_code(c, key);

	if (!code || !code->content || code->content == &hidden)
		return NULL;
	return xasprintf("%s (%s)", code->content->name, module_of(c, code->content)->short_file);
}

bool codes__names(const struct codes *c, uint64_t key, struct code_names *out)
{
	const struct code *code = find_code(c, key);

	if (!code || !code->content)
		return false;
	*out = code->content == &hidden ? (struct code_names){"", ""}
					: (struct code_names){code->content->name, code->content->file};
	return true;
}

uint32_t codes__other(struct codes *c, const struct profile_function *like)
{
	uint32_t before = intern__count(c->functions);
	struct profile_function f = *like;
	struct buf key = {0};

	buf_put_varint(&key, like->kind);
	buf_put_text(&key, like->name);
	buf_put_text(&key, like->module);
	buf_put_text(&key, like->file);
	buf_put_svarint(&key, like->first_line);
	f.id = intern__id(c->functions, key.data, key.len);
	buf_free(&key);
	if (f.id > before)
		c->sink.ops->function(c->sink.ctx, &f);
	return f.id;
}

uint32_t codes__at_line(struct codes *c, uint32_t function, int32_t line)
{
	return frame_id(c, function, line);
}

uint32_t codes__synthetic(struct codes *c, const char *text)
{
	const struct profile_function f = {
		.name = text, .module = "", .file = "", .short_file = "", .kind = PROFILE_SYNTHETIC};

	return frame_id(c, codes__other(c, &f), 0);
}

uint32_t codes__frame_now(struct codes *c, uint64_t key, int32_t lasti)
{
	struct code *code = find_code(c, key);

	if (code && code->partial) /* the rest of its lines was lost: its name is better than nothing */
		complete(c, code);
	if (code && code->content)
		return codes__frame(c, key, lasti);
	if (!code && c->limit.forget) /* its record was lost on the way: it is to be sent again */
		c->limit.forget(c->limit.ctx, key);
	return codes__synthetic(c, "[unknown function]");
}
