/* SPDX-License-Identifier: MIT */
/* What a thread that does not run waits for, in few words: the same in recordings and in dumps. */
#pragma once
#include <stdbool.h>

/* X(NAME, text); where a file or a call says more, it is told with it. */
#define CAUSES(X)                                                                                                      \
	X(SLEEP, "sleep")                                                                                              \
	X(GIL, "waits for the GIL")                                                                                    \
	X(LOCK, "lock")                                                                                                \
	X(SOCKET, "socket")                                                                                            \
	X(PIPE, "pipe")                                                                                                \
	X(FILE, "file or disk")                                                                                        \
	X(CHILD, "child process")                                                                                      \
	X(POLL, "poll: nothing to do")                                                                                 \
	X(FAULT, "page fault")                                                                                         \
	X(CPU, "waiting for a CPU")                                                                                    \
	X(QUOTA, "CPU quota")                                                                                          \
	X(STOPPED, "stopped")                                                                                          \
	X(FROZEN, "frozen")                                                                                            \
	X(CALL, "call")

enum cause {
#define X(name, text) CAUSE_##name,
	CAUSES(X)
#undef X
		CAUSE_CNT
};

/* The file that a system call is about. NONE: the call's first two arguments are 0. */
enum call_file { CALL_FILE_NONE, CALL_FILE_DISK, CALL_FILE_PIPE, CALL_FILE_SOCKET, CALL_FILE_OTHER };

struct call_wait {
	long number;         /* of the system call; negative: of none, the wait is for memory */
	enum call_file file; /* of its first argument; of that of a poll() for one file only */
	unsigned port;       /* of a socket's peer; 0: none, or not known */
};

/* Is the call a poll(), whose first two arguments are an array and its length? */
bool call_is_poll(long number);
/* Why a thread sleeps in the kernel. */
enum cause cause_of_call(const struct call_wait *w);
/* "sleep", "socket read 5432", "call io_uring_enter"; `w` may be NULL for what is no call. Caller frees. */
char *cause_text(enum cause c, const struct call_wait *w);
