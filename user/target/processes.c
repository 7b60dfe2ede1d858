/* SPDX-License-Identifier: MIT */
#include "user/target/processes.h"
#include "user/os/procfs.h"
#include "user/util/alloc.h"
#include <stdio.h>
#include <string.h>

#define START_STEP_NS 10000000u /* fs/proc/array.c: in units of USER_HZ */
#define RETIRED_MAX   1000      /* nobody reads so many lines */

struct noted {
	UT_hash_handle hh;
	pid_t pid;
	uint64_t start_ns; /* in steps of /proc: its number may be another's by and by */
	uint64_t cpu_ns;
	bool gone;
};

struct processes {
	struct containers *containers;
	struct noted *noted;              /* processes that ran when sampling began */
	struct process *living, *retired; /* by image id, in their order */
	struct processes_past past;
	bool identifies;
};

struct processes *processes__new(const char *root)
{
	struct processes *t = xcalloc(1, sizeof(*t));

	t->containers = containers__new(root);
	return t;
}

static void free_process(struct process *p)
{
	free(p->command);
	free(p->cgroup);
	free(p->service);
	free(p->program);
	container__put(p->container);
	free(p);
}

static void free_all(struct process **table)
{
	struct process *p, *next;

	HASH_ITER(hh, *table, p, next)
	{
		HASH_DEL(*table, p);
		free_process(p);
	}
}

static void free_noted(struct processes *t)
{
	struct noted *n, *next;

	HASH_ITER(hh, t->noted, n, next)
	{
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
	containers__free(t->containers);
	free(t);
}

struct containers *processes__containers(const struct processes *t)
{
	return t->containers;
}

void processes__identify(struct processes *t)
{
	t->identifies = true;
}

bool processes__identifies(const struct processes *t)
{
	return t->identifies;
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

void processes__note(struct processes *t, pid_t pid, uint64_t start_ns)
{
	struct noted *n;

	HASH_FIND(hh, t->noted, &pid, sizeof(pid), n);
	if (n)
		return;
	n = xcalloc(1, sizeof(*n));
	n->pid = pid;
	n->start_ns = start_ns;
	HASH_ADD(hh, t->noted, pid, sizeof(n->pid), n);
}

void processes__begin(struct processes *t)
{
	struct noted *n, *next;
	struct process *p, *next_p;

	HASH_ITER(hh, t->noted, n, next)
	n->gone = procfs_cpu_ns(n->pid, &n->cpu_ns) != 0;
	HASH_ITER(hh, t->living, p, next_p)
	p->cpu_known = processes__cpu_at_start(t, p, &p->cpu_from_ns);
}

bool processes__cpu_at_start(const struct processes *t, const struct process *p, uint64_t *cpu_ns)
{
	struct noted *n;

	HASH_FIND(hh, t->noted, &p->pid, sizeof(p->pid), n);
	if (!n || n->gone || n->start_ns / START_STEP_NS != p->start_ns / START_STEP_NS)
		return false;
	*cpu_ns = n->cpu_ns;
	return true;
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
	HASH_ADD(hh, t->retired, image_id, sizeof(p->image_id), p);
}

struct process *processes__overdue(const struct processes *t)
{
	return HASH_COUNT(t->retired) > RETIRED_MAX ? t->retired : NULL;
}

void processes_past_count(struct processes_past *past, const char *version, size_t cnt)
{
	size_t i = 0;

	while (i < past->version_cnt && strcmp(past->versions[i].version, version))
		i++;
	if (i == PROCESSES_VERSIONS)
		return;
	snprintf(past->versions[i].version, sizeof(past->versions[i].version), "%s", version);
	past->versions[i].cnt += cnt;
	past->version_cnt += i == past->version_cnt;
}

void processes__fold(struct processes *t, struct process *p)
{
	uint64_t clock_ns = process__cpu_used(p);

	if (p->sampled_ns && clock_ns) {
		t->past.clock_ns += clock_ns;
		t->past.sampled_ns += p->sampled_ns;
	}
	t->past.python += p->interp != NULL;
	if (p->samples && p->interp)
		processes_past_count(&t->past, p->interp->build.version, 1);
	HASH_DEL(t->retired, p);
	free_process(p);
}

const struct processes_past *processes__past(const struct processes *t)
{
	return &t->past;
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
