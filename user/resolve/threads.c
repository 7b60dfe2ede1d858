/*
 * Before 3.14 CPython does not tell the kernel its threads' names: the kernel's name is "python3" for all.
 * `threading._active` has them; it is read from the live process when a new thread shows up, and again and again, ever
 * more rarely as long as nothing changes: pools rename their threads by what they do.
 */
#include "user/resolve/threads.h"
#include "user/os/procfs.h"
#include "user/os/tasks.h"
#include "user/python/thread_names.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include <string.h>

#define NAMES_EVERY_NS 300000000ull
#define NAMES_PAUSE_NS 5000000000ull /* at most */
#define NAMES_REST     100	     /* so many times as long as it took: 1 % of a core … */
#define NAMES_AHEAD_NS 2000000000ull /* … in all processes together, on average over so long */
#define NAMES_MAX_TRIES 20 /* a thread without a Python name must not cost for ever */
#define RENAMED_MIN_NS 250000000ull
#define RENAMED_MAX_NS 8000000000ull
#define LAST_MAX_NS    200000000ull /* of our own time as sampling ends */

void threads__clear(struct threads *t)
{
	memory_turn_to(&t->memory, 0);
	memory_close(&t->memory);
}

static bool is_leader(const struct process *p, const struct process_thread *th)
{
	return (pid_t)th->key.tid == p->pid;
}

/* Gives the profile a name, or a better one. */
static void describe(struct threads *t, const struct process *p, struct process_thread *th, const char *name)
{
	free(th->name);
	th->name = xstrdup(name);
	t->sink.ops->thread(t->sink.ctx, &(struct profile_thread){.id = th->profile_id,
								  .process = p->profile_id,
								  .tid = (uint32_t)th->key.tid,
								  .name = name});
}

static struct process_thread *find_ident(const struct process *p, uint64_t ident)
{
	struct process_thread *th;

