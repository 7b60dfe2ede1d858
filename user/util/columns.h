/* Text in the columns of a terminal: how wide clean UTF-8 is there, and cutting it to fit. */
#pragma once
#include <stddef.h>

enum columns_keep { COLUMNS_KEEP_START, COLUMNS_KEEP_END };

/* Terminal columns a text takes: 2 for wide characters, 0 for combining ones. */
size_t columns_of(const char *text);
/* The text in exactly `width` columns: filled with blanks, or cut with "…" where. The caller frees. */
char *columns_fit(const char *text, size_t width, enum columns_keep keep);
/* The same, but what is narrower stays as it is. */
char *columns_at_most(const char *text, size_t width, enum columns_keep keep);
/* The bytes of the first line of a text that is broken between words; a word that is too long is cut. */
size_t columns_line(const char *text, size_t width);
