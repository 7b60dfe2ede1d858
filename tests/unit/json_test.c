/* SPDX-License-Identifier: MIT */
/*
 * Our JSON, written and read back: every other output must come out byte for byte the same from
 * either; what others write is read too; what is wrong is refused with its line. Python's reader
 * and the schema are in tests/live/test_formats.py.
 */
#include "tests/unit/whole.h"
#include "tests/unit/make_profile.h"
#include "tests/unit/small_profile.h"
#include "user/format/format.h"
#include "user/profile/loss_words.h"
#include "user/util/alloc.h"
#include <errno.h>

static char path[] = "/tmp/json_test.XXXXXX";

static int make_file(void **state)
{
	(void)state;
	close(mkstemp(path));
	return 0;
}

static int remove_file(void **state)
{
	(void)state;
	return remove(path);
}

static char *written(const struct format *f, const struct profile *p, const struct view *v)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_int_equal(f->write(p, v, out), 0);
	fclose(out);
	/* pstats holds zero bytes: make it comparable as text */
	for (size_t i = 0; i < len; i++)
		if (!text[i])
			text[i] = 1;
	return text;
}

static void put_file(const char *text)
{
	FILE *out = fopen(path, "w");

	fputs(text, out);
	fclose(out);
}

/* What the reader says on stderr goes to `said`. */
static int read_file(struct profile **p, char *said, size_t size)
{
	FILE *log = tmpfile();
	int err, old = dup(STDERR_FILENO);
	size_t n;

	dup2(fileno(log), STDERR_FILENO);
	err = format_read(path, p);
	dup2(old, STDERR_FILENO);
	close(old);
	rewind(log);
	n = fread(said, 1, size - 1, log);
	said[n] = 0;
	fclose(log);
	return err;
}

static struct profile *read_text(const char *text)
{
	struct profile *p;
	char said[512];

	put_file(text);
	if (read_file(&p, said, sizeof(said)))
		fail_msg("%s", said);
	return p;
}

static void assert_same(const struct format *f, const struct profile *a, const struct profile *b, const struct view *v)
{
	__cleanup_free char *x = written(f, a, v);
	__cleanup_free char *y = written(f, b, v);

	if (strcmp(x, y)) {
		size_t i = 0;

		while (x[i] == y[i])
			i++;
		i = i > 60 ? i - 60 : 0;
		fail_msg("%s differs:\n…%.200s\n…%.200s", f->name, x + i, y + i);
	}
}

/* Every text format in every view from either must be the same bytes. */
static void check_round_trip(struct profile *p)
{
	static const struct format *const outputs[] = {&format_pstats, &format_folded, &format_svg, &format_json};
	__cleanup_free char *text = written(&format_json, p, &(struct view){0});
	struct profile *back = read_text(text);

	assert_int_equal(back->sample_cnt, p->sample_cnt);
	assert_int_equal(whole_value(back), whole_value(p));
	assert_int_equal(back->truncated_cnt, p->truncated_cnt);
	assert_int_equal(loss_total(back), loss_total(p));
	for (unsigned bits = 0; bits < 32; bits++) {
		struct view v = {
			.threads = bits & 1,
			.by_function = bits & 2,
			.no_lines = bits & 4,
			.full_filenames = bits & 8,
			.gil_only = bits & 16,
		};

		for (size_t i = 0; i < ARRAY_SIZE(outputs); i++)
			assert_same(outputs[i], p, back, &v);
	}
	profile__free(back);
	profile__free(p);
}

static void a_small_profile_comes_back(void **state)
{
	(void)state;
	check_round_trip(small_profile());
}

static void a_service_comes_back(void **state)
{
	struct make_options o = {3, 2, 90, 40, "</script><svg onload=alert(1)>;\x1b[31m\"\\", NULL, true, 0};

	(void)state;
	check_round_trip(make_profile(&o));
}

static void nothing_comes_back(void **state)
{
	(void)state;
	check_round_trip(profile_builder__finish(profile_builder__new(true)));
}

/*
 * Names that are equal though their functions are not, by file, by
 * line, by where the module ends.
 */
