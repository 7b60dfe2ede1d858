/* SPDX-License-Identifier: MIT */
/* Where profiles go and what they are called there: the options that `push` and `daemon` share. */
#pragma once
#include "user/push/naming.h"
#include "user/push/sender.h"
#include <argp.h>

struct push_options_list {
	struct push_options *destinations; /* complete; the texts in them are argv's */
	size_t cnt;
	struct naming *naming; /* by --label, --keep, --drop and the rest; the list's own */
	/* --keep of a time or of a size: of files */
	uint64_t keep_ns, keep_bytes;
	/* What is below is the parser's. */
	struct push_options common;
	struct push_rule {
		int key;
		const char *text;
	} *rules;
	size_t rule_cnt;
	const char *node;
	char *own_node; /* the host's name, when nothing else was said */
	uint64_t series_max;
};

/*
 * An argp child; its input is a `struct push_options_list *` that starts zeroed. What is secret (--token-file, --header-file) is for the
 * --push before it, or for all when it comes before the first; the other options are for all of them.
 */
extern const struct argp push_options;
/* Only those of what things are called, with the same input. */
extern const struct argp push_naming_options;

/* As `naming`, for what was recorded on that host, which is its node unless one was said. The caller's. */
struct naming *push_options__naming_of(const struct push_options_list *l, const char *host);
void push_options__free(struct push_options_list *l);
