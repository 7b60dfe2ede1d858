/* SPDX-License-Identifier: MIT */
#include "user/target/whole_path.h"
#include "user/util/alloc.h"
#include <string.h>
#include <uthash.h>

#define MAX_PARTS 32

struct whole_path {
	UT_hash_handle hh;
	char *file, *absolute; /* absolute NULL: not found */
};

bool path_is_relative(const char *file)
{
	return file[0] && file[0] != '/' && file[0] != '<' && file[0] != '[';
}

/* Parts that name something: ".." and "." do not. */
static unsigned count_parts(const char *path)
{
	unsigned cnt = 0;

	while (*path) {
		size_t len = strcspn(path, "/");

		cnt += len && strncmp(path, "..", len);
		path += len + (path[len] == '/');
	}
	return cnt < MAX_PARTS ? cnt : MAX_PARTS;
}

static bool is_there(const char *absolute, const char *file, uint32_t image_id, const struct path_asker *ask)
{
	__cleanup_free char *path = xstrdup(absolute);
	char *slash;

	for (unsigned parts = count_parts(file); parts; parts--) {
		if (ask->exists(ask->ctx, image_id, path))
			return true;
		slash = strrchr(path, '/');
		if (!slash || slash == path)
			return false;
		*slash = 0;
	}
	return false;
}

static char *find_out(const char *file, uint32_t image_id, const struct path_asker *ask)
{
	char *absolute = ask->absolute && ask->exists ? ask->absolute(ask->ctx, image_id, file) : NULL;

	if (absolute && is_there(absolute, file, image_id, ask))
		return absolute;
	free(absolute);
	return NULL;
}

const char *whole_paths__find(struct whole_paths *w, const char *file, uint32_t image_id, const struct path_asker *ask)
{
	struct whole_path *p;

	if (!path_is_relative(file))
		return file;
	HASH_FIND_STR(w->by_file, file, p);
	if (!p) {
		if (w->cnt == WHOLE_PATHS_MAX)
			return file;
		w->cnt++;
		p = xcalloc(1, sizeof(*p));
		p->file = xstrdup(file);
		p->absolute = find_out(file, image_id, ask);
		HASH_ADD_KEYPTR(hh, w->by_file, p->file, strlen(p->file), p);
	}
	return p->absolute ? p->absolute : file;
}

void whole_paths__clear(struct whole_paths *w)
{
	struct whole_path *p, *next;

	HASH_ITER(hh, w->by_file, p, next)
	{
		HASH_DEL(w->by_file, p);
		free(p->file);
		free(p->absolute);
		free(p);
	}
	w->cnt = 0;
}
