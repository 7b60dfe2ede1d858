/* SPDX-License-Identifier: MIT */
/* What each format says of a profile with three value types, functions of every kind, tasks and labels. */
#include "tests/unit/mixed_profile.h"
#include "tests/unit/views.h"
#include "user/format/diff/diff_report.h"
#include "user/format/html/html_slices.h"
#include "user/format/report.h"
#include "user/util/alloc.h"
#include <zlib.h>

static struct buf text_of(const struct format *f, const struct profile *p, const struct view *v)
{
	struct buf raw = written(f, p, v), out = {0};
	z_stream z = {.next_in = (unsigned char *)raw.data, .avail_in = (uInt)raw.len};

	if (raw.len < 2 || (unsigned char)raw.data[0] != 0x1f)
		return raw;
	out.cap = 1 << 20;
	out.data = calloc(1, out.cap);
	z.next_out = (unsigned char *)out.data;
	z.avail_out = (uInt)out.cap - 1;
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	out.len = z.total_out;
	inflateEnd(&z);
	buf_free(&raw);
	return out;
}

static void assert_says(const struct format *f, const struct profile *p, const struct view *v, const char *what)
{
	struct buf text = text_of(f, p, v);

	if (!memmem(text.data, text.len, what, strlen(what)))
		fail_msg("%s, type %u: nothing of '%s'", f->name, v->type, what);
	buf_free(&text);
}

/* The number behind the last blank of each line. */
static void folded_adds_up(void **state)
{
	struct profile *p = mixed_profile();

	(void)state;
	for (uint8_t type = 0; type < MIXED_TYPES; type++)
		for (int each = 0; each < 2; each++) {
			const struct view v = {.type = type, .timestamps = each};
			struct buf text = text_of(&format_folded, p, &v);
			uint64_t sum = 0;

			for (char *line = strtok(text.data, "\n"); line; line = strtok(NULL, "\n"))
				sum += strtoull(strrchr(line, ' '), NULL, 10);
			assert_int_equal(sum, mixed_sum(type, false).value);
			buf_free(&text);
		}
	profile__free(p);
}

static void formats_speak_of_the_type(void **state)
{
	static const struct {
		const struct format *format;
		const char *says[MIXED_TYPES];
	} cases[] = {
		{&format_svg,
		 {"CPU flame graph of pid 42", "alloc flame graph of pid 42", "faults flame graph of pid 42"}},
		{&format_svg, {" CPU seconds · ", " MiB allocated · ", " page faults · "}},
		{&format_svg, {"share of", "\"sentence\":\"memory allocated\"", "\"unit\":\" page faults\""}},
		{&format_callgrind,
		 {"events: CPU_ns Samples", "events: allocated_bytes Samples", "events: page_faults Samples"}},
		{&format_speedscope, {"\"unit\":\"nanoseconds\"", "\"unit\":\"bytes\"", "\"unit\":\"none\""}},
		{&format_firefox,
		 {"\"weightType\":\"tracing-ms\"", "\"weightType\":\"bytes\"", "\"weightType\":\"samples\""}},
		{&format_firefox, {"\"threadCPUDelta\":[", "\"Kernel\"", "\"Native code\""}},
		{&format_chrome_trace, {"\"ph\":\"B\"", "\"args\":{\"alloc\":8192,", "\"args\":{\"faults\":"}},
		{&format_chrome_trace, {"\"cat\":\"inlined\"", "\"cat\":\"kernel\"", "\"cat\":\"stdlib\""}},
		{&format_chrome_trace, {"\"cat\":\"native\"", "memcpy (memcpy.c:51);min<int>", "\"s\":\"t\""}},
		{&format_chrome_trace, {"pod=shop-1, unit=app.service", "Python 3.12.1, pod=shop-1", "page_fault"}},
		{&format_json, {"\"cpu_seconds\":", "\"own_amount\":", "\"value_type\":\"faults\""}},
		{&format_jsonl, {"\"type\":\"value_type\"", "\"amount\":", "\"type\":\"task\""}},
	};
	struct profile *p = mixed_profile();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (uint8_t type = 0; type < MIXED_TYPES; type++)
			assert_says(cases[i].format, p, &(struct view){.type = type}, cases[i].says[type]);
	profile__free(p);
}

static void summaries_are_of_the_type(void **state)
{
	struct profile *p = mixed_profile();

	(void)state;
	for (uint8_t type = 0; type < MIXED_TYPES; type++) {
		struct view_sum sum = mixed_sum(type, false);
		__cleanup_free char *summary = xasprintf("summary: %llu %llu\n", (unsigned long long)sum.value,
							 (unsigned long long)sum.samples);

		assert_says(&format_callgrind, p, &(struct view){.type = type}, summary);
	}
	profile__free(p);
}

