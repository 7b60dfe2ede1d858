/* SPDX-License-Identifier: MIT */
/*
 * A profile with three value types, functions of every kind, tasks and labels: what the model makes of it, and that it
 * comes back from every format that is read. What each format says of it is in types_formats_test.c.
 */
#include "tests/unit/mixed_profile.h"
#include "tests/unit/views.h"
#include "user/profile/diff.h"
#include "user/profile/loss_words.h"
#include "user/profile/timeline.h"
#include "user/profile/totals.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <fcntl.h>
#include <unistd.h>

static void sums_are_of_a_type(void **state)
{
	struct profile *p = mixed_profile();

	(void)state;
	assert_int_equal(p->type_cnt, MIXED_TYPES);
	assert_int_equal(p->sample_cnt, MIXED_SAMPLES);
	for (uint8_t type = 0; type < MIXED_TYPES; type++)
		for (int gil = 0; gil < 2; gil++) {
			const struct view v = {.type = type, .gil_only = gil};
			struct view_sum want = mixed_sum(type, gil), got = view__sum(&v, p);
			struct view_tree *t = view_tree__new(&v, p);

			assert_int_equal(got.samples, want.samples);
			assert_int_equal(got.value, want.value);
			assert_int_equal(t->nodes[0].samples, want.samples);
			assert_int_equal(t->nodes[0].total_value, want.value);
			view_tree__free(t);
		}
	profile__free(p);
}

static void buckets_are_apart_by_task(void **state)
{
	struct profile *p = mixed_profile();
	uint64_t want[3] = {0}, got[3] = {0};

	(void)state;
	for (unsigned i = 0; i < MIXED_SAMPLES; i++)
		want[mixed_task(i)]++;
	for (size_t i = 0; i < p->bucket_cnt; i++)
		got[p->buckets[i].task] += p->buckets[i].samples;
	assert_memory_equal(got, want, sizeof(want));
	profile__free(p);
}

static void frames_are_called_by_their_kind(void **state)
{
	static const enum view_class classes[MIXED_FUNCTIONS] = {VIEW_USER,      VIEW_STDLIB,  VIEW_SITE,   VIEW_NATIVE,
								 VIEW_NATIVE,    VIEW_INLINED, VIEW_KERNEL, VIEW_KERNEL,
								 VIEW_SYNTHETIC, VIEW_USER};
	struct profile *p = mixed_profile();
	const struct view v = {0};

	(void)state;
	for (uint32_t i = 1; i <= MIXED_FUNCTIONS; i++) {
		__cleanup_free char *text = view__frame_text(&v, p, i);

		assert_string_equal(text, mixed_texts[i - 1]);
		assert_int_equal(view__class(&p->functions[i]), classes[i - 1]);
	}
	profile__free(p);
}

static void assert_labels_and_tasks(const struct profile *p)
{
	size_t cnt;
	const struct profile_label *l = profile__labels(p, 1, &cnt);

	assert_int_equal(cnt, 2);
	assert_string_equal(l[0].key, "pod");
	assert_string_equal(l[0].value, "shop-1"); /* the later one */
	assert_string_equal(l[1].key, "unit");
	assert_string_equal(l[1].value, "app.service");
	profile__labels(p, 2, &cnt);
	assert_int_equal(cnt, 0);
	assert_int_equal(p->source_cnt, 2);
	assert_string_equal(p->sources[0].file, "<made>");
	assert_string_equal(p->sources[0].label, "");
	assert_string_equal(p->sources[0].text, MIXED_TEXT); /* the later one */
	assert_string_equal(p->sources[1].label, "In [7]");
	assert_string_equal(p->sources[1].text, "");
	assert_true(profile__has_texts(p));
	assert_int_equal(p->task_cnt, 2);
	assert_string_equal(p->tasks[2].name, "fetch");
	assert_string_equal(p->tasks[1].coroutine, "Spider.main");
	assert_string_equal(p->tasks[2].coroutine, "");
	assert_int_equal(p->tasks[2].parent, 1);
	assert_int_equal(p->tasks[1].parent, 0);
}

