#pragma once

/*
 * The saved tpidr_el0. Programs set the register themselves, so what is saved is of the last time that the task was switched
 * out, of its fork or clone() (arch/arm64/kernel/process.c: tls_preserve_current_state(), copy_thread()).
 */
#define arch_thread_pointer(task) member_of(task, thread.uw.tp_value)

/* struct pt_regs begins with x0 to x28, before frame pointer and link register (arch/arm64/include/asm/ptrace.h). */
#define ARCH_USER_REGISTERS 29
/* Of 8 bytes each from there on: orig_x0, and syscallno with what is beside it (struct pt_regs), of which 32 bits count. */
#define ARCH_CALL_ARGUMENT 34
#define ARCH_CALL_NUMBER   35
#define ARCH_CALL_FUTEX    98
/*
 * Where they are, by the start of the task's kernel stack: at its end (asm/processor.h: task_pt_regs(), asm/memory.h:
 * THREAD_SIZE, but for kernels with pages of 64 KiB).
 */
#define arch_user_registers(stack) ((stack) + (16u << 10) - bpf_core_type_size(struct pt_regs))

/* User space's addresses are below, 48 bits but for programs that ask for more (Documentation/arch/arm64/memory.rst). */
#define ARCH_USER_BITS 52
#define ARCH_USER_END  (1ull << ARCH_USER_BITS)

/*
 * Of a data pointer, what the processor ignores or compares (Documentation/arch/arm64/tagged-address-abi.rst). Its
 * authentication code would be there too, but CPython signs none; return addresses, which are signed, are not read.
 */
#define ARCH_USER_TAG (0xffull << 56)
