/* SPDX-License-Identifier: MIT */
/*
 * Totals of groups and edges against sums made sample by sample, on
 * random trees full of recursion.
 */
#include "tests/unit/small_profile.h"
#include "user/profile/totals.h"
#include "user/util/alloc.h"

#define GROUPS 7

/* The slow way: every sample's whole stack, a group or an edge counted once for each. */
struct slow {
	const struct view *v;
	const struct profile *p;
	const uint32_t *groups;
	struct totals_row all, rows[GROUPS + 1], edges[GROUPS + 1][GROUPS + 1];
};

static void count(struct totals_row *row, const struct profile_sample *s, bool own)
{
	row->samples++;
	row->value += s->value;
	row->gil_value += s->gil == PROFILE_GIL_HELD ? s->value : 0;
	if (own) {
		row->own_samples++;
		row->own_value += s->value;
	}
}

static int add_sample(void *arg, const struct profile_sample *s)
{
	struct slow *w = arg;
	uint32_t frames[64];
	size_t n = profile__stack_frames(w->p, s->stack, frames, 64);
	bool row_seen[GROUPS + 1] = {0}, edge_seen[GROUPS + 1][GROUPS + 1] = {{0}};

	if (w->v->gil_only && s->gil != PROFILE_GIL_HELD)
		return 0;
	w->all.samples++;
	w->all.value += s->value;
	w->all.gil_value += s->gil == PROFILE_GIL_HELD ? s->value : 0;
	/* from the leaf, so that the first sight of a group says whether it is the leaf */
	for (size_t i = n; i-- > 0;) {
		uint32_t g = w->groups[frames[i]], up = i ? w->groups[frames[i - 1]] : 0;

		if (!row_seen[g])
			count(&w->rows[g], s, i == n - 1);
		row_seen[g] = true;
		if (i && !edge_seen[up][g])
			count(&w->edges[up][g], s, i == n - 1);
		edge_seen[up][g] = true;
	}
	return 0;
}

static void check(const struct view *v, const struct profile *p, const uint32_t *groups)
{
	struct slow *w = xcalloc(1, sizeof(*w));
	struct totals *t = totals__new(v, p, groups, GROUPS);
	uint64_t own = 0;
	size_t edges = 0;

	*w = (struct slow){.v = v, .p = p, .groups = groups};
	assert_int_equal(profile__each_sample(p, add_sample, w), 0);
	assert_memory_equal(&t->all, &w->all, sizeof(t->all));
	for (uint32_t g = 0; g <= GROUPS; g++) {
		assert_memory_equal(&t->rows[g], &w->rows[g], sizeof(t->rows[g]));
		own += t->rows[g].own_value;
		for (uint32_t h = 0; h <= GROUPS; h++)
			edges += w->edges[g][h].samples != 0;
	}
	assert_int_equal(own, t->all.value);
	assert_int_equal(t->edge_cnt, edges);
	for (size_t i = 0; i < t->edge_cnt; i++) {
		const struct totals_edge *e = &t->edges[i];

		assert_memory_equal(&e->sum, &w->edges[e->caller][e->callee], sizeof(e->sum));
	}
	totals__free(t);
	free(w);
}

static struct profile *random_profile(unsigned *seed)
{
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink to = profile_builder__sink(b);

	emit_process(to, 1, 1, "app");
	for (uint32_t i = 1; i <= 3; i++)
		emit_thread(to, i, 1, "w");
	for (uint32_t i = 1; i <= 20; i++) {
		emit_function(to, i, "f", "/a/x.py");
		tell_frame(to, i, i, 1);
	}
	/* long thin trees: most stacks sit on one of the newest */
	for (uint32_t i = 1; i <= 80; i++)
		tell_stack(to, i, i < 5 ? 0 : i - 1 - (uint32_t)rand_r(seed) % 4, 1 + (uint32_t)rand_r(seed) % 20);
	for (uint32_t i = 0; i < 400; i++)
		emit_sample(to, i, 1 + i % 3, 1 + (uint32_t)rand_r(seed) % 80);
	return profile_builder__finish(b);
}

static void random_trees_add_up(void **state)
{
	unsigned seed = 5;

	(void)state;
	for (int round = 0; round < 40; round++) {
		struct profile *p = random_profile(&seed);
		uint32_t groups[21];

		for (uint32_t i = 0; i <= 20; i++)
			groups[i] = (uint32_t)rand_r(&seed) % (1 + (unsigned)round % (GROUPS + 1));
		check(&(struct view){0}, p, groups);
		check(&(struct view){.gil_only = true}, p, groups);
		profile__free(p);
	}
}

static void nothing_adds_up_to_nothing(void **state)
{
	struct profile *p = profile_builder__finish(profile_builder__new(true));
	uint32_t groups[1] = {0};
	struct totals *t = totals__new(&(struct view){0}, p, groups, 0);

	(void)state;
	assert_int_equal(t->all.samples, 0);
	assert_int_equal(t->edge_cnt, 0);
	totals__free(t);
	totals__free(NULL);
	profile__free(p);
}

/* A million stacks, 4,096 deep where the walk would be quadratic if it looked at each stack's
 * frames. */
static void a_million_stacks(void **state)
{
	enum { STACKS = 1000000, FRAMES = 5000 };
	struct profile_builder *b = profile_builder__new(false);
	struct profile_sink to = profile_builder__sink(b);
	uint32_t *groups = xcalloc(FRAMES + 1, sizeof(*groups));
	struct totals *t;
	struct profile *p;
	double start, took;

	(void)state;
	emit_process(to, 1, 1, "x");
	emit_thread(to, 1, 1, "t");
	for (uint32_t i = 1; i <= FRAMES; i++) {
		emit_function(to, i, "f", "f.py");
		tell_frame(to, i, i, 1);
		groups[i] = i;
	}
	for (uint32_t i = 1; i <= STACKS; i++)
		tell_stack(to, i, i % PROFILE_MAX_DEPTH == 1 ? 0 : i - 1, 1 + i * 7 % FRAMES);
	for (uint32_t i = 1; i <= STACKS; i++)
		emit_sample(to, i, 1, i);
	p = profile_builder__finish(b);
	assert_int_equal(p->sample_cnt, STACKS);
	start = seconds_now();
	t = totals__new(&(struct view){0}, p, groups, FRAMES);
	took = seconds_now() - start;
	print_message("1,000,000 stacks: %.2f s\n", took);
	assert_int_equal(t->all.samples, STACKS);
	assert_true(took < 20);
	totals__free(t);
	profile__free(p);
	free(groups);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_trees_add_up),
		cmocka_unit_test(nothing_adds_up_to_nothing),
		cmocka_unit_test(a_million_stacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
