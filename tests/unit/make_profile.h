/* SPDX-License-Identifier: MIT */
/*
 * A profile as a real service gives it, made through the builder's sink: for tests of whatever is
 * made from a profile. Same options, same profile: nothing here is random. Samples stand for 2 to 20 ms, by their
 * stack, so that whoever weighs by their number is found out. `extra_name` plants a function of that name as the
 * leaf of every seventh stack.
 */
#pragma once
#include "user/profile/profile.h"
#include <stdio.h>
#include <string.h>

struct make_options {
	unsigned processes, threads, stacks; /* threads per process, stacks per thread */
	unsigned depth;                      /* of the deepest stack */
	const char *extra_name;              /* NULL: none */
	const char *command;                 /* of the profiler; NULL: a usual one */
	bool losses;
	unsigned server; /* frames of a library, a server's, that each thread begins with */
};

struct make_state {
	struct profile_builder *builder;
	struct profile_sink sink;
	const struct make_options *o;
	uint32_t seed, functions, stacks, threads;
};

#define MAKE_FUNCTIONS 160
#define MAKE_MARK      (MAKE_FUNCTIONS + 1)
#define MAKE_EXTRA     (MAKE_FUNCTIONS + 2)
#define MAKE_SERVER    5 /* one of flask/app.py */
#define MAKE_LINES     3 /* frames per function; frame id = (function - 1) × MAKE_LINES + 1 + line */

static inline uint32_t make_random(struct make_state *m, uint32_t below)
{
	m->seed = m->seed * 1664525u + 1013904223u;
	return (m->seed >> 8) % below;
}

static inline void make_function(struct make_state *m, uint32_t id)
{
	static const char *const verbs[] = {"load",     "handle", "parse", "render", "encode",
					    "dispatch", "query",  "walk",  "merge",  "validate"};
	static const char *const nouns[] = {"request", "row",         "template", "Session.token", "tree",
					    "header",  "Router.path", "page",     "<lambda>",      "Größe.日本語"};
	static const char *const homes[] = {"app/views.py", "app/models.py", "json/decoder.py",
					    "threading.py", "flask/app.py",  "sqlalchemy/orm.py"};
	static const char *const roots[] = {"/srv/shop/",
					    "/srv/shop/",
					    "/usr/lib/python3.12/",
					    "/usr/lib/python3.12/",
					    "/srv/venv/lib/python3.12/site-packages/",
					    "/srv/venv/lib/python3.12/site-packages/"};
	static const enum profile_origin origins[] = {PROFILE_USER,   PROFILE_USER, PROFILE_STDLIB,
						      PROFILE_STDLIB, PROFILE_SITE, PROFILE_SITE};
	uint32_t n = id - 1, home = n % 6;
	char name[96], file[128];
	struct profile_function f = {.id = id,
				     .name = name,
				     .module = "app.views",
				     .file = file,
				     .short_file = homes[home],
				     .origin = origins[home]};

	snprintf(name, sizeof(name), "%s_%s", verbs[n % 10], nouns[n / 10 % 10]);
	snprintf(file, sizeof(file), "%s%s", roots[home], homes[home]);
	f.first_line = (int32_t)(10 + 7 * n);
	if (id == MAKE_EXTRA)
		f.name = m->o->extra_name;
	if (id == MAKE_MARK)
		f = (struct profile_function){.id = id,
					      .name = "[truncated: deeper than 1024]",
					      .module = "",
					      .file = "",
					      .short_file = "",
					      .kind = PROFILE_SYNTHETIC};
	m->sink.ops->function(m->sink.ctx, &f);
	for (uint32_t line = 0; line < MAKE_LINES; line++)
		m->sink.ops->frame(m->sink.ctx, &(struct profile_frame){n * MAKE_LINES + 1 + line, id,
									f.first_line + 1 + (int32_t)line});
}

static inline uint32_t make_push(struct make_state *m, uint32_t parent, uint32_t function, uint32_t line)
{
	struct profile_stack s = {++m->stacks, parent, (function - 1) * MAKE_LINES + 1 + line % MAKE_LINES};

	m->sink.ops->stack(m->sink.ctx, &s);
	return s.id;
}

/* A few callees per caller, the first the likeliest, as real call graphs are. */
static inline uint32_t make_callee(struct make_state *m, uint32_t caller, uint32_t *line)
{
	*line = make_random(m, 4) * make_random(m, 4) / 4;
	return 1 + (caller * 7 + *line * 11 + 3) % MAKE_FUNCTIONS;
}

