/* SPDX-License-Identifier: MIT */
/*
 * A made-up profile of all that the model can hold: three value types, functions of every kind, tasks, labels and texts. 60
 * samples; what they amount to is said by mixed_value().
 */
#pragma once
#include "tests/unit/small_profile.h"
#include "user/profile/view.h"

#define MIXED_SAMPLES 60
#define MIXED_TYPES   3
#define MIXED_TEXT    "def f():\n\treturn 'é'\n"

enum { MIXED_CPU, MIXED_ALLOC, MIXED_FAULTS };

static const struct profile_value_type mixed_types[MIXED_TYPES] = {
	{0, "cpu", "CPU", "CPU time", PROFILE_NANOSECONDS},
	{1, "alloc", "allocated", "memory allocated", PROFILE_BYTES},
	{2, "faults", "page faults", "page faults", PROFILE_COUNT},
};

static const struct profile_function mixed_functions[] = {
	{1, "main", "app", "/srv/app/app.py", "app.py", 10, PROFILE_USER, PROFILE_PYTHON},
	{2, "loads", "json", "/usr/lib/python3.12/json/__init__.py", "json/__init__.py", 20, PROFILE_STDLIB,
	 PROFILE_PYTHON},
	{3, "get", "requests", "/v/site-packages/requests/api.py", "requests/api.py", 30, PROFILE_SITE, PROFILE_PYTHON},
	{4, "_PyEval_EvalFrameDefault", "libpython3.12.so", "", "", 0, PROFILE_OBJECT, PROFILE_NATIVE},
	{5, "memcpy", "libc.so.6", "/build/string/memcpy.c", "memcpy.c", 50, PROFILE_OBJECT, PROFILE_NATIVE},
	{6, "min<int>", "libc.so.6", "/build/util.h", "util.h", 60, PROFILE_OBJECT, PROFILE_INLINED},
	{7, "do_page_fault", "kernel", "", "", 0, PROFILE_OBJECT, PROFILE_KERNEL},
	{8, "ext4_read", "ext4", "", "", 0, PROFILE_OBJECT, PROFILE_KERNEL},
	{9, "[truncated]", "", "", "", 0, PROFILE_USER, PROFILE_SYNTHETIC},
	{10, "handler", "app", "/srv/app/app.py", "app.py", 100, PROFILE_USER, PROFILE_PYTHON},
};
#define MIXED_FUNCTIONS (sizeof(mixed_functions) / sizeof(*mixed_functions))

/* The text of each frame; frame and function have the same number. */
static const char *const mixed_texts[MIXED_FUNCTIONS] = {
	"main (app.py:11)",
	"loads (json/__init__.py:21)",
	"get (requests/api.py:31)",
	"_PyEval_EvalFrameDefault (libpython3.12.so)",
	"memcpy (memcpy.c:51)",
	"min<int> (util.h:61, inlined)",
	"do_page_fault (kernel)",
	"ext4_read (ext4)",
	"[truncated]",
	"handler (app.py:101)",
};

static inline uint8_t mixed_type(unsigned i)
{
	return i / 2 % MIXED_TYPES; /* neighbours of one type have unlike tasks */
}

static inline uint64_t mixed_value(unsigned i)
{
	const uint64_t values[MIXED_TYPES] = {1000000u * (1 + i % 7), 4096u * (1 + i % 5), 1 + i % 4};

	return values[mixed_type(i)];
}

static inline uint32_t mixed_task(unsigned i)
{
	return i % 4 ? 0 : 1 + i / 4 % 2;
}

static inline struct profile_sample mixed_sample(unsigned i)
{
	static const uint32_t leaves[] = {4, 5, 7, 8, 10};

	return (struct profile_sample){
		.time_unix_ns = 1700000000000000000u + i * 10000000u,
		.value = mixed_value(i),
		.thread = 1 + i % 2,
		.stack = leaves[i % 5],
		.task = mixed_task(i),
		.cpu = (uint16_t)(i % 3),
		.type = mixed_type(i),
		.gil = (uint8_t)(i % 2   ? PROFILE_GIL_HELD
				 : i % 4 ? PROFILE_GIL_NOT_HELD
					 : PROFILE_GIL_NONE),
		.truncated = i % 5 == 4,
	};
}

static inline void tell_mixed(struct profile_sink to)
{
	/* main → eval → memcpy → min; main → loads; main → get → page fault; main → read; [truncated] → handler */
	static const struct profile_stack stacks[] = {
		{1, 0, 1}, {2, 1, 4}, {3, 2, 5}, {4, 3, 6}, {5, 1, 2},
		{6, 1, 3}, {7, 6, 7}, {8, 1, 8}, {9, 0, 9}, {10, 9, 10},
	};
	const struct profile_loss lost = {.reason = "ring_full",
					  .sentence = "the ring buffer was full",
					  .count = 3,
					  .value = 8192,
					  .type = MIXED_ALLOC,
					  .failure = true};

	tell_meta(to, false);
	for (size_t i = 0; i < MIXED_TYPES; i++)
		to.ops->value_type(to.ctx, &mixed_types[i]);
	emit_process(to, 1, 42, "python3 app.py");
	to.ops->label(to.ctx, &(struct profile_label){1, "pod", "old"});
	to.ops->label(to.ctx, &(struct profile_label){1, "unit", "app.service"});
	to.ops->label(to.ctx, &(struct profile_label){1, "pod", "shop-1"});
	to.ops->source(to.ctx, &(struct profile_source){1, "<made>", "old", "old"});
	to.ops->source(to.ctx, &(struct profile_source){1, "<made>", "", MIXED_TEXT});
	to.ops->source(to.ctx, &(struct profile_source){1, "<cell>", "In [7]", ""});
	emit_thread(to, 1, 1, "MainThread");
	emit_thread(to, 2, 1, "worker");
	to.ops->task(to.ctx, &(struct profile_task){1, 1, 0, "Task-1", "Spider.main"});
	to.ops->task(to.ctx, &(struct profile_task){2, 1, 1, "fetch", ""});
	for (size_t i = 0; i < MIXED_FUNCTIONS; i++) {
		const struct profile_function *f = &mixed_functions[i];

		to.ops->function(to.ctx, f);
		tell_frame(to, f->id, f->id, f->first_line ? f->first_line + 1 : 0);
	}
	for (size_t i = 0; i < sizeof(stacks) / sizeof(*stacks); i++)
		to.ops->stack(to.ctx, &stacks[i]);
	for (unsigned i = 0; i < MIXED_SAMPLES; i++) {
		struct profile_sample s = mixed_sample(i);

		to.ops->sample(to.ctx, &s);
	}
	to.ops->loss(to.ctx, &lost);
	tell_meta(to, true);
}

static inline struct profile *mixed_profile(void)
{
	struct profile_builder *b = profile_builder__new(true);

	tell_mixed(profile_builder__sink(b));
	return profile_builder__finish(b);
}

/* Samples and value of a type, taken one by one. */
static inline struct view_sum mixed_sum(uint8_t type, bool gil_only)
{
	struct view_sum sum = {0};

	for (unsigned i = 0; i < MIXED_SAMPLES; i++) {
		if (mixed_type(i) != type || (gil_only && i % 2 == 0))
			continue;
		sum.samples++;
		sum.value += mixed_value(i);
	}
	return sum;
}
