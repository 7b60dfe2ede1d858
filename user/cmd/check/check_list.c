/* SPDX-License-Identifier: MIT */
#include "user/cmd/check/check_list.h"
#include "user/util/alloc.h"
#include "user/util/columns.h"
#include "user/util/text.h"
#include <string.h>

/* The text and the JSON of a state. */
static const struct {
	const char *word, *mark, *colour;
} states[] = {
	[CHECK_OK] = {"ok", "ok", "\x1b[32m"},
	[CHECK_NOTE] = {"note", "-", ""},
	[CHECK_WARN] = {"warning", "warning", "\x1b[33m"},
	[CHECK_MISSING] = {"missing", "missing", "\x1b[1;31m"},
	[CHECK_UNKNOWN] = {"unknown", "?", "\x1b[33m"},
};

#define INDENT       "          "
#define MARK_COLUMNS 7

static char *clean_format(const char *fmt, va_list args)
{
	__cleanup_free char *raw = NULL;

	if (vasprintf(&raw, fmt, args) < 0)
		raw = NULL;
	return text_clean(raw ? raw : "", raw ? strlen(raw) : 0, 0);
}

struct check_item *check_list__add(struct check_list *l, enum check_state state, const char *name, const char *fmt, ...)
{
	struct check_item item = {.section = l->section, .state = state, .status = CMD_OK};
	va_list args;

	va_start(args, fmt);
	item.text = clean_format(fmt, args);
	va_end(args);
	item.name = text_clean(name, strlen(name), 0);
	xgrow(l->items, l->cnt, l->cap);
	l->items[l->cnt] = item;
	return &l->items[l->cnt++];
}

void check_item__remedy(struct check_item *i, enum cmd_exit status, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	i->status = status;
	i->remedy = clean_format(fmt, args);
	va_end(args);
}

enum cmd_exit check_list__status(const struct check_list *l)
{
	static const enum cmd_exit order[] = {CMD_NO_FEATURE, CMD_NOT_PERMITTED, CMD_NO_TARGET, CMD_FAILED};

	for (size_t k = 0; k < ARRAY_SIZE(order); k++)
		for (size_t i = 0; i < l->cnt; i++)
			if (l->items[i].status == order[k])
				return order[k];
	return CMD_OK;
}

static void print_wrapped(FILE *out, const char *text, unsigned width)
{
	__cleanup_free char *lines = columns_wrap(text, width ? width : SIZE_MAX, strlen(INDENT));

	fprintf(out, "%s\n", lines);
}

void check_list__print(const struct check_list *l, FILE *out, unsigned width, bool colour)
{
	const char *section = "";

	for (size_t i = 0; i < l->cnt; i++) {
		const struct check_item *c = &l->items[i];
		const char *on = colour ? states[c->state].colour : "";
		__cleanup_free char *text = xasprintf("%s%s%s", c->name, *c->name && *c->text ? ": " : "", c->text);
		__cleanup_free char *remedy = xasprintf("→ %s", c->remedy ? c->remedy : "");

		if (strcmp(section, c->section))
			fprintf(out, "%s%s%s%s\n", i ? "\n" : "", colour ? "\x1b[1m" : "", c->section,
				colour ? "\x1b[0m" : "");
		section = c->section;
		fprintf(out, "  %s%-*s%s ", on, MARK_COLUMNS, states[c->state].mark, *on ? "\x1b[0m" : "");
		print_wrapped(out, text, width);
		if (!c->remedy || !*c->remedy)
			continue;
		fputs(INDENT, out);
		print_wrapped(out, remedy, width);
	}
}

void check_list__put(const struct check_list *l, struct json_put *j)
{
	json_put_list(j, "checks");
	for (size_t i = 0; i < l->cnt; i++) {
		const struct check_item *c = &l->items[i];

		json_put_map(j, NULL);
		json_put_text(j, "section", c->section);
		json_put_text(j, "name", c->name);
		json_put_text(j, "state", states[c->state].word);
		json_put_text(j, "text", c->text);
		if (c->remedy && *c->remedy)
			json_put_text(j, "remedy", c->remedy);
		json_put_int(j, "status", c->status);
		json_put_end_map(j);
	}
	json_put_end_list(j);
}

void check_list__free(struct check_list *l)
{
	for (size_t i = 0; i < l->cnt; i++) {
		free(l->items[i].name);
		free(l->items[i].text);
		free(l->items[i].remedy);
	}
	free(l->items);
	*l = (struct check_list){0};
}
