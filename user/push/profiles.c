/* SPDX-License-Identifier: MIT */
/*
 * A profile is ended before the sample that would make it too large. How much a sample adds at most is looked up frame by frame only
 * where that could matter.
 */
#include "user/push/profiles.h"
#include "user/format/gzip.h"
#include "user/format/pprof.h"
#include "user/push/sets.h"
#include <stdlib.h>

/* Of labels and of what is around a profile in a request. */
#define LABEL_ROOM 64000
#define BYTES_MAX  (PUSH_BYTES_MAX - LABEL_ROOM)

struct maker {
	const struct push_window *w;
	const struct push_sets *sets;
	const struct push_set *set;
	push_profile_fn fn;
	void *ctx;
	struct gzip_packer *packer;
	/* of the profile at hand */
	struct pprof *pprof; /* NULL: there is none */
	FILE *stream;
	char *bytes;
	size_t len;
	uint64_t samples, parts;
};

static void begin(struct maker *m)
{
	const struct pprof_options o = {
		.thread_names = m->w->thread_names,
		.type = m->set->type,
		.start_unix_ns = m->w->start_unix_ns + m->parts * PUSH_PART_NS,
		.duration_ns = m->w->duration_ns,
		.period = m->sets->period[m->set->type],
		.text_max = PUSH_TEXT_MAX,
		.stack_max = m->sets->sample_bytes_max > BYTES_MAX / 2 ? BYTES_MAX / 2 : 0,
		.depth_max = PUSH_DEPTH_MAX,
	};

	m->stream = open_memstream(&m->bytes, &m->len);
	m->pprof = pprof__new(m->w->p, &m->sets->view, &o, m->stream);
	m->samples = 0;
	m->parts++;
}

static void end(struct maker *m)
{
	struct push_profile out = {
		.group = m->set->group, .type = m->w->p->types[m->set->type].name, .samples = m->samples};

	if (!m->pprof)
		return;
	pprof__finish(m->pprof);
	m->pprof = NULL;
	fclose(m->stream);
	out.bytes = m->len;
	/* what cannot be packed is taken as it is, too */
	if (!m->packer || !gzip_packer__pack(m->packer, m->bytes, m->len, &out.packed))
		buf_put(&out.packed, m->bytes, m->len);
	free(m->bytes);
	m->fn(m->ctx, &out);
	buf_free(&out.packed);
}

static bool is_full(const struct maker *m, const struct profile_bucket *b)
{
	size_t bytes = pprof__bytes(m->pprof);

	if (pprof__samples(m->pprof) >= PUSH_SAMPLES_MAX)
		return true;
	if (!pprof__samples(m->pprof) || bytes + m->sets->sample_bytes_max <= BYTES_MAX)
		return false;
	return bytes + pprof__bytes_of(m->pprof, b) > BYTES_MAX;
}

static void add(struct maker *m, const struct profile_bucket *b)
{
	if (m->pprof && is_full(m, b))
		end(m);
	if (!m->pprof)
		begin(m);
	pprof__add(m->pprof, b);
	m->samples += b->samples;
}

void push_profiles(const struct push_window *w, push_profile_fn fn, void *ctx)
{
	struct push_sets sets;
	struct maker m = {.w = w, .sets = &sets, .fn = fn, .ctx = ctx, .packer = gzip_packer__new()};

	push_sets__init(&sets, w);
	for (size_t i = 0; i < sets.cnt; i++) {
		m.set = &sets.items[i];
		m.parts = 0;
		for (size_t k = 0; k < m.set->cnt; k++)
			add(&m, m.set->buckets[k]);
		end(&m);
	}
	push_sets__free(&sets);
	gzip_packer__free(m.packer);
}
