/* SPDX-License-Identifier: MIT */
#include "user/os/path_walk.h"
#include "user/os/untrusted.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define MOST_LINKS 40 /* as the kernel allows */
#define MOST_DEPTH 256

struct walk {
	int fds[MOST_DEPTH]; /* the root, which is not ours, and what lies below it, one in the other */
	size_t cnt;
	char *rest; /* of the path */
	unsigned links;
};

static void go_up(struct walk *w)
{
	if (w->cnt > 1)
		close(w->fds[--w->cnt]);
}

/* The next part of what is left, which it is taken from; "" at the end. */
static void next_part(struct walk *w, char part[NAME_MAX + 1])
{
	size_t slashes = strspn(w->rest, "/"), len = strcspn(w->rest + slashes, "/");

	if (len > NAME_MAX) /* there is no such file */
		len = NAME_MAX;
	memcpy(part, w->rest + slashes, len);
	part[len] = 0;
	memmove(w->rest, w->rest + slashes + len, strlen(w->rest + slashes + len) + 1);
}

static int follow(struct walk *w, int link)
{
	char target[PATH_MAX], *rest;
	ssize_t len = readlinkat(link, "", target, sizeof(target) - 1);

	if (len < 0)
		return -errno;
	if (++w->links > MOST_LINKS)
		return -ELOOP;
	target[len] = 0;
	while (*target == '/' && w->cnt > 1)
		go_up(w);
	rest = xasprintf("%s/%s", target, w->rest);
	free(w->rest);
	w->rest = rest;
	return 0;
}

/* Takes `fd` over. */
static int go_down(struct walk *w, int fd, path_step_fn step, void *ctx)
{
	struct stat st;
	int err = fstat(fd, &st) ? -errno : step(ctx, &st);

	if (!err && S_ISLNK(st.st_mode))
		err = follow(w, fd);
	else if (!err && w->cnt < MOST_DEPTH) {
		w->fds[w->cnt++] = fd;
		return 0;
	} else if (!err)
		err = -ENAMETOOLONG;
	close(fd);
	return err;
}

static int go(struct walk *w, path_step_fn step, void *ctx)
{
	char part[NAME_MAX + 1];
	int fd, err = 0;

	for (next_part(w, part); *part && !err; next_part(w, part)) {
		if (!strcmp(part, ".."))
			go_up(w);
		if (!strcmp(part, "..") || !strcmp(part, "."))
			continue;
		fd = openat(w->fds[w->cnt - 1], part, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		err = fd < 0 ? -errno : go_down(w, fd, step, ctx);
	}
	return err;
}

int path_walk(int root, const char *path, uint64_t max_bytes, path_step_fn step, void *ctx)
{
	struct walk w = {.fds = {root}, .cnt = 1, .rest = xstrdup(path)};
	int err = go(&w, step, ctx), fd = -1;

	if (!err)
		fd = open_untrusted_found(w.fds[w.cnt - 1], max_bytes);
	while (w.cnt > 1)
		go_up(&w);
	free(w.rest);
	return err ? err : fd;
}
