/* SPDX-License-Identifier: MIT */
/*
 * Fills a profile from the stream of facts. The stream may come from a damaged or hostile file: an item whose id is not
 * the next one of its kind, or that refers to something unknown, is dropped and counted as loss "damaged", so
 * everything in a finished profile can be followed without a check.
 */
#include "user/profile/buckets.h"
#include "user/profile/generated.h"
#include "user/profile/module_name.h"
#include "user/profile/owned.h"
#include "user/profile/short_files.h"
#include "user/profile/value_type.h"
#include "user/util/alloc.h"
#include "user/util/pair_map.h"
#include "user/util/text.h"
#include <math.h>
#include <string.h>

struct kept {
	struct profile_sample *samples;
	size_t count, cap;
};

struct profile_builder {
	struct owned *o;
	size_t process_cap, thread_cap, function_cap, first_cap, frame_cap, stack_cap, depth_cap;
	size_t loss_cap, type_cap, task_cap, label_cap, source_cap;
	uint16_t *depths; /* by stack */
	struct buckets buckets;
	struct pair_map losses;  /* (process, reason and type) → index + 1 */
	struct pair_map labels;  /* (process, key) → index + 1 */
	struct pair_map sources; /* (process, file) → index + 1 */
	struct pair_map called;  /* (file) → index + 1 of a source that has a label for it */
	bool relabel;            /* functions may be of files that have one by now */
	struct kept *kept;       /* NULL: not kept */
	uint64_t damaged;
	uint64_t last_time_ns;
};

static const char *keep_as(struct profile_builder *b, const char *text, unsigned flags, uint32_t *id)
{
	__cleanup_free char *clean = text_clean(text ? text : "", text ? strlen(text) : 0, flags);
	uint32_t found = intern__id(b->o->texts, clean, strlen(clean));

	if (id)
		*id = found;
	return intern__bytes(b->o->texts, found, NULL);
}

/* Clean, and one copy for equal texts. */
static const char *keep(struct profile_builder *b, const char *text, uint32_t *id)
{
	return keep_as(b, text, 0, id);
}

static double sane(double hz)
{
	return isfinite(hz) && hz > 0 ? hz : 0;
}

static void on_meta(void *ctx, const struct profile_meta *m)
{
	struct profile_builder *b = ctx;
	struct profile_meta *out = &b->o->p.meta;

	*out = *m;
	out->tool = keep(b, m->tool, NULL);
	out->command = keep(b, m->command, NULL);
	out->target = keep(b, m->target, NULL);
	out->host = keep(b, m->host, NULL);
	out->kernel = keep(b, m->kernel, NULL);
	out->rate_hz = sane(m->rate_hz);
	out->effective_rate_hz = sane(m->effective_rate_hz);
}

/* A process or thread may come again when more is known of it; any other id must be the next. */
static bool is_next_or_known(uint32_t id, uint32_t count)
{
	return id && id - 1 <= count;
}

static void on_process(void *ctx, const struct profile_process *in)
{
	struct profile_builder *b = ctx;
	struct profile *p = &b->o->p;
	struct profile_process out = *in;

	if (!is_next_or_known(in->id, p->process_cnt)) {
		b->damaged++;
		return;
	}
	out.command = keep(b, in->command, NULL);
	out.python = keep(b, in->python, NULL);
	out.interpreter = keep(b, in->interpreter, NULL);
	out.cgroup = keep(b, in->cgroup, NULL);
	out.rights = keep(b, in->rights, NULL);
	if ((unsigned)in->root >= PROFILE_ROOTS)
		out.root = PROFILE_ROOT_OTHER;
	xgrow(p->processes, p->process_cnt + 1, b->process_cap);
	if (in->id > p->process_cnt)
		p->process_cnt++;
	p->processes[in->id] = out;
}

static void on_thread(void *ctx, const struct profile_thread *in)
{
	struct profile_builder *b = ctx;
	struct profile *p = &b->o->p;
	struct profile_thread out = *in;

	if (!is_next_or_known(in->id, p->thread_cnt) || !in->process || in->process > p->process_cnt) {
		b->damaged++;
		return;
	}
	out.name = keep(b, in->name, NULL);
	xgrow(p->threads, p->thread_cnt + 1, b->thread_cap);
	if (in->id > p->thread_cnt)
		p->thread_cnt++;
	p->threads[in->id] = out;
}

