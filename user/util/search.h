/* SPDX-License-Identifier: MIT */
/* Sorted arrays of any kind of items. */
#pragma once
#include <stddef.h>

/* The first index `i` below `cnt` for which `holds` is true, as it then is for all behind it; `cnt`: for none. */
#define search_first(cnt, i, holds)                                                                                    \
	({                                                                                                             \
		size_t low_ = 0, high_ = (cnt);                                                                        \
		while (low_ < high_) {                                                                                 \
			size_t i = low_ + (high_ - low_) / 2;                                                          \
			if (holds)                                                                                     \
				high_ = i;                                                                             \
			else                                                                                           \
				low_ = i + 1;                                                                          \
		}                                                                                                      \
		low_;                                                                                                  \
	})
