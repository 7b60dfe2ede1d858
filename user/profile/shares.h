/* What each thread or process accounts for. */
#pragma once
#include "user/profile/view.h"

struct share {
	uint32_t id; /* of the thread or process */
	uint64_t samples, value_ns, gil_ns;
	uint64_t failed; /* lost and failed ticks, of processes only */
};

/* Those that have samples or failures, the largest CPU time first; the caller frees. */
struct share *shares_of(const struct view *v, const struct profile *p, bool threads, size_t *cnt);
