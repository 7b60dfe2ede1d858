/* SPDX-License-Identifier: MIT */
/* Code without a file, by the package that it was made for. */
#include "user/profile/generated.h"
#include "tests/unit/small_profile.h"
#include "user/profile/libraries.h"
#include "user/util/alloc.h"

static const struct {
	const char *file, *module;
	enum profile_origin origin, want;
} cases[] = {
	{"/v/site-packages/black/lines.py", "black.lines", PROFILE_SITE, PROFILE_SITE},
	{"<string>", "black.lines", PROFILE_USER, PROFILE_SITE},
	{"<attrs generated init black.x>", "black.x", PROFILE_USER, PROFILE_SITE},
	{"/usr/lib/python3.12/collections/__init__.py", "collections", PROFILE_STDLIB, PROFILE_STDLIB},
	{"<string>", "collections", PROFILE_USER, PROFILE_STDLIB},
	{"/srv/shop/models.py", "shop.models", PROFILE_USER, PROFILE_USER},
	{"/v/site-packages/shop/plugin.py", "shop.plugin", PROFILE_SITE, PROFILE_SITE},
	{"<string>", "shop.models", PROFILE_USER, PROFILE_USER}, /* a package of both */
	{"<string>", "nobody", PROFILE_USER, PROFILE_USER},
	{"<string>", "", PROFILE_USER, PROFILE_USER},
	{"<frozen os>", "os", PROFILE_STDLIB, PROFILE_STDLIB},
	{"<string>", "blackx", PROFILE_USER, PROFILE_USER},
};

static void it_is_whose_the_package_is(void **state)
{
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink to = profile_builder__sink(b);
	uint64_t area[ARRAY_SIZE(cases) + 1];
	struct libraries *l;
	struct profile *p;

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct profile_function f = {
			.id = i + 1, .name = "f", .module = cases[i].module, .file = cases[i].file};
		const char *site = strstr(f.file, "site-packages/");

		f.short_file = site ? site + strlen("site-packages/") : f.file;
		f.origin = cases[i].origin;
		to.ops->function(to.ctx, &f);
		area[i + 1] = 1;
	}
	p = profile_builder__finish(b);
	for (uint32_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (p->functions[i + 1].origin != cases[i].want)
			fail_msg("%s of %s: %d", cases[i].file, cases[i].module, (int)p->functions[i + 1].origin);
	area[0] = 0;
	l = libraries__new(p, area);
	assert_string_equal(l->names[l->slots[2]], "black");
	libraries__free(l);
	profile__free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(it_is_whose_the_package_is)};

	return cmocka_run_group_tests_name("generated", tests, NULL, NULL);
}
