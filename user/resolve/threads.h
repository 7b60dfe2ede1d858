/* Threads of a process image in the profile, with the best name that can be had for each. */
#pragma once
#include "user/profile/sink.h"
#include "user/target/processes.h"

struct threads {
	struct profile_sink sink;
	uint32_t cnt; /* ids given out */
	bool uncorrected; /* some ticks give no record (--gil): the sums would be wrong */
};

/* The profile's id of the thread a sample is from; described on first sight. */
uint32_t threads__id(struct threads *t, struct process *p, const struct abi_sample *s);
/*
 * What a sample stands for. A tick stands for one period, give or take what chance does; the scheduler
 * knows each thread's CPU time exactly, so every sample is corrected a little towards it, and the sums per
 * thread come out right.
 */
uint64_t threads__value(struct threads *t, struct process *p, const struct abi_sample *s);
/* Samples of this thread were lost: what they stood for is not to be given to its other ones. */
void threads__unsent(struct process *p, uint32_t tid, const struct abi_unsent *u);
/* Asks the live process for names that are not known yet, at most now and then. */
void threads__read_names(struct threads *t, struct process *p, uint64_t now_ns);
