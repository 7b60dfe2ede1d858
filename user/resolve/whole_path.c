#include "user/resolve/whole_path.h"
#include "user/util/alloc.h"
#include <string.h>

#define MAX_PARTS 32

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

bool whole_path_is_there(const char *absolute, const char *file, module_exists_fn exists, void *ctx)
{
	__cleanup_free char *path = absolute ? xstrdup(absolute) : NULL;
	char *slash;

	for (unsigned parts = path ? count_parts(file) : 0; parts; parts--) {
		if (exists(ctx, path))
			return true;
		slash = strrchr(path, '/');
		if (!slash || slash == path)
			return false;
		*slash = 0;
	}
	return false;
}
