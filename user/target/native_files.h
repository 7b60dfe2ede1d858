/*
 * Files that native code is in: their unwind tables, and names of what is in them. Both are made by a child of our own
 * (user/os/worker.h: worker_start()), one thing after the other, while records are drained: nothing here waits. A file is
 * known by (device, inode, time of the last change), and looked at once.
 */
#pragma once
#include "user/symbol/unwind_rules.h"
#include "user/target/mappings.h"

struct native_files;

/* A file, as long as it is held. */
struct native_file {
	struct abi_file file;
	struct unwind_table table; /* READY: with the numbers of all rules */
	enum native_file_state {
		NATIVE_FILE_ASKED,
		NATIVE_FILE_READY,
		NATIVE_FILE_NONE
	} state;       /* NONE: it has no table */
	uint32_t id;   /* from 1 on; not given again */
	uint32_t refs; /* mappings and others that hold it */
	uint64_t used; /* of those that nobody holds: the one with the lowest goes first */
	void *owner;   /* the caller's */
};

struct native_files *native_files__new(void);
void native_files__free(struct native_files *t);
struct unwind_rules *native_files__rules(struct native_files *t);

/*
 * The file of a mapping of a process (MAPPING_FILE or MAPPING_VDSO), with a reference for the caller; asks for its table if it
 * is new. NULL: of no file.
 */
struct native_file *native_files__get(struct native_files *t, pid_t pid, const struct mapping *m, const char *path);
void native_files__put(struct native_files *t, struct native_file *f);
/* What has come meanwhile: calls `ready` for each file whose state has changed. */
void native_files__poll(struct native_files *t, void (*ready)(void *ctx, struct native_file *f), void *ctx);
/* Readable when there may be something; -1: no child (yet). */
int native_files__fd(const struct native_files *t);
/* Called before a file that nobody holds is forgotten, so that the kernel side's part of it goes. */
void native_files__on_forget(struct native_files *t, void (*forget)(void *ctx, struct native_file *f), void *ctx);
/* Bytes of all tables. */
size_t native_files__bytes(const struct native_files *t);
