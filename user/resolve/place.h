/* SPDX-License-Identifier: MIT */
/* Where a process is: its cgroup, and the container or unit that this is of. */
#pragma once
#include "bpf/abi.h"
#include "user/target/processes.h"

/* As of the record; /proc shows where it is by now, if it is. */
void place_set(struct processes *t, struct process *p, const struct abi_proc_rec *rec);
/*
 * Some processes are moved once they run, so it is looked at again, more and more rarely: true when it is elsewhere by then, or
 * more is known of where it is. `*budget` goes down with each look; at 0 it is for later.
 */
bool place_look_again(struct processes *t, struct process *p, unsigned *budget);
