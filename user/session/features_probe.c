/* Each feature is tried where we may; where not, the kernel's version has to do. */
#include "user/os/cgroup.h"
#include "user/os/perf.h"
#include "user/session/features.h"
#include "user/util/alloc.h"
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>

#define SECOND_NS 1000000000ull /* the timers here are never started */

/* 1 there, 0 not there, negative errno: could not be tried. */
typedef int (*probe_fn)(void);

static int probe_btf(void)
{
	return !access("/sys/kernel/btf/vmlinux", R_OK);
}

static int probe_ring(void)
{
	return libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL) == 1 ? 1 : -EPERM;
}

static int probe_loop(void)
{
	/* what is refused for want of rights counts as there */
	return probe_ring() == 1
		       ? libbpf_probe_bpf_helper(BPF_PROG_TYPE_PERF_EVENT, BPF_FUNC_loop, NULL)
		       : -EPERM;
}

/* The kernel's own list of its functions; both forms of the name (user/session/variant.h). */
static int probe_task_work(void)
{
	static const char *const names[] = {"bpf_task_work_schedule_resume",
					    "bpf_task_work_schedule_resume_impl"};
	struct btf *btf = btf__load_vmlinux_btf();
	int found = 0;

	if (!btf)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		found |= btf__find_by_name_kind(btf, names[i], BTF_KIND_FUNC) > 0;
	btf__free(btf);
	return found;
}

static int opened(int fd)
{
	if (fd < 0)
		return fd;
	close(fd);
	return 1;
}

static int probe_timer(void)
{
	return opened(perf_open_clock(0, SECOND_NS, -1));
}

static int probe_cgroup_timer(void)
{
	__cleanup_free char *mount = cgroup_mount();
	__cleanup_close int fd = mount ? open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	return fd < 0 ? 0 : opened(perf_open_clock(0, SECOND_NS, fd));
}

static const struct {
	const char *name, *since, *remedy;
	bool needed;
	probe_fn probe;
} table[] = {
	{"type information (BTF)", "",
	 "use a kernel built with CONFIG_DEBUG_INFO_BTF=y; distributions' kernels are", true,
	 probe_btf},
	{"BPF ring buffer", "5.8", "use Linux 5.17 or newer", true, probe_ring},
	{"bpf_loop", "5.17", "use Linux 5.17 or newer", true, probe_loop},
	{"perf timers", "2.6.31",
	 "see perf_event_paranoid below; a container's seccomp filter may forbid them too", true,
	 probe_timer},
	{"task work", "6.18",
	 "nothing is broken: names of code in swapped-out memory may stay unknown", false,
	 probe_task_work},
	{"timers of a cgroup's own", "2.6.39",
	 "leave out --scope cgroup (CONFIG_CGROUP_PERF; the perf_event controller must not be in a "
	 "version 1 hierarchy)",
	 false, probe_cgroup_timer},
};

/* Is this kernel at least that version? */
static bool is_since(const char *since)
{
	unsigned have[2] = {0}, want[2] = {0};
	struct utsname u;

	if (uname(&u) || sscanf(u.release, "%u.%u", &have[0], &have[1]) != 2 ||
	    sscanf(since, "%u.%u", &want[0], &want[1]) != 2)
		return false;
	return have[0] != want[0] ? have[0] > want[0] : have[1] >= want[1];
}

static int silent(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level;
	(void)fmt;
	(void)args;
	return 0;
}

void features_each(void (*fn)(void *ctx, const struct feature *f), void *ctx)
{
	libbpf_print_fn_t before = libbpf_set_print(silent);

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct feature f = {.name = table[i].name,
				    .since = table[i].since,
				    .remedy = table[i].remedy,
				    .needed = table[i].needed};
		int found = table[i].probe();

		f.tried = found != -EPERM && found != -EACCES;
		f.present = f.tried ? found == 1 : is_since(f.since);
		f.err = found < 0 ? found : 0;
		fn(ctx, &f);
	}
	libbpf_set_print(before);
}
