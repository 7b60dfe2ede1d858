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

static void put_row(FILE *out, const struct diff *d, const struct diff_table *t,
		    const struct diff_row *row)
{
	const struct chance_change *c = diff_change_of(t, row);
	__cleanup_free char *from = diff_amount(d, c->from), *to = diff_amount(d, c->to);
	__cleanup_free char *by = diff_signed(d, c->by), *error = diff_amount(d, c->error);
	__cleanup_free char *ratio = diff_ratio_text(c);

	fprintf(out, "| %s | ", diff_verdict(t, row));
	put_code(out, row->group->name);
	fputs(" | ", out);
	put_code(out, row->group->place);
	fprintf(out, " | %s | %s | %s | %s | %s |\n", from, to, by, error, ratio);
}

static void put_table(FILE *out, const struct diff_report *r, bool total)
{
	const struct diff *d = r->diff;
	const char *unit = d->options.absolute ? "s" : "%", *key = diff_key_names[d->options.key];
	struct diff_table t;

	diff_table__fill(&t, r, total);
	fprintf(out, "\n#### %s by %s: %zu changed beyond chance, %zu did not\n\n", t.title, key,
		t.found_cnt, t.within_cnt);
	if (t.cnt)
		fprintf(out,
			"| | %s | file | A, %s | B, %s | change | ± | ratio |\n"
			"|---|---|---|--:|--:|--:|--:|--:|\n",
			d->options.key == GROUPS_LINE ? "function" : key, unit, unit);
	for (size_t i = 0; i < t.cnt; i++)
		put_row(out, d, &t, t.rows[i]);
	if (t.found_cnt > t.cnt)
		fprintf(out, "\n… and %zu more\n", t.found_cnt - t.cnt);
	free((void *)t.rows);
}

static void put_checked(FILE *out, const struct diff_report *r)
{
	static const char *const marks[] = {
		[LIMIT_KEPT] = "✅", [LIMIT_CHANCE] = "➖", [LIMIT_CROSSED] = "❌"};

	for (size_t i = 0; i < r->checked_cnt; i++)
		for (size_t k = 0; k < r->checked[i].cnt; k++) {
			const struct limit_result *result = &r->checked[i].results[k];
			__cleanup_free char *text =
				diff_result_text(r->diff, &r->checked[i].limit, result);

			fprintf(out, "- %s %s: ", marks[result->verdict],
				diff_verdicts[result->verdict]);
			put_code(out, text);
			putc('\n', out);
		}
}

static void put_run(FILE *out, char letter, const char *name, const struct diff *d,
		    const struct profile *p)
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
	char *warning;

	fputs("### CPU time: what changed from A to B\n\n", out);
	put_checked(out, r);
	put_run(out, 'A', r->name_a, r->diff, r->diff->a);
	put_run(out, 'B', r->name_b, r->diff, r->diff->b);
	for (unsigned i = 0; (warning = diff_warning(r->diff, i)); i++) {
		fprintf(out, "- **caution**: %s\n", warning);
		free(warning);
	}
	put_table(out, r, false);
	put_table(out, r, true);
	fputs("\n<sub>", out);
	for (size_t i = 0; diff_meaning[i]; i++)
		fprintf(out, "%s%s", i ? " " : "", diff_meaning[i]);
	fputs("</sub>\n", out);
	return ferror(out) ? -EIO : 0;
}
