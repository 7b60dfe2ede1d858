/* SPDX-License-Identifier: MIT */
/*
 * A made-up profile of threads that run and wait: CPU time of Python, native, kernel and the collector, off-CPU time by cause, waits for the
 * GIL with its holder, new memory. What it amounts to is in the table, in milliseconds.
 */
#pragma once
#include "tests/unit/small_profile.h"
#include "user/profile/view.h"

enum { WAITING_CPU, WAITING_OFF, WAITING_GIL, WAITING_FAULTS, WAITING_TYPES };

static const struct profile_value_type waiting_types[WAITING_TYPES] = {
	{0, "cpu", "CPU", "CPU time", PROFILE_NANOSECONDS},
	{1, "offcpu", "off-CPU", "time off the CPU", PROFILE_NANOSECONDS},
	{2, "gil", "GIL wait", "time waited for the GIL", PROFILE_NANOSECONDS},
	{3, "faults", "of new memory", "new memory", PROFILE_BYTES},
};

/* Functions; frame and function have the same number. */
enum {
	F_MAIN = 1,
	F_WORK,
	F_DGEMM,
	F_SCAN,
	F_READ,
	F_GC,
	F_DEL,
	F_EVAL,
	F_SLEEP,
	F_LOCK,
	F_SOCKET,
	F_DISK,
	F_CPU,
	F_QUOTA,
	F_GIL,
	F_HELD_A,
	F_HELD_B,
	F_IDLE,
	F_POLL,
	F_OTHER
};
static const struct profile_function waiting_functions[] = {
	{F_MAIN, "main", "app", "/srv/app/app.py", "app.py", 10, PROFILE_USER, PROFILE_PYTHON},
	{F_WORK, "work", "app", "/srv/app/app.py", "app.py", 20, PROFILE_USER, PROFILE_PYTHON},
	{F_DGEMM, "dgemm", "libopenblas64.so.0", "", "", 0, PROFILE_OBJECT, PROFILE_NATIVE},
	{F_SCAN, "scan_once", "_json.cpython-312-x86_64-linux-gnu.so", "", "", 0, PROFILE_OBJECT, PROFILE_NATIVE},
	{F_READ, "ext4_read", "kernel", "", "", 0, PROFILE_OBJECT, PROFILE_KERNEL},
	{F_GC, "[garbage collector]", "", "", "", 0, PROFILE_USER, PROFILE_SYNTHETIC},
	{F_DEL, "__del__", "app", "/srv/app/app.py", "app.py", 30, PROFILE_USER, PROFILE_PYTHON},
	{F_EVAL, "PyNumber_Add", "python3.12", "", "", 0, PROFILE_OBJECT, PROFILE_NATIVE},
	{F_SLEEP, "[sleep]", "", "", "", 0, PROFILE_USER, PROFILE_SYNTHETIC},
	{F_LOCK, "[lock]", "", "", "", 0, PROFILE_USER, PROFILE_SYNTHETIC},
	{F_SOCKET, "[socket read 5432]", "", "", "", 0, PROFILE_USER, PROFILE_SYNTHETIC},
	{F_DISK, "[file or disk]", "", "", "", 0, PROFILE_USER, PROFILE_SYNTHETIC},
	{F_CPU, "[waiting for a CPU]", "", "", "", 0, PROFILE_USER, PROFILE_SYNTHETIC},
	{F_QUOTA, "[CPU quota]", "", "", "", 0, PROFILE_USER, PROFILE_SYNTHETIC},
	{F_GIL, "[waits for the GIL]", "", "", "", 0, PROFILE_USER, PROFILE_SYNTHETIC},
	{F_HELD_A, "[held by worker in work (app.py)]", "", "", "", 0, PROFILE_USER, PROFILE_SYNTHETIC},
	{F_HELD_B, "[held by MainThread in main (app.py)]", "", "", "", 0, PROFILE_USER, PROFILE_SYNTHETIC},
	{F_IDLE, "[idle: waits for work]", "", "", "", 0, PROFILE_USER, PROFILE_SYNTHETIC},
	{F_POLL, "[poll: nothing to do]", "", "", "", 0, PROFILE_USER, PROFILE_SYNTHETIC},
	{F_OTHER, "[another wait]", "", "", "", 0, PROFILE_USER, PROFILE_SYNTHETIC},
};
#define WAITING_FUNCTIONS (sizeof(waiting_functions) / sizeof(*waiting_functions))

