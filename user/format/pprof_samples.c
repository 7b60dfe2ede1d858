/* SPDX-License-Identifier: MIT */
/*
 * The samples of a pprof file: stacks from the leaf on, and labels that say whose they are. They
 * are added up by (stack, labels); with --timestamps the time is a label too, so there is nothing
 * to add up and each is written as it comes.
 */
#include "user/format/pprof.h"
#include "user/profile/task_labels.h"
#include "user/util/alloc.h"
#include "user/util/pair_map.h"
#include <errno.h>
#include <string.h>

enum { SAMPLE_LOCATION_ID = 1, SAMPLE_VALUE, SAMPLE_LABEL };
enum { LABEL_KEY = 1, LABEL_STR, LABEL_NUM };

struct samples {
	struct pprof *w;
	struct pair_map known;   /* (mapping, frame) → location id */
	uint32_t *mapping_of;    /* by process; 0: not made yet */
	struct buf inlined;      /* struct pprof_line…, of the location at hand */
	struct buf *labels;      /* by thread, as they are in a Sample; empty: not made yet */
	uint64_t *stack;         /* location ids of the stack at hand */
	struct intern *contents; /* a Sample without values and `gil` → index of its sums */
	/* By content, held the GIL or not, and then samples and the values of each type. */
	uint64_t *sums;
	size_t sum_cap, width;
	uint64_t *values; /* room for those of one sample */
};

/* ---- locations ------------------------------------------------------------------------------- */

/* Of a frame that is not the interpreter's: the object it is in, of the kernel as perf calls it. */
static uint32_t native_mapping(struct samples *s, const struct profile_function *f)
{
	bool is_kernel = f->kind == PROFILE_KERNEL;
	const char *name = *f->module ? f->module : is_kernel ? "kernel" : f->file;
	__cleanup_free char *key = NULL;

	if (is_kernel)
		key = strcmp(name, "kernel") ? xasprintf("[%s]\n", name) : xstrdup("[kernel.kallsyms]\n");
	else
		key = xasprintf("%s\n", name);
	return intern__id(s->w->mappings, key, strlen(key));
}

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

static void put_line(struct samples *s, uint32_t frame)
{
	const struct pprof *w = s->w;
	const struct pprof_line line = {w->function_ids->of_function[w->p->frames[frame].function],
					view__line(w->v, w->p, frame)};

	buf_put(&s->inlined, &line, sizeof(line));
}

/* Of the frame with what was inlined into it, which is in front of it in `inlined`. */
static uint32_t make_location(struct samples *s, uint32_t mapping, uint32_t frame)
{
	const struct profile_function *f = &s->w->p->functions[s->w->p->frames[frame].function];
	struct buf key = {0};
	uint32_t id;

	if (view__is_native(f))
		mapping = native_mapping(s, f);
	put_line(s, frame);
	buf_put(&key, &mapping, sizeof(mapping));
	buf_put(&key, s->inlined.data, s->inlined.len);
	id = intern__id(s->w->locations, key.data, key.len);
	buf_reset(&s->inlined);
	buf_free(&key);
	return id;
}

static uint32_t location_of(struct samples *s, uint32_t mapping, uint32_t frame)
{
	uint32_t *known;

	if (s->inlined.len)
		return make_location(s, mapping, frame);
	known = pair_map__slot(&s->known, mapping, frame);
	if (!*known)
		*known = make_location(s, mapping, frame);
	return *known;
}

static const struct profile_function *function_at(const struct profile *p, uint32_t stack)
{
	return &p->functions[p->frames[p->stacks[stack].frame].function];
}

/* Into the native frame below it; what else would be below it has it as a caller. */
static bool is_part_of_next(const struct profile *p, uint32_t stack)
{
	uint32_t parent = p->stacks[stack].parent;

	return function_at(p, stack)->kind == PROFILE_INLINED && parent && view__is_native(function_at(p, parent));
}

static void put_stack(struct samples *s, struct buf *sample, uint32_t thread, uint32_t stack)
{
	const struct profile *p = s->w->p;
	uint32_t mapping = mapping_of(s, p->threads[thread].process);
	size_t depth = 0;

	for (; stack; stack = p->stacks[stack].parent) {
		uint32_t frame = view__frame(s->w->v, p, p->stacks[stack].frame);

		if (is_part_of_next(p, stack))
			put_line(s, frame);
		else
			s->stack[depth++] = location_of(s, mapping, frame);
	}
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
	put_process_labels(s->w, out, t->process);
	return out;
}