static void files_are_called_by_their_labels(void **state)
{
	static const char cell[] = "/tmp/ipykernel_7/42.py";
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink to = profile_builder__sink(b);
	struct profile *p;

	(void)state;
	emit_process(to, 1, 7, "ipykernel");
	emit_function(to, 1, "before", cell);
	to.ops->source(to.ctx, &(struct profile_source){1, cell, "In [7]", ""});
	profile_builder__flush(b);
	assert_string_equal(profile_builder__peek(b)->functions[1].short_file, "In [7]");
	emit_function(to, 2, "behind", cell);
	emit_function(to, 3, "elsewhere", "/srv/app.py");
	profile_builder__flush(b);
	assert_string_equal(profile_builder__peek(b)->functions[2].short_file, "In [7]");
	to.ops->source(to.ctx, &(struct profile_source){1, cell, "In [8]", ""});          /* it ran again */
	to.ops->source(to.ctx, &(struct profile_source){2, cell, "", ""});                /* of nobody */
	to.ops->source(to.ctx, &(struct profile_source){1, "/srv/app.py", "In [8]", ""}); /* which is no cell */
	to.ops->source(to.ctx, &(struct profile_source){1, "", "In [9]", ""});
	emit_function(to, 4, "of another kernel", "/tmp/ipykernel_9/43.py");
	to.ops->source(to.ctx, &(struct profile_source){1, "/tmp/ipykernel_9/43.py", "In [8]", ""});
	emit_function(to, 5, "alone", "/tmp/ipykernel_9/44.py");
	to.ops->source(to.ctx, &(struct profile_source){1, "/tmp/ipykernel_9/44.py", "In [9]", ""});
	p = profile_builder__finish(b);
	assert_string_equal(p->functions[4].short_file, "ipykernel_9/In [8]");
	assert_string_equal(p->functions[5].short_file, "In [9]");
	for (uint32_t f = 1; f <= 2; f++) {
		assert_string_equal(p->functions[f].short_file, "ipykernel_7/In [8]");
		assert_string_equal(p->functions[f].file, cell);
	}
	assert_string_not_equal(p->functions[3].short_file, "In [8]");
	assert_int_equal(p->source_cnt, 4);
	assert_false(profile__has_texts(p));
	assert_int_equal(p->losses[0].count, 2); /* damaged */
	profile__free(p);
}

static int check_sample(void *arg, const struct profile_sample *s)
{
	unsigned *i = arg;
	struct profile_sample want = mixed_sample((*i)++);

	assert_int_equal(s->time_unix_ns, want.time_unix_ns);
	assert_int_equal(s->value, want.value);
	assert_int_equal(s->type, want.type);
	assert_int_equal(s->task, want.task);
	assert_int_equal(s->thread, want.thread);
	assert_int_equal(s->gil, want.gil);
	assert_int_equal(s->truncated, want.truncated);
	return 0;
}

/* By what they read, since ids may be others. */
static void assert_same_trees(const struct profile *a, const struct profile *b)
{
	for (uint8_t type = 0; type < MIXED_TYPES; type++) {
		const struct view v = {.type = type};
		struct view_tree *x = view_tree__new(&v, a), *y = view_tree__new(&v, b);

		assert_int_equal(x->count, y->count);
		for (uint32_t i = 0, k = 0; i < x->count; i++, k++) {
			while (k < y->count && strcmp(x->nodes[i].text, y->nodes[k].text))
				k++;
			assert_true(k < y->count);
			assert_int_equal(x->nodes[i].class, y->nodes[k].class);
			assert_int_equal(x->nodes[i].total_value, y->nodes[k].total_value);
			k = UINT32_MAX;
		}
		view_tree__free(x);
		view_tree__free(y);
	}
}

static struct profile *read_back(const struct format *f, const struct profile *p)
{
	struct buf out = written(f, p, &(struct view){0});
	char path[] = "/tmp/types_test.XXXXXX";
	int fd = mkstemp(path);
	struct profile *back = NULL;

