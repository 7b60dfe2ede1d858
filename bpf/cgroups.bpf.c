/*
 * A cgroup is chosen by its path: a service that is started again runs in another one of the same name. The
 * tracepoints come before mkdir returns, so no process can be in the new one before it is known here.
 */
#include "bpf/cgroups.bpf.h"
#include "bpf/record.bpf.h"

#define MAX_LEVELS 64 /* deeper than any hierarchy */

/*
 * By ids, from the hierarchy's root down: how deep a cgroup lies is for the kernel to know, whose root need not be the one
 * that user space sees. What leads to the chosen ones lies in one piece, so the first that is off it ends the search.
 */
__hidden u32 cgroups_hold_current(void)
{
	bool on_way = false;

	for (u32 level = 0; level < MAX_LEVELS; level++) {
		u64 id = bpf_get_current_ancestor_cgroup_id(level);
		struct abi_cgroup_node *n = id ? bpf_map_lookup_elem(&cgroups, &id) : NULL;

		if (n && n->chosen)
			return 1;
		if (!id || (on_way && !n))
			break;
		on_way = n != NULL;
	}
	return 0;
}

/* Ids of version 1 hierarchies are others. */
static __always_inline bool is_version_2(struct cgroup *cgrp)
{
	return BPF_CORE_READ(cgrp, root, hierarchy_id) == 0;
}

static __always_inline void tell_made(u32 chosen)
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

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(cgroups_mkdir, struct cgroup *cgrp, const char *path)
{
	u64 parent_id = BPF_CORE_READ(cgrp, self.parent, cgroup, kn, id), id = BPF_CORE_READ(cgrp, kn, id);
	struct abi_cgroup_node *parent, *here;
	struct abi_cgroup_step step = {};

	if (!is_version_2(cgrp))
		return 0;
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
		tell_made(here->chosen);
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(cgroups_rmdir, struct cgroup *cgrp, const char *path)
{
	u64 id = BPF_CORE_READ(cgrp, kn, id);

	if (is_version_2(cgrp))
		bpf_map_delete_elem(&cgroups, &id);
	return 0;
}
