/* SPDX-License-Identifier: MIT */
/* Tasks of asyncio's: which chain a sample has, what its record says, and that it is sent once. */
#include "tests/host/versions.h"
#include "tests/kernel/machine.h"

#define A           100
#define TASK_BYTES  168
#define TYPE_BYTES  192
#define INT_FLAG    (1ull << 24)
#define STR_FLAG    (1ull << 28)
#define AGAIN_TICKS 10001 /* periods: longer than a chain goes unsent */

static struct {
	struct world *p;
	struct task *t;
	u64 task_type, future_type, python_type, int_type, str_type;
} at;

/* A member of the thread's state that has none of those that the walker reads. */
static u16 free_member(const struct abi_py_layout *l)
{
	u16 off = ABI_TSTATE_BLOCK;
	const u16 used[] = {l->ts_thread_id_off, l->ts_frame_off, l->ts_gil_off & ~7u, l->ts_interp_off,
			    l->ts_native_id_off, l->ts_stack_off, l->ts_stack_off + 8, l->ts_stack_off + 16};

	for (bool taken = true; taken;) {
		off -= 8;
		taken = false;
		for (size_t i = 0; i < ARRAY_SIZE(used); i++)
			taken |= used[i] == off;
	}
	return off;
}

static u64 make_type(u64 basicsize, u64 flags)
{
	u64 addr = world__alloc(at.p, TYPE_BYTES);

	image__put_u64(at.p->m, addr + at.p->l.type_off + 24u, basicsize);
	image__put_u64(at.p->m, addr + at.p->l.type_off + 160u, flags);
	return addr;
}

static u64 make_object(size_t bytes, u64 type)
{
	u64 addr = world__alloc(at.p, bytes);

	image__put_u64(at.p->m, addr + at.p->l.type_off, type);
	return addr;
}

static u64 make_str(const char *text)
{
	u64 addr = world__str(at.p, text);

	image__put_u64(at.p->m, addr + at.p->l.type_off, at.str_type);
	return addr;
}

static void put_int(u64 addr, u64 number)
{
	u32 digits = number >> 30 ? 2 : 1;

	image__put_u64(at.p->m, addr + at.p->l.type_off, at.int_type);
	image__put_u64(at.p->m, addr + at.p->l.type_off + 8u, digits << 3);
	image__put_u32(at.p->m, addr + at.p->l.type_off + 16u, number & 0x3fffffff);
	image__put_u32(at.p->m, addr + at.p->l.type_off + 20u, (u32)(number >> 30));
}

static u64 make_future(u64 type, bool is_task)
{
	u64 addr = make_object(TASK_BYTES, type);

	image__put_u8(at.p->m, addr + at.p->l.task_is_task_off, is_task);
	return addr;
}

static u64 make_task(u64 name)
{
	u64 addr = make_future(at.task_type, true), coroutine = world__alloc(at.p, 64);

	image__put_u64(at.p->m, addr + at.p->l.task_name_off, name);
	image__put_u64(at.p->m, addr + at.p->l.task_coro_off, coroutine);
	image__put_u64(at.p->m, coroutine + at.p->l.coro_name_off, make_str("Crawler.fetch"));
	return addr;
}

static u64 make_named(const char *name)
{
	return make_task(make_str(name));
}

static u64 make_numbered(u64 number)
{
	u64 name = world__alloc(at.p, 48);

	put_int(name, number);
	return make_task(name);
}

static void set_awaiter(u64 future, u64 by)
{
	image__put_u64(at.p->m, future + at.p->l.task_awaiter_off, by);
}

static u64 set_entry(u32 i, u64 key, u64 hash, u64 table)
{
	image__put_u64(at.p->m, table + 16 * i, key);
	image__put_u64(at.p->m, table + 16 * i + 8, hash);
	return table;
}

static void set_awaiters(u64 future, u64 table)
{
	u64 set = world__alloc(at.p, 200);

	image__put_u64(at.p->m, set + at.p->l.type_off + 32u, table);
	set_awaiter(future, set);
	image__put_u8(at.p->m, future + at.p->l.task_several_off, 1);
}

static void run(u64 task)
{
	image__put_u64(at.p->m, at.p->tstate + at.p->l.ts_task_off, task);
}

