/* SPDX-License-Identifier: MIT */
/* Raw records → the profile: processes and threads as they come, fork, exec and go; losses; CPU
 * time. */
#include "tests/unit/whole.h"
#include "tests/unit/resolve_world.h"
#include "user/profile/loss_words.h"
#include "user/target/outcome.h"

/* ---- processes ------------------------------------------------------------------------ */

static void ends_while_samples_wait(void **state)
{
	const struct abi_frame stack[] = {{1, 0, 0}};
	struct profile *p;

	(void)state;
	emit_process(1, PID(1), 0, "short");
	tell_stack(1, 1, stack, 1);
	tell_exit(1);
	flush(2);
	emit_function(1, 1, "f"); /* its last callback's records come behind */
	flush(3);
	assert_int_equal(waiting(), 0);
	tell_stack(1, 4, stack, 1); /* its names are forgotten by now */
	assert_int_equal(waiting(), 1);
	tell_exit(1);
	tell_exit(99);
	p = finish();
	assert_int_equal(p->sample_cnt, 2);
	assert_stack(p, 0, "f:10");
	assert_stack(p, 1, "[unknown function]:0");
	profile__free(p);
}

/* Many short processes under load: somebody waits all the time. */
static void ends_while_others_wait(void **state)
{
	const struct abi_frame stack[] = {{1, 0, 0}}, never[] = {{2, 0, 0}};
	struct profile *p;

	(void)state;
	emit_function(1, 1, "f");
	tell_stack(1, 1, stack, 1);
	tell_stack(2, 1, never, 1);
	tell_exit(1);
	flush(2);
	assert_int_equal(waiting(), 1);
	tell_stack(1, 3, stack, 1);
	assert_int_equal(waiting(), 2); /* its names are forgotten all the same */
	p = finish();
	assert_int_equal(p->sample_cnt, 3);
	profile__free(p);
}

static void count(void *ctx, struct process *p)
{
	(void)p;
	++*(size_t *)ctx;
}

/* Thousands that came and went must not be looked at again and again; the summary still has them. */
static void the_gone_are_retired(void **state)
{
	const struct abi_frame stack[] = {{1, 0, 0}}, never[] = {{2, 0, 0}};
	size_t living = 0, all = 0;
	struct profile *p;

	(void)state;
	emit_function(1, 1, "f");
	for (uint32_t image = 1; image <= 300; image++) {
		struct made_sample m = {.image_id = image, .tid = 7, .frames = image % 3 ? stack : never, .cnt = 1};

		emit_process(image, PID(image), 0, "short");
		emit_sample(&m);
		tell_exit(image);
	}
	tell_stack(301, 1, stack, 1);
	flush(2);
	processes__each_living(processes, count, &living);
	processes__each(processes, count, &all);
	assert_int_equal(living, 100 + 1); /* those that samples wait for, and one that runs */
	assert_int_equal(all, 301);
	emit_sample(&(struct made_sample){.image_id = 1, .outcome = ABI_EXITING}); /* late, from another CPU */
	p = finish();
	assert_int_equal(p->process_cnt, 301);
	assert_int_equal(p->thread_cnt, 301);
	assert_int_equal(find_loss(p, 1, "exiting")->count, 1);
	profile__free(p);
}

/* What is kept of a process that is gone is a line in the summary: not its threads. */
static void threads_go_with_their_process(void **state)
{
	const struct abi_frame stack[] = {{1, 0, 0}};
	const uint32_t cnt = 2000;
	size_t with_them;

	(void)state;
	emit_process(1, PID(1), 0, "pool");
	emit_function(1, 1, "f");
	for (uint32_t tid = 1; tid <= cnt; tid++)
		emit_sample(&(struct made_sample){.image_id = 1, .tid = tid, .frames = stack, .cnt = 1});
	flush(2);
	with_them = in_use();
	tell_exit(1);
	flush(3);
	assert_true(in_use() + cnt * 100 < with_them);
	profile__free(finish());
}

/* A child has its parent's code objects under keys of its own. */
static void forks(void **state)
{
	const struct abi_frame mine[] = {{1, 2, 0}};
	struct profile *p;

	(void)state;
	emit_process(1, PID(1), 0, "server");
	emit_function(1, 1, "work");
	tell_stack(1, 1, mine, 1);
	for (uint32_t child = 2; child < 10; child++) {
		const struct abi_frame stack[] = {{100 + child, 2, 0}};

		emit_process(child, PID(child), 1, "server");
		tell_stack(child, child, stack, 1);
		emit_function(child, 100 + child, "work");
		flush(child);
		tell_exit(child);
	}
	p = finish();
	assert_int_equal(p->sample_cnt, 9);
	assert_int_equal(p->process_cnt, 9);
	assert_int_equal(p->function_cnt, 1);
	assert_int_equal(p->stack_cnt, 1);
	assert_int_equal(p->thread_cnt, 9);
	profile__free(p);
}

