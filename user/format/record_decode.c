/*
 * Decoding of records: one function per kind, all reading through a cursor that cannot leave its
 * record. Ids are passed on as they are; the builder judges them.
 */
#include "user/format/record.h"
#include "user/format/record_flags.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <string.h>

static double take_double(struct cursor *c)
{
	const void *bytes = cursor_bytes(c, sizeof(double));
	double value = 0;

	if (bytes)
		memcpy(&value, bytes, sizeof(value));
	return value;
}

/* For a 32-bit field. A number that is too large is no id that exists, and must stay none. */
static uint32_t take_u32(struct cursor *c)
{
	uint64_t value = cursor_varint(c);

	return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static int32_t take_s32(struct cursor *c)
{
	int64_t value = cursor_svarint(c);

	return value < INT32_MIN || value > INT32_MAX ? 0 : (int32_t)value;
}

static void decode_meta(struct cursor *c, const struct profile_sink *to)
{
	__cleanup_free char *tool = cursor_text(c);
	__cleanup_free char *command = cursor_text(c);
	__cleanup_free char *target = cursor_text(c);
	__cleanup_free char *host = cursor_text(c);
	__cleanup_free char *kernel = cursor_text(c);
	struct profile_meta m = {.tool = tool, .command = command, .target = target};
	uint64_t flags;

	m.host = host;
	m.kernel = kernel;
	m.start_unix_ns = cursor_varint(c);
	m.duration_ns = cursor_varint(c);
	m.rate_hz = take_double(c);
	m.effective_rate_hz = take_double(c);
	m.cpus = take_u32(c);
	flags = cursor_varint(c);
	m.gil_only = flags & META_GIL_ONLY;
	m.complete = flags & META_COMPLETE;
	m.ticks = cursor_varint(c);
	m.filtered = cursor_varint(c);
	if (!c->bad)
		to->ops->meta(to->ctx, &m);
}

static void decode_process(struct cursor *c, const struct profile_sink *to)
{
	struct profile_process p = {0};
	__cleanup_free char *command = NULL;
	__cleanup_free char *python = NULL;
	__cleanup_free char *interpreter = NULL;
	__cleanup_free char *cgroup = NULL;

	p.id = take_u32(c);
	p.pid = take_u32(c);
	p.parent_pid = take_u32(c);
	p.start_unix_ns = cursor_varint(c);
	p.command = command = cursor_text(c);
	p.python = python = cursor_text(c);
	p.interpreter = interpreter = cursor_text(c);
	p.cgroup = cgroup = cursor_text(c);
	p.cpu_ns = cursor_left(c) ? cursor_varint(c) : 0;
	if (!c->bad)
		to->ops->process(to->ctx, &p);
}

static void decode_thread(struct cursor *c, const struct profile_sink *to)
{
	struct profile_thread t = {0};
	__cleanup_free char *name = NULL;

	t.id = take_u32(c);
	t.process = take_u32(c);
	t.tid = take_u32(c);
	t.name = name = cursor_text(c);
	if (!c->bad)
		to->ops->thread(to->ctx, &t);
}

static void decode_function(struct cursor *c, const struct profile_sink *to)
{
	struct profile_function f = {0};
	__cleanup_free char *name = NULL;
	__cleanup_free char *module = NULL;
	__cleanup_free char *file = NULL;
	__cleanup_free char *short_file = NULL;

	f.id = take_u32(c);
	f.name = name = cursor_text(c);
	f.module = module = cursor_text(c);
	f.file = file = cursor_text(c);
	f.short_file = short_file = cursor_text(c);
	f.first_line = take_s32(c);
	f.origin = (enum profile_origin)take_u32(c);
	if (!c->bad)
		to->ops->function(to->ctx, &f);
}

static void decode_frame(struct cursor *c, const struct profile_sink *to)
{
	struct profile_frame f = {0};

	f.id = take_u32(c);
	f.function = take_u32(c);
	f.line = take_s32(c);
	if (!c->bad)
		to->ops->frame(to->ctx, &f);
}

static void decode_stack(struct cursor *c, const struct profile_sink *to)
{
	struct profile_stack s = {0};

	s.id = take_u32(c);
	s.parent = take_u32(c);
	s.frame = take_u32(c);
	if (!c->bad)
		to->ops->stack(to->ctx, &s);
}

static void decode_loss(struct cursor *c, const struct profile_sink *to)
{
	struct profile_loss l = {0};
	__cleanup_free char *reason = NULL;
	__cleanup_free char *sentence = NULL;

	l.from_unix_ns = cursor_varint(c);
	l.to_unix_ns = cursor_varint(c);
	l.reason = reason = cursor_text(c);
	l.sentence = sentence = cursor_text(c);
	l.count = cursor_varint(c);
	l.value_ns = cursor_varint(c);
	l.process = take_u32(c);
	l.failure = cursor_varint(c);
	if (!c->bad)
		to->ops->loss(to->ctx, &l);
}

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
		st->cpus[at].thread = take_u32(c);
	if (flags & SAMPLE_STACK)
		st->cpus[at].stack = take_u32(c);
	if (flags & SAMPLE_VALUE)
		st->cpus[at].value_ns += (uint64_t)cursor_svarint(c);
	s->cpu = st->cpu;
	s->thread = st->cpus[at].thread;
	s->stack = st->cpus[at].stack;
	s->value_ns = st->cpus[at].value_ns;
}

static void decode_samples(struct cursor *c, struct record_state *st, const struct profile_sink *to)
{
	struct profile_sample s;

	while (cursor_left(c)) {
		decode_sample(c, st, &s);
		if (!c->bad)
			to->ops->sample(to->ctx, &s);
	}
}

typedef void (*decode_fn)(struct cursor *c, const struct profile_sink *to);

static const decode_fn decoders[RECORD_KINDS] = {
	[RECORD_META] = decode_meta,
	[RECORD_PROCESS] = decode_process,
	[RECORD_THREAD] = decode_thread,
	[RECORD_FUNCTION] = decode_function,
	[RECORD_FRAME] = decode_frame,
	[RECORD_STACK] = decode_stack,
	[RECORD_LOSS] = decode_loss,
};

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

int record_decode(const struct buf *raw, const struct profile_sink *to)
{
	__cleanup_free struct record_state *state = xcalloc(1, sizeof(*state));
	struct cursor c = cursor_of(raw->data, raw->len), body;
	uint64_t kind;

	while (cursor_left(&c)) {
		if (!next_record(&c, &kind, &body))
			return -EBADMSG;
		if (kind == RECORD_SAMPLES)
			decode_samples(&body, state, to);
		else if (kind < RECORD_KINDS && decoders[kind])
			decoders[kind](&body, to);
		if (body.bad)
			count_damage(to);
	}
	return 0;
}

int record_decode_samples(const struct buf *raw, const struct profile_sink *to)
{
	__cleanup_free struct record_state *state = xcalloc(1, sizeof(*state));
	struct cursor c = cursor_of(raw->data, raw->len), body;
	uint64_t kind;

	while (cursor_left(&c)) {
		if (!next_record(&c, &kind, &body))
			return -EBADMSG;
		if (kind == RECORD_SAMPLES)
			decode_samples(&body, state, to);
	}
	return 0;
}
