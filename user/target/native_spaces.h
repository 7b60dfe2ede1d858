/* SPDX-License-Identifier: MIT */
/*
 * What each process image can execute, and the files that it is of. Read again when something is met that is not known:
 * how often is limited, since a process may make code all the time.
 */
#pragma once
#include "user/target/native_files.h"
#include <stdbool.h>
#include <uthash.h>

/* What was known before. */
struct native_past {
	struct mappings maps;
	struct native_file **files;
	uint64_t until_ns;
	struct native_past *older;
};

struct native_space {
	UT_hash_handle hh;
	uint32_t image_id;
	pid_t pid;
	struct mappings maps;
	struct native_file **files; /* by mapping, held; NULL: of no file */
	struct native_past *past;   /* the latest first */
	bool wanted;                /* it is to be read (again) */
	bool changed;               /* since native_spaces__poll() told of it */
	bool gone;
	uint64_t next_ns; /* not read before … */
	uint64_t wait_ns; /* … which is so long after the last time */
	uint64_t gone_ns;
	struct { /* the kernel side's part: of its mappings */
		uint32_t first, cnt;
		bool there;
	} sent;
};

/* Where an address is. */
struct native_place {
	struct native_file *file; /* NULL: of none */
	uint64_t vaddr;           /* as linked in it */
	enum mapping_kind kind;
	bool known; /* in a mapping at all */
	bool asked; /* of a file that is being read */
};

struct native_spaces;

struct native_spaces *native_spaces__new(struct native_files *files);
void native_spaces__free(struct native_spaces *t);
/* NULL: nothing is known of it yet. */
struct native_space *native_spaces__find(const struct native_spaces *t, uint32_t image_id);
/* Its mappings are to be read, as soon as may be. */
void native_spaces__want(struct native_spaces *t, uint32_t image_id, pid_t pid);
/* It has ended; stacks of it may still come, so it is kept a while. */
void native_spaces__gone(struct native_spaces *t, uint32_t image_id, uint64_t now_ns);
/* A file's table has come or gone: who has it mapped has changed. */
void native_spaces__touch(struct native_spaces *t, const struct native_file *f);

struct native_spaces_ops {
	bool (*changed)(void *ctx, struct native_space *s); /* false: it is to be told again at the next poll */
	void (*forget)(void *ctx, struct native_space *s);
};
/* Reads what is wanted, tells of those that have changed, forgets those that are gone. */
void native_spaces__poll(struct native_spaces *t, uint64_t now_ns, const struct native_spaces_ops *ops, void *ctx);
/* Are there mappings to be read, or tables to come? */
bool native_spaces__is_busy(const struct native_spaces *t);

/*
 * By what was known at that moment (CLOCK_MONOTONIC), by which the kernel side unwound a stack then, too; else by what was known next.
 * Names are asked for later, and code may be gone by then, or another's.
 */
struct native_place native_space__find(const struct native_space *s, uint64_t addr, uint64_t time_ns);
/* What has to be taken from an address of that mapping to have it as linked; false: the file has no code there. */
bool native_space__bias(const struct mapping *m, const struct native_file *f, uint64_t *bias);
