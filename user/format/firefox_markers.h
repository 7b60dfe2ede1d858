/* SPDX-License-Identifier: MIT */
/* What was lost, as markers of a Firefox profile: spans of time with a reason. */
#pragma once
#include "user/format/firefox_tables.h"
#include "user/profile/timeline.h"

struct firefox_markers {
	struct firefox_tables *tables; /* these two are the caller's */
	uint64_t begin_ns;             /* what all times are relative to */
	uint32_t *home;                /* by loss: the thread that shows it; 0: a made-up one */
};

/* Each loss goes to the first thread of its process; what belongs to nobody to the first of all. */
void firefox_markers__init(struct firefox_markers *m, const struct timeline *t);
void firefox_markers__free(struct firefox_markers *m);
/* The marker table of a thread, and whether the page shows it: members of the thread's object. */
void firefox_markers__write(struct firefox_markers *m, uint32_t thread, struct json_put *j);
/* "markerSchema":[…], */
void firefox_put_marker_schema(struct json_put *j);