/* The same pid, another program: another image, so another process in the profile. */
static void execs(void **state)
{
	const struct abi_frame before[] = {{1, 0, 0}}, after[] = {{2, 0, 0}};
	struct profile *p;

	(void)state;
	emit_process(1, 4194000, 0, "before");
	emit_function(1, 1, "f");
	tell_stack(1, 1, before, 1);
	tell_exit(1);
	emit_process(2, 4194000, 0, "after");
	emit_function(2, 2, "g");
	tell_stack(2, 2, after, 1);
	p = finish();
	assert_int_equal(p->process_cnt, 2);
	assert_string_equal(p->processes[1].command, "before");
	assert_string_equal(p->processes[2].command, "after");
	assert_int_equal(p->processes[1].pid, p->processes[2].pid);
	profile__free(p);
}

/* A sample may come before the record of its process, which then improves what is known. */
static void described_late(void **state)
{
	const struct abi_frame stack[] = {{1, 0, 0}};
	struct profile *p;

	(void)state;
	emit_function(1, 1, "f");
	tell_stack(1, 1, stack, 1);
	emit_process(1, PID(1), 0, "late");
	tell_stack(1, 2, stack, 1);
	p = finish();
	assert_int_equal(p->process_cnt, 1);
	assert_string_equal(p->processes[1].command, "late");
	profile__free(p);
}

static void threads(void **state)
{
	const struct abi_frame stack[] = {{1, 0, 0}};
	struct made_sample m = {.image_id = 1, .frames = stack, .cnt = 1};
	struct profile *p;

	(void)state;
	emit_function(1, 1, "f");
	for (int round = 0; round < 3; round++) {
		for (uint32_t tid = 7; tid <= 9; tid++) {
			m.tid = tid;
			emit_sample(&m);
		}
	}
	m.tid = 0;
	emit_sample(&m);
	p = finish();
	assert_int_equal(p->thread_cnt, 4);
	assert_int_equal(p->threads[2].tid, 8);
	assert_string_equal(p->threads[2].name, "python3");
	assert_string_equal(p->threads[4].name, "MainThread");
	profile__free(p);
}

/* ---- native threads ------------------------------------------------------------------- */

static void tell_native(uint32_t tid, uint64_t at_ns, const char *comm, enum abi_outcome outcome)
{
	struct abi_sample *r = sample_record(1, outcome, NULL, 0);

	r->hdr.tgid = PID(1);
	r->hdr.tid = tid;
	r->hdr.time_ns = START + at_ns;
	r->value = PERIOD;
	r->thread_ident = tid;
	strcpy(r->comm, comm);
	resolve__sample(resolve, r);
	free(r);
}

/* They are samples with a frame of their own, in their own threads, which are called as the kernel calls them last. */
static void native_threads(void **state)
{
	const struct abi_frame stack[] = {{1, 0, 0}};
	struct profile *p;

	(void)state;
	emit_function(1, 1, "f");
	tell_native(7, 1, "pool", ABI_NO_TSTATE);
	tell_native(8, 2, "pool", ABI_NO_TSTATE);
	tell_native(7, 3, "pool-7", ABI_NO_TSTATE);
	tell_native(9, 4, "python3", ABI_NO_FRAME);
	emit_sample(&(struct made_sample){.image_id = 1, .tid = 8, .at_ns = 5, .frames = stack, .cnt = 1});
	tell_native(8, 6, "other", ABI_NO_TSTATE);
	p = finish();
	assert_int_equal(p->sample_cnt, 6);
	assert_int_equal(p->bucket_cnt, 5);
	assert_int_equal(p->truncated_cnt, 0);
	assert_int_equal(p->loss_cnt, 0);
	assert_int_equal(p->thread_cnt, 3);
	assert_stack(p, 0, "[native threads]:0");
	assert_int_equal(p->buckets[0].samples, 2);
	assert_int_equal(p->buckets[0].value, 2 * PERIOD);
	assert_int_equal(p->buckets[0].gil_samples, 0);
	assert_stack(p, 2, "[no Python function]:0");
	assert_int_equal(p->functions[p->frames[p->stacks[1].frame].function].kind, PROFILE_SYNTHETIC);
	assert_stack(p, 4, "[no Python function]:0"); /* it was Python's */
	assert_string_equal(p->threads[1].name, "pool-7");
	assert_string_equal(p->threads[2].name, "python3");
	profile__free(p);
}

