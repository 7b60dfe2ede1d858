/* SPDX-License-Identifier: MIT */
/* Ring-buffer bytes → typed records. Refuses what it does not know; nothing behind it checks sizes again. */
#pragma once
#include "bpf/abi.h"
#include <stddef.h>

struct drain_handlers {
	void (*sample)(void *ctx, const struct abi_sample *rec);
	void (*code)(void *ctx, const struct abi_code *rec);
	void (*lines)(void *ctx, const struct abi_lines *rec);
	void (*process)(void *ctx, const struct abi_proc_rec *rec);
	void (*exit)(void *ctx, const struct abi_exit *rec);
	void (*invalidate)(void *ctx, const struct abi_invalidate *rec);
	void (*cpu)(void *ctx, const struct abi_cpu_rec *rec);
	void (*tasks)(void *ctx, const struct abi_tasks *rec);
	void (*program)(void *ctx, const struct abi_program_rec *rec);
	void (*cgroup)(void *ctx, const struct abi_cgroup_rec *rec);
};

/* One record of `size` bytes. 0, or -EBADMSG when it is not one of ours. */
int drain_record(const void *data, size_t size, const struct drain_handlers *h, void *ctx);
