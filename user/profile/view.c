/* SPDX-License-Identifier: MIT */
/*
 * Names of frames, functions, threads and processes, and the values that a view counts. Every output takes its words
 * from here, so a name can be searched for in all of them alike.
 */
#include "user/profile/view.h"
#include "user/profile/waits.h"
#include "user/util/alloc.h"
#include <string.h>

uint32_t view__frame(const struct view *v, const struct profile *p, uint32_t frame)
{
	uint32_t first = 0;

	if ((v->by_function || v->no_lines) && frame <= p->frame_cnt)
		first = profile__first_frame(p, p->frames[frame].function);
	return first ? first : frame;
}

static const struct profile_function *function_of(const struct profile *p, uint32_t function)
{
	return &p->functions[function <= p->function_cnt ? function : 0];
}

const char *view__file(const struct view *v, const struct profile *p, uint32_t function)
{
	const struct profile_function *f = function_of(p, function);

	return v->full_filenames || !*f->short_file ? f->file : f->short_file;
}

/* A code object may have an empty name; a frame without a text could not be seen. */
const char *view__name(const struct profile *p, uint32_t function)
{
	const char *name = function_of(p, function)->name;

	return *name ? name : "[unnamed]";
}

int32_t view__line(const struct view *v, const struct profile *p, uint32_t frame)
{
	const struct profile_frame *at = &p->frames[frame <= p->frame_cnt ? frame : 0];

	if (v->no_lines)
		return 0;
	return v->by_function ? p->functions[at->function].first_line : at->line;
}

enum view_class view__class(const struct profile_function *f)
{
	static const enum view_class by_kind[PROFILE_KINDS] = {
		[PROFILE_NATIVE] = VIEW_NATIVE,
		[PROFILE_INLINED] = VIEW_INLINED,
		[PROFILE_KERNEL] = VIEW_KERNEL,
		[PROFILE_SYNTHETIC] = VIEW_SYNTHETIC,
	};

	if (wait__of(f) != WAIT_NONE)
		return VIEW_WAIT;
	if (wait__is_collector(f))
		return VIEW_COLLECTOR;
	if (f->kind != PROFILE_PYTHON)
		return by_kind[f->kind];
	return f->origin == PROFILE_STDLIB ? VIEW_STDLIB : f->origin == PROFILE_SITE ? VIEW_SITE : VIEW_USER;
}

bool view__is_native(const struct profile_function *f)
{
	return f->kind == PROFILE_NATIVE || f->kind == PROFILE_INLINED || f->kind == PROFILE_KERNEL;
}

/* The text in the brackets: the file, with its line if there is one; of native code without a line its object. */
static char *where_text(const struct profile_function *f, const char *file, int32_t line)
{
	if (view__is_native(f) && !line && *f->module)
		return xstrdup(f->module);
	if (!line || !*file)
		return xstrdup(file);
	return xasprintf("%s:%d", file, line);
}

char *view__frame_text(const struct view *v, const struct profile *p, uint32_t frame)
{
	uint32_t function = p->frames[frame <= p->frame_cnt ? frame : 0].function;
	const struct profile_function *f = &p->functions[function];
	const char *name = view__name(p, function);
	__cleanup_free char *where = where_text(f, view__file(v, p, function), view__line(v, p, frame));

	if (f->kind == PROFILE_SYNTHETIC || !*where)
		return xstrdup(name);
	return xasprintf("%s (%s%s)", name, where, f->kind == PROFILE_INLINED ? ", inlined" : "");
}

char *view__process_text(const struct profile *p, uint32_t process)
{
	const struct profile_process *q = &p->processes[process <= p->process_cnt ? process : 0];

	return xasprintf("process %u:\"%s\"", q->pid, q->command);
}

char *view__thread_text(const struct profile *p, uint32_t thread)
{
	const struct profile_thread *t = &p->threads[thread <= p->thread_cnt ? thread : 0];

	if (!*t->name)
		return xasprintf("thread (%u)", t->tid);
	return xasprintf("thread (%u): %s", t->tid, t->name);
}

char *view__function_text(const struct profile *p, uint32_t function)
{
	const struct profile_function *f = function_of(p, function);

	if (f->kind != PROFILE_PYTHON || !*f->module)
		return xstrdup(view__name(p, function));
	return xasprintf("%s.%s", f->module, view__name(p, function));
}