/* Counted apart: a process whose Python was never read gave no stack, however much its native threads did. */
static void native_threads_are_no_stacks(void **state)
{
	(void)state;
	emit_process(1, PID(1), 0, "python3");
	tell_native(7, 1, "pool", ABI_NO_TSTATE);
	assert_int_equal(processes__find(processes, 1)->samples, 1);
	assert_int_equal(processes__find(processes, 1)->written, 0);
	assert_int_equal(resolve__stats(resolve)->processes, 1);
	assert_int_equal(resolve__stats(resolve)->samples, 1);
	profile__free(finish());
}

/* ---- losses --------------------------------------------------------------------------- */

static void losses_by_process_with_their_spans(void **state)
{
	static const enum abi_outcome outcomes[] = {ABI_NOT_PYTHON, ABI_FAULT_FRAME, ABI_EXITING, ABI_UNSUPPORTED};
	const struct profile_loss *l;
	struct profile *p;

	(void)state;
	for (uint64_t i = 0; i < 400; i++) { /* over 4 s, sent on every second or so */
		struct made_sample m = {.image_id = 1 + i % 2, .at_ns = i * PERIOD};

		m.outcome = outcomes[i % 4];
		emit_sample(&m);
		flush(i * PERIOD);
	}
	tell_lost_in((uint64_t[]){START + SECOND, START + 2 * SECOND}, 0, ABI_RING_FULL, 5);
	tell_lost_in((uint64_t[]){START + 3 * SECOND, START + 4 * SECOND}, 0, ABI_RING_FULL, 2);
	p = finish();
	assert_int_equal(p->sample_cnt, 0);
	assert_int_equal(p->loss_cnt, 5);
	l = find_loss(p, 1, "not_python");
	assert_int_equal(l->count, 100);
	assert_int_equal(l->value, 100 * PERIOD);
	assert_int_equal(l->from_unix_ns, UNIX);
	assert_int_equal(l->to_unix_ns, UNIX + 396 * PERIOD);
	assert_false(l->failure);
	l = find_loss(p, 2, "fault_frame");
	assert_int_equal(l->count, 100);
	assert_int_equal(l->from_unix_ns, UNIX + PERIOD);
	assert_true(l->failure);
	assert_false(find_loss(p, 1, "exiting")->failure);
	assert_true(find_loss(p, 2, "unsupported")->failure);
	l = find_loss(p, 0, "ring_full");
	assert_int_equal(l->count, 7);
	assert_int_equal(l->value, 7 * PERIOD);
	assert_int_equal(l->from_unix_ns, UNIX + SECOND); /* since when they may have been lost */
	assert_int_equal(l->to_unix_ns, UNIX + 4 * SECOND);
	assert_true(l->failure);
	assert_int_equal(loss_total(p), 207);
	profile__free(p);
}

/* Every record is a sample or a loss. */
static void nothing_disappears(void **state)
{
	const struct abi_frame stack[] = {{1, 0, 0}};
	uint64_t lost = 0;
	struct profile *p;

	(void)state;
	emit_function(1, 1, "f");
	for (unsigned i = 0; i < 50 * ABI_OUTCOME_CNT; i++) {
		struct made_sample m = {.image_id = 1 + i % 7, .outcome = i % ABI_OUTCOME_CNT};

		if (outcome_class(m.outcome) == ABI_WRITTEN) {
			m.frames = stack;
			m.cnt = 1;
		}
		emit_sample(&m);
	}
	for (unsigned i = 0; i < ABI_OUTCOME_CNT; i++)
		assert_int_equal(resolve__stats(resolve)->by_outcome[i], 50);
	p = finish();
	for (size_t i = 0; i < p->loss_cnt; i++)
		lost += p->losses[i].count;
	assert_int_equal(p->sample_cnt, (4 + 2) * 50); /* stacks and native ones */
	assert_int_equal(p->sample_cnt + lost, 50 * ABI_OUTCOME_CNT);
	profile__free(p);
}

/* ---- CPU time ------------------------------------------------------------------------- */

