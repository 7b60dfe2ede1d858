/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as the memory of a process whose source texts and locks are looked for. It must end, and every text must be clean UTF-8.
 */
#include "tests/fuzz/folded_memory.h"
#include "user/python/held_sources.h"
#include "user/python/locks.h"
#include "user/util/alloc.h"
#include "user/util/text.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_wanted(void *ctx, const char *file)
{
	(void)ctx;
	return *file != 'x';
}

static void check(const char *text)
{
	__cleanup_free char *again = text ? text_clean(text, strlen(text), TEXT_KEEP_NEWLINES) : NULL;

	if (text && strcmp(again, text) != 0)
		__builtin_trap();
}

static void on_found(void *ctx, const struct held_source *s)
{
	(void)ctx;
	check(s->file);
	check(s->text);
	check(s->label);
	if (s->text && strlen(s->text) > HELD_TEXT_MAX)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct folded_memory memory = {data + 1, size - 1};
	struct py_lock_wait wait;
	struct py_build build;

	if (size < 64)
		return 0;
	build = folded_memory_build(data[0]);
	held_sources_read(&build, 1 << 20, folded_memory_read, &memory, &(struct held_sink){is_wanted, on_found, NULL});
	py_lock_find(&(struct py_locks_reader){&build, folded_memory_read, &memory}, 1 << 20, 1 << 21, &wait);
	check(wait.name);
	free(wait.name);
	return 0;
}
