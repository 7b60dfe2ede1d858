/* SPDX-License-Identifier: MIT */
/* What tests of the model and of the formats share: facts for a sink, and a small profile. */
#pragma once
#include "user/profile/profile.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#define HOSTILE "</script><svg onload=…>;\x1b[31m"

static inline void emit_process(struct profile_sink to, uint32_t id, uint32_t pid, const char *command)
{
	struct profile_process p = {.id = id, .pid = pid, .parent_pid = 1, .command = command};

	p.start_unix_ns = 1700000000000000000u + id;
	p.python = "3.12.1";
	p.interpreter = "/usr/bin/python3.12";
	p.cgroup = "/system.slice/x";
	p.code_start_unix_ns = 1690000000000000000u - id;
	p.root = id % 2 ? PROFILE_ROOT_OWN : PROFILE_ROOT_OTHER;
	p.rights = id % 2 ? "33 33 4 1000" : "";
	to.ops->process(to.ctx, &p);
}

static inline void emit_thread(struct profile_sink to, uint32_t id, uint32_t process, const char *name)
{
	to.ops->thread(to.ctx, &(struct profile_thread){.id = id, .process = process, .tid = 1000 + id, .name = name});
}

static inline void emit_function(struct profile_sink to, uint32_t id, const char *name, const char *file)
{
	struct profile_function f = {.id = id, .name = name, .module = "pkg.mod", .file = file};
	const char *slash = strrchr(file, '/');

	f.short_file = slash ? slash + 1 : file;
	f.first_line = (int32_t)(10 * id);
	f.kind = *file ? PROFILE_PYTHON : PROFILE_SYNTHETIC;
	to.ops->function(to.ctx, &f);
}

static inline void tell_frame(struct profile_sink to, uint32_t id, uint32_t function, int32_t line)
{
	to.ops->frame(to.ctx, &(struct profile_frame){id, function, line});
}

static inline void tell_stack(struct profile_sink to, uint32_t id, uint32_t parent, uint32_t frame)
{
	to.ops->stack(to.ctx, &(struct profile_stack){id, parent, frame});
}

static inline void emit_sample(struct profile_sink to, uint64_t at, uint32_t thread, uint32_t stack)
{
	struct profile_sample s = {.thread = thread, .stack = stack};

	s.time_unix_ns = 1700000000000000000u + at * 10000000u;
	s.value = 1000000u * (1 + at % 10) + at % 3; /* unlike, so that whoever counts is found out */
	s.cpu = (uint16_t)(at % 5);
	s.gil = (uint8_t)(at % 4);
	s.truncated = at % 7 == 0;
	to.ops->sample(to.ctx, &s);
}

static inline void tell_loss(struct profile_sink to, const char *reason, uint64_t count, uint32_t process)
{
	struct profile_loss l = {.reason = reason, .sentence = "it was so", .count = count};

	l.from_unix_ns = 1700000001000000000u;
	l.to_unix_ns = l.from_unix_ns + count;
	l.value = count * 1000;
	l.process = process;
	l.failure = strcmp(reason, "not_python") != 0;
	l.failed = !strcmp(reason, "fault_frame");
	to.ops->loss(to.ctx, &l);
}

static inline void tell_meta(struct profile_sink to, bool complete)
{
	struct profile_meta m = {.tool = "pybpfprof test", .command = "pybpfprof -p 42"};

	m.target = "pid 42";
	m.host = "host";
	m.kernel = "6.1";
	m.start_unix_ns = 1700000000000000000u;
	m.duration_ns = complete ? 5000000000u : 0;
	m.rate_hz = 99.5;
	m.effective_rate_hz = complete ? 98.25 : 0;
	m.cpus = 4;
	m.complete = complete;
	to.ops->meta(to.ctx, &m);
}

/*
 * The small profile: two processes, three threads; main → work → hostile name, main → a mark, and
 * one function at two lines. 40 samples over four stacks, two kinds of loss.
 */
static inline void tell_small_samples(struct profile_sink to, uint32_t from, uint32_t until)
{
	for (uint32_t i = from; i < until; i++) {
		static const uint32_t stacks[] = {2, 3, 4, 6};

		emit_sample(to, i, 1 + i % 3, stacks[i % 4]);
	}
}

/* All that comes before sample `until`; the rest. */
static inline void tell_small_until(struct profile_sink to, uint32_t until)
{
	tell_meta(to, false);
	emit_process(to, 1, 42, "python3 app.py");
	emit_process(to, 2, 43, HOSTILE);
	emit_thread(to, 1, 1, "MainThread");
	emit_thread(to, 2, 1, "");
	emit_thread(to, 3, 2, HOSTILE);
	emit_function(to, 1, "main", "/srv/app/app.py");
	emit_function(to, 2, "Worker.work", "/srv/app/worker.py");
	emit_function(to, 3, HOSTILE, "/srv/app/evil.py");
	emit_function(to, 4, "[truncated]", "");
	tell_frame(to, 1, 1, 11);
	tell_frame(to, 2, 2, 22);
	tell_frame(to, 3, 2, 23);
	tell_frame(to, 4, 3, 33);
	tell_frame(to, 5, 4, 0);
	tell_stack(to, 1, 0, 1);
	tell_stack(to, 2, 1, 2);
	tell_stack(to, 3, 1, 3);
	tell_stack(to, 4, 2, 4);
	tell_stack(to, 5, 0, 5);
	tell_stack(to, 6, 5, 3);
	tell_small_samples(to, 0, until);
}

static inline void tell_small_from(struct profile_sink to, uint32_t from)
{
	tell_small_samples(to, from, 40);
	tell_loss(to, "ring_full", 10, 0);
	tell_loss(to, "fault_frame", 2, 1);
	tell_loss(to, "not_python", 7, 0);
	tell_loss(to, "ring_full", 5, 0);
	tell_meta(to, true);
}

static inline void tell_small(struct profile_sink to)
{
	tell_small_until(to, 20);
	tell_small_from(to, 20);
}

static inline struct profile *small_profile(void)
{
	struct profile_builder *b = profile_builder__new(true);

	tell_small(profile_builder__sink(b));
	return profile_builder__finish(b);
}

static inline double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Resident memory of this process. */
static inline double rss_mb(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f) {
		if (fscanf(f, "%*d %ld", &pages) != 1)
			pages = 0;
		fclose(f);
	}
	return (double)pages * 4096 / 1e6;
}
