/* SPDX-License-Identifier: MIT */
/* The findings of `check`: shown as a list or as JSON, and summed up in an exit status. */
#pragma once
#include "user/cmd/cmd.h"
#include "user/format/json/json_put.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

enum check_state { CHECK_OK, CHECK_NOTE, CHECK_WARN, CHECK_MISSING, CHECK_UNKNOWN };

struct check_item {
	const char *section;
	enum check_state state;
	char *name, *text;    /* "CAP_BPF", "loads the BPF programs" */
	char *remedy;         /* NULL none */
	enum cmd_exit status; /* what a missing one means for the whole */
};

struct check_list {
	struct check_item *items;
	size_t cnt, cap;
	const char *section; /* of the items that are added */
};

/* Both texts are cleaned of control characters. The item stays valid until the next is added. */
struct check_item *check_list__add(struct check_list *l, enum check_state state, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The exit status of `check` becomes `status` unless that is CMD_OK. An empty text is no remedy. Once for an item. */
void check_item__remedy(struct check_item *i, enum cmd_exit status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* 4 before 3 before 5: a missing kernel feature is told first, since no privilege helps against it. */
enum cmd_exit check_list__status(const struct check_list *l);
/* `width` 0: lines are not broken. */
void check_list__print(const struct check_list *l, FILE *out, unsigned width, bool colour);
void check_list__put(const struct check_list *l, struct json_put *j);
void check_list__free(struct check_list *l);
