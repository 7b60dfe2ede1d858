/* SPDX-License-Identifier: MIT */
/*
 * Callgrind files, added up as its readers do: own cost is the sum of a function's lines, its total
 * is what all calls into it cost. The totals to compare with come from profile/totals.h.
 */
#include "tests/unit/make_profile.h"
#include "tests/unit/views.h"
#include "user/profile/function_ids.h"
#include "user/profile/totals.h"
#include "user/util/alloc.h"
#include "user/util/intern.h"

struct function {
	uint64_t own_ns, own_samples, total_ns, total_samples, calls;
};

struct file {
	struct intern *functions; /* "file:name" */
	struct function *rows;
	char *texts[2][4096]; /* names by id: of files, of functions */
	uint64_t sum_ns, sum_samples;
};

/* "(3) name" or "(3)" */
static const char *named(struct file *f, bool is_file, char *text)
{
	char *end;
	unsigned long id = strtoul(text + 1, &end, 10);

	assert_int_equal(text[0], '(');
	assert_true(id < 4096 && *end == ')');
	if (end[1] == ' ') {
		assert_null(f->texts[is_file][id]); /* said once */
		f->texts[is_file][id] = end + 2;
	}
	assert_non_null(f->texts[is_file][id]);
	return f->texts[is_file][id];
}

static struct function *row_of(struct file *f, const char *file, const char *name)
{
	__cleanup_free char *key = xasprintf("%s:%s", file, name);
	uint32_t id = intern__id(f->functions, key, strlen(key));

	assert_true(id < 8192);
	return &f->rows[id];
}

static void read_cost(struct file *f, char *line, struct function *own, struct function **callee)
{
	unsigned long long ns, samples;
	int at;

	assert_int_equal(sscanf(line, "%d %llu %llu", &at, &ns, &samples), 3);
	assert_true(at >= 0);
	if (*callee) {
		(*callee)->total_ns += ns;
		(*callee)->total_samples += samples;
		*callee = NULL;
		return;
	}
	own->own_ns += ns;
	own->own_samples += samples;
	f->sum_ns += ns;
	f->sum_samples += samples;
}

/* Everything behind the header; the text is taken apart in place. */
static void read_body(struct file *f, char *text)
{
	const char *file = NULL, *callee_file = NULL;
	struct function *own = NULL, *callee = NULL;
	char *line;

	while ((line = strsep(&text, "\n"))) {
		if (!strncmp(line, "fl=", 3))
			file = named(f, true, line + 3);
		else if (!strncmp(line, "fn=", 3))
			own = row_of(f, file, named(f, false, line + 3));
		else if (!strncmp(line, "cfi=", 4))
			callee_file = named(f, true, line + 4);
		else if (!strncmp(line, "cfn=", 4)) {
			callee = row_of(f, callee_file ? callee_file : file, named(f, false, line + 4));
			callee_file = NULL;
		} else if (!strncmp(line, "calls=", 6)) {
			assert_non_null(callee);
			callee->calls += strtoull(line + 6, NULL, 10);
			assert_true(strtoull(line + 6, NULL, 10) > 0);
		} else if (*line) {
			read_cost(f, line, own, &callee);
		}
	}
}

static void check(const struct profile *p, const struct view *v)
{
	struct buf out = written(&format_callgrind, p, v);
	struct profile_bucket want = sum_of(p, v);
	__cleanup_free char *summary = xasprintf("events: CPU_ns Samples\nsummary: %llu %llu\n",
						 (unsigned long long)want.value, (unsigned long long)want.samples);
	struct file *f = xcalloc(1, sizeof(*f));
	char *body = strstr(out.data, summary);
	struct function_ids *places = function_ids__new(v, p);
	uint32_t *groups = xcalloc((size_t)p->frame_cnt + 1, sizeof(*groups));
	struct totals *t;

	assert_non_null(body);
	f->functions = intern__new();
	f->rows = xcalloc(8192, sizeof(*f->rows));
	read_body(f, body + strlen(summary));
	assert_int_equal(f->sum_ns, want.value);
	assert_int_equal(f->sum_samples, want.samples);
	for (uint32_t i = 1; i <= p->frame_cnt; i++)
		groups[i] = places->of_function[p->frames[i].function];
	t = totals__new(v, p, groups, places->cnt);
	for (uint32_t i = 1; i <= places->cnt; i++) {
		const struct profile_function *function = &p->functions[places->function[i]];
		const struct function *row =
			row_of(f, *function->file ? function->file : "???", view__name(p, places->function[i]));

		assert_int_equal(row->own_ns, t->rows[i].own_value);
		assert_int_equal(row->own_samples, t->rows[i].own_samples);
		assert_int_equal(row->total_ns, t->rows[i].value);
		assert_int_equal(row->total_samples, t->rows[i].samples);
		assert_true(row->calls >= t->rows[i].samples);
	}
	totals__free(t);
	free(groups);
	function_ids__free(places);
	intern__free(f->functions);
	free(f->rows);
	free(f);
	buf_free(&out);
}

static void small_adds_up(void **state)
{
	struct profile *p = small_profile();

	(void)state;
	for (size_t i = 0; i < TEST_VIEWS; i++)
		check(p, &test_views[i]);
	profile__free(p);
}

/* Its call graph has cycles of every kind. */
static void service_adds_up(void **state)
{
	const struct make_options o = {.processes = 3, .threads = 2, .stacks = 200, .depth = 60, .losses = true};
	struct profile *p = make_profile(&o);

	(void)state;
	for (size_t i = 0; i < TEST_VIEWS; i++)
		check(p, &test_views[i]);
	profile__free(p);
}

static void nothing_is_a_file(void **state)
{
	struct profile *p = empty_profile();
	const struct view v = {0};

	(void)state;
	check(p, &v);
	profile__free(p);
}

/* Names that look like the syntax, and several of one name in one file. */
static void odd_names(void **state)
{
	static const char *const names[] = {"(7) x", "  ", "", "f", "f", "f:40", "calls=3 4"};
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink to = profile_builder__sink(b);
	struct profile *p;
	struct buf out;

	(void)state;
	tell_meta(to, true);
	emit_process(to, 1, 42, "fn=(1)");
	emit_thread(to, 1, 1, "");
	for (uint32_t i = 1; i <= ARRAY_SIZE(names); i++) {
		emit_function(to, i, names[i - 1], "/x/y.py");
		tell_frame(to, i, i, (int32_t)i);
		tell_stack(to, i, i - 1, i);
	}
	emit_sample(to, 0, 1, ARRAY_SIZE(names));
	p = profile_builder__finish(b);
	out = written(&format_callgrind, p, &test_views[0]);
	/* the two named f have their lines, and neither is what a third is called already */
	assert_non_null(strstr(out.data, ") (7) x\n"));
	assert_non_null(strstr(out.data, ") [blank]\n"));
	assert_non_null(strstr(out.data, ") [unnamed]\n"));
	assert_non_null(strstr(out.data, ") f:50\n"));
	assert_non_null(strstr(out.data, ") f:40#2\n"));
	assert_non_null(strstr(out.data, ") f:40\n"));
	assert_null(strstr(out.data, "\ncalls=3"));
	buf_free(&out);
	profile__free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_adds_up),
		cmocka_unit_test(service_adds_up),
		cmocka_unit_test(nothing_is_a_file),
		cmocka_unit_test(odd_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
