// SPDX-License-Identifier: MIT
#include "user/push/verdict.h"
#include <stddef.h>

/* The first row that fits. Redirects are not followed, so they are refusals. */
static const struct {
	int first, last;
	enum verdict verdict;
} rows[] = {
	{200, 299, VERDICT_SENT},  {429, 429, VERDICT_LATER}, {300, 499, VERDICT_REFUSED},
	{503, 503, VERDICT_LATER}, {500, 599, VERDICT_FEW},
};

bool verdict_is_page(const struct http_answer *a)
{
	return a->status / 100 == 2 && a->body.len && a->body.data[0] == '<';
}

enum verdict verdict_of(const struct http_answer *a)
{
	if (verdict_is_page(a))
		return VERDICT_REFUSED;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (a->status >= rows[i].first && a->status <= rows[i].last)
			return rows[i].verdict;
	/* Without an answer nobody knows whether it is there already, so it is not sent for ever. */
	return a->connected ? VERDICT_FEW : VERDICT_LATER;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t verdict_wait_ns(unsigned failures, uint64_t retry_after_ns, uint64_t random)
{
	unsigned doubled = failures > 8 ? 7 : failures ? failures - 1 : 0;
	uint64_t wait = least(VERDICT_WAIT_FIRST << doubled, VERDICT_WAIT_MOST);
	uint64_t asked = least(retry_after_ns, VERDICT_ASKED_MOST);

	wait = wait / 2 + random % (wait / 2 + 1);
	/* Those that were told the same moment come a little later each. */
	return asked > wait ? asked + random % (asked / 8 + 1) : wait;
}
