/* SPDX-License-Identifier: MIT */
/*
 * Before 3.14 CPython does not tell the kernel its threads' names: the kernel's name is "python3" for all.
 * `threading._active` has them; it is read from the live process when a new thread shows up, and again and again, ever
 * more rarely as long as nothing changes: pools rename their threads by what they do.
 */
#include "user/resolve/threads.h"
#include "user/os/tasks.h"
#include "user/os/worker.h"
#include "user/resolve/aside.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include <string.h>

#define NAMES_EVERY_NS  300000000ull
#define NAMES_PAUSE_NS  5000000000ull /* at most */
#define NAMES_REST      100           /* so many times as long as it took: 1 % of a core … */
#define NAMES_AHEAD_NS  2000000000ull /* … in all processes together, on average over so long */
#define NAMES_MAX_TRIES 20            /* a thread without a Python name must not cost for ever */
#define RENAMED_MIN_NS  250000000ull
#define RENAMED_MAX_NS  64000000000ull /* for 100 processes one or two readings a second */
#define LIMIT_MIN       256            /* threads of a process, before it is looked which of them have ended */
#define ALL_MAX         16384          /* of all, when a segment begins; then … */
#define UNSEEN_NS       60000000000ull /* … those go that did not run for so long, whether they have ended or sleep */
#define ENDED_NS        5000000000ull  /* no sample of it waits so long */
#define INTERPS_MAX     64             /* of a thread that are remembered: some make one for each request */
#define LAST_MAX_NS     200000000ull   /* of our own time as sampling ends */

static size_t count_all(const struct threads *t)
{
	size_t cnt = 0;

	for (const struct known *k = t->known; k; k = k->hh.next)
		cnt += HASH_COUNT(k->threads);
	return cnt;
}

static void forget_unseen(struct known *k, uint64_t now_ns)
{
	struct known_thread *th, *next;

	HASH_ITER(hh, k->threads, th, next)
	if (th->seen_ns + UNSEEN_NS < now_ns)
		known__forget_thread(k, th);
}

void threads__begin_segment(struct threads *t, struct profile_sink sink, uint64_t now_ns)
{
	struct known *k, *next;

	t->sink = sink;
	t->cnt = 0;
	t->segment++;
	if (count_all(t) <= ALL_MAX)
		return;
	HASH_ITER(hh, t->known, k, next)
	forget_unseen(k, now_ns);
}

static bool is_leader(const struct known *k, const struct known_thread *th)
{
	return (pid_t)th->key.tid == k->process->pid;
}

/* Where there are several interpreters the thread is one in each, by its name. */
static void emit_part(struct threads *t, const struct known *k, const struct known_thread *th,
		      const struct known_thread_part *part)
{
	__cleanup_free char *name =
		part->interp_id ? xasprintf("%s (interpreter %u)", th->name, part->interp_id) : NULL;

	t->sink.ops->thread(t->sink.ctx, &(struct profile_thread){.id = part->profile_id,
								  .process = k->profile_id,
								  .tid = (uint32_t)th->key.tid,
								  .start_ns = th->key.start_ns,
								  .interpreter = part->interp_id,
								  .name = name ? name : th->name});
}

/* Gives the profile a name, or a better one. */
static void describe(struct threads *t, const struct known *k, struct known_thread *th, const char *name)
{
	free(th->name);
	th->name = xstrdup(name);
	for (const struct known_thread_part *part = &th->part; part; part = part->next)
		if (part->profile_id && part->segment == t->segment)
			emit_part(t, k, th, part);
}

static struct known_thread *find_ident(const struct known *k, uint64_t ident)
{
	struct known_thread *th;

	HASH_FIND(hh_ident, k->by_ident, &ident, sizeof(ident), th);
	return th;
}

