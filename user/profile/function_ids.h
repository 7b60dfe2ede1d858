/* SPDX-License-Identifier: MIT */
/*
 * Functions as other programs know them: by file, first line and name. The profile has a function
 * per code object, so what several processes (or reloads of a module) have alike is several
 * functions there; here it is one function_id, numbered from 1 in the order in which samples are first
 * seen in it.
 */
#pragma once
#include "user/profile/view.h"

struct function_ids {
	uint32_t *of_function; /* function_id by function; 0: no samples in this view */
	uint32_t *function;    /* by function_id: the first function it stands for */
	uint32_t cnt;
};

struct function_ids *function_ids__new(const struct view *v, const struct profile *p);
void function_ids__free(struct function_ids *s);
