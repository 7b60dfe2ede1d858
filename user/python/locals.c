/*
 * Where a frame keeps its variables. Up to 3.10 the code object has three tuples of names (locals, cells, free
 * variables) and the frame has the values in that order; an argument that an inner function uses moves to its
 * cell. From 3.11 on there is one tuple with a byte of kinds beside it, and such an argument is in its own place,
 * as a cell. Source: Include/cpython/code.h, Include/internal/pycore_code.h, Objects/frameobject.c.
 */
#include "user/python/locals.h"
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

#define TUPLE_SIZE  16 /* PyVarObject.ob_size */
#define TUPLE_ITEMS 24 /* PyTupleObject.ob_item */
#define BYTES_DATA  32 /* PyBytesObject.ob_sval */
#define CELL_REF    16 /* PyCellObject.ob_ref */

/* Offsets in PyCodeObject, and in a frame. */
struct code_members {
	uint16_t argcount, kwonlyargcount, flags;
	uint16_t names;		/* co_varnames, or co_localsplusnames */
	uint16_t cells, free;	/* tuples of names; 0: … */
	uint16_t kinds;		/* … bytes of kinds */
	uint16_t f_globals, f_locals;
};

static const struct code_members members[] = {
	[8] = {16, 24, 36, 72, 88, 80, 0, 48, 56},
	[9] = {16, 24, 36, 72, 88, 80, 0, 48, 56},
	[10] = {16, 24, 36, 72, 88, 80, 0, 48, 56},
	[11] = {56, 64, 48, 96, 0, 0, 104, 8, 24},
	[12] = {52, 60, 48, 96, 0, 0, 104, 24, 40},
	[13] = {52, 60, 48, 96, 0, 0, 104, 24, 40},
};

enum kind { LOCAL = 0, CELL = 1 };

struct variable {
	uint64_t name, value; /* addresses */
	enum kind kind;
};

struct frame {
	const struct py_locals_reader *from;
	struct object_reader r;
	const struct code_members *m;
	uint64_t addr, code_addr, localsplus;
	struct variable *items;
	size_t cnt;
	uint32_t flags;
	uint32_t arguments; /* the first so many names */
};

static uint32_t read_count(struct frame *f, uint16_t member)
{
	int32_t n = 0;

	return object_read_bytes(&f->r, f->code_addr + member, &n, sizeof(n)) && n > 0 && n < MAX_VARIABLES ?
		       (uint32_t)n : 0;
}

/* *args and **kwargs come behind the named ones. */
static void count_arguments(struct frame *f)
{
	object_read_bytes(&f->r, f->code_addr + f->m->flags, &f->flags, sizeof(f->flags));
	f->arguments = read_count(f, f->m->argcount) + read_count(f, f->m->kwonlyargcount) +
		       !!(f->flags & CO_VARARGS) + !!(f->flags & CO_VARKEYWORDS);
}

/* Appends the names of a tuple, with the values that lie in the frame at their turn. */
static void add_names(struct frame *f, uint16_t member, enum kind kind)
{
	uint64_t tuple, names[MAX_VARIABLES], values[MAX_VARIABLES], cnt;

	if (!object_read_u64(&f->r, f->code_addr + member, &tuple) ||
	    !object_read_u64(&f->r, tuple + TUPLE_SIZE, &cnt) || !cnt || cnt > MAX_VARIABLES - f->cnt ||
	    !object_read_bytes(&f->r, tuple + TUPLE_ITEMS, names, 8 * cnt) ||
	    !object_read_bytes(&f->r, f->localsplus + 8 * f->cnt, values, 8 * cnt))
		return;
	for (uint64_t i = 0; i < cnt; i++)
		f->items[f->cnt + i] = (struct variable){names[i], values[i], kind};
	f->cnt += cnt;
}

static void mark_kinds(struct frame *f)
{
	uint8_t kinds[MAX_VARIABLES];
	uint64_t bytes;

	if (!f->cnt || !object_read_u64(&f->r, f->code_addr + f->m->kinds, &bytes) ||
	    !object_read_bytes(&f->r, bytes + BYTES_DATA, kinds, f->cnt))
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

	if (!object_read_u64(&f->r, f->addr + f->m->f_globals, &globals) ||
	    !object_read_u64(&f->r, f->addr + f->m->f_locals, &locals) || locals == globals ||
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
	add_names(f, f->m->names, LOCAL);
	if (f->m->kinds) {
		mark_kinds(f);
	} else {
		add_names(f, f->m->cells, CELL);
		add_names(f, f->m->free, CELL);
	}
	if (!(f->flags & CO_OPTIMIZED))
		add_namespace(f);
	if (f->arguments > f->cnt)
		f->arguments = 0; /* hardly a code object */
	join_cells(f);
}

/* What is in a cell; before the function's first instructions its place may still hold the value itself. */
static uint64_t value_of(struct frame *f, const struct variable *v)
{
	__cleanup_free char *type = NULL;
	uint64_t inner = 0;

	if (v->kind != CELL || !v->value)
		return v->value;
	type = object_type_name(&f->r, v->value);
	if (!type || strcmp(type, "cell"))
		return v->value;
	return object_read_u64(&f->r, v->value + CELL_REF, &inner) ? inner : 0;
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

void py_locals_read(const struct py_locals_reader *from, uint64_t frame_addr, uint64_t code_addr,
		    struct py_locals *out)
{
	struct frame f = {.from = from, .addr = frame_addr, .code_addr = code_addr};
	const struct py_objects *o = &from->build->objects;

	*out = (struct py_locals){0};
	if (o->minor >= ARRAY_SIZE(members) || !members[o->minor].names ||
	    !object_reader_init(&f.r, from->build, from->read, from->ctx))
		return;
	f.r.reads_left = MAX_READS;
	f.m = &members[o->minor];
	f.localsplus = frame_addr + o->frame_localsplus;
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
