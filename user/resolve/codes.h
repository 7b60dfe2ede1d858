/* SPDX-License-Identifier: MIT */
/*
 * Code objects by their key, as their records arrive: name and file first, line table in pieces. Equal
 * content (forked workers, many containers of one image) is kept once.
 */
#pragma once
#include "bpf/abi.h"
#include "user/profile/sink.h"
#include "user/python/build.h"
#include "user/target/whole_path.h"

struct codes;

struct codes *codes__new(struct profile_sink sink, struct path_asker files);
void codes__free(struct codes *c);
/* Called once for each file that an image has code of, as functions will have it. */
void codes__on_file(struct codes *c, void (*met)(void *ctx, uint32_t image_id, const char *file), void *ctx);
/* From here on the profile is another one, which knows no ids yet. */
void codes__begin_segment(struct codes *c, struct profile_sink sink);

/* A code record (its data lies behind the struct, bounds checked by drain); `kind` of its interpreter. */
void codes__add(struct codes *c, const struct abi_code *rec, enum line_table_kind kind);
void codes__add_lines(struct codes *c, const struct abi_lines *rec);

/* A code object that user space read. Names are clean UTF-8, the module's as code_module() has it; `table` may be NULL. */
struct code_text {
	const char *name, *file, *module;
	int32_t first_line;
	const void *table;
	size_t table_len;
	enum line_table_kind kind;
	bool cut;               /* there should be more of the table */
	bool is_console_script; /* set by codes.c */
};
/* Bytes of line tables that may still come from this image, before its lines are left out. */
size_t codes__room(struct codes *c, uint32_t image_id);
void codes__set(struct codes *c, uint64_t key, uint32_t image_id, const struct code_text *text);

/* A frame of the interpreter's own machinery that tracebacks do not show either. */
#define CODES_HIDDEN 0xffffffffu

/* The profile's frame for an instruction of a code object; 0 when its names or lines are not here yet. */
uint32_t codes__frame(struct codes *c, uint64_t key, int32_t lasti);
/* The same without waiting: without a line if need be, "[unknown]" when there is no name either. */
uint32_t codes__frame_now(struct codes *c, uint64_t key, int32_t lasti);
/* What its function is called: "work (app/main.py)"; NULL when it has no name, or none yet. Caller frees. */
char *codes__text(struct codes *c, uint64_t key);
/* What a code object is called; false when that is not known. Valid until the next call. */
struct code_names {
	const char *name, *file;
};
bool codes__names(const struct codes *c, uint64_t key, struct code_names *out);
/* A frame that is no function, such as "[truncated]". */
uint32_t codes__synthetic(struct codes *c, const char *text);
/* A function that is no Python code, by all that is known of it but its id, which is returned; and a frame of one. */
uint32_t codes__other(struct codes *c, const struct profile_function *like);
uint32_t codes__at_line(struct codes *c, uint32_t function, int32_t line);

/*
 * Those of processes that live are kept as long as they and what goes with them take no more than so many bytes, or a
 * little longer. `forget` is called before one goes: who sends them is to send it again when it is met again. It may
 * be called for one that was never sent.
 */
struct codes_limit {
	size_t bytes;
	void (*forget)(void *ctx, uint64_t key); /* NULL: all are kept */
	void *ctx;
};
void codes__set_limit(struct codes *c, const struct codes_limit *limit);
size_t codes__bytes(const struct codes *c);
/* Time passes, and all that was sent by `now_ns` (CLOCK_MONOTONIC) has been taken: forgets what has to go. */
void codes__tend(struct codes *c, uint64_t now_ns);
/* Will that drop some? Then codes__meet() those that are still waited for. */
bool codes__will_drop(const struct codes *c, uint64_t now_ns);
void codes__meet(struct codes *c, uint64_t key);

/* The image is gone: its keys will not be asked for again. */
void codes__forget(struct codes *c, uint32_t image_id);
