/*
 * Fills a profile from the stream of facts. The stream may come from a damaged or hostile file: an
 * item whose id is not the next one of its kind, or that refers to something unknown, is dropped
 * and counted as loss "damaged", so everything in a finished profile can be followed without a
 * check.
 */
#include "user/profile/owned.h"
#include "user/util/alloc.h"
#include "user/util/pair_map.h"
#include "user/util/text.h"
#include <math.h>
#include <string.h>

#define BATCH 64 /* samples added up together; their buckets are fetched side by side */

struct kept {
	struct profile_sample *samples;
	size_t count, cap;
};

struct profile_builder {
	struct owned *o;
	size_t process_cap, thread_cap, function_cap, first_cap, frame_cap, stack_cap, depth_cap;
	size_t bucket_cap, loss_cap;
	uint16_t *depths;        /* by stack */
	struct pair_map buckets; /* (thread, stack) → index + 1 */
	struct pair_map losses;  /* (process, reason) → index + 1 */
	struct kept *kept;       /* NULL: not kept */
	struct profile_sample batch[BATCH];
	size_t batch_cnt;
	uint64_t damaged;
	uint64_t last_time_ns;
};

/* Clean, and one copy for equal texts. */
static const char *keep(struct profile_builder *b, const char *text, uint32_t *id)
{
	__cleanup_free char *clean = text_clean(text ? text : "", text ? strlen(text) : 0, 0);
	uint32_t found = intern__id(b->o->texts, clean, strlen(clean));

	if (id)
		*id = found;
	return intern__bytes(b->o->texts, found, NULL);
}

static double sane(double hz)
{
	return isfinite(hz) && hz > 0 ? hz : 0;
}

static void take_meta(void *ctx, const struct profile_meta *m)
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

/* A process or thread may be told again when more is known of it; any other id must be the next. */
static bool is_next_or_known(uint32_t id, uint32_t count)
{
	return id && id - 1 <= count;
}

static void take_process(void *ctx, const struct profile_process *in)
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
	xgrow(p->processes, p->process_cnt + 1, b->process_cap);
	if (in->id > p->process_cnt)
		p->process_cnt++;
	p->processes[in->id] = out;
}

static void take_thread(void *ctx, const struct profile_thread *in)
{
	struct profile_builder *b = ctx;
	struct profile *p = &b->o->p;
	struct profile_thread out = *in;

	if (!is_next_or_known(in->id, p->thread_cnt) || !in->process ||
	    in->process > p->process_cnt) {
		b->damaged++;
		return;
	}
	out.name = keep(b, in->name, NULL);
	xgrow(p->threads, p->thread_cnt + 1, b->thread_cap);
	if (in->id > p->thread_cnt)
		p->thread_cnt++;
	p->threads[in->id] = out;
}

static void take_function(void *ctx, const struct profile_function *in)
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
	xgrow(p->functions, p->function_cnt + 1, b->function_cap);
	xgrow(b->o->first_frames, p->function_cnt + 1, b->first_cap);
	p->functions[++p->function_cnt] = out;
	b->o->first_frames[p->function_cnt] = 0;
}

static void take_frame(void *ctx, const struct profile_frame *in)
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

