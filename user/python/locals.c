/* SPDX-License-Identifier: MIT */
/*
 * The variables of a frame. Up to 3.10 the code object has three tuples of names (locals, cells, free
 * variables) and the frame has the values in that order; an argument that an inner function uses moves to its
 * cell. From 3.11 on there is one tuple with a byte of kinds beside it, and such an argument is in its own place,
 * as a cell. Source: Include/cpython/code.h, Include/internal/pycore_code.h, Objects/frameobject.c.
 */
#include "user/python/locals.h"
#include "user/python/objects_common.h"
#include "user/python/repr.h"
#include "user/python/type_name.h"
#include "user/util/alloc.h"
#include <string.h>

#define MAX_VARIABLES 1024
#define MAX_READS     20000 /* per frame */

/* Include/cpython/code.h: co_flags */
#define CO_OPTIMIZED   1
#define CO_VARARGS     4
#define CO_VARKEYWORDS 8

/* Include/internal/pycore_code.h: bits of co_localspluskinds */
#define CO_FAST_CELL 0x40
#define CO_FAST_FREE 0x80

enum kind { LOCAL = 0, CELL = 1 };

struct variable {
	uint64_t name, value; /* addresses */
	enum kind kind;
};

struct frame {
	const struct py_locals_reader *from;
	struct object_reader r;
	const struct py_objects *o;
	uint64_t addr, code_addr, localsplus;
	struct variable *items;
	size_t cnt;
	uint32_t flags;
	uint32_t arguments; /* the first so many names */
};

static uint32_t read_count(struct frame *f, uint16_t member)
{
	int32_t n = 0;

	return object_read_bytes(&f->r, f->code_addr + member, &n, sizeof(n)) && n > 0 && n < MAX_VARIABLES
		       ? (uint32_t)n
		       : 0;
}

/* *args and **kwargs come behind the named ones. */
static void count_arguments(struct frame *f)
{
	object_read_bytes(&f->r, f->code_addr + f->o->code_flags, &f->flags, sizeof(f->flags));
	f->arguments = read_count(f, f->o->code_argcount) + read_count(f, f->o->code_kwonlyargcount) +
		       !!(f->flags & CO_VARARGS) + !!(f->flags & CO_VARKEYWORDS);
}

/* Appends the names of a tuple, with the values that lie in the frame at their turn. */
static void add_names(struct frame *f, uint16_t member, enum kind kind)
{
	uint64_t tuple, names[MAX_VARIABLES], values[MAX_VARIABLES], cnt;

	if (!object_read_u64(&f->r, f->code_addr + member, &tuple) ||
	    !object_read_u64(&f->r, object_at(&f->r, tuple, OB_SIZE), &cnt) || !cnt || cnt > MAX_VARIABLES - f->cnt ||
	    !object_read_bytes(&f->r, tuple + f->o->tuple_items, names, 8 * cnt) ||
	    !object_read_bytes(&f->r, f->localsplus + 8 * f->cnt, values, 8 * cnt))
		return;
	for (uint64_t i = 0; i < cnt; i++)
		f->items[f->cnt + i] = (struct variable){names[i], values[i] & ~ABI_REF_TAGS, kind};
	f->cnt += cnt;
}

static void mark_kinds(struct frame *f)
{
	uint8_t kinds[MAX_VARIABLES];
	uint64_t bytes;

	if (!f->cnt || !object_read_u64(&f->r, f->code_addr + f->o->code_kinds, &bytes) ||
	    !object_read_bytes(&f->r, bytes + f->from->build->layout.bytes_data_off, kinds, f->cnt))
		return;
	for (size_t i = 0; i < f->cnt; i++)
		if (kinds[i] & (CO_FAST_CELL | CO_FAST_FREE))
			f->items[i].kind = CELL;
}

