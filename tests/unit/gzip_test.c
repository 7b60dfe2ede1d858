/* SPDX-License-Identifier: MIT */
/* The compressing stream: what goes in comes out of zlib's own reader, and a full disk is told. */
#include "user/format/gzip.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <zlib.h>

/* `rows` lines through a stream, and back through gzread. */
static void check_round_trip(size_t rows)
{
	char path[] = "/tmp/gzip_test.XXXXXX", line[64], got[64];
	int fd = mkstemp(path);
	FILE *out = fdopen(fd, "w"), *packed;
	gzFile in;

	packed = gzip__open(out);
	for (size_t i = 0; i < rows; i++)
		fprintf(packed, "%zu,%zu\n", i, i * 2654435761u % 1000003);
	assert_int_equal(gzip__close(packed), 0);
	assert_int_equal(fclose(out), 0); /* still open until here */
	in = gzopen(path, "r");
	assert_false(gzdirect(in));
	for (size_t i = 0; i < rows; i++) {
		snprintf(line, sizeof(line), "%zu,%zu\n", i, i * 2654435761u % 1000003);
		assert_non_null(gzgets(in, got, sizeof(got)));
		assert_string_equal(got, line);
	}
	assert_int_equal(gzread(in, got, 1), 0);
	assert_int_equal(gzclose(in), Z_OK);
	unlink(path);
}

static void test_round_trip(void **state)
{
	(void)state;
	check_round_trip(0);
	check_round_trip(1);
	check_round_trip(200000);
}

static void test_same_bytes(void **state)
{
	char *texts[2];
	size_t lens[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		FILE *out = open_memstream(&texts[i], &lens[i]), *packed = gzip__open(out);

		fputs("the same", packed);
		assert_int_equal(gzip__close(packed), 0);
		fclose(out);
	}
	assert_int_equal(lens[0], lens[1]);
	assert_memory_equal(texts[0], texts[1], lens[0]);
	assert_memory_equal(texts[0] + 4, "\0\0\0\0", 4); /* no time */
	free(texts[0]);
	free(texts[1]);
}

static void test_full_disk(void **state)
{
	FILE *out = fopen("/dev/full", "w"), *packed;

	(void)state;
	setvbuf(out, NULL, _IONBF, 0);
	packed = gzip__open(out);
	for (unsigned i = 0; i < 1000000; i++)
		fprintf(packed, "%u", i * 2654435761u);
	assert_int_equal(gzip__close(packed), -EIO);
	assert_true(ferror(out));
	fclose(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_same_bytes),
		cmocka_unit_test(test_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
