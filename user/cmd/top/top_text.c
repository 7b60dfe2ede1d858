/* SPDX-License-Identifier: MIT */
#include "user/cmd/top/top_text.h"
#include "user/profile/loss_words.h"
#include "user/profile/process_groups.h"
#include "user/profile/process_tree.h"
#include "user/profile/view.h"
#include "user/util/alloc.h"
#include "user/util/columns.h"
#include "user/util/units.h"
#include <string.h>

const struct top_column_info top_columns[TOP_COLUMNS] = {
	[TOP_OWN_NOW] = {"own-now", "%Own", "the last seconds", "in the function itself", 6},
	[TOP_TOTAL_NOW] = {"total-now", "%Total", "the last seconds", "in it and in all it called", 6},
	[TOP_OWN] = {"own", "Own", "since the start", "in the function itself", 7},
	[TOP_TOTAL] = {"total", "Total", "since the start", "in it and in all it called", 7},
	[TOP_GIL] = {"gil", "GIL%", "the last seconds", "that held the GIL, in it and in all it called", 6},
	[TOP_NAME] = {"name", "Function", NULL, "by name", 0},
};

static const struct profile_function *function_of(const struct profile *p, const struct top_row *row)
{
	return &p->functions[p->frames[row->frame].function];
}

char *top_text_name(const struct profile *p, const struct top_lens *l, const struct top_row *row)
{
	const struct profile_function *f = function_of(p, row);

	if (l->group == TOP_BY_FUNCTION)
		return xstrdup(*f->name ? f->name : "[unnamed]");
	if (l->group == TOP_BY_CONTAINER)
		return process_group_text(p, row->process);
	if (row->thread)
		return view__thread_text(p, row->thread);
	if (process_tree_is_outside(row->process))
		return xasprintf("process %u, of which there are no samples", process_tree_pid(row->process));
	return view__process_text(p, row->process);
}

char *top_text_location(const struct profile *p, const struct top_lens *l, const struct top_row *row, bool full)
{
	const struct profile_function *f = function_of(p, row);
	const char *file = full || !*f->short_file ? f->file : f->short_file;
	int32_t line = l->lines ? p->frames[row->frame].line : f->first_line;

	if (l->group == TOP_BY_THREAD || (l->group == TOP_BY_PROCESS && row->thread))
		return view__process_text(p, row->process);
	if (view__is_native(f) && line <= 0 && *f->module)
		file = f->module;
	if (l->group != TOP_BY_FUNCTION || f->kind == PROFILE_SYNTHETIC || !*file)
		return xstrdup("");
	return line > 0 ? xasprintf("%s:%d", file, line) : xstrdup(file);
}

char *top_text_thread(const struct profile *p, const struct top_row *row)
{
	const struct profile_thread *t = &p->threads[row->thread];

	return *t->name ? xasprintf("%u %s", t->tid, t->name) : xasprintf("%u", t->tid);
}

char *top_text_match(const struct profile *p, const struct top_lens *l, const struct top_row *row)
{
	__cleanup_free char *name = top_text_name(p, l, row);
	__cleanup_free char *location = top_text_location(p, l, row, false);
	__cleanup_free char *thread = row->thread ? top_text_thread(p, row) : xstrdup("");

	return xasprintf("%s %s %s", name, location, thread);
}

char *top_text_indent(const struct top_row *row)
{
	return xasprintf("%*s%s", row->depth > 1 ? 2 * (int)(row->depth - 1) : 0, "", row->depth ? "└ " : "");
}

/* ---- header ------------------------------------------------------------------------------------------ */

static bool is_cpu(const struct profile_value_type *t)
{
	return !strcmp(t->name, profile_cpu_type.name);
}

/* "1.35 CPUs"; of other types their values per second. */
static char *rate_text(const struct profile_value_type *t, double rate)
{
	__cleanup_free char *per_second = NULL;

	if (is_cpu(t))
		return xasprintf("%.2f CPUs", rate);
	per_second = value_text(t, t->unit == PROFILE_NANOSECONDS ? rate * 1e9 : rate);
	return xasprintf("%s/s", per_second);
}

