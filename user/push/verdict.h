/* SPDX-License-Identifier: MIT */
/* What an answer means for the body that was sent, and when to try again. Pure. */
#pragma once
#include "user/push/http.h"

enum verdict {
	VERDICT_SENT,
	VERDICT_REFUSED, /* for good: it would be refused again */
	VERDICT_LATER,   /* nobody is there, or it is too much now: as often as it takes */
	VERDICT_FEW,     /* something is broken, maybe by this body: a few times */
};

enum verdict verdict_of(const struct http_answer *a);
/*
 * A web page with a good status: whoever it is, it took nothing. Parca answers so to whatever path it does not know, and so do pages
 * to log in at.
 */
bool verdict_is_page(const struct http_answer *a);

#define VERDICT_TRIES      3 /* of VERDICT_FEW */
#define VERDICT_WAIT_FIRST 500000000ull
#define VERDICT_WAIT_MOST  60000000000ull
#define VERDICT_ASKED_MOST 300000000000ull /* of what a server asks for by Retry-After */

/*
 * How long to wait after so many failures in a row (1 is the first): twice as long each time, and never the same, since all nodes
 * of a fleet lose their server at the same moment. Not less than what the server asked for.
 */
uint64_t verdict_wait_ns(unsigned failures, uint64_t retry_after_ns, uint64_t random);
