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
#define NAMES_MAX_TRIES 20 /* a thread without a Python name must not cost for ever */

static void describe(struct threads *t, const struct process *p, const struct process_thread *th,
		     const char *name)
{
	t->sink.ops->thread(t->sink.ctx, &(struct profile_thread){.id = th->profile_id,
								  .process = p->profile_id,
								  .tid = (uint32_t)th->key.tid,
								  .name = name});
}

static struct process_thread *get_thread(struct process *p, const struct abi_sample *s)
{
	struct process_thread_key key = {.start_ns = s->thread_start_ns, .tid = s->hdr.tid};
	struct process_thread *th;

	HASH_FIND(hh, p->threads, &key, sizeof(key), th);
	if (th)
		return th;
	th = xcalloc(1, sizeof(*th));
	th->key = key;
	HASH_ADD(hh, p->threads, key, sizeof(th->key), th);
	return th;
}

/* Whoever had this number before has ended: what is read from now on is not its name. */
static void give_up_name(struct process *p, uint64_t tid)
{
	for (struct process_thread *th = p->unnamed; th; th = th->next_unnamed)
		if (th->key.tid == tid)
			th->tries = NAMES_MAX_TRIES;
}

uint32_t threads__id(struct threads *t, struct process *p, const struct abi_sample *s)
{
	struct process_thread *th = get_thread(p, s);
	char comm[ABI_COMM + 1] = "";

	if (th->profile_id)
		return th->profile_id;
	memcpy(comm, s->comm, ABI_COMM);
	th->ident = s->thread_ident;
	th->profile_id = ++t->cnt;
	/* Lib/threading.py: the leader's Thread object is _MainThread("MainThread"), unless somebody renames it. */
	describe(t, p, th, s->hdr.tid == s->hdr.tgid ? "MainThread" : comm);
	give_up_name(p, s->hdr.tid);
	th->next_unnamed = p->unnamed;
	p->unnamed = th;
	return th->profile_id;
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
		if (a->by_ident[i]->named || a->by_ident[i]->tries >= NAMES_MAX_TRIES)
			continue;
		a->by_ident[i]->named = true;
		if (!task_state(a->p->pid, (pid_t)a->by_ident[i]->key.tid, &now))
			describe(a->t, a->p, a->by_ident[i], name);
	}
}

/* The leader's name is known well enough, but for one that is renamed: it is only looked for along with others. */
static bool is_wanted(const struct process *p)
{
	return p->unnamed && ((pid_t)p->unnamed->key.tid != p->pid || p->unnamed->next_unnamed);
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
