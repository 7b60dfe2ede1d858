/* SPDX-License-Identifier: MIT */
/* The capabilities of this process. */
#pragma once
#include <stdbool.h>

/*
 * The capabilities sampling needs and this process lacks, as a list for people: "CAP_BPF, CAP_PERFMON";
 * NULL when nothing is missing. Caller frees.
 */
char *caps_missing(void);

struct cap_fact {
	const char *name, *purpose; /* purpose: what it is needed for */
	bool present, needed;       /* needed: nothing works without it */
	bool by_admin;              /* present because CAP_SYS_ADMIN stands for it */
};
/* Calls `fn` for each capability that matters here. */
void caps_each(void (*fn)(void *ctx, const struct cap_fact *f), void *ctx);
/* "none", "integrity" or "confidentiality"; NULL when this kernel has no lockdown. Caller frees. */
char *caps_lockdown(void);
/* Is the kernel locked down so that BPF may not read memory? ("confidentiality") */
bool caps_lockdown_confidentiality(void);
