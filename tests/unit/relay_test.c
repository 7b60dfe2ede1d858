/* Windows of a stream: each stands by itself, and together they hold everything once. */
#include "tests/unit/small_profile.h"
#include "user/profile/relay.h"

/* Samples, CPU time and losses of a profile by their words, which do not depend on ids. */
static uint64_t words(uint64_t sum, const char *text)
{
	for (; *text; text++)
		sum = (sum ^ (unsigned char)*text) * 1099511628211u;
	return sum;
}

static uint64_t stack_words(const struct profile *p, uint32_t stack)
{
	uint64_t sum = 14695981039346656037u;

	for (; stack; stack = p->stacks[stack].parent) {
		const struct profile_frame *f = &p->frames[p->stacks[stack].frame];

		sum = words(sum, p->functions[f->function].name) + (uint64_t)f->line;
	}
	return sum;
}

struct sums {
	uint64_t samples, value_ns, hash, lost;
};

static int add_sample(void *arg, const struct profile_sample *s)
{
	const struct profile *p = ((void **)arg)[0];
	struct sums *sums = ((void **)arg)[1];
	const struct profile_thread *t = &p->threads[s->thread];

	sums->samples++;
	sums->value_ns += s->value_ns;
	/* order does not matter: a sum */
	sums->hash += words(words(stack_words(p, s->stack), t->name) + t->tid,
			    p->processes[t->process].command) *
		      (s->time_unix_ns | 1);
	return 0;
}

static struct sums sums_of(const struct profile *p)
{
	struct sums sums = {0};

	profile__each_sample(p, add_sample, (void *[]){(void *)p, &sums});
	for (size_t i = 0; i < p->loss_cnt; i++)
		sums.lost += p->losses[i].count * (1 + p->processes[p->losses[i].process].pid);
	return sums;
}

/* The small profile in three windows; the second boundary is behind all samples. */
static void test_windows_add_up(void **state)
{
	struct profile *whole = small_profile(), *parts[3];
	struct sums all = sums_of(whole), sum = {0};
	struct profile_builder *b[3];
	struct relay *r = relay__new();
	struct profile_sink in = relay__sink(r);

	(void)state;
	for (int i = 0; i < 3; i++)
		b[i] = profile_builder__new(true);
	relay__begin(r, profile_builder__sink(b[0]), 0);
	tell_small_until(in, 13);
	relay__begin(r, profile_builder__sink(b[1]), 1700000000130000000u);
	tell_small_from(in, 13);
	relay__begin(r, profile_builder__sink(b[2]), 1700000000400000000u);
	for (int i = 0; i < 3; i++) {
		struct sums one;

		parts[i] = profile_builder__finish(b[i]);
		one = sums_of(parts[i]);
		sum.samples += one.samples;
		sum.value_ns += one.value_ns;
		sum.hash += one.hash;
		sum.lost += one.lost;
		for (size_t k = 0; k < parts[i]->loss_cnt; k++)
			assert_string_not_equal(parts[i]->losses[k].reason, "damaged");
		assert_string_equal(parts[i]->meta.target, "pid 42");
	}
	assert_memory_equal(&sum, &all, sizeof(all));
	assert_int_equal(sums_of(parts[0]).samples, 13);
	assert_int_equal(parts[2]->function_cnt, 0); /* nothing is told that is not needed */
	assert_int_equal(parts[2]->process_cnt, 0);
	for (int i = 0; i < 3; i++)
		profile__free(parts[i]);
	profile__free(whole);
	relay__free(r);
}

