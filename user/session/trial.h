/* A recording for the blink of an eye, of nothing: does it load, attach and tick here? */
#pragma once
#include "user/session/session.h"

struct trial {
	int err;             /* 0, or as session__open */
	char *said;          /* the messages of what failed, or warnings; lines */
	const char *variant; /* of the BPF object that was loaded, in plain words; NULL: none */
	uint64_t ticks, elapsed_ns;
	uint32_t cpus;
};

/* Only rate and scope of `o` matter; it keeps this CPU busy until the first tick, at most for a
 * second. */
void trial_run(const struct session_options *o, struct trial *t);
void trial_clear(struct trial *t);