/* Names are interned: an argument and its cell share the very object. The value goes where the argument was. */
static void join_cells(struct frame *f)
{
	for (size_t i = f->arguments; i < f->cnt; i++)
		for (size_t k = 0; k < f->arguments; k++) {
			if (f->items[i].kind != CELL || f->items[k].name != f->items[i].name || f->items[k].value)
				continue;
			f->items[k].value = f->items[i].value;
			f->items[k].kind = CELL;
			f->items[i].value = 0;
		}
}

/* The body of a class keeps its names in a dict. A module's are its globals: too many to be of use here. */
static void add_namespace(struct frame *f)
{
	struct object_dict d = {0};
	uint64_t globals, locals;

	if (!object_read_u64(&f->r, f->addr + f->from->build->layout.frame_globals_off, &globals) ||
	    !object_read_u64(&f->r, f->addr + f->o->frame_namespace, &locals) || locals == globals ||
	    !object_dict__open(&d, &f->r, locals))
		return;
	for (uint32_t i = 0; i < d.count && f->cnt < MAX_VARIABLES; i++) {
		struct variable v = {.kind = LOCAL};

		if (object_dict__entry(&d, i, &v.name, &v.value))
			f->items[f->cnt++] = v;
	}
	object_dict__free(&d);
}

static void collect(struct frame *f)
{
	count_arguments(f);
	add_names(f, f->o->code_variables, LOCAL);
	if (f->o->code_kinds) {
		mark_kinds(f);
	} else {
		add_names(f, f->o->code_cells, CELL);
		add_names(f, f->o->code_free, CELL);
	}
	if (!(f->flags & CO_OPTIMIZED))
		add_namespace(f);
	if (f->arguments > f->cnt)
		f->arguments = 0; /* hardly a code object */
	join_cells(f);
}

/* The content of a cell; before the function's first instructions its place may still hold the value itself. */
static uint64_t value_of(struct frame *f, const struct variable *v)
{
	__cleanup_free char *type = NULL;
	uint64_t inner = 0;

	if (v->kind != CELL || !v->value)
		return v->value;
	type = object_type_name(&f->r, v->value);
	if (!type || strcmp(type, "cell"))
		return v->value;
	return object_read_u64(&f->r, object_at(&f->r, v->value, OB_BODY), &inner) ? inner : 0; /* ob_ref */
}

static void add(struct frame *f, size_t i, struct py_locals *out)
{
	const struct variable *v = &f->items[i];
	uint64_t value = value_of(f, v);
	struct py_local *l = &out->items[out->cnt];

	if (!value)
		return; /* not bound now */
	l->name = object_read_str(&f->r, v->name);
	if (!l->name)
		return;
	l->addr = value;
	l->argument = i < f->arguments;
	l->type = object_type_name(&f->r, value);
	if (!l->type)
		l->type = xstrdup("?");
	l->text = object_repr(&f->r, value, f->from->max_text);
	out->cnt++;
}

void py_locals_read(const struct py_locals_reader *from, uint64_t frame_addr, uint64_t code_addr, struct py_locals *out)
{
	struct frame f = {.from = from, .addr = frame_addr, .code_addr = code_addr};

	*out = (struct py_locals){0};
	if (!object_reader_init(&f.r, from->build, from->read, from->ctx))
		return;
	f.r.reads_left = MAX_READS;
	f.o = f.r.objects;
	f.localsplus = frame_addr + from->build->layout.frame_locals_off;
	f.items = xcalloc(MAX_VARIABLES, sizeof(*f.items));
	collect(&f);
	out->items = xcalloc(f.cnt + 1, sizeof(*out->items));
	for (size_t i = 0; i < f.cnt; i++)
		add(&f, i, out);
	free(f.items);
}

void py_locals_free(struct py_locals *l)
{
	for (size_t i = 0; i < l->cnt; i++) {
		free(l->items[i].name);
		free(l->items[i].type);
		free(l->items[i].text);
	}
	free(l->items);
	*l = (struct py_locals){0};
}
