/* SPDX-License-Identifier: MIT */
/* Messages of `record` while it runs and at its end. */
#pragma once
#include "user/cmd/record_options.h"
#include "user/session/session.h"

struct record_live {
	bool terminal, quiet;
	uint64_t next_ns, last_samples, last_ns;
};

/*
 * The live line: redrawn in place on a terminal, one line each ten seconds elsewhere. On a terminal that the target
 * writes to there is none: it would get between what that prints.
 */
void record_live__start(struct record_live *l, bool quiet, const struct target_options *o);
void record_live__update(struct record_live *l, const struct session *s);
void record_live__end(struct record_live *l);

/* Samples, CPU time, Pythons, what was lost and why. */
void record_report__summary(const struct session *s, const struct target_options *o);
/* Where the time is, in a sentence. */
void record_report__findings(const struct profile *p, const struct view *v);
/* The files with their sizes, and what to do with them. */
void record_report__files(const struct outputs *o);
/* The files of a snapshot. */
void record_report__snapshot(const struct outputs *o);
/* Says so when Python children of the target are left out; true when it did. */
bool record_report__left_out(const struct session *s);
/* enum cmd_exit for what was recorded; says why when it is not 0. */
int record_report__judge(const struct session *s, const struct record_options *o);
