/* SPDX-License-Identifier: MIT */
/*
 * The samples of a pprof message: stacks from the leaf on, and labels that say whose they are. They
 * are added up by (stack, labels); with --timestamps the time is a label too, so there is nothing
 * to add up and each is written as it comes.
 */
#include "user/format/pb.h"
#include "user/format/pprof_message.h"
#include "user/profile/pool_name.h"
#include "user/profile/task_labels.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <string.h>

enum { SAMPLE_LOCATION_ID = 1, SAMPLE_VALUE, SAMPLE_LABEL };
enum { LABEL_KEY = 1, LABEL_STR, LABEL_NUM };

#define VALUE_BYTES 10 /* of a number, at most */

static void put_stack(struct pprof *w, struct buf *sample, uint32_t thread, uint32_t stack)
{
	size_t depth = pprof_tables__stack(&w->tables, w->p->threads[thread].process, stack);

	pb_put_packed(sample, SAMPLE_LOCATION_ID, w->tables.stack, depth);
}

/* ---- labels ---------------------------------------------------------------------------------- */

static void put_label(struct pprof *w, struct buf *sample, const char *key, const char *text)
{
	struct buf label = {0};

	if (!*text)
		return;
	pb_put_int(&label, LABEL_KEY, pprof_tables__text(&w->tables, key));
	pb_put_int(&label, LABEL_STR, pprof_tables__text(&w->tables, text));
	pb_put_message(sample, SAMPLE_LABEL, &label);
	buf_free(&label);
}

static void put_number(struct pprof *w, struct buf *sample, const char *key, uint64_t number)
{
	struct buf label = {0};

	pb_put_int(&label, LABEL_KEY, pprof_tables__text(&w->tables, key));
	pb_put_int(&label, LABEL_NUM, number);
	pb_put_message(sample, SAMPLE_LABEL, &label);
	buf_free(&label);
}

/* A label of a process that is called like one of ours would be two values of one key: it is `label_…`. */
static void put_process_labels(struct pprof *w, struct buf *out, uint32_t process)
{
	static const char *const ours[] = {"process", "thread", "thread_name", "python", "cgroup",
					   "pid",     "tid",    "gil",         "task",   "timestamp_ns"};
	size_t cnt;
	const struct profile_label *l = profile__labels(w->p, process, &cnt);

	for (size_t i = 0; i < cnt; i++) {
		bool taken = false;

		for (size_t k = 0; k < ARRAY_SIZE(ours); k++)
			taken |= !strcmp(ours[k], l[i].key);
		__cleanup_free char *key = xasprintf("%s%s", taken ? "label_" : "", l[i].key);
		put_label(w, out, key, l[i].value);
	}
}

/* `thread` and `process` read as in every other output; `thread_name` is for adding up pools. */
static const struct buf *labels_of(struct pprof *w, uint32_t thread)
{
	const struct profile *p = w->p;
	const struct profile_thread *t = &p->threads[thread];
	const struct profile_process *q = &p->processes[t->process];
	struct buf *out = &w->samples.labels[thread];

	if (out->len)
		return out;
	__cleanup_free char *thread_text = view__thread_text(p, thread);
	__cleanup_free char *process_text = view__process_text(p, t->process);
	put_label(w, out, "process", process_text);
	put_label(w, out, "thread", thread_text);
	put_label(w, out, "thread_name", t->name);
	put_label(w, out, "python", q->python);
	put_label(w, out, "cgroup", q->cgroup);
	put_number(w, out, "pid", q->pid);
	put_number(w, out, "tid", t->tid);
	put_process_labels(w, out, t->process);
	return out;
}

/* Of what a back end gets. */
static void put_pool_name(struct pprof *w, struct buf *sample, uint32_t thread)
{
	__cleanup_free char *name = pool_name(w->p->threads[thread].name);

	put_label(w, sample, "thread_name", name);
}

/* ---- samples --------------------------------------------------------------------------------- */

static void put_labels(struct pprof *w, struct buf *sample, uint32_t thread, uint32_t task)
{
	__cleanup_free char *label = NULL;

	if (!w->o.is_file) {
		if (w->o.thread_names)
			put_pool_name(w, sample, thread);
		return;
	}
	const struct buf *labels = labels_of(w, thread);
	buf_put(sample, labels->data, labels->len);
	if (!task)
		return;
	label = task_label(&w->p->tasks[task]);
	put_label(w, sample, "task", label);
}

static void begin(struct pprof *w, struct buf *sample, uint32_t thread, uint32_t stack, uint32_t task)
{
	put_stack(w, sample, thread, stack);
	put_labels(w, sample, thread, task);
}

