/* SPDX-License-Identifier: MIT */
/* Two recordings compared: what is the same in both, what changed, what is chance. */
#include "tests/unit/whole.h"
#include "tests/unit/make_runs.h"
#include "user/profile/diff_tree.h"
#include "user/util/alloc.h"
#include <math.h>

static const struct view plain;

static struct make_run even(uint64_t seed)
{
	struct make_run r = {.seed = seed, .samples = 3000};

	for (unsigned i = 0; i < RUN_FUNCTIONS; i++)
		r.weights[i] = 10 + 3 * i;
	return r;
}

static const struct diff_row *row_of(const struct diff *d, const char *name)
{
	for (size_t i = 0; i < d->cnt; i++)
		if (!strcmp(d->rows[i].group->name, name))
			return &d->rows[i];
	fail_msg("no row %s", name);
	return NULL;
}

static struct diff *compare(const struct profile *a, const struct profile *b, enum groups_key key, bool absolute)
{
	const struct diff_options o = {.view = &plain, .key = key, .absolute = absolute};

	return diff__new(&o, a, b);
}

/* The same program twice: in twenty pairs hardly one has a finding. */
static void equal_runs_differ_by_chance_only(void **state)
{
	unsigned own = 0, total = 0, nodes = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct make_run one = even(seed), other = even(1000 + seed);
		struct profile *a = make_run(&one), *b = make_run(&other);
		struct diff *d = compare(a, b, GROUPS_FUNCTION, seed % 2);
		struct diff_tree *t = diff_tree__new(d, false);

		own += d->own_found_cnt != 0;
		total += d->total_found_cnt != 0;
		for (uint32_t i = 0; i < t->tree->count; i++)
			nodes += t->found[i];
		diff_tree__free(t);
		diff__free(d);
		profile__free(a);
		profile__free(b);
	}
	assert_true(own <= 2 && total <= 2 && nodes <= 6);
}

static void a_change_is_found_and_nothing_else(void **state)
{
	struct make_run one = even(1), other = even(2);
	struct profile *a, *b;
	struct diff *d;
	const struct diff_row *row;

	(void)state;
	other.weights[5] *= 3;
	a = make_run(&one);
	b = make_run(&other);
	d = compare(a, b, GROUPS_FUNCTION, false);
	row = row_of(d, "Worker.work_5");
	assert_ptr_equal(row, &d->rows[0]);
	assert_true(row->own_found && row->total_found && row->own.by > 0);
	assert_float_equal(diff_ratio(&row->own), 185, 60);
	/* the others lose a few per cent of their share; main and helper are where they were */
	assert_false(row_of(d, "main")->total_found);
	assert_false(row_of(d, "helper")->own_found);
	assert_true(d->own_found_cnt <= 2);
	diff__free(d);
	profile__free(a);
	profile__free(b);
}

/* Shares do not see that a run was twice as long; seconds do. */
/* `cnt` samples of 10 ms on a CPU, in each of two functions, and a wait of 20 s. */
static struct profile *beside_a_long_wait(const unsigned cnt[2])
{
	static const struct profile_value_type types[] = {
		{0, "cpu", "CPU", "CPU time", PROFILE_NANOSECONDS},
		{1, "offcpu", "off-CPU", "time off the CPU", PROFILE_NANOSECONDS},
	};
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink to = profile_builder__sink(b);
	struct profile_sample s = {.thread = 1, .value = 10000000};

	tell_meta(to, false);
	for (unsigned i = 0; i < 2; i++)
		to.ops->value_type(to.ctx, &types[i]);
	emit_process(to, 1, 42, "python3 app.py");
	emit_thread(to, 1, 1, "MainThread");
	for (uint32_t i = 1; i <= 3; i++) {
		emit_function(to, i, i == 3 ? "[lock]" : i == 1 ? "slow" : "same", i == 3 ? "" : "app.py");
		tell_frame(to, i, i, 0);
		tell_stack(to, i, 0, i);
	}
	for (s.stack = 1; s.stack <= 2; s.stack++)
		for (unsigned i = 0; i < cnt[s.stack - 1]; i++)
			to.ops->sample(to.ctx, &s);
	s.type = 1;
	s.value = 20000000000u;
	to.ops->sample(to.ctx, &s);
	return profile_builder__finish(b);
}

/* The wait is no draw that might as well have been of another function. */
static void a_long_wait_hides_no_change(void **state)
{
	static const unsigned before[] = {300, 200}, after[] = {100, 210};
	struct profile *a = beside_a_long_wait(before), *b = beside_a_long_wait(after);
	struct diff *d = compare(a, b, GROUPS_FUNCTION, true);
	double alone = CHANCE_Z * 0.01 * sqrt(before[0] + after[0]);

	(void)state;
	assert_true(row_of(d, "slow")->own_found);
	assert_false(row_of(d, "same")->own_found);
	assert_false(row_of(d, "[lock]")->own_found);
	assert_true(row_of(d, "slow")->own.error > 0.9 * alone && row_of(d, "slow")->own.error < 1.1 * alone);
	diff__free(d);
	profile__free(a);
	profile__free(b);
}

static void longer_runs(void **state)
{
	struct make_run one = even(1), other = even(2);
	struct profile *a, *b;
	struct diff *d;

	(void)state;
	other.samples *= 2;
	a = make_run(&one);
	b = make_run(&other);
	d = compare(a, b, GROUPS_FUNCTION, false);
	assert_int_equal(d->total_found_cnt, 0);
	assert_float_equal(row_of(d, "main")->total.by, 0, 1e-9);
	diff__free(d);
	d = compare(a, b, GROUPS_FUNCTION, true);
	assert_true(row_of(d, "main")->total_found);
	assert_float_equal(row_of(d, "main")->total.from, (double)whole_value(a) / 1e9, 1e-6);
	assert_float_equal(row_of(d, "main")->total.to, (double)whole_value(b) / 1e9, 1e-6);
	diff__free(d);
	profile__free(a);
	profile__free(b);
}

