/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Waits for the GIL: known by the address that a thread sleeps at, which is inside the GIL's own struct. */
#pragma once
#include "bpf/sample.bpf.h"

enum gil_wait {
	GIL_NO_WAIT,  /* something else */
	GIL_WANTED,   /* it wants to have it */
	GIL_GIVEN_UP, /* it gave it up on request, and waits for another one to take it */
	GIL_HELD,     /* the thread has it, while others want to, and waits for something else */
};

enum { GIL_TYPE_WAIT, GIL_TYPE_HELD };

/* The GIL of the interpreter that the thread state at hand (tstate_find()) is in; 0: there is none, or it is not known. */
u64 gil_find(struct walk *w, u64 runtime_addr);
/* Which wait for it is one at this futex? */
enum gil_wait gil_wait_of(struct walk *w, u64 gil, u64 futex);
/* The state of the thread that holds it; 0: nobody does. */
u64 gil_holder(struct walk *w, u64 gil);
/* For how long a thread waits before it asks the holder for it; 0: not known. */
u64 gil_interval_ns(struct walk *w, u64 gil);
/* The number, in its own PID namespace, of the thread whose state is at hand; 0: not known. */
u32 gil_thread_number(struct walk *w);

struct gil_look {
	struct abi_proc *p;
	u64 gil;
	enum gil_wait wait;
	u32 outcome; /* ABI_OK or ABI_NO_FRAME: of tstate_find() */
};
/* A sample of the current task begins in the scratch: its thread state and its GIL are at hand. False: it has none. */
bool gil_begin(struct scratch *s, const struct tick *t, struct gil_look *out);
/* The same; does it wait for the GIL, as it sleeps at this futex? */
bool gil_look(struct scratch *s, const struct tick *t, u64 futex, struct gil_look *out);

/* Threads of a process that want to have that GIL, the current one left out. */
s32 gil_waiting(u32 tgid, u64 gil);
/* So many more do. */
void gil_count(u32 tgid, u64 gil, s32 more);
/* A sample of the GIL's with that outcome was sent, or should have been. */
void gil_sent(struct abi_sample *s, u32 outcome, bool dropped);
