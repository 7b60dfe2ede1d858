/*
 * Kept from one reading to the next: an ident is soon another thread's, so whose name it is depends on when it was
 * read (threads.c).
 */
#include "user/snapshot/names.h"
#include "user/python/thread_names.h"
#include "user/util/alloc.h"
#include <string.h>

static void keep(void *ctx, const struct python_thread *t)
{
	struct thread_names *names = ctx;

	xgrow(names->items, names->cnt, names->cap);
	names->items[names->cnt++] = (struct thread_name){t->ident, t->native_id, xstrdup(t->name)};
}

void names_read(struct thread_names *names, struct stack_reader *r, uint64_t runtime_addr)
{
	const struct thread_name_sink to = {.found = keep, .ctx = names};

	names_forget(names);
	memory_look(r->memory);
	thread_names_read(r->build, runtime_addr, memory_read, r->memory, &to);
	memory_look_away(r->memory);
}

const char *names_find(const struct thread_names *names, uint64_t ident, const struct task *task, pid_t pid)
{
	for (size_t i = 0; i < names->cnt; i++)
		if (names->items[i].ident == ident && task &&
		    python_thread_is(names->items[i].native_id, task->tid == pid, (uint64_t)task->inner_tid))
			return names->items[i].name;
	return NULL;
}

const char *names_default(const struct thread_names *names, const struct task *task, pid_t pid)
{
	if (!task)
		return "";
	for (size_t i = 0; i < names->cnt && task->tid == pid; i++)
		if (!strcmp(names->items[i].name, "MainThread"))
			return task->name;
	return task->tid == pid ? "MainThread" : task->name;
}

void names_forget(struct thread_names *names)
{
	for (size_t i = 0; i < names->cnt; i++)
		free(names->items[i].name);
	free(names->items);
	*names = (struct thread_names){0};
}
