/* SPDX-License-Identifier: MIT */
/*
 * The module's name in the globals of a frame, as bpf/module.bpf.h reads it and as user space does: the two must agree
 * about whatever is in memory.
 */
#include "bpf/module.bpf.h"
#include "tests/host/versions.h"
#include "user/python/code_object.h"
#include "user/util/text.h"
#include <string.h>

static char *by_kernel(const struct world *p, u64 globals)
{
	__cleanup_free char *data = xmalloc(ABI_MAX_TEXT), *text = NULL;
	u64 entries[MODULE_WORDS];
	struct abi_text t;

	read_module(&p->l, globals, entries, &t, data, false);
	assert_true(t.bytes <= ABI_MAX_TEXT);
	if (!(t.flags & ABI_TEXT_UNREADABLE))
		text = text_from_units(data, t.bytes, t.kind);
	return code_module(text, t.flags);
}

static char *by_user(const struct world *p, u64 code, u64 globals)
{
	struct code_object c;
	char *module;

	assert_int_equal(code_object_read(&(struct code_reader){&p->l, image__read, p->m, SIZE_MAX}, code, globals, &c),
			 0);
	module = xstrdup(c.module);
	code_object_clear(&c);
	return module;
}

static void assert_module(struct world *p, u64 globals, const char *expected)
{
	__cleanup_free char *kernel = by_kernel(p, globals), *user = by_user(p, world__function(p, 1), globals);

	assert_string_equal(kernel, expected);
	assert_string_equal(user, expected);
}

static u64 none(struct world *p)
{
	u64 addr = world__alloc(p, 64);

	image__put_u64(p->m, addr + p->l.type_off, 0x7f1000009000);
	return addr;
}

static void globals_come_with_the_code(void **state)
{
	struct world *p = *state;
	u64 codes[4], other = world__module(p, world__str(p, "shop.cart"), none(p));

	call_chain(p, codes, 2);
	p->globals = other;
	world__push(p, world__function(p, 7), 4, WORLD_THREAD);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->todo_cnt, 3);
	assert_int_equal(p->w->todo[0].globals_addr, other);
	assert_module(p, p->w->todo[0].globals_addr, "shop.cart");
	assert_module(p, p->w->todo[1].globals_addr, "app");
	assert_module(p, p->w->todo[2].globals_addr, "app");
}

static void dicts_of_every_size(void **state)
{
	struct world *p = *state;
	const u64 entries[][2] = {{world__str(p, "__name__"), world__str(p, "large.module")}, {0, 0}, {0, 0}};
	struct world_dict d = {.entries = entries, .cnt = 3};

	for (d.log2_size = 3; d.log2_size <= 17; d.log2_size++) {
		for (int i = 0; i < 2; i++) {
			d.any_keys = i;
			assert_module(p, world__dict(p, &d), "large.module");
		}
	}
}

static void main_programs(void **state)
{
	struct world *p = *state;
	u64 main = world__str(p, "__main__"), child = world__str(p, "__mp_main__");

	assert_module(p, world__module(p, main, none(p)), "__main__");
	assert_module(p, world__module(p, main, world__str(p, "")), "__main__");
	assert_module(p, world__module(p, main, world__str(p, "pkg.sub")), "pkg.sub.");
	assert_module(p, world__module(p, child, world__str(p, "pkg")), "pkg.");
	assert_module(p, world__module(p, child, none(p)), "__mp_main__");
	assert_module(p, world__module(p, world__str(p, "__main_2"), world__str(p, "pkg")), "__main_2");
	assert_module(p, world__module(p, world__str(p, "__main__2"), world__str(p, "pkg")), "__main__2");
	assert_module(p, world__module(p, world__str(p, "pkg.mod"), world__str(p, "pkg")), "pkg.mod");
}

/* Dicts that code runs in and that are no module's, and names that are no strings. */
static void no_module(void **state)
{
	struct world *p = *state;
	u64 name = world__str(p, "name"), key = world__str(p, "__name__"), split = world__module(p, name, name);
	u64 subclass = world__str(p, "__name__");
	const u64 others[][2] = {{world__str(p, "__file__"), name}, {key, name}, {key, name}};
	const u64 deleted[][2] = {{0, 0}, {key, name}, {key, name}};
	const struct world_dict first = {.entries = others, .cnt = 3, .log2_size = 3};
	const struct world_dict second = {.entries = deleted, .cnt = 3, .log2_size = 3};

	assert_module(p, 0, "");
	assert_module(p, 0xdead0000, "");
	assert_module(p, none(p), "");
	assert_module(p, world__dict(p, &first), "");
	assert_module(p, world__dict(p, &second), "");
	assert_module(p, world__module(p, none(p), name), "");
	assert_module(p, world__module(p, 0, name), "");
	assert_module(p, world__module(p, world__bytes(p, "bytes", 5), name), "");
	image__put_u64(p->m, split + p->l.dict_keys_off + 8, name);
	assert_module(p, split, "");
	image__put_u32(p->m, subclass + p->l.str_state_off, 1u << p->l.str_kind_shift);
	assert_module(p, world__dict(p, &(struct world_dict){(const u64[][2]){{subclass, name}}, 1, 3, false}), "");
}

static void names_are_cleaned(void **state)
{
	struct world *p = *state;
	__cleanup_free char *longest = xmalloc(ABI_MAX_TEXT + 1);

	assert_module(p, world__module(p, world__str(p, "a\x1b[31m\nb"), none(p)), "a\\x1b[31m\\nb");
	memset(longest, 'x', ABI_MAX_TEXT);
	longest[ABI_MAX_TEXT] = 0;
	assert_module(p, world__module(p, world__str(p, longest), none(p)), longest);
}

/* Each word of the dict, its keys and its strings: nothing is read without end, and both readers say the same. */
static void every_word_wild(void **state)
{
	struct world *p = *state;
	u64 code = world__function(p, 1), from = p->m->cnt;
	u64 globals = world__module(p, world__str(p, "__main__"), world__str(p, "package"));
	const u64 wild[] = {0,
			    1,
			    7,
			    0x1001,
			    ~0ull,
			    1ull << 63,
			    0x7ffffffffff9,
			    0xffffffff80000000,
			    0x4141414141414141,
			    0x3f3f3f,
			    0x0120ff,
			    0x02ff03,
			    1ull << 30,
			    globals,
			    globals + 4,
			    code};
	u32 named = 0, all = 0;

	for (size_t r = from; r < p->m->cnt; r++) {
		const struct image_region *region = &p->m->regions[r];

		for (u64 at = region->addr; at + 8 <= region->addr + region->size; at += 8) {
			u64 before = image__u64(p->m, at);

			for (size_t i = 0; i < ARRAY_SIZE(wild); i++, all++) {
				__cleanup_free char *kernel = NULL, *user = NULL;

				image__put_u64(p->m, at, wild[i]);
				host.reads = 0;
				kernel = by_kernel(p, globals);
				assert_in_range(host.reads, 1, 16);
				user = by_user(p, code, globals);
				assert_string_equal(kernel, user);
				named += !strcmp(user, "package.");
			}
			image__put_u64(p->m, at, before);
		}
	}
	assert_in_range(named, 1, all - 1);
}

static const struct version_test tests[] = {
	TEST(globals_come_with_the_code), TEST(dicts_of_every_size), TEST(main_programs), TEST(no_module),
	TEST(names_are_cleaned),          TEST(every_word_wild),
};

int main(void)
{
	return run_each_version("module", tests, ARRAY_SIZE(tests));
}
