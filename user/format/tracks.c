/* SPDX-License-Identifier: MIT */
/* Names and numbers of processes and threads for formats that show a track for each. */
#include "user/format/tracks.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/pair_map.h"

struct tracks *tracks__new(const struct profile *p)
{
	struct tracks *t = xcalloc(1, sizeof(*t));
	struct pair_map pids = {0}, tids = {0};

	t->process_copy = xcalloc((size_t)p->process_cnt + 1, sizeof(*t->process_copy));
	t->thread_copy = xcalloc((size_t)p->thread_cnt + 1, sizeof(*t->thread_copy));
	for (uint32_t i = 1; i <= p->process_cnt; i++)
		t->process_copy[i] = (*pair_map__slot(&pids, p->processes[i].pid, 0))++;
	for (uint32_t i = 1; i <= p->thread_cnt; i++)
		t->thread_copy[i] = (*pair_map__slot(&tids, p->threads[i].tid, 0))++;
	pair_map__free(&pids);
	pair_map__free(&tids);
	return t;
}

void tracks__free(struct tracks *t)
{
	if (!t)
		return;
	free(t->process_copy);
	free(t->thread_copy);
	free(t);
}

char *tracks_thread_name(const struct profile *p, uint32_t thread)
{
	const struct profile_thread *t = &p->threads[thread];

	return *t->name ? xstrdup(t->name) : xasprintf("thread %u", t->tid);
}

char *tracks_process_labels(const struct profile *p, uint32_t process)
{
	const char *python = p->processes[process].python;
	struct buf out = {0};
	size_t cnt;
	const struct profile_label *l = profile__labels(p, process, &cnt);

	if (*python)
		buf_printf(&out, "Python %s", python);
	for (size_t i = 0; i < cnt; i++)
		buf_printf(&out, "%s%s=%s", out.len ? ", " : "", l[i].key, l[i].value);
	return buf_steal_text(&out);
}

char *tracks_process_name(const struct profile *p, uint32_t process)
{
	const struct profile_process *q = &p->processes[process];

	return *q->command ? xstrdup(q->command) : xasprintf("process %u", q->pid);
}
