/* SPDX-License-Identifier: MIT */
/* What things are called, and the call tree against one built the slow and obvious way. */
#include "tests/unit/small_profile.h"
#include "user/profile/user_start.h"
#include "user/profile/view.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"

static struct profile *small;

static int begin(void **state)
{
	(void)state;
	small = small_profile();
	return 0;
}

static int end(void **state)
{
	(void)state;
	profile__free(small);
	return 0;
}

static void assert_text(char *got, const char *want)
{
	assert_string_equal(got, want);
	free(got);
}

static void frames_are_named_as_py_spy_names_them(void **state)
{
	struct view v = {0};

	(void)state;
	assert_text(view__frame_text(&v, small, 2), "Worker.work (worker.py:22)");
	assert_text(view__frame_text(&v, small, 5), "[truncated]");
	assert_text(view__frame_text(&v, small, 4), "</script><svg onload=…>;\\x1b[31m (evil.py:33)");
	v.full_filenames = true;
	assert_text(view__frame_text(&v, small, 2), "Worker.work (/srv/app/worker.py:22)");
	v.by_function = true;
	assert_text(view__frame_text(&v, small, 3), "Worker.work (/srv/app/worker.py:20)");
	v = (struct view){.no_lines = true};
	assert_text(view__frame_text(&v, small, 3), "Worker.work (worker.py)");
	/* ids that do not exist are harmless */
	assert_text(view__frame_text(&v, small, 6), "[unnamed]");
	assert_text(view__frame_text(&v, small, 0), "[unnamed]");
}

static void roots_are_named(void **state)
{
	(void)state;
	assert_text(view__process_text(small, 1), "process 42:\"python3 app.py\"");
	assert_text(view__thread_text(small, 1), "thread (1001): MainThread");
	assert_text(view__thread_text(small, 2), "thread (1002)");
	assert_text(view__process_text(small, 99), "process 0:\"\"");
	assert_text(view__thread_text(small, 99), "thread (0)");
}

static void functions_have_their_module(void **state)
{
	(void)state;
	assert_text(view__function_text(small, 2), "pkg.mod.Worker.work");
	assert_text(view__function_text(small, 4), "[truncated]");
	assert_text(view__function_text(small, 5), "[unnamed]");
}

static void frames_fold_into_their_function(void **state)
{
	struct view v = {0};

	(void)state;
	assert_int_equal(view__frame(&v, small, 3), 3);
	v.no_lines = true;
	assert_int_equal(view__frame(&v, small, 3), 2);
	v = (struct view){.by_function = true};
	assert_int_equal(view__frame(&v, small, 3), 2);
	assert_int_equal(view__frame(&v, small, 4), 4);
}

static void process_roots_only_where_needed(void **state)
{
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink to = profile_builder__sink(b);
	struct view v = {0};
	struct profile *p;

	(void)state;
	assert_true(view__process_roots(&v, small));
	emit_process(to, 1, 1, "busy");
	emit_process(to, 2, 2, "never sampled");
	emit_thread(to, 1, 1, "t");
	emit_thread(to, 2, 2, "t");
	emit_thread(to, 3, 1, "another of the first");
	emit_function(to, 1, "f", "f.py");
	tell_frame(to, 1, 1, 1);
	tell_stack(to, 1, 0, 1);
	emit_sample(to, 1, 1, 1); /* holds the GIL */
	emit_sample(to, 1, 3, 1);
	p = profile_builder__finish(b);
	assert_false(view__process_roots(&v, p));
	profile__free(p);
}

/* The slow way: the whole path of each bucket as one text, its time and samples added up in a list. */
struct path {
	char *text;
	uint64_t own_value, own_samples;
};

static char *path_of(const struct view *v, const struct profile *p, const struct profile_bucket *k)
{
	uint32_t frames[64];
	size_t n = profile__stack_frames(p, k->stack, frames, 64);
	struct buf out = {0};
	char *text;

	if (view__process_roots(v, p)) {
		text = view__process_text(p, p->threads[k->thread].process);
		buf_printf(&out, "\x01%s", text);
		free(text);
	}
	if (v->threads) {
		text = view__thread_text(p, k->thread);
		buf_printf(&out, "\x01%s", text);
		free(text);
	}
	for (size_t i = 0; i < n; i++) {
		text = view__frame_text(v, p, frames[v->from_leaf ? n - 1 - i : i]);
		buf_printf(&out, "\x01%s", text);
		free(text);
	}
	return buf_steal_text(&out);
}

static size_t slow_paths(const struct view *v, const struct profile *p, struct path *out)
{
	size_t n = 0;

	for (size_t i = 0; i < p->bucket_cnt; i++) {
		char *text = path_of(v, p, &p->buckets[i]);
		size_t at = 0;

		while (at < n && strcmp(out[at].text, text))
			at++;
		if (at == n)
			out[n++] = (struct path){xstrdup(text), 0, 0};
		out[at].own_value += view__value(v, &p->buckets[i]);
		out[at].own_samples += view__samples(v, &p->buckets[i]);
		free(text);
	}
	return n;
}

