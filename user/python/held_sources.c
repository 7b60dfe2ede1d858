/* SPDX-License-Identifier: MIT */
/*
 * Lib/linecache.py: `cache` is {file: (size, mtime, lines, fullname)}, or (function,) while nobody has asked for the
 * lines; from 3.13 on `_interactive_cache` has what was given to the interpreter itself (-c, its prompt), by
 * tuples that begin with the file. Lib/doctest.py: DocTestRunner.run() has linecache.getlines replaced by a method of its
 * own while a test runs. IPython/core/compilerop.py: CachingCompiler._filename_map has the numbers of cells, and belongs to
 * the only InteractiveShell.
 */
#include "user/python/held_sources.h"
#include "user/python/modules.h"
#include "user/python/objects_common.h"
#include "user/python/type_name.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/text.h"
#include <string.h>

#define MAX_INTERPS  64
#define MAX_ENTRIES  4096 /* of a dict, the newest */
#define MAX_LINES    20000
#define MAX_EXAMPLES 4096
#define LINE_UNITS   4096 /* of a line that are read */
#define ENTRY_ITEMS  4

enum { SIZE, MTIME, LINES, FULL_NAME };

struct reading {
	struct object_reader r;
	const struct held_sink *to;
};

/* ---- texts ------------------------------------------------------------------------------------------- */

static bool has_flag(struct object_reader *r, uint64_t addr, uint64_t flag)
{
	uint64_t type, flags;

	return object_read_type(r, addr, &type, &flags) && flags & flag;
}

/* The address and number of the items of a list or a tuple. */
static bool find_items(struct object_reader *r, uint64_t addr, uint64_t *items, uint64_t *cnt)
{
	if (!object_read_u64(r, object_at(r, addr, OB_SIZE), cnt))
		return false;
	*items = addr + r->objects->tuple_items;
	return has_flag(r, addr, OBJECT_IS_TUPLE) ||
	       (has_flag(r, addr, OBJECT_IS_LIST) && object_read_u64(r, object_at(r, addr, OB_VAR_BODY), items));
}

static uint32_t unit_at(const char *units, unsigned kind, uint64_t i)
{
	uint32_t c = 0;

	memcpy(&c, units + i * kind, kind);
	return c;
}

/* What is longer is cut, and says so. Without the end of line. */
static void put_line(struct buf *out, const char *units, uint64_t cnt, unsigned kind, bool cut)
{
	__cleanup_free char *line = NULL;

	if (cnt && unit_at(units, kind, cnt - 1) == '\n')
		cnt--;
	if (cnt && unit_at(units, kind, cnt - 1) == '\r')
		cnt--;
	line = text_line_from_units(units, cnt * kind, kind);
	buf_puts(out, line);
	buf_puts(out, cut ? "…\n" : "\n");
}

/* An element of `lines`. */
static bool read_line(struct object_reader *r, uint64_t addr, struct buf *out, uint64_t *len)
{
	char units[LINE_UNITS * 4];
	uint64_t data, cnt;
	unsigned kind;

	data = object_str_data(r, addr, len, &kind);
	cnt = *len < LINE_UNITS ? *len : LINE_UNITS;
	if (!data || (cnt && !object_read_bytes(r, data, units, cnt * kind)))
		return false;
	put_line(out, units, cnt, kind, cnt < *len);
	return out->len <= HELD_TEXT_MAX;
}

/* A list or a tuple of lines. `*len`: of all of them, in code points. */
static bool read_lines(struct object_reader *r, uint64_t addr, struct buf *out, uint64_t *len, uint64_t *cnt)
{
	uint64_t items, line, units;

	*len = 0;
	if (!find_items(r, addr, &items, cnt) || !*cnt || *cnt > MAX_LINES)
		return false;
	for (uint64_t i = 0; i < *cnt; i++) {
		if (!object_read_u64(r, items + 8 * i, &line) || !read_line(r, line, out, &units))
			return false;
		*len += units;
	}
	return true;
}

