/* SPDX-License-Identifier: MIT */
/* Segments that are closed wait in a queue for the process that makes their outputs. */
#include "user/cmd/rotation.h"
#include "user/cmd/cmd.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/units.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define LEAST_NS     1000000000ull  /* names have seconds */
#define RETRY_NS     10000000000ull /* after a segment that could not be begun */
#define LEAST_BYTES  4096
#define NICE_CHILD   10 /* what is profiled has the CPUs first */
#define MANY_WAITING 3

int rotation__parse(struct rotation *r, const char *text, const char **why)
{
	const char *ignored;

	r->every_ns = r->bytes = 0;
	if (!units_parse_size(text, &r->bytes, &ignored)) {
		if (r->bytes >= LEAST_BYTES)
			return 0;
		*why = "at least 5kB";
		return -EINVAL;
	}
	if (units_parse_duration(text, &r->every_ns, why)) {
		*why = "give a time like 60, 5m, 1h or a size like 10MB";
		return -EINVAL;
	}
	if (r->every_ns >= LEAST_NS)
		return 0;
	*why = "at least a second";
	return -EINVAL;
}

/* In UTC: local time has an hour twice each autumn. A clock that was set back does not go back here. */
char *rotation__stamp(struct rotation *r)
{
	uint64_t now = clock_unix_ns() / 1000000000;
	char text[32];
	struct tm tm;
	time_t t;

	if (now <= r->last_stamp)
		now = r->last_stamp + 1;
	r->last_stamp = now;
	t = (time_t)now;
	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", &tm);
	return xstrdup(text);
}

/* Segments keep to the beat of the first; those that a stopped profiler missed are left out. */
bool rotation__is_due(struct rotation *r, uint64_t now_ns, uint64_t bytes)
{
	if (now_ns < r->not_before_ns)
		return false;
	if (r->bytes)
		return bytes >= r->bytes;
	if (!r->every_ns)
		return false;
	if (!r->due_ns)
		r->due_ns = now_ns + r->every_ns;
	if (now_ns < r->due_ns)
		return false;
	r->due_ns += r->every_ns * (1 + (now_ns - r->due_ns) / r->every_ns);
	return true;
}

void rotation__postpone(struct rotation *r, uint64_t now_ns)
{
	r->not_before_ns = now_ns + RETRY_NS;
}

/* In the child. SIGTERM ends it without leaving half a file; the terminal's Ctrl-C is for its parent. */
static void make_outputs(struct segment *w, const struct view *v)
{
	sigset_t set;

	outputs__die_cleanly();
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	setpriority(PRIO_PROCESS, 0, NICE_CHILD);
	log_set_level(LOG_WARN);
	_exit(segment__write(w, v, NULL) ? CMD_FAILED : CMD_OK);
}

static void start_child(struct rotation *r)
{
	if (!r->first || r->child)
		return;
	r->child = fork();
	if (!r->child)
		make_outputs(r->first, r->view);
	if (r->child < 0) {
		log_warn("cannot start a process for the outputs: %s", strerror(errno));
		r->child = 0; /* tried again with the next look */
	}
}

static void say_written(const struct segment *w)
{
	struct buf text = {0};

	for (size_t i = 0; i < w->outputs.cnt; i++) {
		const char *path = w->outputs.items[i].path;
		__cleanup_free char *size = NULL;
		struct stat st;

		if (stat(path, &st))
			continue;
		size = units_size_text((uint64_t)st.st_size);
		buf_printf(&text, "%s%s (%s)", text.len ? ", " : "", path, size);
	}
	log_info("wrote %s", text.len ? text.data : "nothing");
	buf_free(&text);
}

/* The child has ended. The recording of a segment that failed is still there. */
static void end_segment(struct rotation *r, int status)
{
	struct segment *w = r->first;

	r->child = 0;
	r->first = w->next;
	if (!r->first)
		r->last = NULL;
	if (status) {
		r->failed++;
		log_warn("not all outputs of a segment could be made");
		segment__say_kept(w);
	} else {
		r->written++;
		say_written(w);
	}
	segment__free(w);
	if (r->keep.outputs)
		keep__look(&r->keep);
}

void rotation__hand_over(struct rotation *r, struct segment *w)
{
	size_t waiting = 0;

	w->keep = true;
	if (r->last)
		r->last->next = w;
	else
		r->first = w;
	r->last = w;
	for (const struct segment *one = r->first; one; one = one->next)
		waiting++;
	if (waiting > MANY_WAITING)
		log_warn("%zu segments wait for their outputs: making them takes longer than a segment; rotate less "
			 "often or ask for fewer outputs",
			 waiting);
}

void rotation__look(struct rotation *r)
{
	int status;

	if (r->child && waitpid(r->child, &status, WNOHANG) == r->child)
		end_segment(r, status);
	start_child(r);
}

void rotation__finish(struct rotation *r)
{
	while (r->first) {
		int status = -1;

		start_child(r);
		if (r->child && waitpid(r->child, &status, 0) < 0 && errno == EINTR)
			continue;
		end_segment(r, status);
	}
}
