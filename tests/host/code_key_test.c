/* SPDX-License-Identifier: MIT */
/*
 * Identity of code objects (bpf/code.bpf.h): addresses are used again, so what lies there must tell
 * one object from the next, and the same object must give the same key each time.
 */
#include "tests/host/versions.h"
#include <string.h>

static u64 key_now(struct world *p)
{
	assert_int_equal(tick(p), ABI_OK);
	assert_true(p->w->frames[0].code_key != 0);
	return p->w->frames[0].code_key;
}

/* One function whose line table has `len` bytes. */
static u64 one_function(struct world *p, size_t len, u64 *lines)
{
	unsigned char table[5000];
	struct world_code c = {"f", "/app/f.py", 3, 77, 0};
	u64 code;

	for (size_t i = 0; i < len; i++)
		table[i] = (unsigned char)(i * 7 + 1);
	*lines = c.lines = world__bytes(p, table, len);
	code = world__code(p, &c);
	world__enter(p);
	world__push(p, code, 0, WORLD_THREAD);
	return code;
}

static void flip(struct world *p, u64 addr)
{
	*(u8 *)image__at(p->m, addr, 1) ^= 0x10;
}

/* Another object at the same address: what tells it from the one before. */
static void another_object_another_key(void **state)
{
	struct world *p = *state;
	u64 lines, code = one_function(p, 20, &lines), key = key_now(p);
	const struct {
		u64 field, other;
	} pointers[] = {{p->l.code_filename_off, world__str(p, "/app/f.py")},
			{p->l.code_name_off, world__str(p, "f")},
			{p->l.code_lines_off, world__bytes(p, image__at(p->m, lines + p->l.bytes_data_off, 20), 20)}};

	flip(p, code + p->l.code_firstlineno_off);
	assert_true(key_now(p) != key);
	flip(p, code + p->l.code_firstlineno_off);
	for (size_t i = 0; i < ARRAY_SIZE(pointers) && !(p->l.mech & ABI_MECH_VERSION); i++) {
		u64 own = image__u64(p->m, code + pointers[i].field);

		image__put_u64(p->m, code + pointers[i].field, pointers[i].other);
		assert_true(key_now(p) != key);
		image__put_u64(p->m, code + pointers[i].field, own);
		assert_int_equal(key_now(p), key);
	}
	p->w->image_id++;
	assert_true(key_now(p) != key);
}

static void numbered_objects_by_their_number(void **state)
{
	struct world *p = *state;
	u64 lines, code = one_function(p, 20, &lines), key = key_now(p);

	flip(p, code + p->l.code_version_off);
	assert_true(key_now(p) != key);
	flip(p, code + p->l.code_version_off);
	flip(p, lines + p->l.bytes_data_off); /* is not even read */
	assert_int_equal(key_now(p), key);
}

/* Does this byte of a table of that many count? */
static bool counts(size_t at, size_t len)
{
	return at < ABI_LINES_PREFIX || (at < len && len - at <= ABI_LINES_HASHED);
}

/* Others by the content of their line table and by its size; of long ones by both ends. */
static void unnumbered_objects_by_their_lines(void **state)
{
	static const size_t sizes[] = {1, 7, 8, 9, 20, 47, 48, 49, 79, 80, 81, 100, 255, 256, 4143, 4144, 4145, 5000};
	struct world *p = *state;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t len = sizes[i];
		u64 lines, key, data;

		one_function(p, len, &lines);
		key = key_now(p);
		data = lines + p->l.bytes_data_off;
		for (size_t at = 0; at < len; at++) {
			flip(p, data + at);
			assert_int_equal(key_now(p) != key, counts(at, len));
			flip(p, data + at);
		}
		/*
		 * not the table: what lies behind it, and its hash, which is made when somebody
		 * asks
		 */
		for (size_t at = len; at < len + 8; at++)
			flip(p, data + at);
		flip(p, data - 8);
		assert_int_equal(key_now(p), key);
		for (size_t at = len; at < len + 8; at++)
			flip(p, data + at);
		image__put_u64(p->m, lines + p->l.bytes_size_off, len + 1);
		assert_true(key_now(p) != key);
	}
}

