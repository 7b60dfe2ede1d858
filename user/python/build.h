/* SPDX-License-Identifier: MIT */
/*
 * One interpreter build: is this file a CPython, which version, and how is its memory laid out? All
 * facts come from the file itself; nothing runs. Versions are rows of a table (versions.c); from 3.13
 * on the build's own _Py_DebugOffsets (debug_offsets.c), validated. Never a nearest-version guess.
 */
#pragma once
#include "bpf/abi.h"
#include "user/symbol/elf.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum line_table_kind { LINE_TABLE_LNOTAB, LINE_TABLE_310, LINE_TABLE_LOCATIONS };

/* How an instance of a Python class keeps its attributes. */
enum py_attributes {
	PY_ATTRIBUTES_IN_DICT,           /* in a dict that the object points to at tp_dictoffset */
	PY_ATTRIBUTES_TWO_WORDS,         /* two words before the object point to values, and to a dict */
	PY_ATTRIBUTES_TAGGED_WORD,       /* one word before it; its low bit tells which */
	PY_ATTRIBUTES_INLINE,            /* in the object while they are valid, else a dict as before … */
	PY_ATTRIBUTES_INLINE_NO_GC_HEAD, /* … but right before it */
};

/* Offsets that only user space needs, to read all threads, their names and locals; from the object's start. */
struct py_objects {
	int32_t runtime_interp_head;
	uint32_t interp_next, interp_modules, interp_threads_head;
	uint32_t interp_id; /* 0: they have none, nor does anything name the main one: it is the last of the list */
	uint32_t tstate_next, tstate_interp;
	uint32_t tstate_bytes;                     /* sizeof(PyThreadState), behind which more is; 0: not known */
	uint32_t tstate_native_id;                 /* 0: only the C library knows the thread's number */
	uint32_t runtime_gil;                      /* the struct itself; 0: … */
	uint32_t interp_gil;                       /* … a pointer to it in each interpreter; 0 too: not known */
	uint16_t gil_holder, gil_cond, gil_switch; /* in it, on x86-64; 0: not known */
	uint32_t runtime_gc;                       /* the collector's struct: in _PyRuntime; 0: … */
	uint32_t interp_gc;                        /* … in each interpreter; 0 too: not known */
	uint32_t gc_collecting, gc_frame; /* in it: s32; address of the frame that it runs above, 0: no such member */
	enum py_attributes attributes;
	bool int_tagged;       /* an int has the number of its digits in lv_tag >> 3, else in ob_size */
	uint8_t values_valid;  /* with INLINE: u8 in the values */
	uint16_t values_first; /* the first of the values beside shared keys */
	uint16_t type_qualname, type_cached_keys, function_qualname;
	/* Variables: names and kinds in the code object, the names of a class's body in a dict of the frame */
	uint16_t code_argcount, code_kwonlyargcount, code_flags;
	uint16_t code_variables;        /* tuple of names: of locals, or of all … */
	uint16_t code_cells, code_free; /* … else of the other two; 0: … */
	uint16_t code_kinds;            /* … there are bytes of kinds */
	uint16_t frame_namespace;
	uint16_t tuple_items; /* PyTupleObject.ob_item */
};

/* How far the stack of values of a frame reaches that is not running. */
enum py_stack_top {
	PY_STACK_POINTER, /* a pointer behind the last value; 0 while it runs */
	PY_STACK_DEPTH,   /* an int of values; behind a pointer to the first */
	PY_STACK_COUNT,   /* an int of locals and values */
};

/*
 * Tasks, futures and coroutines; offsets from the object's start as default builds have them (objects_common.h), those of
 * frames as they are.
 */
struct py_asyncio {
	uint8_t minor;
	uint8_t task_bytes; /* sizeof(TaskObj) */
	uint8_t future_state, task_waiter, task_coro, task_name;
	uint8_t awaited_by, awaited_by_is_set, task_node; /* 0: there are none */
	uint8_t thread_dict;             /* struct _ts.dict, which has the running loop; 0: it has not */
	bool loop_holder;                /* … in an object of its own */
	uint8_t generator_frame;         /* … which is in the generator, or: */
	uint8_t generator_state;         /* 0: it is a pointer to one */
	int8_t not_started;              /* of states: … */
	int8_t awaits, awaits_last;      /* … it waits in an await, or in any yield: … */
	int8_t running;                  /* … no frame any more beyond this one */
	uint8_t await_opcode, await_arg; /* what its next instruction is then; 0: the state tells */
	uint8_t code_bytes;              /* PyCodeObject.co_code, where the code is not in the object */
	enum py_stack_top stack_top;
	uint8_t frame_top, frame_values;
	uint8_t values_above; /* … what is awaited there */
	uint8_t function_closure;
};

/* Where _PyThreadStateImpl and the interpreter have what asyncio keeps there, as the module itself says. */
struct py_asyncio_debug {
	uint16_t task_bytes, task_name, awaited_by, is_task, awaited_by_is_set, task_coro, task_node;
	uint32_t interp_tasks, thread_loop, thread_task, thread_tasks;
};

/* Why a build cannot be walked; `why_not` says it in words. */
enum py_refusal {
	PY_NOT_REFUSED,
	PY_UNKNOWN_VERSION,
	PY_OTHER_VERSION,
	PY_PRE_RELEASE,
	PY_DEBUG_BUILD,
	PY_OTHER_PROCESSOR,
	PY_OTHER_LIBC,
	PY_UNKNOWN_LAYOUT,
	PY_OTHER_PYTHON, /* PyPy */
};

#define PY_BUILD_PARTS 8

struct py_build {
	uint32_t version_hex; /* PY_VERSION_HEX; 0 unknown */
	char version[32];     /* "3.12.1", as good as can be known ("3.8" when the patch is not); "3.13.5t" */
	bool supported;
	bool newer; /* than the version table: it looks as the newest there does, in all that its file shows */
	enum py_refusal refusal;
	char why_not[160];                     /* plain words when not: "PyPy is not supported, only CPython is" */
	uint64_t runtime_vaddr;                /* _PyRuntime as linked; 3.6: _PyThreadState_Current */
	struct elf_part parts[PY_BUILD_PARTS]; /* of the file, as it is loaded */
	size_t part_cnt;
	enum line_table_kind lines;
	struct abi_py_layout layout;
	struct py_objects objects;
	const struct py_asyncio *asyncio;      /* NULL: not known */
	struct py_asyncio_debug asyncio_debug; /* task_bytes 0: asyncio is in a file of its own, if it says anything */
	/* In the C library's struct pthread: the thread's number in its own pid namespace; 0: not known */
	uint32_t pthread_tid;
	/* In its condition variables, and in what a thread has on its stack while it waits on one (user/symbol/arch.h) */
	uint16_t cond_first, waiter_next, waiter_futex;
};

/*
 * 0: `out` describes the interpreter in this file (look at `supported`). -ENOENT: the file holds no
 * interpreter. `path` is used in messages, and for the version only where the file itself has none.
 */
int py_build_identify(int fd, const char *path, struct py_build *out);

struct arch_threads;

/* Takes what a C library keeps of its threads into the build. */
void py_build_threads(const struct arch_threads *libc, struct py_build *build);

/* The same from the C library's file. -ENOENT when it is none that is known here; nothing has been taken then. */
int py_build_tls_from_libc(int fd, struct py_build *build);
/* The same from a program with an interpreter in it, if it is linked statically. */
int py_build_tls_from_program(int fd, struct py_build *build);
