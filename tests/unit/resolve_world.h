/* SPDX-License-Identifier: MIT */
/*
 * What tests of the resolver share: a resolver that feeds a profile builder, records for it, and
 * stacks as text. Interpreters are made up; this header defines the look-up in their table.
 */
#pragma once
#include "tests/unit/make_records.h"
#include "user/profile/profile.h"
#include "user/python/versions.h"
#include "user/resolve/resolve.h"
#include <malloc.h>

#define SECOND 1000000000ull
#define START  (100 * SECOND) /* CLOCK_MONOTONIC of the first record */
#define UNIX   (1700000000 * SECOND)
#define PERIOD 10000000ull

static struct interpreter old_python = {.path = "/usr/bin/python3.8", .layout_id = 1};
static struct interpreter new_python = {.path = "/usr/lib/libpython3.12.so", .layout_id = 2};

/* Stands in for the table of interpreters, which is filled from live processes. */
const struct interpreter *interpreters__by_layout(const struct interpreters *t, uint32_t layout_id)
{
	(void)t;
	return layout_id == 1 ? &old_python : layout_id == 2 ? &new_python : NULL;
}

#ifdef __SANITIZE_ADDRESS__
size_t __sanitizer_get_current_allocated_bytes(void);
#endif

/* Bytes of the heap. */
static inline size_t in_use(void)
{
#ifdef __SANITIZE_ADDRESS__
	return __sanitizer_get_current_allocated_bytes();
#else
	return mallinfo2().uordblks;
#endif
}

static struct profile_builder *builder;
static struct processes *processes;
static struct resolve *resolve;

static inline int begin(void **state)
{
	(void)state;
	old_python.build.lines = LINE_TABLE_LNOTAB;
	new_python.build.lines = LINE_TABLE_LOCATIONS;
	new_python.build.layout = py_version_find(12, false)->layout;
	strcpy(old_python.build.version, "3.8.18");
	strcpy(new_python.build.version, "3.12.1");
	builder = profile_builder__new(true);
	processes = processes__new("");
	resolve = resolve__new(profile_builder__sink(builder), processes, NULL);
	resolve__set_clock(resolve, (int64_t)(UNIX - START));
	return 0;
}

static inline struct profile *finish(void)
{
	struct profile *p;

	resolve__flush(resolve, START + 60 * SECOND, true);
	assert_int_equal(resolve__stats(resolve)->waiting, 0);
	resolve__free(resolve);
	processes__free(processes);
	p = profile_builder__finish(builder);
	for (size_t i = 0; i < p->loss_cnt; i++)
		assert_string_not_equal(p->losses[i].reason, "damaged");
	return p;
}

/* ---- records -------------------------------------------------------------------------- */

/* Pids that no process has, so that nothing is read from /proc. */
#define PID(image) (0x3ffffff0u - (image))

static inline void emit_process(uint32_t image_id, uint32_t pid, uint32_t parent, const char *command)
{
	struct abi_proc_rec r = {.hdr = {.kind = ABI_REC_PROC, .tgid = pid, .time_ns = START}};

	r.image_id = image_id;
	r.parent_image_id = parent;
	r.state = ABI_PROC_PYTHON;
	r.layout_id = 2;
	r.start_ns = SECOND;
	r.cmdline_bytes = (uint32_t)strlen(command) + 1;
	strcpy(r.cmdline, command);
	resolve__process(resolve, &r);
}

static inline void tell_exit(uint32_t image_id)
{
	struct abi_exit r = {.image_id = image_id};

	resolve__exit(resolve, &r);
}

static inline void tell_recall(uint32_t image_id)
{
	struct abi_invalidate r = {.image_id = image_id};

	resolve__invalidate(resolve, &r);
}

static inline void tell_code(const struct made_code *c)
{
	struct abi_code *r = code_record(c);

	r->hdr.tgid = PID(c->image_id);
	resolve__code(resolve, r);
	free(r);
}

static inline void tell_lines(uint64_t key, const char *table, uint32_t offset, uint32_t bytes)
{
	struct abi_lines *r = lines_record(key, table, offset, bytes);

	resolve__lines(resolve, r);
	free(r);
}