	assert_int_equal(write(fd, out.data, out.len), out.len);
	close(fd);
	assert_int_equal(f->read(path, &back), 0);
	unlink(path);
	buf_free(&out);
	return back;
}

static void all_of_it_comes_back(void **state)
{
	struct profile *p = mixed_profile();
	unsigned inputs = 0;

	(void)state;
	for (size_t i = 0; formats[i]; i++) {
		struct profile *back;
		unsigned seen = 0;

		if (!formats[i]->read)
			continue;
		inputs++;
		back = read_back(formats[i], p);
		assert_int_equal(back->type_cnt, MIXED_TYPES);
		for (uint32_t t = 0; t < MIXED_TYPES; t++) {
			assert_string_equal(back->types[t].name, mixed_types[t].name);
			assert_string_equal(back->types[t].label, mixed_types[t].label);
			assert_string_equal(back->types[t].sentence, mixed_types[t].sentence);
			assert_int_equal(back->types[t].unit, mixed_types[t].unit);
		}
		assert_labels_and_tasks(back);
		profile__each_sample(back, check_sample, &seen);
		assert_int_equal(seen, MIXED_SAMPLES);
		assert_same_trees(p, back);
		assert_int_equal(back->loss_cnt, 1);
		assert_int_equal(back->losses[0].type, MIXED_ALLOC);
		assert_int_equal(back->losses[0].value, 8192);
		profile__free(back);
	}
	assert_int_equal(inputs, 2);
	profile__free(p);
}

static void old_streams_are_about_cpu_time(void **state)
{
	struct profile *p = small_profile();

	(void)state;
	assert_int_equal(p->type_cnt, 1);
	assert_string_equal(p->types[0].name, "cpu");
	assert_string_equal(p->types[0].sentence, "CPU time");
	assert_int_equal(p->types[0].unit, PROFILE_NANOSECONDS);
	profile__free(p);
}

static void types_are_found_by_name(void **state)
{
	struct profile *p = mixed_profile();
	struct view v = {.type_name = "faults"};

	(void)state;
	assert_true(view__choose_type(&v, p));
	assert_int_equal(v.type, MIXED_FAULTS);
	v.type_name = "fault";
	assert_false(view__choose_type(&v, p));
	v.type_name = NULL;
	assert_true(view__choose_type(&v, p));
	assert_int_equal(v.type, MIXED_CPU);
	profile__free(p);
}

static void values_are_written_as_what_they_are(void **state)
{
	static const struct {
		const char *text, *short_text, *heading;
	} want[MIXED_TYPES] = {
		{"1.50 CPU seconds", "1.500 CPU s", "CPU s"},
		{"1430.51 MiB allocated", "1430.511 MiB allocated", "MiB allocated"},
		{"1500000000 page faults", "1500000000 page faults", "page faults"},
	};

	(void)state;
	for (size_t i = 0; i < MIXED_TYPES; i++) {
		__cleanup_free char *text = value_text(&mixed_types[i], 1.5e9);
		__cleanup_free char *short_text = value_short_text(&mixed_types[i], 1.5e9);
		__cleanup_free char *heading = value_heading(&mixed_types[i]);

		assert_string_equal(text, want[i].text);
		assert_string_equal(short_text, want[i].short_text);
		assert_string_equal(heading, want[i].heading);
	}
}

