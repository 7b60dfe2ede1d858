/* SPDX-License-Identifier: MIT */
/*
 * Ring-buffer bytes → typed records: each kind at its exact size, every size below it, counts that
 * do not fit. Records lie in memory of exactly their size, so that a sanitizer sees any look behind
 * them.
 */
#include "user/session/drain.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

struct seen {
	unsigned samples, codes, lines, processes, exits, recalls, cpus, tasks, programs, cgroups;
	uint64_t sum; /* of all bytes the handlers may use */
};

static void use(struct seen *s, const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		s->sum += ((const unsigned char *)bytes)[i];
}

static void on_sample(void *ctx, const struct abi_sample *rec)
{
	const struct abi_native *n = abi_native_of(rec);

	((struct seen *)ctx)->samples++;
	use(ctx, rec, sizeof(*rec) + rec->frame_cnt * sizeof(struct abi_frame));
	if (n)
		use(ctx, n, sizeof(*n) + abi_native_bytes(n));
}

static void on_code(void *ctx, const struct abi_code *rec)
{
	((struct seen *)ctx)->codes++;
	use(ctx, rec, sizeof(*rec) + rec->name.bytes + rec->file.bytes);
}

static void on_lines(void *ctx, const struct abi_lines *rec)
{
	((struct seen *)ctx)->lines++;
	use(ctx, rec, sizeof(*rec) + rec->bytes);
}

static void on_process(void *ctx, const struct abi_proc_rec *rec)
{
	((struct seen *)ctx)->processes++;
	use(ctx, rec, sizeof(*rec));
}

static void on_exit_record(void *ctx, const struct abi_exit *rec)
{
	((struct seen *)ctx)->exits++;
	use(ctx, rec, sizeof(*rec));
}

static void on_invalidate(void *ctx, const struct abi_invalidate *rec)
{
	((struct seen *)ctx)->recalls++;
	use(ctx, rec, sizeof(*rec));
}

static void on_cpu(void *ctx, const struct abi_cpu_rec *rec)
{
	((struct seen *)ctx)->cpus++;
	use(ctx, rec, sizeof(*rec));
}

static void on_tasks(void *ctx, const struct abi_tasks *rec)
{
	const struct abi_task *t = (const struct abi_task *)(rec + 1);

	((struct seen *)ctx)->tasks++;
	use(ctx, rec, sizeof(*rec));
	for (unsigned i = 0; i < rec->cnt; i++) {
		use(ctx, t[i].text, t[i].name.bytes);
		use(ctx, t[i].text, t[i].coroutine.bytes);
	}
}

static void on_program(void *ctx, const struct abi_program_rec *rec)
{
	((struct seen *)ctx)->programs++;
	use(ctx, rec, sizeof(*rec));
}

static void on_cgroup(void *ctx, const struct abi_cgroup_rec *rec)
{
	((struct seen *)ctx)->cgroups++;
	use(ctx, rec->path, strlen(rec->path) + 1);
}

static const struct drain_handlers handlers = {
	.sample = on_sample,
	.code = on_code,
	.lines = on_lines,
	.process = on_process,
	.exit = on_exit_record,
	.invalidate = on_invalidate,
	.cpu = on_cpu,
	.tasks = on_tasks,
	.program = on_program,
	.cgroup = on_cgroup,
};

static unsigned handled(const struct seen *s)
{
	return s->samples + s->codes + s->lines + s->processes + s->exits + s->recalls + s->cpus + s->tasks +
	       s->programs + s->cgroups;
}

/* What drain makes of the first `size` bytes; as long as the record says, or as `size`. */
static int drain(const void *record, size_t size, struct seen *s)
{
	char *bytes = xmalloc(size);
	struct abi_hdr hdr;
	int err;

	memcpy(bytes, record, size);
	if (size >= sizeof(hdr)) {
		memcpy(&hdr, bytes, sizeof(hdr));
		if (hdr.size > size)
			hdr.size = (uint32_t)size;
		memcpy(bytes, &hdr, sizeof(hdr));
	}
	err = drain_record(bytes, size, &handlers, s);
	assert_true(err == 0 || err == -EBADMSG);
	free(bytes);
	return err;
}

