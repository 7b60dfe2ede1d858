/* SPDX-License-Identifier: MIT */
/*
 * A made-up process for the walker: _PyRuntime, one thread with its state, frames and code objects,
 * laid out as a row of the version table says. Every object lies alone between holes, so a read
 * that leaves it fails as it would at the end of a mapping. It is built by the same table that
 * drives the walker; whether that table is right is for tests with real memory
 * (tests/live/test_host_walker.py).
 */
#pragma once
#include "tests/host/kernel.h"
#include "user/python/versions.h"
#include "user/symbol/arch.h"

struct world {
	struct image *m;
	const struct py_version *row;
	struct abi_py_layout l;
	u64 runtime, tstate;
	u64 thread; /* pthread_self() */
	u64 cframe; /* before it on the C stack is room for one more */
	u64 code_type, bytes_type, str_type;
	u64 globals; /* of the frames that are pushed: of a module "app" */
	u64 interp;
	u64 gil;  /* with GIL_SWITCH: its `enabled` … */
	u32 copy; /* … and with COPIES, which copy of their instructions pushed frames run */
	u64 leaf; /* current frame */
	u64 next; /* where the next object goes */
	u32 allocated;
	u64 chunk_next, chunk_end; /* of the data stack: where the next frame goes */
	u32 key;                   /* the interpreter's pthread key */
	u32 tss_key;               /* what the kernel side keeps of it between ticks */
	bool entered;              /* the next frame is the first of an invocation of the C evaluator */
	struct walk *w;
};

/* Whose C library worlds have that are made from now on; NULL: this program's. */
extern const struct arch *world_arch;

/*
 * A world with an idle interpreter; its thread's state is in the slot of `key`. Becomes
 * host.memory.
 */
struct world *world__new(const struct py_version *row, u32 key);
/* The same on another C library than glibc. */
struct world *world__new_on(const struct py_version *row, const struct arch_threads *libc, u32 key);
void world__free(struct world *p);

u64 world__thread_pointer(const struct world *p);
u64 world__alloc(struct world *p, size_t size);
u64 world__bytes(struct world *p, const void *data, size_t len);
u64 world__str(struct world *p, const char *ascii);

/* A dict of so many keys and values; keys that are all str's are kept in another way from 3.11 on. */
struct world_dict {
	const u64 (*entries)[2];
	u32 cnt, log2_size;
	bool any_keys;
};
u64 world__dict(struct world *p, const struct world_dict *d);
/* As that of a module: `__name__`, `__doc__`, `__package__`, … */
u64 world__module(struct world *p, u64 name, u64 package);

struct world_code {
	const char *name, *file;
	u32 first_line, version;
	u64 lines; /* a bytes object */
};
u64 world__code(struct world *p, const struct world_code *c);
/* A code object that differs from all others; `i` is in its name and its lines. */
u64 world__function(struct world *p, u32 i);

/* A thread's state that is in no slot. */
u64 world__tstate(struct world *p, u64 thread_id);
/* Puts a state into the slot of this key of the world's thread. */
void world__set_slot(struct world *p, u32 key, u64 tstate);
void world__set_key(struct world *p, bool initialised, u32 key);

/* C code calls Python: a shim, or a mark in the next frame, or nothing at all. */
void world__enter(struct world *p);
enum world_owner { WORLD_THREAD, WORLD_GENERATOR };
/* A new current frame, called by the one before. */
u64 world__push(struct world *p, u64 code, s32 lasti, enum world_owner owner);
/* The same as a compiler of Python pushes it, on this line: C code calls C code. */
u64 world__push_compiled(struct world *p, u64 code, s32 line);
/* Two functions that call each other, `depth` frames; the leaf is of `codes[(depth - 1) % 2]`. */
void world__recurse(struct world *p, const u64 codes[2], u32 depth);
void world__set_lasti(struct world *p, u64 frame, u64 code, s32 lasti);
void world__set_leaf(struct world *p, u64 frame);
void world__set_prev(struct world *p, u64 frame, u64 prev);

/* The GIL is held by the world's thread, or by another one. */
void world__hold_gil(struct world *p, bool held);
/* With GIL_SWITCH: there is a GIL at all; so it is at first. */
void world__switch_gil(struct world *p, bool on);
/* With COPIES: where copy `index` of a code object's instructions begins; made at first use. */
u64 world__copy_of(struct world *p, u64 code, u32 index);

/* One tick, as bpf/sample.bpf.c does it: state, then frames. The outcome. */
u32 world__tick(struct world *p);
/* Invariants of any tick, whatever was in memory; ends the program when one does not hold. */
void world__check(const struct world *p, u32 outcome);
