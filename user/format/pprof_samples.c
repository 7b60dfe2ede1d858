/*
 * The samples of a pprof file: stacks from the leaf on, and labels that say whose they are. They
 * are added up by (stack, labels); with --timestamps the time is a label too, so there is nothing
 * to add up and each is written as it comes.
 */
#include "user/format/pprof.h"
#include "user/util/alloc.h"
#include "user/util/pair_map.h"
#include <errno.h>
#include <string.h>

enum { SAMPLE_LOCATION_ID = 1, SAMPLE_VALUE, SAMPLE_LABEL };
enum { LABEL_KEY = 1, LABEL_STR, LABEL_NUM };

struct sum {
	uint64_t samples, value_ns;
};
/* Samples of a stack and a thread, apart by the label `gil`. */
struct sums {
	struct sum held, rest;
};

struct samples {
	struct pprof *w;
	struct pair_map known;   /* (mapping, frame) → location id */
	uint32_t *mapping_of;    /* by process; 0: not made yet */
	struct buf *labels;      /* by thread, as they are in a Sample; empty: not made yet */
	uint64_t *stack;         /* location ids of the stack at hand */
	struct intern *contents; /* a Sample without values and `gil` → index of its sums */
	struct sums *sums;
	size_t sum_cap;
};

/* ---- locations ------------------------------------------------------------------------------- */

static uint32_t mapping_of(struct samples *s, uint32_t process)
{
	const struct profile_process *q = &s->w->p->processes[process];
	uint32_t *known = &s->mapping_of[process];

	if (!*known) {
		__cleanup_free char *key = xasprintf("%s\n%s", q->interpreter, q->python);

		*known = intern__id(s->w->mappings, key, strlen(key));
	}
	return *known;
}

static uint32_t location_of(struct samples *s, uint32_t mapping, uint32_t frame)
{
	uint32_t *known = pair_map__slot(&s->known, mapping, frame);
	const struct pprof *w = s->w;

	if (!*known) {
		const struct pprof_location l = {
			mapping, w->places->of_function[w->p->frames[frame].function],
			view__line(w->v, w->p, frame)};

		*known = intern__id(w->locations, &l, sizeof(l));
	}
	return *known;
}

static void put_stack(struct samples *s, struct buf *sample, uint32_t thread, uint32_t stack)
{
	const struct profile *p = s->w->p;
	uint32_t mapping = mapping_of(s, p->threads[thread].process);
	size_t depth = 0;

	for (; stack; stack = p->stacks[stack].parent)
		s->stack[depth++] =
			location_of(s, mapping, view__frame(s->w->v, p, p->stacks[stack].frame));
	pb_put_packed(sample, SAMPLE_LOCATION_ID, s->stack, depth);
}

/* ---- labels ---------------------------------------------------------------------------------- */

static void put_label(struct pprof *w, struct buf *sample, const char *key, const char *text)
{
	struct buf label = {0};

	if (!*text)
		return;
	pb_put_int(&label, LABEL_KEY, pprof_text_id(w, key));
	pb_put_int(&label, LABEL_STR, pprof_text_id(w, text));
	pb_put_message(sample, SAMPLE_LABEL, &label);
	buf_free(&label);
}

static void put_number(struct pprof *w, struct buf *sample, const char *key, uint64_t number)
{
	struct buf label = {0};

	pb_put_int(&label, LABEL_KEY, pprof_text_id(w, key));
	pb_put_int(&label, LABEL_NUM, number);
	pb_put_message(sample, SAMPLE_LABEL, &label);
	buf_free(&label);
}

/* `thread` and `process` read as in every other output; `thread_name` is for adding up pools. */
static const struct buf *labels_of(struct samples *s, uint32_t thread)
{
	const struct profile *p = s->w->p;
	const struct profile_thread *t = &p->threads[thread];
	const struct profile_process *q = &p->processes[t->process];
	struct buf *out = &s->labels[thread];

	if (out->len)
		return out;
	__cleanup_free char *thread_text = view__thread_text(p, thread);
	__cleanup_free char *process_text = view__process_text(p, t->process);
	put_label(s->w, out, "process", process_text);
	put_label(s->w, out, "thread", thread_text);
	put_label(s->w, out, "thread_name", t->name);
	put_label(s->w, out, "python", q->python);
	put_label(s->w, out, "cgroup", q->cgroup);
	put_number(s->w, out, "pid", q->pid);
	put_number(s->w, out, "tid", t->tid);
	return out;
}

