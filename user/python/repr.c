/* SPDX-License-Identifier: MIT */
/*
 * Containers, things with a name, and the tables of all kinds: by the name of a type made in C, and by tp_flags.
 * Offsets are those of the types' headers in Include/cpython, the same from 3.8 to 3.13 where none is in a table.
 * A container within itself is shown as "...".
 */
#include "user/python/repr.h"
#include "user/python/repr_parts.h"
#include "user/python/type_name.h"
#include "user/util/alloc.h"
#include <string.h>

#define MAX_LOCATIONS (1u << 20) /* of a set that are looked at, … */
#define SET_PART      256        /* … so many at once */

static void put_object(struct repr *p, uint64_t addr);

static bool is_full(const struct repr *p)
{
	return p->out.len > p->max;
}

/* ---- containers --------------------------------------------------------------------------------------- */

static void put_items(struct repr *p, uint64_t items, uint64_t cnt)
{
	for (uint64_t i = 0; i < cnt && !is_full(p); i++) {
		uint64_t item = 0;

		buf_puts(&p->out, i ? ", " : "");
		if (!object_read_u64(p->r, items + 8 * i, &item)) {
			buf_puts(&p->out, "?");
			return;
		}
		put_object(p, item);
	}
}

static bool put_list(struct repr *p, uint64_t addr)
{
	uint64_t cnt, items;

	if (!object_read_u64(p->r, object_at(p->r, addr, OB_SIZE), &cnt) ||
	    !object_read_u64(p->r, object_at(p->r, addr, OB_VAR_BODY), &items))
		return false;
	buf_puts(&p->out, "[");
	put_items(p, items, cnt);
	buf_puts(&p->out, "]");
	return true;
}

static bool put_tuple(struct repr *p, uint64_t addr)
{
	uint64_t cnt;

	if (!object_read_u64(p->r, object_at(p->r, addr, OB_SIZE), &cnt))
		return false;
	buf_puts(&p->out, "(");
	put_items(p, addr + p->r->objects->tuple_items, cnt);
	buf_puts(&p->out, cnt == 1 ? ",)" : ")");
	return true;
}

static bool put_dict(struct repr *p, uint64_t addr)
{
	struct object_dict d = {0};
	uint64_t key, value;
	bool first = true;

	if (!object_dict__open(&d, p->r, addr))
		return false;
	buf_puts(&p->out, "{");
	for (uint32_t i = 0; i < d.count && !is_full(p); i++) {
		if (!object_dict__entry(&d, i, &key, &value))
			continue;
		buf_puts(&p->out, first ? "" : ", ");
		put_object(p, key);
		buf_puts(&p->out, ": ");
		put_object(p, value);
		first = false;
	}
	buf_puts(&p->out, "}");
	object_dict__free(&d);
	return true;
}

/* Include/cpython/setobject.h: fill, used, mask, table of {key, hash}; a deleted entry has the hash -1. */
static void put_set_items(struct repr *p, uint64_t table, uint64_t places, uint64_t used)
{
	uint64_t part[SET_PART][2], put = 0;

	for (uint64_t at = 0; at < places && put < used && !is_full(p); at += SET_PART) {
		uint64_t n = places - at < SET_PART ? places - at : SET_PART;

		if (at >= MAX_LOCATIONS ||
		    !object_read_bytes(p->r, table + at * sizeof(*part), part, n * sizeof(*part)))
			break;
		for (uint64_t i = 0; i < n && !is_full(p); i++) {
			if (!part[i][0] || part[i][1] == ~0ull)
				continue;
			buf_puts(&p->out, put++ ? ", " : "");
			put_object(p, part[i][0]);
		}
	}
	if (put < used)
		buf_puts(&p->out, put ? ", ..." : "...");
}

static bool put_set_with(struct repr *p, uint64_t addr, const char *empty, const char *frame[2])
{
	uint64_t head[4]; /* fill, used, mask, table */

	if (!object_read_bytes(p->r, object_at(p->r, addr, OB_BODY), head, sizeof(head)))
		return false;
	if (!head[1]) {
		buf_puts(&p->out, empty);
		return true;
	}
	buf_puts(&p->out, frame[0]);
	put_set_items(p, head[3], head[2] + 1, head[1]);
	buf_puts(&p->out, frame[1]);
	return true;
}

static bool put_set(struct repr *p, uint64_t addr)
{
	return put_set_with(p, addr, "set()", (const char *[]){"{", "}"});
}

static bool put_frozenset(struct repr *p, uint64_t addr)
{
	return put_set_with(p, addr, "frozenset()", (const char *[]){"frozenset({", "})"});
}

/* ---- things with a name of their own ------------------------------------------------------------------- */

static bool put_type(struct repr *p, uint64_t addr)
{
	__cleanup_free char *name = NULL;
	uint64_t flags;

	if (!object_read_u64(p->r, object_at(p->r, addr, TP_FLAGS), &flags))
		return false;
	name = type_name(p->r, addr, flags);
	if (name)
		buf_printf(&p->out, "<class '%s'>", name);
	return name;
}

