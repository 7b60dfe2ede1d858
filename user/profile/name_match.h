/* SPDX-License-Identifier: MIT */
/*
 * Functions found by what users type: the exact name, else a part of one, else a regular
 * expression. The first way that finds anything counts, and is named in the output.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct name_candidate {
	const char *module, *name, *file; /* "" for none */
};

struct name_match {
	const char *how; /* for people: "is the name of", "is part of"; NULL: nothing found */
	size_t *hits;    /* indices of candidates, in their order */
	size_t cnt;
};

/*
 * `/…/` is always a regular expression; 0, or -EINVAL when it is none (`*why` is the caller's to
 * free). Finding nothing is no error.
 */
int name_match__find(struct name_match *m, const char *typed, const struct name_candidate *all, size_t cnt, char **why);
void name_match__free(struct name_match *m);

/* The name that is most like what was typed; NULL when none is. */
const char *name_match__near(const char *typed, const struct name_candidate *all, size_t cnt);