static char *node_path(const struct view_tree *t, uint32_t node)
{
	char *above, *out;

	if (!node)
		return xstrdup("");
	above = node_path(t, t->nodes[node].parent);
	out = xasprintf("%s\x01%s", above, t->nodes[node].text);
	free(above);
	return out;
}

/* `next`: what the path goes on with behind this node's. */
static void add_path(struct view_node *to, const struct path *path, char next)
{
	if (next && next != 1)
		return;
	to->total_value += path->own_value;
	to->samples += path->own_samples;
	to->own_value += next ? 0 : path->own_value;
	to->own_samples += next ? 0 : path->own_samples;
}

/* Own and total of every node; links, order and depth. */
static void check_tree(const struct view *v, const struct profile *p)
{
	struct view_tree *t = view_tree__new(v, p);
	struct path *paths = xcalloc(p->bucket_cnt + 1, sizeof(*paths));
	size_t n = slow_paths(v, p, paths);
	uint32_t linked = 0, deepest = 0;

	assert_string_equal(t->nodes[0].text, "all");
	for (uint32_t i = 0; i < t->count; i++) {
		__cleanup_free char *path = node_path(t, i);
		struct view_node want = {0};
		uint64_t children = 0;
		size_t len = strlen(path);

		for (size_t j = 0; j < n; j++) {
			if (strncmp(paths[j].text, path, len))
				continue;
			add_path(&want, &paths[j], paths[j].text[len]);
		}
		assert_int_equal(t->nodes[i].own_value, want.own_value);
		assert_int_equal(t->nodes[i].total_value, want.total_value);
		assert_int_equal(t->nodes[i].own_samples, want.own_samples);
		assert_int_equal(t->nodes[i].samples, want.samples);
		for (uint32_t c = t->nodes[i].child; c; c = t->nodes[c].next) {
			uint32_t next = t->nodes[c].next;

			assert_int_equal(t->nodes[c].parent, i);
			assert_int_equal(t->nodes[c].depth, t->nodes[i].depth + 1);
			assert_true(!next || strcmp(t->nodes[c].text, t->nodes[next].text) < 0);
			children += t->nodes[c].total_value;
			linked++;
		}
		assert_int_equal(children + want.own_value, want.total_value);
		assert_true(i == 0 || t->nodes[i].total_value > 0);
		if (t->nodes[i].depth > deepest)
			deepest = t->nodes[i].depth;
	}
	assert_int_equal(linked, t->count - 1);
	assert_int_equal(t->depth, deepest);
	for (size_t j = 0; j < n; j++)
		free(paths[j].text);
	free(paths);
	view_tree__free(t);
}

static void check_all_views(const struct profile *p)
{
	for (unsigned bits = 0; bits < 64; bits++) {
		struct view v = {
			.threads = bits & 1,
			.by_function = bits & 2,
			.no_lines = bits & 4,
			.full_filenames = bits & 8,
			.gil_only = bits & 16,
			.from_leaf = bits & 32,
		};

		check_tree(&v, p);
	}
}

static void small_tree_is_right(void **state)
{
	(void)state;
	check_all_views(small);
}

/* Many frames that read the same: few names, few files, lines that often agree. */
static void random_trees_are_right(void **state)
{
	unsigned seed = 99;

	(void)state;
	for (int round = 0; round < 5; round++) {
		struct profile_builder *b = profile_builder__new(false);
		struct profile_sink to = profile_builder__sink(b);
		struct profile *p;

		for (uint32_t i = 1; i <= 3; i++)
			emit_process(to, i, 40 + i / 2, "app");
		for (uint32_t i = 1; i <= 6; i++)
			emit_thread(to, i, 1 + i % 3, i % 2 ? "w" : "");
		for (uint32_t i = 1; i <= 8; i++)
			emit_function(to, i, i % 3 ? "f" : "g", i % 2 ? "/a/x.py" : "/b/x.py");
		for (uint32_t i = 1; i <= 20; i++)
			tell_frame(to, i, 1 + i % 8, (int32_t)(i % 4));
		for (uint32_t i = 1; i <= 60; i++)
			tell_stack(to, i, (uint32_t)rand_r(&seed) % i, 1 + (uint32_t)rand_r(&seed) % 20);
		for (uint32_t i = 0; i < 300; i++)
			emit_sample(to, i, 1 + (uint32_t)rand_r(&seed) % 6, 1 + (uint32_t)rand_r(&seed) % 60);
		p = profile_builder__finish(b);
		check_all_views(p);
		profile__free(p);
	}
}

