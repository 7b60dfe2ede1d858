/* SPDX-License-Identifier: MIT */
/*
 * Contents of code objects, shared by equal ones: forked processes have the same, and so has a program that is started
 * again. References are counted, and a content goes with its last one. Line tables have budgets, as a process may make
 * up code without end.
 */
#pragma once
#include "user/python/line_table.h"
#include "user/resolve/codes.h"
#include <uthash.h>

struct contents;

/* A line table. */
struct content_table {
	UT_hash_handle hh;
	uint32_t refs;
	uint32_t len;
	uint32_t image_id;       /* that brought it */
	uint64_t digest;         /* of the bytes */
	struct line_table lines; /* of the bytes */
	char bytes[];
};

struct content {
	UT_hash_handle hh;
	uint32_t refs;
	uint32_t id; /* never given again */
	uint32_t text_len;
	const char *name, *file;
	const char *module; /* what it is called, "" where that is not known */
	int32_t first_line;
	enum line_table_kind kind;
	bool cut; /* the rest of the table was lost: no line is sure */
	bool is_console_script;
	struct content_table *table; /* NULL: none */
	uint32_t function, segment;  /* the profile's id of its function in this segment; 0: none yet */
};

struct contents *contents__new(void);
void contents__free(struct contents *c);

/*
 * The content of such a code object, with a reference for the caller. `*image_bytes`: of tables that its image has
 * brought and nobody had before; grows. A table for which there is no room is left out, and the content is cut.
 */
struct content *contents__get(struct contents *c, const struct code_text *t, uint32_t image_id, size_t *image_bytes);
/* Of a line table that goes with it: the bytes that its image had brought; 0 none. */
struct contents_gone {
	uint32_t image_id;
	size_t table_bytes;
};
struct contents_gone contents__put(struct contents *c, struct content *content);
/* Of all; of one, its share of it. */
size_t contents__bytes(const struct contents *c);
size_t content__bytes(const struct content *content);
/* The line of an instruction. */
int32_t content__line(const struct content *c, int32_t lasti);
/* Bytes of tables that an image may still bring. */
size_t contents__room(const struct contents *c, size_t image_bytes);
