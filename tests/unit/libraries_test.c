/* SPDX-License-Identifier: MIT */
/* Libraries by the package that a file is of: which have a colour of their own, and which. */
#include "tests/unit/waiting_profile.h"
#include "user/profile/libraries.h"
#include "tests/unit/small_profile.h"
#include "user/util/alloc.h"

#define V "/v/lib/python3.12/site-packages/"

static struct profile *of_files(const char *const *files)
{
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink to = profile_builder__sink(b);

	for (uint32_t id = 1; files[id - 1]; id++) {
		struct profile_function f = {.id = id, .name = "f", .module = "m", .file = files[id - 1]};

		f.short_file = files[id - 1];
		f.origin = strstr(f.file, "site-packages") ? PROFILE_SITE : PROFILE_USER;
		to.ops->function(to.ctx, &f);
		tell_frame(to, id, id, 1);
	}
	return profile_builder__finish(b);
}

static const char *name_of(const struct libraries *l, uint32_t function)
{
	return l->names[l->slots[function]];
}

static void the_largest_have_names(void **state)
{
	static const char *const files[] = {V "flask/app.py",
					    V "_pytest/main.py",
					    V "six.py",
					    "/w" V "flask/ctx.py",
					    "/srv/app.py",
					    V "a/x.py",
					    V "b/x.py",
					    V "c/x.py",
					    V "d/x.py",
					    V "e",
					    NULL};
	static const uint64_t area[] = {0, 10, 20, 30, 15, 1000, 9, 8, 7, 6, 0};
	struct profile *p = of_files(files);
	struct libraries *l = libraries__new(p, area);
	unsigned used = 0;

	(void)state;
	assert_string_equal(name_of(l, 1), "flask");
	assert_string_equal(name_of(l, 4), "flask");
	assert_string_equal(name_of(l, 2), "pytest");
	assert_string_equal(name_of(l, 3), "six");
	assert_string_equal(name_of(l, 6), "a");
	assert_string_equal(name_of(l, 7), "b");
	assert_string_equal(name_of(l, 8), "others");
	assert_int_equal(l->slots[9], LIBRARIES_OTHER);
	for (unsigned i = 1; i <= 7; i++)
		used |= i == 5 ? 0 : 1u << l->slots[i];
	assert_int_equal(used, (1u << LIBRARIES_NAMED) - 1);
	libraries__free(l);
	profile__free(p);
}

/* Whatever else there is, where there is room. */
static void a_library_keeps_its_colour(void **state)
{
	static const char *const one[] = {V "flask/app.py", V "six.py", NULL}, *const other[] = {V "six.py",
												 V "flask/x.py", NULL};
	static const uint64_t area[] = {0, 10, 20};
	struct profile *p = of_files(one), *q = of_files(other);
	struct libraries *a = libraries__new(p, area), *b = libraries__new(q, area);

	(void)state;
	if (a->slots[1] != a->slots[2] + 1 && a->slots[2] != a->slots[1] + 1) { /* they do not want the same */
		assert_int_equal(a->slots[1], b->slots[2]);
		assert_int_equal(a->slots[2], b->slots[1]);
	}
	libraries__free(a);
	libraries__free(b);
	profile__free(p);
	profile__free(q);
}

static void one_alone_needs_no_colour(void **state)
{
	static const char *const files[] = {V "flask/app.py", V "flask/ctx.py", V "six.py", "/srv/app.py", "", NULL};
	static const uint64_t area[] = {0, 10, 10, 0, 10, 10};
	struct profile *p = of_files(files);

	(void)state;
	assert_null(libraries__new(p, area));
	profile__free(p);
}

static void objects_are_told_apart_by_names_without_how_they_were_built(void **state)
{
	uint64_t area[WAITING_FUNCTIONS + 1] = {[F_MAIN] = 100, [F_DGEMM] = 20, [F_SCAN] = 10, [F_READ] = 30};
	struct profile *p = waiting_profile(WAITING_ROWS);
	struct libraries *l = libraries__objects(p, area);

	(void)state;
	assert_string_equal(l->names[l->slots[F_DGEMM]], "libopenblas64");
	assert_string_equal(l->names[l->slots[F_SCAN]], "_json");
	assert_int_not_equal(l->slots[F_DGEMM], l->slots[F_SCAN]);
	libraries__free(l);
	assert_null(libraries__new(p, area)); /* none is of site-packages */
	area[F_SCAN] = 0;
	assert_null(libraries__objects(p, area));
	profile__free(p);
	assert_int_equal(library_object_length("libc.so.6"), 4);
	assert_int_equal(library_object_length("libpq-a17e3caa.so.5.16"), strlen("libpq")); /* of a wheel */
	assert_int_equal(library_object_length("libx-1234567.so"), strlen("libx-1234567"));
	assert_int_equal(library_object_length("libfeed12345.so"), strlen("libfeed12345"));
	assert_int_equal(library_object_length("-a17e3caa.so"), strlen("-a17e3caa"));
	assert_int_equal(library_object_length("_zoneinfo.abi3.so"), 9);
	assert_int_equal(library_object_length("python3.12"), 10);
	assert_int_equal(library_object_length(".so"), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_largest_have_names),
		cmocka_unit_test(a_library_keeps_its_colour),
		cmocka_unit_test(one_alone_needs_no_colour),
		cmocka_unit_test(objects_are_told_apart_by_names_without_how_they_were_built),
	};

	return cmocka_run_group_tests_name("libraries", tests, NULL, NULL);
}
