/* The grammar: what ( selector ) operator amount. Each part is looked up in a table of its own. */
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
} units[] = {{"%", LIMIT_PERCENT, 1},
	     {"pp", LIMIT_POINTS, 1},
	     {"ms", LIMIT_SECONDS, 1e-3},
	     {"s", LIMIT_SECONDS, 1}};

static const struct {
	const char *prefix;
	enum limit_what what;
} selectors[] = {{"function:", LIMIT_FUNCTION},
		 {"line:", LIMIT_LINE},
		 {"file:", LIMIT_FILE},
		 {"module:", LIMIT_MODULE}};

static const char *skip_blanks(const char *text)
{
	while (isspace((unsigned char)*text))
		text++;
	return text;
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

static int parse_selector(struct diff_limit *l, const char *from, const char *to, char **why)
{
	from = skip_blanks(from);
	while (to > from && isspace((unsigned char)to[-1]))
		to--;
	for (size_t i = 0; i < ARRAY_SIZE(selectors); i++) {
		size_t len = strlen(selectors[i].prefix);

		if ((size_t)(to - from) < len || strncmp(from, selectors[i].prefix, len))
			continue;
		l->what = selectors[i].what;
		from += len;
		break;
	}
	if (from == to)
		return refuse(why, xstrdup("what stands in the brackets says of what: a function's "
					   "name, file:…, module:…, line:FILE:N or *"));
	l->selector = xstrndup(from, (size_t)(to - from));
	if (l->what == LIMIT_FUNCTION && !strcmp(l->selector, "*"))
		l->what = LIMIT_EACH;
	return l->what == LIMIT_LINE ? parse_line(l, why) : 0;
}

static int parse_unit(struct diff_limit *l, const char *text, char **why)
{
	__cleanup_free char *unit = xstrdup(skip_blanks(text));
	size_t len = strlen(unit);

	while (len && isspace((unsigned char)unit[len - 1]))
		unit[--len] = 0;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(unit, units[i].text))
			continue;
		l->unit = units[i].unit;
		l->amount *= units[i].scale;
		if (l->unit == LIMIT_POINTS && !l->is_change)
			return refuse(why, xstrdup("percentage points (pp) are of a change: write "
						   "+ or - before the number, or % for a share"));
		return 0;
	}
	return refuse(why, xasprintf("%s: a number is followed by %%, pp, s or ms",
				     *unit ? unit : "no unit"));
}

static int parse_amount(struct diff_limit *l, const char *text, char **why)
{
	char *end;

	text = skip_blanks(text);
	l->is_change = *text == '+' || *text == '-';
	l->amount = strtod(text, &end);
	if (end == text || !isfinite(l->amount))
		return refuse(why, xasprintf("%s: no number; %s", *text ? text : "nothing", EXAMPLE));
	return parse_unit(l, end, why);
}

static int parse_rest(struct diff_limit *l, const char *text, char **why)
{
	text = skip_blanks(text);
	for (size_t i = 0; i < ARRAY_SIZE(operators); i++) {
		size_t len = strlen(operators[i].text);

		if (strncmp(text, operators[i].text, len))
			continue;
		l->below = operators[i].below;
		l->or_equal = operators[i].or_equal;
		return parse_amount(l, text + len, why);
	}
	return refuse(why, xstrdup("after the brackets comes >, >=, < or <=; " EXAMPLE));
}

int diff_limit__parse(struct diff_limit *l, const char *text, char **why)
{
	/* as names in profiles are, so that they meet */
	char *clean = text_clean(text, strlen(text), 0);
	const char *open = strchr(clean, '('), *close = strrchr(clean, ')');
	const char *what = skip_blanks(clean);
	size_t len = open ? (size_t)(open - what) : 0;
	int err;

	*l = (struct diff_limit){.text = clean};
	while (len && isspace((unsigned char)what[len - 1]))
		len--;
	l->total = len == 5 && !strncmp(what, "total", 5);
	if (!l->total && !(len == 3 && !strncmp(what, "own", 3)))
		err = refuse(why, xstrdup("a threshold begins with own(…) or total(…); " EXAMPLE));
	else if (!close || close < open)
		err = refuse(why, xstrdup("the bracket is not closed; " EXAMPLE));
	else
		err = parse_selector(l, open + 1, close, why);
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
