/* SPDX-License-Identifier: MIT */
/*
 * The names of a live process's threads, one "IDENT NAME" a line. Usage: thread_names_dump PID.
 * Finds the interpreter by identifying every file that is mapped into the process.
 */
#include "user/python/build.h"
#include "user/python/thread_names.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

static int read_remote(void *ctx, uint64_t addr, void *out, size_t len)
{
	struct iovec local = {out, len}, remote = {(void *)(uintptr_t)addr, len};
	ssize_t got = process_vm_readv(*(pid_t *)ctx, &local, 1, &remote, 1, 0);

	return got == (ssize_t)len ? 0 : got < 0 ? -errno : -EFAULT;
}

static void print_name(void *ctx, const struct python_thread *t)
{
	(void)ctx;
	printf("%llu %s\n", (unsigned long long)t->ident, t->name);
}

/* True when this file, mapped from its start at `start`, is the interpreter. */
static bool identify(const char *path, uint64_t start, struct py_build *build, uint64_t *runtime)
{
	__cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || py_build_identify(fd, path, build))
		return false;
	*runtime = start - build->parts[0].vaddr + build->parts[0].offset + build->runtime_vaddr;
	return true;
}

static bool find(pid_t pid, struct py_build *build, uint64_t *runtime)
{
	char maps_path[64], line[4352], path[4096];
	__cleanup_file FILE *maps = NULL;
	unsigned long start, offset;

	snprintf(maps_path, sizeof(maps_path), "/proc/%d/maps", (int)pid);
	maps = fopen(maps_path, "re");
	while (maps && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%*x %*s %lx %*s %*s %4095[^\n]", &start, &offset, path) == 3 && !offset &&
		    path[0] == '/' && identify(path, start, build, runtime))
			return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	pid_t pid = argc == 2 ? atoi(argv[1]) : 0;
	struct py_build build;
	uint64_t runtime;
	int err;

	if (!find(pid, &build, &runtime)) {
		fprintf(stderr, "thread_names_dump: no interpreter in process %d\n", (int)pid);
		return 2;
	}
	err = thread_names_read(&build, runtime, read_remote, &pid, &(struct thread_name_sink){.found = print_name});
	if (err)
		fprintf(stderr, "thread_names_dump: CPython %s: %s %s\n", build.version, strerror(-err), build.why_not);
	return err ? 1 : 0;
}
