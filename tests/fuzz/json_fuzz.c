/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer on the reader of our JSON. What it takes must come out of every writer, and written as
 * JSON again it must be taken and give the same pstats. Seeds: what the program writes itself;
 * libFuzzer's -dict= with the keys of profile.schema.json helps. It links user/util, user/profile,
 * user/format.
 */
#include "user/format/format.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct text {
	char *bytes;
	size_t len;
};

static struct profile *read_bytes(const void *bytes, size_t len)
{
	__cleanup_close int fd = memfd_create("fuzz", MFD_CLOEXEC);
	__cleanup_free char *path = xasprintf("/proc/self/fd/%d", fd);
	struct profile *p = NULL;

	if (write(fd, bytes, len) != (ssize_t)len)
		abort();
	return format_json.read(path, &p) ? NULL : p;
}

static struct text written(const struct format *f, const struct profile *p, const struct view *v)
{
	struct text t;
	FILE *out = open_memstream(&t.bytes, &t.len);

	if (f->write(p, v, out) || fclose(out))
		abort();
	return t;
}

/* Times are kept to the microsecond, values exactly: sums and pstats must not change. */
static void check_again(const struct profile *p)
{
	const struct view v = {0};
	struct text json = written(&format_json, p, &v);
	struct profile *again = read_bytes(json.bytes, json.len);
	struct text a, b;

	if (!again || again->sample_cnt != p->sample_cnt ||
	    view__sum(&(struct view){0}, again).value != view__sum(&(struct view){0}, p).value)
		abort();
	a = written(&format_pstats, p, &v);
	b = written(&format_pstats, again, &v);
	if (a.len != b.len || memcmp(a.bytes, b.bytes, a.len))
		abort();
	free(a.bytes);
	free(b.bytes);
	free(json.bytes);
	profile__free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct view views[] = {{.threads = true}, {.by_function = true, .gil_only = true}};
	const struct format *const outputs[] = {&format_folded, &format_json, &format_pstats};
	struct profile *p;

	log_set_level(LOG_ERROR);
	p = read_bytes(data, size);
	if (!p)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(views); i++)
		for (size_t k = 0; k < ARRAY_SIZE(outputs); k++)
			free(written(outputs[k], p, &views[i]).bytes);
	check_again(p);
	profile__free(p);
	return 0;
}
