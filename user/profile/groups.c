/* SPDX-License-Identifier: MIT */
/*
 * A group is found by a text made of what must be equal; clean texts have no newline, so one can
 * part them. A function without a module is told apart by its file alone.
 */
#include "user/profile/groups.h"
#include "user/util/alloc.h"
#include "user/util/intern.h"
#include <inttypes.h>
#include <string.h>

struct groups {
	enum groups_key key;
	const struct view *v;
	bool moved;
	struct intern *ids, *texts;
	struct group *items; /* by id - 1 */
	size_t cnt, cap;
};

struct groups *groups__new(enum groups_key key, const struct view *v, bool moved)
{
	struct groups *g = xcalloc(1, sizeof(*g));

	g->key = key;
	g->v = v;
	g->moved = moved;
	g->ids = intern__new();
	g->texts = intern__new();
	return g;
}

void groups__free(struct groups *g)
{
	if (!g)
		return;
	intern__free(g->ids);
	intern__free(g->texts);
	free(g->items);
	free(g);
}

/* Native code without a source is where its object is. */
static const char *file_of(const struct groups *g, const struct profile_function *f)
{
	if (!*f->file && view__is_native(f))
		return f->module;
	return g->v->full_filenames || !*f->short_file ? f->file : f->short_file;
}

static const char *name_of(const struct profile_function *f)
{
	return *f->name ? f->name : "[unnamed]";
}

/* Takes `text`. */
static const char *keep(struct groups *g, char *text)
{
	uint32_t id = intern__id(g->texts, text, strlen(text));

	free(text);
	return intern__bytes(g->texts, id, NULL);
}

static const char *location_of(struct groups *g, const struct profile_function *f, int32_t line)
{
	const char *file = file_of(g, f);

	if (!*file || line <= 0)
		return file;
	return keep(g, xasprintf("%s:%" PRId32, file, line));
}

/* A file, or "(unknown)". Synthetic frames have none and are listed by name, so that nothing goes missing. */
static struct group file_group(struct groups *g, const struct profile_function *f)
{
	const char *file = file_of(g, f);

	if (!*file)
		file = f->kind == PROFILE_SYNTHETIC ? name_of(f) : "(unknown)";
	return (struct group){file, "", f, 0};
}

/* A module; functions without one by their file, in brackets. */
static struct group module_group(struct groups *g, const struct profile_function *f)
{
	struct group file = file_group(g, f);

	if (f->kind != PROFILE_SYNTHETIC && *f->module)
		return (struct group){f->module, "", f, 0};
	if (*file_of(g, f))
		file.name = keep(g, xasprintf("(%s)", file.name));
	return file;
}

static struct group make(struct groups *g, const struct profile_function *f, int32_t line)
{
	switch (g->key) {
	case GROUPS_FUNCTION:
		return (struct group){name_of(f), location_of(g, f, g->moved ? 0 : f->first_line), f, f->first_line};
	case GROUPS_LINE:
		return (struct group){name_of(f), location_of(g, f, line), f, line};
	case GROUPS_FILE:
		return file_group(g, f);
	default:
		return module_group(g, f);
	}
}

static uint32_t group_of(struct groups *g, const struct profile *p, const struct profile_frame *at)
{
	const struct profile_function *f = &p->functions[at->function];
	struct group made = make(g, f, at->line);
	const char *module = g->moved && g->key <= GROUPS_LINE ? f->module : "";
	__cleanup_free char *key = xasprintf("%s\n%s\n%s", made.name, made.location, module);
	uint32_t id = intern__id(g->ids, key, strlen(key));

	if (id > g->cnt) {
		xgrow(g->items, g->cnt, g->cap);
		g->items[g->cnt++] = made;
	}
	return id;
}

uint32_t *groups__add(struct groups *g, const struct profile *p)
{
	uint32_t *out = xcalloc((size_t)p->frame_cnt + 1, sizeof(*out));

	for (uint32_t i = 1; i <= p->frame_cnt; i++)
		out[i] = group_of(g, p, &p->frames[i]);
	return out;
}

uint32_t groups__count(const struct groups *g)
{
	return (uint32_t)g->cnt;
}

const struct group *groups__at(const struct groups *g, uint32_t id)
{
	return &g->items[id - 1];
}

static int by_own(const void *a, const void *b)
{
	const struct group_row *x = a, *y = b;
	int cmp;

	if (x->sum.own_value != y->sum.own_value)
		return x->sum.own_value < y->sum.own_value ? 1 : -1;
	if (x->sum.value != y->sum.value)
		return x->sum.value < y->sum.value ? 1 : -1;
	cmp = strcmp(x->group->name, y->group->name);
	return cmp ? cmp : strcmp(x->group->location, y->group->location);
}

static bool has_line(const struct groups *g, uint32_t id)
{
	return groups__at(g, id)->line > 0;
}

/* A line's own time is also what it waits, and what runs below it in C code and the kernel: what has no line of its own. */
static void own_to_lines(const struct groups *g, const uint32_t *of_frame, const struct view *v,
			 const struct profile *p, struct totals_row *rows)
{
	for (size_t i = 0; i < p->bucket_cnt; i++) {
		const struct profile_bucket *b = &p->buckets[i];
		uint64_t samples = view__samples(v, b), value = view__value(v, b);
		uint32_t at = b->stack;
		struct totals_row *from = &rows[of_frame[p->stacks[at].frame]], *to;

		while (at && !has_line(g, of_frame[p->stacks[at].frame]))
			at = p->stacks[at].parent;
		if (!samples || !at)
			continue;
		to = &rows[of_frame[p->stacks[at].frame]];
		from->own_samples -= samples;
		from->own_value -= value;
		to->own_samples += samples;
		to->own_value += value;
	}
}

struct group_row *groups__rows(const struct groups *g, const uint32_t *of_frame, const struct view *v,
			       const struct profile *p, size_t *cnt)
{
	struct totals *all = totals__new(v, p, of_frame, groups__count(g));
	struct group_row *rows = xcalloc(g->cnt + 1, sizeof(*rows));

	*cnt = 0;
	if (g->key == GROUPS_LINE)
		own_to_lines(g, of_frame, v, p, all->rows);
	for (uint32_t id = 1; id <= g->cnt; id++)
		if (all->rows[id].samples && (g->key != GROUPS_LINE || has_line(g, id) || all->rows[id].own_samples))
			rows[(*cnt)++] = (struct group_row){groups__at(g, id), id, all->rows[id]};
	qsort(rows, *cnt, sizeof(*rows), by_own);
	totals__free(all);
	return rows;
}