/* Formats that hold everything hold it whatever type is asked for. */
static void words_of_all_are_in_those_that_hold_all(void **state)
{
	static const struct format *const whole[] = {&format_pprof, &format_json, &format_jsonl, &format_recording};
	static const char *const words[] = {"cpu",    "alloc",    "faults",        "Spider.main",
					    "fetch",  "pod",      "shop-1",        "app.service",
					    "memcpy", "min<int>", "do_page_fault", "handler"};
	struct profile *p = mixed_profile();

	(void)state;
	for (uint8_t type = 0; type < MIXED_TYPES; type++)
		for (size_t i = 0; i + 1 < ARRAY_SIZE(whole); i++) /* the recording is packed: it is read back above */
			for (size_t k = 0; k < ARRAY_SIZE(words); k++)
				assert_says(whole[i], p, &(struct view){.type = type}, words[k]);
	profile__free(p);
}

static void pages_hold_every_type(void **state)
{
	struct profile *p = mixed_profile();
	struct view_sum sums[MIXED_TYPES] = {{0}}, rows[MIXED_TYPES] = {{0}};
	struct html_slices s = {0};

	(void)state;
	assert_int_equal(html_slices__fill(&s, p), 0);
	for (size_t i = 0; i < s.part_cnt; i++) {
		assert_true(s.parts[i].type < MIXED_TYPES);
		sums[s.parts[i].type].samples += s.parts[i].samples;
		sums[s.parts[i].type].value += s.parts[i].value;
	}
	for (size_t i = 0; i < s.row_cnt; i++)
		rows[s.parts[s.rows[i].part].type].samples += s.rows[i].samples;
	for (uint8_t type = 0; type < MIXED_TYPES; type++) {
		assert_int_equal(sums[type].samples, mixed_sum(type, false).samples);
		assert_int_equal(sums[type].value, mixed_sum(type, false).value);
		assert_int_equal(rows[type].samples, mixed_sum(type, false).samples);
	}
	html_slices__free(&s);
	profile__free(p);
}

static void every_format_takes_every_type(void **state)
{
	struct profile *p = mixed_profile();

	(void)state;
	for (size_t i = 0; formats[i]; i++)
		for (uint8_t type = 0; type < MIXED_TYPES; type++)
			for (int flags = 0; flags < 8; flags++) {
				const struct view v = {.type = type,
						       .threads = flags & 1,
						       .timestamps = flags & 2,
						       .gil_only = flags & 4,
						       .by_function = flags & 1};
				struct buf out = written(formats[i], p, &v);

				assert_true(out.len > 0);
				buf_free(&out);
			}
	profile__free(p);
}

static char *reported(const struct profile *p, const struct view *v, bool json)
{
	const struct report r = {.view = v, .rows = 50};
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_int_equal((json ? report_write_json : report_write)(p, &r, out), 0);
	fclose(out);
	return text;
}

static void reports_are_of_the_type(void **state)
{
	static const char *const words[MIXED_TYPES][4] = {
		{" CPU seconds", "own s  total", "of the CPU time", "(--type alloc)"},
		{" MiB allocated", "own MiB  total", "of the memory allocated", "(--type cpu)"},
		{" page faults", "own  total", "of the page faults", "(--type alloc)"},
	};
	static const char *const keys[MIXED_TYPES] = {"cpu_seconds", "own_amount", "root_amount"};
	struct profile *p = mixed_profile();

	(void)state;
	for (uint8_t type = 0; type < MIXED_TYPES; type++) {
		const struct view v = {.type = type};
		__cleanup_free char *text = reported(p, &v, false), *json = reported(p, &v, true);
		__cleanup_free char *sum = value_text(&mixed_types[type], (double)mixed_sum(type, false).value);
		__cleanup_free char *head = xasprintf("samples    20, %s\n", sum);

		assert_non_null(strstr(text, head));
		for (size_t i = 0; i < 4; i++)
			if (!strstr(text, words[type][i]))
				fail_msg("type %u: nothing of '%s' in\n%s", type, words[type][i], text);
		assert_non_null(strstr(text, "0.01 MiB  lost: the ring buffer was full"));
		assert_non_null(strstr(json, keys[type]));
	}
	profile__free(p);
}

static void tables_of_threads_are_of_the_type(void **state)
{
	static const char *const titles[MIXED_TYPES] = {"\nCPU %           CPU s  samples",
							"\nalloc %           MiB  samples",
							"\nfaults %       faults  samples"};
	struct profile *p = mixed_profile();

	(void)state;
	for (uint8_t type = 0; type < MIXED_TYPES; type++) {
		const struct view v = {.type = type};
		const struct report r = {.view = &v, .rows = 50, .by = "thread"};
		char *text = NULL;
		size_t len = 0;
		FILE *out = open_memstream(&text, &len);

		assert_int_equal(report_write(p, &r, out), 0);
		fclose(out);
		assert_non_null(strstr(text, titles[type]));
		free(text);
	}
	profile__free(p);
}

static char *compared(const struct profile *p, const char *type, bool absolute, bool markdown)
{
	const struct view v = {.type_name = type};
	const struct diff_options o = {.view = &v, .absolute = absolute};
	struct diff *d = diff__new(&o, p, p);
	const struct diff_report r = {.diff = d, .name_a = "a", .name_b = "b", .rows = 20};
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_int_equal((markdown ? diff_write_markdown : diff_write_text)(&r, out), 0);
	fclose(out);
	diff__free(d);
	return text;
}