/* As much as fits, the most important first; the last form is cut by the caller. */
char *top_text_header(const struct profile_value_type *t, const struct top_header *h, size_t width)
{
	__cleanup_free char *lost = loss_sums_text(&(struct loss_sums){h->lost, h->failed});
	__cleanup_free char *rate = rate_text(t, h->rate);
	/* rounding must not make 100 % of what is not all */
	double walked = h->lost + h->failed && h->walked > 0.999 ? 99.9 : 100 * h->walked;
	__cleanup_free char *gil = h->no_gil ? xstrdup("no GIL") : xasprintf("GIL %.0f%%", 100 * h->gil);
	char *forms[] = {
		xasprintf("%s%s in %u Python process%s, %u thread%s · %s · %.4g%% of samples walked · %s", rate,
			  is_cpu(t) ? " busy" : "", h->processes, h->processes == 1 ? "" : "es", h->threads,
			  h->threads == 1 ? "" : "s", gil, walked, lost),
		xasprintf("%s · %u proc · %u thr · %s · walked %.4g%% · %s", rate, h->processes, h->threads, gil,
			  walked, lost),
		xasprintf("%s · %s · %.4g%% walked · %s", rate, gil, walked, lost),
		xasprintf("%s · %s", rate, gil),
	};
	size_t chosen = 0;

	while (chosen + 1 < ARRAY_SIZE(forms) && columns_of(forms[chosen]) > width)
		chosen++;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (i != chosen)
			free(forms[i]);
	return forms[chosen];
}

char *top_text_why(const struct why *w, size_t width)
{
	char *text = why_line(w, WHY_NAMED);

	for (unsigned names = WHY_NAMED; names && columns_of(text) > width;) {
		free(text);
		text = why_line(w, --names);
	}
	return text;
}

char *top_text_whole(const struct profile_value_type *t, bool of_all)
{
	if (of_all || t->unit != PROFILE_NANOSECONDS)
		return xasprintf("all %s", t->sentence);
	return xstrdup(is_cpu(t) ? "one CPU" : "the time");
}

char *top_text_error(const struct top_model *m, bool of_all)
{
	uint64_t samples;
	double error = top_model__error(m, of_all, &samples);
	__cleanup_free char *count = units_count_text(samples);

	if (!samples)
		return xstrdup("");
	return xasprintf("± %.*f at most, of %s sample%s", error < 2 ? 1 : 0, error, count, samples == 1 ? "" : "s");
}

char *top_text_empty(const struct profile_value_type *t, bool ended)
{
	if (!is_cpu(t))
		return xasprintf("No samples%s of: %s.", ended ? "" : " yet", t->sentence);
	return xstrdup(ended ? "No samples: no Python code ran on a CPU."
			     : "No samples yet: no Python code is running on a CPU (what sleeps or waits uses none).");
}

/* ---- columns ----------------------------------------------------------------------------------------- */

char *top_text_title(const struct profile_value_type *t, enum top_column c)
{
	bool named = (c == TOP_OWN || c == TOP_TOTAL) && t->unit == PROFILE_BYTES;

	return xasprintf("%s%s%s", top_columns[c].title, named ? " " : "", named ? value_unit(t)->short_word : "");
}

void top_text_percent(double percent, char out[16])
{
	snprintf(out, 16, "%.*f", percent < 9.995 ? 2 : percent < 99.95 ? 1 : 0, percent);
}

void top_text_amount(const struct profile_value_type *t, uint64_t value, char out[16])
{
	double amount = value_amount(t, (double)value);
	bool is_time = t->unit == PROFILE_NANOSECONDS;

	if (t->unit == PROFILE_COUNT && amount < 99999.5)
		snprintf(out, 16, "%.0f", amount);
	else if (amount < 9999.5)
		snprintf(out, 16, "%.*f", amount < 99.995 ? 2 : amount < 999.95 ? 1 : 0, amount);
	else if (is_time)
		snprintf(out, 16, "%.*fh", amount < 99 * 3600 ? 1 : 0, amount / 3600);
	else
		snprintf(out, 16, "%.*f%c", amount < 99e6 ? 1 : 0, amount < 1e6 ? amount / 1e3 : amount / 1e6,
			 amount < 1e6 ? 'k' : 'M');
}

void top_text_number(const struct top_model *m, const struct top_row *row, enum top_column c, bool of_all, char out[16])
{
	double recent = c == TOP_OWN_NOW     ? row->own.recent
			: c == TOP_TOTAL_NOW ? row->total.recent
					     : row->total.recent_gil;

	if (c == TOP_GIL && top_sums_no_gil(&row->total))
		snprintf(out, 16, "no GIL");
	else if (c == TOP_OWN || c == TOP_TOTAL)
		top_text_amount(top_model__type(m), c == TOP_OWN ? row->own.value : row->total.value, out);
	else
		top_text_percent(top_model__percent(m, recent, of_all), out);
}
