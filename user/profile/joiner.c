/* SPDX-License-Identifier: MIT */
#include "user/profile/joiner.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/intern.h"
#include "user/util/pair_map.h"
#include <string.h>

/* Keys of one kind of things, and the ids they have in the joined stream. */
struct things {
	struct intern *keys;
	uint32_t *of_key; /* 0: none yet */
	size_t cap;
	uint32_t cnt;
};

/* Ids of one kind: from a segment's to those of the joined stream. */
struct ids {
	uint32_t *joined;
	size_t cnt, cap;
};

struct joiner {
	struct profile_sink out;
	struct things processes, threads, functions, tasks;
	struct things told; /* (process, key) of labels and sources → the value that was sent last */
	struct pair_map frames, stacks;
	uint32_t frame_cnt, stack_cnt, type_cnt;
	uint64_t *cpu_ns; /* by process: sums over the segments */
	size_t cpu_cap;
	bool begun;
	uint64_t start_unix_ns;
	uint64_t duration_ns, ticks, filtered; /* sums over the segments */
};

struct joiner_segment {
	struct joiner *j;
	struct ids processes, threads, functions, frames, stacks, tasks;
	uint64_t *cpu_ns; /* by process, as it was sent last */
	size_t cpu_cap;
	struct profile_meta last;
};

/* ---- ids --------------------------------------------------------------------------------------------- */

static uint32_t joined(const struct ids *i, uint32_t id)
{
	return id < i->cnt ? i->joined[id] : 0;
}

static void set_joined(struct ids *i, uint32_t id, uint32_t to)
{
	while (i->cnt <= id) {
		xgrow(i->joined, i->cnt, i->cap);
		i->joined[i->cnt++] = 0;
	}
	i->joined[id] = to;
}

/* Where the id for this key is kept; 0 there: none yet. Valid until the next call. */
static uint32_t *id_of_key(struct things *t, const struct buf *key)
{
	uint32_t at = intern__id(t->keys, key->data, key->len);

	if (at >= t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 64;

		t->of_key = xrealloc(t->of_key, cap * sizeof(*t->of_key));
		memset(t->of_key + t->cap, 0, (cap - t->cap) * sizeof(*t->of_key));
		t->cap = cap;
	}
	return &t->of_key[at];
}

static void put_number(struct buf *key, uint64_t number)
{
	buf_put(key, &number, sizeof(number));
}

static void put_text(struct buf *key, const char *text)
{
	buf_put(key, text ? text : "", text ? strlen(text) + 1 : 1);
}

/* The joined id of what a segment calls `id`, by its key, or a new one (`*is_new`). Frees the key. */
static uint32_t join(struct things *t, struct ids *known, uint32_t id, struct buf *key, bool *is_new)
{
	uint32_t *out = id_of_key(t, key);

	*is_new = !*out;
	if (*is_new)
		*out = ++t->cnt;
	set_joined(known, id, *out);
	buf_free(key);
	return *out;
}

/* ---- the sink ---------------------------------------------------------------------------------------- */

static void on_meta(void *ctx, const struct profile_meta *m)
{
	struct joiner_segment *s = ctx;
	struct joiner *j = s->j;
	struct profile_meta out = *m;

	if (!j->begun)
		j->start_unix_ns = m->start_unix_ns;
	j->begun = true;
	j->duration_ns += m->duration_ns - s->last.duration_ns;
	j->ticks += m->ticks - s->last.ticks;
	j->filtered += m->filtered - s->last.filtered;
	s->last = *m;
	out.start_unix_ns = j->start_unix_ns;
	out.duration_ns = j->duration_ns;
	out.ticks = j->ticks;
	out.filtered = j->filtered;
	j->out.ops->meta(j->out.ctx, &out);
}

static uint64_t *number_at(uint64_t **items, size_t *cap, uint32_t at)
{
	if (at >= *cap) {
		size_t more = *cap * 2 > at ? *cap * 2 : (size_t)at + 16;

		*items = xrealloc(*items, more * sizeof(**items));
		memset(*items + *cap, 0, (more - *cap) * sizeof(**items));
		*cap = more;
	}
	return &(*items)[at];
}

