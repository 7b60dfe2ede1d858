/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#pragma once

/*
 * The saved fs base. The kernel saves it when it is set by a system call or the task is switched out; libc
 * sets it once per thread (arch/x86/include/asm/processor.h, struct thread_struct).
 */
#define arch_thread_pointer(task) member_of(task, thread.fsbase)

/* struct pt_regs begins with r15 to rdi, all but the stack pointer (arch/x86/include/asm/ptrace.h). */
#define ARCH_USER_REGISTERS 15
/*
 * Where they are, by the start of the task's kernel stack: at its end (arch/x86/include/asm/processor.h: task_pt_regs(),
 * asm/page_64_types.h: THREAD_SIZE).
 */
#define arch_user_registers(stack) ((stack) + (16u << 10) - bpf_core_type_size(struct pt_regs))

/*
 * The system call that a task is in: of struct pt_regs rdx, rsi, rdi, and orig_rax, which is -1 outside of system calls
 * (arch/x86/entry/entry_64.S).
 */
#define arch_read_call(regs, number, args)                                                                             \
	({                                                                                                             \
		u64 words_[4] = {0, 0, 0, ~0ull};                                                                      \
		bpf_probe_read_kernel(words_, sizeof(words_), (void *)((regs) + 12 * 8));                              \
		(args)[0] = words_[2];                                                                                 \
		(args)[1] = words_[1];                                                                                 \
		*(number) = (s32)words_[3];                                                                            \
	})
/* poll(), ppoll() (arch/x86/entry/syscalls/syscall_64.tbl) */
#define arch_is_poll(number) ((number) == 7 || (number) == 271)
#define ARCH_CALL_FUTEX      202

/* User space's addresses are below, but for programs that ask for more (Documentation/arch/x86/x86_64/mm.rst). */
#define ARCH_USER_BITS 47
#define ARCH_USER_END  (1ull << ARCH_USER_BITS)

#define ARCH_USER_TAG 0ull /* the processor ignores nothing of an address */

/* Frames of C code can be unwound here; by these of the words of struct pt_regs. */
#define ARCH_UNWINDS          1
#define ARCH_UNWIND_REGISTERS 20
#define ARCH_REGISTER_BP      4
#define ARCH_REGISTER_IP      16
#define ARCH_REGISTER_SP      19
/* Which of these words has a register as DWARF numbers them (psABI, figure 3.36), 4 bits each; rsp is not among them. */
#define ARCH_DWARF_WORDS 0x0123678904ed5bcaull
/* Kernel addresses are negative. */
#define ARCH_TICK_IP ARCH_REGISTER_IP
