/* SPDX-License-Identifier: MIT */
/*
 * The kernel features that we use, as one table: for `check`, and for the message when loading failed. docs/requirements.md
 * has the same list (scripts/check-features.sh).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct feature {
	const char *name;
	const char *since;  /* the version of Linux that brought it; "": a matter of configuration */
	const char *lost;   /* without it; NULL: all, it is needed */
	const char *remedy; /* what to do where it is missing; NULL: a newer kernel, if it is needed */
	int (*probe)(void); /* 1 there, 0 not there, negative errno: could not be tried */
};

const struct feature *features(size_t *cnt);
/* Below this one needed thing is missing: "5.10". */
const char *features_oldest(void);

struct feature_look {
	bool present;
	bool tried; /* false: judged by the kernel's version, for want of rights to try */
	int err;    /* what the try said; 0 when it says nothing more */
};
/* Some of these take a few hundred ms. */
struct feature_look feature_look(const struct feature *f);

/* 0, or -EPERM with the missing capabilities named. */
int features_check_privileges(void);
/* Loading failed with `err` (negative errno): says why in plain words, as far as can be found out. */
int features_explain(int err);
