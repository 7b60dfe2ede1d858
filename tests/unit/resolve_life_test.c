/* Raw records → the profile: processes and threads as they come, fork, exec and go; losses; CPU
 * time. */
#include "tests/unit/resolve_world.h"

/* ---- processes ------------------------------------------------------------------------ */

static void ends_while_samples_wait(void **state)
{
	const struct abi_frame stack[] = {{1, 0, 0}};
	struct profile *p;

	(void)state;
	tell_process(1, PID(1), 0, "short");
	tell_stack(1, 1, stack, 1);
	tell_exit(1, 0);
	flush(2);
	tell_function(1, 1, "f"); /* its last callback's records come behind */
	flush(3);
	assert_int_equal(waiting(), 0);
	tell_stack(1, 4, stack, 1); /* its names are forgotten by now */
	assert_int_equal(waiting(), 1);
	tell_exit(1, 0);
	tell_exit(99, 1);
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
	tell_function(1, 1, "f");
	tell_stack(1, 1, stack, 1);
	tell_stack(2, 1, never, 1);
	tell_exit(1, 0);
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
	tell_function(1, 1, "f");
	for (uint32_t image = 1; image <= 300; image++) {
		struct made_sample m = {.image_id = image, .tid = 7, .frames = image % 3 ? stack : never, .cnt = 1};

		tell_process(image, PID(image), 0, "short");
		tell_sample(&m);
		tell_exit(image, 0);
	}
	tell_stack(301, 1, stack, 1);
	flush(2);
	processes__each_living(processes, count, &living);
	processes__each(processes, count, &all);
	assert_int_equal(living, 100 + 1); /* those that samples wait for, and one that runs */
	assert_int_equal(all, 301);
	assert_null(processes__find(processes, 1)->threads);
	tell_sample(&(struct made_sample){.image_id = 1, .outcome = ABI_EXITING}); /* late, from another CPU */
	p = finish();
	assert_int_equal(p->process_cnt, 301);
	assert_int_equal(p->thread_cnt, 301);
	assert_int_equal(find_loss(p, 1, "exiting")->count, 1);
	profile__free(p);
}