static void begin(struct world *p)
{
	u64 codes[2];

	at.p = p;
	p->l.ts_task_off = free_member(&p->l);
	p->l.task_awaiter_off = 96;
	p->l.task_is_task_off = 108;
	p->l.task_several_off = 109;
	p->l.task_coro_off = 128;
	p->l.task_name_off = 136;
	p->l.coro_name_off = 48;
	at.task_type = make_type(TASK_BYTES, 0);
	at.future_type = make_type(120, 0);
	at.python_type = make_type(16, 0);
	at.int_type = make_type(24, INT_FLAG);
	at.str_type = make_type(40, STR_FLAG);
	run(0);
	call_chain(p, codes, 2);
	machine__boot();
	at.t = user__profile(A, p);
}

/* ---- what came of it -------------------------------------------------------------------------------------- */

static u64 tick_key(void)
{
	const struct abi_sample *s;

	machine__tick(at.t);
	s = last_record(ABI_REC_SAMPLE, A);
	assert_non_null(s);
	assert_int_equal(s->outcome, ABI_OK);
	assert_int_equal(s->frame_cnt, 2);
	return s->tasks_key;
}

static const struct abi_tasks *tick_tasks(u32 cnt)
{
	u64 key = tick_key();
	const struct abi_tasks *r = last_record(ABI_REC_TASKS, A);

	assert_non_null(r);
	assert_int_not_equal(key, 0);
	assert_int_equal(r->key, key);
	assert_int_equal(r->cnt, cnt);
	assert_int_equal(r->hdr.size, sizeof(*r) + cnt * sizeof(struct abi_task));
	assert_int_equal(r->image_id, proc_of(at.t)->image_id);
	return r;
}

static const struct abi_task *task_at(const struct abi_tasks *r, u32 i)
{
	return (const struct abi_task *)(r + 1) + i;
}

static bool is_named(const struct abi_tasks *r, u32 i, const char *name)
{
	const struct abi_task *t = task_at(r, i);

	return !t->number && !t->name.flags && t->name.bytes == strlen(name) && !memcmp(t->text, name, t->name.bytes) &&
	       t->coroutine.flags == ABI_TEXT_UNREADABLE;
}

static bool is_numbered(const struct abi_tasks *r, u32 i, u64 number)
{
	const struct abi_task *t = task_at(r, i);

	return t->number == number && t->name.flags == ABI_TEXT_UNREADABLE && !t->coroutine.flags &&
	       t->coroutine.bytes == strlen("Crawler.fetch") && !memcmp(t->text, "Crawler.fetch", t->coroutine.bytes);
}

static void no_task_runs(void **state)
{
	begin(*state);
	assert_int_equal(tick_key(), 0);
	assert_int_equal(record_cnt(ABI_REC_TASKS), 0);
	machine__shutdown();
}

static void who_awaits_whom(void **state)
{
	const struct abi_tasks *r;
	u64 leaf, middle, outer, gather;

	begin(*state);
	leaf = make_named("leaf");
	middle = make_numbered(7);
	outer = make_numbered(5ull << 30 | 3);
	gather = make_future(at.future_type, false);
	set_awaiter(leaf, middle);
	set_awaiter(middle, gather);
	set_awaiter(gather, outer);
	run(leaf);
	r = tick_tasks(3);
	assert_true(is_named(r, 0, "leaf"));
	assert_true(is_numbered(r, 1, 7));
	assert_true(is_numbered(r, 2, 5ull << 30 | 3));
	assert_int_equal(r->cut, 0);
	machine__shutdown();
}

/* The same chain is told of once, but not for ever. */
static void sent_once(void **state)
{
	u64 key, other;

	begin(*state);
	run(make_named("one"));
	key = tick_key();
	for (u32 i = 0; i < 10; i++)
		assert_int_equal(tick_key(), key);
	assert_int_equal(record_cnt(ABI_REC_TASKS), 1);
	run(make_named("two"));
	other = tick_key();
	assert_int_not_equal(other, key);
	assert_int_equal(record_cnt(ABI_REC_TASKS), 2);
	machine__pause(AGAIN_TICKS);
	machine__tick(at.t);
	assert_int_equal(record_cnt(ABI_REC_TASKS), 3);
	machine__shutdown();
}

/* Another task in the place of one that is done, its name and its coroutine in the place of those. */
static void memory_used_again(void **state)
{
	u64 name, key;

	begin(*state);
	name = world__alloc(at.p, 48);
	put_int(name, 1);
	run(make_task(name));
	key = tick_key();
	put_int(name, 2);
	assert_int_not_equal(tick_key(), key);
	assert_true(is_numbered(last_record(ABI_REC_TASKS, A), 0, 2));
	name = make_str("fetch 1");
	run(make_task(name));
	key = tick_key();
	memcpy(image__at(at.p->m, name + at.p->l.str_ascii_off, 7), "fetch 2", 7);
	assert_int_not_equal(tick_key(), key);
	assert_true(is_named(last_record(ABI_REC_TASKS, A), 0, "fetch 2"));
	machine__shutdown();
}

