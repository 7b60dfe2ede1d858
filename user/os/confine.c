/* SPDX-License-Identifier: MIT */
/*
 * A seccomp filter, by libseccomp: it knows the numbers of calls on each processor, and what newer kernels' C libraries
 * try first. A list of what is allowed, since what is dangerous grows with each kernel. A call that is missing in it fails
 * as if the rights were not there, and is found by -v; a program that is killed for it would be the worse watchman.
 */
#include "user/os/confine.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <errno.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

/* ---- calls with any arguments -------------------------------------------------------------------------------- */

/* One that this libseccomp does not know is one that its kernel headers did not have: nobody here makes it. */
static const char *const calls[] = {
	/* what it is for: BPF, timers, other processes' memory and identity */
	"bpf",
	"perf_event_open",
	"process_vm_readv",
	"kcmp",
	"pidfd_open",
	"pidfd_getfd",
	"pidfd_send_signal",
	/* memory */
	"brk",
	"munmap",
	"mremap",
	"madvise",
	"msync",
	"mincore",
	"membarrier",
	"memfd_create",
	/* threads and processes: those who read what others made, and who write files */
	"exit",
	"exit_group",
	"fork",
	"vfork",
	"wait4",
	"waitid",
	"futex",
	"futex_waitv",
	"set_robust_list",
	"get_robust_list",
	"set_tid_address",
	"rseq",
	"gettid",
	"getpid",
	"getppid",
	"getpgrp",
	"getpgid",
	"getsid",
	"arch_prctl",
	"kill",
	"tgkill",
	"sched_yield",
	"sched_getaffinity",
	"sched_setaffinity",
	"sched_getparam",
	"sched_getscheduler",
	"sched_setscheduler",
	"sched_getattr",
	"sched_get_priority_max",
	"sched_get_priority_min",
	"getpriority",
	"setpriority",
	"getcpu",
	/* signals, time, events */
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"rt_sigpending",
	"rt_sigtimedwait",
	"rt_sigsuspend",
	"sigaltstack",
	"signalfd4",
	"restart_syscall",
	"pause",
	"alarm",
	"setitimer",
	"getitimer",
	"nanosleep",
	"clock_nanosleep",
	"clock_gettime",
	"clock_getres",
	"gettimeofday",
	"time",
	"times",
	"timerfd_create",
	"timerfd_settime",
	"timerfd_gettime",
	"eventfd2",
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"epoll_pwait2",
	"poll",
	"ppoll",
	"select",
	"pselect6",
	/* files */
	"openat",
	"openat2",
	"open",
	"creat",
	"close",
	"close_range",
	"read",
	"write",
	"readv",
	"writev",
	"pread64",
	"pwrite64",
	"preadv",
	"pwritev",
	"sendfile",
	"copy_file_range",
	"splice",
	"lseek",
	"fcntl",
	"flock",
	"dup",
	"dup2",
	"dup3",
	"pipe",
	"pipe2",
	"fsync",
	"fdatasync",
	"sync_file_range",
	"fadvise64",
	"ftruncate",
	"fallocate",
	"stat",
	"fstat",
	"lstat",
	"newfstatat",
	"statx",
	"statfs",
	"fstatfs",
	"access",
	"faccessat",
	"faccessat2",
	"readlink",
	"readlinkat",
	"getdents64",
	"getcwd",
	"chdir",
	"fchdir",
	"umask",
	"mkdir",
	"mkdirat",
	"rmdir",
	"unlink",
	"unlinkat",
	"rename",
	"renameat",
	"renameat2",
	"link",
	"linkat",
	"symlinkat",
	"fchmod",
	"fchmodat",
	"chmod",
	"fchown",
	"fchownat",
	"utimensat",
	"open_by_handle_at",
	"name_to_handle_at",
	"inotify_init1",
	"inotify_add_watch",
	"inotify_rm_watch",
	/* sockets, of the families below */
	"connect",
	"bind",
	"listen",
	"accept",
	"accept4",
	"shutdown",
	"getsockname",
	"getpeername",
	"getsockopt",
	"setsockopt",
	"sendto",
	"sendmsg",
	"sendmmsg",
	"recvfrom",
	"recvmsg",
	"recvmmsg",
	/* who it is, and giving up more of it */
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"getresuid",
	"getresgid",
	"getgroups",
	"setgroups",
	"setfsuid",
	"setfsgid",
	"capget",
	"capset",
	"uname",
	"sysinfo",
	"getrlimit",
	"setrlimit",
	"prlimit64",
	"getrusage",
	"getrandom",
};