static struct abi_hdr *new_record(unsigned kind, size_t size)
{
	struct abi_hdr *hdr = xcalloc(1, size);

	hdr->kind = (uint16_t)kind;
	hdr->size = (uint32_t)size;
	return hdr;
}

/* Taken at `size`, and with bytes behind it; refused at every smaller size. */
static void check_sizes(const struct abi_hdr *record, size_t size, const unsigned *count, struct seen *s)
{
	char *longer = xcalloc(1, size + 8);

	for (size_t n = 0; n < size; n++)
		assert_int_equal(drain(record, n, s), -EBADMSG);
	assert_int_equal(handled(s), 0);
	assert_int_equal(drain(record, size, s), 0);
	assert_int_equal(*count, 1);
	memcpy(longer, record, size);
	assert_int_equal(drain(longer, size + 8, s), 0);
	assert_int_equal(*count, 2);
	assert_int_equal(handled(s), 2);
	free(longer);
}

static void samples(void **state)
{
	static const uint16_t counts[] = {0, 1, 7, 100, ABI_MAX_FRAMES};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		size_t size = sizeof(struct abi_sample) + counts[i] * sizeof(struct abi_frame);
		struct abi_hdr *r = new_record(ABI_REC_SAMPLE, size);
		struct seen s = {0};

		((struct abi_sample *)r)->frame_cnt = counts[i];
		check_sizes(r, size, &s.samples, &s);
		free(r);
	}
}

static void samples_that_lie(void **state)
{
	static const uint16_t counts[] = {2, 3, ABI_MAX_FRAMES + 1, UINT16_MAX};
	size_t size = sizeof(struct abi_sample) + sizeof(struct abi_frame);
	struct abi_hdr *r = new_record(ABI_REC_SAMPLE, size);
	struct abi_sample *sample = (struct abi_sample *)r;
	struct seen s = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		sample->frame_cnt = counts[i];
		assert_int_equal(drain(r, size, &s), -EBADMSG);
	}
	sample->frame_cnt = 1;
	for (unsigned outcome = 0; outcome < 256; outcome++) {
		sample->outcome = (uint8_t)outcome;
		assert_int_equal(drain(r, size, &s), outcome < ABI_OUTCOME_CNT ? 0 : -EBADMSG);
	}
	assert_int_equal(s.samples, ABI_OUTCOME_CNT);
	sample->outcome = ABI_OK;
	for (unsigned source = 0; source < 256; source++) {
		sample->source = (uint8_t)source;
		assert_int_equal(drain(r, size, &s), source < ABI_SOURCE_CNT ? 0 : -EBADMSG);
	}
	free(r);
	/* more frames than there may be, all of them there */
	size = sizeof(struct abi_sample) + (ABI_MAX_FRAMES + 1) * sizeof(struct abi_frame);
	r = new_record(ABI_REC_SAMPLE, size);
	((struct abi_sample *)r)->frame_cnt = ABI_MAX_FRAMES + 1;
	assert_int_equal(drain(r, size, &s), -EBADMSG);
	free(r);
}

static void tasks(void **state)
{
	(void)state;
	for (uint16_t cnt = 1; cnt <= ABI_MAX_TASKS; cnt++) {
		size_t size = sizeof(struct abi_tasks) + cnt * sizeof(struct abi_task);
		struct abi_hdr *r = new_record(ABI_REC_TASKS, size);
		struct seen s = {0};

		((struct abi_tasks *)r)->cnt = cnt;
		check_sizes(r, size, &s.tasks, &s);
		free(r);
	}
}