/* A file's name with other memory behind it. */
static u64 roomy_str(struct world *p, const char *ascii)
{
	size_t size = p->l.str_ascii_off + strlen(ascii) + 1;
	u64 tight = world__str(p, ascii), roomy = world__alloc(p, size + TEXT_BYTES);

	memcpy(image__at(p->m, roomy, size), image__at(p->m, tight, size), size);
	return roomy;
}

/* And by the beginning of their file's name: the string's memory may have been another's. */
static void unnumbered_objects_by_their_file(void **state)
{
	static const size_t sizes[] = {1, 7, 8, 9, 16, 20, TEXT_BYTES - 1, TEXT_BYTES, TEXT_BYTES + 1, 100};
	struct world *p = *state;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		char name[101] = {0};
		u64 lines, code = one_function(p, 20, &lines), file, key;

		memset(name, 'a', sizes[i]);
		file = roomy_str(p, name);
		image__put_u64(p->m, code + p->l.code_filename_off, file);
		key = key_now(p);
		for (size_t at = 0; at < sizes[i] + 8; at++) {
			flip(p, file + p->l.str_ascii_off + at);
			assert_int_equal(key_now(p) != key, at < sizes[i] && at < TEXT_BYTES);
			flip(p, file + p->l.str_ascii_off + at);
		}
	}
}

/* Bytes that were read of another one before must not count. */
static void a_key_depends_on_its_object_alone(void **state)
{
	struct world *p = *state;
	u64 lines, small = one_function(p, 100, &lines), key = key_now(p);

	one_function(p, 5000, &lines);
	assert_true(key_now(p) != key);
	world__push(p, small, 0, WORLD_THREAD);
	assert_int_equal(key_now(p), key);
	world__set_leaf(p, 0);
	world__enter(p);
	world__push(p, small, 0, WORLD_THREAD);
	assert_int_equal(key_now(p), key);
}

static void what_runs_does_not_change_the_key(void **state)
{
	struct world *p = *state;
	u64 lines, code = one_function(p, 20, &lines), key = key_now(p);

	world__push(p, code, 40, WORLD_THREAD);
	assert_int_equal(key_now(p), key);
	flip(p, code + p->row->code_basicsize); /* a specialised instruction */
	world__hold_gil(p, false);
	assert_int_equal(key_now(p), key);
}

#define MS 1000000ull

/* A tick at `at_ns`, the only one since the one before; the reads it took. */
static u64 reads_at(struct world *p, u64 at_ns)
{
	p->w->cpu_ns = at_ns - p->w->sample.hdr.time_ns;
	p->w->sample.hdr.time_ns = at_ns;
	p->w->sample.unverified = 0;
	p->w->replaced = 0;
	host.reads = 0;
	assert_int_equal(tick(p), ABI_OK);
	return host.reads;
}

/* A code object that was read the same for four times cache_ns goes unread for cache_ns. */
static void what_was_read_often_is_cached(void **state)
{
	struct world *p = *state;
	u64 lines, start = 1000 * MS, all;

	one_function(p, 20, &lines);
	p->w->cache_ns = 50 * MS;
	reads_at(p, start);
	see_all(p);
	all = reads_at(p, start + 199 * MS);
	assert_int_equal(reads_at(p, start + 199 * MS + 1), all);
	assert_int_equal(reads_at(p, start + 200 * MS), all);
	assert_false(p->w->sample.unverified);
	assert_true(reads_at(p, start + 249 * MS) < all);
	assert_true(p->w->sample.unverified);
	assert_int_equal(reads_at(p, start + 250 * MS), all);
	assert_false(p->w->sample.unverified);
	assert_true(reads_at(p, start + 299 * MS) < all);
	assert_int_equal(reads_at(p, start + 10000 * MS), all);
	assert_true(reads_at(p, start + 10049 * MS) < all);
	assert_int_equal(reads_at(p, start + 10050 * MS), all);
	p->w->cache_ns = 0;
	assert_int_equal(reads_at(p, start + 10051 * MS), all);
	p->w->cache_ns = 50 * MS;
	p->w->image_id++;
	assert_true(reads_at(p, start + 10052 * MS) >= all); /* and what is new is looked at more closely */
	assert_false(p->w->replaced);
}