static void take_stack(void *ctx, const struct profile_stack *in)
{
	struct profile_builder *b = ctx;
	struct profile *p = &b->o->p;
	uint16_t depth;

	if (in->id != p->stack_cnt + 1 || in->parent >= in->id || !in->frame ||
	    in->frame > p->frame_cnt || b->depths[in->parent] == PROFILE_MAX_DEPTH) {
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

static uint32_t bucket_of(struct profile_builder *b, const struct profile_sample *s)
{
	struct profile *p = &b->o->p;
	uint32_t *slot = pair_map__slot(&b->buckets, s->thread, s->stack);

	if (!*slot) {
		xgrow(p->buckets, p->bucket_cnt, b->bucket_cap);
		p->buckets[p->bucket_cnt++] =
			(struct profile_bucket){.thread = s->thread, .stack = s->stack};
		*slot = (uint32_t)p->bucket_cnt;
	}
	return *slot - 1;
}

/* Ids are not looked at here but once per bucket at the end. */
static void add_to_bucket(struct profile_bucket *k, const struct profile_sample *s)
{
	k->samples++;
	k->value_ns += s->value_ns;
	if (s->gil == PROFILE_GIL_HELD) {
		k->gil_samples++;
		k->gil_value_ns += s->value_ns;
	}
	k->truncated += !!s->truncated;
}

/*
 * Two passes, because with many threads and stacks it is waiting for memory that takes the time: each
 * has fetched what the next one needs.
 */
static void add_batch(struct profile_builder *b)
{
	uint32_t at[BATCH];

	for (size_t i = 0; i < b->batch_cnt; i++) {
		at[i] = bucket_of(b, &b->batch[i]);
		__builtin_prefetch(&b->o->p.buckets[at[i]], 1);
	}
	for (size_t i = 0; i < b->batch_cnt; i++)
		add_to_bucket(&b->o->p.buckets[at[i]], &b->batch[i]);
	b->batch_cnt = 0;
}

static void take_sample(void *ctx, const struct profile_sample *s)
{
	struct profile_builder *b = ctx;

	pair_map__prefetch(&b->buckets, s->thread, s->stack);
	b->batch[b->batch_cnt++] = *s;
	if (b->batch_cnt == BATCH)
		add_batch(b);
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
	into->value_ns += more->value_ns;
	into->failure |= more->failure;
}

static void take_loss(void *ctx, const struct profile_loss *in)
{
	struct profile_builder *b = ctx;
	struct profile *p = &b->o->p;
	struct profile_loss out = *in;
	uint32_t reason, *slot;

	if (in->process > p->process_cnt)
		out.process = 0; /* a loss is never dropped */
	out.reason = keep(b, in->reason, &reason);
	out.sentence = keep(b, in->sentence, NULL);
	slot = pair_map__slot(&b->losses, out.process, reason);
	if (*slot) {
		widen(&p->losses[*slot - 1], &out);
		return;
	}
	xgrow(p->losses, p->loss_cnt, b->loss_cap);
	p->losses[p->loss_cnt++] = out;
	*slot = (uint32_t)p->loss_cnt;
}

static const struct profile_sink_ops builder_ops = {
	.meta = take_meta,
	.process = take_process,
	.thread = take_thread,
	.function = take_function,
	.frame = take_frame,
	.stack = take_stack,
	.sample = take_sample,
	.loss = take_loss,
};

/* Entry 0 of each table answers for "none": empty texts, no references. */
static void put_none(struct profile_builder *b)
{
	struct owned *o = b->o;
	struct profile *p = &o->p;

	xgrow(p->processes, 0, b->process_cap);
	p->processes[0] = (struct profile_process){
		.command = "", .python = "", .interpreter = "", .cgroup = ""};
	xgrow(p->threads, 0, b->thread_cap);
	p->threads[0] = (struct profile_thread){.name = ""};
	xgrow(p->functions, 0, b->function_cap);
	p->functions[0] =
		(struct profile_function){.name = "", .module = "", .file = "", .short_file = ""};
	xgrow(o->first_frames, 0, b->first_cap);
	o->first_frames[0] = 0;
	xgrow(p->frames, 0, b->frame_cap);
	p->frames[0] = (struct profile_frame){0};
	xgrow(p->stacks, 0, b->stack_cap);
	p->stacks[0] = (struct profile_stack){0};
	xgrow(b->depths, 0, b->depth_cap);
	b->depths[0] = 0;
}

struct profile_builder *profile_builder__new(bool keep_samples)
{
	struct profile_builder *b = xcalloc(1, sizeof(*b));

	b->o = xcalloc(1, sizeof(*b->o));
	b->o->texts = intern__new();
	if (keep_samples)
		b->kept = xcalloc(1, sizeof(*b->kept));
	put_none(b);
	take_meta(b, &(struct profile_meta){0});
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

/* Drops buckets whose ids nothing defined, and adds up the rest. */
static void settle_buckets(struct profile_builder *b, struct profile_loss *damage)
{
	struct profile *p = &b->o->p;
	size_t n = 0;

	for (size_t i = 0; i < p->bucket_cnt; i++) {
		struct profile_bucket *k = &p->buckets[i];

		if (!k->thread || k->thread > p->thread_cnt || !k->stack ||
		    k->stack > p->stack_cnt) {
			damage->count += k->samples;
			damage->value_ns += k->value_ns;
			continue;
		}
		p->sample_cnt += k->samples;
		p->value_ns += k->value_ns;
		p->truncated_cnt += k->truncated;
		p->buckets[n++] = *k;
	}
	p->bucket_cnt = n;
}

struct profile *profile_builder__finish(struct profile_builder *b)
{
	struct profile *p = &b->o->p;
	struct profile_loss damage = {
		.reason = "damaged",
		.sentence = "the recording was damaged here",
		.count = b->damaged,
		.failure = true,
		.from_unix_ns = p->meta.start_unix_ns,
		.to_unix_ns = b->last_time_ns,
	};

	add_batch(b);
	settle_buckets(b, &damage);
	if (damage.count)
		take_loss(b, &damage);
	/* A recorder that was killed never said how long it ran: until its last sample at least. */
	if (!p->meta.duration_ns && b->last_time_ns > p->meta.start_unix_ns)
		p->meta.duration_ns = b->last_time_ns - p->meta.start_unix_ns;
	if (b->kept)
		p->samples = (struct profile_samples){kept_each, kept_free, b->kept};
	pair_map__free(&b->buckets);
	pair_map__free(&b->losses);
	free(b->depths);
	free(b);
	return p;
}
