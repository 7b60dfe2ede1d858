/* SPDX-License-Identifier: MIT */
/* A short recording of ourselves, to see whether the programs load and attach and the timers tick. */
#pragma once
#include "user/session/session.h"

struct selftest {
	int err;             /* 0, or as session__open */
	char *said;          /* the messages of what failed, or warnings; lines. The caller frees */
	const char *variant; /* of the BPF object that was loaded, in plain words; NULL: none */
	uint64_t ticks, elapsed_ns;
	uint32_t cpus;
};

/* Only rate and scope of `o` matter; it keeps this CPU busy until the first tick, at most for a second. */
void selftest_run(const struct session_options *o, struct selftest *t);
