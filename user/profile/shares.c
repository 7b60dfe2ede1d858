/* SPDX-License-Identifier: MIT */
/* Sums of buckets by thread or by their threads' process. A process may have nothing but failures.
 */
#include "user/profile/shares.h"
#include "user/profile/process_groups.h"
#include "user/profile/task_labels.h"
#include "user/util/alloc.h"

static int by_value(const void *a, const void *b)
{
	const struct share *x = a, *y = b;

	if (x->value != y->value)
		return x->value < y->value ? 1 : -1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static void add_bucket(const struct view *v, const struct profile_bucket *b, struct share *s)
{
	s->samples += view__samples(v, b);
	s->value += view__value(v, b);
	s->gil_value += view__gil_value(v, b);
	s->no_gil_value += view__no_gil_value(v, b);
}

static void add_buckets(const struct view *v, const struct profile *p, bool threads, struct share *out)
{
	for (size_t i = 0; i < p->bucket_cnt; i++) {
		const struct profile_bucket *b = &p->buckets[i];
		add_bucket(v, b, &out[threads ? b->thread : p->threads[b->thread].process]);
	}
}

struct share *shares_of(const struct view *v, const struct profile *p, bool threads, size_t *cnt)
{
	size_t n = (size_t)(threads ? p->thread_cnt : p->process_cnt) + 1, kept = 0;
	struct share *out = xcalloc(n, sizeof(*out));

	add_buckets(v, p, threads, out);
	for (size_t i = 0; i < p->loss_cnt && !threads; i++)
		if (p->losses[i].failure)
			*(p->losses[i].failed ? &out[p->losses[i].process].failed : &out[p->losses[i].process].lost) +=
				p->losses[i].count;
	for (size_t i = 1; i < n; i++) {
		out[i].id = (uint32_t)i;
		if (out[i].samples || out[i].lost || out[i].failed)
			out[kept++] = out[i];
	}
	if (kept)
		qsort(out, kept, sizeof(*out), by_value);
	*cnt = kept;
	return out;
}

struct share *shares_of_groups(const struct view *v, const struct profile *p, const struct process_groups *g,
			       size_t *cnt)
{
	uint32_t n = process_groups__cnt(g);
	struct share *out = xcalloc((size_t)n + 1, sizeof(*out));
	size_t processes;
	__cleanup_free struct share *each = shares_of(v, p, false, &processes);

	*cnt = 0;
	for (size_t i = 0; i < processes; i++) {
		struct share *s = &out[process_groups__of(g, each[i].id)];

		s->samples += each[i].samples;
		s->value += each[i].value;
		s->gil_value += each[i].gil_value;
		s->lost += each[i].lost;
		s->failed += each[i].failed;
	}
	for (uint32_t i = 0; i <= n; i++) {
		out[i].id = i;
		if (i && (out[i].samples || out[i].lost || out[i].failed))
			out[(*cnt)++] = out[i];
	}
	if (*cnt)
		qsort(out, *cnt, sizeof(*out), by_value);
	return out;
}

struct share *shares_of_tasks(const struct view *v, const struct profile *p, struct task_labels *labels, size_t *cnt)
{
	struct share *out = NULL;
	size_t n = 0, cap = 0, kept = 0;

	for (size_t i = 0; i < p->bucket_cnt; i++) {
		const struct profile_bucket *b = &p->buckets[i];
		uint32_t label = task_labels__of(labels, b->thread, b->task, b->stack);

		for (; n <= label; n++) {
			xgrow(out, n, cap);
			out[n] = (struct share){.id = (uint32_t)n};
		}
		add_bucket(v, b, &out[label]);
	}
	for (size_t i = 0; i < n; i++)
		if (out[i].samples)
			out[kept++] = out[i];
	if (kept)
		qsort(out, kept, sizeof(*out), by_value);
	*cnt = kept;
	return out;
}
