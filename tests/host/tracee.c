/* SPDX-License-Identifier: MIT */
#include "tests/host/tracee.h"
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

static int wait_for_stop(pid_t tid)
{
	int status;

	if (waitpid(tid, &status, __WALL) != tid)
		return -errno;
	return WIFSTOPPED(status) ? 0 : -ESRCH;
}

int tracee_stop(pid_t tid)
{
	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) || ptrace(PTRACE_INTERRUPT, tid, NULL, NULL))
		return -errno;
	return wait_for_stop(tid);
}

static int get(pid_t tid, unsigned kind, void *out, size_t len)
{
	struct iovec v = {out, len};

	return ptrace(PTRACE_GETREGSET, tid, (void *)(uintptr_t)kind, &v) ? -errno : 0;
}

int tracee_registers(pid_t tid, u64 *thread_pointer, u64 registers[ARCH_USER_REGISTERS])
{
	struct user_regs_struct all;
	int err = get(tid, NT_PRSTATUS, &all, sizeof(all));

	if (err)
		return err;
	/* Both architectures have those first that struct pt_regs has first. */
	memcpy(registers, &all, ARCH_USER_REGISTERS * sizeof(*registers));
#ifdef __aarch64__
	return get(tid, NT_ARM_TLS, thread_pointer, sizeof(*thread_pointer));
#else
	*thread_pointer = all.fs_base;
	return 0;
#endif
}

int tracee_step(pid_t tid)
{
	return ptrace(PTRACE_SINGLESTEP, tid, NULL, NULL) ? -errno : wait_for_stop(tid);
}

void tracee_release(pid_t tid)
{
	ptrace(PTRACE_DETACH, tid, NULL, NULL);
}
