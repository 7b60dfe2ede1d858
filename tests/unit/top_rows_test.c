/* SPDX-License-Identifier: MIT */
/*
 * Rows of `top` against sums made sample by sample, on random stacks full of recursion, through every lens;
 * the same whether they grew with the samples or were added up at once. Order, filter, words.
 */
#include "tests/unit/mixed_profile.h"
#include "user/cmd/top/top_rows.h"
#include "user/cmd/top/top_text.h"
#include "user/util/alloc.h"

#define FUNCTIONS 6
#define FRAMES    (2 * FUNCTIONS) /* two lines each */
#define STACKS    60
#define THREADS   4
#define SAMPLES   400
#define START     (1700000000ull * 1000000000ull)

/* Functions 5 and 6 are copies of 1 and 2, as another process has them. */
static uint32_t location_of(uint32_t function)
{
	return function > FUNCTIONS - 2 ? function - (FUNCTIONS - 2) : function;
}

static const struct view plain;

struct world {
	struct top_model *m;
	struct profile_sample samples[SAMPLES];
	size_t told;
	unsigned seed;
};

static unsigned draw(struct world *w, unsigned below)
{
	w->seed = w->seed * 1103515245u + 12345u;
	return (w->seed >> 16) % below;
}

static void new_world(struct world *w, unsigned seed)
{
	struct profile_sink to;

	*w = (struct world){.m = top_model__new(&plain, START, 0), .seed = seed};
	to = top_model__sink(w->m);
	for (uint32_t i = 1; i <= 2; i++)
		emit_process(to, i, 40 + i, "python3 app.py");
	to.ops->label(to.ctx, &(struct profile_label){2, "container", "web"});
	for (uint32_t i = 1; i <= THREADS; i++)
		emit_thread(to, i, 1 + i % 2, "worker");
	for (uint32_t i = 1; i <= FUNCTIONS; i++) {
		struct profile_function f = {.id = i, .module = "m", .file = "/srv/app.py", .short_file = "app.py"};
		__cleanup_free char *name = xasprintf("f%u", location_of(i));

		f.name = name;
		f.first_line = (int32_t)(10 * location_of(i));
		to.ops->function(to.ctx, &f);
	}
	for (uint32_t i = 1; i <= FRAMES; i++)
		tell_frame(to, i, (i + 1) / 2, (int32_t)(10 * location_of((i + 1) / 2) + i % 2));
	for (uint32_t i = 1; i <= STACKS; i++)
		tell_stack(to, i, i > 4 ? draw(w, i) : 0, 1 + draw(w, FRAMES));
	for (size_t i = 0; i < SAMPLES; i++)
		w->samples[i] = (struct profile_sample){
			.time_unix_ns = START + i,
			.value = 1 + draw(w, 1000),
			.thread = 1 + draw(w, THREADS),
			.stack = 1 + draw(w, STACKS),
			.gil = (uint8_t)draw(w, 4),
		};
}

static void tell_some(struct world *w, size_t cnt)
{
	struct profile_sink to = top_model__sink(w->m);

	for (; cnt && w->told < SAMPLES; cnt--)
		to.ops->sample(to.ctx, &w->samples[w->told++]);
}

/* ---- the slow way ------------------------------------------------------------------------------------ */

/* What the frame is in this lens, as a number that is the same for copies. */
static uint32_t location_in(const struct world *w, const struct top_lens *l, uint32_t frame)
{
	const struct profile *p = top_model__profile(w->m);

	return l->lines ? (uint32_t)p->frames[frame].line : location_of(p->frames[frame].function);
}

static bool is_split(const struct top_lens *l, const struct top_row *row, const struct profile_sample *s,
		     uint32_t process)
{
	if (l->group == TOP_BY_CONTAINER) /* each process is in one of its own */
		return row->process != process || row->thread;
	if (l->threads || l->group == TOP_BY_THREAD)
		return row->thread != s->thread;
	return l->group == TOP_BY_PROCESS && row->process != process;
}

