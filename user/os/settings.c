/* Kernel documentation: Documentation/admin-guide/sysctl/kernel.rst. */
#include "user/os/settings.h"
#include "user/util/alloc.h"

long setting_read(const char *name, long otherwise)
{
	__cleanup_free char *path = xasprintf("/proc/sys/%s", name);
	__cleanup_file FILE *f = fopen(path, "re");
	long value = otherwise;

	if (f && fscanf(f, "%ld", &value) != 1)
		value = otherwise;
	return value;
}
