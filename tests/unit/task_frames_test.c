/* SPDX-License-Identifier: MIT */
/* Frames for tasks (--tasks), and what tasks are called and counted as. */
#include "user/profile/task_frames.h"
#include "tests/unit/small_profile.h"
#include "user/profile/shares.h"
#include "user/profile/task_labels.h"
#include "user/profile/view.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"

static struct profile_builder *builder;
static struct profile_sink to;
static uint32_t functions, stacks;

/* A function with one frame, of the same id. */
static uint32_t function(const char *name, const char *module, enum profile_origin origin)
{
	struct profile_function f = {.id = ++functions,
				     .name = name,
				     .module = module,
				     .file = "f.py",
				     .short_file = "f.py",
				     .origin = origin};

	to.ops->function(to.ctx, &f);
	tell_frame(to, f.id, f.id, 7);
	return f.id;
}

static uint32_t push(uint32_t parent, uint32_t frame)
{
	tell_stack(to, ++stacks, parent, frame);
	return stacks;
}

static void tell_task(uint32_t id, uint32_t parent, const char *name, const char *coroutine)
{
	to.ops->task(to.ctx, &(struct profile_task){
				     .id = id, .process = 1, .parent = parent, .name = name, .coroutine = coroutine});
}

static void tell_sample(uint32_t thread, uint32_t stack, uint32_t task)
{
	to.ops->sample(to.ctx, &(struct profile_sample){.value = 10, .thread = thread, .stack = stack, .task = task});
}

static void begin(void)
{
	builder = profile_builder__new(true);
	to = profile_builder__sink(builder);
	functions = stacks = 0;
	emit_process(to, 1, 42, "python3 app.py");
	emit_process(to, 2, 43, "python3 other.py");
	emit_thread(to, 1, 1, "MainThread");
	emit_thread(to, 2, 2, "MainThread");
}

static char *stack_text(const struct profile *p, uint32_t stack)
{
	struct buf out = {0};
	uint32_t frames[64];
	size_t n = profile__stack_frames(p, stack, frames, 64);

	for (size_t k = 0; k < n; k++)
		buf_printf(&out, "%s%s", k ? ";" : "", view__name(p, p->frames[frames[k]].function));
	return buf_steal_text(&out);
}

static int add_line(void *arg, const struct profile_sample *s)
{
	struct {
		const struct profile *p;
		struct buf out;
	} *lines = arg;
	__cleanup_free char *text = stack_text(lines->p, s->stack);

	buf_printf(&lines->out, "%s\n", text);
	return 0;
}

/* Of the samples, one by one; the buckets have the same. */
static void assert_stacks(const struct profile *p, const char *expected)
{
	struct {
		const struct profile *p;
		struct buf out;
	} lines = {.p = p};
	struct buf sums = {0};

	assert_int_equal(profile__each_sample(p, add_line, &lines), 0);
	for (size_t i = 0; i < p->bucket_cnt; i++) {
		__cleanup_free char *text = stack_text(p, p->buckets[i].stack);

		buf_printf(&sums, "%s\n", text);
	}
	assert_string_equal(lines.out.data, expected);
	assert_string_equal(sums.data, expected);
	buf_free(&lines.out);
	buf_free(&sums);
}

static uint32_t module, run, forever, handle, fetch, sleeps, selects, set_signal, uvloop_run;

static void tell_functions(void)
{
	module = function("<module>", "app", PROFILE_USER);
	run = function("Runner.run", "asyncio.runners", PROFILE_STDLIB);
	forever = function("BaseEventLoop.run_forever", "asyncio.base_events", PROFILE_STDLIB);
	handle = function("Handle._run", "asyncio.events", PROFILE_STDLIB);
	fetch = function("fetch", "app", PROFILE_USER);
	sleeps = function("sleep", "asyncio.tasks", PROFILE_STDLIB);
	selects = function("EpollSelector.select", "selectors", PROFILE_STDLIB);
	set_signal = function("signal", "signal", PROFILE_STDLIB);
	uvloop_run = function("run.<locals>.wrapper", "uvloop", PROFILE_SITE);
}

static void chains_of_tasks(void **state)
{
	uint32_t loop, in_handle;
	struct profile *p, *q;

	(void)state;
	begin();
	tell_functions();
	loop = push(push(push(0, module), run), forever);
	in_handle = push(loop, handle);
	tell_task(1, 0, "Task-1", "main");
	tell_task(2, 1, "fetch a", "");
	tell_task(3, 2, "Task-3", "fetch");
	tell_task(4, 1, "Task-4", "fetch");
	tell_sample(1, push(in_handle, fetch), 2);
	tell_sample(1, push(push(in_handle, fetch), sleeps), 3);
	tell_sample(1, push(in_handle, fetch), 4);
	tell_sample(1, push(in_handle, sleeps), 1); /* all of it is asyncio's */
	tell_sample(1, in_handle, 1);               /* C code of the task's own */
	tell_sample(1, push(loop, selects), 0);
	tell_sample(1, push(in_handle, fetch), 0);     /* a callback */
	tell_sample(1, push(push(0, module), run), 3); /* of a loop in C */
	tell_sample(1, push(0, fetch), 2);             /* no loop is there to be seen */
	tell_sample(2, push(0, fetch), 0);             /* of a process without tasks */
	p = profile_builder__finish(builder);
	q = profile__task_frames(p);
	assert_non_null(q);
	assert_stacks(q, "task main();task fetch a;fetch\n"
			 "task main();task fetch a;task fetch();fetch;sleep\n"
			 "task main();task fetch();fetch\n"
			 "task main();sleep\n"
			 "task main()\n"
			 "[no task];<module>;Runner.run;BaseEventLoop.run_forever;EpollSelector.select\n"
			 "[no task];<module>;Runner.run;BaseEventLoop.run_forever;Handle._run;fetch\n"
			 "task main();task fetch a;task fetch()\n"
			 "task main();task fetch a;fetch\n"
			 "fetch\n");
	assert_true(task_frame__is(&q->functions[q->frames[q->stacks[1].frame].function]));
	assert_false(task_frame__is(&q->functions[fetch]));
	restack__free(q);
	profile__free(p);
}

