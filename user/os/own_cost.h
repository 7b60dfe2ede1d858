/* SPDX-License-Identifier: MIT */
/* What this program itself takes of the machine. */
#pragma once
#include <stdint.h>

struct own_cost {
	uint64_t user_ns,
		system_ns; /* of all its threads, and of its children, those that live too; never less than before */
	uint64_t rss_bytes, peak_rss_bytes; /* of this process */
};

void own_cost_read(struct own_cost *out);