/* A process that makes threads all the time must not make us remember them all. */
static void forget_ended(struct known *k, uint64_t now_ns)
{
	struct known_thread *th, *next;
	struct task_state s;

	HASH_ITER(hh, k->threads, th, next)
	if (th->seen_ns + ENDED_NS < now_ns && (th->over || task_state(k->process->pid, (pid_t)th->key.tid, &s)))
		known__forget_thread(k, th);
	k->threads_limit = 2 * HASH_COUNT(k->threads);
	if (k->threads_limit < LIMIT_MIN)
		k->threads_limit = LIMIT_MIN;
}

/* In our PID namespace. */
static pid_t outer_tid(const struct process *p, pid_t inner_tid)
{
	struct task *tasks = NULL;
	size_t cnt = 0;
	pid_t tid = inner_tid;

	if (p->inner_pid && !tasks_list(p->pid, &tasks, &cnt))
		for (size_t i = 0; i < cnt; i++)
			if (tasks[i].inner_tid == inner_tid)
				tid = tasks[i].tid;
	free(tasks);
	return tid;
}

/* Another thread saw it, which does not know when it was started: so its ident has to do. */
static struct known_thread *find_seen(const struct known *k, const struct abi_sample *s, struct known_thread_key *key)
{
	struct known_thread *th = find_ident(k, s->thread_ident);

	if (th)
		return th;
	key->tid = (uint64_t)outer_tid(k->process, (pid_t)s->hdr.tid);
	HASH_FIND(hh, k->threads, key, sizeof(*key), th);
	return th;
}

/* It may have been seen by another thread before it has had a sample of its own. */
static struct known_thread *find_thread(struct known *k, const struct abi_sample *s, struct known_thread_key *key)
{
	struct known_thread_key unsure = {.tid = s->hdr.tid};
	struct known_thread *th;

	if (s->flags & ABI_SAMPLE_FOREIGN)
		return find_seen(k, s, key);
	HASH_FIND(hh, k->threads, key, sizeof(*key), th);
	if (th)
		return th;
	HASH_FIND(hh, k->threads, &unsure, sizeof(unsure), th);
	if (!th || th->ident != s->thread_ident)
		return NULL;
	HASH_DELETE(hh, k->threads, th);
	th->key = *key;
	HASH_ADD(hh, k->threads, key, sizeof(th->key), th);
	return th;
}

static struct known_thread *get_thread(struct known *k, const struct abi_sample *s)
{
	struct known_thread_key key = {.start_ns = s->thread_start_ns, .tid = s->hdr.tid};
	struct known_thread *th = find_thread(k, s, &key);

	if (th)
		return th;
	if (HASH_COUNT(k->threads) >= k->threads_limit)
		forget_ended(k, s->hdr.time_ns);
	th = xcalloc(1, sizeof(*th));
	th->key = key;
	HASH_ADD(hh, k->threads, key, sizeof(th->key), th);
	return th;
}

bool threads__was_python(struct known *k, const struct abi_sample *s)
{
	return get_thread(k, s)->is_python;
}

/* The threads that had this number or this ident before have ended: names read from now on are not theirs. */
static void rename_thread(struct known *k, struct known_thread *th)
{
	struct known_thread *before = find_ident(k, th->ident);

	if (before) {
		HASH_DELETE(hh_ident, k->by_ident, before);
		before->over = true;
	}
	HASH_ADD(hh_ident, k->by_ident, ident, sizeof(th->ident), th);
	for (before = k->unnamed; before; before = before->next_unnamed)
		before->over |= before->key.tid == th->key.tid;
}

/* A forked child goes on as the thread that forked it, with its ident and, by Lib/threading.py, its name. */
static const struct known_thread *forked_by(const struct threads *t, const struct known *k,
					    const struct known_thread *th)
{
	const struct known *parent = known__find(t->known, k->process->parent_image_id);

	return parent && is_leader(k, th) ? find_ident(parent, th->ident) : NULL;
}

/* Lib/threading.py: the leader's Thread object is _MainThread("MainThread"), where it is not known better. */
static void name_at_first(struct threads *t, struct known *k, struct known_thread *th)
{
	const struct known_thread *before = forked_by(t, k, th);

	if (before && before->named) {
		th->named = true;
		describe(t, k, th, before->name);
		return;
	}
	describe(t, k, th, is_leader(k, th) ? "MainThread" : th->comm);
	th->next_unnamed = k->unnamed;
	k->unnamed = th;
}

