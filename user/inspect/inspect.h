/* SPDX-License-Identifier: MIT */
/*
 * All threads of a live process with their Python stacks, once, without BPF and without stopping it: what `dump` shows.
 */
#pragma once
#include "user/os/tasks.h"
#include "user/profile/sink.h"
#include "user/python/locals.h"
#include "user/python/locks.h"
#include "user/target/containers.h"
#include "user/target/interpreters.h"

struct inspect_options {
	unsigned locals;      /* 0: none; else how long their texts may get, in steps */
	bool may_lack_python; /* such a process is passed in silence */
	bool native;          /* frames of C code, too … */
	bool native_all;      /* … also those of the interpreter's own between Python's */
};

struct inspect_frame {
	char *name, *file, *short_file, *module; /* clean UTF-8; name "[unknown]" when not readable */
	int32_t line;                            /* 0: not known */
	int32_t first_line;                      /* of the function */
	struct py_locals locals;
	uint64_t addr;
	enum profile_kind kind; /* of those that are not Python's `module` is the object; there are no locals */
	uint32_t walked;        /* Python's: its number as they were walked */
};

enum inspect_doing {
	INSPECT_UNKNOWN,
	INSPECT_RUNNING,
	INSPECT_SLEEPING,
	INSPECT_WAITS_FOR_GIL,
	INSPECT_STOPPED,
	INSPECT_TRACED,
	INSPECT_ZOMBIE
};

/* What a thread waits for, and who has it. */
struct inspect_wait {
	struct py_lock_wait lock; /* "GIL" too */
	size_t holder;            /* index of that thread + 1; 0: there is none of its ident (any more) */
	size_t deadlock;          /* number of the circle of those who wait for each other; 0: of none */
	uint64_t switches;        /* of the thread, when it was read asleep */
};

struct inspect_thread {
	pid_t tid, inner_tid; /* 0: Python's thread has no task (any more) */
	uint64_t tstate_addr;
	uint64_t ident;    /* pthread_self(), as threading.get_ident() has it */
	uint64_t gil_addr; /* tells the GILs of several interpreters apart */
	char *name;
	bool named; /* by Python; else it is the kernel's name of the thread */
	int64_t interp_id;
	enum inspect_doing doing;
	const char *call; /* the system call it sleeps in; NULL: none, or not known … */
	char *cause;      /* … and what for, in the words of user/os/causes.h; NULL: not known */
	enum cause why;   /* with `cause` … */
	struct call_wait wait;
	bool uninterruptible, holds_gil;
	bool no_gil;       /* its interpreter runs without one */
	uint64_t switches; /* away from it, before it was read */
	bool sure;         /* stack and locals are of one moment: the thread did not run while they were read */
	struct inspect_wait waits;
	unsigned outcome;             /* enum abi_outcome: OK, NO_FRAME, or what is missing */
	struct inspect_frame *frames; /* leaf first */
	size_t frame_cnt;
	struct abi_native *native; /* its stack of C code, if wanted and known */
	uint32_t walked_cnt;       /* Python frames, those that are not shown included */
};

enum inspect_task_doing {
	INSPECT_TASK_RUNNING,
	INSPECT_TASK_WAITS,
	INSPECT_TASK_READY, /* it goes on as soon as it is its turn */
	INSPECT_TASK_NOT_STARTED,
};

/* A task of asyncio that is not done. */
struct inspect_task {
	uint64_t addr; /* id() of it */
	char *name;
	size_t loop; /* index */
	enum inspect_task_doing doing;
	char *waits_type;   /* of the future that it waits for; NULL: it does not, or that is not known */
	size_t waits_task;  /* index + 1, where that is a task */
	size_t circle;      /* number of the circle of those that wait for each other; 0: of none */
	size_t *awaited_by; /* indices of those that wait for it */
	size_t awaited_by_cnt;
	struct inspect_frame *frames; /* of its coroutines, leaf first */
	size_t frame_cnt;
	bool is_cut; /* the leaf is missing */
};

struct inspect_loop {
	char *type;    /* "asyncio.unix_events._UnixSelectorEventLoop" */
	size_t thread; /* index + 1 of the one that runs it; 0: none does */
	bool sure;     /* the thread did not run while the tasks were read */
};

struct inspection {
	pid_t pid, inner_pid, ppid;
	uint64_t start_ns; /* CLOCK_BOOTTIME */
	char *command, *cgroup, *executable, *version;
	struct container *container; /* NULL: none that is known */
	bool several_interps;
	bool list_unsure;               /* threads came and went so quickly that some may be missing */
	bool gil_moved;                 /* threads were read as holders of the same GIL, each at its own moment */
	struct inspect_thread *threads; /* the main thread first, then by age */
	size_t thread_cnt;
	size_t deadlock_cnt;
	struct inspect_loop *loops;
	size_t loop_cnt;
	struct inspect_task *tasks; /* by name */
	size_t task_cnt;
	size_t circle_cnt;
	bool tasks_cut;     /* there are more */
	bool tasks_unknown; /* there is an asyncio that cannot be read */
	struct inspect_thread
		*others; /* threads without a Python state: what they do and their frames only with `native` */
	size_t other_cnt;
};

/*
 * 0, or negative errno, said to the user: -ESRCH (no such process, or it ended meanwhile), -ENOENT (no Python in
 * it), -ENODATA (a Python that cannot be read), -EPERM.
 */
int inspect_process(struct interpreters *known, pid_t pid, const struct inspect_options *o, struct inspection **out);
void inspection__free(struct inspection *s);
