/* SPDX-License-Identifier: MIT */
#include "user/push/label_set.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/search.h"
#include "user/util/text.h"
#include <ctype.h>
#include <string.h>

static size_t place_of(const struct label_set *s, const char *name)
{
	return search_first(s->cnt, i, strcmp(s->items[i].name, name) >= 0);
}

static bool is_at(const struct label_set *s, size_t i, const char *name)
{
	return i < s->cnt && !strcmp(s->items[i].name, name);
}

const char *label_set__get(const struct label_set *s, const char *name)
{
	size_t i = place_of(s, name);

	return is_at(s, i, name) ? s->items[i].value : "";
}

static void clear_one(struct push_label *l)
{
	free((char *)l->name);
	free((char *)l->value);
}

static void drop(struct label_set *s, size_t i)
{
	clear_one(&s->items[i]);
	memmove(&s->items[i], &s->items[i + 1], (s->cnt - i - 1) * sizeof(*s->items));
	s->cnt--;
}

static void insert(struct label_set *s, size_t i, const char *name)
{
	xgrow(s->items, s->cnt, s->cap);
	memmove(&s->items[i + 1], &s->items[i], (s->cnt - i) * sizeof(*s->items));
	s->items[i] = (struct push_label){.name = xstrdup(name)};
	s->cnt++;
}

/* Never amid a character. */
static char *bearable(const char *value)
{
	char *clean = text_clean(value, strlen(value), 0);
	size_t len = strlen(clean);

	if (len > LABEL_VALUE_MAX)
		for (len = LABEL_VALUE_MAX; ((unsigned char)clean[len] & 0xc0) == 0x80; len--)
			;
	clean[len] = 0;
	return clean;
}

void label_set__put(struct label_set *s, const char *name, const char *value)
{
	size_t i = place_of(s, name);

	if (!value || !*value) {
		if (is_at(s, i, name))
			drop(s, i);
		return;
	}
	if (!is_at(s, i, name))
		insert(s, i, name);
	value = bearable(value); /* it may be the old one */
	free((char *)s->items[i].value);
	s->items[i].value = value;
}

void label_set__clear(struct label_set *s)
{
	for (size_t i = 0; i < s->cnt; i++)
		clear_one(&s->items[i]);
	free(s->items);
	*s = (struct label_set){0};
}

void label_set__key(const struct label_set *s, struct buf *out)
{
	for (size_t i = 0; i < s->cnt; i++) {
		buf_put(out, s->items[i].name, strlen(s->items[i].name) + 1);
		buf_put(out, s->items[i].value, strlen(s->items[i].value) + 1);
	}
}

static bool may_be_in_name(char c, bool first)
{
	return isascii(c) && (c == '_' || isalpha((unsigned char)c) || (!first && isdigit((unsigned char)c)));
}

bool label_name_is_valid(const char *name)
{
	size_t len = 0;

	while (may_be_in_name(name[len], !len))
		len++;
	return len && !name[len];
}

char *label_name_made_valid(const char *name)
{
	char *out = xasprintf("%s%s", !*name || isdigit((unsigned char)*name) ? "_" : "", name);

	for (char *c = out; *c; c++)
		*c = may_be_in_name(*c, c == out) ? *c : '_';
	return out;
}
