/* SPDX-License-Identifier: MIT */
/*
 * A task waits for one other at most, so a way along them ends, or comes back to itself. What was read while its thread ran
 * may be a mixture, and counts for nothing.
 */
#include "user/inspect/task_circles.h"
#include "user/util/alloc.h"

/* Index + 1; 0: it waits for none. */
static size_t next_of(const struct inspection *s, size_t i)
{
	const struct inspect_task *t = &s->tasks[i];

	return t->doing == INSPECT_TASK_WAITS && s->loops[t->loop].sure ? t->waits_task : 0;
}

static void mark(struct inspection *s, size_t first)
{
	size_t i = first;

	s->circle_cnt++;
	do {
		s->tasks[i].circle = s->circle_cnt;
		i = next_of(s, i) - 1;
	} while (i != first);
}

void task_circles_find(struct inspection *s)
{
	size_t *way = xcalloc(s->task_cnt + 1, sizeof(*way)); /* on which way a task was met first; 0: on none yet */

	for (size_t i = 0; i < s->task_cnt; i++) {
		size_t at = i + 1;

		while (at && !way[at - 1]) {
			way[at - 1] = i + 1;
			at = next_of(s, at - 1);
		}
		if (at && way[at - 1] == i + 1)
			mark(s, at - 1);
	}
	free(way);
}
