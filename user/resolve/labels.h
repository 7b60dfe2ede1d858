/* SPDX-License-Identifier: MIT */
/*
 * What a process is in, as labels of the profile: its container, its pod, its unit, and its number in there; and what it calls
 * itself (`service`), or its pool's program (`program`).
 */
#pragma once
#include "user/profile/sink.h"
#include "user/target/processes.h"

/* Changes when more is known than was; 0: nothing is. */
uint32_t labels_revision(const struct process *p);
/* All that is known of the process whose id in the profile is `id`. */
void labels_send(struct profile_sink sink, uint32_t id, const struct process *p);
