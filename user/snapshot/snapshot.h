/*
 * All threads of a live process with their Python stacks, once, without BPF and without stopping it: what `dump`
 * shows.
 */
#pragma once
#include "user/os/tasks.h"
#include "user/python/locals.h"
#include "user/target/interpreters.h"

struct snapshot_options {
	unsigned locals; /* 0: none; else how long their texts may get, in steps */
	bool may_lack_python; /* such a process is passed in silence */
};

struct snapshot_frame {
	char *name, *file, *short_file, *module; /* clean UTF-8; name "[unknown]" when not readable */
	int32_t line;				 /* 0: not known */
	struct py_locals locals;
};

enum snapshot_doing { SNAPSHOT_UNKNOWN, SNAPSHOT_RUNNING, SNAPSHOT_SLEEPING, SNAPSHOT_WAITS_FOR_GIL,
		      SNAPSHOT_STOPPED, SNAPSHOT_TRACED, SNAPSHOT_ZOMBIE };

struct snapshot_thread {
	pid_t tid, inner_tid; /* 0: Python's thread has no task (any more) */
	uint64_t ident;	      /* pthread_self(), as threading.get_ident() has it */
	uint64_t gil_addr;    /* tells the GILs of several interpreters apart */
	char *name;
	bool named; /* by Python; else it is the kernel's name of the thread */
	int64_t interp_id;
	enum snapshot_doing doing;
	const char *call; /* the system call it sleeps in; NULL: none, or not known */
	bool uninterruptible, holds_gil;
	/* The stack is of one moment: the thread held still while it was read. */
	bool sure;
	bool locals_sure; /* the values of locals are of that moment, too */
	unsigned outcome; /* enum abi_outcome: OK, NO_FRAME, or what is missing */
	struct snapshot_frame *frames; /* leaf first */
	size_t frame_cnt;
};

struct snapshot {
	pid_t pid, inner_pid, ppid;
	uint64_t start_ns; /* CLOCK_BOOTTIME */
	char *command, *cgroup, *executable, *version;
	bool several_interps;
	bool list_unsure; /* threads came and went so quickly that some may be missing */
	bool gil_moved;	  /* threads were read as holders of the same GIL, each at its own moment */
	struct snapshot_thread *threads; /* the main thread first, then by age */
	size_t thread_cnt;
	struct task *native; /* threads without a Python state */
	size_t native_cnt;
	char **changed; /* sources that are newer than the process: their lines may have moved */
	size_t changed_cnt, changed_cap;
};

/*
 * 0, or negative errno, said to the user: -ESRCH (no such process, or it ended meanwhile), -ENOENT (no Python in
 * it), -ENODATA (a Python that cannot be read), -EPERM.
 */
int snapshot__take(struct interpreters *known, pid_t pid, const struct snapshot_options *o,
		   struct snapshot **out);
void snapshot__free(struct snapshot *s);
