/* SPDX-License-Identifier: MIT */
#include "user/cmd/daemon/files.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include <errno.h>

int files__begin(struct files *f, struct stream *s)
{
	__cleanup_free char *stamp = rotation__stamp(&f->rotation);
	struct segment *next;
	int err = segment__open(f->outputs, stamp, &next);

	if (err) {
		rotation__postpone(&f->rotation, clock_now_ns());
		return err;
	}
	next->keep = true;
	stream__remove(s, f->part);
	f->part = stream__add(s, recording__sink(next->recording));
	f->last = f->segment;
	f->segment = next;
	return 0;
}

static void end(struct files *f, struct stream *s)
{
	stream__remove(s, f->part);
	f->part = NULL;
	f->last = f->segment;
	f->segment = NULL;
}

int files__change(struct files *f, const struct outputs *outputs, const struct rotation *r, struct stream *s)
{
	f->outputs = outputs;
	f->rotation.every_ns = r->every_ns;
	f->rotation.bytes = r->bytes;
	f->rotation.view = r->view;
	f->rotation.keep = r->keep;
	f->rotation.due_ns = f->rotation.not_before_ns = 0;
	if (files__are_wanted(f))
		return files__begin(f, s);
	end(f, s);
	return 0;
}

void files__end_last(struct files *f)
{
	if (!f->last)
		return;
	if (segment__close(f->last))
		f->rotation.failed++; /* said already */
	rotation__hand_over(&f->rotation, f->last);
	f->last = NULL;
}

void files__tend(struct files *f)
{
	rotation__look(&f->rotation);
	if (f->segment)
		recording__flush(f->segment->recording);
}

int files__finish(struct files *f, struct stream *s)
{
	end(f, s);
	files__end_last(f);
	rotation__finish(&f->rotation);
	return f->rotation.failed ? -EIO : 0;
}
