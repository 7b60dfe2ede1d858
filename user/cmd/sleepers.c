/* SPDX-License-Identifier: MIT */
/* Read by the worker: memory of the target may never answer (user/os/worker.h). */
#include "user/cmd/sleepers.h"
#include "user/inspect/inspect.h"
#include "user/os/worker.h"
#include "user/util/alloc.h"
#include "user/util/log.h"

#define FRAMES_MAX 4096 /* of a thread, as the reply has them */

/* ---- in the worker ----------------------------------------------------------------------------------------- */

static bool is_of_one_moment(const struct inspect_thread *t)
{
	return t->tid && t->sure && (t->outcome == ABI_OK || t->outcome == ABI_NO_FRAME) &&
	       t->doing != INSPECT_RUNNING && t->doing != INSPECT_ZOMBIE && t->doing != INSPECT_UNKNOWN;
}

static void put_thread(struct buf *b, const struct inspect_thread *t)
{
	size_t cnt = t->frame_cnt < FRAMES_MAX ? t->frame_cnt : FRAMES_MAX;

	buf_put_varint(b, (uint64_t)t->tid);
	buf_put_text(b, t->name);
	buf_put_varint(b, t->ident);
	buf_put_varint(b, t->switches);
	buf_put_varint(b, t->holds_gil);
	buf_put_varint(b, t->doing == INSPECT_STOPPED || t->doing == INSPECT_TRACED);
	buf_put_svarint(b, t->wait.number);
	buf_put_varint(b, t->wait.file);
	buf_put_varint(b, cnt);
	for (size_t i = 0; i < cnt; i++) {
		const struct inspect_frame *f = &t->frames[i];

		buf_put_text(b, f->name);
		buf_put_text(b, f->file);
		buf_put_text(b, f->module);
		buf_put_svarint(b, f->first_line);
		buf_put_svarint(b, f->line);
	}
}

/* Several stacks of one thread, in several interpreters, have one wait: it counts for the first. */
static int inspect(const void *arg, struct buf *reply)
{
	static struct interpreters *known; /* from one call to the next */
	const struct inspect_options o = {.may_lack_python = true};
	struct inspection *s = NULL;
	int err;

	if (!known)
		known = interpreters__new(NULL, NULL);
	log_capture();
	err = inspect_process(known, *(const pid_t *)arg, &o, &s);
	free(log_capture_end());
	if (err)
		return err;
	for (size_t i = 0; i < s->thread_cnt; i++)
		if (is_of_one_moment(&s->threads[i]) && (!i || s->threads[i - 1].tid != s->threads[i].tid))
			put_thread(reply, &s->threads[i]);
	inspection__free(s);
	return 0;
}

/* ---- here ------------------------------------------------------------------------------------------------------ */

static void read_frames(struct cursor *c, struct session_frame *frames, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		frames[i].name = cursor_text(c);
		frames[i].file = cursor_text(c);
		frames[i].module = cursor_text(c);
		frames[i].first_line = (int32_t)cursor_svarint(c);
		frames[i].line = (int32_t)cursor_svarint(c);
	}
}

static void free_frames(struct session_frame *frames, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		free((char *)frames[i].name);
		free((char *)frames[i].file);
		free((char *)frames[i].module);
	}
	free(frames);
}

static void tell(struct cursor *c, void (*fn)(void *ctx, const struct session_thread *t), void *ctx)
{
	struct session_thread t = {.tid = (pid_t)cursor_varint(c)};
	__cleanup_free char *name = cursor_text(c);
	struct session_frame *frames;

	t.name = name;
	t.ident = cursor_varint(c);
	t.switches = cursor_varint(c);
	t.holds_gil = cursor_varint(c);
	t.stopped = cursor_varint(c);
	t.wait.number = (long)cursor_svarint(c);
	t.wait.file = cursor_varint(c) % (CALL_FILE_OTHER + 1);
	t.frame_cnt = cursor_varint(c) % (FRAMES_MAX + 1);
	frames = xcalloc(t.frame_cnt + 1, sizeof(*frames));
	read_frames(c, frames, t.frame_cnt);
	t.frames = frames;
	if (!c->bad)
		fn(ctx, &t);
	free_frames(frames, t.frame_cnt);
}

void sleepers_read(pid_t pid, void (*fn)(void *ctx, const struct session_thread *t), void *ctx)
{
	const struct worker_task task = {.pid = pid, .fn = inspect, .arg = &pid, .len = sizeof(pid)};
	struct buf reply = {0};
	struct cursor c;

	if (!worker_call(&task, &reply)) {
		c = cursor_of(reply.data, reply.len);
		while (cursor_left(&c))
			tell(&c, fn, ctx);
	}
	buf_free(&reply);
}
