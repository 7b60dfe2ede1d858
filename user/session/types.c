/* SPDX-License-Identifier: MIT */
#include "user/session/types.h"
#include "user/os/invoker.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* Where packages put a kernel that has it, or what is left of one: by the kernel's release. */
static const char *const places[] = {
	"/boot/vmlinux-%s",
	"/lib/modules/%s/vmlinux-%s",
	"/lib/modules/%s/vmlinux",
	"/lib/modules/%s/build/vmlinux",
	"/usr/lib/modules/%s/kernel/vmlinux",
	"/usr/lib/debug/boot/vmlinux-%s",
	"/usr/lib/debug/boot/vmlinux-%s.debug",
	"/usr/lib/debug/lib/modules/%s/vmlinux",
	"/usr/lib/debug/lib/modules/%s/vmlinux.debug",
};

/* Opened once, so that what was looked at is what is used, whatever becomes of the name. */
static int take(const char *name, struct types *out)
{
	struct btf *btf;
	int err;

	out->fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (out->fd < 0)
		return -errno;
	out->path = xasprintf("/proc/self/fd/%d", out->fd);
	btf = btf__parse(out->path, NULL);
	err = btf ? 0 : -errno;
	btf__free(btf);
	if (err)
		types_clear(out);
	return err;
}

static int take_given(const char *name, struct types *out)
{
	int err;

	invoker_begin();
	err = take(name, out);
	invoker_end();
	if (!err)
		return 0;
	if (out->fd < 0 && (err == -ENOENT || err == -EACCES || err == -EPERM))
		log_error("cannot open %s%s: %s", name, invoker_hint(), strerror(-err));
	else
		log_error("%s holds no type information (BTF) of a kernel: %s", name, strerror(-err));
	return err;
}

static int look_around(struct types *out)
{
	struct utsname u;

	uname(&u);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		__cleanup_free char *name = xasprintf(places[i], u.release, u.release);

		if (!take(name, out)) {
			log_verbose("the kernel's types are taken from %s", name);
			return 0;
		}
	}
	log_error("this kernel (%s) shows no type information (BTF): give a file that has it by --btf FILE (from its "
		  "vmlinux with debug information: pahole --btf_encode_detached FILE vmlinux; many are at BTFHub), or "
		  "use a kernel built with CONFIG_DEBUG_INFO_BTF=y; distributions' kernels are",
		  u.release);
	return -EOPNOTSUPP;
}

int types_find(const char *given, struct types *out)
{
	*out = (struct types){.fd = -1};
	if (given)
		return take_given(given, out);
	return access("/sys/kernel/btf/vmlinux", R_OK) ? look_around(out) : 0;
}

void types_clear(struct types *t)
{
	free(t->path);
	if (t->fd >= 0)
		close(t->fd);
	*t = (struct types){.fd = -1};
}
