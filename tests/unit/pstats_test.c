/* SPDX-License-Identifier: MIT */
/*
 * pstats, decoded here by a reader of just those marshal codes that every CPython from 3.6 on
 * takes: anything else fails. That the numbers are right is seen against the samples in
 * tests/live/test_formats.py, and that real readers open it.
 */
#include "tests/unit/whole.h"
#include "tests/unit/small_profile.h"
#include "user/format/format.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"

struct numbers {
	uint64_t cc, nc;
	double tt, ct;
};

struct row {
	char *file, *name;
	uint64_t line;
	struct numbers sum;
	struct row *callers;
	size_t caller_cnt;
};

static void expect(struct cursor *c, char code)
{
	assert_int_equal(cursor_u8(c), code);
	assert_false(c->bad);
}

static uint32_t read_u32(struct cursor *c)
{
	uint32_t v = 0;
	const void *at = cursor_bytes(c, sizeof(v));

	assert_non_null(at);
	memcpy(&v, at, sizeof(v));
	return v;
}

static char *read_text(struct cursor *c)
{
	uint32_t len;

	expect(c, 'u');
	len = read_u32(c);
	return xstrndup(cursor_bytes(c, len), len);
}

static uint64_t read_int(struct cursor *c)
{
	uint8_t code = cursor_u8(c);
	uint64_t v = 0;
	uint32_t n;

	if (code == 'i') {
		n = read_u32(c);
		assert_true(n <= INT32_MAX);
		return n;
	}
	assert_int_equal(code, 'l');
	n = read_u32(c);
	assert_in_range(n, 1, 5);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t digit = cursor_u8(c);

		digit |= (uint32_t)cursor_u8(c) << 8;
		assert_true(digit < 1 << 15);
		assert_true(i + 1 < n || digit); /* marshal refuses a leading zero */
		v |= (uint64_t)digit << (15 * i);
	}
	return v;
}

static double read_double(struct cursor *c)
{
	double v;

	expect(c, 'g');
	memcpy(&v, cursor_bytes(c, sizeof(v)), sizeof(v));
	return v;
}

static void read_key(struct cursor *c, struct row *r)
{
	expect(c, '(');
	assert_int_equal(read_u32(c), 3);
	r->file = read_text(c);
	r->line = read_int(c);
	r->name = read_text(c);
}

static struct numbers read_numbers(struct cursor *c, uint32_t tuple)
{
	struct numbers n;

	expect(c, '(');
	assert_int_equal(read_u32(c), tuple);
	n.cc = read_int(c);
	n.nc = read_int(c);
	n.tt = read_double(c);
	n.ct = read_double(c);
	return n;
}

/* The rows of a dict; those of the outer one have callers. */
static struct row *read_dict(struct cursor *c, size_t *cnt, bool outer)
{
	struct row *rows = NULL;
	size_t cap = 0;

	*cnt = 0;
	expect(c, '{');
	while (cursor_left(c) && *c->at != '0') {
		struct row r = {0};

		read_key(c, &r);
		r.sum = read_numbers(c, outer ? 5 : 4);
		if (outer)
			r.callers = read_dict(c, &r.caller_cnt, false);
		xgrow(rows, *cnt, cap);
		rows[(*cnt)++] = r;
	}
	expect(c, '0');
	return rows;
}

static void free_rows(struct row *rows, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		free(rows[i].file);
		free(rows[i].name);
		if (rows[i].callers)
			free_rows(rows[i].callers, rows[i].caller_cnt);
	}
	free(rows);
}

static struct row *write_and_read(const struct profile *p, const struct view *v, size_t *cnt)
{
	char *bytes = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&bytes, &len);
	struct cursor c;
	struct row *rows;

	assert_int_equal(format_pstats.write(p, v, out), 0);
	fclose(out);
	c = cursor_of(bytes, len);
	rows = read_dict(&c, cnt, true);
	assert_int_equal(cursor_left(&c), 0);
	free(bytes);
	return rows;
}

