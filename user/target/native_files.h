/* SPDX-License-Identifier: MIT */
/*
 * Files that native code is in: their unwind tables, and names of what is in them. Both are made by a child of our own
 * (user/os/worker.h: worker_start()), one thing after the other, while records are drained: nothing here waits. Another child
 * reads debug information, which is large, and by a library that is not ours: neither tables nor names wait for it, or are lost
 * with it. A file is known by (device, inode, time of the last change), and looked at once.
 */
#pragma once
#include "user/symbol/unwind_rules.h"
#include "user/target/mappings.h"

/* A file, as long as it is held. */
struct native_file {
	struct abi_file file;
	enum native_file_state {
		NATIVE_FILE_ASKED,
		NATIVE_FILE_READY,
		NATIVE_FILE_NONE, /* it has no table, or could not be read */
	} state;
	struct unwind_table table; /* READY: with the numbers of all rules (unwind_rules__adopt()) */
	uint32_t id;               /* from 1 on; not given again */
	uint32_t refs;             /* mappings and others that hold it */
	char *module;              /* the last part of its path, clean; "[vdso]" */
	void *owner;               /* the caller's */
};

/* Called once for each file that was asked for; before one is forgotten, as nobody holds it or all go. NULL: nobody wants to know. */
struct native_files_calls {
	void (*ready)(void *ctx, struct native_file *f);
	void (*forget)(void *ctx, struct native_file *f);
	void *ctx;
};

/* Is it that file? NULL is none. */
bool native_file__is(const struct native_file *f, const struct abi_file *file);

struct native_files;

struct native_files *native_files__new(const struct native_files_calls *calls);
void native_files__free(struct native_files *t);
struct unwind_rules *native_files__rules(struct native_files *t);

/*
 * The file of a mapping of a process (MAPPING_FILE or MAPPING_VDSO), with a reference for the caller; asks for its table if it
 * is new. NULL: of no file.
 */
struct native_file *native_files__get(struct native_files *t, pid_t pid, const struct mapping *m, const char *path);
void native_files__put(struct native_files *t, struct native_file *f);
/* Takes what has come meanwhile, and sends what is to be asked: each time that records are drained. */
void native_files__poll(struct native_files *t);
/* Waits until something has come, at most so long. */
void native_files__rest(const struct native_files *t, int ms);
/* Questions that are not answered yet. */
size_t native_files__open(const struct native_files *t);
/* Bytes of all tables. */
size_t native_files__bytes(const struct native_files *t);