	HASH_FIND(hh_ident, p->by_ident, &ident, sizeof(ident), th);
	return th;
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

/* Whoever had this number or this ident before has ended: what is read from now on is not its name. */
static void take_over(struct process *p, struct process_thread *th)
{
	struct process_thread *before = find_ident(p, th->ident);

	if (before) {
		HASH_DELETE(hh_ident, p->by_ident, before);
		before->over = true;
	}
	HASH_ADD(hh_ident, p->by_ident, ident, sizeof(th->ident), th);
	for (before = p->unnamed; before; before = before->next_unnamed)
		before->over |= before->key.tid == th->key.tid;
}

/* A forked child goes on as the thread that forked it, with its ident and, by Lib/threading.py, its name. */
static const struct process_thread *forked_by(const struct threads *t, const struct process *p,
					      const struct process_thread *th)
{
	const struct process *parent = p->parent_image_id ? processes__find(t->processes, p->parent_image_id) : NULL;

	return parent && is_leader(p, th) ? find_ident(parent, th->ident) : NULL;
}

/* Lib/threading.py: the leader's Thread object is _MainThread("MainThread"), where it is not known better. */
static void name_at_first(struct threads *t, struct process *p, struct process_thread *th)
{
	const struct process_thread *before = forked_by(t, p, th);

	if (before && before->named) {
		th->named = true;
		describe(t, p, th, before->name);
		return;
	}
	describe(t, p, th, is_leader(p, th) ? "MainThread" : th->comm);
	th->next_unnamed = p->unnamed;
	p->unnamed = th;
}

uint32_t threads__id(struct threads *t, struct process *p, const struct abi_sample *s)
{
	struct process_thread *th = get_thread(p, s);

	p->ran = true;
	if (th->profile_id)
		return th->profile_id;
	memcpy(th->comm, s->comm, ABI_COMM);
	th->ident = s->thread_ident;
	th->profile_id = ++t->cnt;
	take_over(p, th);
	name_at_first(t, p, th);
	return th->profile_id;
}

/* ---- from threading._active ---------------------------------------------------------------------------- */

struct names_arg {
	struct threads *t;
	struct process *p;
	bool all;	    /* also those that have a name already */
	bool leader_unnamed;
	bool main_is_other; /* Python calls a thread so that is none of ours, at least not the leader */
	bool changed;	    /* a name that there was */
};

/* Without a name of its own the leader is MainThread unless somebody else is. */
static bool is_wanted(void *ctx, uint64_t ident)
{
	const struct names_arg *a = ctx;
	const struct process_thread *th = find_ident(a->p, ident);

	return a->all || (th ? !th->named : a->leader_unnamed);
}

static bool is_of(const struct process *p, const struct process_thread *th, uint64_t native_id)
{
	return python_thread_is(native_id, is_leader(p, th), th->key.tid) ||
	       native_id == (uint64_t)task_inner_tid(p->pid, (pid_t)th->key.tid);
}

/*
 * The ident of a thread that has ended soon is another's: a name counts for a thread that is still there after it
 * was read. One that is not keeps the name it had.
 */
static void name_thread(void *ctx, const struct python_thread *found)
{
	struct names_arg *a = ctx;
	struct process_thread *th = find_ident(a->p, found->ident);
	struct task_state now;

	if (!th || !is_leader(a->p, th))
		a->main_is_other |= !strcmp(found->name, "MainThread");
	if (!th || th->over || th->reading == a->t->readings)
		return; /* the main interpreter's word for it counts */
	if (!(th->named && !strcmp(th->name, found->name)) && !is_of(a->p, th, found->native_id))
		return;
	th->reading = a->t->readings;
	a->changed |= th->named && strcmp(th->name, found->name);
	th->named = true;
	if (strcmp(th->name, found->name) && !task_state(a->p->pid, (pid_t)th->key.tid, &now))
		describe(a->t, a->p, th, found->name);
}

/* Those that have a name now, and those that seem to have none. */
static void drop_done(struct process *p)
{
	struct process_thread **at = &p->unnamed, *th;

	while ((th = *at)) {
		if (th->named || th->over || ++th->tries >= NAMES_MAX_TRIES)
			*at = th->next_unnamed;
		else
			at = &th->next_unnamed;
	}
}

static void find_names(struct names_arg *a)
{
	const struct thread_name_sink to = {
		.wanted = is_wanted, .found = name_thread, .ctx = a, .active = &a->p->active_addr};
	struct process *p = a->p;
	const struct process *parent = processes__find(a->t->processes, p->parent_image_id);

	if (!p->active_addr && parent) /* its memory was copied */
		p->active_addr = parent->active_addr;
	for (struct process_thread *th = p->unnamed; th; th = th->next_unnamed)
		a->leader_unnamed |= is_leader(p, th);
	a->t->readings++;
	memory_turn_to(&a->t->memory, procfs_living_task(p->pid));
	memory_look(&a->t->memory);
	thread_names_read(&p->interp->build, p->runtime_addr, memory_read, &a->t->memory, &to);
	memory_look_away(&a->t->memory);
	for (struct process_thread *th = a->main_is_other ? p->unnamed : NULL; th; th = th->next_unnamed)
		if (is_leader(p, th) && !th->named && strcmp(th->name, th->comm))
			describe(a->t, p, th, th->comm);
	drop_done(p);
}

/* ---- when ---------------------------------------------------------------------------------------------- */

static uint64_t at_least(uint64_t ns, uint64_t least)
{
	return ns < least ? least : ns;
}

static uint64_t at_most(uint64_t ns, uint64_t most)
{
	return ns > most ? most : ns;
}

/* New threads may show up all the time, and reading the names of thousands takes a while. */
static void plan_next(struct threads *t, struct names_arg *a, uint64_t now_ns, uint64_t took_ns)
{
	uint64_t pause = took_ns * NAMES_REST;
	struct process *p = a->p;

	p->read_names_ns = now_ns + at_most(at_least(pause, NAMES_EVERY_NS), NAMES_PAUSE_NS);
	if (a->all) {
		p->ran = false;
		p->renamed_wait_ns = a->changed ? RENAMED_MIN_NS : at_most(2 * p->renamed_wait_ns, RENAMED_MAX_NS);
		p->renamed_ns = now_ns + at_least(p->renamed_wait_ns, pause);
	}
	t->rest_until_ns = at_least(t->rest_until_ns, now_ns - at_most(now_ns, NAMES_AHEAD_NS)) + pause;
}

static bool is_due(struct threads *t, struct process *p, uint64_t now_ns, bool last, bool *all)
{
	if (p->exited || !p->interp || !p->runtime_addr)
		return false;
	if (!p->renamed_ns && p->ran) {
		p->renamed_wait_ns = RENAMED_MIN_NS;
		p->renamed_ns = now_ns + RENAMED_MIN_NS;
	}
	*all = p->ran && (last || now_ns >= p->renamed_ns);
	if (last)
		return (*all || p->unnamed) && t->last_took_ns < LAST_MAX_NS;
	return now_ns >= t->rest_until_ns && (*all || (p->unnamed && now_ns >= p->read_names_ns));
}

bool threads__read_names(struct threads *t, struct process *p, uint64_t now_ns, bool last)
{
	struct names_arg arg = {.t = t, .p = p};
	uint64_t start_ns, took_ns;

	if (!is_due(t, p, now_ns, last, &arg.all))
		return false;
	start_ns = clock_cpu_ns();
	find_names(&arg);
	took_ns = clock_cpu_ns() - start_ns;
	t->last_took_ns += last ? took_ns : 0;
	plan_next(t, &arg, now_ns, took_ns);
	return true;
}
