/* SPDX-License-Identifier: MIT */
/*
 * One pass over the tree of stacks says of each stack what is asked of its samples; the rest is sums over stacks, of which
 * there are fewer than buckets. Sums are by frame, that is by function and line; functions are those of the tables
 * (user/profile/groups.h).
 */
#include "user/profile/hot.h"
#include "user/profile/groups.h"
#include "user/profile/imports.h"
#include "user/profile/waits.h"
#include "user/util/alloc.h"
#include <string.h>

#define LEAST_LEVEL 20 /* a kind of code has at least this part of the whole, or the next one is asked */

/* What the walk knows of a stack; stacks by their ids. */
struct known {
	uint32_t mine;      /* the nearest stack with a frame of the kind that is asked for: itself or above; 0 none */
	uint32_t caller;    /* the nearest above that with another function of that kind */
	uint32_t importing; /* the outermost frame that imports; 0 none */
	uint32_t imported;  /* the frame of the module's top level that runs for it */
	bool has_python;
};

struct walk {
	const struct view *v;
	const struct profile *p;
	struct groups *groups;
	uint32_t *group_of; /* by frame */
	struct known *known;
	uint64_t *value, *held; /* by stack: what ends there; of it with the GIL */
	uint64_t *by_frame, *by_group;
};

static const struct profile_function *function_of(const struct walk *w, uint32_t frame)
{
	return &w->p->functions[w->p->frames[frame].function];
}

/* Any Python code is of the kind VIEW_STDLIB, too. */
static bool is_of(const struct profile_function *f, enum view_class whose)
{
	return f->kind == PROFILE_PYTHON && (whose == VIEW_STDLIB || view__class(f) == whose);
}

/* Reports are of profiles in which it is folded. */
static bool is_import_system(const struct profile_function *f)
{
	if (import_is_folded(f))
		return true;
	return f->kind == PROFILE_PYTHON && !strncmp(f->file, "<frozen importlib", strlen("<frozen importlib"));
}

static bool is_top_level(const struct profile_function *f)
{
	return !strcmp(f->name, "<module>");
}

/* ---- stacks ------------------------------------------------------------------------------------------ */

static uint32_t group_at(const struct walk *w, uint32_t stack)
{
	return w->group_of[w->p->stacks[stack].frame];
}

/* A function of the user's that runs in an import, as of a program that is one, is that function and no import. */
static void know_import(struct walk *w, uint32_t s)
{
	const struct profile_stack *stack = &w->p->stacks[s];
	const struct known *above = &w->known[stack->parent];
	const struct profile_function *f = function_of(w, stack->frame);
	struct known *k = &w->known[s];

	if (!k->importing && stack->parent && is_import_system(f))
		k->importing = w->p->stacks[above->mine ? above->mine : stack->parent].frame;
	else if (k->importing && is_of(f, VIEW_USER) && !is_top_level(f))
		k->importing = k->imported = 0;
	else if (k->importing && !k->imported && is_top_level(f))
		k->imported = stack->frame;
}

/* A parent is always older than its children. */
static void know_stack(struct walk *w, uint32_t s, enum view_class whose)
{
	const struct profile_stack *stack = &w->p->stacks[s];
	const struct known *above = &w->known[stack->parent];
	const struct profile_function *f = function_of(w, stack->frame);
	struct known *k = &w->known[s];

	*k = *above;
	k->has_python |= f->kind == PROFILE_PYTHON;
	if (is_of(f, whose)) {
		k->mine = s;
		if (above->mine && group_at(w, above->mine) != group_at(w, s))
			k->caller = above->mine;
	}
	know_import(w, s);
}

static void know_stacks(struct walk *w, enum view_class whose)
{
	w->known[0] = (struct known){0};
	for (uint32_t s = 1; s <= w->p->stack_cnt; s++)
		know_stack(w, s, whose);
}

/* ---- sums -------------------------------------------------------------------------------------------- */

/* The frames that stacks are counted for; 0: not at all. */
static uint32_t of_mine(const struct walk *w, uint32_t stack)
{
	return w->p->stacks[w->known[stack].mine].frame;
}

static uint32_t of_caller(const struct walk *w, uint32_t stack)
{
	return w->p->stacks[w->known[stack].caller].frame;
}

/* Of a wait for the GIL the wait: holders are many. */
static uint32_t of_leaf(const struct walk *w, uint32_t stack)
{
	if (w->p->stacks[stack].parent && wait__is_holder(function_of(w, w->p->stacks[stack].frame)))
		stack = w->p->stacks[stack].parent;
	return w->p->stacks[stack].frame;
}

static uint32_t of_importing(const struct walk *w, uint32_t stack)
{
	return w->known[stack].importing;
}

static uint32_t of_imported(const struct walk *w, uint32_t stack)
{
	return w->known[stack].imported;
}

struct sum {
	uint32_t (*frame)(const struct walk *w, uint32_t stack);
	const uint64_t *value; /* by stack */
	/* Only of stacks whose frame by `only` is of this group, which may be 0; NULL: of all. */
	uint32_t (*only)(const struct walk *w, uint32_t stack);
	uint32_t group;
	uint32_t but; /* no frames of this group; 0: all */
};

