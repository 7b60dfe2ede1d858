/* SPDX-License-Identifier: MIT */
#include "user/os/own_cost.h"
#include "user/os/procfs.h"
#include "user/os/stat_text.h"
#include "user/util/alloc.h"
#include <string.h>
#include <sys/resource.h>

enum { STAT_UTIME = 14, STAT_STIME }; /* proc(5), /proc/PID/stat */

struct times {
	uint64_t user_ns, system_ns;
};

static char *read_text(const char *path)
{
	__cleanup_file FILE *f = fopen(path, "re");
	char *text = xcalloc(1, 4096);

	if (f)
		text[fread(text, 1, 4095, f)] = '\0';
	return text;
}

static void add_living(void *ctx, pid_t pid)
{
	uint64_t tick_ns = 1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK);
	__cleanup_free char *path = xasprintf("/proc/%d/stat", pid), *text = read_text(path);
	struct times *t = ctx;

	t->user_ns += stat_number(text, STAT_UTIME) * tick_ns;
	t->system_ns += stat_number(text, STAT_STIME) * tick_ns;
}

static uint64_t time_of(const struct timeval *t)
{
	return (uint64_t)t->tv_sec * 1000000000ull + (uint64_t)t->tv_usec * 1000;
}

static void add_usage(struct times *t, int who)
{
	struct rusage usage;

	if (getrusage(who, &usage))
		return;
	t->user_ns += time_of(&usage.ru_utime);
	t->system_ns += time_of(&usage.ru_stime);
}

/* "VmHWM:	  1234 kB": of ru_maxrss the program that started us may have its part. */
static uint64_t field_bytes(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	return at ? strtoull(at + strlen(name), NULL, 10) * 1024 : 0;
}

/* A child that ends between two looks is in none of them, or counts in steps of 10 ms first and exactly then. */
static uint64_t no_less(uint64_t *last, uint64_t now)
{
	if (now > *last)
		*last = now;
	return *last;
}

void own_cost_read(struct own_cost *out)
{
	static struct times last;
	__cleanup_free char *status = read_text("/proc/self/status");
	struct times t = {0};

	procfs_descendants(getpid(), add_living, &t);
	add_usage(&t, RUSAGE_SELF);
	add_usage(&t, RUSAGE_CHILDREN);
	out->user_ns = no_less(&last.user_ns, t.user_ns);
	out->system_ns = no_less(&last.system_ns, t.system_ns);
	out->rss_bytes = field_bytes(status, "\nVmRSS:");
	out->peak_rss_bytes = field_bytes(status, "\nVmHWM:");
}