/* Ids and types that nothing defined: what can stay stays, and what cannot is counted as damage. */
static void nonsense_is_damage(void **state)
{
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink to = profile_builder__sink(b);
	struct profile_sample s = mixed_sample(0);
	struct profile *p;

	(void)state;
	tell_mixed(to);
	s.type = 9; /* known to nobody, within bounds */
	to.ops->sample(to.ctx, &s);
	s.type = 255;
	to.ops->sample(to.ctx, &s);
	s.type = 0;
	s.task = 77;
	to.ops->sample(to.ctx, &s);                                                      /* without a task, then */
	to.ops->task(to.ctx, &(struct profile_task){1, 1, 2, "its own grandchild", ""}); /* refused */
	to.ops->task(to.ctx, &(struct profile_task){9, 1, 0, "out of order", ""});
	to.ops->label(to.ctx, &(struct profile_label){8, "nobody's", "x"});
	to.ops->value_type(to.ctx, &(struct profile_value_type){7, "x", "x", "x", PROFILE_COUNT});
	to.ops->value_type(to.ctx, &(struct profile_value_type){3, "", "x", "x", PROFILE_COUNT});
	p = profile_builder__finish(b);
	assert_int_equal(p->sample_cnt, MIXED_SAMPLES + 1);
	assert_labels_and_tasks(p);
	assert_int_equal(p->type_cnt, MIXED_TYPES);
	assert_int_equal(loss_total(p), 3 + 7);
	profile__free(p);
}

/* Bytes and numbers are no times: they have a place and no width. */
static void what_is_no_time_is_a_moment(void **state)
{
	struct profile *p = mixed_profile();

	(void)state;
	for (uint8_t type = 0; type < MIXED_TYPES; type++) {
		const struct view v = {.type = type};
		struct timeline *t = timeline__new(&v, p);
		uint64_t value = 0, samples = 0;

		for (uint32_t thread = 1; thread <= p->thread_cnt; thread++) {
			size_t cnt;
			const struct timeline_sample *s = timeline__thread(t, thread, &cnt);

			for (size_t i = 0; i < cnt; i++, samples++) {
				value += s[i].value;
				assert_int_equal(timeline_span(&s[i]), type == MIXED_CPU ? s[i].value : 0);
			}
		}
		assert_int_equal(samples, mixed_sum(type, false).samples);
		assert_int_equal(value, mixed_sum(type, false).value);
		timeline__free(t);
	}
	profile__free(p);
}

/* Of the same name, wherever the types stand. */
static void comparisons_find_the_type_in_each(void **state)
{
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink to = profile_builder__sink(b);
	struct profile_value_type first = mixed_types[MIXED_ALLOC];
	struct profile *a = mixed_profile(), *only;
	const struct view v = {.type_name = "alloc"};
	const struct diff_options o = {.view = &v, .absolute = true};
	struct diff *d;

	(void)state;
	first.id = 0;
	to.ops->value_type(to.ctx, &first);
	emit_process(to, 1, 42, "python3 app.py");
	emit_thread(to, 1, 1, "MainThread");
	emit_function(to, 1, "main", "/srv/app/app.py");
	tell_frame(to, 1, 1, 11);
	tell_stack(to, 1, 0, 1);
	to.ops->sample(to.ctx, &(struct profile_sample){.value = 3 << 20, .thread = 1, .stack = 1});
	only = profile_builder__finish(b);
	d = diff__new(&o, a, only);
	assert_int_equal((uint64_t)d->run_a.value, mixed_sum(MIXED_ALLOC, false).value);
	assert_int_equal((uint64_t)d->run_b.value, 3 << 20);
	for (size_t i = 0; i < d->cnt; i++)
		if (!strcmp(d->rows[i].group->name, "main") && d->rows[i].b.samples)
			assert_float_equal(d->rows[i].own.to, 3, 1e-9); /* MiB */
	diff__free(d);
	profile__free(a);
	profile__free(only);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_are_of_a_type),
		cmocka_unit_test(buckets_are_apart_by_task),
		cmocka_unit_test(frames_are_called_by_their_kind),
		cmocka_unit_test(files_are_called_by_their_labels),
		cmocka_unit_test(all_of_it_comes_back),
		cmocka_unit_test(old_streams_are_about_cpu_time),
		cmocka_unit_test(types_are_found_by_name),
		cmocka_unit_test(values_are_written_as_what_they_are),
		cmocka_unit_test(nonsense_is_damage),
		cmocka_unit_test(comparisons_find_the_type_in_each),
		cmocka_unit_test(what_is_no_time_is_a_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
