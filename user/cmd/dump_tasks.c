/* SPDX-License-Identifier: MIT */
/* The event loops of a process and their tasks, in both outputs of `dump`. */
#include "user/cmd/dump.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/intern.h"
#include <inttypes.h>
#include <string.h>

#define MAX_AWAITERS 4 /* are named in the text; JSON has them all */
#define MAX_ALIKE    5 /* tasks with the same state and stack are shown there */

const char *dump_task_doing(enum inspect_task_doing doing)
{
	static const char *const words[] = {
		[INSPECT_TASK_RUNNING] = "running",
		[INSPECT_TASK_WAITS] = "waiting",
		[INSPECT_TASK_READY] = "ready to run",
		[INSPECT_TASK_NOT_STARTED] = "not started yet",
	};

	return words[doing];
}

/* ---- text ------------------------------------------------------------------------------------------------- */

/* Names that people know the futures by that asyncio makes itself. */
static const char *future_name(const char *type)
{
	static const struct {
		const char *type, *name;
	} known[] = {
		{"_asyncio.Future", "a future"},
		{"asyncio.futures.Future", "a future"},
		{"asyncio.tasks._GatheringFuture", "a gather()"},
		{"_asyncio.Task", "a task"}, /* one that is not listed */
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(type, known[i].type))
			return known[i].name;
	return type;
}

/* "waiting for task "fetch", awaited by "Task-1"" */
static char *task_text(const struct inspection *s, const struct inspect_task *t)
{
	struct buf b = {0};

	buf_puts(&b, dump_task_doing(t->doing));
	if (t->waits_task)
		buf_printf(&b, " for task \"%s\"", s->tasks[t->waits_task - 1].name);
	else if (t->waits_type)
		buf_printf(&b, " for %s", future_name(t->waits_type));
	for (size_t i = 0; i < t->awaited_by_cnt && i < MAX_AWAITERS; i++)
		buf_printf(&b, "%s\"%s\"", i ? ", " : ", awaited by ", s->tasks[t->awaited_by[i]].name);
	if (t->awaited_by_cnt > MAX_AWAITERS)
		buf_printf(&b, " and %zu more", t->awaited_by_cnt - MAX_AWAITERS);
	return buf_steal_text(&b);
}

/* All but the name. Caller frees. */
static char *body_text(const struct inspection *s, const struct inspect_task *t, const struct dump_style *style)
{
	__cleanup_free char *state = task_text(s, t);
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	fprintf(out, " (%s)\n", state);
	if (t->is_cut)
		fprintf(out, "    (it waits in more coroutines than are shown)\n");
	for (size_t i = 0; i < t->frame_cnt; i++)
		dump_text_frame(out, &t->frames[i], style);
	if (!t->frame_cnt && !t->is_cut)
		fprintf(out, "    (no coroutine of Python's)\n");
	fclose(out);
	return text;
}

/* Thousands may be in the same place. How many were left out for it. */
static size_t put_tasks(FILE *out, const struct inspection *s, size_t loop, const struct dump_style *style)
{
	size_t *seen = xcalloc(s->task_cnt + 1, sizeof(*seen)), left_out = 0; /* by body */
	struct intern *bodies = intern__new();

	for (size_t i = 0; i < s->task_cnt; i++) {
		char *body = s->tasks[i].loop == loop ? body_text(s, &s->tasks[i], style) : NULL;

		if (body && ++seen[intern__id(bodies, body, strlen(body))] > MAX_ALIKE)
			left_out++;
		else if (body)
			fprintf(out, "\n  Task \"%s\"%s", s->tasks[i].name, body);
		free(body);
	}
	intern__free(bodies);
	free(seen);
	return left_out;
}

static size_t count_tasks(const struct inspection *s, size_t loop)
{
	size_t cnt = 0;

	for (size_t i = 0; i < s->task_cnt; i++)
		cnt += s->tasks[i].loop == loop;
	return cnt;
}

static void put_loop(FILE *out, const struct inspection *s, size_t i, const struct dump_style *style)
{
	const struct inspect_loop *l = &s->loops[i];
	const struct inspect_thread *thread = l->thread ? &s->threads[l->thread - 1] : NULL;
	size_t cnt = count_tasks(s, i), left_out;

	if (thread && thread->tid)
		fprintf(out, "\nEvent loop of thread %d", thread->tid);
	else if (thread)
		fprintf(out, "\nEvent loop of thread %#" PRIx64, thread->ident);
	else
		fprintf(out, "\nEvent loop that does not run");
	if (thread && *thread->name)
		fprintf(out, " \"%s\"", thread->name);
	fprintf(out, " (%s): %zu task%s\n", l->type, cnt, cnt == 1 ? "" : "s");
	if (!l->sure)
		fprintf(out, "  (not sure: the thread ran while its tasks were read)\n");
	left_out = put_tasks(out, s, i, style);
	if (left_out)
		fprintf(out, "\n  (%zu more, each in the same state and place as %d of these; --json has them)\n",
			left_out, MAX_ALIKE);
}