/* A child has its parent's code objects under keys of its own. */
static void forks(void **state)
{
	const struct abi_frame mine[] = {{1, 2, 0}};
	struct profile *p;

	(void)state;
	tell_process(1, PID(1), 0, "server");
	tell_function(1, 1, "work");
	tell_stack(1, 1, mine, 1);
	for (uint32_t child = 2; child < 10; child++) {
		const struct abi_frame stack[] = {{100 + child, 2, 0}};

		tell_process(child, PID(child), 1, "server");
		tell_stack(child, child, stack, 1);
		tell_function(child, 100 + child, "work");
		flush(child);
		tell_exit(child, 0);
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
	tell_process(1, 4194000, 0, "before");
	tell_function(1, 1, "f");
	tell_stack(1, 1, before, 1);
	tell_exit(1, 1);
	tell_process(2, 4194000, 0, "after");
	tell_function(2, 2, "g");
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
	tell_function(1, 1, "f");
	tell_stack(1, 1, stack, 1);
	tell_process(1, PID(1), 0, "late");
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
	tell_function(1, 1, "f");
	for (int round = 0; round < 3; round++) {
		for (uint32_t tid = 7; tid <= 9; tid++) {
			m.tid = tid;
			tell_sample(&m);
		}
	}
	m.tid = 0;
	tell_sample(&m);
	p = finish();
	assert_int_equal(p->thread_cnt, 4);
	assert_int_equal(p->threads[2].tid, 8);
	assert_string_equal(p->threads[2].name, "python3");
	assert_string_equal(p->threads[4].name, "MainThread");
	profile__free(p);
}

/* ---- losses --------------------------------------------------------------------------- */

static void losses_by_process_with_their_spans(void **state)
{
	static const enum abi_outcome outcomes[] = {ABI_NO_TSTATE, ABI_FAULT_FRAME, ABI_NO_FRAME,
						    ABI_UNSUPPORTED};
	const struct profile_loss *l;
	struct profile *p;

	(void)state;
	for (uint64_t i = 0; i < 400; i++) { /* over 4 s, sent on every second or so */
		struct made_sample m = {.image_id = 1 + i % 2, .at_ns = i * PERIOD};

		m.outcome = outcomes[i % 4];
		m.exec_ns = SECOND + i / 2 * PERIOD;
		tell_sample(&m);
		flush(i * PERIOD);
	}
	resolve__unsent(resolve, (uint64_t[]){START + SECOND, START + 2 * SECOND}, 0,
			&(struct abi_unsent){.cnt = 5, .value_ns = 5 * PERIOD});
	resolve__unsent(resolve, (uint64_t[]){START + 3 * SECOND, START + 4 * SECOND}, 0,
			&(struct abi_unsent){.cnt = 2, .value_ns = 2 * PERIOD});
	p = finish();
	assert_int_equal(p->sample_cnt, 0);
	assert_int_equal(p->loss_cnt, 5);
	l = find_loss(p, 1, "no_tstate");
	assert_int_equal(l->count, 100);
	assert_int_equal(l->value_ns, 100 * PERIOD);
	assert_int_equal(l->from_unix_ns, UNIX);
	assert_int_equal(l->to_unix_ns, UNIX + 396 * PERIOD);
	assert_false(l->failure);
	l = find_loss(p, 2, "fault_frame");
	assert_int_equal(l->count, 100);
	assert_int_equal(l->from_unix_ns, UNIX + PERIOD);
	assert_true(l->failure);
	assert_false(find_loss(p, 1, "no_frame")->failure);
	assert_true(find_loss(p, 2, "unsupported")->failure);
	l = find_loss(p, 0, "ring_full");
	assert_int_equal(l->count, 7);
	assert_int_equal(l->value_ns, 7 * PERIOD);
	assert_int_equal(l->from_unix_ns, UNIX + SECOND); /* since when they may have been lost */
	assert_int_equal(l->to_unix_ns, UNIX + 4 * SECOND);
	assert_true(l->failure);
	assert_int_equal(profile__failed_cnt(p), 207);
	profile__free(p);
}

/* Every record is a sample or a loss. */
static void nothing_disappears(void **state)
{
	const struct abi_frame stack[] = {{1, 0, 0}};
	uint64_t lost = 0;
	struct profile *p;

	(void)state;
	tell_function(1, 1, "f");
	for (unsigned i = 0; i < 50 * ABI_OUTCOME_CNT; i++) {
		struct made_sample m = {.image_id = 1 + i % 7, .outcome = i % ABI_OUTCOME_CNT};

		if (outcome_class(m.outcome) == ABI_WRITTEN) {
			m.frames = stack;
			m.cnt = 1;
		}
		tell_sample(&m);
	}
	for (unsigned i = 0; i < ABI_OUTCOME_CNT; i++)
		assert_int_equal(resolve__stats(resolve)->by_outcome[i], 50);
	p = finish();
	for (size_t i = 0; i < p->loss_cnt; i++)
		lost += p->losses[i].count;
	assert_int_equal(p->sample_cnt, 4 * 50);
	assert_int_equal(p->sample_cnt + lost, 50 * ABI_OUTCOME_CNT);
	profile__free(p);
}

/* ---- CPU time ------------------------------------------------------------------------- */

/* What the samples of a thread stand for, when it really ran `ran` per tick. */
static uint64_t sum_of_values(uint64_t ran, uint32_t ticks, bool gil_only)
{
	const struct abi_frame stack[] = {{1, 0, 0}};
	struct profile *p;
	uint64_t sum;

	begin(NULL);
	if (gil_only)
		resolve__gil_only(resolve);
	tell_function(1, 1, "f");
	for (uint32_t i = 0; i < ticks; i++) {
		struct made_sample m = {
			.image_id = 1, .at_ns = i * PERIOD, .frames = stack, .cnt = 1};

		m.exec_ns = SECOND + i * ran;
		tell_sample(&m);
	}
	p = finish();
	sum = p->value_ns;
	assert_int_equal(p->sample_cnt, ticks);
	profile__free(p);
	return sum;
}

/* What a thread's samples stand for and what was lost of it, when those from `gap[0]` to `gap[1]` were lost. */
static void sums_with_a_gap(const uint32_t gap[2], uint32_t told_at, uint64_t sums[2])
{
	const struct abi_frame stack[] = {{1, 0, 0}};
	const struct abi_unsent u = {.cnt = gap[1] - gap[0], .value_ns = (gap[1] - gap[0]) * PERIOD,
				     .exec_ns = SECOND + gap[0] * PERIOD, .first_value_ns = PERIOD,
				     .tgid = PID(1)};
	struct profile *p;

	begin(NULL);
	tell_function(1, 1, "f");
	for (uint32_t i = 0; i <= 500; i++) {
		struct made_sample m = {.image_id = 1, .at_ns = i * PERIOD, .frames = stack, .cnt = 1};

		if (i == told_at)
			resolve__unsent(resolve, (uint64_t[]){START, START + i * PERIOD},
					1ull << 32 | PID(1), &u);
		m.exec_ns = SECOND + i * PERIOD;
		if (i < 500 && (i < gap[0] || i >= gap[1]))
			tell_sample(&m);
	}
	p = finish();
	sums[0] = p->value_ns;
	sums[1] = find_loss(p, 1, "ring_full")->value_ns;
	assert_int_equal(p->sample_cnt + find_loss(p, 1, "ring_full")->count, 500);
	profile__free(p);
}

/* A lost sample's time is lost, not its thread's other samples' too; whenever it is told of. */
static void lost_time_counts_once(void **state)
{
	static const uint32_t gaps[][2] = {{100, 300}, {0, 200}, {300, 500}};
	static const uint32_t told_at[] = {50, 100, 250, 301, 310, 500};
	uint64_t sums[2];

	(void)state;
	for (size_t g = 0; g < ARRAY_SIZE(gaps); g++)
		for (size_t i = 0; i < ARRAY_SIZE(told_at); i++) {
			sums_with_a_gap(gaps[g], told_at[i], sums);
			assert_int_equal(sums[1], 200 * PERIOD);
			if (told_at[i] <= gaps[g][1]) /* before the next sample, as a session does */
				assert_int_equal(sums[0], 300 * PERIOD);
			else if (told_at[i] < 500)
				assert_in_range(sums[0], 298 * PERIOD, 302 * PERIOD);
		}
}

/* Chance gives a thread some ticks too many or too few; the scheduler's clock knows. */
static void sums_follow_the_cpu_clock(void **state)
{
	const uint64_t exact = PERIOD, more = PERIOD * 11 / 10, less = PERIOD * 9 / 10;

	(void)state;
	assert_int_equal(sum_of_values(exact, 500, false), 500 * exact);
	assert_in_range(sum_of_values(more, 500, false), 498 * more, 502 * more);
	assert_in_range(sum_of_values(less, 500, false), 498 * less, 502 * less);
	assert_int_equal(sum_of_values(more, 500, true), 500 * PERIOD);
	/* absurd clocks bend nothing by more than half */
	assert_in_range(sum_of_values(PERIOD * 100, 100, false), 100 * PERIOD, 150 * PERIOD);
	assert_in_range(sum_of_values(0, 100, false), 50 * PERIOD, 100 * PERIOD);
}

/* Samples that took code objects on trust wait until it is clear that they were right. */
static void recalled(void **state)
{
	const struct abi_frame stack[] = {{1, 0, 0}};
	struct made_sample m = {.image_id = 1, .frames = stack, .cnt = 1, .trusted = true};
	struct profile *p;

	(void)state;
	for (uint32_t image = 1; image <= 2; image++)
		tell_function(image, image, "f");
	tell_sample(&m); /* confirmed by the time that goes by */
	m.at_ns = ABI_TRUST_NS;
	tell_sample(&m);
	m.image_id = 2;
	tell_sample(&m); /* of another process */
	m.image_id = 1;
	m.trusted = false;
	tell_sample(&m); /* it looked for itself; waits for those before it */
	assert_int_equal(waiting(), 4);
	flush(ABI_TRUST_NS);
	assert_int_equal(waiting(), 4);
	flush(2 * ABI_TRUST_NS);
	assert_int_equal(waiting(), 3);
	tell_recall(1);
	flush(4 * ABI_TRUST_NS);
	assert_int_equal(waiting(), 0);
	assert_int_equal(resolve__stats(resolve)->recalled[ABI_OK], 1);
	m.at_ns = 5 * ABI_TRUST_NS;
	tell_sample(&m);
	assert_int_equal(waiting(), 0);
	p = finish();
	assert_int_equal(p->sample_cnt, 4);
	assert_int_equal(find_loss(p, 1, "replaced")->count, 1);
	assert_true(find_loss(p, 1, "replaced")->failure);
	assert_int_equal(p->loss_cnt, 1);
	profile__free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(ends_while_samples_wait, begin),
		cmocka_unit_test_setup(ends_while_others_wait, begin),
		cmocka_unit_test_setup(the_gone_are_retired, begin),
		cmocka_unit_test_setup(forks, begin),
		cmocka_unit_test_setup(execs, begin),
		cmocka_unit_test_setup(described_late, begin),
		cmocka_unit_test_setup(threads, begin),
		cmocka_unit_test_setup(losses_by_process_with_their_spans, begin),
		cmocka_unit_test_setup(nothing_disappears, begin),
		cmocka_unit_test_setup(recalled, begin),
		cmocka_unit_test(sums_follow_the_cpu_clock),
		cmocka_unit_test(lost_time_counts_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
