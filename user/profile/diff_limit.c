/* SPDX-License-Identifier: MIT */
/* The grammar: own or total ( selector ) operator amount. Each part is looked up in a table of its own. */
#include "user/profile/diff_limit.h"
#include "user/util/alloc.h"
#include "user/util/text.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#define EXAMPLE "write it like own(parse) > +10%, total(file:app/db.py) > +2pp or own(*) > 1.5s"

static const struct {
	const char *text;
	bool below, or_equal;
} operators[] = {{">=", false, true}, {"<=", true, true}, {">", false, false}, {"<", true, false}};

static const struct {
	const char *text;
	enum limit_unit unit;
	double scale;
} units[] = {{"%", LIMIT_PERCENT, 1}, {"pp", LIMIT_POINTS, 1}, {"ms", LIMIT_SECONDS, 1e-3}, {"s", LIMIT_SECONDS, 1}};

static const struct {
	const char *prefix;
	enum limit_what what;
} selectors[] = {
	{"function:", LIMIT_FUNCTION}, {"line:", LIMIT_LINE}, {"file:", LIMIT_FILE}, {"module:", LIMIT_MODULE}};

static void skip_blanks(const char **at)
{
	while (isspace((unsigned char)**at))
		(*at)++;
}

/* Goes on behind the word and blanks before it, if it is there. */
static bool take(const char **at, const char *word)
{
	size_t len = strlen(word);

	skip_blanks(at);
	if (strncmp(*at, word, len))
		return false;
	*at += len;
	return true;
}

static int refuse(char **why, char *sentence)
{
	*why = sentence;
	return -EINVAL;
}

static int parse_line(struct diff_limit *l, char **why)
{
	char *colon = strrchr(l->selector, ':'), *end;
	long line = colon ? strtol(colon + 1, &end, 10) : 0;

	if (!colon || colon == l->selector || *end || line < 1 || line > INT32_MAX)
		return refuse(why, xasprintf("line:%s should be line:FILE:NUMBER", l->selector));
	l->line = (int32_t)line;
	*colon = 0;
	return 0;
}

/* `to` is the bracket at its end. */
static int parse_selector(struct diff_limit *l, const char *at, const char *to, char **why)
{
	for (size_t i = 0; i < ARRAY_SIZE(selectors); i++)
		if (take(&at, selectors[i].prefix)) {
			l->what = selectors[i].what;
			break;
		}
	while (to > at && isspace((unsigned char)to[-1]))
		to--;
	if (to <= at)
		return refuse(why, xstrdup("the brackets hold the selector: a function's name, file:…, module:…, "
					   "line:FILE:N or *"));
	l->selector = xstrndup(at, (size_t)(to - at));
	if (l->what == LIMIT_FUNCTION && !strcmp(l->selector, "*"))
		l->what = LIMIT_EACH;
	return l->what == LIMIT_LINE ? parse_line(l, why) : 0;
}

static int parse_unit(struct diff_limit *l, const char *at, char **why)
{
	skip_blanks(&at);
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		const char *end = at;

		if (!take(&end, units[i].text))
			continue;
		skip_blanks(&end);
		if (*end)
			continue;
		l->unit = units[i].unit;
		l->amount *= units[i].scale;
		if (l->unit == LIMIT_POINTS && !l->is_change)
			return refuse(why, xstrdup("percentage points (pp) are of a change: write "
						   "+ or - before the number, or % for a share"));
		return 0;
	}
	return refuse(why, xasprintf("%s: a number is followed by %%, pp, s or ms", *at ? at : "no unit"));
}

static int parse_amount(struct diff_limit *l, const char *at, char **why)
{
	char *end;

	skip_blanks(&at);
	l->is_change = *at == '+' || *at == '-';
	l->amount = strtod(at, &end);
	if (end == at || !isfinite(l->amount))
		return refuse(why, xasprintf("%s: no number; %s", *at ? at : "nothing", EXAMPLE));
	return parse_unit(l, end, why);
}

static int parse_rest(struct diff_limit *l, const char *at, char **why)
{
	for (size_t i = 0; i < ARRAY_SIZE(operators); i++)
		if (take(&at, operators[i].text)) {
			l->below = operators[i].below;
			l->or_equal = operators[i].or_equal;
			return parse_amount(l, at, why);
		}
	return refuse(why, xstrdup("after the brackets comes >, >=, < or <=; " EXAMPLE));
}

int diff_limit__parse(struct diff_limit *l, const char *text, char **why)
{
	/* as names in profiles are, so that they meet */
	char *clean = text_clean(text, strlen(text), 0);
	const char *at = clean, *close = strrchr(clean, ')');
	int err;

	*l = (struct diff_limit){.text = clean};
	l->total = take(&at, "total");
	if ((!l->total && !take(&at, "own")) || !take(&at, "("))
		err = refuse(why, xstrdup("a threshold begins with own(…) or total(…); " EXAMPLE));
	else if (!close || close < at)
		err = refuse(why, xstrdup("the bracket is not closed; " EXAMPLE));
	else
		err = parse_selector(l, at, close, why);
	if (!err)
		err = parse_rest(l, close + 1, why);
	if (err)
		diff_limit__free(l);
	return err;
}

void diff_limit__free(struct diff_limit *l)
{
	free(l->text);
	free(l->selector);
	*l = (struct diff_limit){0};
}
