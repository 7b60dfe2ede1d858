/* SPDX-License-Identifier: MIT */
/*
 * Pairs of made-up recordings that differ in what a test says and, but for that, by chance alone:
 * for tests of comparisons. main calls each of RUN_FUNCTIONS functions, which call `helper`;
 * `weights` say how likely a sample is to be in each.
 */
#pragma once
#include "tests/unit/small_profile.h"

#define RUN_FUNCTIONS 20

struct make_run {
	uint64_t seed;
	unsigned samples, weights[RUN_FUNCTIONS];
	unsigned moved;      /* lines by which everything stands lower in its file */
	const char *root;    /* of the files; NULL: /srv/v1 */
	const char *command; /* of a second process, with a PID from the seed; NULL: only one */
};

static inline uint32_t run_random(uint64_t *seed, uint32_t below)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((*seed >> 33) % below);
}

static inline void run_function(struct profile_sink to, const struct make_run *r, uint32_t id, const char *name)
{
	char file[64], short_file[32];
	struct profile_function f = {.id = id, .name = name, .module = "shop.work", .file = file};

	snprintf(short_file, sizeof(short_file), "shop/part%u.py", id % 3);
	snprintf(file, sizeof(file), "%s/%s", r->root ? r->root : "/srv/v1", short_file);
	f.short_file = short_file;
	f.first_line = (int32_t)(10 * id + r->moved);
	to.ops->function(to.ctx, &f);
	tell_frame(to, id, id, f.first_line + 1);
}

/* Functions: 1 main, 2 helper, 3… work_0, work_1, …; stacks: main; main, work; main, work, helper.
 */
static inline struct profile *make_run(const struct make_run *r)
{
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink to = profile_builder__sink(b);
	uint64_t seed = r->seed * 77 + 1;
	unsigned all = 0;

	tell_meta(to, true);
	emit_process(to, 1, 100 + (uint32_t)r->seed, "python3 app.py");
	emit_thread(to, 1, 1, "MainThread");
	if (r->command) {
		emit_process(to, 2, 9000 + (uint32_t)r->seed, r->command);
		emit_thread(to, 2, 2, "worker");
	}
	run_function(to, r, 1, "main");
	run_function(to, r, 2, "helper");
	tell_stack(to, 1, 0, 1);
	for (uint32_t i = 0; i < RUN_FUNCTIONS; i++) {
		char name[32];

		snprintf(name, sizeof(name), "Worker.work_%u", i);
		run_function(to, r, 3 + i, name);
		tell_stack(to, 2 + 2 * i, 1, 3 + i);
		tell_stack(to, 3 + 2 * i, 2 + 2 * i, 2);
		all += r->weights[i];
	}
	for (unsigned n = 0; n < r->samples; n++) {
		uint32_t at = run_random(&seed, all), i = 0;

		for (; at >= r->weights[i]; i++)
			at -= r->weights[i];
		emit_sample(to, n, r->command && run_random(&seed, 2) ? 2 : 1, 2 + 2 * i + (run_random(&seed, 4) == 0));
	}
	return profile_builder__finish(b);
}