/* A task's parent comes before it, so there is no circle of them. */
static void on_task(void *ctx, const struct profile_task *in)
{
	struct profile_builder *b = ctx;
	struct profile *p = &b->o->p;
	struct profile_task out = *in;

	if (!is_next_or_known(in->id, p->task_cnt) || in->parent >= in->id || !in->process ||
	    in->process > p->process_cnt) {
		b->damaged++;
		return;
	}
	out.name = keep(b, in->name, NULL);
	out.coroutine = keep(b, in->coroutine, NULL);
	xgrow(p->tasks, p->task_cnt + 1, b->task_cap);
	if (in->id > p->task_cnt)
		p->task_cnt++;
	p->tasks[in->id] = out;
}

static void on_label(void *ctx, const struct profile_label *in)
{
	struct profile_builder *b = ctx;
	struct profile *p = &b->o->p;

	struct profile_label out = *in;
	uint32_t key, *slot;

	if (!in->process || in->process > p->process_cnt || !in->key || !*in->key) {
		b->damaged++;
		return;
	}
	out.key = keep(b, in->key, &key);
	out.value = keep(b, in->value ? in->value : "", NULL);
	slot = pair_map__slot(&b->labels, in->process, key);
	if (!*slot) {
		xgrow(p->labels, p->label_cnt, b->label_cap);
		*slot = (uint32_t)++p->label_cnt;
	}
	p->labels[*slot - 1] = out;
}

static void on_source(void *ctx, const struct profile_source *in)
{
	struct profile_builder *b = ctx;
	struct profile *p = &b->o->p;
	struct profile_source out = *in;
	uint32_t file, *slot;

	if (!in->process || in->process > p->process_cnt || !in->file || !*in->file) {
		b->damaged++;
		return;
	}
	out.file = keep(b, in->file, &file);
	out.label = keep(b, in->label, NULL);
	out.text = keep_as(b, in->text, TEXT_KEEP_NEWLINES, NULL);
	slot = pair_map__slot(&b->sources, in->process, file);
	if (!*slot) {
		xgrow(p->sources, p->source_cnt, b->source_cap);
		*slot = (uint32_t)++p->source_cnt;
	}
	p->sources[*slot - 1] = out;
	if (!*out.label || !module_name_is_cell(out.file)) /* a process calls its own files anything */
		return;
	*pair_map__slot(&b->called, file, 0) = *slot;
	b->relabel = true;
}

/* Functions are shown by the names that people have for their files. */
static void relabel(struct profile_builder *b)
{
	struct profile *p = &b->o->p;

	for (uint32_t i = 1; b->relabel && i <= p->function_cnt; i++) {
		const char *file = p->functions[i].file;
		uint32_t id = intern__find(b->o->texts, file, strlen(file));
		uint32_t source = id ? pair_map__get(&b->called, id, 0) : 0;

		if (source && *p->sources[source - 1].label)
			p->functions[i].short_file = p->sources[source - 1].label;
	}
	b->relabel = false;
}

/* The first one announced replaces the default. */
static void on_value_type(void *ctx, const struct profile_value_type *in)
{
	struct profile_builder *b = ctx;
	struct profile *p = &b->o->p;
	struct profile_value_type out = *in;

	if (in->id > p->type_cnt || in->id >= PROFILE_MAX_TYPES || !in->name || !*in->name ||
	    (unsigned)in->unit >= PROFILE_UNITS) {
		b->damaged++;
		return;
	}
	out.name = keep(b, in->name, NULL);
	out.label = in->label && *in->label ? keep(b, in->label, NULL) : out.name;
	out.sentence = in->sentence && *in->sentence ? keep(b, in->sentence, NULL) : out.name;
	xgrow(p->types, p->type_cnt, b->type_cap);
	if (in->id == p->type_cnt)
		p->type_cnt++;
	p->types[in->id] = out;
}

