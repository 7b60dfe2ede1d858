/* Sums of buckets by thread or by their threads' process. A process may have nothing but failures.
 */
#include "user/profile/shares.h"
#include "user/util/alloc.h"

static int by_value(const void *a, const void *b)
{
	const struct share *x = a, *y = b;

	if (x->value_ns != y->value_ns)
		return x->value_ns < y->value_ns ? 1 : -1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static void add_buckets(const struct view *v, const struct profile *p, bool threads,
			struct share *out)
{
	for (size_t i = 0; i < p->bucket_cnt; i++) {
		const struct profile_bucket *b = &p->buckets[i];
		struct share *s = &out[threads ? b->thread : p->threads[b->thread].process];

		s->samples += view__samples(v, b);
		s->value_ns += view__value_ns(v, b);
		s->gil_ns += b->gil_value_ns;
	}
}

struct share *shares_of(const struct view *v, const struct profile *p, bool threads, size_t *cnt)
{
	size_t n = (size_t)(threads ? p->thread_cnt : p->process_cnt) + 1, kept = 0;
	struct share *out = xcalloc(n, sizeof(*out));

	add_buckets(v, p, threads, out);
	for (size_t i = 0; i < p->loss_cnt && !threads; i++)
		if (p->losses[i].failure)
			out[p->losses[i].process].failed += p->losses[i].count;
	for (size_t i = 1; i < n; i++) {
		out[i].id = (uint32_t)i;
		if (out[i].samples || out[i].failed)
			out[kept++] = out[i];
	}
	if (kept)
		qsort(out, kept, sizeof(*out), by_value);
	*cnt = kept;
	return out;
}
