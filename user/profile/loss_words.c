/* SPDX-License-Identifier: MIT */
#include "user/profile/loss_words.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/units.h"
#include <string.h>

struct loss_sums loss_sums_of_type(const struct profile *p, uint32_t type)
{
	struct loss_sums sums = {0};

	for (size_t i = 0; i < p->loss_cnt; i++) {
		const struct profile_loss *l = &p->losses[i];

		if (l->failure && l->type == type)
			*(l->failed ? &sums.failed : &sums.lost) += l->count;
	}
	return sums;
}

struct loss_sums loss_sums(const struct profile *p)
{
	struct loss_sums sums = {0};

	for (uint32_t type = 0; type < p->type_cnt; type++) {
		struct loss_sums one = loss_sums_of_type(p, type);

		sums.lost += one.lost;
		sums.failed += one.failed;
	}
	return sums;
}

uint64_t loss_total(const struct profile *p)
{
	struct loss_sums sums = loss_sums(p);

	return sums.lost + sums.failed;
}

const char *loss_word(const struct profile_loss *l)
{
	return !l->failure ? "without Python" : l->failed ? "failed" : "lost";
}

char *loss_sums_text(const struct loss_sums *s)
{
	__cleanup_free char *lost = units_count_text(s->lost), *failed = units_count_text(s->failed);

	return xasprintf("%s lost, %s failed", lost, failed);
}

#define MAX_REASONS 8 /* named in a line */

struct reason {
	const char *word;
	uint64_t count;
};

static int by_word(const void *a, const void *b)
{
	return strcmp(((const struct reason *)a)->word, ((const struct reason *)b)->word);
}

static int more_first(const void *a, const void *b)
{
	const struct reason *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return by_word(a, b);
}

/* Failures by reason, over all processes, the largest first. */
static size_t sum_reasons(const struct profile *p, struct reason *out)
{
	size_t n = 0, merged = 0;

	for (size_t i = 0; i < p->loss_cnt; i++)
		if (p->losses[i].failure && p->losses[i].count)
			out[n++] = (struct reason){p->losses[i].reason, p->losses[i].count};
	qsort(out, n, sizeof(*out), by_word);
	for (size_t i = 0; i < n; i++) {
		if (merged && !by_word(&out[merged - 1], &out[i]))
			out[merged - 1].count += out[i].count;
		else
			out[merged++] = out[i];
	}
	qsort(out, merged, sizeof(*out), more_first);
	return merged;
}

static void put_reason(struct buf *out, const char *before, const struct reason *r)
{
	__cleanup_free char *count = units_count_text(r->count);

	buf_printf(out, "%s%s ", before, count);
	for (const char *word = r->word; *word; word++)
		buf_put(out, *word == '_' ? " " : word, 1);
}

char *loss_text(const struct profile *p)
{
	__cleanup_free struct reason *reasons = xcalloc(p->loss_cnt, sizeof(*reasons));
	size_t n = sum_reasons(p, reasons);
	struct loss_sums sums = loss_sums(p);
	__cleanup_free char *numbers = loss_sums_text(&sums), *truncated = units_count_text(p->truncated_cnt);
	struct buf out = {0};

	buf_puts(&out, n ? numbers : "no samples lost or failed");
	for (size_t i = 0; i < n && i < MAX_REASONS; i++)
		put_reason(&out, i ? ", " : " (", &reasons[i]);
	if (n > MAX_REASONS)
		buf_printf(&out, ", and %zu more reasons", n - MAX_REASONS);
	if (n)
		buf_puts(&out, ")");
	if (p->truncated_cnt)
		buf_printf(&out, ", %s truncated", truncated);
	if (!p->meta.complete)
		buf_puts(&out, ", recording incomplete");
	return buf_steal_text(&out);
}
