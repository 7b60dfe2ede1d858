/* SPDX-License-Identifier: MIT */
/* Metrics, as Prometheus' own reader has them, too: promtool, where it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "user/serve/metrics.h"
#include "tests/unit/temp_folder.h"
#include <sys/wait.h>

static const struct metrics_count ticks[] = {{"ok", 7}, {"not_target", 18446744073709551615u}};
static const struct metrics_count samples[] = {{"cpu", 7}, {"offcpu", 2}};
static const struct metrics_count losses[] = {{"ring_full", 0}};
static const struct metrics_drop drops[] = {{"room", 1, 20}, {"age", 2, 30}};
static const struct metrics_push pushes[] = {
	{.backend = "pyroscope",
	 .host = "db.example:4040",
	 .put_bodies = 9,
	 .sent_bytes = 1234,
	 .drops = drops,
	 .drop_cnt = 2,
	 .answers = {1, 0, 5, 0, 2, 3},
	 .last_sent_unix_ns = 1700000000123456789},
	{.backend = "otlp", .host = "we\"ird\\\n\xff", .queue_bytes = 5},
};
static const struct serve_metrics full = {
	.version = "0.1.0",
	.kernel = "6.18.0",
	.http = "libcurl 7.88.1",
	.up = 1,
	.start_unix_ns = 1700000000000000001,
	.ticks_due = 7,
	.ticks = {ticks, 2},
	.samples = {samples, 2},
	.losses = {losses, 1},
	.stacks = 42,
	.windows = 3,
	.window_ns = 15000000000,
	.pushes = pushes,
	.push_cnt = 2,
	.user_ns = 5,
	.system_ns = 1500000000,
	.rss_bytes = 4096,
	.bpf_runs = 10,
	.bpf_run_ns = 20000,
};

static char *text_of(const struct serve_metrics *m)
{
	struct buf out = {0};

	metrics_put(m, &out);
	return buf_steal_text(&out);
}

#define assert_line(text, line) assert_non_null(strstr(text, "\n" line "\n"))

static void numbers_are_there(void **state)
{
	__cleanup_free char *text = text_of(&full);

	(void)state;
	assert_line(text, "pybpfprof_build_info{version=\"0.1.0\",kernel=\"6.18.0\",http=\"libcurl 7.88.1\"} 1");
	assert_line(text, "pybpfprof_start_time_seconds 1700000000.000000001");
	assert_line(text, "pybpfprof_ticks_total{outcome=\"ok\"} 7");
	assert_line(text, "pybpfprof_ticks_total{outcome=\"not_target\"} 18446744073709551615");
	assert_line(text, "pybpfprof_samples_total{type=\"offcpu\"} 2");
	assert_line(text, "pybpfprof_losses_total{reason=\"ring_full\"} 0");
	assert_line(text, "pybpfprof_window_seconds 15.000000000");
	assert_line(text, "pybpfprof_cpu_seconds_total{mode=\"user\"} 0.000000005");
	assert_line(text, "pybpfprof_cpu_seconds_total{mode=\"system\"} 1.500000000");
	assert_line(text, "pybpfprof_bpf_run_seconds_total 0.000020000");
	assert_line(text, "pybpfprof_push_sent_bytes_total{backend=\"pyroscope\",host=\"db.example:4040\"} 1234");
	assert_line(
		text,
		"pybpfprof_push_dropped_samples_total{backend=\"pyroscope\",host=\"db.example:4040\",why=\"age\"} 30");
	assert_line(text,
		    "pybpfprof_push_answers_total{backend=\"pyroscope\",host=\"db.example:4040\",class=\"none\"} 1");
	assert_line(text,
		    "pybpfprof_push_answers_total{backend=\"pyroscope\",host=\"db.example:4040\",class=\"5xx\"} 3");
	assert_line(text, "pybpfprof_push_queue_bytes{backend=\"otlp\",host=\"we\\\"ird\\\\\\\\n\\\\xff\"} 5");
}

static void what_is_not_known_is_not_said(void **state)
{
	struct serve_metrics few = {.version = "0.1.0"};
	__cleanup_free char *text = text_of(&few);

	(void)state;
	assert_line(text, "pybpfprof_up 0");
	assert_null(strstr(text, "bpf_runs"));
	assert_null(strstr(text, "push_"));
}

/* Every number of the struct is in the text once: each is made different from all others. */
static void no_number_is_forgotten(void **state)
{
	struct serve_metrics m = {.version = "0.1.0"};
	struct metrics_push p = {.backend = "b", .host = "h"};
	/* of serve_metrics: those that are plain numbers are all but pointers and their counts */
	uint64_t *numbers[] = {
		&m.up,
		&m.targets,
		&m.processes,
		&m.ticks_due,
		&m.stacks,
		&m.windows,
		&m.series,
		&m.folded_samples,
		&m.left_out_processes,
		&m.left_out_samples,
		&m.files_written,
		&m.files_kept,
		&m.files_kept_bytes,
		&m.files_removed,
		&m.file_errors,
		&m.rss_bytes,
		&m.peak_rss_bytes,
		&m.bpf_runs,
		&p.put_bodies,
		&p.put_samples,
		&p.sent_bodies,
		&p.sent_samples,
		&p.sent_bytes,
		&p.refused_bodies,
		&p.refused_samples,
		&p.left_out_profiles,
		&p.queue_bodies,
		&p.queue_samples,
		&p.queue_bytes,
		&p.spool_bytes,
		&p.requests,
		&p.retries,
		&p.connect_failures,
		&p.answers[0],
		&p.answers[1],
		&p.answers[2],
		&p.answers[3],
		&p.answers[4],
		&p.answers[5],
	};
	__cleanup_free char *text = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		*numbers[i] = 770000 + i;
	m.pushes = &p;
	m.push_cnt = 1;
	text = text_of(&m);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		__cleanup_free char *want = xasprintf(" %d\n", 770000 + (int)i);
		const char *first = strstr(text, want);

		if (!first || strstr(first + 1, want))
			fail_msg("number %zu is not there once", i);
	}
}

/* Runs promtool over a text; its exit status, or -1 where there is no promtool. */
static int check_by_promtool(const struct serve_metrics *m)
{
	__cleanup_free char *path = xasprintf("%s/metrics", folder), *text = text_of(m);
	__cleanup_free char *command =
		xasprintf("command -v promtool >/dev/null || exit 77; promtool check metrics <%s >&2", path);
	FILE *f = fopen(path, "w");
	int status;

	fputs(text, f);
	fclose(f);
	status = WEXITSTATUS(system(command));
	return status == 77 ? -1 : status;
}

static void promtool_finds_nothing(void **state)
{
	struct serve_metrics few = {.version = "0.1.0"};
	int status = check_by_promtool(&full);

	(void)state;
	if (status < 0) {
		print_message("there is no promtool here (of the package prometheus)\n");
		skip();
	}
	assert_int_equal(status, 0);
	assert_int_equal(check_by_promtool(&few), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_there),
		cmocka_unit_test(what_is_not_known_is_not_said),
		cmocka_unit_test(no_number_is_forgotten),
		cmocka_unit_test(promtool_finds_nothing),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
