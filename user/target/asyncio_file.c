/* SPDX-License-Identifier: MIT */
#include "user/target/asyncio_file.h"
#include "user/os/procfs.h"
#include "user/os/worker.h"
#include "user/symbol/elf.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include <string.h>
#include <unistd.h>

#define ASYNCIO_SO "/_asyncio."

static int look_into(void *ctx, const struct procfs_map *m)
{
	struct py_asyncio_debug *debug = ctx;
	const char *base = strrchr(m->path, '/');
	struct elf_file *e;
	int fd;

	if (!base || strncmp(base, ASYNCIO_SO, strlen(ASYNCIO_SO)) != 0)
		return 0;
	fd = procfs_open_mapped(m);
	e = fd < 0 ? NULL : elf_file__open(fd);
	if (e)
		asyncio_debug_read(e, debug);
	elf_file__free(e);
	if (fd >= 0)
		close(fd);
	return debug->task_bytes;
}

void asyncio_file_read(pid_t pid, struct py_asyncio_debug *out)
{
	*out = (struct py_asyncio_debug){0};
	procfs_maps(pid, look_into, out);
}

static int read_aside(const void *arg, struct buf *reply)
{
	struct py_asyncio_debug debug;

	asyncio_file_read(*(const pid_t *)arg, &debug);
	buf_put(reply, &debug, sizeof(debug));
	return 0;
}

void asyncio_file_ask(pid_t pid, struct py_asyncio_debug *out)
{
	const struct worker_task task = {.pid = pid, .fn = read_aside, .arg = &pid, .len = sizeof(pid)};
	struct buf reply = {0};

	*out = (struct py_asyncio_debug){0};
	if (!worker_call(&task, &reply) && reply.len == sizeof(*out))
		memcpy(out, reply.data, sizeof(*out));
	buf_free(&reply);
}
