/* SPDX-License-Identifier: MIT */
/*
 * Why it is slow: where the wall time of threads went that had something to do. Time on a CPU is told by what ran there,
 * other time by what it was waited for. Idle waits are left out, and said to be.
 */
#pragma once
#include "user/profile/view.h"

enum why_part {
	WHY_PYTHON, /* bytecode, and the interpreter's own C */
	WHY_NATIVE, /* by shared object */
	WHY_KERNEL,
	WHY_GIL,       /* waiting for it, by its holder */
	WHY_BLOCKED,   /* by cause */
	WHY_SCHEDULER, /* not let run */
	WHY_COLLECTOR,
	WHY_PARTS
};

#define WHY_NAMED 3 /* of what a part is made of, the largest */

struct why_share {
	uint64_t value;
	char *name;
};

struct why {
	uint64_t all; /* the sum of `parts` */
	uint64_t parts[WHY_PARTS];
	unsigned percents[WHY_PARTS]; /* whole ones that add up to 100; all 0 where there is nothing */
	struct why_share named[WHY_PARTS][WHY_NAMED];
	uint64_t idle;    /* left out */
	uint32_t threads; /* that were not idle throughout */
	bool has_waits;   /* else it is of the CPU time alone */
	bool has_native;  /* native or kernel frames were recorded */
};

/* `values`: by bucket, instead of their own; NULL: those. */
void why_find(const struct profile *p, const uint64_t *values, struct why *out);
void why_free(struct why *w);
/*
 * A sentence or two; NULL where there is nothing to say but that Python was on a CPU, as of a recording of CPU time without native
 * frames. Caller frees.
 */
char *why_text(const struct profile *p);
/* "38 % Python · 40 % blocked (20 % socket read 5432) · …", with the names of so many in brackets; "" of nothing. Caller frees. */
char *why_line(const struct why *w, unsigned names);
/* "python": of a part, for scripts. */
const char *why_key(enum why_part part);
