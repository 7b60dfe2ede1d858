/* The names that threads have at one moment, by ident. */
#pragma once
#include "user/snapshot/stack.h"

struct thread_name {
	uint64_t ident, native_id;
	char *name;
};

struct thread_names {
	struct thread_name *items;
	size_t cnt, cap;
};

/* In place of what was there before. */
void names_read(struct thread_names *names, struct stack_reader *r, uint64_t runtime_addr);
/* Of the thread that has this ident, as this task. NULL: has none, or none yet. */
const char *names_find(const struct thread_names *names, uint64_t ident, const struct task *task, pid_t pid);
/* The one that has none; Lib/threading.py: the leader's Thread is _MainThread("MainThread"), if it is anybody's. */
const char *names_default(const struct thread_names *names, const struct task *task, pid_t pid);
void names_forget(struct thread_names *names);
