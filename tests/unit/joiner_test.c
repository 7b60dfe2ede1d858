/* SPDX-License-Identifier: MIT */
/* Segments with ids of their own, joined, are the same profile as the stream in one piece. */
#include "user/format/format.h"
#include "user/profile/joiner.h"
#include "user/profile/tee.h"
#include "user/util/alloc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define PROCESSES 5
#define THREADS   3 /* of each */
#define FUNCTIONS 20
#define LINES     4
#define DEPTH     6
#define SAMPLES   400

struct event {
	unsigned process, thread, depth;
	unsigned functions[DEPTH], lines[DEPTH]; /* root first */
	uint64_t value;
};

/* A producer with ids of one segment. */
struct feed {
	struct profile_sink out;
	uint32_t processes[PROCESSES], threads[PROCESSES][THREADS], functions[FUNCTIONS], frames[FUNCTIONS][LINES];
	uint32_t process_cnt, thread_cnt, function_cnt, frame_cnt, stack_cnt;
	struct {
		uint32_t parent, frame;
	} stacks[SAMPLES * DEPTH + 1];
};

static struct event events[SAMPLES];
static bool is_seen[PROCESSES][THREADS]; /* what a producer knows of a thread it knows in all later segments */

static void make_events(unsigned seed)
{
	srandom(seed);
	for (size_t i = 0; i < SAMPLES; i++) {
		struct event *e = &events[i];

		e->process = (unsigned)random() % PROCESSES;
		e->thread = (unsigned)random() % THREADS;
		e->depth = 1 + (unsigned)random() % DEPTH;
		e->value = 1 + (uint64_t)random() % 1000;
		for (unsigned k = 0; k < e->depth; k++) {
			e->functions[k] = (unsigned)random() % FUNCTIONS;
			e->lines[k] = (unsigned)random() % LINES;
		}
	}
}

static void put_process(struct feed *f, unsigned i, uint64_t cpu_ns)
{
	struct profile_process p = {.pid = 100 + i / 2,
				    .image = 1 + i,
				    .start_unix_ns = 1000,
				    .command = "python3 app.py",
				    .python = "3.12.1",
				    .interpreter = "/usr/bin/python3",
				    .cgroup = "/",
				    .rights = "",
				    .cpu_ns = cpu_ns};

	if (!f->processes[i])
		f->processes[i] = ++f->process_cnt;
	p.id = f->processes[i];
	f->out.ops->process(f->out.ctx, &p);
}

/* The name is known with the second sample; two have one number, at different times. */
static uint32_t thread_of(struct feed *f, unsigned process, unsigned i)
{
	uint32_t *id = &f->threads[process][i];
	struct profile_thread t = {.process = f->processes[process], .tid = 10 * process + i / 2, .start_ns = 7 + i};
	char name[32];

	snprintf(name, sizeof(name), "worker-%u", i);
	t.name = is_seen[process][i] ? name : "python3";
	is_seen[process][i] = true;
	if (!*id)
		*id = ++f->thread_cnt;
	t.id = *id;
	f->out.ops->thread(f->out.ctx, &t);
	return *id;
}

static uint32_t frame_of(struct feed *f, unsigned function, unsigned line)
{
	uint32_t *id = &f->functions[function], *frame = &f->frames[function][line];
	char name[32];

	snprintf(name, sizeof(name), "function_%u", function);
	if (!*id) {
		*id = ++f->function_cnt;
		f->out.ops->function(f->out.ctx, &(struct profile_function){.id = *id,
									    .name = name,
									    .module = "app",
									    .file = "/app.py",
									    .short_file = "app.py",
									    .first_line = (int32_t)function * 10});
	}
	if (!*frame) {
		*frame = ++f->frame_cnt;
		f->out.ops->frame(f->out.ctx,
				  &(struct profile_frame){.id = *frame, .function = *id, .line = (int32_t)line + 1});
	}
	return *frame;
}

static uint32_t stack_of(struct feed *f, uint32_t parent, uint32_t frame)
{
	for (uint32_t i = 1; i <= f->stack_cnt; i++)
		if (f->stacks[i].parent == parent && f->stacks[i].frame == frame)
			return i;
	f->stack_cnt++;
	f->stacks[f->stack_cnt].parent = parent;
	f->stacks[f->stack_cnt].frame = frame;
	f->out.ops->stack(f->out.ctx, &(struct profile_stack){.id = f->stack_cnt, .parent = parent, .frame = frame});
	return f->stack_cnt;
}

static void put_event(struct feed *f, const struct event *e)
{
	uint32_t stack = 0;

	if (!f->processes[e->process])
		put_process(f, e->process, 0);
	for (unsigned k = 0; k < e->depth; k++)
		stack = stack_of(f, stack, frame_of(f, e->functions[k], e->lines[k]));
	f->out.ops->sample(f->out.ctx, &(struct profile_sample){.value = e->value,
								.thread = thread_of(f, e->process, e->thread),
								.stack = stack});
}

static void put_meta(struct feed *f, size_t from, size_t to, bool complete)
{
	f->out.ops->meta(f->out.ctx, &(struct profile_meta){.tool = "",
							    .command = "",
							    .target = "",
							    .host = "",
							    .kernel = "",
							    .start_unix_ns = 5000 + from,
							    .duration_ns = complete ? to - from : 0,
							    .ticks = complete ? 2 * (to - from) : 0,
							    .complete = complete});
}

