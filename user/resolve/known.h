/* SPDX-License-Identifier: MIT */
/* The resolver's part of a process image (the rest: user/target/processes.h): what was sent to the profile of it. */
#pragma once
#include "user/target/processes.h"
#include "user/util/pair_map.h"

/* A thread's number is given to another one as soon as it has ended; the two have other starts. */
struct known_thread_key {
	uint64_t start_ns; /* CLOCK_BOOTTIME */
	uint64_t tid;
};

/* A thread in one of the interpreters that it runs in. */
struct known_thread_part {
	uint32_t interp_id;
	uint32_t profile_id, segment; /* in that segment (user/resolve/resolve.h) */
	struct known_thread_part *next;
};

struct known_thread {
	UT_hash_handle hh, hh_ident;
	struct known_thread_key key;
	struct known_thread_part part; /* mostly the only one */
	uint64_t seen_ns;              /* time of its last sample */
	bool is_python; /* it had a state of the interpreter's; else all that follows but `comm` and `name` is empty */
	uint64_t ident; /* pthread_self() */
	char comm[ABI_COMM + 1]; /* the kernel's name, when it was met */
	char *name;              /* as the profile has it */
	bool named;              /* it is Python's own, or was in the parent */
	bool over;               /* its number was given to another thread */
	uint32_t reading;        /* of names, in which it was found last */
	uint32_t tries;          /* times that it was looked for in vain */
	struct known_thread *next_unnamed;
};

/* Texts of code without a file (user/resolve/held.h). */
struct held_file;

struct held {
	struct held_file *files; /* that it runs code of, and that are none of a disk as far as is known */
	struct pair_map on_disk; /* (digest of a name) → 1: those that are, of a root of its own */
	size_t text_bytes;
	bool is_fresh;    /* one was met since they were asked for last */
	bool is_sent;     /* nothing has changed since the segment got them … */
	uint32_t segment; /* … which is this one */
	uint64_t next_ns; /* when they may be asked for again */
};

struct known {
	UT_hash_handle hh;
	uint32_t image_id;
	struct process *process;
	uint32_t profile_id;    /* in the present segment; 0: none yet */
	uint32_t sent;          /* the process's revision that the profile has … */
	uint32_t labelled;      /* … and that of its container, as labels_revision() */
	uint64_t cpu_before_ns; /* what it had used when the present segment began */
	/* Its threads (user/resolve/threads.c) */
	struct known_thread *threads;
	unsigned threads_limit;        /* so many of them, and it is time to look which have ended */
	struct known_thread *by_ident; /* those of them that had an ident last */
	struct known_thread *unnamed;  /* those of them whose names are still looked for */
	uint64_t read_names_ns;        /* when names of new threads may be asked for again … */
	uint64_t renamed_ns;           /* … when those of all are … */
	uint64_t renamed_wait_ns;      /* … and how long that is after the last time */
	bool ran;                      /* since then */
	uint64_t active_addr;          /* of threading._active; 0 not known */
	struct held held;              /* texts that it has itself (user/resolve/held.c) */
};

/* Made when it is not known yet. The process has to stay while it is. */
struct known *known__get(struct known **table, struct process *p);
struct known *known__find(struct known *table, uint32_t image_id);
void known__forget(struct known **table, uint32_t image_id);
void known__forget_thread(struct known *k, struct known_thread *th);
void known__forget_threads(struct known *k);
void known__free(struct known **table);
