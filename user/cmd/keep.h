/* SPDX-License-Identifier: MIT */
/* --keep: which of the files that --rotate made stay. Only files with exactly the names that it gives are ever removed. */
#pragma once
#include "user/cmd/outputs.h"

struct keep {
	const struct outputs *outputs; /* as they were asked for, without times in their names */
	uint64_t ns, bytes;            /* either is 0: no limit of that kind */
	uint64_t file_cnt, file_bytes; /* that are there, as of the last look … */
	uint64_t removed;              /* … and were removed so far */
};

/* "24h", "2G"; 0, or -EINVAL with a sentence. */
int keep__parse(struct keep *k, const char *text, const char **why);
/* Removes what is too old, and then the oldest while there is too much. */
void keep__look(struct keep *k);
