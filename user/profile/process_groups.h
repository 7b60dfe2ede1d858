/* SPDX-License-Identifier: MIT */
/*
 * Processes by what they are in, as their labels say: a container, else a unit of systemd, else neither. A container that
 * was started again under its name is the same one. Or by what they run: a pool of equal workers is one program.
 */
#pragma once
#include "user/profile/view.h"

struct process_groups;

/* Of a profile as it is now, which may be one that grows (profile_builder__peek). */
struct process_groups *process_groups__new(const struct profile *p);
/* By their programs (program_title.h); the number of processes in a text is of those that have samples in the view. */
struct process_groups *process_groups__programs(const struct view *v, const struct profile *p);
void process_groups__free(struct process_groups *g);
/* Groups are 1..cnt, in the order of their first processes. */
uint32_t process_groups__cnt(const struct process_groups *g);
uint32_t process_groups__of(const struct process_groups *g, uint32_t process);
/* "web", "shop/web-7d4b9/app", "nginx.service", "no container"; "gunicorn app:app (8 processes)". */
const char *process_groups__text(const struct process_groups *g, uint32_t group);
/* The first process of a group stands for it. */
uint32_t process_groups__first(const struct process_groups *g, uint32_t group);
/* Several, of which at least one is a container or a unit; of programs: one that several processes run. */
bool process_groups__tell(const struct process_groups *g);
/* That of a process, as the name of a root: "container web", "unit nginx.service", "no container"; of a program its text. Caller frees. */
char *process_groups__root(const struct process_groups *g, uint32_t process);
/* The text of the group that a process is in, without groups: looks through all labels. Caller frees. */
char *process_group_text(const struct profile *p, uint32_t process);
