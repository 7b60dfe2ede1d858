/* SPDX-License-Identifier: MIT */
/* The two outputs of `dump`: text for people, JSON for programs. */
#pragma once
#include "user/inspect/inspect.h"
#include "user/util/json_put.h"
#include <stdio.h>

struct dump_style {
	bool full_filenames, no_lines;
	bool native; /* frames of threads without a Python state are there */
};

/* The changed sources (user/inspect/sources.h) are known last, so they end a process. */
void dump_text(FILE *out, const struct inspection *s, const struct dump_style *style);
void dump_text_changed(FILE *out, const char *names, size_t len);

/* A document around any number of processes. */
void dump_json_begin(FILE *out);
void dump_json(FILE *out, const struct inspection *s, const struct dump_style *style);
void dump_json_changed(FILE *out, const char *names, size_t len);
void dump_json_end(FILE *out);

/* The tasks of its event loops; nothing where there are none. */
void dump_text_tasks(FILE *out, const struct inspection *s, const struct dump_style *style);
void dump_json_tasks(struct json_put *j, const struct inspection *s, const struct dump_style *style);

/* One frame with its locals, as a part of those. */
void dump_text_frame(FILE *out, const struct inspect_frame *f, const struct dump_style *style);
void dump_json_frame(struct json_put *j, const struct inspect_frame *f, const struct dump_style *style);
/* "running", "waiting", …: the state of a task in one word. */
const char *dump_task_doing(enum inspect_task_doing doing);

/* "running", "sleeping", …: the state in one word, the same in both. */
const char *dump_doing(enum inspect_doing doing);
