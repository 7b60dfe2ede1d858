/* SPDX-License-Identifier: MIT */
/*
 * What a profile says, in three sentences: where the time is, what holds the GIL, and what it cannot say because it was
 * lost or too little. Each is true of any profile, also of an empty one.
 */
#pragma once
#include "user/profile/view.h"

/* Clean text without a line break, each with its full stop; only `why` may be NULL, see why_text(). */
struct findings {
	char *why;
	char *where, *gil, *lacks;
};

void findings_make(const struct view *v, const struct profile *p, struct findings *out);
void findings_free(struct findings *f);
