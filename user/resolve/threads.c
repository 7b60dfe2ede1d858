/*
 * Before 3.14 CPython does not tell the kernel its threads' names: the kernel's name is "python3" for all.
 * `threading._active` has them; it is read from the live process when a new thread shows up.
 */
#include "user/resolve/threads.h"
#include "user/os/tasks.h"
#include "user/python/thread_names.h"
#include "user/util/alloc.h"
#include <string.h>

#define NAMES_EVERY_NS 300000000ull
#define CLOCK_TAU_NS	100000000 /* time in which a difference to the CPU clock is made up for */
#define NAMES_MAX_TRIES 20 /* a thread without a Python name must not cost for ever */

static void describe(struct threads *t, const struct process *p, const struct process_thread *th,
		     const char *name)
{
	t->sink.ops->thread(t->sink.ctx, &(struct profile_thread){.id = th->profile_id,
								  .process = p->profile_id,
								  .tid = th->tid,
								  .name = name});
}

static struct process_thread *get_thread(struct process *p, uint32_t tid)
{
	struct process_thread *th;

	HASH_FIND(hh, p->threads, &tid, sizeof(tid), th);
	if (th)
		return th;
	th = xcalloc(1, sizeof(*th));
	th->tid = tid;
	HASH_ADD(hh, p->threads, tid, sizeof(th->tid), th);
	return th;
}

uint32_t threads__id(struct threads *t, struct process *p, const struct abi_sample *s)
{
	struct process_thread *th = get_thread(p, s->hdr.tid);
	char comm[ABI_COMM + 1] = "";

	if (th->profile_id)
		return th->profile_id;
	memcpy(comm, s->comm, ABI_COMM);
	th->ident = s->thread_ident;
	th->profile_id = ++t->cnt;
	/* Lib/threading.py: the leader's Thread object is _MainThread("MainThread"), unless somebody renames it. */
	describe(t, p, th, th->tid == s->hdr.tgid ? "MainThread" : comm);
	if (th->tid != s->hdr.tgid)
		p->names_tries = 0;
	return th->profile_id;
}

static int64_t clamp(int64_t value, int64_t limit)
{
	return value > limit ? limit : value < -limit ? -limit : value;
}

void threads__unsent(struct process *p, uint32_t tid, const struct abi_unsent *u)
{
	struct process_thread *th = get_thread(p, tid);
	uint64_t more = th->unsent.value_ns;

	if (!more)
		th->unsent = *u;
	th->unsent.value_ns = more + u->value_ns;
}

/* Samples from before and from behind the gap come in their order. */
static void pass_unsent(struct process_thread *th, uint64_t exec_ns)
{
	if (!th->unsent.value_ns || exec_ns < th->unsent.exec_ns)
		return;
	if (!th->exec_first || th->unsent.exec_ns < th->exec_first) {
		th->exec_first = th->unsent.exec_ns ? th->unsent.exec_ns : 1;
		th->exec_first_value = th->unsent.first_value_ns;
	}
	th->assigned += th->unsent.value_ns;
	th->unsent.value_ns = 0;
}

/*
 * The scheduler's note may be some milliseconds old, so one sample takes only a small part of the difference,
 * and never more than half a period either way: single weights stay near the period, sums follow the clock.
 */
uint64_t threads__value(struct threads *t, struct process *p, const struct abi_sample *s)
{
	struct process_thread *th = get_thread(p, s->hdr.tid);
	int64_t value = (int64_t)s->value_ns, ahead;

	if (!t->uncorrected)
		pass_unsent(th, s->exec_ns);
	if (!th->exec_first || t->uncorrected) {
		/* half a period before the first tick and half behind the last: one in all */
		th->exec_first = s->exec_ns ? s->exec_ns : 1;
		th->exec_first_value = s->value_ns;
		th->assigned = s->value_ns;
		return s->value_ns;
	}
	ahead = (int64_t)(s->exec_ns - th->exec_first + th->exec_first_value) -
		(int64_t)(th->assigned + s->value_ns);
	ahead = clamp(ahead, CLOCK_TAU_NS + value); /* hours, where many ticks were lost */
	ahead = ahead * (value < CLOCK_TAU_NS ? value : CLOCK_TAU_NS) / CLOCK_TAU_NS;
	ahead = clamp(ahead, value / 2);
	th->assigned += (uint64_t)(value + ahead);
	return (uint64_t)(value + ahead);
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

/*
 * The ident of a thread that has ended soon is another's: a name counts for a thread that is still there after it
 * was read. One that is not keeps the kernel's name.
 */
static void name_thread(void *ctx, uint64_t ident, const char *name)
{
	struct names_arg *a = ctx;
	struct process_thread *th, *next;
	struct task_state now;

	HASH_ITER(hh, a->p->threads, th, next) {
		if (th->ident != ident || th->named)
			continue;
		th->named = true;
		if (!task_state(a->p->pid, (pid_t)th->tid, &now))
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
		wanted |= !th->named && (pid_t)th->tid != p->pid;
	if (!wanted)
		return;
	p->names_read_ns = now_ns;
	p->names_tries++;
	thread_names_read(&p->interp->build, p->runtime_addr, read_process, p, name_thread, &arg);
}
