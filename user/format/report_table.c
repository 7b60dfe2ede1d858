/* The tables of the report: columns that fit the terminal's width, or the widest text where there
 * is none. */
#include "user/format/report_table.h"
#include "user/util/alloc.h"
#include "user/util/columns.h"
#include <stdarg.h>
#include <string.h>

#define NUMBERS_WIDTH 38 /* of the four columns before the texts */
#define LEAST_TEXT    16 /* columns of a text on the narrowest terminal */

double report_percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

int report_decimals(const struct report_text *t)
{
	return t->all_ns < 10000000000 ? 3 : 2;
}

void report_heading(const struct report_text *t, const char *fmt, ...)
{
	va_list args;

	fputs(t->r->colour ? "\n\x1b[1m" : "\n", t->out);
	va_start(args, fmt);
	vfprintf(t->out, fmt, args);
	va_end(args);
	fputs(t->r->colour ? "\x1b[0m\n" : "\n", t->out);
}

/* Without the blanks a cell was filled up with: they would only make lines wrap. */
static void put_line(const struct report_text *t, const char *text)
{
	__cleanup_free char *cut = t->r->width && columns_of(text) > t->r->width
					   ? columns_fit(text, t->r->width, COLUMNS_KEEP_START)
					   : xstrdup(text);
	size_t len = strlen(cut);

	while (len && cut[len - 1] == ' ')
		len--;
	fprintf(t->out, "%.*s\n", (int)len, cut);
}

void report_line(const struct report_text *t, const char *fmt, ...)
{
	__cleanup_free char *text = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	if (text)
		put_line(t, text);
}

static size_t widest(const struct report_row *rows, size_t cnt, bool place)
{
	size_t most = strlen("function");

	for (size_t i = 0; i < cnt; i++) {
		size_t columns = columns_of(place ? rows[i].place : rows[i].name);

		if (columns > most)
			most = columns;
	}
	return most;
}

/* What both texts may take: each what it needs, or else the name gets three fifths. */
static void share_width(const struct report_text *t, size_t *name, size_t *place)
{
	size_t width = t->r->width, room;

	if (!width)
		return;
	room = width > NUMBERS_WIDTH + 2 * LEAST_TEXT + 2 ? width - NUMBERS_WIDTH - 2
							  : 2 * LEAST_TEXT;
	if (*name + *place <= room)
		return;
	if (*place <= room * 2 / 5)
		*name = room - *place;
	else if (*name <= room - room * 2 / 5)
		*place = room - *name;
	else
		*place = room * 2 / 5, *name = room - *place;
}

void report_rows(const struct report_text *t, const struct report_row *rows, size_t cnt,
		 bool place_first)
{
	size_t name = widest(rows, cnt, false), place = widest(rows, cnt, true);

	share_width(t, &name, &place);
	for (size_t i = 0; i <= cnt; i++) {
		__cleanup_free char *n =
			columns_fit(i ? rows[i - 1].name : "function", name, COLUMNS_KEEP_START);
		__cleanup_free char *p = columns_fit(i             ? rows[i - 1].place
						     : place_first ? "line"
								   : "file:line",
						     place, COLUMNS_KEEP_END);
		const char *first = place_first ? p : n, *second = place_first ? n : p;

		if (!i)
			report_line(t, "   own %%     own s  total %%   total s  %s  %s", first,
				    second);
		else
			report_line(t, "%8.2f %9.*f %8.2f %9.*f  %s  %s",
				    report_percent(rows[i - 1].own_ns, t->all_ns),
				    report_decimals(t), (double)rows[i - 1].own_ns / 1e9,
				    report_percent(rows[i - 1].total_ns, t->all_ns),
				    report_decimals(t), (double)rows[i - 1].total_ns / 1e9, first,
				    second);
	}
}