static const struct row *find(const struct row *rows, size_t cnt, const char *name)
{
	for (size_t i = 0; i < cnt; i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	fail_msg("no row %s", name);
	return NULL;
}

static double sum_own(const struct row *rows, size_t cnt)
{
	double sum = 0;

	for (size_t i = 0; i < cnt; i++)
		sum += rows[i].sum.tt;
	return sum;
}

static void assert_near(double a, double b)
{
	if (!(a - b < 1e-9 && b - a < 1e-9))
		fail_msg("%.12f is not %.12f", a, b);
}

static uint64_t held_ns(const struct profile *p)
{
	uint64_t held = 0;

	for (size_t i = 0; i < p->bucket_cnt; i++)
		held += p->buckets[i].gil_value;
	return held;
}

static void rows_are_functions(void **state)
{
	struct profile *p = small_profile();
	const struct row *main_row, *work, *mark;
	struct row *rows;
	size_t cnt;

	(void)state;
	rows = write_and_read(p, &(struct view){0}, &cnt);
	assert_int_equal(cnt, 4);
	main_row = find(rows, cnt, "main");
	work = find(rows, cnt, "Worker.work");
	mark = find(rows, cnt, "[truncated]");
	assert_string_equal(main_row->file, "/srv/app/app.py");
	assert_int_equal(main_row->line, 10);
	assert_int_equal(main_row->sum.nc, 30);
	assert_int_equal(main_row->caller_cnt, 0);
	assert_near(main_row->sum.tt, 0);
	/* two lines of it, one row; on top of main and of the mark */
	assert_int_equal(work->sum.cc, 40);
	assert_int_equal(work->sum.nc, 40);
	assert_int_equal(work->caller_cnt, 2);
	assert_int_equal(find(work->callers, 2, "main")->sum.nc, 30);
	assert_int_equal(find(work->callers, 2, "[truncated]")->sum.nc, 10);
	assert_string_equal(mark->file, "~");
	assert_int_equal(mark->line, 0);
	assert_non_null(find(rows, cnt, "</script><svg onload=…>;\\x1b[31m"));
	assert_near(sum_own(rows, cnt), (double)whole_value(p) / 1e9);
	free_rows(rows, cnt);

	rows = write_and_read(p, &(struct view){.gil_only = true}, &cnt);
	assert_near(sum_own(rows, cnt), (double)held_ns(p) / 1e9);
	assert_int_equal(find(rows, cnt, "Worker.work")->sum.nc, 10);
	free_rows(rows, cnt);
	profile__free(p);
}

/* f calls itself and g, g calls f: once per sample and edge, own time at the leaf only. */
static void recursion_counts_once(void **state)
{
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink to = profile_builder__sink(b);
	const struct row *f, *g;
	struct row *rows;
	struct profile *p;
	size_t cnt;

	(void)state;
	emit_process(to, 1, 1, "x");
	emit_thread(to, 1, 1, "t");
	emit_function(to, 1, "f", "x.py");
	emit_function(to, 2, "g", "x.py");
	tell_frame(to, 1, 1, 1);
	tell_frame(to, 2, 1, 2);
	tell_frame(to, 3, 2, 1);
	for (uint32_t i = 1; i <= 6; i++) /* f f g f f g */
		tell_stack(to, i, i - 1, i % 3 ? i % 3 : 3);
	for (uint32_t i = 0; i < 3; i++)
		emit_sample(to, 3 * i, 1, 6);
	p = profile_builder__finish(b);
	rows = write_and_read(p, &(struct view){0}, &cnt);
	assert_int_equal(cnt, 2);
	f = find(rows, cnt, "f");
	g = find(rows, cnt, "g");
	assert_int_equal(f->sum.nc, 3);
	assert_int_equal(g->sum.nc, 3);
	assert_near(f->sum.ct, 0.012);
	assert_near(f->sum.tt, 0);
	assert_near(g->sum.tt, 0.012);
	assert_int_equal(f->caller_cnt, 2);
	assert_int_equal(g->caller_cnt, 1);
	assert_int_equal(find(f->callers, 2, "f")->sum.nc, 3);
	assert_int_equal(find(f->callers, 2, "g")->sum.nc, 3);
	assert_near(find(f->callers, 2, "g")->sum.ct, 0.012);
	assert_near(g->callers[0].sum.tt, 0.012);
	free_rows(rows, cnt);
	profile__free(p);
}

/* What two processes both run is one row; what differs in file or first line is not. */
static void keys_are_file_line_name(void **state)
{
	static const struct profile_function functions[] = {
		{1, "f", "a", "/a.py", "a.py", 1, PROFILE_USER, PROFILE_PYTHON},
		{2, "f", "b", "/a.py", "a.py", 1, PROFILE_USER, PROFILE_PYTHON},
		{3, "f", "a", "/b.py", "b.py", 1, PROFILE_USER, PROFILE_PYTHON},
		{4, "f", "a", "/a.py", "a.py", 2, PROFILE_USER, PROFILE_PYTHON},
		{5, "f", "a", "", "", 0, PROFILE_USER, PROFILE_PYTHON},
		{6, "f", "a", "/a.py", "a.py", -4, PROFILE_USER, PROFILE_PYTHON},
	};
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink to = profile_builder__sink(b);
	struct row *rows;
	struct profile *p;
	size_t cnt;

	(void)state;
	emit_process(to, 1, 1, "x");
	emit_thread(to, 1, 1, "t");
	for (uint32_t i = 1; i <= 6; i++) {
		to.ops->function(to.ctx, &functions[i - 1]);
		tell_frame(to, i, i, 7);
		tell_stack(to, i, 0, i);
		emit_sample(to, i, 1, i);
	}
	p = profile_builder__finish(b);
	rows = write_and_read(p, &(struct view){0}, &cnt);
	assert_int_equal(cnt, 5);
	/* sorted by file, line, name */
	assert_string_equal(rows[0].file, "/a.py");
	assert_int_equal(rows[0].line, 0);
	assert_int_equal(rows[1].sum.nc, 2);
	assert_int_equal(rows[2].line, 2);
	assert_string_equal(rows[3].file, "/b.py");
	assert_string_equal(rows[4].file, "~");
	free_rows(rows, cnt);
	profile__free(p);
}

/* More samples than 31 bits hold: only long recordings of large machines have them, so they are
 * made up. */
static void counts_can_be_large(void **state)
{
	static const uint64_t counts[] = {INT32_MAX,        INT32_MAX + 1ull, 1ull << 32,
					  (1ull << 45) - 1, 1ull << 45,       1ull << 60};
	struct profile *p = small_profile();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		struct row *rows;
		size_t cnt;

		for (size_t k = 0; k < p->bucket_cnt; k++)
			p->buckets[k].samples = 0;
		p->buckets[0].samples = counts[i];
		rows = write_and_read(p, &(struct view){0}, &cnt);
		assert_true(find(rows, cnt, "Worker.work")->sum.nc == counts[i]);
		free_rows(rows, cnt);
	}
	profile__free(p);
}

