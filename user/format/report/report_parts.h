/* SPDX-License-Identifier: MIT */
/* The parts of a report, one file each; report.c puts them together. */
#pragma once
#include "user/format/json/json_put.h"
#include "user/format/report/report_table.h"
#include "user/profile/groups.h"
#include "user/profile/shares.h"

/* Three sentences: where, the GIL, what it lacks. */
void report_put_findings(const struct report_text *t, const struct profile *p);
void report_put_head(const struct report_text *t, const struct profile *p, const struct totals_row *all);
void report_put_losses(const struct report_text *t, const struct profile *p, bool failures);

/* Functions, lines, files or modules: report_groups.c */
void report_put_groups(const struct report_text *t, const struct profile *p, enum groups_key key);

/* Threads, processes and containers: report_shares.c */
void report_put_threads(const struct report_text *t, const struct profile *p);
void report_put_tasks(const struct report_text *t, const struct profile *p);
void report_put_processes(const struct report_text *t, const struct profile *p);
void report_put_containers(const struct report_text *t, const struct profile *p);

/* Waits for the GIL: report_gil.c */
bool report_has_gil_waits(const struct view *v, const struct profile *p);
void report_put_gil_waits(const struct report_text *t, const struct profile *p);

void report_put_tree(const struct report_text *t, const struct profile *p);

/*
 * Callers and callees of the functions that `r->callers` names: report_callers.c. `*err` is -ENOENT
 * when there is none, -EINVAL when it is no regular expression (both said).
 */
struct callers;
struct callers *report_callers__new(const struct report *r, const struct profile *p, int *err);
void report_callers__free(struct callers *c);
void report_put_callers(const struct report_text *t, const struct callers *c);
/* The same of the functions with the most own time. */
void report_put_hottest(const struct report_text *t, const struct profile *p);

/* The same as JSON: report_json.c */
struct report_json {
	const struct report *r;
	struct json_put *j;
	const struct profile_value_type *type;
	uint64_t all_value, all_samples;
};
/* A value under "seconds", or under "amount" where it is no time; `what` comes before it: "own_". */
void report_json_value(const struct report_json *o, const char *what, uint64_t value);
void report_json_groups(const struct report_json *o, const struct profile *p, enum groups_key key);
void report_json_threads(const struct report_json *o, const struct profile *p);
void report_json_tasks(const struct report_json *o, const struct profile *p);
void report_json_gil_waits(const struct report_json *o, const struct profile *p);
void report_json_containers(const struct report_json *o, const struct profile *p);
void report_json_processes(const struct report_json *o, const struct profile *p);
void report_json_tree(const struct report_json *o, const struct profile *p);
void report_json_head(const struct report_json *o, const struct profile *p, const struct totals_row *all);
void report_json_findings(const struct report_json *o, const struct profile *p);
void report_json_losses(const struct report_json *o, const struct profile *p);
void report_json_callers(const struct report_json *o, const struct callers *c);
void report_json_hottest(const struct report_json *o, const struct profile *p);
/* own and total of something */
void report_json_own(const struct report_json *o, const struct totals_row *sum);
/* The keys that say which function: name, module, file, line, origin */
void report_json_function(const struct report_json *o, const struct profile_function *f);
