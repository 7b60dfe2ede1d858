/* SPDX-License-Identifier: MIT */
/* The chosen cgroups: the way to each of them as the kernel side follows it, and what became of them. */
#pragma once
#include "user/session/session.h"

struct cgroups;
struct events;
struct pybpfprof_bpf;

/*
 * Finds them, also those of containers; those that lie in another one that was given are left out. 0 or as cgroup_find();
 * legal on NULL to free.
 */
int cgroups__find(const struct session_options *o, struct cgroups **out);
/*
 * How the kernel numbers the hierarchy that they are of; `types` as variant_open() has it. 0 or negative errno (said). Then the
 * knobs, before loading.
 */
int cgroups__resolve(struct cgroups *c, const char *types);
void cgroups__configure(const struct cgroups *c, struct pybpfprof_bpf *skel);
void cgroups__free(struct cgroups *c);
/* The first so many of `dirs` (ABI_MAX_CGROUPS) are their directories. */
size_t cgroups__dirs(const struct cgroups *c, const char **dirs);
/* From now on the kernel side knows who is in them. 0 or negative errno (said). */
int cgroups__watch(struct cgroups *c, struct pybpfprof_bpf *skel);
/*
 * Sources that run only with the cgroups sample those that were made anew; containers that were started again are
 * found in their new ones. `now_ns`: of the kernel side's clock.
 */
void cgroups__tend(struct cgroups *c, struct pybpfprof_bpf *skel, struct events *e, uint64_t now_ns);
/* Becomes readable when it is time to tend them; -1: it never is, but for records. */
int cgroups__fd(const struct cgroups *c);
/* Is one of them there? */
bool cgroups__are_there(const struct cgroups *c);
/* How often one of them was made anew. */
uint64_t cgroups__made(const struct cgroups *c);
