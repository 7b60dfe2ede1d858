/* SPDX-License-Identifier: MIT */
/* What a profile amounts to in its first type. */
#pragma once
#include "user/profile/view.h"

static inline uint64_t whole_value(const struct profile *p)
{
	const struct view v = {0};

	return view__sum(&v, p).value;
}
