/* SPDX-License-Identifier: MIT */
#include "user/cmd/keep.h"
#include "user/os/invoker.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/units.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define LEAST_NS    1000000000ull
#define LEAST_BYTES 4096

/* One with a time in its name. */
struct old {
	char *folder, *name, *stamp;
	uint64_t bytes, written_ns;
};

struct found {
	struct old *items;
	size_t cnt, cap;
};

int keep__parse(struct keep *k, const char *text, const char **why)
{
	const char *ignored;

	k->ns = k->bytes = 0;
	if (!units_parse_size(text, &k->bytes, &ignored)) {
		*why = "at least 5kB";
		return k->bytes >= LEAST_BYTES ? 0 : -EINVAL;
	}
	if (units_parse_duration(text, &k->ns, why)) {
		*why = "give a time like 24h or a size like 2GB";
		return -EINVAL;
	}
	*why = "at least a second";
	return k->ns >= LEAST_NS ? 0 : -EINVAL;
}

/* Where the time stands in the name that it has in a file's: 20261122T184005Z (user/cmd/rotation.h). */
static const char stamp_form[] = "ddddddddTddddddZ";

static bool is_stamp(const char *text)
{
	for (size_t i = 0; stamp_form[i]; i++)
		if (stamp_form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != stamp_form[i])
			return false;
	return true;
}

/* The time in a name like that of `pattern`, which has the form of one in its place; NULL: it is another's. */
static const char *stamp_of(const char *name, const char *pattern)
{
	size_t before = (size_t)(strstr(pattern, stamp_form) - pattern), len = strlen(stamp_form);

	if (strlen(name) != strlen(pattern) || strncmp(name, pattern, before) || !is_stamp(name + before) ||
	    strcmp(name + before + len, pattern + before + len))
		return NULL;
	return name + before;
}

static void add(struct found *f, int folder_fd, const char *folder, const char *name, const char *stamp)
{
	struct stat st;

	if (fstatat(folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
		return;
	xgrow(f->items, f->cnt, f->cap);
	f->items[f->cnt++] = (struct old){.folder = xstrdup(folder),
					  .name = xstrdup(name),
					  .stamp = xstrndup(stamp, strlen(stamp_form)),
					  .bytes = (uint64_t)st.st_size,
					  .written_ns = clock_of(&st.st_mtim)};
}

static void find(struct found *f, const struct outputs *o, size_t i)
{
	__cleanup_free char *path = outputs__stamped(o, i, stamp_form);
	const char *slash = strrchr(path, '/'), *pattern = slash ? slash + 1 : path;
	__cleanup_free char *folder = slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");
	DIR *dir = strstr(pattern, stamp_form) ? opendir(folder) : NULL;
	const struct dirent *e;

	while (dir && (e = readdir(dir))) {
		const char *stamp = stamp_of(e->d_name, pattern);

		if (stamp)
			add(f, dirfd(dir), folder, e->d_name, stamp);
	}
	if (dir)
		closedir(dir);
}

static int by_time(const void *a, const void *b)
{
	return strcmp(((const struct old *)a)->stamp, ((const struct old *)b)->stamp);
}

static bool is_to_go(const struct keep *k, const struct old *one, uint64_t now)
{
	return (k->ns && one->written_ns + k->ns < now) || (k->bytes && k->file_bytes > k->bytes);
}

static void remove_one(struct keep *k, const struct old *one)
{
	__cleanup_free char *path = xasprintf("%s/%s", one->folder, one->name);

	if (unlink(path)) {
		log_warn("cannot remove %s, which --keep leaves out: %s%s", path, strerror(errno), invoker_hint());
		return;
	}
	k->removed++;
	k->file_cnt--;
	k->file_bytes -= one->bytes;
}

void keep__look(struct keep *k)
{
	struct found f = {0};
	uint64_t now = clock_unix_ns();

	invoker_begin();
	for (size_t i = 0; i < k->outputs->cnt; i++)
		find(&f, k->outputs, i);
	if (f.cnt)
		qsort(f.items, f.cnt, sizeof(*f.items), by_time);
	k->file_cnt = f.cnt;
	k->file_bytes = 0;
	for (size_t i = 0; i < f.cnt; i++)
		k->file_bytes += f.items[i].bytes;
	for (size_t i = 0; i < f.cnt; i++)
		if (is_to_go(k, &f.items[i], now))
			remove_one(k, &f.items[i]);
	invoker_end();
	for (size_t i = 0; i < f.cnt; i++) {
		free(f.items[i].folder);
		free(f.items[i].name);
		free(f.items[i].stamp);
	}
	free(f.items);
}
