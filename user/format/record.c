/* SPDX-License-Identifier: MIT */
/*
 * Encoding of records. A sample costs about ten bytes before compression because on one CPU little changes from tick to
 * tick; the flags say which fields follow. Decoding is in record_decode.c.
 */
#include "user/format/record.h"
#include "user/format/record_fields.h"
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
		put_record(e, e->run_type || e->run_task ? RECORD_TYPED_SAMPLES : RECORD_SAMPLES, &e->run);
}

/* A run has one type and one task, which typed ones say at their beginning. */
static void begin_run(struct record_encoder *e, const struct profile_sample *s)
{
	struct buf head = {0};

	if (s->type != e->run_type || s->task != e->run_task)
		end_run(e);
	e->run_type = s->type;
	e->run_task = s->task;
	if (e->run.len || (!s->type && !s->task))
		return;
	buf_put_varint(&head, s->type);
	buf_put_varint(&head, s->task);
	buf_put_varint(&e->run, head.len);
	buf_put(&e->run, head.data, head.len);
	buf_free(&head);
}

static void put_text(struct buf *out, const char *text)
{
	size_t len = text ? strnlen(text, RECORD_MAX_TEXT) : 0;

	buf_put_varint(out, len);
	buf_put(out, text, len);
}

static void put_field(struct buf *out, const struct record_field *f, const void *member)
{
	switch (f->type) {
	case RECORD_BOOL:
		buf_put_varint(out, *(const bool *)member);
		break;
	case RECORD_U8:
		buf_put_varint(out, *(const uint8_t *)member);
		break;
	case RECORD_U32:
		buf_put_varint(out, *(const uint32_t *)member);
		break;
	case RECORD_S32:
		buf_put_svarint(out, *(const int32_t *)member);
		break;
	case RECORD_U64:
		buf_put_varint(out, *(const uint64_t *)member);
		break;
	case RECORD_DOUBLE:
		buf_put(out, member, sizeof(double)); /* both supported architectures are little-endian */
		break;
	default:
		put_text(out, *(const char *const *)member);
	}
}

static void encode(struct record_encoder *e, enum record_kind kind, const void *what)
{
	const struct record_shape *shape = &record_shapes[kind];

	for (size_t i = 0; i < shape->cnt; i++)
		put_field(&e->body, &shape->fields[i], (const char *)what + shape->fields[i].at);
	end_run(e);
	put_record(e, kind, &e->body);
	check_full(e);
}

static void encode_meta(void *ctx, const struct profile_meta *m)
{
	const struct record_meta out = {*m, (m->gil_only ? META_GIL_ONLY : 0) | (m->complete ? META_COMPLETE : 0)};

	encode(ctx, RECORD_META, &out);
}

static void encode_function(void *ctx, const struct profile_function *f)
{
	struct profile_function out = *f;

	if (f->kind == PROFILE_SYNTHETIC)
		out.origin = ORIGIN_SYNTHETIC;
	else if (f->origin == PROFILE_OBJECT)
		out.origin = ORIGIN_OBJECT;
	encode(ctx, RECORD_FUNCTION, &out);
}

#define ENCODE(kind, name)                                                                                             \
	static void encode_##name(void *ctx, const struct profile_##name *what)                                        \
	{                                                                                                              \
		encode(ctx, RECORD_##kind, what);                                                                      \
	}
RECORD_STRUCTS(ENCODE)

static void encode_sample(void *ctx, const struct profile_sample *s)
{
	struct record_encoder *e = ctx;
	struct record_state *st = s->type || s->task ? &e->typed : &e->state;
	unsigned at = s->cpu % RECORD_CPUS;
	uint64_t last_value = st->cpus[at].value;
	unsigned char flags = s->gil & SAMPLE_GIL;

	begin_run(e, s);
	flags |= s->truncated ? SAMPLE_TRUNCATED : 0;
	flags |= s->cpu != st->cpu ? SAMPLE_CPU : 0;
	flags |= s->thread != st->cpus[at].thread ? SAMPLE_THREAD : 0;
	flags |= s->stack != st->cpus[at].stack ? SAMPLE_STACK : 0;
	flags |= s->value != last_value ? SAMPLE_VALUE : 0;
	buf_put(&e->run, &flags, 1);
	buf_put_svarint(&e->run, (int64_t)(s->time_unix_ns - st->time_unix_ns));
	if (flags & SAMPLE_CPU)
		buf_put_varint(&e->run, s->cpu);
	if (flags & SAMPLE_THREAD)
		buf_put_varint(&e->run, s->thread);
	if (flags & SAMPLE_STACK)
		buf_put_varint(&e->run, s->stack);
	if (flags & SAMPLE_VALUE)
		buf_put_svarint(&e->run, (int64_t)(s->value - last_value));
	st->time_unix_ns = s->time_unix_ns;
	st->cpu = s->cpu;
	st->cpus[at].thread = s->thread;
	st->cpus[at].stack = s->stack;
	st->cpus[at].value = s->value;
	check_full(e);
}

#define ENCODER(kind, name) .name = encode_##name,
static const struct profile_sink_ops encoder_ops = {
	.meta = encode_meta, .function = encode_function, .sample = encode_sample, RECORD_STRUCTS(ENCODER)};

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
	memset(&e->typed, 0, sizeof(e->typed));
}

void record_encoder__free(struct record_encoder *e)
{
	buf_free(&e->raw);
	buf_free(&e->body);
	buf_free(&e->run);
}
