/* SPDX-License-Identifier: MIT */
/*
 * Questions about native files and their answers, between us and the child that reads them (user/os/worker.h:
 * worker_start()). Of native_files.c, native_names.c and the child, native_child.c; not for anyone else.
 */
#pragma once
#include "user/symbol/unwind_table.h"
#include "user/target/mappings.h"
#include "user/util/buf.h"

#define NATIVE_BATCH  128
#define NATIVE_MODULE 256
#define NATIVE_PATH   1024 /* of a path; it matters only where the mapping itself cannot be opened */

enum native_op {
	NATIVE_TABLE, /* the unwind table of a file */
	NATIVE_NAMES, /* names by addresses as linked */
	NATIVE_MADE,  /* names by addresses in a process, of code made at run time */
	NATIVE_LINES, /* lines and what is inlined, by addresses as linked; of no address: the file will be asked about */
};

struct native_request {
	uint32_t id; /* given by native_channel__ask() */
	enum native_op op;
	pid_t pid;
	uint32_t file; /* the caller's */
	struct mapping at;
	char path[NATIVE_PATH];
	char module[NATIVE_MODULE]; /* the caller's, too */
	uint32_t addr_cnt;
	uint64_t addrs[NATIVE_BATCH];
};

/* An answer's head; its bytes are in a file that is sent with it. */
struct native_answer {
	uint32_t id;
	int32_t result; /* 0 or negative errno */
	uint64_t bytes;
};

/* Bytes of a table: this, then pages, rows and rules. */
struct native_table {
	uint64_t first;
	uint32_t page_cnt, row_cnt, rule_cnt, part_cnt;
	struct elf_part parts[UNWIND_MAX_PARTS];
};
/*
 * Bytes of names: for each address varints of the function's start and end, then its name, "" for none. Of
 * lines: for each address how many functions, the innermost first; for each its name, its file, "" for none, the line that is
 * executed and its first one, 0 for none.
 */

/* What the child does. */
void native_child_serve(int fd);

struct native_channel;

/* `answered` is called by native_channel__poll() for each question that was asked, once. */
typedef void (*native_answered_fn)(void *ctx, const struct native_request *q, int result, const struct buf *reply);
struct native_channel *native_channel__new(native_answered_fn answered, void *ctx);
void native_channel__free(struct native_channel *c);
void native_channel__ask(struct native_channel *c, const struct native_request *q);
/* Never waits. */
void native_channel__poll(struct native_channel *c);
/* Questions without an answer. */
size_t native_channel__open(const struct native_channel *c);
int native_channel__fd(const struct native_channel *c);