/* Whatever is lost around it, and whoever had the thread's number before. */
static void a_sample_stands_for_its_period(void **state)
{
	const struct abi_frame stack[] = {{1, 0, 0}};
	struct profile *p;
	uint64_t sum = 0;

	(void)state;
	emit_function(1, 1, "f");
	for (uint32_t i = 0; i < 500; i++) {
		struct made_sample m = {.image_id = 1, .at_ns = i * PERIOD, .frames = stack, .cnt = 1};

		m.value_ns = PERIOD / 2 + i * (PERIOD / 500);
		m.thread_start_ns = 1 + i / 250;
		sum += m.value_ns;
		emit_sample(&m);
		if (i == 100)
			tell_lost(1, ABI_RING_FULL, 200);
	}
	p = finish();
	assert_int_equal(whole_value(p), sum);
	assert_int_equal(p->thread_cnt, 2);
	assert_int_equal(find_loss(p, 1, "ring_full")->value, 200 * PERIOD);
	profile__free(p);
}

static uint64_t sum_of_type(const struct profile *p, unsigned type)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < p->bucket_cnt; i++)
		sum += p->buckets[i].type == type ? p->buckets[i].value : 0;
	return sum;
}

/* Values keep their types; bytes or objects are nobody's CPU time, sampled, failed or lost. */
static void values_of_other_types(void **state)
{
	const struct abi_frame stack[] = {{1, 0, 0}};
	const struct profile_value_type types[] = {{.name = "bytes", .unit = PROFILE_BYTES},
						   {.name = "objects", .unit = PROFILE_COUNT}};
	struct made_sample m = {.image_id = 1, .frames = stack, .cnt = 1, .value_ns = 4096};
	struct profile *p;

	(void)state;
	resolve__add_source(resolve, ABI_SOURCE_CPU, &(struct resolve_source){.types = types, .type_cnt = 2});
	emit_function(1, 1, "f");
	emit_sample(&m);
	m.type = 1;
	m.value_ns = 3;
	emit_sample(&m);
	m.outcome = ABI_TORN;
	emit_sample(&m);
	tell_lost(1, ABI_RING_FULL, 2);
	assert_int_equal(processes__find(processes, 1)->sampled_ns, 0);
	assert_int_equal(resolve__stats(resolve)->values[0], 4096);
	assert_int_equal(resolve__stats(resolve)->values[1], 3);
	p = finish();
	assert_int_equal(p->type_cnt, 2);
	assert_string_equal(p->types[1].name, "objects");
	assert_int_equal(sum_of_type(p, 0), 4096);
	assert_int_equal(sum_of_type(p, 1), 3);
	assert_int_equal(find_loss(p, 1, "torn")->type, 1);
	assert_int_equal(find_loss(p, 1, "ring_full")->type, 0);
	profile__free(p);
}

static void tell_cpu(uint32_t image_id, uint64_t cpu_ns)
{
	resolve__cpu(resolve, &(struct abi_cpu_rec){.image_id = image_id, .cpu_ns = cpu_ns});
}

/* What is known of the kernel's clock is said, and nothing is made up. */
static void the_clocks_are_told(void **state)
{
	const struct abi_frame stack[] = {{1, 0, 0}};
	struct profile *p;

	(void)state;
	emit_function(1, 1, "f");
	emit_function(2, 2, "f");
	tell_born(1, 3 * SECOND); /* an exec after 3 s */
	tell_born(2, 0);
	tell_stack(1, 1, stack, 1);
	tell_stack(2, 1, (const struct abi_frame[]){{2, 0, 0}}, 1);
	tell_cpu(1, 5 * SECOND);
	tell_cpu(3, SECOND); /* nobody's */
	p = finish();
	assert_int_equal(p->processes[1].cpu_ns, 2 * SECOND);
	assert_int_equal(p->processes[2].cpu_ns, 0);
	profile__free(p);
}

/* Unverified samples wait until it is clear that they were right. */
static void invalidated(void **state)
{
	const struct abi_frame stack[] = {{1, 0, 0}};
	struct made_sample m = {.image_id = 1, .frames = stack, .cnt = 1, .unverified = true};
	struct profile *p;

	(void)state;
	for (uint32_t image = 1; image <= 2; image++)
		emit_function(image, image, "f");
	emit_sample(&m); /* confirmed by the time that goes by */
	m.at_ns = ABI_CACHE_NS;
	emit_sample(&m);
	m.image_id = 2;
	emit_sample(&m); /* of another process */
	m.image_id = 1;
	m.unverified = false;
	emit_sample(&m); /* it looked for itself; waits for those before it */
	assert_int_equal(waiting(), 4);
	flush(ABI_CACHE_NS);
	assert_int_equal(waiting(), 4);
	flush(2 * ABI_CACHE_NS);
	assert_int_equal(waiting(), 3);
	tell_recall(1);
	flush(4 * ABI_CACHE_NS);
	assert_int_equal(waiting(), 0);
	assert_int_equal(resolve__stats(resolve)->invalidated[ABI_OK], 1);
	m.at_ns = 5 * ABI_CACHE_NS;
	emit_sample(&m);
	assert_int_equal(waiting(), 0);
	p = finish();
	assert_int_equal(p->sample_cnt, 4);
	assert_int_equal(find_loss(p, 1, "replaced")->count, 1);
	assert_true(find_loss(p, 1, "replaced")->failure);
	assert_int_equal(p->loss_cnt, 1);
	profile__free(p);
}