static void nothing_gives_a_lone_root(void **state)
{
	struct profile *p = profile_builder__finish(profile_builder__new(true));
	struct view v = {.threads = true};
	struct view_tree *t = view_tree__new(&v, p);

	(void)state;
	assert_int_equal(t->count, 1);
	assert_int_equal(t->depth, 0);
	assert_int_equal(t->nodes[0].total_value, 0);
	view_tree__free(t);
	view_tree__free(NULL);
	profile__free(p);
}

static void marks_and_colours_reach_the_nodes(void **state)
{
	struct view v = {0};
	struct view_tree *t = view_tree__new(&v, small);
	unsigned marks = 0;

	(void)state;
	for (uint32_t i = 0; i < t->count; i++) {
		bool mark = !strcmp(t->nodes[i].text, "[truncated]");

		assert_int_equal(t->nodes[i].class, mark ? VIEW_SYNTHETIC : VIEW_USER);
		assert_int_equal(t->nodes[i].function != 0, t->nodes[i].depth > 1);
		marks += mark;
	}
	assert_int_equal(marks, 2);
	view_tree__free(t);
}

/* 200,000 stacks, 60 deep: a tree that compared siblings one by one would take minutes. */
static void a_large_tree(void **state)
{
	enum { STACKS = 200000, FRAMES = 5000 };
	struct profile_builder *b = profile_builder__new(false);
	struct profile_sink to = profile_builder__sink(b);
	struct view v = {0};
	struct view_tree *t;
	struct profile *p;
	double start, before;

	(void)state;
	emit_process(to, 1, 1, "x");
	emit_thread(to, 1, 1, "t");
	for (uint32_t i = 1; i <= FRAMES; i++) {
		char name[16];

		snprintf(name, sizeof(name), "f%u", i);
		emit_function(to, i, name, "f.py");
		tell_frame(to, i, i, 1);
	}
	for (uint32_t i = 1; i <= STACKS; i++)
		tell_stack(to, i, i > 3000 ? i - 3000 : 0, 1 + i * 7 % FRAMES);
	for (uint32_t i = 1; i <= STACKS; i++)
		emit_sample(to, i, 1, i);
	p = profile_builder__finish(b);
	before = rss_mb();
	start = seconds_now();
	t = view_tree__new(&v, p);
	print_message("%d stacks: %u nodes in %.2f s, %.1f MB\n", STACKS, t->count, seconds_now() - start,
		      rss_mb() - before);
	assert_int_equal(t->nodes[0].samples, STACKS);
	view_tree__free(t);
	v.from_leaf = true;
	start = seconds_now();
	t = view_tree__new(&v, p);
	print_message("from the leaf: %u nodes in %.2f s, %.1f MB\n", t->count, seconds_now() - start,
		      rss_mb() - before);
	assert_int_equal(t->nodes[0].samples, STACKS);
	view_tree__free(t);
	profile__free(p);
}

/* ---- roots, and where trees begin -------------------------------------------------------- */

/* A node below `parent` that begins so; 0: none. */
static uint32_t child_like(const struct view_tree *t, uint32_t parent, const char *text)
{
	for (uint32_t c = t->nodes[parent].child; c; c = t->nodes[c].next)
		if (!strncmp(t->nodes[c].text, text, strlen(text)))
			return c;
	return 0;
}

static void roots_of_a_program_are_one(void **state)
{
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink to = profile_builder__sink(b);
	struct view v = {.merge_processes = true, .threads = true};
	struct view_tree *t;
	struct profile *p;
	uint32_t pool;

	(void)state;
	for (uint32_t id = 1; id <= 5; id++) {
		emit_process(to, id, 40 + id, id < 4 ? "/v/bin/python /v/bin/gunicorn app:app" : "python3 other.py");
		emit_thread(to, id, id, id % 2 ? "MainThread" : "");
	}
	emit_function(to, 1, "main", "/srv/app.py");
	tell_frame(to, 1, 1, 11);
	tell_stack(to, 1, 0, 1);
	for (uint32_t id = 1; id <= 5; id++)
		if (id != 4) /* it has no samples */
			emit_sample(to, id, id, 1);
	p = profile_builder__finish(b);
	t = view_tree__new(&v, p);
	pool = child_like(t, 0, "gunicorn app:app (3 processes)");
	assert_int_not_equal(pool, 0);
	assert_int_equal(t->nodes[pool].samples, 3);
	assert_int_equal(t->nodes[child_like(t, pool, "thread MainThread")].samples, 2);
	assert_int_equal(t->nodes[child_like(t, 0, "process 45:\"python3 other.py\"")].samples, 1);
	assert_int_equal(t->nodes[0].samples, 4);
	view_tree__free(t);
	profile__free(p);
}

