/* SPDX-License-Identifier: MIT */
/*
 * _PyRuntime → interpreters → thread states, as linked lists that other threads change meanwhile. A freed state
 * leads astray, so each must point back to its interpreter (struct _ts.interp), and a list counts when two
 * readings in a row are alike. Thread numbers come from the C library (struct pthread.tid, kept right across
 * fork()), and where that fails from Python's own native_thread_id.
 */
#include "user/python/tstates.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <string.h>

#define MAX_TSTATES  65536
#define MAX_INTERPS  4096
#define MAX_READINGS 50

struct reader {
	const struct py_build *build;
	memory_read_fn read;
	void *ctx;
	bool failed;
};

static uint64_t read_word(struct reader *r, uint64_t addr)
{
	uint64_t word = 0;

	if (r->read(r->ctx, addr, &word, sizeof(word)))
		r->failed = true;
	return word;
}

/* A number, or 0: a thread that has ended leaves memory behind that may be anything or nothing. */
static uint32_t read_tid(const struct reader *r, uint64_t addr)
{
	int32_t tid = 0;

	if (r->read(r->ctx, addr, &tid, sizeof(tid)))
		return 0;
	return tid > 0 && tid <= 1 << 22 ? (uint32_t)tid : 0; /* PID_MAX_LIMIT */
}

static uint64_t gil_of(struct reader *r, uint64_t runtime, uint64_t interp)
{
	const struct py_objects *o = &r->build->objects;

	if (o->interp_gil)
		return read_word(r, interp + o->interp_gil);
	return o->runtime_gil ? runtime + o->runtime_gil : 0;
}

static void read_threads(struct reader *r, const struct py_tstate *of_interp, struct py_tstates *out)
{
	const struct py_objects *o = &r->build->objects;
	uint64_t interp = of_interp->interp_addr;
	uint64_t at = read_word(r, interp + o->interp_threads_head);

	while (at && !r->failed) {
		struct py_tstate t = *of_interp;

		t.addr = at;
		t.ident = read_word(r, at + r->build->layout.ts_thread_id_off);
		if (read_word(r, at + o->tstate_interp) != interp || out->cnt >= MAX_TSTATES)
			r->failed = true;
		t.inner_tid = t.ident && r->build->pthread_tid ? read_tid(r, t.ident + r->build->pthread_tid) : 0;
		if (!t.inner_tid && o->tstate_native_id)
			t.inner_tid = read_tid(r, at + o->tstate_native_id);
		xgrow(out->items, out->cnt, out->cap);
		out->items[out->cnt++] = t;
		at = read_word(r, at + o->tstate_next);
	}
}

/* Both lists grow at their heads, so the reverse of what is found is the order of birth. */
static void reverse(struct py_tstates *l)
{
	for (size_t i = 0; i < l->cnt / 2; i++) {
		struct py_tstate t = l->items[i];

		l->items[i] = l->items[l->cnt - 1 - i];
		l->items[l->cnt - 1 - i] = t;
	}
}

static void read_all(struct reader *r, uint64_t runtime, struct py_tstates *out)
{
	const struct py_objects *o = &r->build->objects;
	uint64_t interp;

	r->failed = false;
	out->cnt = 0;
	interp = read_word(r, runtime + (int64_t)o->runtime_interp_head);
	for (unsigned i = 0; interp && !r->failed && i < MAX_INTERPS; i++) {
		struct py_tstate of_interp = {
			.interp_addr = interp,
			.interp_id = o->interp_id ? (int64_t)read_word(r, interp + o->interp_id) : -(int64_t)i,
			.gil_addr = gil_of(r, runtime, interp),
		};

		read_threads(r, &of_interp, out);
		interp = read_word(r, interp + o->interp_next);
	}
	reverse(out);
	for (size_t i = out->cnt; i-- > 0 && !o->interp_id;) /* numbered from the main one on */
		out->items[i].interp_id -= out->items[0].interp_id;
}

static bool is_same(const struct py_tstates *a, const struct py_tstates *b)
{
	if (a->cnt != b->cnt)
		return false;
	for (size_t i = 0; i < a->cnt; i++)
		if (a->items[i].addr != b->items[i].addr || a->items[i].ident != b->items[i].ident ||
		    a->items[i].inner_tid != b->items[i].inner_tid)
			return false;
	return true;
}

static int read_until_alike(struct reader *r, uint64_t runtime, struct py_tstates lists[2])
{
	bool good = false;

	for (unsigned i = 0; i < MAX_READINGS; i++) {
		struct py_tstates last = lists[0];

		lists[0] = lists[1];
		lists[1] = last;
		read_all(r, runtime, &lists[0]);
		if (r->failed) {
			good = false;
			continue;
		}
		if (good && is_same(&lists[0], &lists[1]))
			return lists[0].cnt ? 0 : -ESRCH;
		good = true;
	}
	return good ? -EAGAIN : -EFAULT;
}

int py_tstates_read(const struct py_build *build, uint64_t runtime_addr, memory_read_fn read, void *ctx,
		    struct py_tstates *out)
{
	struct reader r = {build, read, ctx, false};
	struct py_tstates lists[2] = {0};
	int err = read_until_alike(&r, runtime_addr, lists);

	free(lists[1].items);
	*out = lists[0];
	return err;
}

/* In a thread that runs nothing, the cframe that the state points to (3.11, 3.12) is there and names no frame. */
static bool has_frame(struct reader *r, uint64_t tstate)
{
	const struct abi_py_layout *l = &r->build->layout;
	uint64_t frame = read_word(r, tstate + l->ts_frame_off);

	return frame && (!(l->mech & ABI_MECH_CFRAME) || read_word(r, frame + l->cframe_frame_off));
}

/* As bpf/tstate.bpf.c: Python/pystate.c (to 3.14), gilstate: autoTSSkey is made as the interpreter starts. */
static bool has_started(struct reader *r, uint64_t runtime)
{
	const struct abi_py_layout *l = &r->build->layout;
	uint32_t initialised = 0;

	if (l->tls == ABI_TLS_KEY &&
	    (r->read(r->ctx, runtime + (int64_t)l->rt_tss_off, &initialised, sizeof(initialised)) || initialised != 1))
		return false;
	return read_word(r, runtime + (int64_t)r->build->objects.runtime_interp_head);
}

enum py_life py_life_read(const struct py_build *build, uint64_t runtime_addr, memory_read_fn read, void *ctx,
			  size_t *running)
{
	struct reader r = {build, read, ctx, false};
	struct py_tstates list = {0};

	*running = 0;
	if (!has_started(&r, runtime_addr))
		return PY_NOT_STARTED;
	read_all(&r, runtime_addr, &list);
	for (size_t i = 0; i < list.cnt; i++)
		*running += has_frame(&r, list.items[i].addr);
	free(list.items);
	return PY_STARTED;
}

bool py_tstate_is_current(const struct py_build *build, memory_read_fn read, void *ctx, const struct py_tstate *t)
{
	const struct py_objects *o = &build->objects;
	struct reader r = {build, read, ctx, false};
	uint64_t ident = read_word(&r, t->addr + build->layout.ts_thread_id_off);

	return read_word(&r, t->addr + o->tstate_interp) == t->interp_addr && ident == t->ident && !r.failed;
}
