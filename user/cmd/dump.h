/* The two outputs of `dump`: text for people, JSON for programs. */
#pragma once
#include "user/inspect/inspect.h"
#include <stdio.h>

struct dump_style {
	bool full_filenames, no_lines;
};

/* The changed sources (user/inspect/sources.h) are known last, so they end a process. */
void dump_text(FILE *out, const struct inspection *s, const struct dump_style *style);
void dump_text_changed(FILE *out, const char *names, size_t len);

/* A document around any number of processes. */
void dump_json_begin(FILE *out);
void dump_json(FILE *out, const struct inspection *s, const struct dump_style *style);
void dump_json_changed(FILE *out, const char *names, size_t len);
void dump_json_end(FILE *out);

/* "running", "sleeping", …: the state in one word, the same in both. */
const char *dump_doing(enum inspect_doing doing);