/* ---- samples --------------------------------------------------------------------------------- */

static void begin(struct samples *s, struct buf *sample, uint32_t thread, uint32_t stack)
{
	const struct buf *labels;

	put_stack(s, sample, thread, stack);
	labels = labels_of(s, thread);
	buf_put(sample, labels->data, labels->len);
}

static void finish(struct samples *s, struct buf *sample, const char *gil, struct sum sum)
{
	const uint64_t values[] = {sum.samples, sum.value_ns};

	put_label(s->w, sample, "gil", gil);
	pb_put_packed(sample, SAMPLE_VALUE, values, ARRAY_SIZE(values));
	pprof_put(s->w, PPROF_SAMPLE, sample);
}

static struct sums *sums_of(struct samples *s, const struct buf *sample)
{
	uint32_t i = intern__id(s->contents, sample->data, sample->len);

	if (i >= s->sum_cap) {
		size_t cap = s->sum_cap ? s->sum_cap * 2 : 64;

		s->sums = xrealloc(s->sums, cap * sizeof(*s->sums));
		memset(s->sums + s->sum_cap, 0, (cap - s->sum_cap) * sizeof(*s->sums));
		s->sum_cap = cap;
	}
	return &s->sums[i];
}

static void add_bucket(struct samples *s, const struct profile_bucket *b)
{
	struct buf sample = {0};
	struct sums *sums;

	begin(s, &sample, b->thread, b->stack);
	sums = sums_of(s, &sample);
	sums->held.samples += b->gil_samples;
	sums->held.value_ns += b->gil_value_ns;
	sums->rest.samples += view__samples(s->w->v, b) - b->gil_samples;
	sums->rest.value_ns += view__value_ns(s->w->v, b) - b->gil_value_ns;
	buf_free(&sample);
}

static void put_sums(struct samples *s, uint32_t id, const char *gil, struct sum sum)
{
	struct buf sample = {0};
	size_t len;
	const void *content = intern__bytes(s->contents, id, &len);

	if (!sum.samples)
		return;
	buf_put(&sample, content, len);
	finish(s, &sample, gil, sum);
	buf_free(&sample);
}

static void put_added_up(struct samples *s)
{
	const struct profile *p = s->w->p;

	for (size_t i = 0; i < p->bucket_cnt; i++)
		if (view__samples(s->w->v, &p->buckets[i]))
			add_bucket(s, &p->buckets[i]);
	for (uint32_t i = 1; i <= intern__count(s->contents); i++) {
		put_sums(s, i, "held", s->sums[i].held);
		put_sums(s, i, "", s->sums[i].rest);
	}
}

/* With its time. */
static int put_one(void *arg, const struct profile_sample *one)
{
	struct samples *s = arg;
	bool held = one->gil == PROFILE_GIL_HELD;
	struct buf sample = {0};

	if (s->w->v->gil_only && !held)
		return 0;
	begin(s, &sample, one->thread, one->stack);
	put_number(s->w, &sample, "timestamp_ns", one->time_unix_ns);
	finish(s, &sample, held ? "held" : "", (struct sum){1, one->value_ns});
	buf_free(&sample);
	return ferror(s->w->out) ? -EIO : 0;
}

static void release(struct samples *s)
{
	for (uint32_t i = 0; i <= s->w->p->thread_cnt; i++)
		buf_free(&s->labels[i]);
	free(s->labels);
	free(s->mapping_of);
	free(s->stack);
	free(s->sums);
	intern__free(s->contents);
	pair_map__free(&s->known);
}

int pprof_put_samples(struct pprof *w)
{
	struct samples s = {.w = w, .contents = intern__new()};
	int err = 0;

	s.mapping_of = xcalloc((size_t)w->p->process_cnt + 1, sizeof(*s.mapping_of));
	s.labels = xcalloc((size_t)w->p->thread_cnt + 1, sizeof(*s.labels));
	s.stack = xcalloc(profile__max_depth(w->p) + 1, sizeof(*s.stack));
	if (w->v->timestamps)
		err = profile__each_sample(w->p, put_one, &s);
	else
		put_added_up(&s);
	release(&s);
	return err;
}
