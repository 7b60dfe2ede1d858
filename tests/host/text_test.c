/* SPDX-License-Identifier: MIT */
/* Names and file names of code objects, however their strings keep their characters: Include/cpython/unicodeobject.h. */
#include "tests/host/versions.h"
#include "user/python/code_object.h"
#include <string.h>

#define BEHIND 128 /* a string is not the last thing in memory */

struct form {
	const char *text; /* UTF-8 */
	u32 kind;
	bool ascii, compact;
};

static const struct form forms[] = {
	{"/app/module.py", 1, true, true},
	{"/app/café.py", 1, false, true},
	{"/srv/τέμπλετ.py", 2, false, true},
	{"/srv/🐍.py", 4, false, true},
	{"/app/module.py", 1, true, false},
	{"/app/café.py", 1, false, false},
	{"/srv/τέμπλετ.py", 2, false, false},
	{"/srv/🐍.py", 4, false, false},
	{"/srv/made of wchar_t.py", 0, false, false},
};

static bool is_possible(const struct world *p, const struct form *f)
{
	return f->kind || p->l.str_wstr_off;
}

/* The next code point of well-formed UTF-8. */
static u32 next_point(const unsigned char **s)
{
	u32 c = *(*s)++, more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;

	c &= more ? 0x3fu >> more : 0x7f;
	for (; more; more--)
		c = c << 6 | (*(*s)++ & 0x3f);
	return c;
}

static u32 put_points(struct world *p, u64 data, const char *text, u32 bytes)
{
	const unsigned char *s = (const unsigned char *)text;
	u32 n = 0;

	for (; *s; n++) {
		u32 c = next_point(&s);

		memcpy(image__at(p->m, data + n * bytes, bytes), &c, bytes);
	}
	return n;
}

/* Gives the address of the characters too. */
static u64 put_string(struct world *p, const struct form *f, u64 *data)
{
	const struct abi_py_layout *l = &p->l;
	u32 bytes = f->kind ? f->kind : 4, length;
	u64 addr = world__alloc(p, l->str_compact_off + 8u + 64 * 4 + BEHIND);

	*data = f->compact ? addr + (f->ascii ? l->str_ascii_off : l->str_compact_off)
			   : world__alloc(p, 64 * 4 + BEHIND);
	length = put_points(p, *data, f->text, bytes);
	image__put_u64(p->m, addr + (f->kind ? l->str_length_off : l->str_wstr_length_off), length);
	image__put_u32(p->m, addr + l->str_state_off,
		       f->kind << l->str_kind_shift | (u32)f->compact << l->str_compact_bit |
			       (u32)f->ascii << l->str_ascii_bit);
	if (!f->compact)
		image__put_u64(p->m, addr + (f->kind ? l->str_compact_off : l->str_wstr_off), *data);
	return addr;
}

static u64 code_named(struct world *p, u64 name, u64 file)
{
	u64 code = world__function(p, 3);

	image__put_u64(p->m, code + p->l.code_name_off, name);
	image__put_u64(p->m, code + p->l.code_filename_off, file);
	return code;
}

static int read_code(const struct world *p, u64 code, struct code_object *c)
{
	return code_object_read(&(struct code_reader){&p->l, image__read, p->m, SIZE_MAX}, code, 0, c);
}

static void every_form_is_read(void **state)
{
	struct world *p = *state;
	struct code_object c;
	u64 data;

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		if (!is_possible(p, &forms[i]))
			continue;
		assert_int_equal(
			read_code(p, code_named(p, put_string(p, &forms[i], &data), put_string(p, &forms[i], &data)),
				  &c),
			0);
		assert_string_equal(c.name, forms[i].text);
		assert_string_equal(c.file, forms[i].text);
		assert_int_equal(c.table_len, 4);
		code_object_clear(&c);
	}
}

/* The one that can be read is, and so are the lines. */
static void one_bad_string(void **state)
{
	struct world *p = *state;
	u64 data, good = put_string(p, &forms[0], &data), bad = put_string(p, &forms[6], &data);
	struct code_object c;

	image__put_u64(p->m, bad + p->l.str_compact_off, 0xdead0000);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(read_code(p, i ? code_named(p, bad, good) : code_named(p, good, bad), &c), 0);
		assert_string_equal(i ? c.file : c.name, forms[0].text);
		assert_string_equal(i ? c.name : c.file, "[unreadable]");
		assert_int_equal(c.first_line, 30);
		assert_int_equal(c.table_len, 4);
		code_object_clear(&c);
	}
	assert_int_not_equal(read_code(p, code_named(p, bad, bad), &c), 0);
	assert_int_not_equal(read_code(p, 0xdead0000, &c), 0);
}

static u64 key_of(struct world *p)
{
	assert_int_equal(tick(p), ABI_OK);
	return p->w->frames[0].code_key;
}

/* Each character of a file name tells two code objects apart, if nothing else does. */
static void keys_depend_on_the_characters(void **state)
{
	struct world *p = *state;
	u64 data, name = put_string(p, &forms[0], &data);

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		u64 key, file;

		if (!is_possible(p, &forms[i]))
			continue;
		file = put_string(p, &forms[i], &data);
		world__set_leaf(p, 0);
		world__enter(p);
		world__push(p, code_named(p, name, file), 0, WORLD_THREAD);
		key = key_of(p);
		for (u32 at = 0; at < 8; at++) {
			*(u8 *)image__at(p->m, data + at, 1) ^= 1;
			assert_true(key_of(p) != key);
			*(u8 *)image__at(p->m, data + at, 1) ^= 1;
		}
		assert_true(key_of(p) == key);
	}
}

/* Somebody asks for a file name as UTF-8, and the string keeps that: PyCompactUnicodeObject.utf8_length, .utf8 */
static void keys_do_not_depend_on_what_is_cached(void **state)
{
	struct world *p = *state;
	u64 data, name = put_string(p, &forms[0], &data);

	for (size_t i = 1; i < 8; i++) {
		u64 file = put_string(p, &forms[i], &data), key;

		if (forms[i].ascii && forms[i].compact)
			continue;
		world__set_leaf(p, 0);
		world__enter(p);
		world__push(p, code_named(p, name, file), 0, WORLD_THREAD);
		key = key_of(p);
		image__put_u64(p->m, file + p->l.str_ascii_off, 14);
		image__put_u64(p->m, file + p->l.str_ascii_off + 8, p->tstate);
		assert_true(key_of(p) == key);
	}
}

static const struct version_test tests[] = {
	TEST(every_form_is_read),
	TEST(one_bad_string),
	TEST_WITHOUT(keys_depend_on_the_characters, ABI_MECH_VERSION),
	TEST_WITHOUT(keys_do_not_depend_on_what_is_cached, ABI_MECH_VERSION),
};

int main(void)
{
	return run_each_version("text", tests, ARRAY_SIZE(tests));
}