/* What a sample adds to a row: bit 0 total, bit 1 own. */
static unsigned part_of(const struct world *w, const struct top_lens *l, const struct top_row *row,
			const struct profile_sample *s)
{
	const struct profile *p = top_model__profile(w->m);
	uint32_t frames[64], process = p->threads[s->thread].process, focus;
	size_t n = profile__stack_frames(p, s->stack, frames, 64);
	unsigned part = 0;

	if (is_split(l, row, s, process) || (l->only_process && l->only_process != process) ||
	    (l->only_thread && l->only_thread != s->thread) || (l->only_container && l->only_container != process))
		return 0;
	if (l->group != TOP_BY_FUNCTION)
		return 3;
	focus = l->focus ? location_in(w, l, l->focus) : 0; /* the test's focus is a frame */
	for (size_t i = 0; i < n; i++) {
		uint32_t at = location_in(w, l, frames[i]), up = i ? location_in(w, l, frames[i - 1]) : 0;
		uint32_t want = location_in(w, l, row->frame);
		bool leaf = i == n - 1;

		if (row->role == TOP_PLAIN && at == want)
			part |= leaf ? 3 : 1;
		if (row->role == TOP_CALLEE && up == focus && at == want)
			part |= leaf ? 3 : 1;
		if (row->role == TOP_CALLER && at == focus && up == want)
			part |= leaf ? 3 : 1;
	}
	return part;
}

static void check_row(const struct world *w, const struct top_lens *l, const struct top_row *row)
{
	struct top_sums own = {0}, total = {0};

	for (size_t i = 0; i < w->told; i++) {
		unsigned part = part_of(w, l, row, &w->samples[i]);
		uint64_t ns = w->samples[i].value, gil = w->samples[i].gil == PROFILE_GIL_HELD ? ns : 0;

		total.value += part & 1 ? ns : 0;
		total.gil_value += part & 1 ? gil : 0;
		total.no_gil_value += part & 1 && w->samples[i].gil == PROFILE_GIL_NONE ? ns : 0;
		own.value += part & 2 ? ns : 0;
	}
	assert_int_equal(row->total.value, total.value);
	assert_int_equal(row->total.gil_value, total.gil_value);
	assert_int_equal(row->total.no_gil_value, total.no_gil_value);
	assert_int_equal(row->own.value, own.value);
	/* nothing fades in this model */
	assert_true(row->total.recent == (double)total.value && row->total.recent_gil == (double)total.gil_value);
}

/* `l->focus` is any frame here, one that stands for a location for the rows. */
static void check(struct world *w, struct top_rows *rows, const struct top_lens *l)
{
	struct top_lens lens = *l;
	struct top_row *const *sorted;
	uint64_t own = 0, all = 0;
	size_t cnt;

	lens.focus = l->focus ? top_rows__location(rows, l->focus, l->lines) : 0;
	top_rows__look(rows, &lens);
	sorted = top_rows__sorted(rows, (struct top_order){TOP_TOTAL, false}, &cnt);
	for (size_t i = 0; i < cnt; i++) {
		check_row(w, l, sorted[i]);
		own += sorted[i]->own.value;
	}
	for (size_t i = 0; i < w->told; i++)
		all += w->samples[i].value;
	if (!l->focus && !l->only_process && !l->only_thread && !l->only_container)
		assert_int_equal(own, all); /* so no row is missing */
}

