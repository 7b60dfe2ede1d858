#include "user/cmd/top/top_text.h"
#include "user/profile/view.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/columns.h"
#include "user/util/units.h"
#include <string.h>

const struct top_column_info top_columns[TOP_COLUMNS] = {
	[TOP_OWN_NOW] = {"own-now", "%Own", "the last seconds: CPU time in the function itself", 6},
	[TOP_TOTAL_NOW] = {"total-now", "%Total", "the last seconds: CPU time in it and in all it called", 6},
	[TOP_OWN] = {"own", "Own", "since the start: CPU seconds in the function itself", 7},
	[TOP_TOTAL] = {"total", "Total", "since the start: CPU seconds in it and in all it called", 7},
	[TOP_GIL] = {"gil", "GIL%", "the last seconds: the part of %Total that held the GIL", 6},
	[TOP_NAME] = {"name", "Function", "by name", 0},
};

#define ENDED "[ended threads]"

static const struct profile_function *function_of(const struct profile *p, const struct top_row *row)
{
	return &p->functions[p->frames[row->frame].function];
}

char *top_text_name(const struct profile *p, const struct top_lens *l, const struct top_row *row)
{
	const struct profile_function *f = function_of(p, row);

	if (l->group == TOP_BY_FUNCTION)
		return xstrdup(*f->name ? f->name : "[unnamed]");
	if (row->thread)
		return view__thread_text(p, row->thread);
	return row->process ? view__process_text(p, row->process) : xstrdup(ENDED);
}

char *top_text_place(const struct profile *p, const struct top_lens *l, const struct top_row *row, bool full)
{
	const struct profile_function *f = function_of(p, row);
	const char *file = full || !*f->short_file ? f->file : f->short_file;
	int32_t line = l->lines ? p->frames[row->frame].line : f->first_line;

	if (l->group == TOP_BY_THREAD || (l->group == TOP_BY_PROCESS && row->thread))
		return row->process ? view__process_text(p, row->process) : xstrdup("");
	if (l->group != TOP_BY_FUNCTION || f->origin == PROFILE_MARK || !*file)
		return xstrdup("");
	return line > 0 ? xasprintf("%s:%d", file, line) : xstrdup(file);
}

char *top_text_thread(const struct profile *p, const struct top_row *row)
{
	const struct profile_thread *t = &p->threads[row->thread];

	if (!row->thread)
		return xstrdup(ENDED);
	return *t->name ? xasprintf("%u %s", t->tid, t->name) : xasprintf("%u", t->tid);
}

char *top_text_match(const struct profile *p, const struct top_lens *l, const struct top_row *row)
{
	__cleanup_free char *name = top_text_name(p, l, row);
	__cleanup_free char *place = top_text_place(p, l, row, false);
	__cleanup_free char *thread = row->thread ? top_text_thread(p, row) : xstrdup("");

	return xasprintf("%s %s %s", name, place, thread);
}

/* ---- header ------------------------------------------------------------------------------------------ */

/* As much as fits, the most important first; the last form is cut by whoever draws it. */
char *top_text_header(const struct top_header *h, size_t width)
{
	__cleanup_free char *lost = units_count_text(h->lost);
	/* rounding must not make 100 % of what is not all */
	double walked = h->lost && h->walked > 0.999 ? 99.9 : 100 * h->walked, gil = 100 * h->gil;
	char *forms[] = {
		xasprintf("%.2f CPUs busy in %u Python process%s, %u thread%s · GIL %.0f%% · %.4g%% of samples "
			  "walked · %s lost",
			  h->cpus_busy, h->processes, h->processes == 1 ? "" : "es", h->threads,
			  h->threads == 1 ? "" : "s", gil, walked, lost),
		xasprintf("%.2f CPUs · %u proc · %u thr · GIL %.0f%% · walked %.4g%% · lost %s", h->cpus_busy,
			  h->processes, h->threads, gil, walked, lost),
		xasprintf("%.2f CPUs · GIL %.0f%% · %.4g%% walked · %s lost", h->cpus_busy, gil, walked, lost),
		xasprintf("%.2f CPUs · GIL %.0f%%", h->cpus_busy, gil),
	};
	size_t chosen = 0;

	while (chosen + 1 < ARRAY_SIZE(forms) && columns_of(forms[chosen]) > width)
		chosen++;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (i != chosen)
			free(forms[i]);
	return forms[chosen];
}

void top_text_percent(double percent, char out[16])
{
	snprintf(out, 16, "%.*f", percent < 9.995 ? 2 : percent < 99.95 ? 1 : 0, percent);
}

void top_text_seconds(uint64_t ns, char out[16])
{
	double s = (double)ns / 1e9;

	if (s < 9999.5)
		snprintf(out, 16, "%.*f", s < 99.995 ? 2 : s < 999.95 ? 1 : 0, s);
	else if (s < 99 * 3600)
		snprintf(out, 16, "%.1fh", s / 3600);
	else
		snprintf(out, 16, "%.0fh", s / 3600);
}