static void finish(struct pprof *w, struct buf *sample, bool held, const uint64_t *values)
{
	put_label(w, sample, "gil", held ? "held" : "");
	pb_put_packed(sample, SAMPLE_VALUE, values, w->samples.width);
	pprof_put(w, PPROF_SAMPLE, sample);
}

/* Sums without the GIL; those with it are behind them. */
static uint64_t *sums_of(struct pprof_samples *s, const struct buf *sample)
{
	uint32_t before = intern__count(s->contents), i = intern__id(s->contents, sample->data, sample->len);
	size_t each = 2 * s->width;

	if (i > before)
		s->bytes += sample->len + (s->width + 2) * VALUE_BYTES;
	if (i >= s->sum_cap) {
		size_t cap = s->sum_cap ? s->sum_cap * 2 : 64;

		s->sums = xrealloc(s->sums, cap * each * sizeof(*s->sums));
		memset(s->sums + s->sum_cap * each, 0, (cap - s->sum_cap) * each * sizeof(*s->sums));
		s->sum_cap = cap;
	}
	return &s->sums[i * each];
}

static void add_up(struct pprof *w, const struct profile_bucket *b, uint64_t *rest)
{
	uint64_t *held = rest + w->samples.width;
	bool apart = w->o.is_file;
	size_t column = w->o.is_file ? 1 + (size_t)b->type : 1;
	uint64_t held_samples = apart ? b->gil_samples : 0, held_value = apart ? b->gil_value : 0;

	held[0] += held_samples;
	held[column] += held_value;
	rest[0] += view__samples(w->v, b) - held_samples;
	rest[column] += view__value(w->v, b) - held_value;
}

void pprof__add(struct pprof *w, const struct profile_bucket *b)
{
	struct buf sample = {0};

	if (!view__samples(w->v, b) || (!w->o.is_file && b->type != w->o.type))
		return;
	begin(w, &sample, b->thread, b->stack, b->task);
	add_up(w, b, sums_of(&w->samples, &sample));
	buf_free(&sample);
}

static void put_sums(struct pprof *w, uint32_t id, bool held)
{
	const uint64_t *sums = &w->samples.sums[(id * 2 + held) * w->samples.width];
	struct buf sample = {0};
	size_t len;
	const void *content = intern__bytes(w->samples.contents, id, &len);

	if (!sums[0])
		return;
	buf_put(&sample, content, len);
	finish(w, &sample, held, sums);
	buf_free(&sample);
}

void pprof_samples__put(struct pprof *w)
{
	for (uint32_t i = 1; i <= intern__count(w->samples.contents); i++) {
		put_sums(w, i, true);
		put_sums(w, i, false);
	}
}

size_t pprof__samples(const struct pprof *w)
{
	return intern__count(w->samples.contents);
}

size_t pprof__bytes_of(const struct pprof *w, const struct profile_bucket *b)
{
	const struct profile_thread *t = &w->p->threads[b->thread];
	size_t name = w->o.thread_names ? strlen(t->name) + sizeof("thread_name") + 4 * VALUE_BYTES : 0;

	return pprof_tables__stack_bytes(&w->tables, t->process, b->stack) + name +
	       (w->samples.width + 3) * VALUE_BYTES;
}

/* With its time. */
static int put_one(void *arg, const struct profile_sample *one)
{
	struct pprof *w = arg;
	struct pprof_samples *s = &w->samples;
	bool held = one->gil == PROFILE_GIL_HELD;
	struct buf sample = {0};

	if (!view__takes(w->v, one))
		return 0;
	begin(w, &sample, one->thread, one->stack, one->task);
	memset(s->values, 0, s->width * sizeof(*s->values));
	s->values[0] = 1;
	s->values[1 + one->type] = one->value;
	put_number(w, &sample, "timestamp_ns", one->time_unix_ns);
	finish(w, &sample, held, s->values);
	buf_free(&sample);
	return ferror(w->out) ? -EIO : 0;
}

int pprof_samples__put_each(struct pprof *w)
{
	return profile__each_sample(w->p, put_one, w);
}

void pprof_samples__init(struct pprof *w)
{
	struct pprof_samples *s = &w->samples;

	s->width = w->o.is_file ? 1 + (size_t)w->p->type_cnt : 2;
	s->contents = intern__new();
	if (!w->o.is_file)
		return;
	s->labels = xcalloc((size_t)w->p->thread_cnt + 1, sizeof(*s->labels));
	s->values = xcalloc(s->width, sizeof(*s->values));
}

void pprof_samples__free(struct pprof *w)
{
	struct pprof_samples *s = &w->samples;

	for (uint32_t i = 0; s->labels && i <= w->p->thread_cnt; i++)
		buf_free(&s->labels[i]);
	free(s->labels);
	free(s->sums);
	free(s->values);
	intern__free(s->contents);
}
