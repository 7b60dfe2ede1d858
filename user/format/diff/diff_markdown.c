/* SPDX-License-Identifier: MIT */
/*
 * The comparison as Markdown, as pull requests show it. Names go into code spans, where nothing but
 * a backtick and, in a table, a bar means anything.
 */
#include "user/format/diff/diff_words.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <string.h>

static void put_code(FILE *out, const char *text)
{
	if (!*text)
		return;
	putc('`', out);
	for (; *text; text++) {
		if (*text == '|')
			fputs("\\|", out);
		else
			putc(*text == '`' ? '\'' : *text, out);
	}
	putc('`', out);
}

static void put_row(FILE *out, const struct diff *d, const struct diff_table *t, const struct diff_row *row)
{
	struct diff_numbers n;

	diff_numbers__fill(&n, d, diff_change_of(t, row));
	fprintf(out, "| %s | ", diff_verdict(t, row));
	put_code(out, row->group->name);
	fputs(" | ", out);
	put_code(out, row->group->location);
	fprintf(out, " | %s | %s | %s | %s | %s |\n", n.from, n.to, n.by, n.error, n.ratio);
}

static void put_table(FILE *out, const struct diff_report *r, bool total)
{
	const struct diff *d = r->diff;
	const char *unit = diff_unit(d), *key = diff_key_names[d->options.key], *gap = *unit ? ", " : "";
	struct diff_table t;

	diff_table__fill(&t, r, total);
	fprintf(out, "\n#### %s by %s: %zu changed beyond chance, %zu did not\n\n", t.title, key, t.found_cnt,
		t.within_cnt);
	if (t.cnt)
		fprintf(out,
			"| | %s | file | A%s%s | B%s%s | change | ± | ratio |\n"
			"|---|---|---|--:|--:|--:|--:|--:|\n",
			d->options.key == GROUPS_LINE ? "function" : key, gap, unit, gap, unit);
	for (size_t i = 0; i < t.cnt; i++)
		put_row(out, d, &t, t.rows[i]);
	if (t.found_cnt > t.cnt)
		fprintf(out, "\n… and %zu more\n", t.found_cnt - t.cnt);
	free((void *)t.rows);
}

static void put_checked(FILE *out, const struct diff_report *r)
{
	static const char *const marks[] = {[LIMIT_KEPT] = "✅", [LIMIT_CHANCE] = "➖", [LIMIT_CROSSED] = "❌"};

	for (size_t i = 0; i < r->checked_cnt; i++)
		for (size_t k = 0; k < r->checked[i].cnt; k++) {
			const struct limit_result *result = &r->checked[i].results[k];
			__cleanup_free char *text = diff_result_text(r->diff, &r->checked[i].limit, result);

			fprintf(out, "- %s %s: ", marks[result->verdict], diff_verdicts[result->verdict]);
			put_code(out, text);
			putc('\n', out);
		}
}

static void put_run(FILE *out, char letter, const char *name, const struct diff *d, const struct profile *p)
{
	__cleanup_free char *text = diff_run_text(d, p);

	fprintf(out, "- %c: ", letter);
	put_code(out, name);
	fputs(" ", out);
	put_code(out, text);
	putc('\n', out);
}

int diff_write_markdown(const struct diff_report *r, FILE *out)
{
	char *warnings[DIFF_WARNINGS];
	size_t warning_cnt = diff_warnings(r->diff, warnings);

	fprintf(out, "### %s: what changed from A to B\n\n", view__type(&r->diff->view_b, r->diff->b)->sentence);
	put_checked(out, r);
	put_run(out, 'A', r->name_a, r->diff, r->diff->a);
	put_run(out, 'B', r->name_b, r->diff, r->diff->b);
	for (size_t i = 0; i < warning_cnt; i++) {
		fprintf(out, "- **caution**: %s\n", warnings[i]);
		free(warnings[i]);
	}
	put_table(out, r, false);
	put_table(out, r, true);
	fputs("\n<sub>", out);
	for (size_t i = 0; diff_meaning[i]; i++)
		fprintf(out, "%s%s", i ? " " : "", diff_meaning[i]);
	fputs("</sub>\n", out);
	return ferror(out) ? -EIO : 0;
}
