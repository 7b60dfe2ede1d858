/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * A cgroup is chosen by its path: a service that is started again runs in another one of the same name. The
 * tracepoints come before mkdir returns, so no process can be in the new one before it is known here.
 */
#include "bpf/cgroups.bpf.h"
#include "bpf/record.bpf.h"

#define MAX_LEVELS 64 /* deeper than any hierarchy */

/* The current task's cgroup in the hierarchy of the chosen ones. */
static __always_inline struct cgroup *own_cgroup(void)
{
	struct css_set *set = BPF_CORE_READ(current_task(), cgroups);
	struct cgroup_subsys_state *css = NULL;
	u32 subsys = cfg_cgroup_subsys - 1;

	if (!cfg_cgroup_subsys)
		return BPF_CORE_READ(set, dfl_cgrp);
	bpf_core_read(&css, sizeof(css), &set->subsys[subsys]);
	return BPF_CORE_READ(css, cgroup);
}

/* The id of its ancestor so far below the root; 0: there is none. */
static __always_inline u64 ancestor_id(struct cgroup *here, int level)
{
	struct cgroup___before_6_1 *before = (void *)here;
	struct cgroup *ancestor = NULL;
	u64 id = 0;

	if (HAS_ANCESTOR_ID && !cfg_cgroup_subsys)
		return bpf_get_current_ancestor_cgroup_id(level);
	if (level > BPF_CORE_READ(here, level))
		return 0;
	if (bpf_core_field_exists(before->ancestor_ids)) {
		bpf_core_read(&id, sizeof(id), &before->ancestor_ids[level]);
		return id;
	}
	bpf_core_read(&ancestor, sizeof(ancestor), &here->ancestors[level]);
	return BPF_CORE_READ(ancestor, kn, id);
}

/*
 * From the hierarchy's root down: user space cannot say at which level a cgroup lies, because in a cgroup namespace it sees
 * another root. The way to the chosen cgroups has no gaps, so the first ancestor that is off it ends the search.
 */
__hidden u32 cgroups_hold_current(void)
{
	struct cgroup *here = own_cgroup();
	bool on_way = false;

	for (u32 level = 0; level < MAX_LEVELS; level++) {
		u64 id = ancestor_id(here, level);
		struct abi_cgroup_node *n = id ? bpf_map_lookup_elem(&cgroups, &id) : NULL;

		if (n && n->chosen)
			return 1;
		if (!id || (on_way && !n))
			break;
		on_way = n != NULL;
	}
	return 0;
}

/* Ids of other hierarchies are others. */
static __always_inline bool is_of_hierarchy(struct cgroup *cgrp)
{
	return BPF_CORE_READ(cgrp, root, hierarchy_id) == cfg_hierarchy;
}

static __always_inline void emit_made(u32 chosen)
{
	u32 i = chosen - 1;
	struct abi_hdr wake;

	opaque(i);
	if (i >= ABI_MAX_CGROUPS)
		return;
	record_header(&wake, ABI_REC_WAKE, sizeof(wake));
	cgroups_made_ns[i] = wake.time_ns;
	cgroups_made[i]++; /* under the kernel's cgroup_mutex */
	bpf_ringbuf_output(&events, &wake, sizeof(wake), BPF_RB_FORCE_WAKEUP);
}

/* It may be a chosen container's, which is known by a name that only user space can find. */
static __always_inline void emit_new(void)
{
	struct abi_hdr wake;

	if (!cfg_follow_names)
		return;
	cgroups_new++;
	record_header(&wake, ABI_REC_WAKE, sizeof(wake));
	bpf_ringbuf_output(&events, &wake, sizeof(wake), BPF_RB_FORCE_WAKEUP);
}

static struct abi_cgroup_rec made; /* under the kernel's cgroup_mutex, and too large for the stack */

/* Before there is a process in it. */
static __always_inline void tell(struct cgroup *cgrp, const char *path)
{
	u32 size = offsetof(struct abi_cgroup_rec, path);
	long len;

	if (!cfg_tell_cgroups || BPF_CORE_READ(cgrp, root, hierarchy_id))
		return;
	len = bpf_probe_read_kernel_str(made.path, sizeof(made.path), path);
	if (len < 2)
		return;
	size += (u32)len;
	opaque(size);
	if (size > sizeof(made))
		return;
	record_header(&made.hdr, ABI_REC_CGROUP, size);
	made.cgroup_id = BPF_CORE_READ(cgrp, kn, id);
	made.path_bytes = (u32)len;
	bpf_ringbuf_output(&events, &made, size, BPF_RB_NO_WAKEUP);
}

SEC_TRACEPOINT("cgroup_mkdir")
int BPF_PROG(cgroups_mkdir, struct cgroup *cgrp, const char *path)
{
	u64 parent_id = BPF_CORE_READ(cgrp, self.parent, cgroup, kn, id), id = BPF_CORE_READ(cgrp, kn, id);
	struct abi_cgroup_node *parent, *here;
	struct abi_cgroup_step step = {};

	tell(cgrp, path);
	if (!is_of_hierarchy(cgrp))
		return 0;
	emit_new();
	parent = bpf_map_lookup_elem(&cgroups, &parent_id);
	if (!parent)
		return 0;
	step.node = parent->node;
	bpf_probe_read_kernel_str(step.name, sizeof(step.name), BPF_CORE_READ(cgrp, kn, name));
	here = bpf_map_lookup_elem(&cgroup_steps, &step);
	if (!here)
		return 0;
	bpf_map_update_elem(&cgroups, &id, here, BPF_ANY);
	if (here->chosen)
		emit_made(here->chosen);
	return 0;
}

SEC_TRACEPOINT("cgroup_rmdir")
int BPF_PROG(cgroups_rmdir, struct cgroup *cgrp, const char *path)
{
	u64 id = BPF_CORE_READ(cgrp, kn, id);

	if (is_of_hierarchy(cgrp))
		bpf_map_delete_elem(&cgroups, &id);
	return 0;
}
