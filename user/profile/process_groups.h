/*
 * Processes by what they are in, as their labels say: a container, else a unit of systemd, else neither. A container that
 * was started again under its name is the same one.
 */
#pragma once
#include "user/profile/profile.h"

struct process_groups;

/* Of a profile as it is now, which may be one that grows (profile_builder__peek). */
struct process_groups *process_groups__new(const struct profile *p);
void process_groups__free(struct process_groups *g);
/* Groups are 1..cnt, in the order of their first processes. */
uint32_t process_groups__cnt(const struct process_groups *g);
uint32_t process_groups__of(const struct process_groups *g, uint32_t process);
/* "web", "shop/web-7d4b9/app", "nginx.service", "no container". */
const char *process_groups__text(const struct process_groups *g, uint32_t group);
/* The first process of a group stands for it. */
uint32_t process_groups__first(const struct process_groups *g, uint32_t group);
/* Several, of which at least one is a container or a unit. */
bool process_groups__tell(const struct process_groups *g);
/* That of a process, as the name of a root: "container web", "unit nginx.service", "no container". Caller frees. */
char *process_groups__root(const struct process_groups *g, uint32_t process);
/* The text of the group that a process is in, without groups: looks through all labels. Caller frees. */
char *process_group_text(const struct profile *p, uint32_t process);
