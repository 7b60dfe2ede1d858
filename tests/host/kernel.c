/* SPDX-License-Identifier: MIT */
#include "tests/host/kernel.h"
#include "user/util/alloc.h"
#include <string.h>

struct host_kernel host;

long host_read_user(void *dst, u32 size, u64 addr)
{
	int err;

	host.reads++;
	err = image__read(host.memory, addr, dst, size);
	if (err)
		memset(dst, 0, size); /* bpf_probe_read_user_common() in kernel/trace/bpf_trace.c */
	return err;
}

long walk_read(const struct walk *w, void *dst, u32 size, u64 addr)
{
	(void)w;
	return read_user(dst, size, addr);
}

u64 host_now_ns(void)
{
	return host.now_ns += host.look_ns;
}

bool code_is_new(const struct walk *w, u64 key)
{
	(void)w;
	for (size_t i = 0; i < host.seen_cnt; i++)
		if (host.seen[i] == key)
			return false;
	return true;
}

void frame_stored(struct walk *w, u32 n, u64 frame_addr, u64 code_addr)
{
	(void)w;
	(void)n;
	(void)frame_addr;
	(void)code_addr;
}

void frames_forgotten(struct walk *w, u32 n)
{
	(void)w;
	(void)n;
}

struct native *host_native(const struct walk *w)
{
	(void)w;
	return NULL;
}

void user_registers(struct walk *w)
{
	memcpy(w->registers, host.registers, sizeof(w->registers));
}

void host_mark_seen(u64 key)
{
	xgrow(host.seen, host.seen_cnt, host.seen_cap);
	host.seen[host.seen_cnt++] = key;
}

void host_forget_seen(void)
{
	free(host.seen);
	host.seen = NULL;
	host.seen_cnt = host.seen_cap = 0;
}
