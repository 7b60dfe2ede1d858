/* JSON Lines: each line an object by itself, and every id a line of before. */
#include "tests/unit/make_profile.h"
#include "tests/unit/views.h"
#include <yajl/yajl_tree.h>

enum kind { META, PROCESS, THREAD, FUNCTION, FRAME, STACK, LOST, SAMPLE, END, KINDS };
static const char *const kinds[] = {"meta",  "process", "thread", "function", "frame",
				    "stack", "lost",    "sample", "end"};

static yajl_val get(yajl_val in, const char *key)
{
	const char *path[] = {key, NULL};

	return yajl_tree_get(in, path, yajl_t_any);
}

static enum kind kind_of(yajl_val line)
{
	yajl_val type = get(line, "type");

	assert_true(YAJL_IS_STRING(type));
	for (int k = 0; k < KINDS; k++)
		if (!strcmp(kinds[k], type->u.string))
			return (enum kind)k;
	fail_msg("type %s", type->u.string);
	return KINDS;
}

static void assert_known(yajl_val line, const char *key, uint64_t cnt)
{
	yajl_val id = get(line, key);

	assert_true(YAJL_IS_INTEGER(id) && (uint64_t)YAJL_GET_INTEGER(id) < cnt);
}

static void check_line(yajl_val line, uint64_t cnt[KINDS])
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
		yajl_val frames = get(line, "frames");

		assert_true(YAJL_IS_ARRAY(frames) && frames->u.array.len);
		for (size_t i = 0; i < frames->u.array.len; i++)
			assert_true((uint64_t)YAJL_GET_INTEGER(frames->u.array.values[i]) <
				    cnt[FRAME]);
	}
	if (get(line, "id"))
		assert_int_equal(YAJL_GET_INTEGER(get(line, "id")), cnt[kind]);
	cnt[kind]++;
}

static void check(const struct profile *p, const struct view *v)
{
	struct buf out = written(&format_jsonl, p, v);
	uint64_t cnt[KINDS] = {0};
	char *text, *line, error[200];

	assert_int_equal(out.data[out.len - 1], '\n');
	buf_put(&out, "", 1);
	text = out.data;
	while ((line = strsep(&text, "\n")) && *line) {
		yajl_val root = yajl_tree_parse(line, error, sizeof(error));

		if (!root)
			fail_msg("%s: %s", error, line);
		check_line(root, cnt);
		yajl_tree_free(root);
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
	const struct make_options o = {
		.processes = 3, .threads = 2, .stacks = 30, .depth = 60, .losses = true};

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
