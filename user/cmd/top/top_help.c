#include "user/cmd/top/top_help.h"
#include "user/cmd/top/top_keys.h"
#include "user/cmd/top/top_text.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/columns.h"

static void help_line(struct buf *out, const char *label, const char *text)
{
	__cleanup_free char *padded = columns_fit(label, 19, COLUMNS_KEEP_START);

	buf_printf(out, "%s %s\n", padded, text);
}

char *top_help_text(const struct top_ui *ui)
{
	struct profile p = *top_model__profile(ui->source->model);
	__cleanup_free char *losses = NULL;
	struct buf out = {0};

	p.meta.complete |= !ui->source->profile; /* that it still runs is no loss */
	losses = profile__loss_text(&p);
	buf_printf(&out, "%s: %s\n", p.meta.tool, p.meta.target);
	buf_printf(&out, "%g samples per second and CPU · %s\n\n", p.meta.rate_hz, losses);
	for (const struct top_key *k = top_keys; k->label; k++)
		if (k->help)
			help_line(&out, k->label, k->help);
	help_line(&out, "mouse", "click a column to sort, a row to choose it; the wheel scrolls");
	buf_puts(&out, "\n");
	for (enum top_column c = 0; c < TOP_COLUMNS; c++) {
		char label[32];

		snprintf(label, sizeof(label), "%d  %s", c + 1, top_columns[c].title);
		help_line(&out, label, top_columns[c].help);
	}
	buf_puts(&out, "\nPercentages are of one CPU, or (%) of all CPU time that was sampled. The last seconds fade.\n"
		      "A caller's numbers are those of the function when it was called from there, a callee's are\n"
		      "its own when it was called from the function.\n"
		      "Colours: your code, the standard library, site-packages, marks.");
	return buf_steal_text(&out);
}
