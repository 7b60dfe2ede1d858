/* SPDX-License-Identifier: MIT */
/* The tables of the report: columns that fit the terminal's width, or the widest text where there
 * is none. */
#include "user/format/report/report_table.h"
#include "user/profile/chance.h"
#include "user/util/alloc.h"
#include "user/util/columns.h"
#include <stdarg.h>
#include <string.h>

#define NUMBERS_WIDTH 45 /* of the four columns before the texts */
#define GIL_WIDTH     9  /* of a fifth, on terminals of */
#define GIL_TERMINAL  100
#define FACT_INDENT   11 /* of what stands behind a label */
#define LEAST_TEXT    12 /* columns that names and locations get at least; a comparison has 27 for both at 80 */

double report_percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

const char *report_share(uint64_t part, uint64_t whole, uint64_t samples, char out[REPORT_SHARE_BYTES])
{
	struct chance_share s = chance_share_of(part, whole, samples);

	snprintf(out, REPORT_SHARE_BYTES, "%5.*f ±%-4.*f", s.decimals, s.percent, s.decimals, s.error);
	return out;
}

const char *report_share_of_all(const struct report_text *t, uint64_t part, char out[REPORT_SHARE_BYTES])
{
	return report_share(part, t->all_value, t->all_samples, out);
}

int report_decimals(const struct report_text *t)
{
	int usual = value_unit(t->type)->decimals;

	return usual && value_amount(t->type, (double)t->all_value) < 10 ? usual + 1 : usual;
}

/* Cut where the terminal ends; the caller frees. */
static char *fitted(const struct report_text *t, enum columns_keep keep, const char *fmt, va_list args)
{
	__cleanup_free char *text = NULL;

	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	if (text && t->r->width)
		return columns_at_most(text, t->r->width, keep);
	return xstrdup(text ? text : "");
}

void report_heading(const struct report_text *t, const char *fmt, ...)
{
	__cleanup_free char *text = NULL;
	va_list args;

	va_start(args, fmt);
	text = fitted(t, COLUMNS_KEEP_FRAME, fmt, args);
	va_end(args);
	fprintf(t->out, t->r->colour ? "\n\x1b[1m%s\x1b[0m\n" : "\n%s\n", text);
}

/* Without the blanks a cell was filled up with: they would only make lines wrap. */
void report_line(const struct report_text *t, const char *fmt, ...)
{
	__cleanup_free char *text = NULL;
	va_list args;
	size_t len;

	va_start(args, fmt);
	text = fitted(t, COLUMNS_KEEP_WORDS, fmt, args);
	va_end(args);
	for (len = strlen(text); len && text[len - 1] == ' '; len--)
		;
	fprintf(t->out, "%.*s\n", (int)len, text);
}

void report_item(const struct report_text *t, const char *before, const char *text, enum columns_keep keep)
{
	size_t used = columns_of(before);
	__cleanup_free char *cut =
		t->r->width ? columns_at_most(text, t->r->width > used ? t->r->width - used : 0, keep) : xstrdup(text);

	report_line(t, "%s%s", before, cut);
}

void report_prose(const struct report_text *t, const char *before, const char *text)
{
	__cleanup_free char *lines = columns_wrap(text, t->r->width ? t->r->width : SIZE_MAX, columns_of(before));

	fprintf(t->out, "%s%s\n", before, lines);
}

void report_fact(const struct report_text *t, const char *label, const char *fmt, ...)
{
	__cleanup_free char *text = NULL, *before = xasprintf("%-*s", FACT_INDENT, label);
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	report_prose(t, before, text ? text : "");
}

void report_more(const struct report_text *t, size_t cnt)
{
	if (cnt > t->r->rows)
		report_line(t, "         … and %zu more", cnt - t->r->rows);
}

char *report_of_unit(const struct report_text *t, const char *what)
{
	const char *word = value_unit(t->type)->short_word;

	return xasprintf("%s%s%s", what, *word ? " " : "", word);
}

static bool shows_gil(const struct report_text *t)
{
	return t->has_gil && (!t->r->width || t->r->width >= GIL_TERMINAL);
}

static size_t widest(const struct report_row *rows, size_t cnt, bool location, const char *title)
{
	size_t most = title ? columns_of(title) : 0;

	for (size_t i = 0; i < cnt; i++) {
		size_t columns = columns_of(location ? rows[i].location : rows[i].name);

		if (columns > most)
			most = columns;
	}
	return most;
}

/* The columns that files with their lines take at least; "<frozen importlib…>" and the like are no files. */
static size_t widest_file(const struct report_row *rows, size_t cnt)
{
	size_t most = 0;

	for (size_t i = 0; i < cnt; i++) {
		size_t columns = columns_of_file(rows[i].location);

		if (columns > most && *rows[i].location != '<')
			most = columns;
	}
	return most;
}

void report_share_width(size_t width, size_t numbers, size_t files, size_t *name, size_t *location)
{
	size_t room;

	if (!width)
		return;
	room = width > numbers + 2 * LEAST_TEXT + 2 ? width - numbers - 2 : 2 * LEAST_TEXT;
	if (*name + *location <= room)
		return;
	if (files > *location)
		files = *location;
	if (files > room / 2)
		files = room / 2;
	if (*name > room - files)
		*name = room - files;
	*location = room - *name;
}

static void put_titles(const struct report_text *t, const struct report_titles *titles, size_t first)
{
	__cleanup_free char *text = columns_fit(titles->first, first, COLUMNS_KEEP_START);

	__cleanup_free char *own = report_of_unit(t, "own"), *total = report_of_unit(t, "total");

	report_line(t, "own %%       %9s  total %%    %9s%s  %s  %s", own, total, shows_gil(t) ? "    GIL %" : "", text,
		    titles->second ? titles->second : "");
}

static void put_row(const struct report_text *t, const struct report_row *r, const char *first, const char *second)
{
	__cleanup_free char *gil =
		shows_gil(t) ? xasprintf(" %8.1f", report_percent(r->gil_value, r->total_value)) : xstrdup("");

	char own[REPORT_SHARE_BYTES], total[REPORT_SHARE_BYTES];

	report_line(t, "%s %9.*f %s %9.*f%s  %s  %s", report_share_of_all(t, r->own_value, own), report_decimals(t),
		    value_amount(t->type, (double)r->own_value), report_share_of_all(t, r->total_value, total),
		    report_decimals(t), value_amount(t->type, (double)r->total_value), gil, first, second);
	if (r->below && *r->below)
		report_line(t, "%*s│ %s", NUMBERS_WIDTH + (shows_gil(t) ? GIL_WIDTH : 0), "", r->below);
}

void report_rows(const struct report_text *t, const struct report_row *rows, size_t cnt,
		 const struct report_titles *titles)
{
	bool swap = titles->location_first;
	size_t name = widest(rows, cnt, false, swap ? titles->second : titles->first);
	size_t location = widest(rows, cnt, true, swap ? titles->first : titles->second);

	report_share_width(t->r->width, NUMBERS_WIDTH + (shows_gil(t) ? GIL_WIDTH : 0), widest_file(rows, cnt), &name,
			   &location);
	put_titles(t, titles, swap ? location : name);
	for (size_t i = 0; i < cnt; i++) {
		__cleanup_free char *n = columns_fit(rows[i].name, name, COLUMNS_KEEP_NAME);
		__cleanup_free char *p = columns_fit(rows[i].location, location, COLUMNS_KEEP_PATH);

		put_row(t, &rows[i], swap ? p : n, swap ? n : p);
	}
}
