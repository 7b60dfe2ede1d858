#include "user/target/processes.h"
#include "user/util/alloc.h"

struct processes {
	struct process *by_image;
};

struct processes *processes__new(void)
{
	return xcalloc(1, sizeof(struct processes));
}

static void process_free(struct process *p)
{
	struct process_thread *t, *next;

	HASH_ITER(hh, p->threads, t, next) {
		HASH_DEL(p->threads, t);
		free(t);
	}
	free(p->command);
	free(p->cgroup);
	free(p);
}

void processes__free(struct processes *t)
{
	struct process *p, *next;

	if (!t)
		return;
	HASH_ITER(hh, t->by_image, p, next) {
		HASH_DEL(t->by_image, p);
		process_free(p);
	}
	free(t);
}

struct process *processes__find(const struct processes *t, uint32_t image_id)
{
	struct process *p;

	HASH_FIND(hh, t->by_image, &image_id, sizeof(image_id), p);
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
	HASH_ADD(hh, t->by_image, image_id, sizeof(p->image_id), p);
	return p;
}

void processes__each(const struct processes *t, void (*fn)(void *ctx, struct process *p), void *ctx)
{
	struct process *p, *next;

	HASH_ITER(hh, t->by_image, p, next)
		fn(ctx, p);
}
