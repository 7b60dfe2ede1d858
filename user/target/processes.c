#include "user/target/processes.h"
#include "user/os/procfs.h"
#include "user/util/alloc.h"

#define START_STEP_NS 10000000u /* fs/proc/array.c: in units of USER_HZ */

struct noted {
	UT_hash_handle hh;
	pid_t pid;
	uint64_t cpu_ns;
	bool gone;
};

struct processes {
	struct noted *noted; /* processes that ran when sampling began */
	struct process *living, *retired; /* by image id */
};

struct processes *processes__new(void)
{
	return xcalloc(1, sizeof(struct processes));
}

static void free_threads(struct process *p)
{
	struct process_thread *t, *next;

	HASH_CLEAR(hh_ident, p->by_ident);
	HASH_ITER(hh, p->threads, t, next) {
		HASH_DEL(p->threads, t);
		free(t->name);
		free(t);
	}
	p->unnamed = NULL;
}

static void free_all(struct process **table)
{
	struct process *p, *next;

	HASH_ITER(hh, *table, p, next) {
		HASH_DEL(*table, p);
		free_threads(p);
		free(p->command);
		free(p->cgroup);
		free(p);
	}
}

static void free_noted(struct processes *t)
{
	struct noted *n, *next;

	HASH_ITER(hh, t->noted, n, next) {
		HASH_DEL(t->noted, n);
		free(n);
	}
}

void processes__free(struct processes *t)
{
	if (!t)
		return;
	free_noted(t);
	free_all(&t->living);
	free_all(&t->retired);
	free(t);
}

struct process *processes__find(const struct processes *t, uint32_t image_id)
{
	struct process *p;

	HASH_FIND(hh, t->living, &image_id, sizeof(image_id), p);
	if (!p)
		HASH_FIND(hh, t->retired, &image_id, sizeof(image_id), p);
	return p;
}

struct process *processes__get(struct processes *t, uint32_t image_id, pid_t pid)
{
	struct process *p = processes__find(t, image_id);

	if (p)
		return p;
	p = xcalloc(1, sizeof(*p));
	p->image_id = image_id;
	p->pid = pid;
	p->command = xstrdup("");
	p->cgroup = xstrdup("");
	HASH_ADD(hh, t->living, image_id, sizeof(p->image_id), p);
	return p;
}

void processes__note(struct processes *t, pid_t pid)
{
	struct noted *n;

	HASH_FIND(hh, t->noted, &pid, sizeof(pid), n);
	if (n)
		return;
	n = xcalloc(1, sizeof(*n));
	n->pid = pid;
	HASH_ADD(hh, t->noted, pid, sizeof(n->pid), n);
}

void processes__begin(struct processes *t)
{
	struct noted *n, *next;
	struct process *p, *next_p;

	HASH_ITER(hh, t->noted, n, next)
		n->gone = procfs_cpu_ns(n->pid, &n->cpu_ns) != 0;
	HASH_ITER(hh, t->living, p, next_p)
		p->cpu_known = processes__cpu_at_start(t, p->pid, &p->cpu_from_ns);
}

bool processes__cpu_at_start(const struct processes *t, pid_t pid, uint64_t *cpu_ns)
{
	struct noted *n;

	HASH_FIND(hh, t->noted, &pid, sizeof(pid), n);
	if (n && !n->gone)
		*cpu_ns = n->cpu_ns;
	return n && !n->gone;
}

/* /proc knows starts in steps. */
bool process__is_there(const struct process *p)
{
	uint64_t start_ns;

	return !procfs_stat(p->pid, &start_ns, NULL) && start_ns / START_STEP_NS == p->start_ns / START_STEP_NS;
}

bool process__read_cpu(struct process *p)
{
	if (!p->cpu_known || p->cpu_final)
		return false;
	if (p->exited && !process__is_there(p)) /* it may be waiting for its parent */
		return false;
	return !procfs_cpu_ns(p->pid, &p->cpu_ns);
}

uint64_t process__cpu_used(const struct process *p)
{
	return p->cpu_known && p->cpu_ns > p->cpu_from_ns ? p->cpu_ns - p->cpu_from_ns : 0;
}

void processes__retire(struct processes *t, uint32_t image_id)
{
	struct process *p;

	HASH_FIND(hh, t->living, &image_id, sizeof(image_id), p);
	if (!p)
		return;
	HASH_DEL(t->living, p);
	free_threads(p);
	HASH_ADD(hh, t->retired, image_id, sizeof(p->image_id), p);
}

static void each(struct process *table, void (*fn)(void *ctx, struct process *p), void *ctx)
{
	struct process *p, *next;

	HASH_ITER(hh, table, p, next)
		fn(ctx, p);
}

void processes__each_living(const struct processes *t, void (*fn)(void *ctx, struct process *p), void *ctx)
{
	each(t->living, fn, ctx);
}

void processes__each(const struct processes *t, void (*fn)(void *ctx, struct process *p), void *ctx)
{
	each(t->retired, fn, ctx);
	each(t->living, fn, ctx);
}