static void equal_names_stay_apart(void **state)
{
	static const struct profile_function functions[] = {
		{1, "b.c", "a", "/x/a.py", "a.py", 1, PROFILE_USER, PROFILE_PYTHON},
		{2, "c", "a.b", "/x/a/b.py", "a/b.py", 1, PROFILE_SITE, PROFILE_PYTHON},
		{3, "c", "a.b", "/x/a/b.py", "a/b.py", 9, PROFILE_SITE, PROFILE_PYTHON},
		{4, "a.b.c", "", "", "", 0, PROFILE_STDLIB, PROFILE_PYTHON},
		{5, "a.b.c", "", "/y", "y", 0, PROFILE_USER, PROFILE_PYTHON},
		{6, "", "a.b.c", "/y", "y", -3, PROFILE_USER, PROFILE_PYTHON},
	};
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink to = profile_builder__sink(b);
	uint32_t stack = 0;

	(void)state;
	tell_meta(to, true);
	emit_process(to, 1, 1, "x");
	emit_thread(to, 1, 1, "t");
	emit_thread(to, 2, 1, "t"); /* another thread of the same name */
	for (uint32_t i = 0; i < ARRAY_SIZE(functions); i++) {
		to.ops->function(to.ctx, &functions[i]);
		tell_frame(to, 2 * i + 1, i + 1, (int32_t)i);
		tell_frame(to, 2 * i + 2, i + 1, -7);
	}
	for (uint32_t i = 1; i <= 12; i++, stack++)
		tell_stack(to, i, stack, i);
	for (uint32_t i = 0; i < 60; i++)
		emit_sample(to, i, 1 + i % 2, 1 + i % 12);
	check_round_trip(profile_builder__finish(b));
}

/* What jq, sorting and pretty-printing do to a file: other spaces, other order, tables last. */
static void order_does_not_matter(void **state)
{
	struct profile *p = read_text("{\"samples\": [\n  {\"lines\": [3, 9], \"stack\": [\"m.f\", \"m.g\"],\n"
				      "   \"thread\": 0, \"thread_id\": 7, \"value\": 1e-2, \"gil\": false}],\n"
				      " \"functions\": {\"m.g\": {\"line\": 8, \"module\": \"m\", \"file\": \"/m.py\"},"
				      " \"m.f\": {\"file\": \"/m.py\", \"module\": \"m\", \"line\": 2.0}},\n"
				      " \"threads\": [{\"name\": \"main\", \"thread_id\": 7, \"process\": 0}],\n"
				      " \"processes\": [{\"command\": \"app\", \"pid\": 5}], \"rate\": null, \"new\": "
				      "[{}]}");
	__cleanup_free char *folded = written(&format_folded, p, &(struct view){.threads = true});

	(void)state;
	assert_string_equal(folded, "thread (7): main;f (/m.py:3);g (/m.py:9) 10000000\n");
	assert_int_equal(whole_value(p), 10000000);
	assert_int_equal(p->processes[1].pid, 5);
	profile__free(p);
}

static void others_are_read(void **state)
{
	struct profile *p = read_text("{\"process_name\": \"app.py\", \"samples\": ["
				      "{\"thread_id\": 140234567890123, \"stack\": [\"main\", \"m.work\"], "
				      "\"timestamp\": 1700000000.5},"
				      "{\"thread_id\": \"io\", \"stack\": [\"main\"], \"timestamp\": 1700000002.5}],"
				      "\"functions\": {\"main\": {\"samples\": 2, \"time\": 0.5}, \"m.work\": "
				      "{\"samples\": 1, \"time\": 0.25}}}");
	__cleanup_free char *folded = written(&format_folded, p, &(struct view){.threads = true});

	(void)state;
	assert_non_null(strstr(folded, "140234567890123;main;m.work 250000000\n"));
	assert_non_null(strstr(folded, "thread (0): io;main 250000000\n"));
	assert_int_equal(whole_value(p), 500000000); /* 0.75 s ÷ 3 for each of two */
	assert_string_equal(p->processes[1].command, "app.py");
	assert_string_equal(p->meta.target, "app.py");
	assert_int_equal(p->meta.start_unix_ns, 1700000000500000000u);
	assert_int_equal(p->meta.duration_ns, 2000000000u);
	assert_true(p->meta.complete);
	profile__free(p);

	p = read_text("{\"rate\": 50, \"samples\": [{\"stack\": [\"f\"]}]}");
	assert_int_equal(whole_value(p), 20000000);
	profile__free(p);
}