/* Where the interpreter does not tell of tasks, it is what the loop had called. */
static void by_what_was_called(void **state)
{
	uint32_t loop, in_handle, outer;
	struct profile *p, *q;

	(void)state;
	begin();
	tell_functions();
	outer = push(push(0, module), run);
	loop = push(outer, forever);
	in_handle = push(loop, handle);
	tell_sample(1, push(push(in_handle, fetch), sleeps), 0);
	tell_sample(1, push(push(in_handle, sleeps), fetch), 0); /* asyncio's own coroutine has called it */
	tell_sample(1, push(loop, selects), 0);
	tell_sample(1, push(outer, set_signal), 0);
	tell_sample(1, push(push(push(push(outer, uvloop_run), fetch), run), set_signal), 0); /* a loop in a loop */
	tell_sample(1, push(push(outer, uvloop_run), fetch), 0);
	tell_sample(2, push(push(0, module), fetch), 0);
	p = profile_builder__finish(builder);
	q = profile__task_frames(p);
	assert_non_null(q);
	assert_stacks(q, "task fetch();fetch;sleep\n"
			 "task fetch();fetch\n"
			 "[no task];<module>;Runner.run;BaseEventLoop.run_forever;EpollSelector.select\n"
			 "[no task];<module>;Runner.run;signal\n"
			 "[no task];<module>;Runner.run;run.<locals>.wrapper;fetch;Runner.run;signal\n"
			 "task fetch();fetch\n"
			 "<module>;fetch\n");
	restack__free(q);
	profile__free(p);
}

static void nothing_of_asyncio(void **state)
{
	struct profile *p;

	(void)state;
	begin();
	tell_functions();
	tell_sample(1, push(push(0, module), fetch), 0);
	p = profile_builder__finish(builder);
	assert_null(profile__task_frames(p));
	profile__free(p);
}

/* No recording of ours has such; a file of somebody's may. */
static void endless_chains(void **state)
{
	struct profile *p, *q;
	uint32_t stack;

	(void)state;
	begin();
	tell_functions();
	stack = push(0, fetch);
	for (uint32_t i = 1; i <= 1000; i++)
		tell_task(i, i - 1, "again", "");
	tell_sample(1, stack, 1000);
	p = profile_builder__finish(builder);
	q = profile__task_frames(p);
	assert_non_null(q);
	assert_true(profile__max_depth(q) <= 64);
	for (uint32_t i = 1; i <= q->stack_cnt; i++) {
		__cleanup_free uint32_t *room = xcalloc(profile__max_depth(q) + 1, sizeof(*room));

		assert_true(profile__stack_frames(q, i, room, profile__max_depth(q) + 1) <= profile__max_depth(q));
	}
	restack__free(q);
	profile__free(p);
}

static void sums(void **state)
{
	struct task_labels *labels;
	struct task_facts facts;
	struct share *shares;
	const struct view v = {0};
	struct profile *p;
	uint32_t stack;
	size_t cnt;

	(void)state;
	begin();
	tell_functions();
	stack = push(0, fetch);
	tell_task(1, 0, "Task-1", "main");
	tell_task(2, 1, "Task-2", "fetch");
	tell_task(3, 1, "Task-3", "fetch");
	tell_task(4, 0, "server", "");
	tell_task(5, 4, "Task-3", "fetch"); /* who awaits it now is another one */
	tell_task(6, 1, "named", "");
	for (uint32_t i = 2; i <= 6; i++)
		tell_sample(1, stack, i);
	tell_sample(2, stack, 0);
	p = profile_builder__finish(builder);
	labels = task_labels__new(p);
	shares = shares_of_tasks(&v, p, labels, &cnt);
	assert_int_equal(cnt, 4);
	assert_string_equal(task_labels__facts(labels, shares[0].id).text, "fetch()");
	assert_int_equal(shares[0].value, 30);
	facts = task_labels__facts(labels, shares[0].id);
	assert_int_equal(facts.cnt, 2);
	assert_string_equal(facts.awaited_by, "…");
	for (size_t i = 1; i < cnt; i++) {
		facts = task_labels__facts(labels, shares[i].id);
		assert_int_equal(shares[i].value, 10);
		assert_int_equal(facts.cnt, shares[i].id ? 1 : 0);
		if (!strcmp(facts.text, "named"))
			assert_string_equal(facts.awaited_by, "main()");
		else
			assert_null(facts.awaited_by);
	}
	free(shares);
	task_labels__free(labels);
	profile__free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chains_of_tasks),
		cmocka_unit_test(by_what_was_called),
		cmocka_unit_test(nothing_of_asyncio),
		cmocka_unit_test(endless_chains),
		cmocka_unit_test(sums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