static void on_function(void *ctx, const struct profile_function *in)
{
	struct profile_builder *b = ctx;
	struct profile *p = &b->o->p;
	struct profile_function out = *in;

	if (in->id != p->function_cnt + 1) {
		b->damaged++;
		return;
	}
	out.name = keep(b, in->name, NULL);
	out.module = keep(b, in->module, NULL);
	out.file = keep(b, in->file, NULL);
	out.short_file = keep(b, in->short_file, NULL);
	if ((unsigned)in->origin >= PROFILE_ORIGINS)
		out.origin = PROFILE_USER;
	if ((unsigned)in->kind >= PROFILE_KINDS)
		out.kind = PROFILE_PYTHON;
	xgrow(p->functions, p->function_cnt + 1, b->function_cap);
	xgrow(b->o->first_frames, p->function_cnt + 1, b->first_cap);
	p->functions[++p->function_cnt] = out;
	b->o->first_frames[p->function_cnt] = 0;
	b->relabel |= p->source_cnt > 0;
}

static void on_frame(void *ctx, const struct profile_frame *in)
{
	struct profile_builder *b = ctx;
	struct profile *p = &b->o->p;

	if (in->id != p->frame_cnt + 1 || !in->function || in->function > p->function_cnt) {
		b->damaged++;
		return;
	}
	xgrow(p->frames, p->frame_cnt + 1, b->frame_cap);
	p->frames[++p->frame_cnt] = *in;
	if (!b->o->first_frames[in->function])
		b->o->first_frames[in->function] = in->id;
}

static void on_stack(void *ctx, const struct profile_stack *in)
{
	struct profile_builder *b = ctx;
	struct profile *p = &b->o->p;
	uint16_t depth;

	if (in->id != p->stack_cnt + 1 || in->parent >= in->id || !in->frame || in->frame > p->frame_cnt ||
	    b->depths[in->parent] == PROFILE_MAX_DEPTH) {
		b->damaged++;
		return;
	}
	depth = b->depths[in->parent] + 1;
	xgrow(p->stacks, p->stack_cnt + 1, b->stack_cap);
	xgrow(b->depths, p->stack_cnt + 1, b->depth_cap);
	p->stacks[++p->stack_cnt] = *in;
	b->depths[p->stack_cnt] = depth;
	if (depth > b->o->max_depth)
		b->o->max_depth = depth;
}

static void on_sample(void *ctx, const struct profile_sample *s)
{
	struct profile_builder *b = ctx;

	if (!buckets__add(&b->buckets, &b->o->p, s)) {
		b->damaged++;
		return;
	}
	if (s->time_unix_ns > b->last_time_ns)
		b->last_time_ns = s->time_unix_ns;
	if (b->kept) {
		xgrow(b->kept->samples, b->kept->count, b->kept->cap);
		b->kept->samples[b->kept->count++] = *s;
	}
}

static void widen(struct profile_loss *into, const struct profile_loss *more)
{
	if (more->from_unix_ns < into->from_unix_ns)
		into->from_unix_ns = more->from_unix_ns;
	if (more->to_unix_ns > into->to_unix_ns)
		into->to_unix_ns = more->to_unix_ns;
	into->count += more->count;
	into->value += more->value;
	into->failure |= more->failure;
	into->failed |= more->failed;
}

static void on_loss(void *ctx, const struct profile_loss *in)
{
	struct profile_builder *b = ctx;
	struct profile *p = &b->o->p;
	struct profile_loss out = *in;
	uint32_t reason, *slot;

	if (in->process > p->process_cnt)
		out.process = 0; /* a loss is never dropped */
	out.reason = keep(b, in->reason, &reason);
	out.sentence = keep(b, in->sentence, NULL);
	if (out.type >= p->type_cnt)
		out.type = 0;
	slot = pair_map__slot(&b->losses, out.process, reason * PROFILE_MAX_TYPES + out.type);
	if (*slot) {
		widen(&p->losses[*slot - 1], &out);
		return;
	}
	xgrow(p->losses, p->loss_cnt, b->loss_cap);
	p->losses[p->loss_cnt++] = out;
	*slot = (uint32_t)p->loss_cnt;
}