static bool put_function(struct repr *p, uint64_t addr)
{
	__cleanup_free char *name = NULL;
	uint64_t at;

	if (!object_read_u64(p->r, addr + p->r->objects->function_qualname, &at))
		return false;
	name = object_read_str(p->r, at);
	if (name)
		buf_printf(&p->out, "<function %s at %#llx>", name, (unsigned long long)addr);
	return name;
}

/* Objects/moduleobject.c: PyModuleObject.md_dict */
static bool put_module(struct repr *p, uint64_t addr)
{
	__cleanup_free char *name = NULL;
	struct object_dict d = {0};
	uint64_t dict, value;

	if (object_read_u64(p->r, object_at(p->r, addr, OB_BODY), &dict) && object_dict__open(&d, p->r, dict) &&
	    object_dict__find(&d, p->r, "__name__", &value))
		name = object_read_str(p->r, value);
	object_dict__free(&d);
	if (name)
		buf_printf(&p->out, "<module '%s'>", name);
	return name;
}

/* ---- the tables ---------------------------------------------------------------------------------------- */

/* By the exact name of a type made in C. */
static const struct by_name {
	const char *type, *text; /* text: of the only object of the type */
	repr_fn put;
} by_name[] = {
	{"NoneType", "None", NULL},
	{"ellipsis", "Ellipsis", NULL},
	{"NotImplementedType", "NotImplemented", NULL},
	{"bool", NULL, repr_bool},
	{"float", NULL, repr_float},
	{"complex", NULL, repr_complex},
	{"bytearray", NULL, repr_bytearray},
	{"set", NULL, put_set},
	{"frozenset", NULL, put_frozenset},
	{"function", NULL, put_function},
	{"module", NULL, put_module},
};

/* By tp_flags: subclasses are shown as Type(value). */
static const struct {
	uint64_t flag;
	const char *type;
	repr_fn put;
} by_flag[] = {
	{OBJECT_IS_INT, "int", repr_int},       {OBJECT_IS_STR, "str", repr_str},
	{OBJECT_IS_BYTES, "bytes", repr_bytes}, {OBJECT_IS_LIST, "list", put_list},
	{OBJECT_IS_TUPLE, "tuple", put_tuple},  {OBJECT_IS_DICT, "dict", put_dict},
	{OBJECT_IS_TYPE, "type", put_type},
};

static const struct by_name *find_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(by_name); i++)
		if (!strcmp(by_name[i].type, name))
			return &by_name[i];
	return NULL;
}

static bool put_by_flag(struct repr *p, uint64_t addr, uint64_t flags, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(by_flag); i++) {
		bool exact = !strcmp(name, by_flag[i].type), ok;

		if (!(flags & by_flag[i].flag))
			continue;
		if (exact || by_flag[i].flag == OBJECT_IS_TYPE)
			return by_flag[i].put(p, addr);
		buf_printf(&p->out, "%s(", name);
		ok = by_flag[i].put(p, addr);
		buf_puts(&p->out, ")");
		return ok;
	}
	return false;
}

static bool is_within_itself(const struct repr *p, uint64_t addr)
{
	for (unsigned i = 0; i < p->depth; i++)
		if (p->path[i] == addr)
			return true;
	return false;
}

static bool put_of_type(struct repr *p, uint64_t addr, uint64_t flags, const char *name)
{
	const struct by_name *n = flags & OBJECT_HEAP_TYPE ? NULL : find_by_name(name);

	if (n && n->text)
		buf_puts(&p->out, n->text);
	if (n)
		return n->text || n->put(p, addr);
	return (!(flags & OBJECT_HEAP_TYPE) && !strncmp(name, "numpy.", 6) && repr_numpy(p, addr, name + 6)) ||
	       put_by_flag(p, addr, flags, name);
}

static void put_object(struct repr *p, uint64_t addr)
{
	__cleanup_free char *name = NULL;
	size_t before = p->out.len;
	uint64_t type, flags;
	bool ok;

	if (p->depth >= REPR_DEPTH || is_within_itself(p, addr)) {
		buf_puts(&p->out, "...");
		return;
	}
	p->path[p->depth++] = addr;
	if (object_read_type(p->r, addr, &type, &flags))
		name = type_name(p->r, type, flags);
	ok = name && put_of_type(p, addr, flags, name);
	p->depth--;
	if (ok)
		return;
	p->out.len = before;
	if (name)
		buf_printf(&p->out, "<%s at %#llx>", name, (unsigned long long)addr);
	else
		buf_puts(&p->out, "?");
}

/* At most `max` bytes of whole UTF-8 characters. */
static void cut(struct buf *b, size_t max)
{
	if (b->len <= max)
		return;
	while (max && ((unsigned char)b->data[max] & 0xc0) == 0x80)
		max--;
	b->len = max;
	buf_puts(b, "...");
}

char *object_repr(struct object_reader *r, uint64_t addr, size_t max)
{
	struct repr p = {.r = r, .max = max};

	put_object(&p, addr);
	cut(&p.out, max);
	return buf_steal_text(&p.out);
}
