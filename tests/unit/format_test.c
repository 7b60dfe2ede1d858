/* SPDX-License-Identifier: MIT */
/* The table of formats: found by name, by suffix, by content; and what is said when none fits. */
#include "user/format/format.h"
#include "tests/unit/whole.h"
#include "tests/unit/small_profile.h"
#include "user/profile/loss_words.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/format_test.XXXXXX";

static int begin(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	return rmdir(dir);
}

static void every_row_is_whole(void **state)
{
	(void)state;
	for (size_t i = 0; formats[i]; i++) {
		const struct format *f = formats[i];

		assert_true(*f->name && *f->help && f->write);
		assert_int_equal(!f->read, !f->probe);
		assert_ptr_equal(format_by_name(f->name), f);
		for (size_t j = 0; f->suffixes[j]; j++) {
			__cleanup_free char *path = xasprintf("/a.b/out%s", f->suffixes[j]);

			assert_int_equal(f->suffixes[j][0], '.');
			assert_ptr_equal(format_by_suffix(path), f);
			assert_ptr_equal(format_by_name(f->suffixes[j] + 1), f);
		}
	}
}

static void names_of_py_spy_are_known(void **state)
{
	(void)state;
	assert_ptr_equal(format_by_name("flamegraph"), &format_svg);
	assert_ptr_equal(format_by_name("raw"), &format_folded);
	assert_ptr_equal(format_by_name("SVG"), &format_svg);
	assert_ptr_equal(format_by_name("pstats"), &format_pstats);
	assert_null(format_by_name("speed"));
	assert_null(format_by_name(""));
}

static void suffixes_decide(void **state)
{
	(void)state;
	assert_ptr_equal(format_by_suffix("x.PROF"), &format_pstats);
	assert_ptr_equal(format_by_suffix("a.svg.json"), &format_json);
	assert_ptr_equal(format_by_suffix("x.collapsed"), &format_folded);
	assert_ptr_equal(format_by_suffix("a.speedscope.json"), &format_speedscope);
	assert_ptr_equal(format_by_suffix("speedscope.json"), &format_json);
	assert_ptr_equal(format_by_suffix("a.pb.gz"), &format_pprof);
	assert_ptr_equal(format_by_suffix("a.trace.json"), &format_chrome_trace);
	assert_ptr_equal(format_by_suffix("a.jsonl"), &format_jsonl);
	assert_null(format_by_suffix("a.gz"));
	assert_null(format_by_suffix("svg"));
	assert_null(format_by_suffix("x.svg.gz"));
	assert_null(format_by_suffix(""));
	assert_null(format_by_suffix("dir.svg/x"));
}

static void names_without_a_suffix_decide(void **state)
{
	(void)state;
	assert_ptr_equal(format_by_suffix("callgrind.out"), &format_callgrind);
	assert_ptr_equal(format_by_suffix("/tmp/a.b/callgrind.out.4242"), &format_callgrind);
	assert_ptr_equal(format_by_suffix("callgrind.out.svg"), &format_svg);
	assert_null(format_by_suffix("callgrind.outer"));
	assert_null(format_by_suffix("my-callgrind.out.1"));
	assert_null(format_by_suffix("callgrind.out.1/x"));
}

