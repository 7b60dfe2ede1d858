/* SPDX-License-Identifier: MIT */
/* Ways of finding a function, tried from the strictest to the most generous: rows of a table. */
#include "user/profile/name_match.h"
#include "user/util/alloc.h"
#include "user/util/nearest.h"
#include <errno.h>
#include <regex.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

struct search {
	const char *typed;
	regex_t regex;
	bool has_regex;
};

/* "Router.handle.<locals>.inner" → "inner" */
static const char *last_part(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && dot[1] ? dot + 1 : name;
}

static bool is_dotted(const char *typed, const char *module, const char *name)
{
	size_t len = strlen(module);

	return len && !strncmp(typed, module, len) && typed[len] == '.' && !strcmp(typed + len + 1, name);
}

static bool is_name(const struct search *s, const struct name_candidate *c)
{
	return !strcmp(s->typed, c->name) || is_dotted(s->typed, c->module, c->name);
}

static bool ends_with(const char *text, const char *end, size_t len)
{
	size_t have = strlen(text);

	return have >= len && !strncmp(text + have - len, end, len) && (have == len || text[have - len - 1] == '/');
}

/* `handle (app/views.py:12)`, as flame graphs have it and people copy it. */
static bool is_frame_text(const struct search *s, const struct name_candidate *c)
{
	size_t len = strlen(c->name);
	const char *file = s->typed + len + 2;

	if (strncmp(s->typed, c->name, len) || strncmp(s->typed + len, " (", 2) || !*c->file)
		return false;
	return ends_with(c->file, file, strcspn(file, ":)"));
}

static bool is_last_part(const struct search *s, const struct name_candidate *c)
{
	return !strcmp(s->typed, last_part(c->name));
}

static bool is_part(const struct search *s, const struct name_candidate *c)
{
	return strstr(c->name, s->typed);
}

static bool is_part_of_any_case(const struct search *s, const struct name_candidate *c)
{
	return strcasestr(c->name, s->typed);
}

static bool is_matched(const struct search *s, const struct name_candidate *c)
{
	__cleanup_free char *whole = xasprintf("%s.%s", c->module, c->name);

	if (!s->has_regex)
		return false;
	return !regexec(&s->regex, c->name, 0, NULL, 0) || (*c->module && !regexec(&s->regex, whole, 0, NULL, 0));
}

static const struct {
	bool (*does)(const struct search *s, const struct name_candidate *c);
	const char *how;
} ways[] = {
	{is_name, "is the name of"},
	{is_frame_text, "is the frame of"},
	{is_last_part, "is the last part of"},
	{is_part, "is part of"},
	{is_part_of_any_case, "is part of, but for upper and lower case,"},
	{is_matched, "matches, as a regular expression,"},
};

#define EXPRESSION (ARRAY_SIZE(ways) - 1)

static void try_way(struct name_match *m, const struct search *s, size_t way, const struct name_candidate *all,
		    size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		if (ways[way].does(s, &all[i]))
			m->hits[m->cnt++] = i;
	if (m->cnt)
		m->how = ways[way].how;
}

static int compile(struct search *s, const char *typed, char **why)
{
	int err = regcomp(&s->regex, typed, REG_EXTENDED | REG_NOSUB);
	char text[128];

	s->has_regex = !err;
	if (!err)
		return 0;
	regerror(err, &s->regex, text, sizeof(text));
	*why = xstrdup(text);
	return -EINVAL;
}

int name_match__find(struct name_match *m, const char *typed, const struct name_candidate *all, size_t cnt, char **why)
{
	size_t len = strlen(typed);
	bool forced = len > 2 && typed[0] == '/' && typed[len - 1] == '/';
	__cleanup_free char *expression = forced ? xstrndup(typed + 1, len - 2) : xstrdup(typed);
	struct search s = {.typed = typed};
	int err = compile(&s, expression, why);

	*m = (struct name_match){.hits = xcalloc(cnt + 1, sizeof(*m->hits))};
	if (err && forced)
		return err;
	if (err) {
		free(*why); /* then it is no expression: `list[` is a part of a name */
		*why = NULL;
	}
	for (size_t way = forced ? EXPRESSION : 0; len && way <= EXPRESSION && !m->cnt; way++)
		try_way(m, &s, way, all, cnt);
	if (s.has_regex)
		regfree(&s.regex);
	return 0;
}

void name_match__free(struct name_match *m)
{
	free(m->hits);
	*m = (struct name_match){0};
}

const char *name_match__near(const char *typed, const struct name_candidate *all, size_t cnt)
{
	size_t least = strlen(typed) / 3 + 2;
	const char *near = NULL;

	for (size_t i = 0; i < cnt; i++) {
		size_t whole = nearest_distance(typed, all[i].name);
		size_t last = nearest_distance(last_part(typed), last_part(all[i].name));
		size_t distance = whole < last ? whole : last;

		if (distance >= least)
			continue;
		least = distance;
		near = all[i].name;
	}
	return near;
}