/* The CPU time that a process has used in all segments. */
static uint64_t add_cpu(struct joiner_segment *s, uint32_t id, uint32_t out, uint64_t cpu_ns)
{
	uint64_t *sum = number_at(&s->j->cpu_ns, &s->j->cpu_cap, out);
	uint64_t *last = number_at(&s->cpu_ns, &s->cpu_cap, id);

	*sum += cpu_ns - *last;
	*last = cpu_ns;
	return *sum;
}

static void on_process(void *ctx, const struct profile_process *p)
{
	struct joiner_segment *s = ctx;
	struct profile_process out = *p;
	struct buf key = {0};
	bool is_new;

	put_number(&key, p->pid);
	put_number(&key, p->start_unix_ns);
	put_number(&key, p->image);
	out.id = join(&s->j->processes, &s->processes, p->id, &key, &is_new);
	out.cpu_ns = add_cpu(s, p->id, out.id, p->cpu_ns);
	s->j->out.ops->process(s->j->out.ctx, &out);
}

static void on_thread(void *ctx, const struct profile_thread *t)
{
	struct joiner_segment *s = ctx;
	struct profile_thread out = *t;
	struct buf key = {0};
	bool is_new;

	out.process = joined(&s->processes, t->process);
	put_number(&key, out.process);
	put_number(&key, t->tid);
	put_number(&key, t->start_ns);
	put_number(&key, t->interpreter);
	out.id = join(&s->j->threads, &s->threads, t->id, &key, &is_new);
	s->j->out.ops->thread(s->j->out.ctx, &out);
}

static void on_function(void *ctx, const struct profile_function *f)
{
	struct joiner_segment *s = ctx;
	struct profile_function out = *f;
	struct buf key = {0};
	bool is_new;

	put_number(&key, (uint64_t)f->kind << 8 | (uint64_t)f->origin);
	put_number(&key, (uint64_t)(int64_t)f->first_line);
	put_text(&key, f->name);
	put_text(&key, f->module);
	put_text(&key, f->file);
	put_text(&key, f->short_file);
	out.id = join(&s->j->functions, &s->functions, f->id, &key, &is_new);
	if (is_new)
		s->j->out.ops->function(s->j->out.ctx, &out);
}

static void on_frame(void *ctx, const struct profile_frame *f)
{
	struct joiner_segment *s = ctx;
	struct profile_frame out = {.function = joined(&s->functions, f->function), .line = f->line};
	uint32_t *slot = pair_map__slot(&s->j->frames, out.function, (uint32_t)f->line);
	bool is_new = !*slot;

	if (is_new)
		*slot = ++s->j->frame_cnt;
	out.id = *slot;
	set_joined(&s->frames, f->id, out.id);
	if (is_new)
		s->j->out.ops->frame(s->j->out.ctx, &out);
}

static void on_stack(void *ctx, const struct profile_stack *k)
{
	struct joiner_segment *s = ctx;
	struct profile_stack out = {.parent = joined(&s->stacks, k->parent), .frame = joined(&s->frames, k->frame)};
	uint32_t *slot = pair_map__slot(&s->j->stacks, out.parent, out.frame);
	bool is_new = !*slot;

	if (is_new)
		*slot = ++s->j->stack_cnt;
	out.id = *slot;
	set_joined(&s->stacks, k->id, out.id);
	if (is_new)
		s->j->out.ops->stack(s->j->out.ctx, &out);
}

static void on_task(void *ctx, const struct profile_task *t)
{
	struct joiner_segment *s = ctx;
	struct profile_task out = *t;
	struct buf key = {0};
	bool is_new;

	out.process = joined(&s->processes, t->process);
	out.parent = joined(&s->tasks, t->parent);
	put_number(&key, out.process);
	put_number(&key, out.parent);
	put_text(&key, t->name);
	put_text(&key, t->coroutine);
	out.id = join(&s->j->tasks, &s->tasks, t->id, &key, &is_new);
	if (is_new)
		s->j->out.ops->task(s->j->out.ctx, &out);
}

