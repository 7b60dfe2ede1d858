/* SPDX-License-Identifier: MIT */
/* Where the wall time went, of a profile whose rows are known; and what a view of wall time counts. */
#include "tests/unit/waiting_profile.h"
#include "user/profile/findings.h"
#include "user/profile/waits.h"
#include "user/profile/why.h"

#define MS       1000000ull
#define CPU_ROWS 7

static void each_part_is_what_its_rows_say(void **state)
{
	static const uint64_t ms[WHY_PARTS] = {200, 200, 30, 240, 260, 40, 30};
	struct profile *p = waiting_profile(WAITING_ROWS);
	struct why w;

	(void)state;
	why_find(p, NULL, &w);
	for (unsigned i = 0; i < WHY_PARTS; i++)
		assert_int_equal(w.parts[i], ms[i] * MS);
	assert_int_equal(w.all, 1000 * MS);
	assert_int_equal(w.idle, 5000 * MS);
	assert_int_equal(w.threads, 2);
	assert_string_equal(w.named[WHY_NATIVE][0].name, "libopenblas64");
	assert_int_equal(w.named[WHY_NATIVE][0].value, 150 * MS);
	assert_string_equal(w.named[WHY_NATIVE][1].name, "_json");
	assert_null(w.named[WHY_NATIVE][2].name);
	assert_string_equal(w.named[WHY_BLOCKED][2].name, "sleep");
	why_free(&w);
	profile__free(p);
}

static void it_is_said_in_a_sentence_or_two(void **state)
{
	struct profile *p = waiting_profile(WAITING_ROWS);
	char *text = why_text(p);

	(void)state;
	assert_string_equal(
		text,
		"Of 1.00 s of wall time of 2 busy threads: 20 % Python, 20 % native (15 % libopenblas64, 5 % _json), "
		"3 % kernel, 24 % waiting for the GIL (16 % held in work (app.py), 7 % held "
		"in main (app.py)), 26 % blocked (12 % socket read 5432, 6 % lock, 5 % sleep), "
		"4 % not scheduled (3 % waiting for a CPU, 1 % CPU quota), 3 % in the garbage collector. "
		"Idle waits, 5.00 s, are left out.");
	free(text);
	profile__free(p);
}

/* Threads of a pool do the same for each other, and may be called anything. */
static void what_the_gil_is_held_for_is_added_up(void **state)
{
	static const char *const names[] = {"main", "[waits for the GIL]", "[held by Thread-1 (work) in work (app.py)]",
					    "[held by all in one in work (app.py)]", "[held by another thread]"};
	static const uint64_t ms[] = {30, 20, 10};
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink to = profile_builder__sink(b);
	struct findings f;
	struct profile *p;
	char *text;

	(void)state;
	tell_meta(to, false);
	for (size_t i = 0; i < WAITING_TYPES; i++)
		to.ops->value_type(to.ctx, &waiting_types[i]);
	emit_process(to, 1, 42, "python3 app.py");
	emit_thread(to, 1, 1, "MainThread");
	for (uint32_t i = 1; i <= 5; i++) {
		emit_function(to, i, names[i - 1], i == 1 ? "/srv/app/app.py" : "");
		tell_frame(to, i, i, 0);
		tell_stack(to, i, i < 3 ? i - 1 : 2, i);
	}
	for (uint32_t i = 0; i < 3; i++) {
		struct profile_sample s = {.thread = 1, .type = WAITING_GIL, .value = ms[i] * MS, .stack = 3 + i};

		to.ops->sample(to.ctx, &s);
	}
	p = profile_builder__finish(b);
	text = why_text(p);
	assert_string_equal(text,
			    "Of 60 ms of wall time of 1 busy thread: 100 % waiting for the GIL (83 % held in work "
			    "(app.py), 17 % held by another thread).");
	free(text);
	findings_make(&(struct view){.type = WAITING_GIL}, p, &f);
	assert_non_null(strstr(f.where, "; most of that is spent in [waits for the GIL]"));
	findings_free(&f);
	profile__free(p);
}

static void of_cpu_time_alone_it_says_what_ran(void **state)
{
	struct profile *p = waiting_profile(CPU_ROWS), *python = waiting_profile(1), *small = small_profile();
	char *text = why_text(p);

	(void)state;
	assert_string_equal(text,
			    "Of the CPU time: 43 % Python, 43 % native (33 % libopenblas64, 10 % _json), 7 % kernel, "
			    "7 % in the garbage collector.");
	free(text);
	assert_null(why_text(python));
	assert_null(why_text(small));
	profile__free(p);
	profile__free(python);
	profile__free(small);
}

