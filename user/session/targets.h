/* SPDX-License-Identifier: MIT */
/*
 * The profiled processes: tells the kernel side what user space knows about processes and interpreters, at the
 * start about those that run already and later about those the kernel side asks about.
 */
#pragma once
#include "user/session/cgroups.h"
#include "user/session/session.h"

struct pybpfprof_bpf;
struct targets;

/* `boottime_ns`: the kernel side's CLOCK_BOOTTIME less ours, which starts in /proc have. */
struct targets *targets__new(struct pybpfprof_bpf *skel, const struct session_options *o, int64_t boottime_ns);
void targets__free(struct targets *t);
struct processes *targets__processes(const struct targets *t);
const struct interpreters *targets__interpreters(const struct targets *t);

/* Processes that run already. 0 or as session__open. */
int targets__find_all(struct targets *t, const struct cgroups *groups);
/* The kernel side met a process; looks for its interpreter when it does not know the program. */
void targets__look(struct targets *t, const struct abi_proc_rec *rec);
/* A process has begun to run a program that the kernel side does not know. */
void targets__look_at_program(struct targets *t, const struct abi_program_rec *rec);
/* Time passes: what looking into processes may cost until this is called again is limited. */
void targets__breathe(struct targets *t);
/* Called now and then: looks for what has come to be known of processes by now. */
void targets__tend(struct targets *t);
void targets__gone(struct targets *t, uint32_t image_id);
size_t targets__children_left_out(const struct targets *t);
uint64_t targets__children_cpu(const struct targets *t);
