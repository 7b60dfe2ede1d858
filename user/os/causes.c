/* SPDX-License-Identifier: MIT */
#include "user/os/causes.h"
#include "user/os/syscalls.h"
#include "user/util/alloc.h"
#include <string.h>

/* A port from here on was given by the kernel and says nothing (net.ipv4.ip_local_port_range). */
#define EPHEMERAL_PORTS 32768

static const char *const texts[CAUSE_CNT] = {
#define X(name, text) [CAUSE_##name] = text,
	CAUSES(X)
#undef X
};

/* ON_FILE: by what its first argument is; a select() for nothing is a sleep. */
enum { ON_FILE = CAUSE_CNT, SELECT, POLL_ONE };

static const struct call {
	const char *name;
	int cause;
	const char *word; /* what is done with a socket or pipe; "" nothing */
} calls[] = {
	{"nanosleep", CAUSE_SLEEP, ""},
	{"clock_nanosleep", CAUSE_SLEEP, ""},
	{"futex", CAUSE_LOCK, ""},
	{"futex_wait", CAUSE_LOCK, ""},
	{"futex_waitv", CAUSE_LOCK, ""},
	{"semop", CAUSE_LOCK, ""},
	{"semtimedop", CAUSE_LOCK, ""},
	{"flock", CAUSE_LOCK, ""},
	{"fcntl", CAUSE_LOCK, ""}, /* F_SETLKW, F_OFD_SETLKW */
	{"read", ON_FILE, " read"},
	{"readv", ON_FILE, " read"},
	{"pread64", ON_FILE, " read"},
	{"preadv", ON_FILE, " read"},
	{"preadv2", ON_FILE, " read"},
	{"write", ON_FILE, " write"},
	{"writev", ON_FILE, " write"},
	{"pwrite64", ON_FILE, " write"},
	{"pwritev", ON_FILE, " write"},
	{"pwritev2", ON_FILE, " write"},
	{"sendfile", ON_FILE, " write"},
	{"close", ON_FILE, " close"},
	{"recvfrom", CAUSE_SOCKET, " read"},
	{"recvmsg", CAUSE_SOCKET, " read"},
	{"recvmmsg", CAUSE_SOCKET, " read"},
	{"sendto", CAUSE_SOCKET, " write"},
	{"sendmsg", CAUSE_SOCKET, " write"},
	{"sendmmsg", CAUSE_SOCKET, " write"},
	{"connect", CAUSE_SOCKET, " connect"},
	{"accept", CAUSE_SOCKET, " accept"},
	{"accept4", CAUSE_SOCKET, " accept"},
	{"poll", POLL_ONE, ""},
	{"ppoll", POLL_ONE, ""},
	{"select", SELECT, ""},
	{"pselect6", SELECT, ""},
	{"epoll_wait", CAUSE_POLL, ""},
	{"epoll_pwait", CAUSE_POLL, ""},
	{"epoll_pwait2", CAUSE_POLL, ""},
	{"wait4", CAUSE_CHILD, ""},
	{"waitid", CAUSE_CHILD, ""},
	{"vfork", CAUSE_CHILD, ""},
	{"clone", CAUSE_CHILD, ""}, /* CLONE_VFORK, as posix_spawn() has it */
	{"clone3", CAUSE_CHILD, ""},
	{"fsync", CAUSE_FILE, ""},
	{"fdatasync", CAUSE_FILE, ""},
	{"sync", CAUSE_FILE, ""},
	{"syncfs", CAUSE_FILE, ""},
	{"sync_file_range", CAUSE_FILE, ""},
	{"msync", CAUSE_FILE, ""},
	{"ftruncate", CAUSE_FILE, ""},
	{"fallocate", CAUSE_FILE, ""},
	{"open", CAUSE_FILE, ""},
	{"openat", CAUSE_FILE, ""},
	{"stat", CAUSE_FILE, ""},
	{"lstat", CAUSE_FILE, ""},
	{"statx", CAUSE_FILE, ""},
	{"newfstatat", CAUSE_FILE, ""},
	{"getdents64", CAUSE_FILE, ""},
	{"mkdir", CAUSE_FILE, ""},
	{"mkdirat", CAUSE_FILE, ""},
	{"rename", CAUSE_FILE, ""},
	{"renameat2", CAUSE_FILE, ""},
	{"unlink", CAUSE_FILE, ""},
	{"unlinkat", CAUSE_FILE, ""},
	{"rmdir", CAUSE_FILE, ""},
	{"truncate", CAUSE_FILE, ""},
	{"access", CAUSE_FILE, ""},
	{"faccessat", CAUSE_FILE, ""},
	{"faccessat2", CAUSE_FILE, ""},
	{"readlink", CAUSE_FILE, ""},
	{"readlinkat", CAUSE_FILE, ""},
	{"copy_file_range", CAUSE_FILE, ""},
};

static const struct call *find_call(long number)
{
	const char *name = syscall_name(number);

	for (size_t i = 0; name && i < ARRAY_SIZE(calls); i++)
		if (!strcmp(calls[i].name, name))
			return &calls[i];
	return NULL;
}

bool call_is_poll(long number)
{
	const struct call *c = find_call(number);

	return c && c->cause == POLL_ONE;
}

static enum cause cause_of_file(enum call_file file, enum cause other)
{
	switch (file) {
	case CALL_FILE_DISK:
		return CAUSE_FILE;
	case CALL_FILE_PIPE:
		return CAUSE_PIPE;
	case CALL_FILE_SOCKET:
		return CAUSE_SOCKET;
	default:
		return other;
	}
}

enum cause cause_of_call(const struct call_wait *w)
{
	const struct call *c = find_call(w->number);

	if (w->number < 0)
		return CAUSE_FAULT;
	if (!c)
		return CAUSE_CALL;
	switch (c->cause) {
	case ON_FILE:
		return cause_of_file(w->file, CAUSE_CALL);
	case POLL_ONE: /* how a blocking socket waits that has a timeout */
		return w->file == CALL_FILE_SOCKET || w->file == CALL_FILE_PIPE ? cause_of_file(w->file, CAUSE_POLL)
										: CAUSE_POLL;
	case SELECT:
		return w->file == CALL_FILE_NONE ? CAUSE_SLEEP : CAUSE_POLL;
	default:
		return (enum cause)c->cause;
	}
}

char *cause_text(enum cause c, const struct call_wait *w)
{
	const struct call *call = w ? find_call(w->number) : NULL;
	const char *name = w ? syscall_name(w->number) : NULL;

	switch (c) {
	case CAUSE_CALL:
		return name ? xasprintf("call %s", name) : xasprintf("call %ld", w ? w->number : -1);
	case CAUSE_SOCKET:
		if (w && w->port && w->port < EPHEMERAL_PORTS)
			return xasprintf("socket%s %u", call ? call->word : "", w->port);
		/* fallthrough */
	case CAUSE_PIPE:
		return xasprintf("%s%s", texts[c], call ? call->word : "");
	default:
		return xstrdup(texts[c]);
	}
}
