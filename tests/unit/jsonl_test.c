/* SPDX-License-Identifier: MIT */
/* JSON Lines: each line an object by itself, and every id a line of before. */
#include "tests/unit/make_profile.h"
#include "tests/unit/json_tree.h"
#include "tests/unit/views.h"

enum kind { META, PROCESS, THREAD, FUNCTION, FRAME, STACK, LOST, SAMPLE, END, KINDS };
static const char *const kinds[] = {"meta", "process", "thread", "function", "frame", "stack", "lost", "sample", "end"};

static enum kind kind_of(const struct json_tree *line)
{
	const char *type = json_tree__at(line, "type", JSON_STRING)->text;

	for (int k = 0; k < KINDS; k++)
		if (!strcmp(kinds[k], type))
			return (enum kind)k;
	fail_msg("type %s", type);
	return KINDS;
}

static void assert_known(const struct json_tree *line, const char *key, uint64_t cnt)
{
	assert_true(json_tree__count(json_tree__at(line, key, JSON_NUMBER)) < cnt);
}

static void check_line(const struct json_tree *line, uint64_t cnt[KINDS])
{
	static const struct {
		enum kind in;
		const char *key;
		enum kind of;
	} references[] = {{THREAD, "process", PROCESS},
			  {FRAME, "function", FUNCTION},
			  {SAMPLE, "thread", THREAD},
			  {SAMPLE, "stack", STACK}};
	enum kind kind = kind_of(line);

	assert_int_equal(cnt[END], 0);
	assert_int_equal(cnt[META], kind != META);
	for (size_t i = 0; i < sizeof(references) / sizeof(*references); i++)
		if (references[i].in == kind)
			assert_known(line, references[i].key, cnt[references[i].of]);
	if (kind == STACK) {
		const struct json_tree *frames = json_tree__at(line, "frames", JSON_LIST);

		assert_true(frames->cnt);
		for (size_t i = 0; i < frames->cnt; i++)
			assert_true(json_tree__count(&frames->items[i]) < cnt[FRAME]);
	}
	if (json_tree__find(line, "id"))
		assert_int_equal(json_tree__count(json_tree__find(line, "id")), cnt[kind]);
	cnt[kind]++;
}

static void check(const struct profile *p, const struct view *v)
{
	struct buf out = written(&format_jsonl, p, v);
	uint64_t cnt[KINDS] = {0};
	char *text, *line;

	assert_int_equal(out.data[out.len - 1], '\n');
	buf_put(&out, "", 1);
	text = out.data;
	while ((line = strsep(&text, "\n")) && *line) {
		struct json_tree root = json_tree_of(line, strlen(line));

		check_line(&root, cnt);
		json_tree__free(&root);
	}
	assert_int_equal(cnt[SAMPLE], sum_of(p, v).samples);
	assert_int_equal(cnt[PROCESS], p->process_cnt);
	assert_int_equal(cnt[THREAD], p->thread_cnt);
	assert_int_equal(cnt[LOST], p->loss_cnt);
	assert_int_equal(cnt[END], 1);
	buf_free(&out);
}

static void check_views(struct profile *p)
{
	for (size_t i = 0; i < TEST_VIEWS; i++)
		check(p, &test_views[i]);
	profile__free(p);
}

static void small_is_whole(void **state)
{
	(void)state;
	check_views(small_profile());
}

static void service_is_whole(void **state)
{
	const struct make_options o = {.processes = 3, .threads = 2, .stacks = 30, .depth = 60, .losses = true};

	(void)state;
	check_views(make_profile(&o));
}

static void nothing_is_whole(void **state)
{
	(void)state;
	check_views(empty_profile());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_is_whole),
		cmocka_unit_test(service_is_whole),
		cmocka_unit_test(nothing_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
