/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* System calls of every process: a hook that can run all the time, and that a timer may interrupt. */
#include "bpf/sample.bpf.h"

__u64 calls_cnt = 0;

SEC("tp_btf/sys_enter")
int BPF_PROG(calls_enter)
{
	struct tick t = {.now_ns = bpf_ktime_get_ns(), .value = 1};

	__sync_fetch_and_add(&calls_cnt, 1);
	sample_take(&t, ABI_SOURCE_CALLS, 0);
	return 0;
}
