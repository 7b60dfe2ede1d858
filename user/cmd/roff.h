/* Plain text as the source of a manual page: the `man` macros of roff. */
#pragma once
#include <stdio.h>

/* Inline text; what stands in `backquotes` becomes bold. Newlines become blanks. */
void roff_text(FILE *out, const char *text);
/* The same in bold, with every hyphen as people type it: names of options and commands. */
void roff_bold(FILE *out, const char *text);
/* Paragraphs, divided by empty lines; lines that begin with two blanks are examples and keep their
 * shape. */
void roff_paragraphs(FILE *out, const char *text);
