/*
 * Before 3.14 CPython does not tell the kernel its threads' names: the kernel's name is "python3" for all.
 * `threading._active` has them; it is read from the live process when a new thread shows up.
 */
#include "user/resolve/threads.h"
#include "user/os/tasks.h"
#include "user/python/thread_names.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include <string.h>

#define NAMES_EVERY_NS 300000000ull
#define NAMES_PAUSE_NS 5000000000ull /* at most */
#define NAMES_REST     100	     /* so many times as long as it took: 1 % of a core */
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
	th->next_unnamed = p->unnamed;
	p->unnamed = th;
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
	struct process_thread **by_ident; /* those without a name */
	size_t cnt;
};

static int read_process(void *ctx, uint64_t addr, void *out, size_t len)
{
	struct process *p = ctx;

	return procfs_read_memory(p->pid, addr, out, len);
}

static int compare_idents(const void *a, const void *b)
{
	const struct process_thread *x = *(struct process_thread *const *)a, *y = *(struct process_thread *const *)b;

	return (x->ident > y->ident) - (x->ident < y->ident);
}

/* A process may have as many names as threads, and thousands of both. */
static void sort_unnamed(struct names_arg *a)
{
	size_t cap = 0;

	for (struct process_thread *th = a->p->unnamed; th; th = th->next_unnamed) {
		xgrow(a->by_ident, a->cnt, cap);
		a->by_ident[a->cnt++] = th;
	}
	qsort(a->by_ident, a->cnt, sizeof(*a->by_ident), compare_idents);
}

/* The first of those of that ident, or where it would be: an ident is soon given to another thread. */
static size_t find_unnamed(const struct names_arg *a, uint64_t ident)
{
	size_t low = 0, high = a->cnt;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (a->by_ident[middle]->ident < ident)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_unnamed(void *ctx, uint64_t ident)
{
	const struct names_arg *a = ctx;
	size_t at = find_unnamed(a, ident);

	return at < a->cnt && a->by_ident[at]->ident == ident;
}

/*
 * The ident of a thread that has ended soon is another's: a name counts for a thread that is still there after it
 * was read. One that is not keeps the kernel's name.
 */
static void name_thread(void *ctx, uint64_t ident, const char *name)
{
	struct names_arg *a = ctx;
	struct task_state now;

	for (size_t i = find_unnamed(a, ident); i < a->cnt && a->by_ident[i]->ident == ident; i++) {
		if (a->by_ident[i]->named)
			continue;
		a->by_ident[i]->named = true;
		if (!task_state(a->p->pid, (pid_t)a->by_ident[i]->tid, &now))
			describe(a->t, a->p, a->by_ident[i], name);
	}
}

/* The leader's name is known well enough, but for one that is renamed: it is only looked for along with others. */
static bool is_wanted(const struct process *p)
{
	return p->unnamed && ((pid_t)p->unnamed->tid != p->pid || p->unnamed->next_unnamed);
}

/* New threads may show up all the time, and reading the names of thousands takes a while. */
static uint64_t pause_after(uint64_t took_ns)
{
	uint64_t pause = took_ns * NAMES_REST;

	return pause < NAMES_EVERY_NS ? NAMES_EVERY_NS : pause < NAMES_PAUSE_NS ? pause : NAMES_PAUSE_NS;
}

/* Those that have a name now, and those that seem to have none. */
static void drop_done(struct process *p)
{
	struct process_thread **at = &p->unnamed, *th;

	while ((th = *at)) {
		if (th->named || ++th->tries >= NAMES_MAX_TRIES)
			*at = th->next_unnamed;
		else
			at = &th->next_unnamed;
	}
}

void threads__read_names(struct threads *t, struct process *p, uint64_t now_ns)
{
	struct names_arg arg = {t, p, NULL, 0};
	const struct thread_name_sink to = {.wanted = is_unnamed, .found = name_thread, .ctx = &arg};
	uint64_t start_ns;

	if (!is_wanted(p) || p->exited || !p->interp || !p->runtime_addr || now_ns < p->read_names_ns)
		return;
	start_ns = clock_cpu_ns();
	sort_unnamed(&arg);
	thread_names_read(&p->interp->build, p->runtime_addr, read_process, p, &to);
	drop_done(p);
	free(arg.by_ident);
	p->read_names_ns = now_ns + pause_after(clock_cpu_ns() - start_ns);
}
