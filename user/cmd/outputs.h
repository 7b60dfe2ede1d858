/* SPDX-License-Identifier: MIT */
/* The outputs of a command: the -o and -f options, given formats and checked before work begins, written at its end. */
#pragma once
#include "user/format/format.h"
#include <argp.h>

struct outputs {
	struct {
		const char *path;
		const struct format *format;
		bool written;    /* by this run */
		bool is_private; /* it holds source text; known once it is written */
	} *items;
	size_t cnt;
	const char *format_name; /* -f; NULL: by extension */
	bool open;               /* --open */
};

/* An argp child with -o/--output, -f/--format and --open; its input is a `struct outputs *` that starts zeroed. */
extern const struct argp outputs_options;

void outputs__add(struct outputs *o, const char *path);
void outputs__free(struct outputs *o);

/*
 * Finds each output's format and makes sure that it can be written. 0 or enum cmd_exit: CMD_USAGE
 * for an unknown format or the same file twice, CMD_FAILED for a file that cannot be written.
 */
int outputs__check(struct outputs *o);

/* The name of output `i` with `stamp` before its extension: "a-STAMP.trace.json". Caller frees. */
char *outputs__stamped(const struct outputs *o, size_t i, const char *stamp);
/* With --open: for outputs__open() later, when we may do less. */
void outputs__prepare_open(const struct outputs *o);
/* With --open: shows the first output that a browser can show to the invoking user; says what was done. */
void outputs__open(const struct outputs *o);

/* One file, whole or not at all. 0 (also when the reader of stdout went away) or negative errno. */
int outputs__write_one(struct outputs *o, size_t i, const struct profile *p, const struct view *v);
/* All of them, the rest also when one fails; the first error. */
int outputs__write(struct outputs *o, const struct profile *p, const struct view *v);
/* Says which files were written, their sizes and what opens them. */
void outputs__report(const struct outputs *o);

/* From now on Ctrl-C and termination leave no temporary file behind; for commands that only convert. */
void outputs__die_cleanly(void);