/* Into by_frame and by_group. */
static void add_up(struct walk *w, const struct sum *sum)
{
	memset(w->by_frame, 0, ((size_t)w->p->frame_cnt + 1) * sizeof(*w->by_frame));
	memset(w->by_group, 0, ((size_t)groups__count(w->groups) + 1) * sizeof(*w->by_group));
	for (uint32_t s = 1; s <= w->p->stack_cnt; s++) {
		uint32_t frame = sum->value[s] ? sum->frame(w, s) : 0, group = w->group_of[frame];

		if (!frame || (sum->but && group == sum->but) ||
		    (sum->only && w->group_of[sum->only(w, s)] != sum->group))
			continue;
		w->by_frame[frame] += sum->value[s];
		w->by_group[group] += sum->value[s];
	}
}

/* Equal ones in the order of their names: ids are given anew when a file is read back. */
static bool is_before(const struct walk *w, uint32_t a, uint32_t b)
{
	const struct group *x, *y;
	int cmp;

	if (w->by_group[a] != w->by_group[b])
		return w->by_group[a] > w->by_group[b];
	x = groups__at(w->groups, a);
	y = groups__at(w->groups, b);
	cmp = strcmp(x->name, y->name);
	return (cmp ? cmp : strcmp(x->location, y->location)) < 0;
}

/* The group with the most, but for `but`; 0: there is none. */
static uint32_t largest(const struct walk *w, uint32_t but)
{
	uint32_t best = 0;

	for (uint32_t g = 1; g <= groups__count(w->groups); g++)
		if (g != but && w->by_group[g] && (!best || is_before(w, g, best)))
			best = g;
	return best;
}

static int by_line(const void *a, const void *b, void *ctx)
{
	const struct profile_frame *frames = ctx;
	int32_t x = frames[*(const uint32_t *)a].line, y = frames[*(const uint32_t *)b].line;

	return x < y ? -1 : x > y;
}

/* A function may be several code objects, each with frames of the same lines. */
static void find_line(const struct walk *w, uint32_t group, struct hot_place *place)
{
	__cleanup_free uint32_t *frames = xcalloc((size_t)w->p->frame_cnt + 1, sizeof(*frames));
	uint64_t sum = 0;
	size_t n = 0;

	for (uint32_t f = 1; f <= w->p->frame_cnt; f++)
		if (w->group_of[f] == group && w->by_frame[f])
			frames[n++] = f;
	qsort_r(frames, n, sizeof(*frames), by_line, w->p->frames);
	for (size_t i = 0; i < n; i++) {
		int32_t line = w->p->frames[frames[i]].line;

		sum = i && w->p->frames[frames[i - 1]].line == line ? sum : 0;
		sum += w->by_frame[frames[i]];
		if (sum > place->line_value) {
			place->line_value = sum;
			place->line = line;
		}
	}
}

static struct hot_place place_of(const struct walk *w, uint32_t group)
{
	struct hot_place place = {0};

	if (!group)
		return place;
	place.function = groups__at(w->groups, group)->function;
	place.value = w->by_group[group];
	find_line(w, group, &place);
	return place;
}

static struct hot_place most(struct walk *w, const struct sum *sum)
{
	add_up(w, sum);
	return place_of(w, largest(w, 0));
}

/* ---- what is asked ----------------------------------------------------------------------------------- */

static uint64_t value_of_groups(const struct walk *w)
{
	uint64_t sum = 0;

	for (uint32_t g = 1; g <= groups__count(w->groups); g++)
		sum += w->by_group[g];
	return sum;
}

/* A script that only starts an installed program is nobody's code: all that it has is a line of its top level. */
static bool only_starts(struct walk *w)
{
	uint64_t own = 0, sum = value_of_groups(w);

	for (uint32_t g = 1; g <= groups__count(w->groups); g++)
		if (w->by_group[g] && !is_top_level(groups__at(w->groups, g)->function))
			return false;
	for (uint32_t s = 1; s <= w->p->stack_cnt; s++)
		if (w->known[s].mine == s)
			own += w->value[s];
	return own < sum / LEAST_LEVEL;
}

static uint64_t value_of_python(const struct walk *w)
{
	uint64_t sum = 0;

	for (uint32_t s = 1; s <= w->p->stack_cnt; s++)
		if (w->known[s].has_python)
			sum += w->value[s];
	return sum;
}

/* Leaves the sums of what is of that kind. */
static enum view_class whose_code(struct walk *w)
{
	static const enum view_class kinds[] = {VIEW_USER, VIEW_SITE, VIEW_STDLIB};
	uint64_t whole = 0;
	size_t i = 0;

	for (;; i++) {
		know_stacks(w, kinds[i]);
		whole = i ? whole : value_of_python(w);
		add_up(w, &(struct sum){of_mine, w->value, NULL, 0, 0});
		if (i + 1 == ARRAY_SIZE(kinds))
			break;
		if (value_of_groups(w) > whole / LEAST_LEVEL && !(kinds[i] == VIEW_USER && only_starts(w)))
			break;
	}
	return kinds[i];
}

