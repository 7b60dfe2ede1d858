/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Walks whose memory is not there: swapped out, or never touched since a fork. */
#pragma once
#include "bpf/maps.bpf.h"

/*
 * Has the sampled task read what is missing, walk again and send the sample, before it returns to user mode. 0 when it
 * will; else the caller has to make do with what it has, as it must where there is no task work.
 */
int cold_schedule(struct walk *w, u64 mm, u32 outcome);