static const struct {
	const char *text, *says;
} wrong[] = {
	{"{", "line 1, byte 1: the text ends too early"},
	{"{\"samples\":[]} x", "something follows the end"},
	{"{\"samples\":[],}", "line 1, byte"},
	{" {\n\n \"samples\": [{]}", "line 3, byte"},
	{"{\"rate\": \"x\", \"samples\": []}", "rate: must be a number"},
	{"{\"rate\": -1, \"samples\": []}", "rate: must be a number"},
	{"{\"rate\": 1e999, \"samples\": []}", "rate: must be a number"},
	{"{\"rate\": [], \"samples\": []}", "rate: must be a number"},
	{"{}", "no \"samples\""},
	{"{\"samples\": {}}", "samples: must be a list"},
	{"{\"samples\": [1]}", "samples[0]: must be an object"},
	{"{\"samples\": [[1]]}", "samples[0]: must be an object"},
	{"{\"functions\": [], \"samples\": []}", "functions: must be an object"},
	{"{\"functions\": {\"f\": 1}, \"samples\": []}", "functions.f: must be an object"},
	{"{\"functions\": {\"f\": {}, \"f\": {}}, \"samples\": []}", "\"f\" is there twice"},
	{"{\"samples\": [{}]}", "no \"stack\""},
	{"{\"samples\": [{\"stack\": \"f\"}]}", "stack: must be a list"},
	{"{\"samples\": [{\"stack\": [1]}]}", "samples[0].stack[0]: must be a string"},
	{"{\"samples\": [{\"stack\": [\"f\", null]}]}", "samples[0].stack[1]: must be a string"},
	{"{\"samples\": [{\"stack\": [\"f\"], \"lines\": [1, 2]}]}", "\"lines\" has 2 entries and \"stack\" 1"},
	{"{\"samples\": [{\"stack\": [\"f\"], \"lines\": [1.5]}]}", "samples[0].lines[0]: must be a whole number"},
	{"{\"samples\": [{\"stack\": [\"f\"], \"lines\": [99999999999]}]}", "samples[0].lines[0]: must be a whole"},
	{"{\"samples\": [{\"stack\": [\"f\"], \"which\": [3]}]}", "\"f\" has no variant 3"},
	{"{\"samples\": [{\"stack\": [\"f\"], \"which\": [-1]}]}", "\"f\" has no variant -1"},
	{"{\"samples\": [{\"stack\": [\"f\"], \"thread\": 4}]}", "no thread 4"},
	{"{\"samples\": [{\"stack\": [\"f\"], \"pid\": 4294967296}]}", "samples[0].pid: must be a whole number"},
	{"{\"samples\": [{\"stack\": [\"f\"], \"pid\": 1.5}]}", "samples[0].pid: must be a whole number"},
	{"{\"samples\": [{\"stack\": [\"f\"], \"value\": -0.1}]}", "value: must be a number of seconds"},
	{"{\"samples\": [{\"stack\": [\"f\"], \"timestamp\": 1e30}]}", "timestamp: must be"},
	{"{\"samples\": [{\"stack\": [\"f\"], \"gil\": 1}]}", "gil: must be true or false"},
	{"{\"samples\": [{\"stack\": [\"\xff\"]}]}", "not valid UTF-8"},
	{"{\"threads\": [{\"process\": 2}], \"samples\": []}", "there is no process 2"},
	{"{\"samples\": [], \"samples\": []}", "\"samples\" is there twice"},
	{"{\"schema\": \"pybpfprof/2\", \"samples\": []}", "newer version"},
	{"{\"rate\": 1111111111111111111111111111111111111111111111111111111111111111, "
	 "\"samples\": []}",
	 "too many digits"},
};

static void what_is_wrong_is_said(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct profile *p = NULL;
		char said[512];

		put_file(wrong[i].text);
		if (!read_file(&p, said, sizeof(said)))
			fail_msg("taken: %s", wrong[i].text);
		assert_null(p);
		if (!strstr(said, wrong[i].says) || !strstr(said, path))
			fail_msg("%s\nsays %snot %s", wrong[i].text, said, wrong[i].says);
	}
}

static void put_repeated(const char *before, const char *middle, int times, const char *after)
{
	FILE *out = fopen(path, "w");

	fputs(before, out);
	while (times--)
		fputs(middle, out);
	fputs(after, out);
	fclose(out);
}