static inline void make_samples(struct make_state *m, uint32_t thread, uint32_t n, uint32_t stack)
{
	uint32_t count = 1 + make_random(m, 5) * make_random(m, 9);

	while (count--)
		m->sink.ops->sample(m->sink.ctx,
				    &(struct profile_sample){.time_unix_ns = 1790000000000000000ull + n * 10000000ull,
							     .value = (1 + n % 10) * 2000000 + make_random(m, 1000),
							     .thread = thread,
							     .stack = stack,
							     .gil = n % 3 ? PROFILE_GIL_HELD : PROFILE_GIL_NOT_HELD});
}

/* Each stack leaves the one before it some frames below its leaf, now and then near its root. */
static inline void make_stacks(struct make_state *m, uint32_t thread)
{
	uint32_t trail[1100] = {0}, function[1100] = {0}, depth = 0, line;
	uint32_t max = m->o->depth < 1100 ? m->o->depth : 1099, server = 0;

	for (unsigned i = 0; i < m->o->server; i++)
		server = make_push(m, server, MAKE_SERVER, i);
	for (uint32_t n = 0; n < m->o->stacks; n++) {
		uint32_t back = make_random(m, n % 20 ? 8 : 100), want;

		depth = depth > back ? depth - back : depth ? 1 : 0;
		want = depth + 1 + make_random(m, 9);
		for (want = want < max ? want : max; depth < want; depth++) {
			function[depth] = make_callee(m, depth ? function[depth - 1] : thread * 5, &line);
			trail[depth] = make_push(m, depth ? trail[depth - 1] : server, function[depth], line);
		}
		make_samples(m, thread, n, trail[depth - 1]);
		if (m->o->extra_name && n % 7 == 0)
			make_samples(m, thread, n, make_push(m, trail[depth - 1], MAKE_EXTRA, 0));
		if (n % 50 == 3)
			make_samples(m, thread, n, make_push(m, make_push(m, 0, MAKE_MARK, 0), 1, 0));
	}
}

static inline void make_process(struct make_state *m, uint32_t id)
{
	static const char *const names[] = {"MainThread", "worker-1", "worker-2", "flusher"};
	struct profile_process p = {.id = id,
				    .pid = 4000 + id,
				    .parent_pid = id > 1 ? 4001 : 1,
				    .start_unix_ns = 1790000000000000000ull,
				    .command =
					    id % 2 ? "python3 -m gunicorn shop.wsgi" : "python3 worker.py --queue mail",
				    .python = id % 2 ? "3.12.1" : "3.8.20",
				    .interpreter = "/usr/bin/python3.12",
				    .cgroup = "/shop.slice"};

	m->sink.ops->process(m->sink.ctx, &p);
	for (unsigned t = 0; t < m->o->threads; t++) {
		struct profile_thread thread = {
			.id = ++m->threads, .process = id, .tid = 4000 + id * 10 + t, .name = names[t % 4]};

		m->sink.ops->thread(m->sink.ctx, &thread);
	}
}

static inline void make_losses(struct make_state *m)
{
	const struct profile_loss losses[] = {
		{.reason = "ring_full",
		 .sentence = "the ring buffer was full",
		 .count = 12,
		 .value = 120000000,
		 .failure = true},
		{.reason = "torn",
		 .sentence = "the thread was just switching from one frame to another",
		 .count = 2,
		 .value = 20000000,
		 .failure = true,
		 .failed = true},
		{.reason = "not_python",
		 .sentence = "the process is not Python",
		 .count = 3456,
		 .value = 34560000000,
		 .process = m->o->processes ? 1 : 0},
	};

	for (size_t i = 0; i < sizeof(losses) / sizeof(*losses); i++)
		m->sink.ops->loss(m->sink.ctx, &losses[i]);
}

static inline struct profile *make_profile(const struct make_options *o)
{
	struct make_state m = {.builder = profile_builder__new(true), .o = o, .seed = 7};
	struct profile_meta meta = {.tool = "pybpfprof 0.1.0",
				    .command = o->command ? o->command
							  : "pybpfprof record --cgroup /shop.slice -d 10s -o out.svg",
				    .target = "cgroup /shop.slice",
				    .host = "shop-1",
				    .kernel = "6.1.0",
				    .start_unix_ns = 1790000000000000000ull,
				    .duration_ns = 10020000000,
				    .rate_hz = 100,
				    .effective_rate_hz = 99.4,
				    .cpus = 4,
				    .complete = true};

	m.sink = profile_builder__sink(m.builder);
	m.sink.ops->meta(m.sink.ctx, &meta);
	for (uint32_t id = 1; id <= MAKE_MARK + (o->extra_name != NULL); id++)
		make_function(&m, id);
	for (uint32_t id = 1; id <= o->processes; id++)
		make_process(&m, id);
	for (uint32_t thread = 1; thread <= m.threads; thread++)
		make_stacks(&m, thread);
	if (o->losses)
		make_losses(&m);
	return profile_builder__finish(m.builder);
}
