/* SPDX-License-Identifier: MIT */
/* The table of sources, made of the list that both sides have. */
#include "user/source/source.h"

const struct source *const sources[ABI_SOURCE_CNT + 1] = {
#define X(NAME, name) [ABI_SOURCE_##NAME] = &source_##name,
	ABI_SOURCES(X)
#undef X
};

const struct source *const wall_sources[] = {&source_cpu, &source_offcpu, &source_gil, NULL};
