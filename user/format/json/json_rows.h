/*
 * The members of what our JSON and our JSONL both tell of: meta, processes, threads, losses,
 * functions and samples, with the same keys. Each function writes `"key":value,` members without
 * the braces.
 */
#pragma once
#include "user/profile/cpu_check.h"
#include "user/profile/totals.h"
#include <stdio.h>

/* `gap` stands between groups of members. */
void json_row_meta(FILE *out, const struct profile *p, const struct view *v, const char *gap);
/* `all`: over all samples of the view. */
void json_row_sums(FILE *out, const struct profile *p, const struct totals_row *all);
void json_row_process(FILE *out, const struct profile_process *q, const struct cpu_check *check);
void json_row_thread(FILE *out, const struct profile *p, const struct profile_thread *t);
void json_row_loss(FILE *out, const struct profile *p, const struct profile_loss *l);
void json_row_totals(FILE *out, const struct totals_row *row);
void json_row_place(FILE *out, const struct profile_function *f);
/* All of a sample but its stack. */
void json_row_sample(FILE *out, const struct profile *p, const struct profile_sample *s);