/* From the first of those that wait for each other once around. */
static void put_circle(FILE *out, const struct inspection *s, size_t number)
{
	const struct inspect_task *first = s->tasks, *t;

	while (first->circle != number)
		first++;
	t = first;
	fprintf(out, "\nWaiting in a circle: task \"%s\"", first->name);
	do {
		fputs(t == first ? " waits for" : ", which waits for", out);
		t = &s->tasks[t->waits_task - 1];
		fprintf(out, " task \"%s\"", t->name);
	} while (t != first);
	fputc('\n', out);
}

void dump_text_tasks(FILE *out, const struct inspection *s, const struct dump_style *style)
{
	for (size_t i = 0; i < s->loop_cnt; i++)
		put_loop(out, s, i, style);
	for (size_t i = 1; i <= s->circle_cnt; i++)
		put_circle(out, s, i);
	if (s->tasks_cut)
		fprintf(out, "\n(there are more tasks than these %zu)\n", s->task_cnt);
	if (s->tasks_unknown)
		fprintf(out, "\n(its asyncio is laid out in an unknown way: tasks are missing)\n");
}

/* ---- JSON ------------------------------------------------------------------------------------------------- */

static void json_task(struct json_put *j, const struct inspection *s, const struct inspect_task *t,
		      const struct dump_style *style)
{
	json_put_line(j);
	json_put_map(j, NULL);
	json_put_count(j, "id", t->addr);
	json_put_text(j, "name", t->name);
	json_put_text(j, "state", dump_task_doing(t->doing));
	if (t->waits_type)
		json_put_text(j, "waits_for", t->waits_type);
	else
		json_put_null(j, "waits_for");
	if (t->waits_task)
		json_put_count(j, "waits_for_task", s->tasks[t->waits_task - 1].addr);
	else
		json_put_null(j, "waits_for_task");
	json_put_list(j, "awaited_by");
	for (size_t i = 0; i < t->awaited_by_cnt; i++)
		json_put_count(j, NULL, s->tasks[t->awaited_by[i]].addr);
	json_put_end_list(j);
	json_put_bool(j, "cut", t->is_cut);
	json_put_list(j, "frames");
	for (size_t i = 0; i < t->frame_cnt; i++)
		dump_json_frame(j, &t->frames[i], style);
	json_put_end_list(j);
	json_put_end_map(j);
}

static void json_loop(struct json_put *j, const struct inspection *s, size_t i, const struct dump_style *style)
{
	const struct inspect_loop *l = &s->loops[i];

	json_put_line(j);
	json_put_map(j, NULL);
	json_put_text(j, "type", l->type);
	if (l->thread)
		json_put_count(j, "thread_id", s->threads[l->thread - 1].ident);
	else
		json_put_null(j, "thread_id");
	json_put_bool(j, "sure", l->sure);
	json_put_list(j, "tasks");
	for (size_t k = 0; k < s->task_cnt; k++)
		if (s->tasks[k].loop == i)
			json_task(j, s, &s->tasks[k], style);
	json_put_end_list(j);
	json_put_end_map(j);
}

static void json_circles(struct json_put *j, const struct inspection *s)
{
	size_t first = 0;

	json_put_list(j, "task_circles");
	for (size_t number = 1; number <= s->circle_cnt; number++, first = 0) {
		size_t i;

		while (s->tasks[first].circle != number)
			first++;
		json_put_list(j, NULL);
		i = first;
		do {
			json_put_count(j, NULL, s->tasks[i].addr);
			i = s->tasks[i].waits_task - 1;
		} while (i != first);
		json_put_end_list(j);
	}
	json_put_end_list(j);
}

void dump_json_tasks(struct json_put *j, const struct inspection *s, const struct dump_style *style)
{
	json_put_line(j);
	json_put_list(j, "event_loops");
	for (size_t i = 0; i < s->loop_cnt; i++)
		json_loop(j, s, i, style);
	json_put_end_list(j);
	json_circles(j, s);
	json_put_bool(j, "tasks_complete", !s->tasks_cut && !s->tasks_unknown);
}