/* A str of several lines. */
static bool read_text(struct object_reader *r, uint64_t addr, struct buf *out)
{
	uint64_t data, len, from = 0;
	char *units;
	unsigned kind;

	data = object_str_data(r, addr, &len, &kind);
	if (!data || !len || len > HELD_TEXT_MAX)
		return false;
	units = xmalloc(len * kind);
	if (!object_read_bytes(r, data, units, len * kind))
		len = 0;
	for (uint64_t i = 0; i < len; i++) {
		if (unit_at(units, kind, i) != '\n' && i + 1 < len)
			continue;
		put_line(out, units + from * kind, i + 1 - from, kind, false);
		from = i + 1;
	}
	free(units);
	return len && out->len <= HELD_TEXT_MAX;
}

static void tell_text(struct reading *g, const char *file, struct buf *text)
{
	__cleanup_free char *whole = buf_steal_text(text);

	g->to->found(g->to->ctx, &(struct held_source){.file = file, .text = whole});
}

/* ---- linecache --------------------------------------------------------------------------------------- */

/*
 * The process runs on: what was read while it was changed may be of two texts, and is then of another size than its
 * entry says. Whether ends of lines are counted differs.
 */
static bool fits(struct object_reader *r, uint64_t size_addr, uint64_t len, uint64_t lines)
{
	uint64_t size;

	if (!object_read_int(r, size_addr, &size) || !size)
		return true;
	return size <= len + lines && len <= size + lines;
}

static bool read_entry(struct object_reader *r, uint64_t addr, uint64_t items[ENTRY_ITEMS])
{
	uint64_t at, cnt;

	return has_flag(r, addr, OBJECT_IS_TUPLE) && find_items(r, addr, &at, &cnt) && cnt == ENTRY_ITEMS &&
	       object_read_bytes(r, at, items, ENTRY_ITEMS * sizeof(*items));
}

static void tell_entry(struct reading *g, const char *file, const uint64_t items[ENTRY_ITEMS])
{
	struct buf text = {0};
	uint64_t len, cnt;

	if (read_lines(&g->r, items[LINES], &text, &len, &cnt) && fits(&g->r, items[SIZE], len, cnt))
		tell_text(g, file, &text);
	buf_free(&text);
}

static uint32_t first_entry(const struct object_dict *d)
{
	return d->count > MAX_ENTRIES ? d->count - MAX_ENTRIES : 0;
}

static void read_cache(struct reading *g, uint64_t dict)
{
	uint64_t key, value, items[ENTRY_ITEMS];
	struct object_dict d;

	if (!object_dict__open(&d, &g->r, dict))
		return;
	for (uint32_t i = d.count; i-- > first_entry(&d);) { /* the newest first: reads may not last for all */
		__cleanup_free char *file =
			object_dict__entry(&d, i, &key, &value) ? object_read_str(&g->r, key) : NULL;

		if (file && g->to->wanted(g->to->ctx, file) && read_entry(&g->r, value, items))
			tell_entry(g, file, items);
	}
	object_dict__free(&d);
}

/* Texts that share their name cannot be told apart by it. */
static bool is_only_one(struct object_reader *r, const struct object_dict *d, uint64_t entry, const char *file)
{
	uint64_t key, value, items[ENTRY_ITEMS];

	for (uint32_t i = first_entry(d); i < d->count; i++) {
		__cleanup_free char *other = NULL;

		if (!object_dict__entry(d, i, &key, &value) || value == entry || !read_entry(r, value, items))
			continue;
		other = object_read_str(r, items[FULL_NAME]);
		if (other && !strcmp(other, file))
			return false;
	}
	return true;
}

/* The functions of a text all lead to the same entry; they come one after the other. */
static void read_interactive(struct reading *g, uint64_t dict)
{
	uint64_t key, value, items[ENTRY_ITEMS], before = 0;
	struct object_dict d;

	if (!object_dict__open(&d, &g->r, dict))
		return;
	for (uint32_t i = first_entry(&d); i < d.count; i++) {
		__cleanup_free char *file = NULL;

		if (!object_dict__entry(&d, i, &key, &value) || value == before || !read_entry(&g->r, value, items))
			continue;
		before = value;
		file = object_read_str(&g->r, items[FULL_NAME]);
		if (file && g->to->wanted(g->to->ctx, file) && is_only_one(&g->r, &d, value, file))
			tell_entry(g, file, items);
	}
	object_dict__free(&d);
}