static void a_line_has_as_many_names_as_are_asked_for(void **state)
{
	struct profile *p = waiting_profile(WAITING_ROWS);
	uint64_t *values = calloc(p->bucket_cnt, sizeof(*values));
	struct why w;
	char *text;

	(void)state;
	for (size_t i = 0; i < p->bucket_cnt; i++)
		values[i] = i == 0 || i == 2 || i == 7 || i == 17; /* main, dgemm, the socket, idle */
	why_find(p, values, &w);
	free(values);
	assert_int_equal(w.idle, 1);
	text = why_line(&w, 0);
	assert_string_equal(text, "34 % Python · 33 % native · 33 % blocked");
	free(text);
	text = why_line(&w, 1);
	assert_string_equal(text, "34 % Python · 33 % native (libopenblas64) · 33 % blocked (socket read 5432)");
	free(text);
	why_free(&w);
	profile__free(p);
}

/* Whatever is cut off the table, and of three equal parts. */
static void percentages_add_up(void **state)
{
	(void)state;
	for (size_t rows = 1; rows <= WAITING_ROWS; rows++) {
		struct profile *p = waiting_profile(rows);
		unsigned sum = 0;
		struct why w;

		why_find(p, NULL, &w);
		for (unsigned i = 0; i < WHY_PARTS; i++)
			sum += w.percents[i];
		assert_int_equal(sum, 100);
		why_free(&w);
		profile__free(p);
	}
}

#define ROWS_BEFORE_GIL 14

static void sentences_know_who_waited_for_the_gil(void **state)
{
	struct profile *p = waiting_profile(ROWS_BEFORE_GIL), *q = waiting_profile(WAITING_ROWS);
	struct view v = {.no_idle = true};
	struct findings f;

	(void)state;
	assert_true(view__choose_type(&v, p));
	findings_make(&v, p, &f);
	assert_string_equal(f.gil, "No thread waited for the GIL.");
	findings_free(&f);
	findings_make(&v, q, &f);
	assert_string_not_equal(f.gil, "No thread waited for the GIL.");
	findings_free(&f);
	profile__free(p);
	profile__free(q);
}

static uint64_t sum_of(const struct profile *p, const char *type, bool no_idle)
{
	struct view v = {.type_name = type, .no_idle = no_idle};

	assert_true(view__choose_type(&v, p));
	return view__sum(&v, p).value;
}

static void wall_time_is_what_threads_do_and_wait_for(void **state)
{
	struct profile *p = waiting_profile(WAITING_ROWS), *small = small_profile();
	struct view v = {.type_name = "wall"};

	(void)state;
	assert_int_equal(sum_of(p, "cpu", true), 460 * MS);
	assert_int_equal(sum_of(p, "offcpu", true), 300 * MS);
	assert_int_equal(sum_of(p, "wall", true), 1000 * MS);
	assert_int_equal(sum_of(p, "wall", false), 6000 * MS);
	assert_int_equal(sum_of(p, "faults", true), 7 * MS);
	assert_true(view__choose_type(&v, p));
	assert_string_equal(view__type(&v, p)->name, "wall");
	v.type_name = "cpu"; /* again, of another */
	assert_true(view__choose_type(&v, p));
	assert_string_equal(view__type(&v, p)->name, "cpu");
	v.type_name = "wall";
	assert_false(view__choose_type(&v, small));
	v.type_name = NULL; /* all of its time, if it was recorded */
	assert_true(view__choose_type(&v, p));
	assert_string_equal(view__type(&v, p)->name, "wall");
	assert_true(view__choose_type(&v, small));
	assert_string_equal(view__type(&v, small)->name, "cpu");
	profile__free(p);
	profile__free(small);
}

static void causes_have_classes_and_numbers(void **state)
{
	bool used[WAIT_CAUSES] = {false};

	(void)state;
	for (size_t i = 0; i < WAITING_FUNCTIONS; i++) {
		const struct profile_function *f = &waiting_functions[i];
		bool waits = f->id >= F_SLEEP && f->id <= F_POLL;

		assert_int_equal(view__class(f) == VIEW_WAIT, waits);
		assert_int_equal(view__class(f) == VIEW_COLLECTOR, f->id == F_GC);
		assert_in_range(wait__number(f), 0, WAIT_CAUSES - 1);
		if (f->id >= F_SLEEP && f->id <= F_GIL) {
			assert_false(used[wait__number(f)]);
			used[wait__number(f)] = true;
		}
	}
	/* a function of Python's may have any name */
	assert_int_equal(wait__of(&(struct profile_function){.name = "[sleep]"}), WAIT_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_part_is_what_its_rows_say),
		cmocka_unit_test(it_is_said_in_a_sentence_or_two),
		cmocka_unit_test(what_the_gil_is_held_for_is_added_up),
		cmocka_unit_test(of_cpu_time_alone_it_says_what_ran),
		cmocka_unit_test(a_line_has_as_many_names_as_are_asked_for),
		cmocka_unit_test(percentages_add_up),
		cmocka_unit_test(sentences_know_who_waited_for_the_gil),
		cmocka_unit_test(wall_time_is_what_threads_do_and_wait_for),
		cmocka_unit_test(causes_have_classes_and_numbers),
	};

	return cmocka_run_group_tests_name("why", tests, NULL, NULL);
}