/* Edited lines, another folder, other PIDs: the same functions, processes and paths. */
static void moved_code_is_the_same_code(void **state)
{
	struct make_run one = even(1), other = even(1);
	struct profile *a, *b;
	struct diff *d;
	struct diff_tree *t;
	unsigned processes = 0;

	(void)state;
	one.command = "/srv/v1/venv/bin/python3 /srv/v1/worker.py --log a/b / ";
	other.command = "/opt/app-2.0/bin/python3 worker.py --log a/b / ";
	other.moved = 7;
	other.root = "/opt/app-2.0";
	a = make_run(&one);
	b = make_run(&other);
	b->processes[1].pid = 4711;
	d = compare(a, b, GROUPS_FUNCTION, false);
	assert_int_equal(d->cnt, RUN_FUNCTIONS + 2);
	for (size_t i = 0; i < d->cnt; i++) {
		assert_float_equal(d->rows[i].own.by, 0, 1e-12);
		assert_float_equal(d->rows[i].total.by, 0, 1e-12);
	}
	t = diff_tree__new(d, false);
	for (uint32_t i = 0; i < t->tree->count; i++) {
		assert_int_equal(t->a[i], t->b[i]);
		processes += !strcmp(t->tree->nodes[i].text, "process \"python3 worker.py --log a/b  \"") ||
			     !strcmp(t->tree->nodes[i].text, "process \"python3 app.py\"");
	}
	assert_int_equal(processes, 2);
	diff_tree__free(t);
	diff__free(d);
	/* by line they are not */
	d = compare(a, b, GROUPS_LINE, false);
	assert_int_equal(d->cnt, 2 * (RUN_FUNCTIONS + 2));
	diff__free(d);
	d = compare(a, b, GROUPS_FILE, false);
	assert_int_equal(d->cnt, 3);
	diff__free(d);
	d = compare(a, b, GROUPS_MODULE, false);
	assert_int_equal(d->cnt, 1);
	diff__free(d);
	profile__free(a);
	profile__free(b);
}

static const struct view_node *node_at(const struct view_tree *t, const char *const *path)
{
	const struct view_node *n = &t->nodes[0];

	for (; *path; path++) {
		uint32_t c = n->child;

		while (c && strcmp(t->nodes[c].text, *path))
			c = t->nodes[c].next;
		if (!c)
			return NULL;
		n = &t->nodes[c];
	}
	return n;
}

/* Every node against the trees it was made from; links as everywhere. */
static void trees_are_laid_over_each_other(void **state)
{
	struct make_run one = even(1), other = even(2);
	struct view v = {.no_lines = true};
	struct profile *a, *b;
	struct view_tree *of_a, *of_b;
	struct diff *d;
	struct diff_tree *t;
	uint32_t linked = 0;

	(void)state;
	one.weights[3] = 0;   /* new in B */
	other.weights[4] = 0; /* gone */
	a = make_run(&one);
	b = make_run(&other);
	d = compare(a, b, GROUPS_FUNCTION, false);
	t = diff_tree__new(d, false);
	of_a = view_tree__new(&v, a);
	of_b = view_tree__new(&v, b);
	for (uint32_t i = 0; i < t->tree->count; i++) {
		const char *path[16] = {NULL};
		const struct view_node *in_a, *in_b;
		uint32_t depth = t->tree->nodes[i].depth;

		for (uint32_t at = i; at; at = t->tree->nodes[at].parent)
			path[--depth] = t->tree->nodes[at].text;
		in_a = node_at(of_a, path);
		in_b = node_at(of_b, path);
		assert_true(in_a || in_b);
		assert_int_equal(t->a[i], in_a ? in_a->total_value : 0);
		assert_int_equal(t->b[i], in_b ? in_b->total_value : 0);
		assert_true(!i || t->tree->nodes[i].parent < i);
		for (uint32_t c = t->tree->nodes[i].child; c; c = t->tree->nodes[c].next) {
			uint32_t next = t->tree->nodes[c].next;

			assert_int_equal(t->tree->nodes[c].parent, i);
			assert_true(!next || strcmp(t->tree->nodes[c].text, t->tree->nodes[next].text) < 0);
			linked++;
		}
	}
	assert_int_equal(linked, t->tree->count - 1);
	assert_true(row_of(d, "Worker.work_3")->own.from == 0 && isinf(diff_ratio(&row_of(d, "Worker.work_3")->own)));
	assert_true(row_of(d, "Worker.work_4")->own.to == 0);
	view_tree__free(of_a);
	view_tree__free(of_b);
	diff_tree__free(t);
	diff__free(d);
	profile__free(a);
	profile__free(b);
}

static void nothing_compares_to_nothing(void **state)
{
	struct profile *p = profile_builder__finish(profile_builder__new(true));
	struct diff *d = compare(p, p, GROUPS_FUNCTION, false);
	struct diff_tree *t = diff_tree__new(d, false);

	(void)state;
	assert_int_equal(d->cnt, 0);
	assert_int_equal(t->tree->count, 1);
	diff_tree__free(t);
	diff_tree__free(NULL);
	diff__free(d);
	diff__free(NULL);
	profile__free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_runs_differ_by_chance_only),
		cmocka_unit_test(a_change_is_found_and_nothing_else),
		cmocka_unit_test(a_long_wait_hides_no_change),
		cmocka_unit_test(longer_runs),
		cmocka_unit_test(moved_code_is_the_same_code),
		cmocka_unit_test(trees_are_laid_over_each_other),
		cmocka_unit_test(nothing_compares_to_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
