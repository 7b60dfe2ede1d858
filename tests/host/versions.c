#include "tests/host/versions.h"

void see_all(const struct world *p)
{
	for (u32 i = 0; i < p->w->todo_cnt; i++)
		host_mark_seen(p->w->todo[i].key);
}

void call_chain(struct world *p, u64 *codes, u32 depth)
{
	world__enter(p);
	for (u32 i = 0; i < depth; i++) {
		codes[i] = world__function(p, i);
		world__push(p, codes[i], (s32)(4 * i), WORLD_THREAD);
	}
}

static int make_world(void **state)
{
	*state = world__new(*state, 0);
	return 0;
}

static int free_world(void **state)
{
	world__free(*state);
	return 0;
}

static bool is_for(const struct version_test *t, u32 mech)
{
	return (mech & t->with) == t->with && !(mech & t->without);
}

static size_t add_tests(const struct py_version *row, const struct version_test *tests, size_t cnt,
			struct CMUnitTest *to)
{
	size_t n = 0;

	for (size_t i = 0; i < cnt; i++) {
		if (!is_for(&tests[i], row->layout.mech))
			continue;
		to[n++] = (struct CMUnitTest){
			.name = xasprintf("3.%u %s", row->minor, tests[i].name),
			.test_func = tests[i].run,
			.setup_func = make_world,
			.teardown_func = free_world,
			.initial_state = (void *)row,
		};
	}
	return n;
}

int run_each_version(const char *group, const struct version_test *tests, size_t cnt)
{
	struct CMUnitTest *all =
		xcalloc(cnt * (PY_VERSION_NEWEST - PY_VERSION_OLDEST + 1), sizeof(*all));
	size_t n = 0;
	int failed;

	for (unsigned minor = PY_VERSION_OLDEST; minor <= PY_VERSION_NEWEST; minor++)
		n += add_tests(py_version_find(minor), tests, cnt, all + n);
	failed = _cmocka_run_group_tests(group, all, n, NULL, NULL);
	for (size_t i = 0; i < n; i++)
		free((char *)all[i].name);
	free(all);
	return failed;
}