static struct known_thread_part *get_part(struct known_thread *th, uint32_t interp_id)
{
	struct known_thread_part *part = &th->part;

	for (unsigned n = 1; part->profile_id && part->interp_id != interp_id && n < INTERPS_MAX; n++) {
		if (!part->next)
			part->next = xcalloc(1, sizeof(*part));
		part = part->next;
	}
	if (part->interp_id != interp_id)
		part->profile_id = 0; /* a new one, or in the place of the last */
	part->interp_id = interp_id;
	return part;
}

/* Python knows nothing of it: it is called as the kernel calls it, which is also what it may have called itself by now. */
static void name_native(struct threads *t, const struct known *k, struct known_thread *th, const char *comm)
{
	if (th->name && !strncmp(th->comm, comm, ABI_COMM))
		return;
	memcpy(th->comm, comm, ABI_COMM);
	describe(t, k, th, th->comm);
}

static void name_python(struct threads *t, struct known *k, struct known_thread *th, const struct abi_sample *s)
{
	th->is_python = true;
	memcpy(th->comm, s->comm, ABI_COMM);
	th->ident = s->thread_ident;
	rename_thread(k, th);
	name_at_first(t, k, th);
}

uint32_t threads__id(struct threads *t, struct known *k, const struct abi_sample *s)
{
	bool is_native = s->outcome == ABI_NO_TSTATE;
	struct known_thread *th = get_thread(k, s);
	struct known_thread_part *part = get_part(th, s->interp_id);
	bool is_new = !part->profile_id || part->segment != t->segment;

	k->ran |= !is_native;
	th->seen_ns = s->hdr.time_ns;
	if (is_new) {
		part->profile_id = ++t->cnt;
		part->segment = t->segment;
	}
	if (is_new && th->name)
		emit_part(t, k, th, part);
	if (!is_native && !th->is_python)
		name_python(t, k, th, s);
	else if (!th->is_python)
		name_native(t, k, th, s->comm);
	return part->profile_id;
}

const char *threads__name(const struct known *k, uint64_t ident, bool *sure)
{
	const struct known_thread *th = find_ident(k, ident);

	*sure = th && (th->named || th->over || th->tries >= NAMES_MAX_TRIES || k->process->exited);
	return th ? th->name : NULL;
}

/* ---- from threading._active ---------------------------------------------------------------------------- */

struct names_arg {
	struct threads *t;
	struct known *k;
	bool all;           /* also those that have a name already */
	bool main_is_other; /* Python calls a thread so that is none of ours, at least not the leader */
	bool changed;       /* a name that there was */
};

static bool is_of(const struct known *k, const struct known_thread *th, uint64_t native_id)
{
	return python_thread_is(native_id, is_leader(k, th), th->key.tid) ||
	       native_id == (uint64_t)task_inner_tid(k->process->pid, (pid_t)th->key.tid);
}

/*
 * The ident of a thread that has ended soon is another's: a name counts for a thread that is still there after it
 * was read. One that is not keeps the name it had.
 */
static void name_thread(void *ctx, const struct python_thread *found)
{
	struct names_arg *a = ctx;
	struct known_thread *th = find_ident(a->k, found->ident);
	struct task_state now;

	if (!th || !is_leader(a->k, th))
		a->main_is_other |= !strcmp(found->name, "MainThread");
	if (!th || th->over || th->reading == a->t->readings)
		return; /* the main interpreter's word for it counts */
	if (!(th->named && !strcmp(th->name, found->name)) && !is_of(a->k, th, found->native_id))
		return;
	th->reading = a->t->readings;
	a->changed |= th->named && strcmp(th->name, found->name);
	th->named = true;
	if (strcmp(th->name, found->name) && !task_state(a->k->process->pid, (pid_t)th->key.tid, &now))
		describe(a->t, a->k, th, found->name);
}