/* ---- doctest ----------------------------------------------------------------------------------------- */

static void read_examples(struct reading *g, const char *name, uint64_t examples)
{
	struct object_reader *r = &g->r;
	uint64_t items, cnt, at;

	if (!find_items(r, examples, &items, &cnt))
		return;
	for (uint64_t i = 0; i < cnt && i < MAX_EXAMPLES; i++) {
		__cleanup_free char *file = xasprintf("<doctest %s[%llu]>", name, (unsigned long long)i);
		struct buf text = {0};

		if (g->to->wanted(g->to->ctx, file) && object_read_u64(r, items + 8 * i, &at) &&
		    instance_find(r, at, "source", &at) && read_text(r, at, &text))
			tell_text(g, file, &text);
		buf_free(&text);
	}
}

/* Objects/classobject.c: PyMethodObject {im_func, im_self, …} */
static void read_doctest(struct reading *g, uint64_t getlines)
{
	struct object_reader *r = &g->r;
	__cleanup_free char *type = object_type_name(r, getlines);
	__cleanup_free char *name = NULL;
	uint64_t runner, test, at;

	if (!type || strcmp(type, "method") || !object_read_u64(r, object_at(r, getlines, OB_BODY) + 8, &runner) ||
	    !instance_find(r, runner, "test", &test) || !instance_find(r, test, "name", &at))
		return;
	name = object_read_str(r, at);
	if (name && instance_find(r, test, "examples", &at))
		read_examples(g, name, at);
}

/* ---- IPython ----------------------------------------------------------------------------------------- */

/* InteractiveShell._instance.compile._filename_map */
static bool find_numbers(struct object_reader *r, uint64_t interp, uint64_t *dict)
{
	uint64_t at = module_dict(r, interp, "IPython.core.interactiveshell");

	return at && module_find(r, at, "InteractiveShell", &at) && has_flag(r, at, OBJECT_IS_TYPE) &&
	       object_read_u64(r, object_at(r, at, TP_DICT), &at) && module_find(r, at, "_instance", &at) &&
	       instance_find(r, at, "compile", &at) && instance_find(r, at, "_filename_map", dict);
}

static void read_numbers(struct reading *g, uint64_t interp)
{
	uint64_t dict, key, value, number;
	struct object_dict d;

	if (!find_numbers(&g->r, interp, &dict) || !object_dict__open(&d, &g->r, dict))
		return;
	for (uint32_t i = first_entry(&d); i < d.count; i++) {
		__cleanup_free char *file = NULL;
		__cleanup_free char *label = NULL;

		if (!object_dict__entry(&d, i, &key, &value))
			continue;
		file = object_read_str(&g->r, key);
		if (!file || !g->to->wanted(g->to->ctx, file) || !object_read_int(&g->r, value, &number))
			continue;
		label = xasprintf("In [%llu]", (unsigned long long)number);
		g->to->found(g->to->ctx, &(struct held_source){.file = file, .label = label});
	}
	object_dict__free(&d);
}

/* ---- all of them --------------------------------------------------------------------------------------- */

static void read_interpreter(struct reading *g, uint64_t interp)
{
	uint64_t linecache = module_dict(&g->r, interp, "linecache"), at;

	if (!linecache)
		return;
	if (module_find(&g->r, linecache, "cache", &at))
		read_cache(g, at);
	if (module_find(&g->r, linecache, "_interactive_cache", &at))
		read_interactive(g, at);
	if (module_find(&g->r, linecache, "getlines", &at))
		read_doctest(g, at);
	read_numbers(g, interp);
}

void held_sources_read(const struct py_build *build, uint64_t runtime_addr, memory_read_fn read, void *read_ctx,
		       const struct held_sink *to)
{
	struct reading g = {.to = to};
	uint64_t interp;

	if (!object_reader_init(&g.r, build, read, read_ctx) ||
	    !object_read_u64(&g.r, runtime_addr + (int64_t)build->objects.runtime_interp_head, &interp))
		return;
	for (unsigned i = 0; interp && i < MAX_INTERPS; i++) {
		read_interpreter(&g, interp);
		if (!object_read_u64(&g.r, interp + build->objects.interp_next, &interp))
			return;
	}
}
