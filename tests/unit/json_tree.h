/* SPDX-License-Identifier: MIT */
/* JSON as a tree, for tests that look at what writers wrote. */
#pragma once
#include "tests/unit/small_profile.h"
#include "user/util/alloc.h"
#include "user/util/json_get.h"
#include <string.h>
#include <sys/mman.h>

struct json_tree {
	enum json_kind kind;
	char *key;  /* of a member */
	char *text; /* of a string, or the digits of a number */
	struct json_tree *items;
	size_t cnt, cap;
};

static inline void json_tree__add(struct json_get *j, struct json_tree *t);

static inline void json_tree__fill(struct json_get *j, struct json_tree *t)
{
	t->kind = json_get_kind(j);
	switch (t->kind) {
	case JSON_MAP:
		for (json_get_map(j); json_get_key(j);)
			json_tree__add(j, t);
		break;
	case JSON_LIST:
		for (json_get_list(j); json_get_element(j);)
			json_tree__add(j, t);
		break;
	case JSON_STRING:
		t->text = xstrdup(json_get_text(j, NULL));
		break;
	case JSON_NUMBER:
		t->text = xstrdup(json_get_digits(j));
		break;
	default:
		json_skip(j);
	}
}

static inline void json_tree__add(struct json_get *j, struct json_tree *t)
{
	struct json_tree item = {.key = t->kind == JSON_MAP ? xstrndup(j->text, j->len) : NULL};

	json_tree__fill(j, &item);
	xgrow(t->items, t->cnt, t->cap);
	t->items[t->cnt++] = item;
}

static inline void json_tree__free(struct json_tree *t)
{
	for (size_t i = 0; i < t->cnt; i++)
		json_tree__free(&t->items[i]);
	free(t->items);
	free(t->key);
	free(t->text);
}

/* A file of that text; the caller closes it. */
static inline int json_file_of(const char *text, size_t len)
{
	int fd = memfd_create("json", MFD_CLOEXEC);

	assert_true(write(fd, text, len) == (ssize_t)len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* The whole of a text, which must be JSON. */
static inline struct json_tree json_tree_of(const char *text, size_t len)
{
	__cleanup_close int fd = json_file_of(text, len);
	struct json_get *j = xmalloc(sizeof(*j));
	struct json_tree t = {0};

	json_get__open(j, fd);
	json_tree__fill(j, &t);
	if (json_get__end(j))
		fail_msg("%s: %.*s", j->error, (int)len, text);
	free(j);
	return t;
}

/* The member of that key; NULL: there is none. */
static inline const struct json_tree *json_tree__find(const struct json_tree *t, const char *key)
{
	for (size_t i = 0; i < t->cnt; i++)
		if (t->kind == JSON_MAP && !strcmp(t->items[i].key, key))
			return &t->items[i];
	return NULL;
}

static inline const struct json_tree *json_tree__at(const struct json_tree *t, const char *key, enum json_kind kind)
{
	const struct json_tree *found = json_tree__find(t, key);

	assert_non_null(found);
	assert_int_equal(found->kind, kind);
	return found;
}

static inline uint64_t json_tree__count(const struct json_tree *t)
{
	int64_t value;

	assert_int_equal(t->kind, JSON_NUMBER);
	assert_true(json_to_whole(t->text, 0, INT64_MAX, &value));
	return (uint64_t)value;
}
