/* SPDX-License-Identifier: MIT */
/* Where a rule's parts end: at the first ":if=" of --label, and at each comma of conditions that no backslash is before. */
#include "user/push/label_rules.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/text.h"
#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#define IF ":if="

static int complain(char **why, char *sentence)
{
	*why = sentence;
	return -EINVAL;
}

/* For messages. Caller frees. */
static char *shown(const char *text)
{
	return text_clean(text, strlen(text), 0);
}

static int check_name(const char *name, const char *in, char **why)
{
	__cleanup_free char *clean = shown(name), *whole = shown(in), *better = NULL;

	if (!*name)
		return complain(why, xasprintf("'%s' begins with =, where the name of a label has to be", whole));
	if (label_name_is_valid(name))
		return 0;
	better = label_name_made_valid(name);
	return complain(
		why, xasprintf("'%s' cannot be the name of a label, which has letters, digits and _ only and does not "
			       "begin with a digit: %s would do",
			       clean, better));
}

/* ---- conditions ------------------------------------------------------------------------------------------- */

static int parse_condition(const char *text, struct label_condition *out, char **why)
{
	const char *equals = strchr(text, '=');
	__cleanup_free char *whole = shown(text);

	if (!equals)
		return complain(why, xasprintf("'%s' is no condition: LABEL=GLOB is, as in namespace=shop-*", whole));
	out->label = xstrndup(text, (size_t)(equals - text));
	out->glob = xstrdup(equals + 1);
	return check_name(out->label, text, why);
}

/* Up to the next comma; fnmatch() itself takes "\," for a comma. */
static size_t condition_len(const char *at)
{
	size_t len = 0;

	while (at[len] && at[len] != ',')
		len += at[len] == '\\' && at[len + 1] ? 2 : 1;
	return len;
}

int label_conditions__parse(const char *text, struct label_conditions *out, char **why)
{
	*out = (struct label_conditions){0};
	for (const char *at = text;; at++) {
		size_t len = condition_len(at);
		__cleanup_free char *one = xstrndup(at, len);

		xgrow(out->items, out->cnt, out->cap);
		out->items[out->cnt] = (struct label_condition){0};
		if (parse_condition(one, &out->items[out->cnt++], why)) {
			label_conditions__clear(out);
			return -EINVAL;
		}
		at += len;
		if (!*at)
			return 0;
	}
}

void label_conditions__clear(struct label_conditions *c)
{
	for (size_t i = 0; i < c->cnt; i++) {
		free(c->items[i].label);
		free(c->items[i].glob);
	}
	free(c->items);
	*c = (struct label_conditions){0};
}

/* A label that is not there has no value that could match: * means that there is one. */
static bool matches(const struct label_condition *c, const char *value)
{
	return *value ? *c->glob && !fnmatch(c->glob, value, 0) : !*c->glob;
}

bool label_conditions__match(const struct label_conditions *c, const struct label_set *labels)
{
	for (size_t i = 0; i < c->cnt; i++)
		if (!matches(&c->items[i], label_set__get(labels, c->items[i].label)))
			return false;
	return true;
}

/* ---- values ----------------------------------------------------------------------------------------------- */

/* Of a value's parts one: text, or the name between braces. False at the end; `*bad` where braces do not fit. */
static bool next_part(const char **at, struct buf *part, bool *is_label, bool *bad)
{
	const char *end;

	buf_reset(part);
	*is_label = (*at)[0] == '{' && (*at)[1] != '{';
	if (*is_label) {
		end = strchr(*at, '}');
		*bad = !end;
		buf_put(part, *at + 1, end ? (size_t)(end - *at - 1) : 0);
		*at = end ? end + 1 : *at + strlen(*at);
		return true;
	}
	for (; **at && !(**at == '{' && (*at)[1] != '{'); (*at)++) {
		if (**at == '{' || **at == '}') { /* doubled, it is one */
			*bad |= (*at)[1] != **at;
			*at += (*at)[1] == **at;
		}
		buf_put(part, *at, 1);
	}
	return part->len;
}

static int check_value(const char *value, char **why)
{
	const char *at = value;
	bool is_label, bad = false;
	struct buf part = {0};
	__cleanup_free char *whole = shown(value);
	int err = 0;

	while (!err && next_part(&at, &part, &is_label, &bad)) {
		buf_put(&part, "", 1);
		if (bad || (is_label && !label_name_is_valid(part.data)))
			err = complain(
				why,
				xasprintf("in '%s' a brace stands alone: {label} is that label's value, and {{ and "
					  "}} are braces",
					  whole));
	}
	buf_free(&part);
	return err;
}

char *label_rule__value(const struct label_rule *r, const struct label_set *labels)
{
	const char *at = r->value;
	bool is_label, bad = false, all = true;
	struct buf part = {0}, out = {0};

	while (all && next_part(&at, &part, &is_label, &bad)) {
		const char *value;

		buf_put(&part, "", 1);
		value = is_label ? label_set__get(labels, part.data) : part.data;
		all = *value;
		buf_puts(&out, value);
	}
	buf_free(&part);
	if (all)
		return buf_steal_text(&out);
	buf_free(&out);
	return NULL;
}

int label_rule__each_label(const struct label_rule *r, int (*fn)(void *ctx, const char *label), void *ctx)
{
	const char *at = r->value;
	bool is_label, bad = false;
	struct buf part = {0};
	int err = 0;

	for (size_t i = 0; !err && i < r->when.cnt; i++)
		err = fn(ctx, r->when.items[i].label);
	while (!err && next_part(&at, &part, &is_label, &bad)) {
		buf_put(&part, "", 1);
		err = is_label ? fn(ctx, part.data) : 0;
	}
	buf_free(&part);
	return err;
}

/* ---- rules ------------------------------------------------------------------------------------------------ */

static int parse_rule(const char *text, struct label_rule *out, char **why)
{
	const char *equals = strchr(text, '='), *when = equals ? strstr(equals + 1, IF) : NULL;
	__cleanup_free char *whole = shown(text);

	if (!equals)
		return complain(why, xasprintf("'%s' is no rule: NAME=VALUE is, or NAME=VALUE" IF "LABEL=GLOB", whole));
	out->name = xstrndup(text, (size_t)(equals - text));
	out->value = xstrndup(equals + 1, when ? (size_t)(when - equals - 1) : strlen(equals + 1));
	if (check_name(out->name, text, why) || check_value(out->value, why))
		return -EINVAL;
	return when ? label_conditions__parse(when + strlen(IF), &out->when, why) : 0;
}

int label_rule__parse(const char *text, struct label_rule *out, char **why)
{
	int err;

	*out = (struct label_rule){0};
	err = parse_rule(text, out, why);
	if (err)
		label_rule__clear(out);
	return err;
}

void label_rule__clear(struct label_rule *r)
{
	free(r->name);
	free(r->value);
	label_conditions__clear(&r->when);
	*r = (struct label_rule){0};
}