static const struct top_lens lenses[] = {
	{.group = TOP_BY_FUNCTION},
	{.group = TOP_BY_FUNCTION, .lines = true},
	{.group = TOP_BY_FUNCTION, .threads = true},
	{.group = TOP_BY_FUNCTION, .only_process = 2},
	{.group = TOP_BY_FUNCTION, .only_thread = 3, .lines = true},
	{.group = TOP_BY_FUNCTION, .focus = 1},
	{.group = TOP_BY_FUNCTION, .focus = 4, .only_thread = 2},
	{.group = TOP_BY_FUNCTION, .focus = 3, .lines = true},
	{.group = TOP_BY_FUNCTION, .focus = 5, .threads = true},
	{.group = TOP_BY_PROCESS},
	{.group = TOP_BY_PROCESS, .threads = true},
	{.group = TOP_BY_THREAD},
	{.group = TOP_BY_CONTAINER},
	{.group = TOP_BY_CONTAINER, .threads = true},
	{.group = TOP_BY_FUNCTION, .only_container = 2},
	{.group = TOP_BY_PROCESS, .only_container = 1},
};

static void test_rows_are_sums_of_samples(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 10; seed++) {
		struct world w;
		struct top_rows *rows;

		new_world(&w, seed);
		rows = top_rows__new(w.m);
		tell_some(&w, SAMPLES);
		top_rows__update(rows, START + SAMPLES);
		for (size_t i = 0; i < ARRAY_SIZE(lenses); i++)
			check(&w, rows, &lenses[i]);
		top_rows__free(rows);
		top_model__free(w.m);
	}
}

static void test_rows_grow_with_the_samples(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lenses); i++) {
		struct world w;
		struct top_rows *rows;

		new_world(&w, 77 + (unsigned)i);
		rows = top_rows__new(w.m);
		check(&w, rows, &lenses[i]);
		while (w.told < SAMPLES) {
			tell_some(&w, 37);
			top_rows__update(rows, START + w.told);
			check(&w, rows, &lenses[i]);
		}
		top_rows__free(rows);
		top_model__free(w.m);
	}
}

/* What was not settled is not seen, however the lens turns. */
static void test_a_pause_holds_for_every_lens(void **state)
{
	struct world w;
	struct top_rows *rows;

	(void)state;
	new_world(&w, 5);
	rows = top_rows__new(w.m);
	tell_some(&w, 200);
	top_rows__update(rows, START + 200);
	tell_some(&w, 200);
	w.told = 200; /* for the slow way */
	for (size_t i = 0; i < ARRAY_SIZE(lenses); i++)
		check(&w, rows, &lenses[i]);
	w.told = SAMPLES;
	top_rows__update(rows, START + SAMPLES);
	for (size_t i = 0; i < ARRAY_SIZE(lenses); i++)
		check(&w, rows, &lenses[i]);
	top_rows__free(rows);
	top_model__free(w.m);
}

/* ---- order, filter, words ---------------------------------------------------------------------------- */

static double number(const struct top_row *row, enum top_column c)
{
	const double numbers[] = {row->own.recent, row->total.recent, (double)row->own.value, (double)row->total.value,
				  row->total.recent_gil};

	return numbers[c];
}

static void test_order(void **state)
{
	struct world w;
	struct top_rows *rows;
	struct top_row *const *sorted;
	size_t cnt;

	(void)state;
	new_world(&w, 3);
	rows = top_rows__new(w.m);
	tell_some(&w, SAMPLES);
	top_rows__update(rows, START + SAMPLES);
	for (int i = 0; i < 2 * TOP_NAME; i++) {
		enum top_column c = (enum top_column)(i / 2);

		sorted = top_rows__sorted(rows, (struct top_order){c, i % 2}, &cnt);
		assert_int_equal(cnt, FUNCTIONS - 2);
		for (size_t k = 1; k < cnt; k++)
			assert_true(i % 2 ? number(sorted[k - 1], c) <= number(sorted[k], c)
					  : number(sorted[k - 1], c) >= number(sorted[k], c));
	}
	sorted = top_rows__sorted(rows, (struct top_order){TOP_NAME, false}, &cnt);
	for (size_t k = 0; k < cnt; k++) {
		__cleanup_free char *name = top_text_name(top_model__profile(w.m), top_rows__lens(rows), sorted[k]);
		struct top_row copy = *sorted[k];

		assert_int_equal(name[1] - '0', k + 1);
		assert_int_equal(top_rows__find(rows, &copy), k);
	}
	top_rows__free(rows);
	top_model__free(w.m);
}