/* Another code object was found at its address: of others nothing is known to be wrong. */
static void invalidated_by_what_they_show(void **state)
{
	const struct abi_frame shown[] = {{2, 0, 0}, {1, 0, 0}}, others[] = {{2, 0, 0}, {3, 0, 0}};
	struct made_sample m = {.image_id = 1, .frames = shown, .cnt = 2, .unverified = true};
	const struct abi_invalidate one = {.image_id = 1, .code_key = 1};
	struct profile *p;

	(void)state;
	for (uint32_t key = 1; key <= 3; key++)
		emit_function(1, key, "f");
	emit_sample(&m);
	m.frames = others;
	emit_sample(&m);
	emit_sample(&m);
	resolve__invalidate(resolve, &one);
	p = finish();
	assert_int_equal(p->sample_cnt, 2);
	assert_int_equal(find_loss(p, 1, "replaced")->count, 1);
	profile__free(p);
}

/* A invalidate that did not fit into the ring may have been about any process. */
static void recalled_of_any(void **state)
{
	const struct abi_frame stack[] = {{1, 0, 0}};
	struct made_sample m = {.image_id = 1, .frames = stack, .cnt = 1, .unverified = true};
	struct abi_invalidate any = {.hdr = {.time_ns = START + 2 * ABI_CACHE_NS}};
	struct profile *p;

	(void)state;
	for (uint32_t image = 1; image <= 2; image++)
		emit_function(image, image, "f");
	emit_sample(&m); /* could not be invalidated any more at the last look */
	m.at_ns = ABI_CACHE_NS;
	emit_sample(&m);
	m.image_id = 2;
	emit_sample(&m);
	resolve__invalidate(resolve, &any);
	p = finish();
	assert_int_equal(p->sample_cnt, 1);
	assert_int_equal(find_loss(p, 1, "replaced")->count, 1);
	assert_int_equal(find_loss(p, 2, "replaced")->count, 1);
	profile__free(p);
}

/* The record with its clock did not fit: what was read while it lived is not what it used. */
static void ends_without_its_clock(void **state)
{
	const struct abi_frame stack[] = {{1, 0, 0}};
	struct profile *p;

	(void)state;
	emit_function(1, 1, "f");
	tell_born(1, 0);
	tell_stack(1, 1, stack, 1);
	processes__find(processes, 1)->cpu_ns = SECOND;
	tell_exit(1);
	flush(2);
	resolve__read_cpu(resolve, true);
	p = finish();
	assert_int_equal(p->processes[1].cpu_ns, 0);
	profile__free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(ends_while_samples_wait, begin),
		cmocka_unit_test_setup(ends_while_others_wait, begin),
		cmocka_unit_test_setup(the_gone_are_retired, begin),
		cmocka_unit_test_setup(threads_go_with_their_process, begin),
		cmocka_unit_test_setup(forks, begin),
		cmocka_unit_test_setup(execs, begin),
		cmocka_unit_test_setup(described_late, begin),
		cmocka_unit_test_setup(threads, begin),
		cmocka_unit_test_setup(native_threads, begin),
		cmocka_unit_test_setup(native_threads_are_no_stacks, begin),
		cmocka_unit_test_setup(losses_by_process_with_their_spans, begin),
		cmocka_unit_test_setup(nothing_disappears, begin),
		cmocka_unit_test_setup(invalidated, begin),
		cmocka_unit_test_setup(invalidated_by_what_they_show, begin),
		cmocka_unit_test_setup(recalled_of_any, begin),
		cmocka_unit_test_setup(ends_without_its_clock, begin),
		cmocka_unit_test_setup(a_sample_stands_for_its_period, begin),
		cmocka_unit_test_setup(values_of_other_types, begin),
		cmocka_unit_test_setup(the_clocks_are_told, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
