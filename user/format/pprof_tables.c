/* SPDX-License-Identifier: MIT */
/*
 * Two things of pprof's tools to know: a function whose name and system name are equal is taken for demangled C++ and loses what is in
 * <>, so the system name is left empty where it would be; and a mapping is of the interpreter, as Python functions are in no other.
 */
#include "user/format/pprof_tables.h"
#include "user/util/alloc.h"
#include <string.h>

/* Bytes in a message beside texts, at most: tags, lengths, and numbers of 32 bits. */
#define TEXT_BYTES     6
#define MAPPING_BYTES  32
#define FUNCTION_BYTES 36
#define LOCATION_BYTES 22
#define LINE_BYTES     16
#define ID_BYTES       5

static const char cut_name[] = "[truncated: deeper than a back end takes]";

void pprof_tables__init(struct pprof_tables *t, const struct profile *p, const struct view *v)
{
	t->p = p;
	t->v = v;
	t->texts = intern__new();
	t->mappings = intern__new();
	t->functions = intern__new();
	t->locations = intern__new();
}

void pprof_tables__free(struct pprof_tables *t)
{
	intern__free(t->texts);
	intern__free(t->mappings);
	intern__free(t->functions);
	intern__free(t->locations);
	pair_map__free(&t->mapping_of);
	pair_map__free(&t->function_of);
	pair_map__free(&t->known);
	buf_free(&t->inlined);
	free(t->stack);
}

/* ---- texts, mappings, functions -------------------------------------------------------------- */

/* Adds `bytes` when the id is a new one. */
static uint32_t add(struct pprof_tables *t, struct intern *table, const void *key, size_t len, size_t bytes)
{
	uint32_t before = intern__count(table), id = intern__id(table, key, len);

	if (id > before)
		t->bytes += bytes;
	return id;
}

