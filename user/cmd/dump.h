/* How `dump` shows what it took: for people, and for programs. */
#pragma once
#include "user/snapshot/snapshot.h"
#include <stdio.h>

struct dump_style {
	bool full_filenames, no_lines;
};

void dump_text(FILE *out, const struct snapshot *s, const struct dump_style *style);

/* A document around any number of processes. */
void dump_json_begin(FILE *out);
void dump_json(FILE *out, const struct snapshot *s, const struct dump_style *style, bool first);
void dump_json_end(FILE *out);

/* "running", "sleeping", …: the state in one word, the same in both. */
const char *dump_doing(enum snapshot_doing doing);
