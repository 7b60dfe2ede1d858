/* SPDX-License-Identifier: MIT */
/* By name only: a renamed, statically linked embedding application is not recognised here. */
#include "user/target/pythons.h"
#include "user/os/procfs.h"
#include "user/util/alloc.h"
#include "user/util/text.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_python_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	return !strncmp(name, "python", 6) || !strncmp(name, "libpython", 9) || !strncmp(name, "pypy", 4);
}

static int look_at_map(void *ctx, const struct procfs_map *m)
{
	(void)ctx;
	return m->exec && is_python_name(m->path);
}

static bool looks_like_python(pid_t pid, const char *command)
{
	__cleanup_free char *program = procfs_program_path(pid), *first = NULL;

	if (program)
		return is_python_name(program) || procfs_maps(pid, look_at_map, NULL) > 0;
	/* Another user's process: only its own command line is to be seen. */
	first = xstrndup(command, strcspn(command, " "));
	return is_python_name(first);
}

static void add(void *ctx, pid_t pid)
{
	struct pythons *t = ctx;
	__cleanup_free char *command = pid == getpid() ? NULL : procfs_command(pid);
	struct python_process p = {.pid = pid};

	/* in brackets: kernel threads, and what is dying */
	if (!command || command[0] == '[' || procfs_stat(pid, NULL, NULL) || !looks_like_python(pid, command))
		return;
	p.command = text_clean(command, strlen(command), 0);
	xgrow(t->items, t->cnt, t->cap);
	t->items[t->cnt++] = p;
}

static int by_pid(const void *a, const void *b)
{
	const struct python_process *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

void pythons__find(struct pythons *t)
{
	*t = (struct pythons){0};
	procfs_all(add, t);
	if (t->cnt)
		qsort(t->items, t->cnt, sizeof(*t->items), by_pid);
}

void pythons__free(struct pythons *t)
{
	for (size_t i = 0; i < t->cnt; i++)
		free(t->items[i].command);
	free(t->items);
	*t = (struct pythons){0};
}
