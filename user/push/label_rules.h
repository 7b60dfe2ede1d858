/* SPDX-License-Identifier: MIT */
/*
 * The rules of --label, --keep and --drop: parsed once, applied to the labels of a process. docs/labels.md has the syntax.
 */
#pragma once
#include "user/push/label_set.h"

/* LABEL=GLOB,LABEL=GLOB…: all of them have to match. */
struct label_conditions {
	struct label_condition {
		char *label, *glob; /* of "" only such as have no such label */
	} *items;
	size_t cnt, cap;
};

struct label_rule {
	char *name, *value; /* of "" the label is not sent */
	struct label_conditions when;
};

/* 0, or -EINVAL with `*why`, a sentence that the caller frees. */
int label_rule__parse(const char *text, struct label_rule *out, char **why);
void label_rule__clear(struct label_rule *r);
int label_conditions__parse(const char *text, struct label_conditions *out, char **why);
void label_conditions__clear(struct label_conditions *c);

bool label_conditions__match(const struct label_conditions *c, const struct label_set *labels);
/* The value with {label} filled in; NULL where one of those is not there, and the rule says nothing then. Caller frees. */
char *label_rule__value(const struct label_rule *r, const struct label_set *labels);
/* Calls `fn` for each label that the rule reads; stops at its first nonzero return and gives it. */
int label_rule__each_label(const struct label_rule *r, int (*fn)(void *ctx, const char *label), void *ctx);
