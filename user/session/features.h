/* What the running kernel and our privileges allow. Asked cheaply before loading, in depth when it fails. */
#pragma once
#include <stdbool.h>

/* 0, or -EPERM with the missing capabilities named. */
int features_check_privileges(void);
/* Loading failed with `err` (negative errno): says why in plain words, as far as can be found out. */
int features_explain(int err);

struct feature {
	const char *name, *since; /* since: the version of Linux that brought it; "" a matter of configuration */
	const char *remedy;	  /* what to do where it is missing */
	bool needed;		  /* nothing works without it */
	bool present;
	bool tried; /* false: judged by the kernel's version, for want of rights to try */
	int err;    /* what the try said; 0 when it says nothing more */
};
/* Looks for each feature of the kernel that matters, one by one; a few hundred ms. */
void features_each(void (*fn)(void *ctx, const struct feature *f), void *ctx);
