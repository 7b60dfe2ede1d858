#include "user/target/processes.h"
#include "user/util/alloc.h"

struct processes {
	struct process *living, *retired; /* by image id */
};

struct processes *processes__new(void)
{
	return xcalloc(1, sizeof(struct processes));
}

static void free_threads(struct process *p)
{
	struct process_thread *t, *next;

	HASH_ITER(hh, p->threads, t, next) {
		HASH_DEL(p->threads, t);
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

void processes__free(struct processes *t)
{
	if (!t)
		return;
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