static void tasks_that_lie(void **state)
{
	static const uint16_t counts[] = {0, 3, ABI_MAX_TASKS + 1, UINT16_MAX};
	size_t size = sizeof(struct abi_tasks) + 2 * sizeof(struct abi_task);
	struct abi_hdr *r = new_record(ABI_REC_TASKS, size);
	struct abi_tasks *t = (struct abi_tasks *)r;
	struct abi_task *task = (struct abi_task *)(t + 1);
	struct seen s = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		t->cnt = counts[i];
		assert_int_equal(drain(r, size, &s), -EBADMSG);
	}
	t->cnt = 2;
	task[1].name.bytes = ABI_TASK_TEXT;
	assert_int_equal(drain(r, size, &s), 0);
	task[1].name.bytes++;
	assert_int_equal(drain(r, size, &s), -EBADMSG);
	task[1].name.bytes = 0;
	task[0].coroutine.bytes = UINT32_MAX;
	assert_int_equal(drain(r, size, &s), -EBADMSG);
	free(r);
}

static struct abi_native *native_part(struct abi_hdr *r, uint16_t frames, const uint16_t counts[3])
{
	struct abi_sample *s = (struct abi_sample *)r;
	struct abi_native *n;

	s->frame_cnt = frames;
	s->flags = ABI_SAMPLE_NATIVE;
	n = (struct abi_native *)abi_native_of(s);
	n->kernel_cnt = counts[0];
	n->native_cnt = counts[1];
	n->run_cnt = counts[2];
	return n;
}

static size_t native_size(uint16_t frames, const uint16_t counts[3])
{
	return sizeof(struct abi_sample) + frames * sizeof(struct abi_frame) + sizeof(struct abi_native) +
	       8 * (size_t)(counts[0] + counts[1]) + counts[2] * sizeof(struct abi_run);
}

static void native_parts(void **state)
{
	static const uint16_t counts[][3] = {{0, 0, 0}, {1, 0, 0},  {0, 1, 0},
					     {0, 0, 1}, {5, 40, 7}, {ABI_MAX_KERNEL, ABI_MAX_NATIVE, ABI_MAX_RUNS}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		size_t size = native_size(3, counts[i]);
		struct abi_hdr *r = new_record(ABI_REC_SAMPLE, size);
		struct seen s = {0};

		native_part(r, 3, counts[i]);
		check_sizes(r, size, &s.samples, &s);
		free(r);
	}
}

static void native_parts_that_lie(void **state)
{
	static const uint16_t counts[][3] = {{ABI_MAX_KERNEL + 1, 0, 0}, {0, ABI_MAX_NATIVE + 1, 0},
					     {0, 0, ABI_MAX_RUNS + 1},   {UINT16_MAX, 0, 0},
					     {0, UINT16_MAX, 0},         {0, 0, UINT16_MAX}};
	static const uint16_t none[3];
	size_t size = native_size(0, (const uint16_t[3]){UINT16_MAX, UINT16_MAX, UINT16_MAX});
	struct abi_hdr *r = new_record(ABI_REC_SAMPLE, size);
	struct seen s = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		native_part(r, 0, counts[i]);
		assert_int_equal(drain(r, size, &s), -EBADMSG);
	}
	for (unsigned end = 0; end < 256; end++) {
		native_part(r, 0, none)->end = (uint8_t)end;
		assert_int_equal(drain(r, size, &s), end < ABI_NATIVE_END_CNT ? 0 : -EBADMSG);
	}
	free(r);
}

static void put_texts(struct abi_hdr *r, const uint32_t bytes[3])
{
	struct abi_code *c = (struct abi_code *)r;

	c->name.bytes = bytes[0];
	c->file.bytes = bytes[1];
	c->module.bytes = bytes[2];
}