static void on_sample(void *ctx, const struct profile_sample *one)
{
	struct joiner_segment *s = ctx;
	struct profile_sample out = *one;

	out.thread = joined(&s->threads, one->thread);
	out.stack = joined(&s->stacks, one->stack);
	out.task = joined(&s->tasks, one->task);
	s->j->out.ops->sample(s->j->out.ctx, &out);
}

static void on_loss(void *ctx, const struct profile_loss *l)
{
	struct joiner_segment *s = ctx;
	struct profile_loss out = *l;

	out.process = joined(&s->processes, l->process);
	s->j->out.ops->loss(s->j->out.ctx, &out);
}

static void on_value_type(void *ctx, const struct profile_value_type *t)
{
	struct joiner *j = ((struct joiner_segment *)ctx)->j;

	if (t->id < j->type_cnt)
		return;
	j->type_cnt = t->id + 1;
	j->out.ops->value_type(j->out.ctx, t);
}

/* Has `what` of this process another value than it was told last? */
static bool is_news(struct joiner *j, uint32_t process, const char *what, const struct buf *value)
{
	uint32_t now = intern__id(j->told.keys, value->data, value->len), *last;
	struct buf key = {0};

	put_number(&key, process);
	put_text(&key, what);
	last = id_of_key(&j->told, &key);
	buf_free(&key);
	if (*last == now)
		return false;
	*last = now;
	return true;
}

static void on_label(void *ctx, const struct profile_label *l)
{
	struct joiner_segment *s = ctx;
	struct profile_label out = *l;
	struct buf value = {0};

	out.process = joined(&s->processes, l->process);
	put_text(&value, l->value);
	if (is_news(s->j, out.process, l->key, &value))
		s->j->out.ops->label(s->j->out.ctx, &out);
	buf_free(&value);
}

static void on_source(void *ctx, const struct profile_source *t)
{
	struct joiner_segment *s = ctx;
	struct profile_source out = *t;
	__cleanup_free char *what = xasprintf("source\n%s", t->file);
	struct buf value = {0};

	out.process = joined(&s->processes, t->process);
	put_text(&value, t->label);
	put_text(&value, t->text);
	if (is_news(s->j, out.process, what, &value))
		s->j->out.ops->source(s->j->out.ctx, &out);
	buf_free(&value);
}

static const struct profile_sink_ops ops = {
	.meta = on_meta,
	.process = on_process,
	.thread = on_thread,
	.function = on_function,
	.frame = on_frame,
	.stack = on_stack,
	.sample = on_sample,
	.loss = on_loss,
	.value_type = on_value_type,
	.task = on_task,
	.label = on_label,
	.source = on_source,
};

/* ---- life --------------------------------------------------------------------------------------------- */

static void free_things(struct things *t)
{
	intern__free(t->keys);
	free(t->of_key);
}

struct joiner *joiner__new(struct profile_sink out)
{
	struct joiner *j = xcalloc(1, sizeof(*j));

	j->out = out;
	j->processes.keys = intern__new();
	j->threads.keys = intern__new();
	j->functions.keys = intern__new();
	j->tasks.keys = intern__new();
	j->told.keys = intern__new();
	return j;
}

void joiner__free(struct joiner *j)
{
	if (!j)
		return;
	free_things(&j->processes);
	free_things(&j->threads);
	free_things(&j->functions);
	free_things(&j->tasks);
	free_things(&j->told);
	pair_map__free(&j->frames);
	pair_map__free(&j->stacks);
	free(j->cpu_ns);
	free(j);
}

struct joiner_segment *joiner__begin(struct joiner *j)
{
	struct joiner_segment *s = xcalloc(1, sizeof(*s));

	s->j = j;
	return s;
}

struct profile_sink joiner_segment__sink(struct joiner_segment *s)
{
	return (struct profile_sink){&ops, s};
}

void joiner_segment__end(struct joiner_segment *s)
{
	free(s->processes.joined);
	free(s->threads.joined);
	free(s->functions.joined);
	free(s->frames.joined);
	free(s->stacks.joined);
	free(s->tasks.joined);
	free(s->cpu_ns);
	free(s);
}
