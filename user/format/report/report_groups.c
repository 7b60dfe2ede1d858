/* Tables of what the code is made of: hot functions, hot lines with their text, files, modules. */
#include "user/format/report/report_parts.h"
#include "user/util/alloc.h"

struct kind {
	enum groups_key key;
	const char *heading;
	struct report_titles titles;
};

static const char *source_of(const struct report *r, const struct group *g)
{
	return r->source.line && g->line > 0 ? r->source.line(r->source.ctx, g->function, g->line)
					     : NULL;
}

static void put_groups(const struct report_text *t, const struct profile *p, const struct kind *k)
{
	struct groups *g = groups__new(k->key, t->r->view, false);
	__cleanup_free uint32_t *of_frame = groups__add(g, p);
	size_t cnt, shown;
	__cleanup_free struct group_row *sums = groups__rows(g, of_frame, t->r->view, p, &cnt);
	__cleanup_free struct report_row *rows = xcalloc(cnt + 1, sizeof(*rows));

	shown = cnt < t->r->rows ? cnt : t->r->rows;
	for (size_t i = 0; i < shown; i++)
		rows[i] = (struct report_row){
			.name = sums[i].group->name,
			.place = sums[i].group->place,
			.below = k->key == GROUPS_LINE ? source_of(t->r, sums[i].group) : NULL,
			.own_ns = sums[i].sum.own_value_ns,
			.total_ns = sums[i].sum.value_ns,
			.gil_ns = sums[i].gil_ns,
		};
	report_heading(t, "%s", k->heading);
	report_rows(t, rows, shown, &k->titles);
	report_more(t, cnt);
	groups__free(g);
}

void report_put_functions(const struct report_text *t, const struct profile *p)
{
	static const struct kind kind = {
		GROUPS_FUNCTION, "Hot functions", {"function", "file:line", false}};

	put_groups(t, p, &kind);
}

void report_put_lines(const struct report_text *t, const struct profile *p)
{
	static const struct kind kind = {GROUPS_LINE, "Hot lines", {"line", "function", true}};

	put_groups(t, p, &kind);
}

void report_put_files(const struct report_text *t, const struct profile *p)
{
	static const struct kind kind = {GROUPS_FILE, "By file", {"file", NULL, false}};

	put_groups(t, p, &kind);
}

void report_put_modules(const struct report_text *t, const struct profile *p)
{
	static const struct kind kind = {GROUPS_MODULE, "By module", {"module", NULL, false}};

	put_groups(t, p, &kind);
}
