#include "user/resolve/codes.h"
#include "user/python/line_table.h"
#include "user/resolve/module_name.h"
#include "user/resolve/whole_path.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/intern.h"
#include "user/util/pair_map.h"
#include "user/util/text.h"
#include <string.h>
#include <uthash.h>

/* What equal code objects share. */
struct content {
	uint32_t function; /* the profile's */
	int32_t first_line;
	enum line_table_kind kind;
	const void *table; /* inside the interned bytes */
	uint32_t table_len;
	bool cut; /* the rest of the table was lost: no line can be told for sure */
};

/* One code object of one image. */
struct code {
	UT_hash_handle hh;
	uint64_t key;
	uint32_t image_id;
	uint32_t content; /* 0: its lines are still coming */
	struct code *next_of_image;
	struct partial *partial;
};

struct partial {
	char *name, *file;
	int32_t first_line;
	enum line_table_kind kind;
	uint32_t have, want;
	bool untold; /* there is a table, but it was not sent */
	char *table;
};

struct image {
	UT_hash_handle hh;
	uint32_t image_id;
	struct code *codes;
};

struct codes {
	struct profile_sink sink;
	struct codes_files files;
	struct code *by_key;
	struct image *images;
	struct intern *texts;	    /* bytes of contents → content id */
	struct content *contents;   /* by id */
	uint32_t content_cap;
	struct intern *functions;   /* name, file, first line (and table) → function id */
	struct pair_map by_lasti;   /* (content, lasti) → frame id */
	struct pair_map by_line;    /* (function, line) → frame id */
	uint32_t frame_cnt;
	uint32_t unknown;	    /* function "[unknown]" */
};

struct codes *codes__new(struct profile_sink sink, struct codes_files files)
{
	struct codes *c = xcalloc(1, sizeof(*c));

	c->sink = sink;
	c->files = files;
	c->texts = intern__new();
	c->functions = intern__new();
	return c;
}

static void partial_free(struct partial *p)
{
	if (!p)
		return;
	free(p->name);
	free(p->file);
	free(p->table);
	free(p);
}

static void code_free(struct code *code)
{
	partial_free(code->partial);
	free(code);
}

void codes__free(struct codes *c)
{
	struct image *i, *next;

	if (!c)
		return;
	HASH_ITER(hh, c->images, i, next)
		codes__forget(c, i->image_id);
	intern__free(c->texts);
	intern__free(c->functions);
	pair_map__free(&c->by_lasti);
	pair_map__free(&c->by_line);
	free(c->contents);
	free(c);
}

static struct image *get_image(struct codes *c, uint32_t image_id)
{
	struct image *i;

	HASH_FIND(hh, c->images, &image_id, sizeof(image_id), i);
	if (!i) {
		i = xcalloc(1, sizeof(*i));
		i->image_id = image_id;
		HASH_ADD(hh, c->images, image_id, sizeof(i->image_id), i);
	}
	return i;
}

static struct code *find_code(struct codes *c, uint64_t key)
{
	struct code *code;

	HASH_FIND(hh, c->by_key, &key, sizeof(key), code);
	return code;
}

static struct code *get_code(struct codes *c, uint64_t key, uint32_t image_id)
{
	struct code *code = find_code(c, key);
	struct image *image;

	if (code)
		return code;
	code = xcalloc(1, sizeof(*code));
	code->key = key;
	code->image_id = image_id;
	image = get_image(c, image_id);
	code->next_of_image = image->codes;
	image->codes = code;
	HASH_ADD(hh, c->by_key, key, sizeof(code->key), code);
	return code;
}

void codes__forget(struct codes *c, uint32_t image_id)
{
	struct code *code, *next;
	struct image *i;

	HASH_FIND(hh, c->images, &image_id, sizeof(image_id), i);
	if (!i)
		return;
	for (code = i->codes; code; code = next) {
		next = code->next_of_image;
		HASH_DEL(c->by_key, code);
		code_free(code);
	}
	HASH_DEL(c->images, i);
	free(i);
}

struct exists_arg {
	struct codes *c;
	uint32_t image_id;
};

static bool path_exists(void *ctx, const char *path)
{
	struct exists_arg *a = ctx;

	return a->c->files.exists && a->c->files.exists(a->c->files.ctx, a->image_id, path);
}

/*
 * The function of a code object: name, file and first line are what tells it apart. Whose file a relative path means
 * may not be known (templates, programs in one file): what lies on other lines is another function then.
 */
static uint32_t function_id(struct codes *c, uint32_t image_id, const struct code_text *t)
{
	struct exists_arg arg = {c, image_id};
	struct buf key = {0};
	struct module_name m;
	uint32_t before = intern__count(c->functions), id;

	buf_put_text(&key, t->name);
	buf_put_text(&key, t->file);
	buf_put_svarint(&key, t->first_line);
	if (path_is_relative(t->file) && !t->cut)
		buf_put(&key, t->table, t->table_len);
	id = intern__id(c->functions, key.data, key.len);
	buf_free(&key);
	if (id <= before)
		return id;
	module_name_find(t->file, path_exists, &arg, &m);
	c->sink.ops->function(c->sink.ctx, &(struct profile_function){
						   .id = id,
						   .name = t->name,
						   .module = m.module,
						   .file = t->file,
						   .short_file = m.short_file,
						   .first_line = t->first_line,
						   .origin = m.origin,
					   });
	module_name_clear(&m);
	return id;
}

