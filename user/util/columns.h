/* SPDX-License-Identifier: MIT */
/* Text in the columns of a terminal: how wide clean UTF-8 is there, and cutting it to fit. */
#pragma once
#include <stddef.h>

/* What of a text that is too wide is left. Names and paths are cut between their parts as long as that is possible. */
enum columns_keep {
	COLUMNS_KEEP_START,
	COLUMNS_KEEP_END,
	COLUMNS_KEEP_NAME,    /* the last parts of a dotted name: "…Session.execute" */
	COLUMNS_KEEP_PATH,    /* the last folders, the file and its line: "…/orm/session.py:12" */
	COLUMNS_KEEP_FRAME,   /* both of "name (path:line)" */
	COLUMNS_KEEP_WORDS,   /* the first words */
	COLUMNS_KEEP_COMMAND, /* a command line: folders of its words go first, then its last words */
};

/* Terminal columns a text takes: 2 for wide characters, 0 for combining ones. */
size_t columns_of(const char *text);
/* The least that COLUMNS_KEEP_PATH leaves of a path without cutting its file's name. */
size_t columns_of_file(const char *path);
/* The least that COLUMNS_KEEP_NAME leaves of a dotted name without cutting its last part. */
size_t columns_of_function(const char *name);
/* The text in exactly `width` columns: filled with blanks, or cut with "…" where. The caller frees. */
char *columns_fit(const char *text, size_t width, enum columns_keep keep);
/* The same, but nothing is filled up. */
char *columns_at_most(const char *text, size_t width, enum columns_keep keep);
/* The bytes of the first line of a text that is broken between words; a word that is too long is cut. */
size_t columns_line(const char *text, size_t width);
/* The text in lines of at most `width` columns, broken between words, all but the first behind `indent` blanks. The caller frees. */
char *columns_wrap(const char *text, size_t width, size_t indent);
