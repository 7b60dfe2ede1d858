/* SPDX-License-Identifier: MIT */
/*
 * Ticks that gave no sample, in the words of every output: "lost", no record came of them; "failed", the thread was looked at
 * and there is no stack; both together "lost or failed". What runs no Python is neither. What is "truncated" is a sample.
 */
#pragma once
#include "user/profile/profile.h"

struct loss_sums {
	uint64_t lost, failed;
};
struct loss_sums loss_sums(const struct profile *p);
/* Of ticks with values of one type. */
struct loss_sums loss_sums_of_type(const struct profile *p, uint32_t type);
/* Lost or failed. */
uint64_t loss_total(const struct profile *p);

/* Of one: "lost", "failed", "without Python". */
const char *loss_word(const struct profile_loss *l);
/* "3 lost, 12 failed". The caller frees, here and below. */
char *loss_sums_text(const struct loss_sums *s);
/*
 * One clean line for subtitles: "no samples lost or failed" or "10 lost, 2 failed (10 ring full, 2 fault frame)", then
 * ", 3 truncated" and ", recording incomplete" where they apply.
 */
char *loss_text(const struct profile *p);