/* The length of what is kept of a text: whole characters. */
static size_t kept(const struct pprof_tables *t, const char *text)
{
	size_t len = strlen(text);

	if (!t->text_max || len <= t->text_max)
		return len;
	len = t->text_max;
	while (len && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	return len;
}

uint32_t pprof_tables__text(struct pprof_tables *t, const char *text)
{
	size_t len = kept(t, text);

	return len ? add(t, t->texts, text, len, len + TEXT_BYTES) : 0;
}

static uint32_t add_mapping(struct pprof_tables *t, const char *key)
{
	return add(t, t->mappings, key, strlen(key), MAPPING_BYTES + TEXT_BYTES + strcspn(key, "\n"));
}

char *pprof_tables__mapping(const struct pprof_tables *t, uint32_t id)
{
	const char *key = intern__bytes(t->mappings, id, NULL);
	size_t len = strcspn(key, "\n");

	return len ? xstrndup(key, len) : xstrdup("[python]");
}

/* Of a frame that is not the interpreter's: the object it is in, of the kernel as perf calls it. */
static uint32_t native_mapping(struct pprof_tables *t, const struct profile_function *f)
{
	bool is_kernel = f->kind == PROFILE_KERNEL;
	const char *name = *f->module ? f->module : is_kernel ? "kernel" : f->file;
	__cleanup_free char *key = NULL;

	if (is_kernel)
		key = strcmp(name, "kernel") ? xasprintf("[%s]\n", name) : xstrdup("[kernel.kallsyms]\n");
	else
		key = xasprintf("%.*s\n", (int)kept(t, name), name);
	return add_mapping(t, key);
}

static uint32_t mapping_of(struct pprof_tables *t, uint32_t process)
{
	const struct profile_process *q = &t->p->processes[process];
	uint32_t *known = pair_map__slot(&t->mapping_of, process, 0);

	if (!*known) {
		const char *path = q->interpreter;
		__cleanup_free char *key = xasprintf("%.*s\n%s", (int)kept(t, path), path, t->by_file ? "" : q->python);

		*known = add_mapping(t, key);
	}
	return *known;
}

static uint32_t add_function(struct pprof_tables *t, const struct pprof_function *f)
{
	return add(t, t->functions, f, sizeof(*f), FUNCTION_BYTES);
}

static uint32_t function_of(struct pprof_tables *t, uint32_t function)
{
	const struct profile_function *f = &t->p->functions[function];
	uint32_t *known = pair_map__slot(&t->function_of, function, 0);

	if (!*known) {
		__cleanup_free char *text = view__function_text(t->p, function);
		const char *name = view__name(t->p, function);
		const struct pprof_function made = {
			.name = pprof_tables__text(t, text),
			.system_name = strcmp(name, text) ? pprof_tables__text(t, name) : 0,
			.file = pprof_tables__text(t, f->file),
			.first_line = f->first_line > 0 ? (uint32_t)f->first_line : 0,
		};

		*known = add_function(t, &made);
	}
	return *known;
}

struct pprof_function pprof_tables__function(const struct pprof_tables *t, uint32_t id)
{
	struct pprof_function f = {0};

	memcpy(&f, intern__bytes(t->functions, id, NULL), sizeof(f));
	return f;
}

/* ---- locations ------------------------------------------------------------------------------- */

static void put_line(struct pprof_tables *t, uint32_t frame)
{
	const struct pprof_line line = {function_of(t, t->p->frames[frame].function), view__line(t->v, t->p, frame)};

	buf_put(&t->inlined, &line, sizeof(line));
}

/* Of the lines at hand. */
static uint32_t add_location(struct pprof_tables *t, uint32_t mapping)
{
	struct buf key = {0};
	uint32_t id;

	buf_put(&key, &mapping, sizeof(mapping));
	buf_put(&key, t->inlined.data, t->inlined.len);
	id = add(t, t->locations, key.data, key.len,
		 LOCATION_BYTES + LINE_BYTES * t->inlined.len / sizeof(struct pprof_line));
	buf_reset(&t->inlined);
	buf_free(&key);
	return id;
}

/* Of the frame with what was inlined into it, which is in front of it in `inlined`. */
static uint32_t make_location(struct pprof_tables *t, uint32_t mapping, uint32_t frame)
{
	const struct profile_function *f = &t->p->functions[t->p->frames[frame].function];

	if (view__is_native(f))
		mapping = native_mapping(t, f);
	put_line(t, frame);
	return add_location(t, mapping);
}

static uint32_t location_of(struct pprof_tables *t, uint32_t mapping, uint32_t frame)
{
	uint32_t *known;

	if (t->inlined.len)
		return make_location(t, mapping, frame);
	known = pair_map__slot(&t->known, mapping, frame);
	if (!*known)
		*known = make_location(t, mapping, frame);
	return *known;
}

/* What stands for the frames that are missing. */
static uint32_t cut_location(struct pprof_tables *t, uint32_t mapping)
{
	const struct pprof_function f = {.name = pprof_tables__text(t, cut_name)};
	const struct pprof_line line = {add_function(t, &f), 0};

	buf_reset(&t->inlined);
	buf_put(&t->inlined, &line, sizeof(line));
	return add_location(t, mapping);
}

uint32_t pprof_tables__location(const struct pprof_tables *t, uint32_t id, struct cursor *lines)
{
	uint32_t mapping = 0;
	size_t len;
	const char *key = intern__bytes(t->locations, id, &len);

	*lines = cursor_of(key, len);
	cursor_copy(lines, &mapping, sizeof(mapping));
	return mapping;
}

bool pprof_tables__next_line(struct cursor *lines, struct pprof_line *out)
{
	if (!cursor_left(lines))
		return false;
	cursor_copy(lines, out, sizeof(*out));
	return true;
}

/* ---- stacks ---------------------------------------------------------------------------------- */

static const struct profile_function *function_at(const struct profile *p, uint32_t stack)
{
	return &p->functions[p->frames[p->stacks[stack].frame].function];
}

/* Into the native frame below it; what else would be below it has it as a caller. */
static bool is_part_of_next(const struct profile *p, uint32_t stack)
{
	uint32_t parent = p->stacks[stack].parent;

	return function_at(p, stack)->kind == PROFILE_INLINED && parent && view__is_native(function_at(p, parent));
}

static size_t at_most(size_t len, size_t max)
{
	return max && len > max ? max : len;
}

static size_t frame_bytes(const struct profile *p, uint32_t function, size_t text_max)
{
	const struct profile_function *f = &p->functions[function];
	size_t module = strlen(f->module),
	       name = strlen(f->name) + sizeof("[unknown]"); /* view__name() has none that is empty */

	return at_most(module + 1 + name, text_max) + at_most(name, text_max) + at_most(strlen(f->file), text_max) +
	       at_most(module, text_max) + 4 * TEXT_BYTES + MAPPING_BYTES + FUNCTION_BYTES + LOCATION_BYTES +
	       LINE_BYTES + ID_BYTES;
}

size_t pprof_tables__frame_bytes_max(const struct profile *p, size_t text_max)
{
	size_t most = 0;

	for (uint32_t i = 1; i <= p->function_cnt; i++) {
		size_t bytes = frame_bytes(p, i, text_max);

		most = bytes > most ? bytes : most;
	}
	return most;
}

size_t pprof_tables__stack_bytes(const struct pprof_tables *t, uint32_t process, uint32_t stack)
{
	size_t bytes = MAPPING_BYTES + strlen(t->p->processes[process].interpreter) + TEXT_BYTES;
	uint32_t mapping = pair_map__get(&t->mapping_of, process, 0);

	for (uint32_t depth = 0; stack; stack = t->p->stacks[stack].parent, depth++) {
		uint32_t frame = view__frame(t->v, t->p, t->p->stacks[stack].frame);
		bool known = mapping && pair_map__get(&t->known, mapping, frame);

		if (t->depth_max && depth == t->depth_max)
			break;
		bytes += known ? ID_BYTES : frame_bytes(t->p, t->p->frames[frame].function, t->text_max);
	}
	return bytes + frame_bytes(t->p, 0, 0) + sizeof(cut_name);
}

static void put_id(struct pprof_tables *t, size_t depth, uint32_t id)
{
	xgrow(t->stack, depth, t->stack_cap);
	t->stack[depth] = id;
}

size_t pprof_tables__stack(struct pprof_tables *t, uint32_t process, uint32_t stack)
{
	const struct profile *p = t->p;
	uint32_t mapping = mapping_of(t, process);
	size_t depth = 0, bytes = 0;

	for (; stack; stack = p->stacks[stack].parent) {
		uint32_t frame = view__frame(t->v, p, p->stacks[stack].frame);

		if (t->stack_max)
			bytes += frame_bytes(p, p->frames[frame].function, t->text_max);
		if ((t->depth_max && depth == t->depth_max) || (bytes > t->stack_max && t->stack_max)) {
			put_id(t, depth ? depth - 1 : depth, cut_location(t, mapping));
			return depth ? depth : 1;
		}
		if (is_part_of_next(p, stack))
			put_line(t, frame);
		else
			put_id(t, depth++, location_of(t, mapping, frame));
	}
	return depth;
}
