/* SPDX-License-Identifier: MIT */
/* Threads of another process, stopped one by one (ptrace): their registers, and single steps. */
#pragma once
#include "tests/host/kernel.h"

/* 0 or negative errno. */
int tracee_stop(pid_t tid);
/* The thread pointer, and the registers that a walk looks at (bpf/arch.h). 0 or negative errno. */
int tracee_registers(pid_t tid, u64 *thread_pointer, u64 registers[ARCH_USER_REGISTERS]);
/* One instruction. 0 or negative errno. */
int tracee_step(pid_t tid);
/* It runs on; one that did not step does that by itself when this program ends. */
void tracee_release(pid_t tid);
