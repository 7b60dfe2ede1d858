/* SPDX-License-Identifier: MIT */
#include "user/cmd/top/top_help.h"
#include "user/cmd/top/top_keys.h"
#include "user/cmd/top/top_text.h"
#include "user/profile/loss_words.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/columns.h"
#include <string.h>

#define LABEL_COLUMNS 19

/* All lines of `text` but the first behind `indent` blanks. */
static void put_words(struct buf *out, const char *text, size_t indent, size_t width)
{
	__cleanup_free char *lines = columns_wrap(text, width, indent);

	buf_printf(out, "%s\n", lines);
}

static void help_line(struct buf *out, const char *label, const char *text, size_t width)
{
	__cleanup_free char *padded = columns_fit(label, LABEL_COLUMNS, COLUMNS_KEEP_START);

	buf_printf(out, "%s ", padded);
	put_words(out, text, LABEL_COLUMNS + 1, width);
}

static void help_column(struct buf *out, const struct profile_value_type *type, enum top_column c, size_t width)
{
	const struct top_column_info *info = &top_columns[c];
	__cleanup_free char *title = top_text_title(type, c), *label = xasprintf("%d  %s", c + 1, title);
	__cleanup_free char *text = info->when ? xasprintf("%s: %s %s", info->when, type->sentence, info->of) : NULL;

	help_line(out, label, text ? text : info->of, width);
}

char *top_help_text(const struct top_ui *ui, size_t width)
{
	struct profile p = *top_model__profile(ui->source->model);
	const struct profile_value_type *type = top_model__type(ui->source->model);
	__cleanup_free char *losses = NULL, *whole = NULL, *all = NULL, *words = NULL;
	struct buf out = {0};

	p.meta.complete |= !ui->source->profile; /* that it still runs is no loss */
	losses = loss_text(&p);
	buf_printf(&out, "%s: %s\n", p.meta.tool, p.meta.target);
	buf_printf(&out, "%g samples per second and CPU · %s\n\n", p.meta.rate_hz, losses);
	for (const struct top_key *k = top_keys; k->label; k++)
		if (k->help)
			help_line(&out, k->label, k->help, width);
	help_line(&out, "mouse", "click a column to sort, a row to choose it; the wheel scrolls (m turns that off)",
		  width);
	buf_puts(&out, "\n");
	for (enum top_column c = 0; c < TOP_COLUMNS; c++)
		help_column(&out, type, c, width);
	buf_puts(&out, "\n");
	whole = top_text_whole(type, false);
	all = top_text_whole(type, true);
	words = xasprintf("Percentages are of %s%s%s. The last seconds fade. A caller's numbers are those of the "
			  "function when it was called from there, a callee's are its own when it was called from the "
			  "function.",
			  whole, strcmp(whole, all) ? ", or (%) of " : "", strcmp(whole, all) ? all : "");
	put_words(&out, words, 0, width);
	put_words(&out, "Colours: your code, the standard library, site-packages, synthetic frames.", 0, width);
	return buf_steal_text(&out);
}