/* Those that have a name now, and those that seem to have none. */
static void drop_done(struct known *k)
{
	struct known_thread **at = &k->unnamed, *th;

	while ((th = *at)) {
		if (th->named || th->over || ++th->tries >= NAMES_MAX_TRIES)
			*at = th->next_unnamed;
		else
			at = &th->next_unnamed;
	}
}

/* Without a name of its own the leader is MainThread unless somebody else is. */
static void ask_for(struct aside_names *q, const struct known *k)
{
	struct known_thread *th;

	for (th = k->unnamed; th; th = th->next_unnamed)
		q->strangers |= is_leader(k, th);
	q->idents = xcalloc(HASH_CNT(hh_ident, k->by_ident) + 1, sizeof(*q->idents));
	for (th = k->by_ident; th; th = th->hh_ident.next)
		if (th->named)
			q->idents[q->named_cnt++] = th->ident;
	q->ident_cnt = q->named_cnt;
	for (th = k->by_ident; th; th = th->hh_ident.next)
		if (!th->named)
			q->idents[q->ident_cnt++] = th->ident;
}

static void find_names(struct names_arg *a)
{
	struct known *k = a->k;
	const struct known *parent = known__find(a->t->known, k->process->parent_image_id);
	struct aside_names q = {.pid = k->process->pid, .runtime_addr = k->process->runtime_addr, .all = a->all};

	/* A child's memory was copied. */
	q.active = k->active_addr || !parent ? k->active_addr : parent->active_addr;
	if (!a->all)
		ask_for(&q, k);
	a->t->readings++;
	aside_thread_names(&q, &k->process->interp->build, name_thread, a);
	k->active_addr = q.active;
	free(q.idents);
	for (struct known_thread *th = a->main_is_other ? k->unnamed : NULL; th; th = th->next_unnamed)
		if (is_leader(k, th) && !th->named && strcmp(th->name, th->comm))
			describe(a->t, k, th, th->comm);
	drop_done(k);
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
	struct known *k = a->k;

	k->read_names_ns = now_ns + at_most(at_least(pause, NAMES_EVERY_NS), NAMES_PAUSE_NS);
	if (a->all) {
		k->ran = false;
		k->renamed_wait_ns = a->changed ? RENAMED_MIN_NS : at_most(2 * k->renamed_wait_ns, RENAMED_MAX_NS);
		k->renamed_ns = now_ns + at_least(k->renamed_wait_ns, pause);
	}
	t->rest_until_ns = at_least(t->rest_until_ns, now_ns - at_most(now_ns, NAMES_AHEAD_NS));
	t->rest_until_ns += pause * (t->frugal ? t->frugal : 1);
}

static bool is_due(struct threads *t, struct known *k, uint64_t now_ns, bool last, bool *all)
{
	if (k->process->exited || !k->process->interp || !k->process->runtime_addr)
		return false;
	if (!k->renamed_ns && k->ran) {
		k->renamed_wait_ns = RENAMED_MIN_NS;
		k->renamed_ns = now_ns + RENAMED_MIN_NS;
	}
	*all = k->ran && (last || now_ns >= k->renamed_ns);
	if (last)
		return (*all || k->unnamed) && t->last_took_ns < LAST_MAX_NS;
	return now_ns >= t->rest_until_ns && (*all || (k->unnamed && now_ns >= k->read_names_ns));
}

static uint64_t cpu_ns(void)
{
	return clock_cpu_ns() + worker_cpu_ns();
}

bool threads__read_names(struct threads *t, struct known *k, uint64_t now_ns, bool last)
{
	struct names_arg arg = {.t = t, .k = k};
	uint64_t start_ns, took_ns;

	if (!is_due(t, k, now_ns, last, &arg.all))
		return false;
	start_ns = cpu_ns();
	find_names(&arg);
	took_ns = cpu_ns();
	took_ns -= took_ns < start_ns ? took_ns : start_ns; /* the worker may be another one by now */
	t->last_took_ns += last ? took_ns : 0;
	plan_next(t, &arg, now_ns, took_ns);
	return true;
}
