/* SPDX-License-Identifier: MIT */
#include "user/resolve/tasks.h"
#include "user/util/alloc.h"
#include "user/util/intern.h"
#include "user/util/text.h"
#include <string.h>
#include <uthash.h>

#define CHAINS_MAX (8u << 20)      /* bytes of them that are remembered; those that run are sent again and again */
#define OLD_NS     600000000000ull /* they are sent again each 10 s, but a wait may have been kept since */
#define OVERHEAD   16              /* bytes, of a piece of memory */
#define TASKS_MAX  200000u /* of a segment; then those that nobody named are one for each coroutine, and others one */

struct chain_task {
	uint64_t number;
	char *name, *coroutine;
};

struct chain {
	UT_hash_handle hh;
	uint64_t key;
	uint32_t id, segment; /* of the first one, in that segment */
	unsigned cnt;
	bool cut;
	size_t bytes;
	uint64_t told_ns;
	struct chain_task tasks[]; /* the one that ran first */
};

struct tasks {
	struct chain *chains; /* the one that was told of last is the last */
	size_t bytes;         /* of them */
	struct intern *ids;   /* process, parent, name, coroutine → id */
	uint32_t segment;
};

struct tasks *tasks__new(void)
{
	struct tasks *t = xcalloc(1, sizeof(*t));

	t->ids = intern__new();
	t->segment = 1;
	return t;
}

static void forget(struct tasks *t, struct chain *c)
{
	HASH_DEL(t->chains, c);
	t->bytes -= c->bytes;
	for (unsigned i = 0; i < c->cnt; i++) {
		free(c->tasks[i].name);
		free(c->tasks[i].coroutine);
	}
	free(c);
}

void tasks__free(struct tasks *t)
{
	if (!t)
		return;
	while (t->chains)
		forget(t, t->chains);
	intern__free(t->ids);
	free(t);
}

void tasks__begin_segment(struct tasks *t, uint64_t now_ns)
{
	while (t->chains && t->chains->told_ns + OLD_NS < now_ns)
		forget(t, t->chains);
	intern__free(t->ids);
	t->ids = intern__new();
	t->segment++;
}

/* A cut name ends in an ellipsis, so that nobody takes it for whole. */
static char *text_of(const struct abi_text *t, const char *bytes)
{
	__cleanup_free char *text =
		t->flags & ABI_TEXT_UNREADABLE ? xstrdup("") : text_from_units(bytes, t->bytes, t->kind);

	return xasprintf("%s%s", text, t->flags & ABI_TEXT_CUT ? "…" : "");
}

void tasks__add(struct tasks *t, const struct abi_tasks *rec)
{
	const struct abi_task *from = (const struct abi_task *)(rec + 1);
	struct chain *c;

	HASH_FIND(hh, t->chains, &rec->key, sizeof(rec->key), c);
	if (c) {
		c->told_ns = rec->hdr.time_ns;
		HASH_DEL(t->chains, c); /* to the end */
		HASH_ADD(hh, t->chains, key, sizeof(c->key), c);
		return;
	}
	while (t->bytes > CHAINS_MAX)
		forget(t, t->chains);
	c = xcalloc(1, sizeof(*c) + rec->cnt * sizeof(c->tasks[0]));
	c->key = rec->key;
	c->told_ns = rec->hdr.time_ns;
	c->cnt = rec->cnt;
	c->bytes = sizeof(*c) + OVERHEAD + rec->cnt * sizeof(c->tasks[0]);
	c->cut = rec->cut;
	for (unsigned i = 0; i < c->cnt; i++) {
		c->tasks[i].number = from[i].number;
		c->tasks[i].name = text_of(&from[i].name, from[i].text);
		c->tasks[i].coroutine = text_of(&from[i].coroutine, from[i].text);
		c->bytes += strlen(c->tasks[i].name) + strlen(c->tasks[i].coroutine) + 2 * OVERHEAD;
	}
	t->bytes += c->bytes;
	HASH_ADD(hh, t->chains, key, sizeof(c->key), c);
}

struct place {
	struct profile_sink sink;
	uint32_t process, parent;
};

/* Clean texts have no newline, so one can part them. */
static char *task_text(const struct place *at, const char *name, const char *coroutine)
{
	return xasprintf("%u\n%u\n%s\n%s", at->process, at->parent, name, coroutine);
}

static uint32_t send_task(struct tasks *t, const struct place *at, const char *name, const char *coroutine)
{
	__cleanup_free char *text = task_text(at, name, coroutine);
	uint32_t known = intern__count(t->ids), id = intern__id(t->ids, text, strlen(text));

	if (id > known)
		at->sink.ops->task(at->sink.ctx, &(struct profile_task){.id = id,
									.process = at->process,
									.parent = at->parent,
									.name = name,
									.coroutine = coroutine});
	return id;
}

static uint32_t add_task(struct tasks *t, struct place *at, const struct chain_task *task)
{
	__cleanup_free char *numbered = task->number ? xasprintf("Task-%llu", (unsigned long long)task->number) : NULL;
	const char *name = numbered ? numbered : task->name;
	__cleanup_free char *text = task_text(at, name, task->coroutine);

	if (intern__count(t->ids) < TASKS_MAX || intern__find(t->ids, text, strlen(text)))
		return send_task(t, at, name, task->coroutine);
	at->parent = 0;
	return numbered ? send_task(t, at, "Task-…", task->coroutine) : send_task(t, at, "[more tasks]", "");
}

uint32_t tasks__id(struct tasks *t, struct profile_sink sink, uint64_t key, uint32_t process)
{
	struct place at = {.sink = sink, .process = process};
	struct chain *c;

	if (!key)
		return 0;
	HASH_FIND(hh, t->chains, &key, sizeof(key), c);
	if (!c) /* its record was lost */
		return send_task(t, &at, "[unknown task]", "");
	if (c->segment == t->segment)
		return c->id;
	if (c->cut)
		at.parent = send_task(t, &at, "[more tasks that await it]", "");
	for (unsigned i = c->cnt; i-- > 0;)
		at.parent = add_task(t, &at, &c->tasks[i]);
	c->id = at.parent;
	c->segment = t->segment;
	return c->id;
}
