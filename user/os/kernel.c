/* SPDX-License-Identifier: MIT */
#include "user/os/kernel.h"
#include "user/util/alloc.h"
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static bool parse(const char *text, unsigned version[2])
{
	return sscanf(text, "%u.%u", &version[0], &version[1]) == 2;
}

static bool is_at_least(const unsigned have[2], const unsigned want[2])
{
	return have[0] != want[0] ? have[0] > want[0] : have[1] >= want[1];
}

bool kernel_is_since(const char *version)
{
	unsigned have[2], want[2];
	struct utsname u;

	return !parse(version, want) || (!uname(&u) && parse(u.release, have) && is_at_least(have, want));
}

const char *kernel_newer(const char *a, const char *b)
{
	unsigned have[2], want[2];

	if (!parse(a, have) || !parse(b, want))
		return *a ? a : b;
	return is_at_least(have, want) ? a : b;
}

/* Its table of names is a part of the file; all the rest takes a hundred times as long to look through. */
bool kernel_names(const char *name)
{
	__cleanup_close int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC);
	size_t len = strlen(name) + 2, kept = 0;
	char part[1 << 16], wanted[128] = {0};
	ssize_t n;

	if (fd < 0 || len > sizeof(wanted))
		return false;
	memcpy(wanted + 1, name, len - 2); /* each name has a NUL before it and behind it */
	while ((n = read(fd, part + kept, sizeof(part) - kept)) > 0) {
		size_t all = kept + (size_t)n;

		if (memmem(part, all, wanted, len))
			return true;
		kept = all < len - 1 ? all : len - 1;
		memmove(part, part + all - kept, kept);
	}
	return false;
}

long setting_read(const char *name, long otherwise)
{
	__cleanup_free char *path = xasprintf("/proc/sys/%s", name);
	__cleanup_file FILE *f = fopen(path, "re");
	long value = otherwise;

	if (f && fscanf(f, "%ld", &value) != 1)
		value = otherwise;
	return value;
}
