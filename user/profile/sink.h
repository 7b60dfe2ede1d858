/* SPDX-License-Identifier: MIT */
/*
 * The stream of facts a recording consists of. Producers (the resolver of a live session, the reader
 * of a recording, the reader of our JSON) call a sink; consumers (the writer of a recording, the
 * builder of `struct profile`) implement one. Ids are dense from 1 per kind (value types: from 0), defined
 * before they are referred to, and 0 means "none". Texts are UTF-8; consumers that keep them clean them (util/text.h).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum profile_unit { PROFILE_NANOSECONDS, PROFILE_BYTES, PROFILE_COUNT, PROFILE_UNITS };

#define PROFILE_MAX_TYPES 16

/*
 * A type of values. Ids are dense from 0; the first type is the one that is shown unless another is asked for. A
 * stream that announces none has values of profile_cpu_type alone (user/profile/value_type.h).
 */
struct profile_value_type {
	uint32_t id;
	const char *name;     /* one word, for --type and for other programs: "cpu" */
	const char *label;    /* beside numbers: "1.20 CPU seconds", "3.40 MiB allocated", "12 page faults" */
	const char *sentence; /* what it is, in a sentence: "share of the CPU time" */
	enum profile_unit unit;
};

/* The kind of a function; apart from its origin. */
enum profile_kind {
	PROFILE_PYTHON,
	PROFILE_NATIVE, /* of a program or a shared object */
	PROFILE_KERNEL,
	PROFILE_INLINED,   /* native, without a frame of its own: it is part of the frame below it on the stack */
	PROFILE_SYNTHETIC, /* no function: [truncated …], [unknown …] */
	PROFILE_KINDS
};

/* The origin of a function, by the path of its file. */
enum profile_origin {
	PROFILE_USER,   /* anything not below */
	PROFILE_STDLIB, /* the interpreter's own library, and frozen modules */
	PROFILE_SITE,   /* site-packages, dist-packages */
	PROFILE_OBJECT, /* the shared object that `module` names, of native functions */
	PROFILE_ORIGINS
};

/* Settings and circumstances; sent first, and again (last wins) when the recording ends. */
struct profile_meta {
	const char *tool;    /* "pybpfprof 0.1.0" */
	const char *command; /* the profiler's own command line */
	const char *target;  /* what was profiled, for titles: "cgroup /x", "pid 42" */
	const char *host, *kernel;
	uint64_t start_unix_ns;   /* wall clock of the start */
	uint64_t duration_ns;     /* 0 until it ends */
	double rate_hz;           /* asked for: samples per second and CPU; 0: there was no timer */
	double effective_rate_hz; /* achieved; 0 until it ends */
	uint32_t cpus;
	bool gil_only;     /* samples without the GIL were left out while recording */
	uint64_t ticks;    /* timer ticks = samples + all losses + filtered; 0 until it ends */
	uint64_t filtered; /* ticks in tasks that were not to be sampled */
	bool complete;     /* false: the recording was cut short */
};

/* Whether paths of a process's mean the same files as the profiler's. */
enum profile_root {
	PROFILE_ROOT_UNSAID, /* by what recorded it */
	PROFILE_ROOT_OWN,    /* the profiler's, too */
	PROFILE_ROOT_OTHER,  /* another one, or none that is known */
	PROFILE_ROOTS
};

struct profile_process {
	uint32_t id, pid, parent_pid;
	uint32_t image; /* the same in each segment of a session; not kept: user/profile/joiner.h */
	uint64_t start_unix_ns;
	uint64_t code_start_unix_ns; /* of the first process of its line of forks: its code may be as old; 0 unknown */
	enum profile_root root;
	const char *rights;      /* "UID GID GROUP…", by which it opened its files; "" unknown */
	const char *command;     /* argv joined by blanks */
	const char *python;      /* "3.12.1", "" when no interpreter was found */
	const char *interpreter; /* path of the file that holds the interpreter, "" when none */
	const char *cgroup;      /* v2 path, "" when unknown */
	uint64_t cpu_ns;         /* CPU time that it used meanwhile by the kernel's own clock: a check; 0 unknown */
};

