/* SPDX-License-Identifier: MIT */
#include "user/profile/process_tree.h"
#include "user/util/alloc.h"
#include "user/util/search.h"

#define PID_LIMIT 0x80000000u

struct process_tree {
	uint32_t *parents; /* by process */
	uint32_t process_cnt;
};

/* Processes by pid, then by age. */
struct by_pid {
	uint32_t pid, process;
	uint64_t start_ns;
};

static int compare(const void *a, const void *b)
{
	const struct by_pid *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	if (x->start_ns != y->start_ns)
		return x->start_ns < y->start_ns ? -1 : 1;
	return x->process < y->process ? -1 : x->process > y->process;
}

/* The last of that pid that had started by then; starts may be known to 10 ms only. */
static uint32_t find(const struct by_pid *sorted, size_t cnt, uint32_t pid, uint64_t until_ns)
{
	const struct by_pid sought = {pid, UINT32_MAX, until_ns};
	size_t low = search_first(cnt, i, compare(&sorted[i], &sought) >= 0);

	return low && sorted[low - 1].pid == pid ? sorted[low - 1].process : 0;
}

/* What claims to be its own ancestor, as in a file that lies, has no parent. */
static void cut_circles(struct process_tree *t)
{
	__cleanup_free uint32_t *seen = xcalloc((size_t)t->process_cnt + 1, sizeof(*seen));

	for (uint32_t i = 1; i <= t->process_cnt; i++)
		for (uint32_t p = i; p && !process_tree_is_outside(p) && !seen[p]; p = t->parents[p]) {
			uint32_t parent = t->parents[p];

			seen[p] = i;
			if (parent && !process_tree_is_outside(parent) && seen[parent] == i)
				t->parents[p] = 0;
		}
}

/* One of a single child, such as its shell, would only be a line more; process 1 is everybody's. */
static void keep_outsiders_of_several(struct process_tree *t, const struct profile *p)
{
	__cleanup_free struct by_pid *children = xcalloc((size_t)t->process_cnt + 1, sizeof(*children));
	size_t cnt = 0, same;

	for (uint32_t i = 1; i <= t->process_cnt; i++)
		if (!t->parents[i] && p->processes[i].parent_pid > 1 && p->processes[i].parent_pid < PID_LIMIT)
			children[cnt++] = (struct by_pid){p->processes[i].parent_pid, i, 0};
	qsort(children, cnt, sizeof(*children), compare);
	for (size_t i = 0; i < cnt; i += same) {
		for (same = 1; i + same < cnt && children[i + same].pid == children[i].pid; same++)
			;
		for (size_t k = i; same > 1 && k < i + same; k++)
			t->parents[children[k].process] = PROCESS_TREE_OUTSIDE | children[k].pid;
	}
}

struct process_tree *process_tree__new(const struct profile *p)
{
	struct process_tree *t = xcalloc(1, sizeof(*t));
	__cleanup_free struct by_pid *sorted = xcalloc((size_t)p->process_cnt + 1, sizeof(*sorted));

	t->process_cnt = p->process_cnt;
	t->parents = xcalloc((size_t)p->process_cnt + 1, sizeof(*t->parents));
	for (uint32_t i = 1; i <= p->process_cnt; i++)
		sorted[i - 1] = (struct by_pid){p->processes[i].pid, i, p->processes[i].start_unix_ns};
	qsort(sorted, p->process_cnt, sizeof(*sorted), compare);
	for (uint32_t i = 1; i <= p->process_cnt; i++) {
		uint32_t parent =
			find(sorted, p->process_cnt, p->processes[i].parent_pid, p->processes[i].start_unix_ns);

		t->parents[i] = parent == i ? 0 : parent;
	}
	cut_circles(t);
	keep_outsiders_of_several(t, p);
	return t;
}

void process_tree__free(struct process_tree *t)
{
	if (!t)
		return;
	free(t->parents);
	free(t);
}

uint32_t process_tree__parent(const struct process_tree *t, uint32_t process)
{
	return process <= t->process_cnt ? t->parents[process] : 0;
}
