/* SPDX-License-Identifier: MIT */
/*
 * Thresholds on a comparison, as people write them for a CI job:
 *
 *     own(NAME) > +10%      total(module:app.db) > +2pp      own(line:core.py:42) > 1.5s
 *
 * A number with a sign is about the change from A to B: in percent of what it was, in percentage
 * points of the whole of the run (pp), or in seconds (s, ms). One without is about B alone: percent
 * of its whole, or seconds. What is within chance crosses nothing.
 */
#pragma once
#include "user/profile/diff.h"

enum limit_unit { LIMIT_PERCENT, LIMIT_POINTS, LIMIT_SECONDS };
enum limit_what { LIMIT_FUNCTION, LIMIT_LINE, LIMIT_FILE, LIMIT_MODULE, LIMIT_EACH };

struct diff_limit {
	char *text; /* as it was written */
	char *selector;
	enum limit_what what;
	enum limit_unit unit;
	double amount; /* in %, percentage points or seconds */
	int32_t line;  /* LIMIT_LINE */
	bool total, below, or_equal, is_change;
};

/* 0, or -EINVAL with a sentence for people in `*why`, which the caller frees. */
int diff_limit__parse(struct diff_limit *l, const char *text, char **why);
void diff_limit__free(struct diff_limit *l);

enum limit_verdict { LIMIT_KEPT, LIMIT_CHANCE, LIMIT_CROSSED };

struct limit_result {
	enum limit_verdict verdict;
	char *who;           /* found by the selector: "Engine.step (app/core.py)", "3 functions" */
	double from, to;     /* shares or, of an absolute comparison, seconds */
	double value, error; /* compared with the amount, in its unit; infinite when A had nothing of it */
};

/*
 * Applies a threshold to a comparison; a `*` gives a result for each function that crosses.
 * -ENOENT when the selector finds nothing in either run, -EINVAL when it is no regular expression;
 * `*why` says it. The caller frees the results with limit_results__free.
 */
int diff_limit__check(const struct diff_limit *l, const struct diff *d, struct limit_result **results, size_t *cnt,
		      char **why);
void limit_results__free(struct limit_result *results, size_t cnt);