static void common_roots_have_no_row(void **state)
{
	struct view v = {.process_roots = true, .threads = true};
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink to = profile_builder__sink(b);
	struct view_tree *t;
	struct profile *p;
	uint64_t value;

	(void)state;
	emit_process(to, 1, 42, "python3 app.py");
	emit_thread(to, 1, 1, "MainThread");
	emit_function(to, 1, "main", "/srv/app.py");
	tell_frame(to, 1, 1, 11);
	tell_stack(to, 1, 0, 1);
	tell_stack(to, 2, 1, 1);
	emit_sample(to, 1, 1, 1);
	emit_sample(to, 2, 1, 2);
	p = profile_builder__finish(b);
	t = view_tree__new(&v, p);
	value = t->nodes[0].total_value;
	assert_int_equal(t->depth, 4);
	view_tree__hide_common_roots(t);
	assert_string_equal(t->nodes[0].text, "thread (1001): MainThread");
	assert_int_equal(t->nodes[0].total_value, value);
	assert_string_equal(t->nodes[t->nodes[0].child].text, "main (app.py:11)");
	assert_int_equal(t->nodes[t->nodes[0].child].depth, 1);
	assert_int_equal(t->depth, 2);
	view_tree__free(t);
	t = view_tree__new(&(struct view){.process_roots = true}, small); /* two processes: both stay */
	view_tree__hide_common_roots(t);
	assert_string_equal(t->nodes[0].text, "all");
	assert_int_not_equal(child_like(t, 0, "process 42"), 0);
	view_tree__free(t);
	profile__free(p);
}

/* `depth` frames of a library, then one of the user's, which calls the library again; every tenth sample has no user. */
static struct profile *server(uint32_t depth)
{
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink to = profile_builder__sink(b);
	struct profile_function library = {.id = 1,
					   .name = "call",
					   .module = "web",
					   .file = "/v/lib/python3.12/site-packages/web/x.py",
					   .short_file = "web/x.py",
					   .origin = PROFILE_SITE};

	emit_process(to, 1, 42, "python3 app.py");
	emit_thread(to, 1, 1, "MainThread");
	to.ops->function(to.ctx, &library);
	emit_function(to, 2, "view", "/srv/app.py");
	tell_frame(to, 1, 1, 5);
	tell_frame(to, 2, 2, 20);
	for (uint32_t s = 1; s <= depth; s++)
		tell_stack(to, s, s - 1, 1);
	tell_stack(to, depth + 1, depth, 2);
	tell_stack(to, depth + 2, depth + 1, 1);
	for (uint32_t i = 1; i <= 100; i++)
		emit_sample(to, i, 1, i % 10 ? depth + 1 + i % 2 : depth);
	return profile_builder__finish(b);
}

static void trees_may_begin_with_the_users_code(void **state)
{
	const struct view v = {.from_user = true};
	struct profile *p = server(20);
	struct view_tree *t = view_tree__new(&v, p);
	uint32_t view = child_like(t, 0, "view (app.py:20)"), outside = child_like(t, 0, "[outside your code]");

	(void)state;
	assert_int_equal(t->nodes[view].samples, 90);
	assert_int_equal(t->nodes[child_like(t, view, "call (web/x.py:5)")].samples, 50);
	assert_int_equal(t->nodes[outside].samples, 10);
	assert_int_equal(t->nodes[child_like(t, outside, "call")].samples, 10);
	assert_int_equal(t->nodes[0].samples, 100);
	assert_int_equal(t->depth, 21);
	view_tree__free(t);
	profile__free(p);
}

static void far_is_behind_many_frames_of_libraries(void **state)
{
	static const struct {
		uint32_t depth;
		bool far;
	} cases[] = {{20, true}, {6, true}, {5, false}, {1, false}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct profile *p = server(cases[i].depth);

		assert_int_equal(user_start__is_far(&(struct view){0}, p), cases[i].far);
		profile__free(p);
	}
	assert_false(user_start__is_far(&(struct view){0}, small));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_named_as_py_spy_names_them),
		cmocka_unit_test(roots_are_named),
		cmocka_unit_test(functions_have_their_module),
		cmocka_unit_test(frames_fold_into_their_function),
		cmocka_unit_test(process_roots_only_where_needed),
		cmocka_unit_test(small_tree_is_right),
		cmocka_unit_test(random_trees_are_right),
		cmocka_unit_test(nothing_gives_a_lone_root),
		cmocka_unit_test(marks_and_colours_reach_the_nodes),
		cmocka_unit_test(roots_of_a_program_are_one),
		cmocka_unit_test(common_roots_have_no_row),
		cmocka_unit_test(trees_may_begin_with_the_users_code),
		cmocka_unit_test(far_is_behind_many_frames_of_libraries),
		cmocka_unit_test(a_large_tree),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
