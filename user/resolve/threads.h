/* Threads of a process image in the profile, with the best name that can be had for each. */
#pragma once
#include "user/profile/sink.h"
#include "user/target/processes.h"

struct threads {
	struct profile_sink sink;
	uint32_t cnt; /* ids given out */
};

/* The profile's id of the thread a sample is from; described on first sight. */
uint32_t threads__id(struct threads *t, struct process *p, const struct abi_sample *s);
/* Asks the live process for names that are not known yet, at most now and then. */
void threads__read_names(struct threads *t, struct process *p, uint64_t now_ns);
