/*
 * Any bytes as the memory of a process whose source texts and locks are looked for. Addresses are folded into the input,
 * so every pointer leads somewhere, often back to itself. It must end, and every text must be clean UTF-8.
 */
#include "user/python/held_sources.h"
#include "user/python/locks.h"
#include "user/python/versions.h"
#include "user/util/alloc.h"
#include "user/util/text.h"
#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct image {
	const uint8_t *bytes;
	size_t len;
};

static int read_image(void *ctx, uint64_t addr, void *out, size_t len)
{
	const struct image *m = ctx;
	size_t at = addr % m->len;

	if (addr % 61 == 0)
		return -EFAULT;
	for (size_t i = 0; i < len; i++)
		((uint8_t *)out)[i] = m->bytes[(at + i) % m->len];
	return 0;
}

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
	struct image image = {data + 1, size - 1};
	const struct py_version *rows;
	struct py_lock_wait wait;
	struct py_build build;
	size_t cnt;

	if (size < 64)
		return 0;
	rows = py_versions(&cnt);
	build = (struct py_build){.supported = true};
	py_version_apply(&rows[data[0] % cnt], &build);
	held_sources_read(&build, 1 << 20, read_image, &image, &(struct held_sink){is_wanted, on_found, NULL});
	py_lock_find(&(struct py_locks_reader){&build, read_image, &image}, 1 << 20, 1 << 21, &wait);
	check(wait.name);
	free(wait.name);
	return 0;
}
