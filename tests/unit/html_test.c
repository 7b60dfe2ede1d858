/* SPDX-License-Identifier: MIT */
/* Slices of time, and which source texts go into a page; the page itself is opened in tests/live. */
#include "tests/unit/whole.h"
#include "tests/unit/small_profile.h"
#include "user/format/format.h"
#include "user/format/html/html_slices.h"
#include "user/format/html/html_sources.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"

/* Any rows of a part in sequence, from its first on, have its time to a unit: what is between two such has, too. */
static void check_units(const struct html_slices *s, const struct profile *p)
{
	uint64_t *parts_ns = xcalloc(s->part_cnt + 1, sizeof(*parts_ns));

	for (size_t i = 0; i < s->row_cnt; i++)
		parts_ns[s->rows[i].part] += s->rows[i].units * s->unit[0];
	assert_true(s->unit[0] <= whole_value(p) / p->sample_cnt / HTML_UNITS + 1);
	for (size_t i = 0; i < s->part_cnt; i++) {
		int64_t off = (int64_t)(parts_ns[i] - s->parts[i].value);

		assert_true(2 * llabs(off) <= (int64_t)s->unit[0] + 1);
	}
	free(parts_ns);
}

/* Rows are ordered, hold every sample of their part, and parts hold what the buckets hold. */
static void check_slices(const struct html_slices *s, const struct profile *p)
{
	uint64_t samples = 0, value = 0, held = 0, bucket_held = 0;
	size_t at = 0;

	for (size_t i = 0; i < s->part_cnt; i++) {
		uint64_t sum = 0;

		for (size_t first = at; at < s->row_cnt && s->rows[at].part == i; at++) {
			assert_true(s->rows[at].slice < s->slice_cnt);
			assert_true(at == first || s->rows[at].slice > s->rows[at - 1].slice);
			sum += s->rows[at].samples;
		}
		assert_int_equal(sum, s->parts[i].samples);
		samples += s->parts[i].samples;
		value += s->parts[i].value;
		held += s->parts[i].held ? s->parts[i].samples : 0;
	}
	assert_int_equal(at, s->row_cnt);
	for (size_t i = 0; i < p->bucket_cnt; i++)
		bucket_held += p->buckets[i].gil_samples;
	assert_int_equal(samples, p->sample_cnt);
	assert_int_equal(value, whole_value(p));
	assert_int_equal(held, bucket_held);
	check_units(s, p);
}

static void slices_hold_every_sample(void **state)
{
	struct profile *p = small_profile();
	struct html_slices s = {0};

	(void)state;
	assert_int_equal(html_slices__fill(&s, p), 0);
	assert_true(s.slice_cnt > 100 && s.slice_cnt <= HTML_SLICES_MAX);
	check_slices(&s, p);
	html_slices__free(&s);
	profile__free(p);
}

/* With any bound there are no more rows than that, unless parts alone are more. */
static void rows_are_bounded(void **state)
{
	struct profile *p = small_profile();

	(void)state;
	for (size_t max = 1; max < 60; max += 3) {
		struct html_slices s = {.row_max = max};

		assert_int_equal(html_slices__fill(&s, p), 0);
		check_slices(&s, p);
		assert_true(s.slice_cnt == 1 || s.row_cnt <= max);
		html_slices__free(&s);
	}
	profile__free(p);
}

/* Backwards in time, before the start, after the end, and a recording that lasts for ever. */
static void hostile_times_are_cut(void **state)
{
	static const uint64_t durations[] = {0, 1, 5000000000u, UINT64_MAX};

	(void)state;
	for (size_t d = 0; d < ARRAY_SIZE(durations); d++) {
		struct profile_builder *b = profile_builder__new(true);
		struct profile_sink to = profile_builder__sink(b);
		struct html_slices s = {0};
		struct profile *p;

		tell_small(to);
		for (uint32_t i = 5000; i-- > 0;)
			emit_sample(to, i, 1 + i % 2, 2);
		to.ops->sample(to.ctx, &(struct profile_sample){.thread = 1, .stack = 2});
		to.ops->sample(to.ctx, &(struct profile_sample){
					       .time_unix_ns = UINT64_MAX, .value = 7, .thread = 1, .stack = 2});
		p = profile_builder__finish(b);
		p->meta.duration_ns = durations[d];
		assert_int_equal(html_slices__fill(&s, p), 0);
		check_slices(&s, p);
		html_slices__free(&s);
		profile__free(p);
	}
}