/* The only process that has any of a group; 0: several. */
static uint32_t only_process(const struct walk *w, uint32_t mine)
{
	uint32_t only = 0;

	for (size_t i = 0; i < w->p->bucket_cnt; i++) {
		const struct profile_bucket *b = &w->p->buckets[i];
		uint32_t process = w->p->threads[b->thread].process;

		if (process == only || !view__value(w->v, b) || w->group_of[of_mine(w, b->stack)] != mine)
			continue;
		if (only)
			return 0;
		only = process;
	}
	return only;
}

static void find_first(struct walk *w, struct hot *out)
{
	uint32_t first = largest(w, 0);

	out->first = place_of(w, first);
	out->second = place_of(w, largest(w, first));
	out->outside = out->all - value_of_groups(w);
	if (!first)
		return;
	out->called = most(w, &(struct sum){of_leaf, w->value, of_mine, first, first});
	out->own_value = out->first.value - value_of_groups(w);
	out->caller = most(w, &(struct sum){of_caller, w->value, of_mine, first, 0});
	out->first_process = out->process_cnt > 1 ? only_process(w, first) : 0;
}

static void find_outside(struct walk *w, struct hot *out)
{
	out->no_python = out->all - value_of_python(w);
	out->outside_place = most(w, &(struct sum){of_leaf, w->value, of_mine, 0, 0});
}

static void find_imports(struct walk *w, struct hot *out)
{
	uint32_t group;

	for (uint32_t s = 1; s <= w->p->stack_cnt; s++)
		if (w->known[s].importing)
			out->imports += w->value[s];
	add_up(w, &(struct sum){of_imported, w->value, NULL, 0, 0});
	group = largest(w, 0);
	out->imported = place_of(w, group);
	out->importer = most(w, &(struct sum){of_importing, w->value, of_imported, group, 0});
}

/* Modules of the functions that stacks count for, by their names. */
static void find_module(struct walk *w, struct hot *out)
{
	struct groups *modules = groups__new(GROUPS_MODULE, w->v, false);
	uint32_t *of_frame = groups__add(modules, w->p);
	__cleanup_free uint64_t *sums = xcalloc((size_t)groups__count(modules) + 1, sizeof(*sums));

	add_up(w, &(struct sum){of_mine, w->value, NULL, 0, 0});
	for (uint32_t f = 1; f <= w->p->frame_cnt; f++)
		sums[of_frame[f]] += w->by_frame[f];
	for (uint32_t m = 1; m <= groups__count(modules); m++)
		if (sums[m] > out->module_value && *groups__at(modules, m)->function->module) {
			out->module_value = sums[m];
			out->module = groups__at(modules, m)->function->module;
		}
	free(of_frame);
	groups__free(modules);
}

/* The one pass over buckets, of which there are many. */
static void add_buckets(struct walk *w, struct hot *out)
{
	__cleanup_free bool *seen = xcalloc((size_t)w->p->process_cnt + 1, sizeof(*seen));
	__cleanup_free uint64_t *threads = xcalloc((size_t)w->p->thread_cnt + 1, sizeof(*threads));

	for (size_t i = 0; i < w->p->bucket_cnt; i++) {
		const struct profile_bucket *b = &w->p->buckets[i];
		uint32_t process = w->p->threads[b->thread].process;
		uint64_t value = view__value(w->v, b), held = view__gil_value(w->v, b);

		w->value[b->stack] += value;
		w->held[b->stack] += held;
		threads[b->thread] += held;
		out->gil_value += held;
		out->process_cnt += value && !seen[process];
		seen[process] |= value > 0;
	}
	for (uint32_t t = 1; t <= w->p->thread_cnt; t++)
		if (threads[t] > out->gil_thread_value) {
			out->gil_thread = t;
			out->gil_thread_value = threads[t];
		}
}

void hot_find(const struct view *v, const struct profile *p, struct hot *out)
{
	struct view_sum sum = view__sum(v, p);
	struct walk w = {.v = v, .p = p};

	*out = (struct hot){.samples = sum.samples, .all = sum.value};
	if (!sum.value)
		return;
	w.groups = groups__new(GROUPS_FUNCTION, v, false);
	w.group_of = groups__add(w.groups, p);
	w.known = xcalloc((size_t)p->stack_cnt + 1, sizeof(*w.known));
	w.value = xcalloc((size_t)p->stack_cnt + 1, sizeof(*w.value));
	w.held = xcalloc((size_t)p->stack_cnt + 1, sizeof(*w.held));
	w.by_frame = xcalloc((size_t)p->frame_cnt + 1, sizeof(*w.by_frame));
	w.by_group = xcalloc((size_t)groups__count(w.groups) + 1, sizeof(*w.by_group));
	add_buckets(&w, out);
	out->whose = whose_code(&w);
	find_first(&w, out);
	find_outside(&w, out);
	find_imports(&w, out);
	find_module(&w, out);
	out->in_gil = most(&w, &(struct sum){of_mine, w.held, NULL, 0, 0});
	groups__free(w.groups);
	free(w.group_of);
	free(w.known);
	free(w.value);
	free(w.held);
	free(w.by_frame);
	free(w.by_group);
}