static void comparisons_are_of_the_type(void **state)
{
	static const char *const words[MIXED_TYPES][2][3] = {
		{{"\nOwn time by function", "      A s      B s   change", " CPU seconds, "},
		 {"#### Own time by function", "| A, s | B, s |", "### CPU time: what changed"}},
		{{"\nOwn memory allocated by function", "    A MiB    B MiB   change", " MiB allocated, "},
		 {"#### Own memory allocated by function", "| A, MiB | B, MiB |",
		  "### memory allocated: what changed"}},
		{{"\nOwn page faults by function", "        A        B   change", " page faults, "},
		 {"#### Own page faults by function", "| A | B |", "### page faults: what changed"}},
	};
	struct profile *p = mixed_profile();

	(void)state;
	for (uint8_t type = 0; type < MIXED_TYPES; type++)
		for (int markdown = 0; markdown < 2; markdown++) {
			__cleanup_free char *shares = compared(p, mixed_types[type].name, false, markdown);
			__cleanup_free char *text = compared(p, mixed_types[type].name, true, markdown);

			assert_non_null(strstr(shares, markdown ? "| A, % | B, % |" : "      A %      B %   change"));
			for (size_t i = 0; i < 3; i++)
				if (!strstr(text, words[type][markdown][i]))
					fail_msg("type %u: nothing of '%s' in\n%s", type, words[type][markdown][i],
						 text);
		}
	profile__free(p);
}

/* Weights of all profiles of a unit; those of each thread are in that of all threads, too. */
static void speedscope_holds_every_type(void **state)
{
	static const char *const units[MIXED_TYPES] = {"\"nanoseconds\"", "\"bytes\"", "\"none\""};
	struct profile *p = mixed_profile();

	(void)state;
	for (uint8_t type = 0; type < MIXED_TYPES; type++) {
		struct buf text = text_of(&format_speedscope, p, &(struct view){.type = type});
		uint64_t sums[MIXED_TYPES] = {0};
		unsigned profiles = 0;

		buf_put(&text, "", 1);
		for (char *at = text.data; (at = strstr(at, "\"unit\":")); at++, profiles++) {
			uint8_t t = 0;

			while (strncmp(at + 7, units[t], strlen(units[t])))
				assert_true(++t < MIXED_TYPES);
			assert_true(profiles || t == type);
			sums[t] += strtoull(strstr(at, "\"endValue\":") + 11, NULL, 10);
		}
		assert_int_equal(profiles, 3 * MIXED_TYPES);
		for (uint8_t t = 0; t < MIXED_TYPES; t++)
			assert_int_equal(sums[t], 2 * mixed_sum(t, false).value);
		buf_free(&text);
	}
	profile__free(p);
}

/* A track for each thread and type, with the weights that its samples have. */
static void firefox_has_a_track_for_every_type(void **state)
{
	static const char *const kinds[MIXED_TYPES] = {"\"tracing-ms\"", "\"bytes\"", "\"samples\""};
	struct profile *p = mixed_profile();

	(void)state;
	for (uint8_t type = 0; type < MIXED_TYPES; type++) {
		struct buf text = text_of(&format_firefox, p, &(struct view){.type = type});
		double sums[MIXED_TYPES] = {0};
		unsigned tracks = 0;

		buf_put(&text, "", 1);
		for (char *at = text.data; (at = strstr(at, "\"weightType\":")); tracks++) {
			uint8_t t = 0;

			while (strncmp(at + 13, kinds[t], strlen(kinds[t])))
				assert_true(++t < MIXED_TYPES);
			assert_true(tracks >= p->thread_cnt || t == type);
			at = strstr(at, "\"weight\":[") + 9;
			do
				sums[t] += strtod(at + 1, &at);
			while (*at == ',');
		}
		assert_int_equal(tracks, p->thread_cnt * MIXED_TYPES);
		for (uint8_t t = 0; t < MIXED_TYPES; t++)
			assert_float_equal(sums[t] * (t == MIXED_CPU ? 1e6 : 1), (double)mixed_sum(t, false).value,
					   1e-3);
		buf_free(&text);
	}
	profile__free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folded_adds_up),
		cmocka_unit_test(formats_speak_of_the_type),
		cmocka_unit_test(summaries_are_of_the_type),
		cmocka_unit_test(words_of_all_are_in_those_that_hold_all),
		cmocka_unit_test(reports_are_of_the_type),
		cmocka_unit_test(tables_of_threads_are_of_the_type),
		cmocka_unit_test(comparisons_are_of_the_type),
		cmocka_unit_test(speedscope_holds_every_type),
		cmocka_unit_test(firefox_has_a_track_for_every_type),
		cmocka_unit_test(pages_hold_every_type),
		cmocka_unit_test(every_format_takes_every_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
