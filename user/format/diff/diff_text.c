/* The comparison for a terminal: two tables, own and total time, and what the thresholds say. */
#include "user/format/diff/diff_words.h"
#include "user/format/report/report_table.h"
#include "user/util/alloc.h"
#include "user/util/columns.h"
#include <errno.h>
#include <string.h>

#define NUMBERS_WIDTH 51 /* columns before the texts, as put_row() writes them */

static size_t widest(const struct diff_table *t, bool place, const char *title)
{
	size_t most = columns_of(title);

	for (size_t i = 0; i < t->cnt; i++) {
		const struct group *g = t->rows[i]->group;
		size_t columns = columns_of(place ? g->place : g->name);

		if (columns > most)
			most = columns;
	}
	return most;
}

static void put_row(const struct report_text *t, const struct diff *d,
		    const struct diff_table *table, const struct diff_row *row, const char *texts)
{
	const struct chance_change *c = diff_change_of(table, row);
	__cleanup_free char *from = diff_amount(d, c->from), *to = diff_amount(d, c->to);
	__cleanup_free char *by = diff_signed(d, c->by), *error = diff_amount(d, c->error);
	__cleanup_free char *ratio = diff_ratio_text(c);
	__cleanup_free char *verdict = columns_fit(diff_verdict(table, row), 5, COLUMNS_KEEP_START);

	report_line(t, "%s %8s %8s %8s %8s %7s  %s", verdict, from, to, by, error, ratio, texts);
}

static char *texts_of(const struct group *g, size_t name, size_t place)
{
	__cleanup_free char *n = columns_fit(g->name, name, COLUMNS_KEEP_START);
	__cleanup_free char *p = columns_fit(g->place, place, COLUMNS_KEEP_END);

	return xasprintf("%s  %s", n, p);
}

static void put_rows(const struct report_text *t, const struct diff *d,
		     const struct diff_table *table)
{
	const char *key = diff_key_names[d->options.key], *unit = d->options.absolute ? "s" : "%";
	const char *beside = d->options.key <= GROUPS_LINE ? "file" : "";
	size_t name = widest(table, false, key), place = widest(table, true, beside);
	__cleanup_free char *title = NULL;

	report_share_width(t->r->width, NUMBERS_WIDTH, &name, &place);
	title = columns_fit(d->options.key == GROUPS_LINE ? "function" : key, name,
			    COLUMNS_KEEP_START);
	report_line(t, "           A %s      B %s   change        ±   ratio  %s  %s", unit, unit,
		    title, beside);
	for (size_t i = 0; i < table->cnt; i++) {
		__cleanup_free char *texts = texts_of(table->rows[i]->group, name, place);

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
	char *warning;

	report_line(t, "A          %s: %s", r->name_a, a);
	report_line(t, "B          %s: %s", r->name_b, b);
	report_line(t, "compared   %s",
		    r->diff->options.absolute
			    ? "CPU seconds as they are"
			    : "shares of the CPU time of each run (--absolute: seconds)");
	for (unsigned i = 0; (warning = diff_warning(r->diff, i)); i++) {
		report_line(t, "caution    %s", warning);
		free(warning);
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
			__cleanup_free char *text =
				diff_result_text(r->diff, &r->checked[i].limit, result);

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