static void sums_are_kept_without_samples(void **state)
{
	struct profile *p = small_profile();
	struct profile_samples samples = p->samples;
	struct html_slices s = {0};
	uint64_t sum = 0;

	(void)state;
	p->samples = (struct profile_samples){0};
	assert_int_equal(html_slices__fill(&s, p), 0);
	assert_int_equal(s.row_cnt, 0);
	for (size_t i = 0; i < s.part_cnt; i++)
		sum += s.parts[i].samples;
	assert_int_equal(sum, p->sample_cnt);
	p->samples = samples;
	html_slices__free(&s);
	profile__free(p);
}

static enum view_source fake_source(void *ctx, const char *path, char **out)
{
	const char *name = strrchr(path, '/');
	struct buf text = {0};

	assert_ptr_equal(ctx, fake_source);
	if (!strcmp(name, "/evil.py"))
		return VIEW_SOURCE_MISSING;
	if (strstr(path, "worker"))
		return VIEW_SOURCE_CHANGED;
	for (int line = 1; line < 40; line++)
		buf_puts(&text, line == 10 && strstr(path, "app.py") ? "async def main(): pass\n" : "# main work\n");
	*out = buf_steal_text(&text);
	return VIEW_SOURCE_TEXT;
}

static void sources_must_fit(void **state)
{
	struct profile *p = small_profile();
	struct view v = {.sources = {fake_source, fake_source}};
	struct html_sources s = {0};
	unsigned seen = 0;

	(void)state;
	html_sources__fill(&s, p, &v);
	for (size_t i = 0; i < s.cnt; i++) {
		const struct html_source *one = &s.items[i];
		assert_int_equal(one->state == HTML_SOURCE_TEXT, one->text != NULL);
		seen |= 1u << one->state;
		if (strstr(one->file, "worker"))
			assert_int_equal(one->state, HTML_SOURCE_CHANGED);
		if (strstr(one->file, "evil"))
			assert_int_equal(one->state, HTML_SOURCE_MISSING);
	}
	assert_int_equal(s.cnt, 3);
	assert_true(seen & 1u << HTML_SOURCE_TEXT);
	html_sources__free(&s);
	p->functions[1].first_line = 12; /* the function is above: another file */
	s = (struct html_sources){0};
	html_sources__fill(&s, p, &v);
	for (size_t i = 0; i < s.cnt; i++)
		if (strstr(s.items[i].file, "app.py"))
			assert_int_equal(s.items[i].state, HTML_SOURCE_DIFFERS);
	html_sources__free(&s);
	profile__free(p);
}

/* Whatever a damaged recording leaves, a page comes of it. */
static void odd_profiles_are_written(void **state)
{
	static const double rates[] = {0, 1e-300, 1e300};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
		struct profile *p = i ? small_profile() : profile_builder__finish(profile_builder__new(true));
		struct view v = {0};
		char *text = NULL;
		size_t len = 0;
		FILE *out = open_memstream(&text, &len);

		p->meta.rate_hz = p->meta.effective_rate_hz = rates[i];
		assert_int_equal(format_html.write(p, &v, out), 0);
		fclose(out);
		assert_non_null(strstr(text, "</html>"));
		assert_null(strstr(text, "<svg onload"));
		free(text);
		profile__free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slices_hold_every_sample), cmocka_unit_test(rows_are_bounded),
		cmocka_unit_test(hostile_times_are_cut),    cmocka_unit_test(sums_are_kept_without_samples),
		cmocka_unit_test(sources_must_fit),         cmocka_unit_test(odd_profiles_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
