/* SPDX-License-Identifier: MIT */
/*
 * Decoding of records, all reading through a cursor that cannot leave its record. Ids are
 * passed on as they are; the builder judges them.
 */
#include "user/format/record.h"
#include "user/format/record_fields.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <string.h>

/* A record as it is passed on. */
union content {
	struct record_meta meta;
	struct profile_function function;
#define MEMBER(kind, name) struct profile_##name name;
	RECORD_STRUCTS(MEMBER)
};

/* A number that is too large is no id that exists, and must stay none. */
static uint32_t read_u32(struct cursor *c)
{
	uint64_t value = cursor_varint(c);

	return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static int32_t read_s32(struct cursor *c)
{
	int64_t value = cursor_svarint(c);

	return value < INT32_MIN || value > INT32_MAX ? 0 : (int32_t)value;
}

static void read_field(struct cursor *c, const struct record_field *f, void *member)
{
	switch (f->type) {
	case RECORD_BOOL:
		*(bool *)member = cursor_varint(c);
		break;
	case RECORD_U8:
		*(uint8_t *)member = (uint8_t)cursor_varint(c);
		break;
	case RECORD_U32:
		*(uint32_t *)member = read_u32(c);
		break;
	case RECORD_S32:
		*(int32_t *)member = read_s32(c);
		break;
	case RECORD_U64:
		*(uint64_t *)member = cursor_varint(c);
		break;
	case RECORD_DOUBLE:
		cursor_copy(c, member, sizeof(double));
		break;
	default:
		*(char **)member = cursor_text(c);
	}
}

/* Before there were kinds, a synthetic frame was marked by its origin. */
static void fix_function(struct profile_function *f)
{
	unsigned origin = f->origin;

	if (f->kind == PROFILE_KINDS)
		f->kind = origin == ORIGIN_SYNTHETIC ? PROFILE_SYNTHETIC : PROFILE_PYTHON;
	f->origin = origin == ORIGIN_OBJECT ? PROFILE_OBJECT : origin < ORIGIN_SYNTHETIC ? f->origin : PROFILE_USER;
}

static void emit(enum record_kind kind, union content *what, const struct profile_sink *to)
{
	switch (kind) {
	case RECORD_META:
		what->meta.m.gil_only = what->meta.flags & META_GIL_ONLY;
		what->meta.m.complete = what->meta.flags & META_COMPLETE;
		to->ops->meta(to->ctx, &what->meta.m);
		break;
	case RECORD_FUNCTION:
		fix_function(&what->function);
		to->ops->function(to->ctx, &what->function);
		break;
#define EMIT(kind, name)                                                                                               \
	case RECORD_##kind:                                                                                            \
		to->ops->name(to->ctx, &what->name);                                                                   \
		break;
		RECORD_STRUCTS(EMIT)
	default:
		break;
	}
}

static void decode(enum record_kind kind, struct cursor *c, const struct profile_sink *to)
{
	const struct record_shape *shape = &record_shapes[kind];
	union content what = {0};

	if (kind == RECORD_FUNCTION)
		what.function.kind = PROFILE_KINDS; /* not said */
	for (size_t i = 0; i < shape->cnt; i++)
		if (!shape->fields[i].optional || cursor_left(c))
			read_field(c, &shape->fields[i], (char *)&what + shape->fields[i].at);
	if (!c->bad)
		emit(kind, &what, to);
	for (size_t i = 0; i < shape->cnt; i++)
		if (shape->fields[i].type == RECORD_TEXT)
			free(*(char **)((char *)&what + shape->fields[i].at));
}

/* ---- samples: each is encoded against the one before -------------------------------------------------- */

/* The one before: of the first type without a task, and of all others. */
struct sample_states {
	struct record_state plain, typed;
};

static void decode_sample(struct cursor *c, struct record_state *st, struct profile_sample *s)
{
	uint8_t flags = cursor_u8(c);
	unsigned at;

	s->gil = flags & SAMPLE_GIL;
	s->truncated = !!(flags & SAMPLE_TRUNCATED);
	s->time_unix_ns = st->time_unix_ns += (uint64_t)cursor_svarint(c);
	if (flags & SAMPLE_CPU)
		st->cpu = (uint16_t)cursor_varint(c);
	at = st->cpu % RECORD_CPUS;
	if (flags & SAMPLE_THREAD)
		st->cpus[at].thread = read_u32(c);
	if (flags & SAMPLE_STACK)
		st->cpus[at].stack = read_u32(c);
	if (flags & SAMPLE_VALUE)
		st->cpus[at].value += (uint64_t)cursor_svarint(c);
	if (flags & SAMPLE_MORE)
		cursor_bytes(c, cursor_varint(c));
	s->cpu = st->cpu;
	s->thread = st->cpus[at].thread;
	s->stack = st->cpus[at].stack;
	s->value = st->cpus[at].value;
}

static void decode_samples(struct cursor *c, struct record_state *st, struct profile_sample s,
			   const struct profile_sink *to)
{
	while (cursor_left(c)) {
		decode_sample(c, st, &s);
		if (!c->bad)
			to->ops->sample(to->ctx, &s);
	}
}

static void decode_typed_samples(struct cursor *c, struct record_state *st, const struct profile_sink *to)
{
	uint64_t len = cursor_varint(c), type;
	const void *bytes = cursor_bytes(c, len);
	struct cursor head = cursor_of(bytes ? bytes : "", bytes ? len : 0);
	struct profile_sample s = {0};

	type = cursor_varint(&head);
	s.type = type < PROFILE_MAX_TYPES ? (uint8_t)type : PROFILE_MAX_TYPES;
	s.task = read_u32(&head);
	c->bad |= head.bad;
	decode_samples(c, st, s, to);
}

/* False: `kind` is not one of samples. */
static bool decode_run(uint64_t kind, struct cursor *body, struct sample_states *st, const struct profile_sink *to)
{
	if (kind == RECORD_SAMPLES)
		decode_samples(body, &st->plain, (struct profile_sample){0}, to);
	else if (kind == RECORD_TYPED_SAMPLES)
		decode_typed_samples(body, &st->typed, to);
	return kind == RECORD_SAMPLES || kind == RECORD_TYPED_SAMPLES;
}

/* ---- all of them --------------------------------------------------------------------------------------- */

/* The next record's kind and a cursor over its body; false when there is none whole. */
static bool next_record(struct cursor *c, uint64_t *kind, struct cursor *body)
{
	const void *bytes;
	uint64_t len;

	*kind = cursor_varint(c);
	len = cursor_varint(c);
	bytes = cursor_bytes(c, len);
	if (bytes)
		*body = cursor_of(bytes, len);
	return bytes;
}

static void count_damage(const struct profile_sink *to)
{
	struct profile_loss l = {
		.reason = "damaged",
		.sentence = "the recording was damaged here",
		.count = 1,
		.failure = true,
	};

	to->ops->loss(to->ctx, &l);
}

int record_decode(const struct buf *raw, const struct profile_sink *to, uint64_t *unknown)
{
	__cleanup_free struct sample_states *state = xcalloc(1, sizeof(*state));
	struct cursor c = cursor_of(raw->data, raw->len), body;
	uint64_t kind;

	while (cursor_left(&c)) {
		if (!next_record(&c, &kind, &body))
			return -EBADMSG;
		if (!decode_run(kind, &body, state, to)) {
			if (kind < RECORD_KINDS && record_shapes[kind].cnt)
				decode((enum record_kind)kind, &body, to);
			else
				++*unknown;
		}
		if (body.bad)
			count_damage(to);
	}
	return 0;
}

int record_decode_samples(const struct buf *raw, const struct profile_sink *to)
{
	__cleanup_free struct sample_states *state = xcalloc(1, sizeof(*state));
	struct cursor c = cursor_of(raw->data, raw->len), body;
	uint64_t kind;

	while (cursor_left(&c)) {
		if (!next_record(&c, &kind, &body))
			return -EBADMSG;
		decode_run(kind, &body, state, to);
	}
	return 0;
}