/* Events from … to: one segment. Each process has used 7 ns in it, as far as it is known there. */
static void put_segment(struct profile_sink out, size_t from, size_t to)
{
	struct feed *f = xcalloc(1, sizeof(*f));

	f->out = out;
	put_meta(f, from, to, false);
	for (size_t i = from; i < to; i++)
		put_event(f, &events[i]);
	for (unsigned i = 0; i < PROCESSES; i++)
		if (f->processes[i]) {
			put_process(f, i, 3);
			put_process(f, i, 7);
		}
	out.ops->loss(out.ctx, &(struct profile_loss){.reason = "ring_full",
						      .sentence = "",
						      .count = to - from,
						      .value = to - from,
						      .process = f->processes[events[from].process],
						      .failure = true});
	put_meta(f, from, to, true);
	free(f);
}

static char *folded(const struct profile *p)
{
	struct view v = {.threads = true, .process_roots = true};
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_int_equal(format_folded.write(p, &v, out), 0);
	fclose(out);
	return text;
}

static struct profile *direct(void)
{
	struct profile_builder *b = profile_builder__new(false);

	memset(is_seen, 0, sizeof(is_seen));
	put_segment(profile_builder__sink(b), 0, SAMPLES);
	return profile_builder__finish(b);
}

/* In `cnt` segments of unlike lengths; with the next one begun before the last ends, as sessions do. */
static struct profile *in_segments(size_t cnt)
{
	struct profile_builder *b = profile_builder__new(false);
	struct joiner *j = joiner__new(profile_builder__sink(b));
	struct joiner_segment *last = NULL;
	size_t at = 0;

	memset(is_seen, 0, sizeof(is_seen));
	for (size_t i = 1; i <= cnt; i++) {
		size_t to = i == cnt ? SAMPLES : at + 1 + (size_t)random() % (2 * (SAMPLES - at) / cnt);
		struct joiner_segment *s = joiner__begin(j);

		if (last)
			joiner_segment__end(last);
		if (to > SAMPLES - (cnt - i))
			to = SAMPLES - (cnt - i);
		put_segment(joiner_segment__sink(s), at, to);
		at = to;
		last = s;
	}
	joiner_segment__end(last);
	joiner__free(j);
	return profile_builder__finish(b);
}

static void test_segments_are_one_stream(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 20; seed++) {
		struct profile *whole, *joined;
		__cleanup_free char *a = NULL, *b = NULL;

		make_events(seed);
		whole = direct();
		joined = in_segments(1 + seed % 7);
		a = folded(whole);
		b = folded(joined);
		assert_string_equal(a, b);
		assert_int_equal(joined->sample_cnt, SAMPLES);
		assert_int_equal(joined->process_cnt, whole->process_cnt);
		assert_int_equal(joined->function_cnt, whole->function_cnt);
		assert_int_equal(joined->stack_cnt, whole->stack_cnt);
		assert_int_equal(joined->meta.start_unix_ns, 5000);
		assert_int_equal(joined->meta.duration_ns, SAMPLES);
		assert_int_equal(joined->meta.ticks, 2 * SAMPLES);
		assert_int_equal(joined->type_cnt, 1);
		for (size_t i = 0; i < joined->loss_cnt; i++)
			assert_string_equal(joined->losses[i].reason, "ring_full"); /* nothing was damaged */
		profile__free(whole);
		profile__free(joined);
	}
}

static void test_cpu_time_is_summed(void **state)
{
	struct profile *p;

	(void)state;
	make_events(4);
	for (size_t i = 0; i < SAMPLES; i++)
		events[i].process = 0;
	p = in_segments(5);
	assert_int_equal(p->process_cnt, 1);
	assert_int_equal(p->processes[1].cpu_ns, 5 * 7);
	profile__free(p);
}

/* A later value of a label counts, and one that was told before is not told again. */
static void test_labels_and_texts(void **state)
{
	struct profile_builder *b = profile_builder__new(false);
	struct joiner *j = joiner__new(profile_builder__sink(b));
	static const char *const values[] = {"a", "a", "b", "a"};
	struct profile *p;
	size_t cnt;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		struct joiner_segment *s = joiner__begin(j);
		struct feed *f = xcalloc(1, sizeof(*f));

		f->out = joiner_segment__sink(s);
		put_process(f, 2, 0);
		f->out.ops->label(f->out.ctx,
				  &(struct profile_label){.process = 1, .key = "container", .value = values[i]});
		f->out.ops->source(f->out.ctx, &(struct profile_source){
						       .process = 1, .file = "<cell>", .label = "", .text = values[i]});
		joiner_segment__end(s);
		free(f);
	}
	joiner__free(j);
	p = profile_builder__finish(b);
	assert_int_equal(profile__labels(p, 1, &cnt)->value[0], 'a');
	assert_int_equal(cnt, 1);
	assert_int_equal(p->source_cnt, 1);
	assert_string_equal(p->sources[0].text, "a");
	profile__free(p);
}

static void test_a_tee_gives_each_all(void **state)
{
	struct profile_builder *a = profile_builder__new(false), *b = profile_builder__new(false);
	__cleanup_free char *of_a = NULL, *of_b = NULL, *alone = NULL;
	struct profile *p, *q, *r;
	struct tee t = {0};

	(void)state;
	make_events(9);
	memset(is_seen, 0, sizeof(is_seen));
	tee__add(&t, profile_builder__sink(a));
	tee__add(&t, profile_builder__sink(b));
	put_segment(tee__sink(&t), 0, SAMPLES);
	tee__free(&t);
	p = profile_builder__finish(a);
	q = profile_builder__finish(b);
	r = direct();
	of_a = folded(p);
	of_b = folded(q);
	alone = folded(r);
	assert_string_equal(of_a, alone);
	assert_string_equal(of_b, alone);
	assert_true(strlen(alone) > 0);
	profile__free(p);
	profile__free(q);
	profile__free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_segments_are_one_stream),
		cmocka_unit_test(test_cpu_time_is_summed),
		cmocka_unit_test(test_labels_and_texts),
		cmocka_unit_test(test_a_tee_gives_each_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