/* ---- calls with some arguments ------------------------------------------------------------------------------- */

#define NAMESPACES                                                                                                     \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
#define WORD 0xffffffffu /* the kernel looks at no more of these */

/* Allowed where `arg` & `mask` is `value`; of one call several rows may be. */
static const struct rule {
	const char *call;
	unsigned arg;
	uint64_t mask, value;
} rules[] = {
	{"clone", 0, NAMESPACES, 0},
	{"mmap", 2, PROT_EXEC, 0}, /* memory is for code or for writing */
	{"mmap", 2, PROT_WRITE, 0},
	{"mprotect", 2, PROT_EXEC, 0},
	{"socket", 0, WORD, AF_UNIX},
	{"socket", 0, WORD, AF_INET},
	{"socket", 0, WORD, AF_INET6},
	{"socket", 0, WORD, AF_NETLINK}, /* the C library asks for our addresses, to sort those of a name */
	{"socketpair", 0, WORD, AF_UNIX},
	{"prctl", 0, WORD, PR_SET_NAME},
	{"prctl", 0, WORD, PR_SET_PDEATHSIG},
	{"prctl", 0, WORD, PR_SET_NO_NEW_PRIVS},
	{"prctl", 0, WORD, PR_SET_DUMPABLE},
	{"prctl", 0, WORD, PR_CAPBSET_READ},
	{"prctl", 0, WORD, PR_CAPBSET_DROP},
	{"prctl", 0, WORD, PR_CAP_AMBIENT},
	{"prctl", 0, WORD, 0x53564d41}, /* PR_SET_VMA: the C library names memory */
	{"ioctl", 1, WORD, TCGETS},     /* isatty() */
	{"ioctl", 1, WORD, TIOCGWINSZ},
	{"ioctl", 1, WORD, FIONREAD},
	{"ioctl", 1, WORD, FIONBIO},
	{"ioctl", 1, WORD, PERF_EVENT_IOC_ENABLE},
	{"ioctl", 1, WORD, PERF_EVENT_IOC_DISABLE},
	{"ioctl", 1, WORD, PERF_EVENT_IOC_REFRESH},
	{"ioctl", 1, WORD, PERF_EVENT_IOC_RESET},
	{"ioctl", 1, WORD, PERF_EVENT_IOC_PERIOD},
	{"ioctl", 1, WORD, PERF_EVENT_IOC_ID},
	{"ioctl", 1, WORD, PERF_EVENT_IOC_SET_BPF},
};

static int allow(scmp_filter_ctx filter, const char *name, unsigned cnt, struct scmp_arg_cmp cmp)
{
	int number = seccomp_syscall_resolve_name(name);

	if (number == __NR_SCMP_ERROR)
		return 0;
	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, cnt, &cmp);
}

/* Its arguments lie in memory, where a filter cannot look: the C library then takes clone(). */
static int without_clone3(scmp_filter_ctx filter)
{
	int number = seccomp_syscall_resolve_name("clone3");

	return number == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), number, 0);
}

static int add_rules(scmp_filter_ctx filter)
{
	int err = without_clone3(filter);

	for (size_t i = 0; !err && i < ARRAY_SIZE(calls); i++)
		err = allow(filter, calls[i], 0, (struct scmp_arg_cmp){0});
	for (size_t i = 0; !err && i < ARRAY_SIZE(rules); i++)
		err = allow(filter, rules[i].call, 1,
			    SCMP_CMP64(rules[i].arg, SCMP_CMP_MASKED_EQ, rules[i].mask, rules[i].value));
	return err;
}

/* Threads that there are by now are bound, too. Refused calls are logged by the kernel when somebody wants to know. */
static int set_attributes(scmp_filter_ctx filter)
{
	int err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

	if (!err)
		err = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
	if (!err && log_says(LOG_VERBOSE))
		seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree; older ones go through a list */
	return err;
}

int confine_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int err = filter ? set_attributes(filter) : -ENOMEM;

	if (!err)
		err = add_rules(filter);
	if (!err)
		err = seccomp_load(filter);
	seccomp_release(filter);
	if (err)
		log_warn("system calls cannot be limited to those that are needed (seccomp): %s", strerror(-err));
	else
		log_verbose("system calls are limited (seccomp); those refused are in the kernel's log, as type=1326");
	return err;
}

void confine_memory(void)
{
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
