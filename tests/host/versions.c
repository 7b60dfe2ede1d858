/* SPDX-License-Identifier: MIT */
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

struct kind {
	const struct py_version *row;
	const struct arch *arch;
	const char *which;
};

static int make_world(void **state)
{
	const struct kind *kind = *state;

	world_arch = kind->arch;
	*state = world__new(kind->row, 0);
	return 0;
}

static int free_world(void **state)
{
	world__free(*state);
	return 0;
}

static bool is_for(const struct version_test *t, const struct abi_py_layout *l)
{
	bool by_key = l->tls == ABI_TLS_PLAIN_KEY || l->rt_tss_off;

	if (t->state != ANY_STATE && (t->state == STATE_BY_KEY) != by_key)
		return false;
	return (l->mech & t->with) == t->with && !(l->mech & t->without);
}

static size_t add_tests(const struct kind *kind, const struct version_test *tests, size_t cnt, struct CMUnitTest *to)
{
	size_t n = 0;

	for (size_t i = 0; i < cnt; i++) {
		if (!is_for(&tests[i], &kind->row->layout))
			continue;
		to[n++] = (struct CMUnitTest){
			.name = xasprintf("3.%u%s%s %s %s", kind->row->minor, kind->row->free_threaded ? "t" : "",
					  kind->which, kind->arch->name, tests[i].name),
			.test_func = tests[i].run,
			.setup_func = make_world,
			.teardown_func = free_world,
			.initial_state = (void *)kind,
		};
	}
	return n;
}

/* What early patch releases have of a row. */
static struct py_version older_row(const struct py_version *row)
{
	struct py_version older = *row;
	struct py_build build = {.layout = row->layout, .objects = row->objects};

	py_version_fits_runtime(row, row->older_bytes, 0, &build);
	older.layout = build.layout;
	older.objects = build.objects;
	return older;
}

int run_each_version(const char *group, const struct version_test *tests, size_t cnt)
{
	static const struct arch *const archs[] = {&arch_x86, &arch_arm64};
	size_t row_cnt;
	const struct py_version *rows = py_versions(&row_cnt);
	struct kind *kinds = xcalloc(2 * row_cnt * ARRAY_SIZE(archs), sizeof(*kinds));
	struct CMUnitTest *all = xcalloc(2 * cnt * row_cnt * ARRAY_SIZE(archs), sizeof(*all));
	struct py_version *older = xcalloc(row_cnt, sizeof(*older));
	size_t n = 0, kind_cnt = 0;
	int failed;

	for (size_t i = 0; i < row_cnt; i++)
		older[i] = older_row(&rows[i]);
	for (size_t i = 0; i < row_cnt * ARRAY_SIZE(archs); i++) {
		const struct py_version *row = &rows[i % row_cnt];

		kinds[kind_cnt++] = (struct kind){row, archs[i / row_cnt], ""};
		if (row->older_bytes)
			kinds[kind_cnt++] = (struct kind){&older[i % row_cnt], archs[i / row_cnt], " (older)"};
	}
	for (size_t i = 0; i < kind_cnt; i++)
		n += add_tests(&kinds[i], tests, cnt, all + n);
	failed = _cmocka_run_group_tests(group, all, n, NULL, NULL);
	for (size_t i = 0; i < n; i++)
		free((char *)all[i].name);
	free(all);
	free(kinds);
	free(older);
	return failed;
}
