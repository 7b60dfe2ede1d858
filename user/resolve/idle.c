/* SPDX-License-Identifier: MIT */
/*
 * By the cause and the Python functions that wait: those from the leaf on that only do the waiting are passed over, and the
 * first other one says what for.
 */
#include "user/resolve/idle.h"
#include "user/util/alloc.h"
#include <string.h>

/* Files of the standard library whose functions wait on behalf of others. */
static const char *const waiting_files[] = {
	"/threading.py",
	"/queue.py",
	"/selectors.py",
	"/multiprocessing/queues.py",
	"/multiprocessing/connection.py",
	"/multiprocessing/synchronize.py",
	"/multiprocessing/popen_fork.py",
	"/concurrent/futures/_base.py",
};

/* Functions whose waits are for work. */
static const struct {
	const char *name, *file, *word;
} waiters[] = {
	{"_worker", "/concurrent/futures/thread.py", "pool worker"},
	{"_process_worker", "/concurrent/futures/process.py", "pool worker"},
	{"wait_result_broken_or_wakeup", "/concurrent/futures/process.py", "pool manager"},
	{"worker", "/multiprocessing/pool.py", "pool worker"},
	{"_handle_tasks", "/multiprocessing/pool.py", "pool manager"},
	{"_handle_results", "/multiprocessing/pool.py", "pool manager"},
	{"_wait_for_updates", "/multiprocessing/pool.py", "pool manager"},
	{"_handle_workers", "/multiprocessing/pool.py", "pool manager"},
	{"serve_forever", "/socketserver.py", "server"},
	{"_run_once", "/asyncio/base_events.py", "event loop"},
	{"_monitor", "/logging/handlers.py", "log listener"},
};

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), tail = strlen(end);

	return len >= tail && !strcmp(text + len - tail, end);
}

/* Up to 3.10 without the class. */
static const char *last_name(const char *qualified)
{
	const char *dot = strrchr(qualified, '.');

	return dot ? dot + 1 : qualified;
}

static const char *waiter_word(const struct code_names *n)
{
	for (size_t i = 0; i < ARRAY_SIZE(waiters); i++)
		if (ends_with(n->file, waiters[i].file) && !strcmp(last_name(n->name), waiters[i].name))
			return waiters[i].word;
	return NULL;
}

static bool only_waits(const struct code_names *n)
{
	for (size_t i = 0; i < ARRAY_SIZE(waiting_files); i++)
		if (ends_with(n->file, waiting_files[i]))
			return true;
	return false;
}

static bool may_be_idle(enum cause c)
{
	return c == CAUSE_LOCK || c == CAUSE_POLL || c == CAUSE_PIPE || c == CAUSE_SOCKET || c == CAUSE_SLEEP;
}

/* Pools of libraries (OpenBLAS, a C++ runtime) wait so for work: what they hold up is a Python thread, which waits for itself. */
static bool is_of_native_pool(const struct abi_sample *rec, enum cause cause)
{
	return rec->outcome == ABI_NO_TSTATE && rec->hdr.tid != rec->hdr.tgid &&
	       (cause == CAUSE_LOCK || cause == CAUSE_POLL);
}

const char *idle_word(const struct codes *c, const struct abi_sample *rec, enum cause cause)
{
	const struct abi_frame *f = (const struct abi_frame *)(rec + 1);
	bool is_main = rec->hdr.tid == rec->hdr.tgid, of_threads = false, of_queue = false;

	if (is_of_native_pool(rec, cause))
		return "native thread";
	for (uint32_t i = 0; may_be_idle(cause) && i < rec->frame_cnt; i++) {
		struct code_names n;
		const char *word;

		if (!codes__names(c, f[i].code_key, &n))
			return NULL;
		word = waiter_word(&n);
		if (word)
			return word;
		if (!only_waits(&n))
			break;
		of_threads |= ends_with(n.file, "/threading.py");
		of_queue |= ends_with(n.file, "/queue.py") && !strcmp(last_name(n.name), "get");
	}
	if (is_main)
		return of_threads && !of_queue ? "main thread" : NULL;
	return of_queue ? "queue" : NULL;
}
