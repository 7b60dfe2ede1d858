/* SPDX-License-Identifier: MIT */
/* Tables of what the code is made of: hot functions, hot lines with their text, files, modules. */
#include "user/format/report/report_parts.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/intern.h"
#include <string.h>

#define CHANGED_NAMES 3 /* files that are named */

static const struct {
	const char *heading;
	struct report_titles titles;
} kinds[GROUPS_KEYS] = {
	[GROUPS_FUNCTION] = {"Hot functions", {"function", "file:line", false}},
	[GROUPS_LINE] = {"Hot lines", {"line", "function", true}},
	[GROUPS_FILE] = {"By file", {"file", NULL, false}},
	[GROUPS_MODULE] = {"By module", {"module", NULL, false}},
};

static const char *source_of(const struct report *r, const struct group *g)
{
	return r->source && g->line > 0 ? source_text__line(r->source, g->function, g->line) : NULL;
}

/* Once, for all of the table. */
static void put_changed(const struct report_text *t, const struct group_row *sums, size_t shown)
{
	struct intern *files = intern__new();
	struct buf names = {0};

	for (size_t i = 0; t->r->source && i < shown; i++) {
		const struct profile_function *f = sums[i].group->function;
		uint32_t before = intern__count(files);

		if (!source_text__is_changed(t->r->source, f) || intern__id(files, f->file, strlen(f->file)) <= before)
			continue;
		if (before < CHANGED_NAMES)
			buf_printf(&names, "%s%s", before ? ", " : "", f->short_file);
	}
	if (intern__count(files) > CHANGED_NAMES)
		buf_printf(&names, " and %u more", intern__count(files) - CHANGED_NAMES);
	if (names.len)
		report_line(t, "Changed since the process started, so without text: %s", names.data);
	buf_free(&names);
	intern__free(files);
}

void report_put_groups(const struct report_text *t, const struct profile *p, enum groups_key key)
{
	struct groups *g = groups__new(key, t->r->view, false);
	__cleanup_free uint32_t *of_frame = groups__add(g, p);
	size_t cnt, shown;
	__cleanup_free struct group_row *sums = groups__rows(g, of_frame, t->r->view, p, &cnt);
	__cleanup_free struct report_row *rows = xcalloc(cnt + 1, sizeof(*rows));

	shown = cnt < t->r->rows ? cnt : t->r->rows;
	for (size_t i = 0; i < shown; i++)
		rows[i] = (struct report_row){
			.name = sums[i].group->name,
			.location = sums[i].group->location,
			.below = key == GROUPS_LINE ? source_of(t->r, sums[i].group) : NULL,
			.own_value = sums[i].sum.own_value,
			.total_value = sums[i].sum.value,
			.gil_value = sums[i].sum.gil_value,
		};
	report_heading(t, "%s", kinds[key].heading);
	report_rows(t, rows, shown, &kinds[key].titles);
	report_more(t, cnt);
	if (key == GROUPS_LINE)
		put_changed(t, sums, shown);
	groups__free(g);
}