/* Another one awaits it now. */
static void awaited_by_another(void **state)
{
	u64 task, key;

	begin(*state);
	task = make_named("task");
	run(task);
	key = tick_key();
	set_awaiter(task, make_named("first"));
	assert_int_not_equal(tick_key(), key);
	set_awaiter(task, make_named("second"));
	assert_true(is_named(tick_tasks(2), 1, "second"));
	machine__shutdown();
}

static void awaited_by_several(void **state)
{
	u64 task, table;

	begin(*state);
	task = make_named("task");
	table = world__alloc(at.p, 8 * 16);
	set_entry(2, make_named("was deleted"), ~0ull, table);
	set_entry(5, make_named("awaits"), 77, table);
	set_awaiters(task, table);
	run(task);
	assert_true(is_named(tick_tasks(2), 1, "awaits"));
	set_entry(5, 0, 0, table);
	assert_int_equal(tick_tasks(1)->cut, 0);
	set_awaiters(task, 0x123450);
	assert_int_equal(tick_tasks(1)->cut, 1);
	machine__shutdown();
}

static void chains_are_cut(void **state)
{
	const struct abi_tasks *r;
	u64 first, last;

	begin(*state);
	first = last = make_numbered(100);
	for (u32 i = 1; i < ABI_MAX_TASKS; i++) {
		u64 next = make_numbered(100 + i);

		set_awaiter(last, next);
		last = next;
	}
	run(first);
	r = tick_tasks(ABI_MAX_TASKS);
	assert_int_equal(r->cut, 0);
	set_awaiter(last, make_numbered(999));
	r = tick_tasks(ABI_MAX_TASKS);
	assert_int_equal(r->cut, 1);
	assert_true(is_numbered(r, ABI_MAX_TASKS - 1, 100 + ABI_MAX_TASKS - 1));
	set_awaiter(last, first); /* in a circle */
	assert_int_equal(tick_tasks(ABI_MAX_TASKS)->cut, 1);
	machine__shutdown();
}

/*
 * Of classes in Python, of no class at all, or not readable; a future is no task. The sample is there all the same, and a chain
 * that goes on where nothing can be read says so.
 */
static void not_a_task(void **state)
{
	u64 task, odd[4];

	begin(*state);
	odd[0] = make_task(make_object(64, at.task_type)); /* its name is no name */
	odd[1] = make_future(at.python_type, true);
	odd[2] = 0x123450;
	odd[3] = make_future(at.future_type, false);
	task = make_named("task");
	for (u32 i = 0; i < ARRAY_SIZE(odd); i++) {
		run(odd[i]);
		assert_int_equal(tick_key(), 0);
	}
	run(task);
	for (u32 i = 0; i < ARRAY_SIZE(odd); i++) {
		set_awaiter(task, odd[i]);
		assert_true(is_named(tick_tasks(1), 0, "task"));
		assert_int_equal(tick_tasks(1)->cut, i < 3);
	}
	machine__shutdown();
}

static void long_names(void **state)
{
	char name[2 * ABI_TASK_TEXT + 1] = "";
	const struct abi_task *t;

	begin(*state);
	memset(name, 'x', 2 * ABI_TASK_TEXT);
	run(make_named(name));
	t = task_at(tick_tasks(1), 0);
	assert_int_equal(t->name.flags, ABI_TEXT_CUT);
	assert_int_equal(t->name.bytes, ABI_TASK_TEXT);
	name[ABI_TASK_TEXT] = 0;
	run(make_named(name));
	assert_true(is_named(tick_tasks(1), 0, name));
	run(make_named(""));
	assert_true(is_named(tick_tasks(1), 0, ""));
	machine__shutdown();
}

static const struct version_test tests[] = {
	TEST(no_task_runs),      TEST(who_awaits_whom),    TEST(sent_once),
	TEST(memory_used_again), TEST(awaited_by_another), TEST(awaited_by_several),
	TEST(chains_are_cut),    TEST(not_a_task),         TEST(long_names),
};

int main(void)
{
	return run_each_version("tasks", tests, ARRAY_SIZE(tests));
}
