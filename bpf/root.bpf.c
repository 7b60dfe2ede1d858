/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Which root directory the profiler has. Run by itself, before anything else is asked. */
#include "bpf/maps.bpf.h"

SEC("raw_tp")
int root_read(void *ctx)
{
	struct task_struct *task = current_task();

	own_root_mnt = (u64)BPF_CORE_READ(task, fs, root.mnt);
	own_root_dentry = (u64)BPF_CORE_READ(task, fs, root.dentry);
	return 0;
}
