/* SPDX-License-Identifier: MIT */
/*
 * The stream of a session that runs for ever, for consumers who come and go: windows, files, somebody who asks for the next ten
 * seconds. The session gives a new segment whenever it is asked to, so that each consumer begins and ends at such a cut.
 */
#pragma once
#include "user/session/session.h"

struct stream;
struct stream_part;

struct stream *stream__new(void);
/* No session may send to it any more. NULL is fine. */
void stream__free(struct stream *s);

/* `sink` gets all that comes from the next cut on … */
struct stream_part *stream__add(struct stream *s, struct profile_sink sink);
/* … and until the next one after this. NULL is fine. */
void stream__remove(struct stream *s, struct stream_part *part);

/* What a session that is yet to be opened sends to; then, when the one before has stopped, stream__end_last(). */
struct profile_sink stream__begin(struct stream *s);
void stream__end_last(struct stream *s);
/* Both, of a session that goes on. */
void stream__cut(struct stream *s, struct session *session);
