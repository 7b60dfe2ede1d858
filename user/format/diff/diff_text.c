/* SPDX-License-Identifier: MIT */
/* The comparison for a terminal: two tables, own and total time, and what the thresholds say. */
#include "user/format/diff/diff_words.h"
#include "user/format/report/report_table.h"
#include "user/util/alloc.h"
#include "user/util/columns.h"
#include <errno.h>
#include <string.h>

#define NUMBERS_WIDTH 51 /* columns before the texts, as put_row() writes them */

static size_t widest(const struct diff_table *t, bool location, const char *title)
{
	size_t most = columns_of(title);

	for (size_t i = 0; i < t->cnt; i++) {
		const struct group *g = t->rows[i]->group;
		size_t columns = columns_of(location ? g->location : g->name);

		if (columns > most)
			most = columns;
	}
	return most;
}

static size_t widest_file(const struct diff_table *t)
{
	size_t most = 0;

	for (size_t i = 0; i < t->cnt; i++) {
		size_t columns = columns_of_file(t->rows[i]->group->location);

		if (columns > most)
			most = columns;
	}
	return most;
}

static void put_row(const struct report_text *t, const struct diff *d, const struct diff_table *table,
		    const struct diff_row *row, const char *texts)
{
	struct diff_numbers n;
	__cleanup_free char *verdict = columns_fit(diff_verdict(table, row), 5, COLUMNS_KEEP_START);

	diff_numbers__fill(&n, d, diff_change_of(table, row));
	report_line(t, "%s %8s %8s %8s %8s %7s  %s", verdict, n.from, n.to, n.by, n.error, n.ratio, texts);
}

static char *texts_of(const struct group *g, size_t name, size_t location)
{
	__cleanup_free char *n = columns_fit(g->name, name, COLUMNS_KEEP_NAME);
	__cleanup_free char *p = columns_fit(g->location, location, COLUMNS_KEEP_PATH);

	return xasprintf("%s  %s", n, p);
}

static void put_rows(const struct report_text *t, const struct diff *d, const struct diff_table *table)
{
	const char *key = diff_key_names[d->options.key], *unit = diff_unit(d), *gap = *unit ? " " : "";
	const char *beside = d->options.key <= GROUPS_LINE ? "file" : "";
	size_t name = widest(table, false, key), location = widest(table, true, beside);
	__cleanup_free char *title = NULL, *a = xasprintf("A%s%s", gap, unit), *b = xasprintf("B%s%s", gap, unit);

	report_share_width(t->r->width, NUMBERS_WIDTH, widest_file(table), &name, &location);
	title = columns_fit(d->options.key == GROUPS_LINE ? "function" : key, name, COLUMNS_KEEP_START);
	report_line(t, "      %8s %8s   change        ±   ratio  %s  %s", a, b, title, beside);
	for (size_t i = 0; i < table->cnt; i++) {
		__cleanup_free char *texts = texts_of(table->rows[i]->group, name, location);

		put_row(t, d, table, table->rows[i], texts);
	}
}

static void put_table(const struct report_text *t, const struct diff_report *r, bool total)
{
	struct diff_table table;

	diff_table__fill(&table, r, total);
	report_heading(t, "%s by %s: %zu changed beyond chance, %zu did not", table.title,
		       diff_key_names[r->diff->options.key], table.found_cnt, table.within_cnt);
	if (table.cnt)
		put_rows(t, r->diff, &table);
	if (table.found_cnt > table.cnt)
		report_line(t, "      … and %zu more", table.found_cnt - table.cnt);
	free((void *)table.rows);
}

static void put_head(const struct report_text *t, const struct diff_report *r)
{
	__cleanup_free char *a = diff_run_text(r->diff, r->diff->a);
	__cleanup_free char *b = diff_run_text(r->diff, r->diff->b);
	const struct profile_value_type *type = view__type(&r->diff->view_b, r->diff->b);
	__cleanup_free char *amounts = value_text_of(type, "");
	const char *word = value_unit(type)->word;
	char *warnings[DIFF_WARNINGS];
	size_t warning_cnt = diff_warnings(r->diff, warnings);

	report_fact(t, "A", "%s: %s", r->name_a, a);
	report_fact(t, "B", "%s: %s", r->name_b, b);
	if (r->diff->options.absolute)
		report_fact(t, "compared", "%s as they are", amounts);
	else
		report_fact(t, "compared", "shares of the %s of each run (--absolute: %s)", type->sentence,
			    *word ? word : type->label);
	for (size_t i = 0; i < warning_cnt; i++) {
		report_fact(t, "caution", "%s", warnings[i]);
		free(warnings[i]);
	}
}

static void put_checked(const struct report_text *t, const struct diff_report *r)
{
	if (!r->checked_cnt)
		return;
	report_heading(t, "Thresholds");
	for (size_t i = 0; i < r->checked_cnt; i++)
		for (size_t k = 0; k < r->checked[i].cnt; k++) {
			const struct limit_result *result = &r->checked[i].results[k];
			__cleanup_free char *text = diff_result_text(r->diff, &r->checked[i].limit, result);

			/* not cut at the terminal's end: this is what somebody looks for */
			fprintf(t->out, "%-8s %s\n", diff_verdicts[result->verdict], text);
		}
}

int diff_write_text(const struct diff_report *r, FILE *out)
{
	const struct report look = {.rows = r->rows, .width = r->width, .colour = r->colour};
	const struct report_text t = {.r = &look, .out = out};

	put_head(&t, r);
	put_table(&t, r, false);
	put_table(&t, r, true);
	putc('\n', out);
	for (size_t i = 0; diff_meaning[i]; i++)
		report_line(&t, "%s", diff_meaning[i]);
	put_checked(&t, r);
	return ferror(out) ? -EIO : 0;
}
