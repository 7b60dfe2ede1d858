/* SPDX-License-Identifier: MIT */
/* The parts of a profile beside its tables; of builder.c, profile.c and restack.c only. */
#pragma once
#include "user/profile/profile.h"
#include "user/util/intern.h"

struct owned {
	struct profile p; /* first: the public pointer is a pointer to this */
	struct intern *texts;
	uint32_t *first_frames; /* by function */
	size_t max_depth;
};
