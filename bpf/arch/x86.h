#pragma once

/*
 * The saved fs base. The kernel saves it when it is set by a system call or the task is switched out; libc
 * sets it once per thread (arch/x86/include/asm/processor.h, struct thread_struct).
 */
#define arch_thread_pointer(task) member_of(task, thread.fsbase)

/* struct pt_regs begins with r15 to rdi, all but the stack pointer (arch/x86/include/asm/ptrace.h). */
#define ARCH_USER_REGISTERS 15
/* Of 8 bytes each from there on: rdi is the last of them; orig_rax, the system call's number, is behind them. */
#define ARCH_CALL_ARGUMENT 14
#define ARCH_CALL_NUMBER   15
#define ARCH_CALL_FUTEX    202
/*
 * Where they are, by the start of the task's kernel stack: at its end (arch/x86/include/asm/processor.h: task_pt_regs(),
 * asm/page_64_types.h: THREAD_SIZE).
 */
#define arch_user_registers(stack) ((stack) + (16u << 10) - bpf_core_type_size(struct pt_regs))

/* User space's addresses are below, but for programs that ask for more (Documentation/arch/x86/x86_64/mm.rst). */
#define ARCH_USER_BITS 47
#define ARCH_USER_END  (1ull << ARCH_USER_BITS)

#define ARCH_USER_TAG 0ull /* the processor ignores nothing of an address */
