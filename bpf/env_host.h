/*
 * The kernel as the walker's sources see it, for ordinary C: bpf/env.bpf.h includes this under
 * PYBPF_HOST, so `dump` and the tests run the very files that BPF is made of. What is declared here is
 * defined by user/snapshot/walker.c in the program, by tests/host/kernel.c in tests.
 */
#pragma once
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/cdefs.h> /* __always_inline */

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;

#define __hidden __attribute__((visibility("hidden")))

struct task_struct;

/* bpf_probe_read_user(): all of it or a negative error, and then `dst` is zeros. */
long host_read_user(void *dst, u32 size, u64 addr);
u64 host_now_ns(void);
bool host_code_is_new(u64 key);
/* The frame of this address was stored as number `n` of the walk. */
void host_frame_stored(u32 n, u64 frame_addr, u64 code_addr);
void host_frames_forgotten(u32 n); /* the last ones were none */
void host_user_registers(u64 registers[USER_REGISTERS]); /* zeros: not known */

static __always_inline long read_user(void *dst, u32 size, u64 addr)
{
	return host_read_user(dst, size, addr);
}
#define now_ns()		       host_now_ns()
#define user_registers(registers)      host_user_registers(registers)
#define frame_stored(n, frame_addr, code_addr) host_frame_stored(n, frame_addr, code_addr)
#define frames_forgotten(n)		       host_frames_forgotten(n)