/* Beside others that have the CPU it gets old slowly. */
static void what_seldom_runs_has_not_stood(void **state)
{
	struct world *p = *state;
	u64 lines, all;

	one_function(p, 20, &lines);
	p->w->cache_ns = 50 * MS;
	see_all(p);
	tick(p);
	all = reads_at(p, 1000 * MS);
	for (u32 i = 1; i < 200; i++) {
		assert_int_equal(reads_at(p, (1000 + 60 * i) * MS), all);
		p->w->sample.hdr.time_ns = (1059 + 60 * i) * MS; /* the next one stands for a millisecond */
	}
}

/* Another one in its place is found at the first reading, and told where somebody may have relied on it. */
static void what_was_cached_and_replaced(void **state)
{
	struct world *p = *state;
	u64 lines, code = one_function(p, 20, &lines), start = 1000 * MS, key;

	p->w->cache_ns = 50 * MS;
	reads_at(p, start);
	flip(p, code + p->l.code_firstlineno_off);
	reads_at(p, start + MS);
	assert_false(p->w->replaced); /* nothing was cached yet */
	reads_at(p, start + 201 * MS);
	key = p->w->frames[0].code_key;
	flip(p, code + p->l.code_firstlineno_off);
	reads_at(p, start + 202 * MS);
	assert_true(p->w->sample.unverified && !p->w->replaced);
	assert_int_equal(p->w->frames[0].code_key, key); /* wrong, and not known yet */
	reads_at(p, start + 251 * MS);
	assert_true(p->w->replaced == 1 && !p->w->sample.unverified);
	assert_int_equal(p->w->replaced_key, key);
	assert_true(p->w->frames[0].code_key != key);
}

/* Swapped out, or a frame that is none any more: no other object is there. */
static void what_was_cached_and_is_not_readable(void **state)
{
	struct world *p = *state;
	u64 lines, code = one_function(p, 20, &lines), start = 1000 * MS;

	p->w->cache_ns = 50 * MS;
	reads_at(p, start);
	reads_at(p, start + 201 * MS);
	image__remove(p->m, code);
	reads_at(p, start + 202 * MS);
	assert_true(p->w->sample.unverified);
	p->w->sample.hdr.time_ns = start + 251 * MS;
	assert_int_not_equal(tick(p), ABI_OK);
	assert_false(p->w->replaced);
}

/* The body of a module stands for long, too, but then another one's may take its place. */
static void what_runs_once_is_not_cached(void **state)
{
	struct world *p = *state;
	u64 lines, code = one_function(p, 20, &lines), start = 1000 * MS, key, all;

	image__put_u32(p->m, code + p->l.code_flags_off, 0);
	p->w->cache_ns = 50 * MS;
	reads_at(p, start);
	see_all(p);
	all = reads_at(p, start + 201 * MS);
	for (u32 i = 0; i < 3; i++) {
		assert_int_equal(reads_at(p, start + (202 + i) * MS), all);
		assert_false(p->w->sample.unverified);
	}
	key = p->w->frames[0].code_key;
	flip(p, code + p->l.code_firstlineno_off);
	reads_at(p, start + 206 * MS);
	assert_true(p->w->frames[0].code_key != key);
	assert_false(p->w->replaced);
}

static const struct version_test tests[] = {
	TEST(another_object_another_key),
	TEST_WITH(numbered_objects_by_their_number, ABI_MECH_VERSION),
	TEST_WITHOUT(unnumbered_objects_by_their_lines, ABI_MECH_VERSION),
	TEST_WITHOUT(unnumbered_objects_by_their_file, ABI_MECH_VERSION),
	TEST(a_key_depends_on_its_object_alone),
	TEST(what_runs_does_not_change_the_key),
	TEST(what_was_read_often_is_cached),
	TEST(what_seldom_runs_has_not_stood),
	TEST(what_was_cached_and_replaced),
	TEST(what_was_cached_and_is_not_readable),
	TEST(what_runs_once_is_not_cached),
};

int main(void)
{
	return run_each_version("code_key", tests, ARRAY_SIZE(tests));
}