static void a_million_stacks(void **state)
{
	enum { STACKS = 1000000, FUNCTIONS = 20000 };
	struct profile_builder *b = profile_builder__new(false);
	struct profile_sink to = profile_builder__sink(b);
	FILE *out = fopen("/dev/null", "w");
	struct profile *p;
	double start, took;

	(void)state;
	emit_process(to, 1, 1, "x");
	emit_thread(to, 1, 1, "t");
	for (uint32_t i = 1; i <= FUNCTIONS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "f%u", i);
		emit_function(to, i, name, "/srv/app/some/file.py");
		tell_frame(to, i, i, 1);
	}
	for (uint32_t i = 1; i <= STACKS; i++)
		tell_stack(to, i, i > 3000 ? i - 3000 + i % 7 : 0,
			   1 + (uint32_t)((uint64_t)i * 2654435761u % FUNCTIONS));
	for (uint32_t i = 1; i <= STACKS; i++)
		emit_sample(to, i, 1, i);
	p = profile_builder__finish(b);
	start = seconds_now();
	assert_int_equal(format_pstats.write(p, &(struct view){0}, out), 0);
	took = seconds_now() - start;
	print_message("1,000,000 stacks up to %zu deep: %.2f s\n", profile__max_depth(p), took);
	assert_true(took < 30);
	fclose(out);
	profile__free(p);
}

/* pstats refuses an empty dict. */
static void nothing_is_a_row_that_says_so(void **state)
{
	struct profile *p = profile_builder__finish(profile_builder__new(true));
	struct row *rows;
	size_t cnt;

	(void)state;
	rows = write_and_read(p, &(struct view){0}, &cnt);
	assert_int_equal(cnt, 1);
	assert_string_equal(rows[0].name, "<no samples>");
	assert_int_equal(rows[0].caller_cnt, 0);
	free_rows(rows, cnt);
	profile__free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_functions),      cmocka_unit_test(recursion_counts_once),
		cmocka_unit_test(keys_are_file_line_name), cmocka_unit_test(counts_can_be_large),
		cmocka_unit_test(a_million_stacks),        cmocka_unit_test(nothing_is_a_row_that_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
