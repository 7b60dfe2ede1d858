/* Threads of a process image in the profile, with the best name that can be had for each. */
#pragma once
#include "user/os/memory.h"
#include "user/profile/sink.h"
#include "user/target/processes.h"

struct threads {
	struct profile_sink sink;
	const struct processes *processes;
	uint32_t cnt; /* ids given out */
	uint32_t readings;
	uint64_t rest_until_ns, last_took_ns;
	struct memory memory; /* of the process whose names are being read */
};

void threads__clear(struct threads *t);

/* The profile's id of the thread a sample is from; described on first sight. */
uint32_t threads__id(struct threads *t, struct process *p, const struct abi_sample *s);
/*
 * Asks the live process for names that are not known yet, and now and then for all of them, since threads are renamed.
 * `last`: as sampling ends. False when it was not asked.
 */
bool threads__read_names(struct threads *t, struct process *p, uint64_t now_ns, bool last);
