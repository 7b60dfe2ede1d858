/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as the memory of a process whose threads are to be named. Addresses are folded into the
 * input, so every pointer leads somewhere, often back to itself. It must end, and every name must
 * be clean UTF-8.
 */
#include "tests/fuzz/folded_memory.h"
#include "user/python/thread_names.h"
#include "user/util/alloc.h"
#include "user/util/text.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(void *ctx, const struct python_thread *t)
{
	__cleanup_free char *again = text_clean(t->name, strlen(t->name), 0);

	(void)ctx;
	if (strcmp(again, t->name))
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct folded_memory memory = {data + 1, size - 1};
	struct py_build build;

	if (size < 64)
		return 0;
	build = folded_memory_build(data[0]);
	thread_names_read(&build, 1 << 20, folded_memory_read, &memory,
			  &(struct thread_name_sink){.found = check_name});
	return 0;
}