/* ---- samples --------------------------------------------------------------------------------- */

static void begin(struct samples *s, struct buf *sample, uint32_t thread, uint32_t stack, uint32_t task)
{
	const struct buf *labels;
	__cleanup_free char *label = NULL;

	put_stack(s, sample, thread, stack);
	labels = labels_of(s, thread);
	buf_put(sample, labels->data, labels->len);
	if (!task)
		return;
	label = task_label(&s->w->p->tasks[task]);
	put_label(s->w, sample, "task", label);
}

static void finish(struct samples *s, struct buf *sample, bool held, const uint64_t *values)
{
	put_label(s->w, sample, "gil", held ? "held" : "");
	pb_put_packed(sample, SAMPLE_VALUE, values, s->width);
	pprof_put(s->w, PPROF_SAMPLE, sample);
}

/* Sums without the GIL; those with it are behind them. */
static uint64_t *sums_of(struct samples *s, const struct buf *sample)
{
	uint32_t i = intern__id(s->contents, sample->data, sample->len);
	size_t each = 2 * s->width;

	if (i >= s->sum_cap) {
		size_t cap = s->sum_cap ? s->sum_cap * 2 : 64;

		s->sums = xrealloc(s->sums, cap * each * sizeof(*s->sums));
		memset(s->sums + s->sum_cap * each, 0, (cap - s->sum_cap) * each * sizeof(*s->sums));
		s->sum_cap = cap;
	}
	return &s->sums[i * each];
}

static void add_bucket(struct samples *s, const struct profile_bucket *b)
{
	struct buf sample = {0};
	uint64_t *rest, *held;

	begin(s, &sample, b->thread, b->stack, b->task);
	rest = sums_of(s, &sample);
	held = rest + s->width;
	held[0] += b->gil_samples;
	held[1 + b->type] += b->gil_value;
	rest[0] += view__samples(s->w->v, b) - b->gil_samples;
	rest[1 + b->type] += view__value(s->w->v, b) - b->gil_value;
	buf_free(&sample);
}

static void put_sums(struct samples *s, uint32_t id, bool held)
{
	const uint64_t *sums = &s->sums[(id * 2 + held) * s->width];
	struct buf sample = {0};
	size_t len;
	const void *content = intern__bytes(s->contents, id, &len);

	if (!sums[0])
		return;
	buf_put(&sample, content, len);
	finish(s, &sample, held, sums);
	buf_free(&sample);
}

static void put_added_up(struct samples *s)
{
	const struct profile *p = s->w->p;

	for (size_t i = 0; i < p->bucket_cnt; i++)
		if (view__samples(s->w->v, &p->buckets[i]))
			add_bucket(s, &p->buckets[i]);
	for (uint32_t i = 1; i <= intern__count(s->contents); i++) {
		put_sums(s, i, true);
		put_sums(s, i, false);
	}
}

/* With its time. */
static int put_one(void *arg, const struct profile_sample *one)
{
	struct samples *s = arg;
	bool held = one->gil == PROFILE_GIL_HELD;
	struct buf sample = {0};

	if (!view__takes(s->w->v, one))
		return 0;
	begin(s, &sample, one->thread, one->stack, one->task);
	memset(s->values, 0, s->width * sizeof(*s->values));
	s->values[0] = 1;
	s->values[1 + one->type] = one->value;
	put_number(s->w, &sample, "timestamp_ns", one->time_unix_ns);
	finish(s, &sample, held, s->values);
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
	free(s->values);
	buf_free(&s->inlined);
	intern__free(s->contents);
	pair_map__free(&s->known);
}

int pprof_put_samples(struct pprof *w)
{
	struct samples s = {.w = w, .contents = intern__new(), .width = 1 + (size_t)w->p->type_cnt};
	int err = 0;

	s.mapping_of = xcalloc((size_t)w->p->process_cnt + 1, sizeof(*s.mapping_of));
	s.labels = xcalloc((size_t)w->p->thread_cnt + 1, sizeof(*s.labels));
	s.values = xcalloc(s.width, sizeof(*s.values));
	s.stack = xcalloc(profile__max_depth(w->p) + 1, sizeof(*s.stack));
	if (w->v->timestamps)
		err = profile__each_sample(w->p, put_one, &s);
	else
		put_added_up(&s);
	release(&s);
	return err;
}