/* Each window's meta is about itself. */
static void test_meta(void **state)
{
	struct profile_builder *b[2] = {profile_builder__new(true), profile_builder__new(true)};
	struct relay *r = relay__new();
	struct profile_sink in = relay__sink(r);
	struct profile_meta m = {.tool = "t", .start_unix_ns = 1000, .ticks = 0};
	struct profile *first, *second;

	(void)state;
	relay__begin(r, profile_builder__sink(b[0]), 0);
	in.ops->meta(in.ctx, &m);
	m.duration_ns = 50;
	m.ticks = 7;
	m.filtered = 2;
	m.complete = true;
	m.effective_rate_hz = 99;
	in.ops->meta(in.ctx, &m);
	relay__begin(r, profile_builder__sink(b[1]), 1050);
	m.duration_ns = 80;
	m.ticks = 17;
	m.filtered = 3;
	in.ops->meta(in.ctx, &m);
	first = profile_builder__finish(b[0]);
	second = profile_builder__finish(b[1]);
	assert_int_equal(first->meta.start_unix_ns, 1000);
	assert_int_equal(first->meta.duration_ns, 50);
	assert_int_equal(first->meta.ticks, 7);
	assert_int_equal(second->meta.start_unix_ns, 1050);
	assert_int_equal(second->meta.duration_ns, 30);
	assert_int_equal(second->meta.ticks, 10);
	assert_int_equal(second->meta.filtered, 1);
	assert_true(second->meta.complete);
	profile__free(first);
	profile__free(second);
	relay__free(r);
}

/* A window that was killed is incomplete, and as long as its last sample says. */
static void test_killed_window(void **state)
{
	struct profile_builder *b[2] = {profile_builder__new(true), profile_builder__new(true)};
	struct relay *r = relay__new();
	struct profile_sink in = relay__sink(r);
	struct profile *p;

	(void)state;
	relay__begin(r, profile_builder__sink(b[0]), 0);
	tell_small_until(in, 20);
	tell_meta(in, true);
	relay__begin(r, profile_builder__sink(b[1]), 1700000000100000000u);
	tell_sample(in, 30, 2, 4);
	p = profile_builder__finish(b[1]);
	assert_false(p->meta.complete);
	assert_int_equal(p->meta.duration_ns, 200000000);
	assert_int_equal(p->sample_cnt, 1);
	assert_int_equal(p->stack_cnt, 3); /* its callers, and nothing else */
	assert_int_equal(p->thread_cnt, 1);
	profile__free(p);
	profile__free(profile_builder__finish(b[0]));
	relay__free(r);
}

/* A name that is found out later reaches the window that has the thread. */
static void test_told_again(void **state)
{
	struct profile_builder *b[2] = {profile_builder__new(true), profile_builder__new(true)};
	struct relay *r = relay__new();
	struct profile_sink in = relay__sink(r);
	struct profile *p[2];

	(void)state;
	relay__begin(r, profile_builder__sink(b[0]), 0);
	tell_small_until(in, 20);
	tell_meta(in, true);
	tell_thread(in, 2, 1, "named late");
	tell_process(in, 1, 42, "renamed");
	relay__begin(r, profile_builder__sink(b[1]), 1);
	tell_sample(in, 30, 2, 4);
	tell_thread(in, 2, 1, "named again");
	p[0] = profile_builder__finish(b[0]);
	p[1] = profile_builder__finish(b[1]);
	assert_string_equal(p[0]->threads[2].name, "named late");
	assert_string_equal(p[0]->processes[1].command, "renamed");
	assert_string_equal(p[1]->threads[1].name, "named again");
	assert_string_equal(p[1]->processes[1].command, "renamed");
	assert_int_equal(p[1]->thread_cnt, 1);
	profile__free(p[0]);
	profile__free(p[1]);
	relay__free(r);
}

/* A producer's mistake costs its sample, counted, and nothing else. */
static void test_bad_ids(void **state)
{
	struct profile_builder *b = profile_builder__new(true);
	struct relay *r = relay__new();
	struct profile_sink in = relay__sink(r);
	struct profile *p;

	(void)state;
	relay__begin(r, profile_builder__sink(b), 0);
	tell_small_until(in, 1);
	tell_sample(in, 1, 99, 1);
	tell_sample(in, 2, 1, 99);
	tell_sample(in, 3, 0, 0);
	tell_stack(in, 90, 0, 1);
	tell_frame(in, 90, 1, 1);
	tell_function(in, 90, "x", "");
	tell_thread(in, 90, 1, "x");
	tell_process(in, 90, 1, "x");
	tell_stack(in, 7, 8, 1);
	p = profile_builder__finish(b);
	assert_int_equal(p->sample_cnt, 1);
	assert_int_equal(profile__failed_cnt(p), 3);
	profile__free(p);
	relay__free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_windows_add_up), cmocka_unit_test(test_meta),
		cmocka_unit_test(test_killed_window),  cmocka_unit_test(test_told_again),
		cmocka_unit_test(test_bad_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