/* All of a function of 8 lines. */
static inline void emit_function(uint32_t image_id, uint64_t key, const char *name)
{
	__cleanup_free char *table = make_table(LINE_TABLE_LOCATIONS, 8);
	struct made_code c = {.image_id = image_id, .layout_id = 2, .key = key, .name = name};

	c.file = "/app/m.py";
	c.first_line = 10;
	c.lines_bytes = table_bytes(LINE_TABLE_LOCATIONS, 8);
	tell_code(&c);
	tell_lines(key, table, 0, c.lines_bytes);
}

struct made_sample {
	uint32_t image_id, tid;
	enum abi_outcome outcome;
	uint64_t at_ns;                     /* since START */
	uint64_t value_ns, thread_start_ns; /* 0: a period; the process's only thread of that number */
	const struct abi_frame *frames;
	uint32_t cnt;
	uint8_t type;
	bool unverified;
};

static inline void emit_sample(const struct made_sample *m)
{
	struct abi_sample *r = sample_record(m->image_id, m->outcome, m->frames, m->cnt);

	r->hdr.tgid = PID(m->image_id);
	r->hdr.tid = m->tid ? m->tid : r->hdr.tgid;
	r->hdr.time_ns = START + m->at_ns;
	r->value = m->value_ns ? m->value_ns : PERIOD;
	r->thread_start_ns = m->thread_start_ns;
	r->type = m->type;
	r->unverified = m->unverified;
	r->gil = ABI_GIL_HELD;
	strcpy(r->comm, "python3");
	resolve__sample(resolve, r);
	free(r);
}

static inline void tell_stack(uint32_t image_id, uint64_t at_ns, const struct abi_frame *frames, uint32_t cnt)
{
	struct made_sample m = {.image_id = image_id, .at_ns = at_ns, .frames = frames, .cnt = cnt};

	emit_sample(&m);
}

static inline void tell_lost_in(const uint64_t span_ns[2], uint32_t image_id, enum abi_outcome outcome, uint64_t cnt)
{
	struct lost_ticks lost = {.image_id = image_id,
				  .outcome = outcome,
				  .ticks = {.cnt = cnt, .value = cnt * PERIOD, .tgid = PID(image_id)}};

	resolve__lost(resolve, span_ns, &lost);
}

static inline void tell_lost(uint32_t image_id, enum abi_outcome outcome, uint64_t cnt)
{
	tell_lost_in((uint64_t[]){START, START + SECOND}, image_id, outcome, cnt);
}

/* A process whose image began when the kernel's clock of its CPU time stood so. */
static inline void tell_born(uint32_t image_id, uint64_t cpu_ns)
{
	struct abi_proc_rec r = {.image_id = image_id, .cpu_ns = cpu_ns};

	r.hdr.tgid = PID(image_id);
	resolve__process(resolve, &r);
}

static inline uint64_t waiting(void)
{
	return resolve__stats(resolve)->waiting;
}

static inline void flush(uint64_t at_ns)
{
	resolve__flush(resolve, START + at_ns, false);
}

/* ---- what came of it ------------------------------------------------------------------ */

/* "root:line;…;leaf:line" of a bucket's stack; buckets are in order of first sight. */
static inline char *stack_text(const struct profile *p, size_t bucket)
{
	uint32_t frames[ABI_MAX_FRAMES + 1];
	size_t n = profile__stack_frames(p, p->buckets[bucket].stack, frames, ARRAY_SIZE(frames));
	struct {
		char *data;
		size_t len;
	} text = {0};
	FILE *out = open_memstream(&text.data, &text.len);

	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s%s:%d", i ? ";" : "", p->functions[p->frames[frames[i]].function].name,
			p->frames[frames[i]].line);
	fclose(out);
	return text.data;
}

static inline void assert_stack(const struct profile *p, size_t bucket, const char *expected)
{
	__cleanup_free char *text = stack_text(p, bucket);

	assert_true(bucket < p->bucket_cnt);
	assert_string_equal(text, expected);
}

static inline const struct profile_loss *find_loss(const struct profile *p, uint32_t process, const char *reason)
{
	for (size_t i = 0; i < p->loss_cnt; i++)
		if (p->losses[i].process == process && !strcmp(p->losses[i].reason, reason))
			return &p->losses[i];
	return NULL;
}