struct waiting_row {
	uint8_t type;
	uint32_t thread; /* 1 MainThread, 2 worker, 3 a pool's, which is idle throughout */
	uint8_t frames[5];
	uint64_t ms;
};

/* 1000 ms of what counts, and 5000 idle. */
static const struct waiting_row waiting_rows[] = {
	{WAITING_CPU, 1, {F_MAIN}, 180},
	{WAITING_CPU, 2, {F_MAIN, F_WORK, F_EVAL}, 20}, /* the interpreter's own C is Python */
	{WAITING_CPU, 2, {F_MAIN, F_WORK, F_DGEMM}, 150},
	{WAITING_CPU, 1, {F_MAIN, F_SCAN}, 50},
	{WAITING_CPU, 1, {F_MAIN, F_WORK, F_READ}, 30},
	{WAITING_CPU, 1, {F_MAIN, F_GC}, 20},
	{WAITING_CPU, 1, {F_MAIN, F_GC, F_DEL}, 10},
	{WAITING_OFF, 1, {F_MAIN, F_WORK, F_SOCKET}, 120},
	{WAITING_OFF, 1, {F_MAIN, F_WORK, F_LOCK}, 60},
	{WAITING_OFF, 2, {F_MAIN, F_WORK, F_SLEEP}, 45},
	{WAITING_OFF, 2, {F_MAIN, F_WORK, F_DISK}, 25},
	{WAITING_OFF, 2, {F_MAIN, F_WORK, F_OTHER}, 10},
	{WAITING_OFF, 2, {F_MAIN, F_WORK, F_CPU}, 30},
	{WAITING_OFF, 2, {F_MAIN, F_WORK, F_QUOTA}, 10},
	{WAITING_GIL, 1, {F_MAIN, F_GIL, F_HELD_A}, 160},
	{WAITING_GIL, 2, {F_MAIN, F_WORK, F_GIL, F_HELD_B}, 70},
	{WAITING_GIL, 2, {F_MAIN, F_WORK, F_GIL}, 10},
	{WAITING_OFF, 3, {F_MAIN, F_IDLE}, 4000},
	{WAITING_OFF, 1, {F_MAIN, F_POLL}, 1000},
	{WAITING_FAULTS, 1, {F_MAIN}, 7},
};
#define WAITING_ROWS (sizeof(waiting_rows) / sizeof(*waiting_rows))

/* `rows`: how many of the table, from its start. Samples end one after another on each thread. */
static inline void tell_waiting(struct profile_sink to, size_t rows)
{
	uint64_t ends[4] = {0};
	uint32_t stacks = 0;

	tell_meta(to, false);
	for (size_t i = 0; i < WAITING_TYPES; i++)
		to.ops->value_type(to.ctx, &waiting_types[i]);
	emit_process(to, 1, 42, "python3 app.py");
	emit_thread(to, 1, 1, "MainThread");
	emit_thread(to, 2, 1, "worker");
	emit_thread(to, 3, 1, "pool");
	for (size_t i = 0; i < WAITING_FUNCTIONS; i++) {
		const struct profile_function *f = &waiting_functions[i];

		to.ops->function(to.ctx, f);
		tell_frame(to, f->id, f->id, f->first_line ? f->first_line + 1 : 0);
	}
	for (size_t i = 0; i < rows; i++) {
		const struct waiting_row *r = &waiting_rows[i];
		struct profile_sample s = {.thread = r->thread, .type = r->type, .value = r->ms * 1000000};

		for (size_t k = 0; k < 5 && r->frames[k]; k++, stacks++)
			tell_stack(to, stacks + 1, k ? stacks : 0, r->frames[k]);
		ends[r->thread] += s.value;
		s.stack = stacks;
		s.time_unix_ns = 1700000000000000000u + ends[r->thread];
		to.ops->sample(to.ctx, &s);
	}
	tell_meta(to, true);
}

static inline struct profile *waiting_profile(size_t rows)
{
	struct profile_builder *b = profile_builder__new(true);

	tell_waiting(profile_builder__sink(b), rows);
	return profile_builder__finish(b);
}
