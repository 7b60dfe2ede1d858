/* SPDX-License-Identifier: MIT */
#include "user/cmd/daemon/stream.h"
#include "user/profile/joiner.h"
#include "user/profile/tee.h"
#include "user/util/alloc.h"

struct stream_part {
	struct joiner *joiner;
	struct joiner_segment *now, *last; /* of the present segment, and of the one before until it is ended */
	bool removed;
	struct stream_part *next;
};

struct stream {
	struct stream_part *parts;
	struct tee *now, *last;
};

struct stream *stream__new(void)
{
	return xcalloc(1, sizeof(struct stream));
}

struct stream_part *stream__add(struct stream *s, struct profile_sink sink)
{
	struct stream_part *part = xcalloc(1, sizeof(*part));

	part->joiner = joiner__new(sink);
	part->next = s->parts;
	s->parts = part;
	return part;
}

void stream__remove(struct stream *s, struct stream_part *part)
{
	(void)s;
	if (part)
		part->removed = true;
}

struct profile_sink stream__begin(struct stream *s)
{
	s->last = s->now;
	s->now = xcalloc(1, sizeof(*s->now));
	for (struct stream_part *p = s->parts; p; p = p->next) {
		p->last = p->now;
		p->now = p->removed ? NULL : joiner__begin(p->joiner);
		if (p->now)
			tee__add(s->now, joiner_segment__sink(p->now));
	}
	return tee__sink(s->now);
}

static void free_part(struct stream_part *p)
{
	if (p->now)
		joiner_segment__end(p->now);
	joiner__free(p->joiner);
	free(p);
}

static void free_tee(struct tee *t)
{
	if (t)
		tee__free(t);
	free(t);
}

void stream__end_last(struct stream *s)
{
	struct stream_part **at = &s->parts, *p;

	while ((p = *at)) {
		if (p->last)
			joiner_segment__end(p->last);
		p->last = NULL;
		if (!p->now && p->removed) {
			*at = p->next;
			free_part(p);
		} else {
			at = &p->next;
		}
	}
	free_tee(s->last);
	s->last = NULL;
}

void stream__cut(struct stream *s, struct session *session)
{
	session__begin_segment(session, stream__begin(s));
	stream__end_last(s);
}

void stream__free(struct stream *s)
{
	if (!s)
		return;
	stream__end_last(s);
	while (s->parts) {
		struct stream_part *p = s->parts;

		s->parts = p->next;
		free_part(p);
	}
	free_tee(s->now);
	free(s);
}
