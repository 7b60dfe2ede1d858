/* SPDX-License-Identifier: MIT */
/* Tasks of asyncio's: from the chains that records tell of to the tasks that samples have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "tests/unit/resolve_world.h"

#define IMAGE 1
#define TASKS 200000 /* of a segment; user/resolve/tasks.c */

static uint32_t ticks;

static int begin_tasks(void **state)
{
	begin(state);
	ticks = 0;
	emit_process(IMAGE, PID(IMAGE), 0, "python3 app.py");
	emit_function(IMAGE, 1, "work");
	return 0;
}

/* Names of a chain, the one that runs first; "#7" is number 7, which runs "fetch". */
static void tell_tasks(uint64_t key, const char *const *names, uint16_t cnt, bool cut)
{
	struct abi_tasks *r = xcalloc(1, sizeof(*r) + cnt * sizeof(struct abi_task));
	struct abi_task *t = (struct abi_task *)(r + 1);

	r->key = key;
	r->image_id = IMAGE;
	r->cnt = cnt;
	r->cut = cut;
	for (uint16_t i = 0; i < cnt; i++) {
		bool numbered = names[i][0] == '#';
		struct abi_text *text = numbered ? &t[i].coroutine : &t[i].name;
		const char *bytes = numbered ? "fetch" : names[i];

		t[i].number = numbered ? strtoull(names[i] + 1, NULL, 10) : 0;
		t[i].name = t[i].coroutine = (struct abi_text){.kind = 1, .flags = ABI_TEXT_UNREADABLE};
		*text = (struct abi_text){.bytes = (uint32_t)strlen(bytes), .kind = 1};
		memcpy(t[i].text, bytes, text->bytes);
	}
	resolve__tasks(resolve, r);
	free(r);
}

static void tell_sample(uint64_t key)
{
	const struct abi_frame frame = {1, 0, ABI_FRAME_PYTHON};
	struct abi_sample *r = sample_record(IMAGE, ABI_OK, &frame, 1);

	r->hdr.tgid = r->hdr.tid = PID(IMAGE);
	r->hdr.time_ns = START + ticks++ * PERIOD;
	r->value = PERIOD;
	r->tasks_key = key;
	strcpy(r->comm, "python3");
	resolve__sample(resolve, r);
	free(r);
}

/* "leaf < middle < outer", with what the numbered ones run. */
static char *chain_text(const struct profile *p, uint32_t task)
{
	char *text = xstrdup("");

	for (; task; task = p->tasks[task].parent) {
		char *more = xasprintf("%s%s%s%s%s", text, *text ? " < " : "", p->tasks[task].name,
				       *p->tasks[task].coroutine ? ":" : "", p->tasks[task].coroutine);

		free(text);
		text = more;
	}
	return text;
}

static void assert_chain(const struct profile *p, size_t bucket, const char *expected)
{
	__cleanup_free char *text = chain_text(p, p->buckets[bucket].task);

	assert_true(bucket < p->bucket_cnt);
	assert_string_equal(text, expected);
}

static void chains(void **state)
{
	struct profile *p;

	(void)state;
	tell_tasks(10, (const char *[]){"leaf", "#7", "outer"}, 3, false);
	tell_tasks(11, (const char *[]){"other", "#7", "outer"}, 3, false);
	tell_tasks(12, (const char *[]){"leaf"}, 1, false);
	tell_tasks(13, (const char *[]){"leaf", "outer"}, 2, true);
	tell_sample(10);
	tell_sample(11);
	tell_sample(0);
	tell_sample(12);
	tell_sample(13);
	tell_sample(99);
	tell_sample(10);
	p = finish();
	assert_int_equal(p->bucket_cnt, 6);
	assert_chain(p, 0, "leaf < Task-7:fetch < outer");
	assert_chain(p, 1, "other < Task-7:fetch < outer");
	assert_chain(p, 2, "");
	assert_chain(p, 3, "leaf");
	assert_chain(p, 4, "leaf < outer < [more tasks that await it]");
	assert_chain(p, 5, "[unknown task]"); /* its record was lost */
	assert_int_equal(p->buckets[0].samples, 2);
	assert_int_equal(p->task_cnt, 4 + 1 + 3 + 1); /* who awaits two of them is one */
	for (uint32_t i = 1; i <= p->task_cnt; i++)
		assert_int_equal(p->tasks[i].process, 1);
	profile__free(p);
}

/* Each segment stands by itself; the kernel side does not tell again of what it told. */
static void segments(void **state)
{
	struct profile_builder *second = profile_builder__new(true), *third = profile_builder__new(true);
	struct profile *p;

	(void)state;
	tell_tasks(10, (const char *[]){"leaf", "outer"}, 2, false);
	tell_sample(10);
	resolve__begin_segment(resolve, profile_builder__sink(second));
	tell_sample(10);
	resolve__flush(resolve, START + SECOND, false);
	resolve__begin_segment(resolve, profile_builder__sink(third));
	p = profile_builder__finish(second);
	assert_int_equal(p->task_cnt, 2);
	assert_chain(p, 0, "leaf < outer");
	profile__free(p);
	p = finish();
	assert_int_equal(p->task_cnt, 2);
	assert_chain(p, 0, "leaf < outer");
	profile__free(p);
	profile__free(profile_builder__finish(third));
}

/* A program that makes a task for each request, and is recorded for days. */
static void very_many(void **state)
{
	struct profile *p;
	const struct profile_task *last;
	uint32_t numbered = 0;

	(void)state;
	for (uint32_t i = 1; i <= TASKS + 1000; i++) {
		__cleanup_free char *name = xasprintf("#%u", i), *own = xasprintf("request %u", i);

		tell_tasks(i, (const char *[]){i > TASKS + 500 ? own : name, "server"}, 2, false);
		tell_sample(i);
	}
	p = finish();
	assert_int_equal(p->task_cnt, TASKS + 2);
	last = &p->tasks[p->task_cnt];
	assert_string_equal(last[-1].name, "Task-…");
	assert_string_equal(last[-1].coroutine, "fetch");
	assert_string_equal(last->name, "[more tasks]");
	for (size_t i = 0; i < p->bucket_cnt; i++)
		numbered += p->buckets[i].task == p->task_cnt - 1 ? p->buckets[i].samples : 0;
	assert_int_equal(numbered, 500 + 1); /* who awaits them is one of the tasks */
	profile__free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(chains, begin_tasks),
		cmocka_unit_test_setup(segments, begin_tasks),
		cmocka_unit_test_setup(very_many, begin_tasks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