/* Of a chain of processes, the last of which is the busiest: parents come first and have all below them. */
static void test_trees(void **state)
{
	struct top_model *m = top_model__new(&plain, START, 0);
	struct profile_sink to = top_model__sink(m);
	struct top_rows *rows = top_rows__new(m);
	struct top_lens in_second = {.only_tree = 2};
	struct top_row *const *sorted;
	size_t cnt;

	(void)state;
	for (uint32_t i = 1; i <= 4; i++) {
		struct profile_process q = {
			.id = i, .pid = 40 + i, .parent_pid = i < 4 ? 39 + i : 1, .start_unix_ns = i};

		q.command = q.python = q.interpreter = q.cgroup = q.rights = "";
		to.ops->process(to.ctx, &q);
		emit_thread(to, i, i, "t");
	}
	emit_function(to, 1, "f", "/a.py");
	tell_frame(to, 1, 1, 1);
	tell_stack(to, 1, 0, 1);
	for (uint32_t i = 1; i <= 4; i++)
		to.ops->sample(to.ctx,
			       &(struct profile_sample){.time_unix_ns = START, .value = i, .thread = i, .stack = 1});
	top_rows__update(rows, START + 1);
	top_rows__look(rows, &(struct top_lens){.group = TOP_BY_TREE, .threads = true});
	sorted = top_rows__sorted(rows, (struct top_order){TOP_OWN, false}, &cnt);
	assert_int_equal(cnt, 4);
	for (unsigned i = 0; i < cnt; i++) {
		static const unsigned process[] = {4, 1, 2, 3}, total[] = {4, 6, 5, 3}, depth[] = {0, 0, 1, 2};

		assert_int_equal(sorted[i]->process, process[i]);
		assert_int_equal(sorted[i]->own.value, process[i]);
		assert_int_equal(sorted[i]->total.value, total[i]);
		assert_int_equal(sorted[i]->depth, depth[i]);
	}
	/* what is below one of them */
	top_rows__look(rows, &in_second);
	sorted = top_rows__sorted(rows, (struct top_order){TOP_OWN, false}, &cnt);
	assert_int_equal(cnt, 1);
	assert_int_equal(sorted[0]->own.value, 5);
	top_rows__free(rows);
	top_model__free(m);
}

static void test_filter(void **state)
{
	struct world w;
	struct top_rows *rows;
	char *why = NULL;
	size_t cnt;

	(void)state;
	new_world(&w, 4);
	rows = top_rows__new(w.m);
	tell_some(&w, SAMPLES);
	top_rows__update(rows, START + SAMPLES);
	assert_int_equal(top_rows__filter(rows, "F[12]", &why), 0); /* an upper case letter is meant */
	top_rows__sorted(rows, (struct top_order){0}, &cnt);
	assert_int_equal(cnt, 0);
	assert_int_equal(top_rows__filter(rows, "f[12] app\\.py:", &why), 0);
	top_rows__sorted(rows, (struct top_order){0}, &cnt);
	assert_int_equal(cnt, 2);
	assert_int_not_equal(top_rows__filter(rows, "(", &why), 0);
	assert_non_null(why);
	free(why);
	top_rows__sorted(rows, (struct top_order){0}, &cnt);
	assert_int_equal(cnt, 2); /* the one before stays */
	assert_int_equal(top_rows__filter(rows, "", &why), 0);
	top_rows__sorted(rows, (struct top_order){0}, &cnt);
	assert_int_equal(cnt, FUNCTIONS - 2);
	top_rows__free(rows);
	top_model__free(w.m);
}

static void check_percent(double value, const char *want)
{
	char text[16];

	top_text_percent(value, text);
	assert_string_equal(text, want);
}