static void sizes_are_bounded(void **state)
{
	struct profile *p = NULL;
	char said[512];

	(void)state;
	put_repeated("{\"x\":", "[", 200000, "");
	assert_int_not_equal(read_file(&p, said, sizeof(said)), 0);
	assert_non_null(strstr(said, "nested too deeply"));
	put_repeated("{\"samples\":[{\"stack\":[\"f\"", ",\"f\"", 5000, "]}]}");
	assert_int_not_equal(read_file(&p, said, sizeof(said)), 0);
	assert_non_null(strstr(said, "more than 4096 entries"));
	put_repeated("{\"x\": \"", "0123456789", 1000000, "");
	assert_int_not_equal(read_file(&p, said, sizeof(said)), 0);
	assert_non_null(strstr(said, "byte 10000007: the text ends too early"));
	/* a long name is cut, not refused; what nobody asks for may be of any length */
	put_repeated("{\"samples\":[{\"new\":\"", "0123456789", 1000000, "\",\"stack\":[\"f\"]}]}");
	assert_int_equal(read_file(&p, said, sizeof(said)), 0);
	profile__free(p);
	put_repeated("{\"samples\":[{\"stack\":[\"", "0123456789", 10000, "\"]}]}");
	assert_int_equal(read_file(&p, said, sizeof(said)), 0);
	assert_int_equal(strlen(p->functions[1].name), 65536);
	profile__free(p);
}

static int stop_at_third(void *arg, const struct profile_sample *s)
{
	(void)s;
	return ++*(int *)arg == 3 ? -EINTR : 0;
}

/* Whoever goes through the samples can stop, and the file may be gone by then. */
static void samples_are_read_again(void **state)
{
	struct make_options o = {1, 1, 30, 10, NULL, NULL, false, 0};
	struct profile *made = make_profile(&o), *p;
	__cleanup_free char *text = written(&format_json, made, &(struct view){0});
	int seen = 0;

	(void)state;
	p = read_text(text);
	remove(path);
	assert_int_equal(profile__each_sample(p, stop_at_third, &seen), -EINTR);
	assert_int_equal(seen, 3);
	seen = 10;
	assert_int_equal(profile__each_sample(p, stop_at_third, &seen), 0);
	assert_int_equal(seen, 10 + (int)p->sample_cnt);
	profile__free(p);
	profile__free(made);
	put_file("");
}

/* A file that changes between two passes must not lead to ids that nothing defined. */
static void a_changed_file_is_noticed(void **state)
{
	struct profile *p = read_text("{\"samples\": [{\"stack\": [\"f\"]}]}");
	int seen = 10, old = dup(STDERR_FILENO);

	(void)state;
	put_file("{\"samples\": [{\"stack\": [\"g\"]}]}");
	close(STDERR_FILENO);
	assert_true(profile__each_sample(p, stop_at_third, &seen) < 0);
	dup2(old, STDERR_FILENO);
	close(old);
	assert_int_equal(seen, 10);
	profile__free(p);
}

/* Memory must not grow with the samples: 600,000 of them are 120 MB of JSON. */
static void many_samples(void **state)
{
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink to = profile_builder__sink(b);
	struct profile *p;
	double start = seconds_now(), before;
	FILE *out;

	(void)state;
	tell_small(to);
	for (uint32_t i = 0; i < 600000; i++)
		emit_sample(to, i, 1 + i % 3, 2 + i % 3);
	p = profile_builder__finish(b);
	before = rss_mb();
	out = fopen(path, "w");
	assert_int_equal(format_json.write(p, &(struct view){0}, out), 0);
	print_message("%.0f MB written in %.2f s, %.1f MB more memory\n", (double)ftell(out) / 1e6,
		      seconds_now() - start, rss_mb() - before);
	assert_true(rss_mb() - before < 10);
	fclose(out);
	profile__free(p);
	before = rss_mb();
	start = seconds_now();
	assert_int_equal(format_read(path, &p), 0);
	print_message("read in %.2f s, %.1f MB more memory\n", seconds_now() - start, rss_mb() - before);
	assert_true(rss_mb() - before < 10);
	assert_int_equal(p->sample_cnt, 600040);
	profile__free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_small_profile_comes_back),
		cmocka_unit_test(a_service_comes_back),
		cmocka_unit_test(nothing_comes_back),
		cmocka_unit_test(equal_names_stay_apart),
		cmocka_unit_test(order_does_not_matter),
		cmocka_unit_test(others_are_read),
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(samples_are_read_again),
		cmocka_unit_test(a_changed_file_is_noticed),
		cmocka_unit_test(many_samples),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
