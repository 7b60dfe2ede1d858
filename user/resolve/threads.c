/*
 * Before 3.14 CPython does not tell the kernel its threads' names: the kernel's name is "python3" for all.
 * `threading._active` has them; it is read from the live process when a new thread shows up.
 */
#include "user/resolve/threads.h"
#include "user/python/thread_names.h"
#include "user/util/alloc.h"
#include <string.h>

#define NAMES_EVERY_NS 300000000ull
#define NAMES_MAX_TRIES 20 /* a thread without a Python name must not cost for ever */

static void describe(struct threads *t, const struct process *p, const struct process_thread *th,
		     const char *name)
{
	t->sink.ops->thread(t->sink.ctx, &(struct profile_thread){.id = th->profile_id,
								  .process = p->profile_id,
								  .tid = th->tid,
								  .name = name});
}

uint32_t threads__id(struct threads *t, struct process *p, const struct abi_sample *s)
{
	struct process_thread *th;
	uint32_t tid = s->hdr.tid;

	HASH_FIND(hh, p->threads, &tid, sizeof(tid), th);
	if (th)
		return th->profile_id;
	th = xcalloc(1, sizeof(*th));
	th->tid = tid;
	th->ident = s->thread_ident;
	th->profile_id = ++t->cnt;
	memcpy(th->comm, s->comm, ABI_COMM);
	HASH_ADD(hh, p->threads, tid, sizeof(th->tid), th);
	/* Lib/threading.py: the leader's Thread object is _MainThread("MainThread"). */
	th->named = tid == s->hdr.tgid;
	describe(t, p, th, th->named ? "MainThread" : th->comm);
	if (!th->named)
		p->names_tries = 0;
	return th->profile_id;
}

struct names_arg {
	struct threads *t;
	struct process *p;
};

static int read_process(void *ctx, uint64_t addr, void *out, size_t len)
{
	struct process *p = ctx;

	return procfs_read_memory(p->pid, addr, out, len);
}

static void name_thread(void *ctx, uint64_t ident, const char *name)
{
	struct names_arg *a = ctx;
	struct process_thread *th, *next;

	HASH_ITER(hh, a->p->threads, th, next) {
		if (th->ident != ident || th->named)
			continue;
		th->named = true;
		describe(a->t, a->p, th, name);
	}
}

void threads__read_names(struct threads *t, struct process *p, uint64_t now_ns)
{
	struct names_arg arg = {t, p};
	struct process_thread *th, *next;
	bool wanted = false;

	if (p->exited || !p->interp || !p->runtime_addr || p->names_tries >= NAMES_MAX_TRIES ||
	    now_ns < p->names_read_ns + NAMES_EVERY_NS)
		return;
	HASH_ITER(hh, p->threads, th, next)
		wanted |= !th->named;
	if (!wanted)
		return;
	p->names_read_ns = now_ns;
	p->names_tries++;
	thread_names_read(&p->interp->build, p->runtime_addr, read_process, p, name_thread, &arg);
}
