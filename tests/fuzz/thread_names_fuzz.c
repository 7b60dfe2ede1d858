/*
 * Any bytes as the memory of a process whose threads are to be named. Addresses are folded into the
 * input, so every pointer leads somewhere, often back to itself. It must end, and every name must
 * be clean UTF-8.
 */
#include "user/python/thread_names.h"
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

static void check_name(void *ctx, const struct python_thread *t)
{
	__cleanup_free char *again = text_clean(t->name, strlen(t->name), 0);

	(void)ctx;
	if (strcmp(again, t->name))
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image image = {data + 1, size - 1};
	const struct py_version *rows;
	struct py_build build;
	size_t cnt;

	if (size < 64)
		return 0;
	rows = py_versions(&cnt);
	build = (struct py_build){.supported = true};
	py_version_apply(&rows[data[0] % cnt], &build);
	thread_names_read(&build, 1 << 20, read_image, &image, &(struct thread_name_sink){.found = check_name});
	return 0;
}
