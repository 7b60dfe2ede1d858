/* SPDX-License-Identifier: MIT */
/*
 * Folded stacks, read back by a parser that keeps to the readers' rules (flamegraph.pl, inferno:
 * the number, CPU nanoseconds, is the last word, a number before it would be a second count, frames are split at ';').
 */
#include "tests/unit/small_profile.h"
#include "user/format/format.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include <ctype.h>

static struct buf fold(const struct profile *p, const struct view *v)
{
	struct buf out = {0};
	FILE *f = open_memstream(&out.data, &out.len);

	assert_int_equal(format_folded.write(p, v, f), 0);
	fclose(f);
	return out;
}

struct line {
	char *frames[64];
	size_t depth;
	uint64_t ns;
};

/* Takes the last word off when it is a number, then blanks, as inferno does. */
static bool parse_number(char *text, uint64_t *out)
{
	char *blank = strrchr(text, ' ');

	if (!blank || !blank[1] || blank[1 + strspn(blank + 1, "0123456789.")])
		return false;
	*out = strtoull(blank + 1, NULL, 10);
	while (blank >= text && *blank == ' ')
		*blank-- = 0;
	return true;
}

/* Splits the text in place. */
static size_t parse(char *text, struct line *lines, size_t max)
{
	size_t n = 0;
	char *line;

	while (text && (line = strsep(&text, "\n")) && *line) {
		struct line *l = &lines[n++];
		uint64_t second;
		char *frame;

		assert_true(n <= max);
		assert_true(parse_number(line, &l->ns));
		assert_false(parse_number(line, &second));
		assert_true(l->ns > 0);
		for (l->depth = 0; (frame = strsep(&line, ";")); l->depth++) {
			assert_true(l->depth < 64 && *frame && strcmp(frame, " "));
			l->frames[l->depth] = frame;
		}
	}
	return n;
}

/* Order of stacks frame by frame, as inferno's check for sorted input has it. */
static int compare_lines(const struct line *a, const struct line *b)
{
	for (size_t i = 0; i < a->depth && i < b->depth; i++) {
		int c = strcmp(a->frames[i], b->frames[i]);

		if (c)
			return c;
	}
	return (a->depth > b->depth) - (a->depth < b->depth);
}

/* The lines add up to the time of the profile's samples, to the nanosecond. */
static void check(const struct profile *p, const struct view *v)
{
	struct line *lines = xcalloc(p->bucket_cnt + 1, sizeof(*lines));
	struct buf out = fold(p, v);
	size_t n = parse(out.data, lines, p->bucket_cnt);
	uint64_t sum = 0, want = 0;

	for (size_t i = 0; i < n; i++) {
		sum += lines[i].ns;
		if (i)
			assert_true(compare_lines(&lines[i - 1], &lines[i]) < 0);
	}
	for (size_t i = 0; i < p->bucket_cnt; i++)
		want += v->gil_only ? p->buckets[i].gil_value : p->buckets[i].value;
	assert_int_equal(sum, want);
	buf_free(&out);
	free(lines);
}

static void small_reads_back(void **state)
{
	/* Sample i < 40 has thread 1 + i % 3 (the third is of process 43) and stack i % 4, and stands for
	 * 1 + i % 10 ms and i % 3 ns. */
	static const char want[] =
		"process 42:\"python3 app.py\";[truncated];Worker.work (worker.py:23) 48000003\n"
		"process 42:\"python3 app.py\";main (app.py:11);Worker.work (worker.py:22) 37000003\n"
		"process 42:\"python3 app.py\";main (app.py:11);Worker.work (worker.py:22);"
		"</script><svg onload=…>:\\x1b[31m (evil.py:33) 26000003\n"
		"process 42:\"python3 app.py\";main (app.py:11);Worker.work (worker.py:23) 36000004\n";
	struct profile *p = small_profile();
	struct view v = {0};
	struct buf out = fold(p, &v);

	(void)state;
	assert_memory_equal(out.data, want, sizeof(want) - 1);
	assert_non_null(strstr(out.data, "\nprocess 43:\"</script><svg onload=…>:\\x1b[31m\";"));
	buf_free(&out);
	check(p, &v);
	v.threads = true;
	check(p, &v);
	v.gil_only = true;
	check(p, &v);
	v = (struct view){.no_lines = true};
	check(p, &v);
	out = fold(p, &v);
	assert_non_null(strstr(out.data, "main (app.py);Worker.work (worker.py) 73000007\n"));
	buf_free(&out);
	profile__free(p);
}

/* One process and thread, one stack per name, each sampled once; names are alone in their frame. */
static struct profile *named(const char *const *names, uint32_t n)
{
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink to = profile_builder__sink(b);

	emit_process(to, 1, 1, "x");
	emit_thread(to, 1, 1, "t");
	emit_function(to, 1, "main", "main.py");
	tell_frame(to, 1, 1, 1);
	tell_stack(to, 1, 0, 1);
	for (uint32_t i = 0; i < n; i++) {
		emit_function(to, i + 2, names[i], "");
		tell_frame(to, i + 2, i + 2, 1);
		tell_stack(to, 2 * i + 2, 1, i + 2);
		tell_stack(to, 2 * i + 3, 2 * i + 2, 1);
		emit_sample(to, i, 1, 2 * i + 2);
		emit_sample(to, i, 1, 2 * i + 3);
	}
	return profile_builder__finish(b);
}

static void hostile_names_break_no_line(void **state)
{
	static const char *const names[] = {
		"a;b", "a:b",   ";",        "line\nbreak 7", "x 12",           "x 1.5", "x .", " ",  "",
		"12",  HOSTILE, "tab\tnul", "# comment",     "\xe2\x80\xa8 7", "a b",   "a",   "\r", "trailing 9 ",
	};
	struct profile *p = named(names, ARRAY_SIZE(names));
	struct view v = {0};
	struct buf out = fold(p, &v);

	(void)state;
	check(p, &v);
	/* What only the separator told apart is one stack. */
	assert_non_null(strstr(out.data, "main (main.py:1);a:b 3000001\n"));
	assert_non_null(strstr(out.data, "main (main.py:1);a:b;main (main.py:1) 3000001\n"));
	assert_non_null(strstr(out.data, "main (main.py:1);x_12 5000001\n"));
	for (size_t i = 0; i < out.len; i++)
		assert_true(out.data[i] == '\n' || !iscntrl((unsigned char)out.data[i]));
	buf_free(&out);
	profile__free(p);
}

static void an_empty_profile_is_an_empty_file(void **state)
{
	struct profile *p = profile_builder__finish(profile_builder__new(true));
	struct view v = {0};
	struct buf out = fold(p, &v);

	(void)state;
	assert_int_equal(out.len, 0);
	buf_free(&out);
	profile__free(p);
}

static void a_full_disk_is_an_error(void **state)
{
	struct profile *p = small_profile();
	struct view v = {0};
	FILE *f = fopen("/dev/full", "w");

	(void)state;
	setvbuf(f, NULL, _IONBF, 0);
	assert_true(format_folded.write(p, &v, f) < 0);
	fclose(f);
	profile__free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_reads_back),
		cmocka_unit_test(hostile_names_break_no_line),
		cmocka_unit_test(an_empty_profile_is_an_empty_file),
		cmocka_unit_test(a_full_disk_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
