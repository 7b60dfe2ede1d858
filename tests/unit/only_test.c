/* SPDX-License-Identifier: MIT */
/* Of a stream what some processes did. */
#include "user/profile/only.h"
#include "user/profile/profile.h"
#include "user/util/alloc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void label(struct profile_sink s, uint32_t process, const char *key, const char *value)
{
	s.ops->label(s.ctx, &(struct profile_label){.process = process, .key = key, .value = value});
}

/* Two processes, in containers `web` and `db`; three samples of the first and one of the second, a loss of each and one of nobody's. */
static void put_all(struct profile_sink s)
{
	static const char *const names[] = {"web", "db"}, *const ids[] = {"3f2a91c04bd2", "77aa91c04bd2"};

	s.ops->meta(s.ctx, &(struct profile_meta){.tool = "",
						  .command = "",
						  .target = "",
						  .host = "",
						  .kernel = "",
						  .ticks = 10,
						  .duration_ns = 5});
	s.ops->function(s.ctx,
			&(struct profile_function){.id = 1, .name = "f", .module = "", .file = "f", .short_file = "f"});
	s.ops->frame(s.ctx, &(struct profile_frame){.id = 1, .function = 1});
	s.ops->stack(s.ctx, &(struct profile_stack){.id = 1, .frame = 1});
	for (uint32_t i = 1; i <= 2; i++) {
		s.ops->process(s.ctx, &(struct profile_process){.id = i,
								.pid = i,
								.command = "",
								.python = "",
								.interpreter = "",
								.cgroup = "",
								.rights = ""});
		label(s, i, "container", names[i - 1]);
		label(s, i, "container_id", ids[i - 1]);
		s.ops->thread(s.ctx, &(struct profile_thread){.id = i, .process = i, .tid = i, .name = ""});
		for (uint32_t k = 0; k < (i == 1 ? 3 : 1); k++)
			s.ops->sample(s.ctx, &(struct profile_sample){.value = 10, .thread = i, .stack = 1});
		s.ops->loss(s.ctx,
			    &(struct profile_loss){.reason = "ring_full", .sentence = "", .count = 1, .process = i});
	}
	s.ops->loss(s.ctx, &(struct profile_loss){.reason = "ring_full", .sentence = "", .count = 1});
}

static struct profile *of(const char *key, const char *value)
{
	struct profile_builder *b = profile_builder__new(false);
	struct only *o = only__new(profile_builder__sink(b), key, value);

	put_all(only__sink(o));
	only__free(o);
	return profile_builder__finish(b);
}

static void check(const char *key, const char *value, uint64_t samples, size_t losses)
{
	struct profile *p = of(key, value);

	assert_int_equal(p->sample_cnt, samples);
	assert_int_equal(p->loss_cnt, losses);
	assert_int_equal(p->meta.ticks, 0); /* those are everybody's */
	assert_int_equal(p->meta.duration_ns, 5);
	profile__free(p);
}

static void test_by_name_and_id(void **state)
{
	(void)state;
	check("container", "web", 3, 2);
	check("container", "db", 1, 2);
	check("container", "3f2a91c04bd2", 3, 2);
	check("container", "77aa", 1, 2);
	check("container_id", "77aa91c04bd2", 1, 2);
}

static void test_what_is_not_there(void **state)
{
	(void)state;
	check("container", "we", 0, 1);  /* a name is whole */
	check("container", "3f2", 0, 1); /* too short to be an id's beginning */
	check("pod", "web", 0, 1);
	check("container", "", 0, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_name_and_id),
		cmocka_unit_test(test_what_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
