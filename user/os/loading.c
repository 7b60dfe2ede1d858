/* SPDX-License-Identifier: MIT */
#include "user/os/loading.h"
#include "user/os/breakpoint.h"
#include "user/os/procfs.h"
#include "user/os/tasks.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOAD_MAX_NS 2000000000ull  /* for a loader; its files may lie on a network */
#define NEXT_MAX_NS 20000000ull    /* for a program that is not wanted to become another one, of its own time */
#define BUSY_MAX_NS 10000000000ull /* for either, on a machine that is too busy for it */
#define LOOK_NS     100000

enum stop { STOP_NONE, STOP_EXEC, STOP_TRAP, STOP_SIGNAL, STOP_ENDED };

static enum stop kind_of(int status)
{
	if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8))
		return STOP_EXEC;
	return WSTOPSIG(status) == SIGTRAP ? STOP_TRAP : STOP_SIGNAL;
}

struct limit {
	uint64_t soon_ns, until_ns; /* `soon`: where it is not the machine that keeps it waiting */
	uint64_t cpu_ns;            /* its CPU time by then */
};

static struct limit limit_from_now(uint64_t soon_ns, pid_t pid)
{
	uint64_t now = clock_now_ns(), cpu = 0;

	procfs_cpu_ns(pid, &cpu);
	return (struct limit){.soon_ns = now + soon_ns, .until_ns = now + BUSY_MAX_NS, .cpu_ns = cpu + soon_ns};
}

/* On a busy machine a program gets its CPU, or its pages, much later than it could use them. */
static bool is_over(pid_t pid, const struct limit *l)
{
	uint64_t now = clock_now_ns(), cpu;
	struct task_state s;

	if (now <= l->soon_ns)
		return false;
	return now > l->until_ns || task_state(pid, pid, &s) || (s.letter != 'R' && s.letter != 'D') ||
	       procfs_cpu_ns(pid, &cpu) || cpu > l->cpu_ns;
}

/* Its next stop; *signal is what it was to get. Its end is left for who waits for it. */
static enum stop next_stop(pid_t pid, const struct limit *limit, int *signal)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};

	for (;;) {
		siginfo_t info = {0};
		int status;

		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT))
			return STOP_ENDED;
		if (info.si_pid && info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED)
			return STOP_ENDED;
		if (info.si_pid) {
			if (waitpid(pid, &status, 0) != pid)
				return STOP_ENDED;
			*signal = WSTOPSIG(status);
			return kind_of(status);
		}
		if (is_over(pid, limit))
			return STOP_NONE;
		nanosleep(&pause, NULL);
	}
}

/* Where the loader goes when it is done: AT_ENTRY of fs/binfmt_elf.c. */
static bool find_entry(pid_t pid, uint64_t *entry)
{
	__cleanup_free char *path = xasprintf("/proc/%d/auxv", pid);
	__cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf64_auxv_t v[64];
	ssize_t n = fd < 0 ? 0 : read(fd, v, sizeof(v));

	for (size_t i = 0; n > 0 && i < (size_t)n / sizeof(*v) && v[i].a_type != AT_NULL; i++)
		if (v[i].a_type == AT_ENTRY) {
			*entry = v[i].a_un.a_val;
			return true;
		}
	return false;
}

struct planted {
	uint64_t at;
	long word; /* what was there; 0: nothing is planted */
	bool is;
};

static void plant(pid_t pid, struct planted *p)
{
	long word;

	p->is = false;
	if (!find_entry(pid, &p->at))
		return;
	errno = 0;
	p->word = ptrace(PTRACE_PEEKTEXT, pid, p->at, NULL);
	if (errno)
		return;
	word = p->word;
	memcpy(&word, breakpoint_own.code, breakpoint_own.len);
	p->is = !ptrace(PTRACE_POKETEXT, pid, p->at, word);
}

/* Takes it out and goes back to it, if that is where it has stopped. */
static bool reached(pid_t pid, struct planted *p)
{
	struct user_regs_struct regs;
	struct iovec all = {&regs, sizeof(regs)};
	uint64_t pc;

	if (!p->is || ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &all) || all.iov_len != sizeof(regs))
		return false;
	memcpy(&pc, (char *)&regs + breakpoint_own.pc, sizeof(pc));
	if (pc - breakpoint_own.behind != p->at)
		return false;
	memcpy((char *)&regs + breakpoint_own.pc, &p->at, sizeof(p->at));
	p->is = false;
	return !ptrace(PTRACE_POKETEXT, pid, p->at, p->word) && !ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &all);
}

/* It has not got there: held where it is, without the instruction that is not its own. */
static bool hold(struct loading *l, struct planted *p)
{
	struct limit limit = limit_from_now(LOAD_MAX_NS, l->pid);
	int signal = 0;
	enum stop stop = STOP_ENDED;

	if (!ptrace(PTRACE_INTERRUPT, l->pid, NULL, NULL))
		stop = next_stop(l->pid, &limit, &signal);
	if (stop == STOP_SIGNAL)
		l->signal = signal;
	if (p->is && !reached(l->pid, p))
		ptrace(PTRACE_POKETEXT, l->pid, p->at, p->word);
	return stop != STOP_ENDED;
}

bool loading_begin(struct loading *l, pid_t pid)
{
	*l = (struct loading){0};
	if (ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL))
		return false;
	l->pid = pid;
	return true;
}

/* At a stop: is it to be held here? Else *signal is what it goes on with. */
static bool arrived(struct loading *l, struct planted *entry, enum stop stop, struct limit *limit, int *signal)
{
	switch (stop) {
	case STOP_EXEC:
		*signal = 0;
		*limit = limit_from_now(LOAD_MAX_NS, l->pid);
		plant(l->pid, entry);
		return !entry->is;
	case STOP_TRAP:
		if (!reached(l->pid, entry))
			return false;
		*signal = 0;
		*limit = limit_from_now(NEXT_MAX_NS, l->pid);
		return true;
	default:
		return false;
	}
}

bool loading_run(struct loading *l, loading_fn wanted)
{
	struct limit limit = limit_from_now(LOAD_MAX_NS, l->pid);
	struct planted entry = {0};

	for (;;) {
		int signal = 0;
		enum stop stop = next_stop(l->pid, &limit, &signal);

		if (stop == STOP_ENDED)
			return false;
		if (stop == STOP_NONE)
			return hold(l, &entry);
		if (arrived(l, &entry, stop, &limit, &signal) && wanted(l->pid))
			return true;
		ptrace(PTRACE_CONT, l->pid, NULL, signal);
	}
}

void loading_end(struct loading *l)
{
	if (l->pid)
		ptrace(PTRACE_DETACH, l->pid, NULL, l->signal);
	l->pid = 0;
}