/* A file of this content under this name; removed by the caller. */
static char *file_with(const char *name, const void *bytes, size_t len)
{
	char *path = xasprintf("%s/%s", dir, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	fclose(f);
	return path;
}

/* Calls format_read and returns what it said. */
static char *said_about(const char *path, int want)
{
	struct profile *p = NULL;
	char said[1024] = "";
	int saved = dup(STDERR_FILENO), pipes[2];
	ssize_t n;

	assert_int_equal(pipe(pipes), 0);
	dup2(pipes[1], STDERR_FILENO);
	close(pipes[1]);
	assert_int_equal(format_read(path, &p), want);
	dup2(saved, STDERR_FILENO);
	close(saved);
	n = read(pipes[0], said, sizeof(said) - 1);
	close(pipes[0]);
	profile__free(p);
	return xstrndup(said, n > 0 ? (size_t)n : 0);
}

static void assert_refused(const char *path, int want, const char *word)
{
	__cleanup_free char *said = said_about(path, want);

	if (!strstr(said, word) || !strstr(said, path))
		fail_msg("said: %s", said);
}

static void what_cannot_be_read_is_explained(void **state)
{
	char *path;

	(void)state;
	path = xasprintf("%s/none.pybpf", dir);
	assert_refused(path, -ENOENT, "No such file");
	free(path);
	assert_refused(dir, -EISDIR, "directory");
	path = file_with("empty.pybpf", "", 0);
	assert_refused(path, -ENODATA, "empty");
	unlink(path);
	free(path);
	path = file_with("out.svg", "<svg", 4);
	assert_refused(path, -EINVAL, "svg file cannot be read back");
	assert_refused(path, -EINVAL, "recording (.pybpf) or json (.json)");
	unlink(path);
	free(path);
	path = file_with("text.pybpf", "hello, I am no recording", 24);
	assert_refused(path, -EINVAL, "not a profile");
	unlink(path);
	free(path);
	path = xasprintf("%s/fifo", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused(path, -ESPIPE, "not a regular file"); /* and does not wait for a writer */
	unlink(path);
	free(path);
	assert_refused("/dev/null", -ESPIPE, "not a regular file");
}

/* By content, whatever the name says: each format that is an input, written and read. */
static void inputs_are_known_by_content(void **state)
{
	struct profile *want = small_profile(), *got;
	struct view v = {0};
	unsigned inputs = 0;

	(void)state;
	for (size_t i = 0; formats[i]; i++) {
		__cleanup_free char *path = xasprintf("%s/misnamed.svg", dir);
		FILE *f;

		if (!formats[i]->read)
			continue;
		inputs++;
		f = fopen(path, "w");
		assert_int_equal(formats[i]->write(want, &v, f), 0);
		fclose(f);
		assert_int_equal(format_read(path, &got), 0);
		assert_int_equal(got->sample_cnt, want->sample_cnt);
		assert_int_equal(whole_value(got), whole_value(want));
		assert_int_equal(loss_total(got), loss_total(want));
		profile__free(got);
		unlink(path);
	}
	assert_int_equal(inputs, 2);
	profile__free(want);
}

static char *written(const struct format *f, const struct profile *p, const struct view *v)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	uint64_t sum = 14695981039346656037u;

	assert_int_equal(f->write(p, v, out), 0);
	fclose(out);
	for (size_t i = 0; i < len; i++)
		sum = (sum ^ (unsigned char)text[i]) * 1099511628211u;
	free(text);
	assert_true(len > 0 || !p->sample_cnt);
	text = malloc(64);
	snprintf(text, 64, "%zu bytes, hash %llx", len, (unsigned long long)sum);
	return text;
}

/* What can be written can be written in any view, of any profile, and is the same again. */
static void test_every_view_of_every_format(void **state)
{
	static const struct view views[] = {
		{0},
		{.threads = true, .full_filenames = true},
		{.by_function = true, .timestamps = true},
		{.no_lines = true, .gil_only = true, .from_leaf = true},
		{.gil_only = true, .timestamps = true, .threads = true, .from_leaf = true, .title = HOSTILE},
	};
	struct profile *profiles[2];

	(void)state;
	profiles[0] = small_profile();
	profiles[1] = profile_builder__finish(profile_builder__new(true)); /* of nothing */
	for (size_t i = 0; formats[i]; i++) {
		for (size_t k = 0; formats[i]->write && k < 2 * sizeof(views) / sizeof(*views); k++) {
			char *first = written(formats[i], profiles[k % 2], &views[k / 2]);
			char *again = written(formats[i], profiles[k % 2], &views[k / 2]);

			assert_string_equal(first, again);
			free(first);
			free(again);
		}
	}
	profile__free(profiles[0]);
	profile__free(profiles[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_view_of_every_format), cmocka_unit_test(every_row_is_whole),
		cmocka_unit_test(names_of_py_spy_are_known),       cmocka_unit_test(suffixes_decide),
		cmocka_unit_test(names_without_a_suffix_decide),   cmocka_unit_test(what_cannot_be_read_is_explained),
		cmocka_unit_test(inputs_are_known_by_content),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