const char view_wall[] = "wall";
static const char *const wall_parts[] = {"cpu", "offcpu", "gil"};

static const struct profile_value_type wall_type = {
	.id = PROFILE_MAX_TYPES,
	.name = view_wall,
	.label = "wall",
	.sentence = "wall time",
	.unit = PROFILE_NANOSECONDS,
};

static bool has_type(const struct view *v, uint8_t type)
{
	return v->all_types || type == v->type || v->more_types >> type & 1;
}

static bool has_bucket(const struct view *v, const struct profile_bucket *b)
{
	return has_type(v, b->type) && !(v->no_idle && b->idle);
}

uint64_t view__samples(const struct view *v, const struct profile_bucket *b)
{
	return !has_bucket(v, b) ? 0 : v->gil_only ? b->gil_samples : b->samples;
}

uint64_t view__value(const struct view *v, const struct profile_bucket *b)
{
	return !has_bucket(v, b) ? 0 : v->gil_only ? b->gil_value : b->value;
}

uint64_t view__gil_samples(const struct view *v, const struct profile_bucket *b)
{
	return has_bucket(v, b) ? b->gil_samples : 0;
}

uint64_t view__gil_value(const struct view *v, const struct profile_bucket *b)
{
	return has_bucket(v, b) ? b->gil_value : 0;
}

uint64_t view__no_gil_value(const struct view *v, const struct profile_bucket *b)
{
	return has_bucket(v, b) ? b->no_gil_value : 0;
}

bool view__takes(const struct view *v, const struct profile_sample *s)
{
	return has_type(v, s->type) && (!v->gil_only || s->gil == PROFILE_GIL_HELD);
}

bool view__takes_of(const struct view *v, const struct profile *p, const struct profile_sample *s)
{
	return view__takes(v, s) && !(v->no_idle && wait__of_stack(p, s->stack) == WAIT_IDLE);
}

struct view_sum view__sum(const struct view *v, const struct profile *p)
{
	struct view_sum sum = {0};

	for (size_t i = 0; i < p->bucket_cnt; i++) {
		sum.samples += view__samples(v, &p->buckets[i]);
		sum.value += view__value(v, &p->buckets[i]);
	}
	return sum;
}

const struct profile_value_type *view__type(const struct view *v, const struct profile *p)
{
	return v->more_types ? &wall_type : &p->types[v->type < p->type_cnt ? v->type : 0];
}

bool view__is_wall_type(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(wall_parts); i++)
		if (!strcmp(name, wall_parts[i]))
			return true;
	return false;
}

uint32_t view__wall_types(const struct profile *p)
{
	uint32_t types = 0;

	for (size_t i = 0; i < ARRAY_SIZE(wall_parts); i++) {
		const struct profile_value_type *t = profile__type(p, wall_parts[i]);

		types |= t && t->unit == PROFILE_NANOSECONDS ? 1u << t->id : 0;
	}
	return types;
}

/* A recording of its own may have a type of that name. */
bool view__has_wall(const struct profile *p)
{
	uint32_t types = view__wall_types(p);

	return (types & (types - 1)) && !profile__type(p, wall_type.name);
}

/* Of what --wall records nothing is first of all. */
static bool is_of_all_time(const struct profile *p)
{
	return view__has_wall(p) && profile__type(p, wall_parts[0]) && profile__type(p, wall_parts[1]);
}

bool view__choose_type(struct view *v, const struct profile *p)
{
	const char *name = v->type_name ? v->type_name : is_of_all_time(p) ? wall_type.name : p->types[0].name;
	const struct profile_value_type *t = profile__type(p, name);
	bool wall = !t && !strcmp(name, wall_type.name) && view__has_wall(p);

	v->type = t ? t->id : 0;
	v->more_types = wall ? view__wall_types(p) : 0;
	if (wall)
		v->type = (uint32_t)__builtin_ctz(v->more_types);
	return t || wall;
}

bool view__process_roots(const struct view *v, const struct profile *p)
{
	uint32_t only = 0;

	for (size_t i = 0; i < p->bucket_cnt; i++) {
		uint32_t process = p->threads[p->buckets[i].thread].process;

		if (!view__samples(v, &p->buckets[i]))
			continue;
		if (only && only != process)
			return true;
		only = process;
	}
	return false;
}