static void check_amount(unsigned type, uint64_t value, const char *want)
{
	char text[16];

	top_text_amount(&mixed_types[type], value, text);
	assert_string_equal(text, want);
}

static void test_numbers_fit_their_columns(void **state)
{
	(void)state;
	check_percent(0, "0.00");
	check_percent(9.994, "9.99");
	check_percent(9.996, "10.0");
	check_percent(99.96, "100");
	check_percent(12799.6, "12800");
	check_amount(MIXED_CPU, 0, "0.00");
	check_amount(MIXED_CPU, 99994000000, "99.99");
	check_amount(MIXED_CPU, 99996000000, "100.0");
	check_amount(MIXED_CPU, 9999000000000, "9999");
	check_amount(MIXED_CPU, 3600ull * 10 * 1000000000, "10.0h");
	check_amount(MIXED_CPU, 3600ull * 50000 * 1000000000, "50000h");
	check_amount(MIXED_ALLOC, 5 << 20, "5.00");
	check_amount(MIXED_ALLOC, 123456ull << 20, "123.5k");
	check_amount(MIXED_ALLOC, 1234567ull << 20, "1.2M");
	check_amount(MIXED_FAULTS, 0, "0");
	check_amount(MIXED_FAULTS, 99999, "99999");
	check_amount(MIXED_FAULTS, 100000, "100.0k");
}

static void test_header_says_what_fits(void **state)
{
	struct top_header h = {.rate = 1.354, .gil = 0.87, .processes = 4, .threads = 12, .lost = 3, .walked = 0.9997};
	char *text = top_text_header(&mixed_types[MIXED_CPU], &h, 200);

	(void)state;
	assert_string_equal(text,
			    "1.35 CPUs busy in 4 Python processes, 12 threads · GIL 87% · 99.9% of samples walked · "
			    "3 lost, 0 failed");
	free(text);
	text = top_text_header(&mixed_types[MIXED_CPU], &h, 20);
	assert_string_equal(text, "1.35 CPUs · GIL 87%");
	free(text);
	h.lost = 0;
	h.walked = 1;
	text = top_text_header(&mixed_types[MIXED_CPU], &h, 55);
	assert_string_equal(text, "1.35 CPUs · GIL 87% · 100% walked · 0 lost, 0 failed");
	free(text);
	h.no_gil = true;
	text = top_text_header(&mixed_types[MIXED_CPU], &h, 20);
	assert_string_equal(text, "1.35 CPUs · no GIL");
	free(text);
}

static void test_words_are_of_the_type(void **state)
{
	static const struct {
		const char *header, *own, *whole, *one;
	} want[MIXED_TYPES] = {
		{"1.35 CPUs · GIL 87%", "Own", "all CPU time", "one CPU"},
		{"1.35 MiB allocated/s · GIL 87%", "Own MiB", "all memory allocated", "all memory allocated"},
		{"1415578 page faults/s · GIL 87%", "Own", "all page faults", "all page faults"},
	};

	(void)state;
	for (unsigned i = 0; i < MIXED_TYPES; i++) {
		const struct profile_value_type *t = &mixed_types[i];
		struct top_header h = {.rate = i == MIXED_CPU ? 1.35 : 1.35 * (1 << 20), .gil = 0.87};
		__cleanup_free char *header = top_text_header(t, &h, 20), *own = top_text_title(t, TOP_OWN);
		__cleanup_free char *whole = top_text_whole(t, true), *one = top_text_whole(t, false);

		assert_string_equal(header, want[i].header);
		assert_string_equal(own, want[i].own);
		assert_string_equal(whole, want[i].whole);
		assert_string_equal(one, want[i].one);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_are_sums_of_samples),
		cmocka_unit_test(test_rows_grow_with_the_samples),
		cmocka_unit_test(test_a_pause_holds_for_every_lens),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_trees),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_numbers_fit_their_columns),
		cmocka_unit_test(test_header_says_what_fits),
		cmocka_unit_test(test_words_are_of_the_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