static void code_objects(void **state)
{
	static const uint32_t texts[][3] = {{0, 0, 0},
					    {1, 0, 0},
					    {0, 1, 0},
					    {0, 0, 1},
					    {9, 30, 12},
					    {ABI_MAX_TEXT, 5, ABI_MAX_TEXT},
					    {ABI_MAX_TEXT, ABI_MAX_TEXT, ABI_MAX_TEXT}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		size_t size = sizeof(struct abi_code) + texts[i][0] + texts[i][1] + texts[i][2];
		struct abi_hdr *r = new_record(ABI_REC_CODE, size);
		struct seen s = {0};

		put_texts(r, texts[i]);
		check_sizes(r, size, &s.codes, &s);
		free(r);
	}
}

static void code_objects_that_lie(void **state)
{
	static const uint32_t texts[][3] = {
		{ABI_MAX_TEXT + 1, 0, 0},    {0, ABI_MAX_TEXT + 1, 0}, {0, 0, ABI_MAX_TEXT + 1},
		{UINT32_MAX, 1, 0},          {1, UINT32_MAX, 0},       {1, 0, UINT32_MAX},
		{UINT32_MAX, UINT32_MAX, 2}, {1u << 31, 1u << 31, 0},  {0, 1u << 31, 1u << 31}};
	size_t size = sizeof(struct abi_code) + 3 * ABI_MAX_TEXT + 64;
	struct abi_hdr *r = new_record(ABI_REC_CODE, size);
	struct seen s = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		put_texts(r, texts[i]);
		assert_int_equal(drain(r, size, &s), -EBADMSG);
	}
	assert_int_equal(handled(&s), 0);
	free(r);
}

static void line_tables(void **state)
{
	static const uint32_t sizes[] = {0, 1, 100, ABI_CODE_CHUNK};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t size = sizeof(struct abi_lines) + sizes[i];
		struct abi_hdr *r = new_record(ABI_REC_LINES, size);
		struct seen s = {0};

		((struct abi_lines *)r)->bytes = sizes[i];
		((struct abi_lines *)r)->offset = UINT32_MAX; /* whoever puts them together looks at that */
		check_sizes(r, size, &s.lines, &s);
		free(r);
	}
}

static void line_tables_that_lie(void **state)
{
	static const uint32_t sizes[] = {ABI_CODE_CHUNK + 1, 1u << 31, UINT32_MAX};
	size_t size = sizeof(struct abi_lines) + ABI_CODE_CHUNK + 64;
	struct abi_hdr *r = new_record(ABI_REC_LINES, size);
	struct seen s = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		((struct abi_lines *)r)->bytes = sizes[i];
		assert_int_equal(drain(r, size, &s), -EBADMSG);
	}
	assert_int_equal(handled(&s), 0);
	free(r);
}

static void processes_and_exits(void **state)
{
	struct abi_hdr *process = new_record(ABI_REC_PROC, sizeof(struct abi_proc_rec));
	struct abi_hdr *end = new_record(ABI_REC_EXIT, sizeof(struct abi_exit));
	struct abi_hdr *invalidate = new_record(ABI_REC_INVALIDATE, sizeof(struct abi_invalidate));
	struct abi_hdr *cpu = new_record(ABI_REC_CPU, sizeof(struct abi_cpu_rec));
	struct abi_hdr *program = new_record(ABI_REC_PROGRAM, sizeof(struct abi_program_rec));
	struct seen s = {0};

	(void)state;
	check_sizes(process, sizeof(struct abi_proc_rec), &s.processes, &s);
	s = (struct seen){0};
	check_sizes(end, sizeof(struct abi_exit), &s.exits, &s);
	s = (struct seen){0};
	check_sizes(invalidate, sizeof(struct abi_invalidate), &s.recalls, &s);
	s = (struct seen){0};
	check_sizes(cpu, sizeof(struct abi_cpu_rec), &s.cpus, &s);
	s = (struct seen){0};
	check_sizes(program, sizeof(struct abi_program_rec), &s.programs, &s);
	free(process);
	free(end);
	free(invalidate);
	free(cpu);
	free(program);
}

