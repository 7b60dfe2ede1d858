/* SPDX-License-Identifier: MIT */
/*
 * Files with the rights of the user who typed sudo: what is written for them, and read for them. A rule of sudo's for
 * this program alone must not be worth more than that.
 */
#pragma once
#include <stdbool.h>

/* Are we root for somebody else, who typed sudo? */
bool invoker_is_another(void);

/*
 * Until invoker_end() the file system sees us as that user, with their groups; pairs may nest. Nothing changes where
 * nobody else asked. Rights over processes are lost meanwhile, too.
 */
void invoker_begin(void);
void invoker_end(void);
/* " (with the rights of user 1000, who typed sudo)" for what failed last between the two; "" where nothing changed. */
const char *invoker_hint(void);
