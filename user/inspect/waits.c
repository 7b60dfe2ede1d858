/* SPDX-License-Identifier: MIT */
/*
 * Threads are read one after the other, so that two may seem to wait for each other that never did at the same time. A
 * circle counts when none of its threads has run since it was read: then all of them slept when the last was read, and
 * none can have given anything back. Who waits for the GIL sleeps for short.
 */
#include "user/inspect/waits.h"
#include "user/os/tasks.h"
#include <string.h>

static size_t find_thread(const struct inspection *s, uint64_t ident)
{
	for (size_t i = 0; i < s->thread_cnt; i++)
		if (s->threads[i].ident == ident)
			return i + 1;
	return 0;
}

/* If it is only one: each was read at its own moment. */
static size_t find_gil_holder(const struct inspection *s, uint64_t gil_addr)
{
	size_t found = 0;

	for (size_t i = 0; i < s->thread_cnt; i++) {
		if (!s->threads[i].holds_gil || s->threads[i].gil_addr != gil_addr)
			continue;
		if (found)
			return 0;
		found = i + 1;
	}
	return found;
}

static void find_holder(const struct inspection *s, struct inspect_thread *t)
{
	if (t->doing == INSPECT_WAITS_FOR_GIL) {
		t->waits.holder = find_gil_holder(s, t->gil_addr);
		if (t->waits.holder)
			t->waits.lock =
				(struct py_lock_wait){.kind = "GIL", .owner = s->threads[t->waits.holder - 1].ident};
	} else if (t->waits.lock.kind) {
		t->waits.holder = find_thread(s, t->waits.lock.owner);
	}
}

/* The one that has what this one waits for; NULL: nobody, or it will have it soon. */
static struct inspect_thread *next_of(struct inspection *s, const struct inspect_thread *t)
{
	return t->doing == INSPECT_SLEEPING && t->waits.holder ? &s->threads[t->waits.holder - 1] : NULL;
}

/* The number of threads in the circle that begins and ends here; 0: none. */
static size_t circle(struct inspection *s, const struct inspect_thread *first)
{
	const struct inspect_thread *t = first;

	for (size_t cnt = 1; cnt <= s->thread_cnt; cnt++) {
		t = next_of(s, t);
		if (!t)
			return 0;
		if (t == first)
			return cnt;
	}
	return 0;
}

static bool has_not_run(const struct inspection *s, const struct inspect_thread *t)
{
	uint64_t switches;

	return !task_switches(s->pid, t->tid, &switches) && switches == t->waits.switches;
}

static void mark(struct inspection *s, struct inspect_thread *first, size_t cnt)
{
	struct inspect_thread *t = first;

	for (size_t i = 0; i < cnt; i++, t = next_of(s, t))
		if (!has_not_run(s, t))
			return;
	s->deadlock_cnt++;
	for (size_t i = 0; i < cnt; i++, t = next_of(s, t))
		t->waits.deadlock = s->deadlock_cnt;
}

void waits_find(struct inspection *s)
{
	for (size_t i = 0; i < s->thread_cnt; i++)
		find_holder(s, &s->threads[i]);
	for (size_t i = 0; i < s->thread_cnt; i++) {
		size_t cnt = s->threads[i].waits.deadlock ? 0 : circle(s, &s->threads[i]);

		if (cnt)
			mark(s, &s->threads[i], cnt);
	}
}