static void paths_that_lie(void **state)
{
	static const uint32_t sizes[] = {0, 5, ABI_CGROUP_PATH + 1, UINT32_MAX};
	size_t size = offsetof(struct abi_cgroup_rec, path) + 4;
	struct abi_hdr *r = new_record(ABI_REC_CGROUP, size);
	struct abi_cgroup_rec *c = (struct abi_cgroup_rec *)r;
	struct seen s = {0};

	(void)state;
	memcpy(c->path, "/ab", 4);
	c->path_bytes = 4;
	check_sizes(r, size, &s.cgroups, &s);
	s = (struct seen){0};
	c->path[3] = 'c'; /* without an end */
	assert_int_equal(drain(r, size, &s), -EBADMSG);
	c->path[3] = 0;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		c->path_bytes = sizes[i];
		assert_int_equal(drain(r, size, &s), -EBADMSG);
	}
	assert_int_equal(handled(&s), 0);
	free(r);
}

static void what_is_none_of_ours(void **state)
{
	size_t size = sizeof(struct abi_proc_rec);
	struct abi_hdr *r = new_record(0, size);
	struct seen s = {0};

	(void)state;
	for (unsigned kind = 0; kind <= UINT16_MAX; kind++) {
		r->kind = (uint16_t)kind;
		if (kind < ABI_REC_SAMPLE || kind > ABI_REC_CGROUP)
			assert_int_equal(drain(r, size, &s), -EBADMSG);
	}
	r->kind = ABI_REC_EXIT;
	r->size = (uint32_t)size + 1; /* longer than what came */
	assert_int_equal(drain_record(r, size, &handlers, &s), -EBADMSG);
	r->size = UINT32_MAX;
	assert_int_equal(drain_record(r, size, &handlers, &s), -EBADMSG);
	assert_int_equal(handled(&s), 0);
	free(r);
}

/* It has done what it is for when it has come. */
static void a_wake_is_nobodys(void **state)
{
	struct abi_hdr *wake = new_record(ABI_REC_WAKE, sizeof(struct abi_hdr));
	struct seen s = {0};

	(void)state;
	assert_int_equal(drain(wake, sizeof(*wake), &s), 0);
	assert_int_equal(drain(wake, sizeof(*wake) - 1, &s), -EBADMSG);
	assert_int_equal(handled(&s), 0);
	free(wake);
}

/* Any bytes with a kind of ours: whatever is taken lies within its bytes. */
static void any_bytes(void **state)
{
	unsigned char bytes[1024];
	struct seen s = {0};
	unsigned taken = 0;

	(void)state;
	srand(1);
	for (int i = 0; i < 200000; i++) {
		size_t size = (size_t)rand() % sizeof(bytes);
		struct abi_hdr hdr = {.kind = (uint16_t)(rand() % ABI_REC_WAKE)};

		for (size_t k = 0; k < size; k++)
			bytes[k] = rand() % 4 ? 0 : (unsigned char)rand();
		hdr.size = (uint32_t)size;
		if (size >= sizeof(hdr))
			memcpy(bytes, &hdr, sizeof(hdr));
		taken += !drain(bytes, size, &s);
	}
	assert_int_equal(taken, handled(&s));
	assert_true(s.samples && s.codes && s.lines && s.processes && s.exits && s.recalls && s.cpus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples),
		cmocka_unit_test(samples_that_lie),
		cmocka_unit_test(tasks),
		cmocka_unit_test(tasks_that_lie),
		cmocka_unit_test(native_parts),
		cmocka_unit_test(native_parts_that_lie),
		cmocka_unit_test(code_objects),
		cmocka_unit_test(code_objects_that_lie),
		cmocka_unit_test(line_tables),
		cmocka_unit_test(line_tables_that_lie),
		cmocka_unit_test(processes_and_exits),
		cmocka_unit_test(paths_that_lie),
		cmocka_unit_test(what_is_none_of_ours),
		cmocka_unit_test(a_wake_is_nobodys),
		cmocka_unit_test(any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
