/*
 * Encoding of records. A sample costs about ten bytes before compression because on one CPU
 * little changes from tick to tick; the flags say which fields follow. Decoding is in
 * record_decode.c.
 */
#include "user/format/record.h"
#include "user/format/record_flags.h"
#include <string.h>

static void check_full(struct record_encoder *e)
{
	if (e->raw.len + e->run.len >= e->limit)
		e->full(e->ctx);
}

static void put_record(struct record_encoder *e, enum record_kind kind, struct buf *body)
{
	buf_put_varint(&e->raw, kind);
	buf_put_varint(&e->raw, body->len);
	buf_put(&e->raw, body->data, body->len);
	buf_reset(body);
}

static void end_run(struct record_encoder *e)
{
	if (e->run.len)
		put_record(e, RECORD_SAMPLES, &e->run);
}

static void finish(struct record_encoder *e, enum record_kind kind)
{
	end_run(e);
	put_record(e, kind, &e->body);
	check_full(e);
}

static void put_text(struct buf *out, const char *text)
{
	size_t len = text ? strnlen(text, RECORD_MAX_TEXT) : 0;

	buf_put_varint(out, len);
	buf_put(out, text, len);
}

static void put_double(struct buf *out, double value)
{
	buf_put(out, &value, sizeof(value)); /* both supported architectures are little-endian */
}

static void encode_meta(void *ctx, const struct profile_meta *m)
{
	struct record_encoder *e = ctx;
	struct buf *b = &e->body;

	put_text(b, m->tool);
	put_text(b, m->command);
	put_text(b, m->target);
	put_text(b, m->host);
	put_text(b, m->kernel);
	buf_put_varint(b, m->start_unix_ns);
	buf_put_varint(b, m->duration_ns);
	put_double(b, m->rate_hz);
	put_double(b, m->effective_rate_hz);
	buf_put_varint(b, m->cpus);
	buf_put_varint(b, (m->gil_only ? META_GIL_ONLY : 0) | (m->complete ? META_COMPLETE : 0));
	buf_put_varint(b, m->ticks);
	buf_put_varint(b, m->filtered);
	finish(e, RECORD_META);
}

static void encode_process(void *ctx, const struct profile_process *p)
{
	struct record_encoder *e = ctx;
	struct buf *b = &e->body;

	buf_put_varint(b, p->id);
	buf_put_varint(b, p->pid);
	buf_put_varint(b, p->parent_pid);
	buf_put_varint(b, p->start_unix_ns);
	put_text(b, p->command);
	put_text(b, p->python);
	put_text(b, p->interpreter);
	put_text(b, p->cgroup);
	buf_put_varint(b, p->cpu_ns);
	finish(e, RECORD_PROCESS);
}

static void encode_thread(void *ctx, const struct profile_thread *t)
{
	struct record_encoder *e = ctx;

	buf_put_varint(&e->body, t->id);
	buf_put_varint(&e->body, t->process);
	buf_put_varint(&e->body, t->tid);
	put_text(&e->body, t->name);
	finish(e, RECORD_THREAD);
}

static void encode_function(void *ctx, const struct profile_function *f)
{
	struct record_encoder *e = ctx;
	struct buf *b = &e->body;

	buf_put_varint(b, f->id);
	put_text(b, f->name);
	put_text(b, f->module);
	put_text(b, f->file);
	put_text(b, f->short_file);
	buf_put_svarint(b, f->first_line);
	buf_put_varint(b, f->origin);
	finish(e, RECORD_FUNCTION);
}

static void encode_frame(void *ctx, const struct profile_frame *f)
{
	struct record_encoder *e = ctx;

	buf_put_varint(&e->body, f->id);
	buf_put_varint(&e->body, f->function);
	buf_put_svarint(&e->body, f->line);
	finish(e, RECORD_FRAME);
}

static void encode_stack(void *ctx, const struct profile_stack *s)
{
	struct record_encoder *e = ctx;

	buf_put_varint(&e->body, s->id);
	buf_put_varint(&e->body, s->parent);
	buf_put_varint(&e->body, s->frame);
	finish(e, RECORD_STACK);
}

static void encode_loss(void *ctx, const struct profile_loss *l)
{
	struct record_encoder *e = ctx;
	struct buf *b = &e->body;

	buf_put_varint(b, l->from_unix_ns);
	buf_put_varint(b, l->to_unix_ns);
	put_text(b, l->reason);
	put_text(b, l->sentence);
	buf_put_varint(b, l->count);
	buf_put_varint(b, l->value_ns);
	buf_put_varint(b, l->process);
	buf_put_varint(b, l->failure);
	finish(e, RECORD_LOSS);
}

static void encode_sample(void *ctx, const struct profile_sample *s)
{
	struct record_encoder *e = ctx;
	struct record_state *st = &e->state;
	unsigned at = s->cpu % RECORD_CPUS;
	uint64_t last_value = st->cpus[at].value_ns;
	unsigned char flags = s->gil & SAMPLE_GIL;

	flags |= s->truncated ? SAMPLE_TRUNCATED : 0;
	flags |= s->cpu != st->cpu ? SAMPLE_CPU : 0;
	flags |= s->thread != st->cpus[at].thread ? SAMPLE_THREAD : 0;
	flags |= s->stack != st->cpus[at].stack ? SAMPLE_STACK : 0;
	flags |= s->value_ns != last_value ? SAMPLE_VALUE : 0;
	buf_put(&e->run, &flags, 1);
	buf_put_svarint(&e->run, (int64_t)(s->time_unix_ns - st->time_unix_ns));
	if (flags & SAMPLE_CPU)
		buf_put_varint(&e->run, s->cpu);
	if (flags & SAMPLE_THREAD)
		buf_put_varint(&e->run, s->thread);
	if (flags & SAMPLE_STACK)
		buf_put_varint(&e->run, s->stack);
	if (flags & SAMPLE_VALUE)
		buf_put_svarint(&e->run, (int64_t)(s->value_ns - last_value));
	st->time_unix_ns = s->time_unix_ns;
	st->cpu = s->cpu;
	st->cpus[at].thread = s->thread;
	st->cpus[at].stack = s->stack;
	st->cpus[at].value_ns = s->value_ns;
	check_full(e);
}

static const struct profile_sink_ops encoder_ops = {
	.meta = encode_meta,
	.process = encode_process,
	.thread = encode_thread,
	.function = encode_function,
	.frame = encode_frame,
	.stack = encode_stack,
	.sample = encode_sample,
	.loss = encode_loss,
};

struct profile_sink record_encoder__sink(struct record_encoder *e)
{
	return (struct profile_sink){&encoder_ops, e};
}

const struct buf *record_encoder__content(struct record_encoder *e)
{
	end_run(e);
	return &e->raw;
}

void record_encoder__reset(struct record_encoder *e)
{
	buf_reset(&e->raw);
	buf_reset(&e->run);
	memset(&e->state, 0, sizeof(e->state));
}

void record_encoder__free(struct record_encoder *e)
{
	buf_free(&e->raw);
	buf_free(&e->body);
	buf_free(&e->run);
}