static const struct profile_sink_ops builder_ops = {
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

/* Entry 0 of each table answers for "none": empty texts, no references. */
static void put_none(struct profile_builder *b)
{
	struct owned *o = b->o;
	struct profile *p = &o->p;

	xgrow(p->processes, 0, b->process_cap);
	p->processes[0] =
		(struct profile_process){.command = "", .python = "", .interpreter = "", .cgroup = "", .rights = ""};
	xgrow(p->threads, 0, b->thread_cap);
	p->threads[0] = (struct profile_thread){.name = ""};
	xgrow(p->functions, 0, b->function_cap);
	p->functions[0] = (struct profile_function){.name = "", .module = "", .file = "", .short_file = ""};
	xgrow(o->first_frames, 0, b->first_cap);
	o->first_frames[0] = 0;
	xgrow(p->frames, 0, b->frame_cap);
	p->frames[0] = (struct profile_frame){0};
	xgrow(p->stacks, 0, b->stack_cap);
	p->stacks[0] = (struct profile_stack){0};
	xgrow(b->depths, 0, b->depth_cap);
	b->depths[0] = 0;
	xgrow(p->tasks, 0, b->task_cap);
	p->tasks[0] = (struct profile_task){.name = "", .coroutine = ""};
	on_value_type(b, &profile_cpu_type);
}

struct profile_builder *profile_builder__new(bool keep_samples)
{
	struct profile_builder *b = xcalloc(1, sizeof(*b));

	b->o = xcalloc(1, sizeof(*b->o));
	b->o->texts = intern__new();
	if (keep_samples)
		b->kept = xcalloc(1, sizeof(*b->kept));
	put_none(b);
	on_meta(b, &(struct profile_meta){0});
	return b;
}

struct profile_sink profile_builder__sink(struct profile_builder *b)
{
	return (struct profile_sink){&builder_ops, b};
}

const struct profile *profile_builder__peek(const struct profile_builder *b)
{
	return &b->o->p;
}

void profile_builder__flush(struct profile_builder *b)
{
	buckets__flush(&b->buckets, &b->o->p);
	relabel(b);
}

void profile_builder__fold(struct profile_builder *b, const bool *ended, uint32_t *moved)
{
	buckets__fold(&b->buckets, &b->o->p, ended, moved);
}

static int kept_each(void *ctx, profile_sample_fn fn, void *arg)
{
	const struct kept *k = ctx;
	int err = 0;

	for (size_t i = 0; i < k->count && !err; i++)
		err = fn(arg, &k->samples[i]);
	return err;
}

static void kept_free(void *ctx)
{
	struct kept *k = ctx;

	free(k->samples);
	free(k);
}

static int by_process(const void *a, const void *b)
{
	const struct profile_label *x = a, *y = b;

	if (x->process != y->process)
		return x->process < y->process ? -1 : 1;
	return strcmp(x->key, y->key);
}

/* An empty one has taken the place of what was so once, and is no more. */
static void drop_empty_labels(struct profile *p)
{
	size_t cnt = 0;

	for (size_t i = 0; i < p->label_cnt; i++)
		if (*p->labels[i].value)
			p->labels[cnt++] = p->labels[i];
	p->label_cnt = cnt;
}

static void emit_damage(struct profile_builder *b, struct profile_loss *damage)
{
	for (uint8_t type = 0; type < PROFILE_MAX_TYPES; type++) {
		struct profile_loss *l = &damage[type];

		l->reason = "damaged";
		l->sentence = "the recording was damaged here";
		l->failure = true;
		l->from_unix_ns = b->o->p.meta.start_unix_ns;
		l->to_unix_ns = b->last_time_ns;
		l->type = type;
		if (l->count)
			on_loss(b, l);
	}
}

struct profile *profile_builder__finish(struct profile_builder *b)
{
	struct profile *p = &b->o->p;
	struct profile_loss damage[PROFILE_MAX_TYPES] = {{.count = b->damaged}};

	relabel(b);
	short_files__tell_apart(p, b->o->texts);
	buckets__settle(&b->buckets, p, damage);
	generated_adopt(p);
	drop_empty_labels(p);
	if (p->label_cnt)
		qsort(p->labels, p->label_cnt, sizeof(*p->labels), by_process);
	emit_damage(b, damage);
	/* A recorder that was killed never said how long it ran: until its last sample at least. */
	if (!p->meta.duration_ns && b->last_time_ns > p->meta.start_unix_ns)
		p->meta.duration_ns = b->last_time_ns - p->meta.start_unix_ns;
	if (b->kept)
		p->samples = (struct profile_samples){kept_each, kept_free, b->kept};
	pair_map__free(&b->losses);
	pair_map__free(&b->labels);
	pair_map__free(&b->sources);
	pair_map__free(&b->called);
	free(b->depths);
	free(b);
	return p;
}