struct profile_thread {
	uint32_t id, process, tid;
	uint64_t start_ns; /* with `interpreter` the same in each segment of a session; not kept either */
	uint32_t interpreter;
	const char *name; /* Python's name for it, else the kernel's; a later record may improve it */
};

/* A key and its value of a process: container, pod, unit. A later value replaces an earlier one, "" removes it. */
struct profile_label {
	uint32_t process;
	const char *key, *value;
};

/*
 * What a process itself has of code without a file: a cell of a notebook, code that was made by a program. A later one
 * replaces an earlier one of the same process and file.
 */
struct profile_source {
	uint32_t process;
	const char *file;  /* as functions have it */
	const char *label; /* what people call it: "In [7]"; "" when that is the file's name */
	const char *text;  /* lines; "" when they are not known, or there were others under this name */
};

/* An asynchronous task, which runs on a thread in turns with others. */
struct profile_task {
	uint32_t id, process;
	uint32_t parent;       /* the one that awaits it; 0 none, or not known. Defined before this one */
	const char *name;      /* its own, or "Task-7" */
	const char *coroutine; /* of one that has no name of its own: what it runs; else "" */
};

struct profile_function {
	uint32_t id;
	const char *name;   /* qualified name (3.11+), else the name: as the code object says */
	const char *module; /* dotted, as importers name it; a shared object, a kernel module; "" when it has none */
	const char *file; /* whole path as the code object says; of native code that of its source, or of the object */
	const char *short_file; /* the part below its root: "json/decoder.py" */
	int32_t first_line;
	enum profile_origin origin;
	enum profile_kind kind;
};

struct profile_frame {
	uint32_t id, function;
	int32_t line; /* the line that was executing; 0 unknown */
};

/* A stack is its leaf frame on top of a parent stack (0: the leaf is the root). */
struct profile_stack {
	uint32_t id, parent, frame;
};

enum profile_gil { PROFILE_GIL_UNKNOWN, PROFILE_GIL_HELD, PROFILE_GIL_NOT_HELD, PROFILE_GIL_NONE /* nobody can */ };

struct profile_sample {
	uint64_t time_unix_ns;
	uint64_t value; /* what this sample stands for: time, bytes, a number */
	uint32_t thread, stack;
	uint32_t task; /* 0 none */
	uint16_t cpu;
	uint8_t type;      /* of the value */
	uint8_t gil;       /* enum profile_gil */
	uint8_t truncated; /* the root side of the stack is missing */
};

/*
 * Ticks that gave no sample, in a span of time. `process` 0: not known whose. `failure` false means that there was none to
 * be had (a process that is not Python, a tick outside the interpreter's life); user/profile/loss_words.h has the words.
 */
struct profile_loss {
	uint64_t from_unix_ns, to_unix_ns;
	const char *reason;   /* short stable word: "ring_full" */
	const char *sentence; /* for people */
	uint64_t count, value;
	uint32_t process;
	uint8_t type; /* of the value */
	bool failure;
	bool failed; /* of failures: the thread was looked at; else no record came of them, and they are lost */
};

struct profile_sink_ops {
	void (*meta)(void *ctx, const struct profile_meta *m);
	void (*process)(void *ctx, const struct profile_process *p);
	void (*thread)(void *ctx, const struct profile_thread *t);
	void (*function)(void *ctx, const struct profile_function *f);
	void (*frame)(void *ctx, const struct profile_frame *f);
	void (*stack)(void *ctx, const struct profile_stack *s);
	void (*sample)(void *ctx, const struct profile_sample *s);
	void (*loss)(void *ctx, const struct profile_loss *l);
	void (*value_type)(void *ctx, const struct profile_value_type *t);
	void (*task)(void *ctx, const struct profile_task *t);
	void (*label)(void *ctx, const struct profile_label *l);
	void (*source)(void *ctx, const struct profile_source *s);
};

struct profile_sink {
	const struct profile_sink_ops *ops;
	void *ctx;
};
