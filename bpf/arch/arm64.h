/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#pragma once

/*
 * The saved tpidr_el0. Programs set the register themselves, so what is saved is of the last time that the task was switched
 * out, of its fork or clone() (arch/arm64/kernel/process.c: tls_preserve_current_state(), copy_thread()).
 */
#define arch_thread_pointer(task) member_of(task, thread.uw.tp_value)

/* struct pt_regs begins with x0 to x28, before frame pointer and link register (arch/arm64/include/asm/ptrace.h). */
#define ARCH_USER_REGISTERS 29
/*
 * Where they are, by the start of the task's kernel stack: at its end (asm/processor.h: task_pt_regs(), asm/memory.h:
 * THREAD_SIZE, but for kernels with pages of 64 KiB).
 */
#define arch_user_registers(stack) ((stack) + (16u << 10) - bpf_core_type_size(struct pt_regs))

/*
 * The system call that a task is in: x1, which struct pt_regs begins with after x0; behind the registers, sp, pc and pstate
 * the first argument and the number, -1 outside of system calls (arch/arm64/include/asm/ptrace.h).
 */
#define arch_read_call(regs, number, args)                                                                             \
	({                                                                                                             \
		u64 words_[2] = {0, ~0ull};                                                                            \
		bpf_probe_read_kernel(&(args)[1], 8, (void *)((regs) + 8));                                            \
		bpf_probe_read_kernel(words_, sizeof(words_), (void *)((regs) + 34 * 8));                              \
		(args)[0] = words_[0];                                                                                 \
		*(number) = (s32)words_[1];                                                                            \
	})
/* ppoll() (include/uapi/asm-generic/unistd.h) */
#define arch_is_poll(number) ((number) == 73)
#define ARCH_CALL_FUTEX      98

/* User space's addresses are below, 48 bits but for programs that ask for more (Documentation/arch/arm64/memory.rst). */
#define ARCH_USER_BITS 52
#define ARCH_USER_END  (1ull << ARCH_USER_BITS)

/*
 * Of a data pointer, what the processor ignores or compares (Documentation/arch/arm64/tagged-address-abi.rst). Its
 * authentication code would be there too, but CPython signs none; return addresses, which are signed, are not read.
 */
#define ARCH_USER_TAG (0xffull << 56)

/* Frames of C code are not unwound here: a return address may be in a register, and signed. */
#define ARCH_UNWINDS          0
#define ARCH_UNWIND_REGISTERS 33
#define ARCH_REGISTER_BP      29
#define ARCH_REGISTER_SP      31
#define ARCH_REGISTER_IP      32
#define ARCH_TICK_IP          ARCH_REGISTER_IP
#define ARCH_DWARF_WORDS      0 /* they are the same */
