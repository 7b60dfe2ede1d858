/* The chosen cgroups: the way to each of them as the kernel side follows it, and what became of them. */
#pragma once
#include "user/session/session.h"

struct cgroups;
struct cpu_source;
struct pybpfprof_bpf;

/* Finds them; those that lie in another one that was given are left out. 0 or as cgroup_find(); legal on NULL to free. */
int cgroups__find(const struct session_options *o, struct cgroups **out);
void cgroups__free(struct cgroups *c);
/* The first so many of `dirs` (ABI_MAX_CGROUPS) are their directories. */
size_t cgroups__dirs(const struct cgroups *c, const char **dirs);
/* From now on the kernel side knows who is in them. 0 or negative errno (said). */
int cgroups__watch(struct cgroups *c, struct pybpfprof_bpf *skel);
/* What was made anew gets its timers, when it has its own. `now_ns`: of the kernel side's clock. */
void cgroups__tend(struct cgroups *c, const struct pybpfprof_bpf *skel, struct cpu_source *cpu, uint64_t now_ns);
/* Is one of them there? */
bool cgroups__are_there(const struct cgroups *c);
/* How often one of them was made anew. */
uint64_t cgroups__made(const struct cgroups *c);
