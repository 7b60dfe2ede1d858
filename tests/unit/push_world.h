/* SPDX-License-Identifier: MIT */
/* For tests of what back ends get: windows of made-up profiles, and the pprof profiles in a body taken apart. */
#pragma once
#include "tests/unit/make_profile.h"
#include "tests/unit/mixed_profile.h"
#include "tests/unit/pb_fields.h"
#include "user/push/backend.h"
#include "user/push/sets.h"
#include "user/util/text.h"

#define WORLD_START 1790000000000000000ull
#define WORLD_SPAN  15000000000ull

static const struct push_label world_labels[][3] = {
	{{"node", "n1"}, {"python", "3.12"}, {"service_name", "shop/web"}},
	{{"container", "mail"}, {"pod", "mail-0"}, {"service_name", "mail"}},
};
static const struct push_group world_groups[] = {{world_labels[0], 3, "shop/web"}, {world_labels[1], 3, "mail"}};

/* Processes of odd numbers are the first group's, the rest the second's; `unsent` is in none. */
struct world {
	struct profile *p;
	struct push_window w;
	uint32_t group_of[64];
};

static inline void world_of(struct world *x, struct profile *p, uint32_t unsent)
{
	*x = (struct world){.p = p,
			    .w = {.p = p,
				  .start_unix_ns = WORLD_START,
				  .duration_ns = WORLD_SPAN,
				  .groups = world_groups,
				  .group_cnt = 2}};
	assert_true(p->process_cnt < 64);
	for (uint32_t i = 1; i <= p->process_cnt; i++)
		x->group_of[i] = i == unsent ? 0 : 1 + (i + 1) % 2;
	x->w.group_of = x->group_of;
}

/* What the model has of a group and type. */
static inline struct profile_bucket world_sum(const struct world *x, uint32_t group, uint8_t type)
{
	struct profile_bucket sum = {0};

	for (size_t i = 0; i < x->p->bucket_cnt; i++) {
		const struct profile_bucket *b = &x->p->buckets[i];

		if (x->group_of[x->p->threads[b->thread].process] != group || b->type != type)
			continue;
		sum.samples += b->samples;
		sum.value += b->value;
	}
	return sum;
}

/* Profiles as they were sent. */
struct sent {
	struct sent_profile {
		struct buf raw;
		char *name, *service; /* of its labels */
		uint64_t samples, value, rows, deepest;
	} items[256];
	size_t cnt;
	uint64_t bodies, body_samples, largest_raw, largest_body, largest_unpacked;
	struct buf last; /* body */
};

static inline void sum_sample(struct sent_profile *s, const struct field *sample)
{
	struct field places = field_in(sample->bytes, sample->value, 1),
		     values = field_in(sample->bytes, sample->value, 2);
	struct cursor c = cursor_of(values.bytes, values.value);
	uint64_t depth = 0;

	s->samples += cursor_varint(&c);
	s->value += cursor_varint(&c);
	s->rows++;
	for (c = cursor_of(places.bytes, places.value); cursor_left(&c); depth++)
		cursor_varint(&c);
	s->deepest = depth > s->deepest ? depth : s->deepest;
}

static inline void take_profile(struct sent *to, const struct field *packed, const char *name, const char *service)
{
	const struct buf gz = {.data = (char *)packed->bytes, .len = packed->value};
	struct sent_profile *s = &to->items[to->cnt++];
	struct cursor c;
	struct field f;

	assert_true(to->cnt < 256);
	*s = (struct sent_profile){.raw = inflated(&gz), .name = strdup(name), .service = strdup(service)};
	c = cursor_of(s->raw.data, s->raw.len);
	while (next_field(&c, &f))
		if (f.number == 2)
			sum_sample(s, &f);
	to->largest_raw = s->raw.len > to->largest_raw ? s->raw.len : to->largest_raw;
}

static inline char *text_of(const struct field *f)
{
	return strndup(f->bytes ? f->bytes : "", f->value);
}

/* A RawProfileSeries. */
static inline size_t take_series(struct sent *to, const struct field *series)
{
	struct cursor c = cursor_of(series->bytes, series->value);
	char *name = strdup(""), *service = strdup("");
	struct field f, sample = {0};
	size_t before = to->cnt;

	while (next_field(&c, &f)) {
		struct field key = field_in(f.bytes, f.value, 1), value = field_in(f.bytes, f.value, 2);
		char **to_text = f.number != 1                                               ? NULL
				 : key.value == 8 && !memcmp(key.bytes, "__name__", 8)       ? &name
				 : key.value == 12 && !memcmp(key.bytes, "service_name", 12) ? &service
											     : NULL;

		if (f.number == 2)
			sample = key;
		if (!to_text)
			continue;
		free(*to_text);
		*to_text = text_of(&value);
	}
	take_profile(to, &sample, name, service);
	free(name);
	free(service);
	return to->items[before].raw.len;
}

/* A push_body_fn of Pyroscope's. */
static inline void take_body(void *ctx, struct buf *body, uint64_t samples)
{
	struct sent *to = ctx;
	struct cursor c = cursor_of(body->data, body->len);
	struct field f;
	size_t unpacked = 0;

	to->bodies++;
	to->body_samples += samples;
	to->largest_body = body->len > to->largest_body ? body->len : to->largest_body;
	while (next_field(&c, &f))
		unpacked += take_series(to, &f);
	to->largest_unpacked = unpacked > to->largest_unpacked ? unpacked : to->largest_unpacked;
	buf_free(&to->last);
	to->last = *body;
	*body = (struct buf){0};
}

static inline struct sent *send_to_pyroscope(const struct world *x)
{
	struct sent *to = calloc(1, sizeof(*to));

	backend_pyroscope.encode(&x->w, take_body, to);
	return to;
}

static inline void free_sent(struct sent *s)
{
	for (size_t i = 0; i < s->cnt; i++) {
		buf_free(&s->items[i].raw);
		free(s->items[i].name);
		free(s->items[i].service);
	}
	buf_free(&s->last);
	free(s);
}

/* A stack of so many functions, whose names have so many bytes each, for each of so many samples. */
static inline struct profile *wide_profile(unsigned samples, unsigned depth, unsigned name_len, const char *thread)
{
	struct profile_builder *b = profile_builder__new(false);
	struct profile_sink to = profile_builder__sink(b);
	char *name = malloc(name_len + 32), *tail = calloc(name_len + 1, 1);
	uint32_t id = 0;

	emit_process(to, 1, 42, "python3 app.py --password hunter2");
	emit_thread(to, 1, 1, thread);
	emit_thread(to, 2, 1, "worker-3");
	memset(tail, 'x', name_len);
	for (unsigned i = 0; i < samples; i++)
		for (unsigned d = 0; d < depth; d++) {
			id++;
			memcpy(name + snprintf(name, 32, "%u", id), tail, name_len + 1);
			emit_function(to, id, name, "/srv/app.py");
			tell_frame(to, id, id, (int32_t)id);
			tell_stack(to, id, d ? id - 1 : 0, id);
			if (d == depth - 1)
				emit_sample(to, i, 1 + i % 2, id);
		}
	free(name);
	free(tail);
	return profile_builder__finish(b);
}
