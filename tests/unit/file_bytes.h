/* SPDX-License-Identifier: MIT */
/* The bytes of a file, and an anonymous file of bytes. */
#pragma once
#include "user/util/alloc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

/* Caller frees. */
static inline char *slurp(const char *path, size_t *len)
{
	__cleanup_file FILE *f = fopen(path, "re");
	char *bytes;

	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	*len = (size_t)ftell(f);
	rewind(f);
	bytes = xmalloc(*len);
	assert_int_equal(fread(bytes, 1, *len, f), *len);
	return bytes;
}

/* Caller closes. */
static inline int memory_file(const void *bytes, size_t len)
{
	int fd = memfd_create("unit_test", MFD_CLOEXEC);

	assert_int_equal(write(fd, bytes, len), len);
	return fd;
}
