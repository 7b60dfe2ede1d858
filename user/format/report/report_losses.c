/* SPDX-License-Identifier: MIT */
/* Losses by reason, each with the processes it was about. */
#include "user/format/report/report_parts.h"
#include "user/profile/loss_words.h"
#include "user/util/alloc.h"
#include <inttypes.h>
#include <string.h>

static int by_reason(const void *a, const void *b)
{
	const struct profile_loss *x = *(const struct profile_loss *const *)a;
	const struct profile_loss *y = *(const struct profile_loss *const *)b;
	int cmp = strcmp(x->reason, y->reason);

	if (cmp || x->type != y->type)
		return cmp ? cmp : x->type - y->type;
	return x->count < y->count ? 1 : -(x->count > y->count);
}

/* One reason: its sum and sentence, then the processes it was about. */
static void put_reason(const struct report_text *t, const struct profile *p, const struct profile_loss **same,
		       size_t cnt)
{
	const struct value_unit *unit = value_unit(&p->types[same[0]->type]);
	__cleanup_free char *numbers = NULL,
			    *text = xasprintf("%s: %s [%s]", loss_word(same[0]), same[0]->sentence, same[0]->reason);
	uint64_t sum = 0, value = 0;

	for (size_t i = 0; i < cnt; i++) {
		sum += same[i]->count;
		value += same[i]->value;
	}
	numbers = xasprintf("%8" PRIu64 " %8.*f %s  ", sum, unit->decimals, (double)value / unit->scale,
			    unit->short_word);
	report_prose(t, numbers, text);
	for (size_t i = 0; i < cnt && i < t->r->rows; i++) {
		const struct profile_process *q = &p->processes[same[i]->process];
		__cleanup_free char *before =
			xasprintf("%20s %8" PRIu64 " in process %" PRIu32 ": ", "", same[i]->count, q->pid);

		if (same[i]->process)
			report_item(t, before, q->command, COLUMNS_KEEP_COMMAND);
	}
}

void report_put_losses(const struct report_text *t, const struct profile *p, bool failures)
{
	__cleanup_free const struct profile_loss **sorted = xcalloc(p->loss_cnt, sizeof(*sorted));
	size_t n = 0, same;

	for (size_t i = 0; i < p->loss_cnt; i++)
		if (p->losses[i].failure == failures && p->losses[i].count)
			sorted[n++] = &p->losses[i];
	if (!n)
		return;
	qsort(sorted, n, sizeof(*sorted), by_reason);
	report_heading(t, failures ? "Lost or failed" : "Without Python (no failure)");
	for (size_t i = 0; i < n; i += same) {
		for (same = 1; i + same < n && sorted[i]->type == sorted[i + same]->type &&
			       !strcmp(sorted[i]->reason, sorted[i + same]->reason);
		     same++)
			;
		put_reason(t, p, sorted + i, same);
	}
}