static uint32_t shared_content(struct codes *c, uint32_t image_id, const struct code_text *t)
{
	uint32_t function = function_id(c, image_id, t), id;
	uint32_t before = intern__count(c->texts);
	struct buf key = {0};
	size_t head, len;
	const char *kept;

	buf_put(&key, &function, sizeof(function));
	buf_put(&key, &t->kind, sizeof(t->kind));
	buf_put(&key, &t->cut, sizeof(t->cut));
	head = key.len;
	buf_put(&key, t->table, t->table_len);
	id = intern__id(c->texts, key.data, key.len);
	buf_free(&key);
	if (id <= before)
		return id;
	if (id >= c->content_cap) {
		c->content_cap = c->content_cap ? 2 * c->content_cap : 256;
		c->contents = xrealloc(c->contents, c->content_cap * sizeof(*c->contents));
	}
	kept = intern__bytes(c->texts, id, &len);
	c->contents[id] = (struct content){.function = function, .first_line = t->first_line,
					   .kind = t->kind, .table = kept + head,
					   .table_len = (uint32_t)(len - head), .cut = t->cut};
	return id;
}

/*
 * Python 3.13 and newer put a frame of _Py_InitCleanup (Python/specialize.c) below each __init__ that a call
 * of a class was specialised to: a static code object with a file name of its own and no lines.
 */
static bool is_machinery(const struct code_text *t)
{
	return !t->first_line && !strcmp(t->file, "__init__") && !strcmp(t->name, "__init__");
}

static uint32_t content_id(struct codes *c, uint32_t image_id, const struct code_text *t)
{
	__cleanup_free char *absolute = NULL;
	struct exists_arg arg = {c, image_id};
	struct code_text text = *t;

	if (is_machinery(t))
		return CODES_HIDDEN;
	if (path_is_relative(t->file) && c->files.absolute)
		absolute = c->files.absolute(c->files.ctx, image_id, t->file);
	if (whole_path_is_there(absolute, t->file, path_exists, &arg))
		text.file = absolute;
	return shared_content(c, image_id, &text);
}

void codes__set(struct codes *c, uint64_t key, uint32_t image_id, const struct code_text *text)
{
	struct code *code = get_code(c, key, image_id);

	if (!code->content)
		code->content = content_id(c, image_id, text);
	partial_free(code->partial);
	code->partial = NULL;
}

/* The pieces are together, or no more will come: they become content. */
static void complete(struct codes *c, struct code *code)
{
	struct partial *p = code->partial;
	struct code_text text = {.name = p->name, .file = p->file, .first_line = p->first_line,
				 .table = p->table, .table_len = p->have, .kind = p->kind,
				 .cut = p->untold || p->have < p->want};

	codes__set(c, code->key, code->image_id, &text);
}

/* A name as its code points; cut names end in an ellipsis so that nobody takes them for whole. */
static char *record_text(const char *data, const struct abi_text *t)
{
	__cleanup_free char *text = text_from_units(data, t->bytes, t->kind);

	if (t->flags & ABI_TEXT_UNREADABLE)
		return xstrdup("[unreadable]");
	return xasprintf("%s%s", text, t->flags & ABI_TEXT_CUT ? "…" : "");
}

void codes__add(struct codes *c, const struct abi_code *rec, enum line_table_kind kind)
{
	const char *data = (const char *)(rec + 1);
	struct code *code = get_code(c, rec->code_key, rec->image_id);
	struct partial *p;

	if (code->content || code->partial)
		return; /* two threads met it at the same time */
	p = xcalloc(1, sizeof(*p));
	p->name = record_text(data, &rec->name);
	p->file = record_text(data + rec->name.bytes, &rec->file);
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
		c->sink.ops->frame(c->sink.ctx, &(struct profile_frame){
							.id = *slot, .function = function, .line = line});
	}
	return *slot;
}

uint32_t codes__frame(struct codes *c, uint64_t key, int32_t lasti)
{
	struct code *code = find_code(c, key);
	const struct content *t;
	uint32_t known, id;
	int32_t line;

	if (!code || !code->content)
		return 0;
	if (code->content == CODES_HIDDEN)
		return CODES_HIDDEN;
	known = pair_map__get(&c->by_lasti, code->content, (uint32_t)lasti);
	if (known)
		return known;
	t = &c->contents[code->content];
	line = line_table_lookup(t->kind, t->table, t->table_len, t->first_line, lasti);
	id = frame_id(c, t->function, t->cut ? 0 : line);
	*pair_map__slot(&c->by_lasti, code->content, (uint32_t)lasti) = id;
	return id;
}

uint32_t codes__mark(struct codes *c, const char *text)
{
	uint32_t before = intern__count(c->functions);
	uint32_t id = intern__id(c->functions, text, strlen(text));

	if (id > before)
		c->sink.ops->function(c->sink.ctx, &(struct profile_function){
							   .id = id, .name = text, .module = "",
							   .file = "", .short_file = "",
							   .origin = PROFILE_MARK});
	return frame_id(c, id, 0);
}

uint32_t codes__frame_now(struct codes *c, uint64_t key, int32_t lasti)
{
	struct code *code = find_code(c, key);

	if (code && code->partial) /* the rest of its lines was lost: its name is better than nothing */
		complete(c, code);
	if (code && code->content)
		return codes__frame(c, key, lasti);
	return codes__mark(c, "[unknown function]");
}
