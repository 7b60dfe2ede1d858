/* SPDX-License-Identifier: MIT */
/* The text of /proc/PID/stat, of which a thread has one, too. */
#pragma once
#include <stdint.h>

/* The field of that number in proc(5), from 3 (the state) on; NULL: there is none. `text` may be NULL. */
const char *stat_field(const char *text, int number);
/* As a number; 0: there is none. */
uint64_t stat_number(const char *text, int number);
