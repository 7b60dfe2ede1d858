/* SPDX-License-Identifier: MIT */
/* Each feature is tried where we may; where not, the kernel's version has to do. */
#include "user/session/features.h"
#include "user/os/cgroup.h"
#include "user/os/kernel.h"
#include "user/os/perf.h"
#include "user/session/variant.h"
#include "user/util/alloc.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>

#define SECOND_NS 1000000000ull /* the timers here are never started */

static int probe_types(void)
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
	return probe_ring() == 1 ? libbpf_probe_bpf_helper(BPF_PROG_TYPE_PERF_EVENT, BPF_FUNC_loop, NULL) : -EPERM;
}

static int probe_task_work(void)
{
	return variant_has_function(VARIANT_WORK) || variant_has_function(VARIANT_WORK_IMPL);
}

/* Has the kernel run one that only ends (bpf/clocks.bpf.c). */
static int probe_run(void)
{
	const struct bpf_insn end[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K}, {.code = BPF_JMP | BPF_EXIT}};
	__cleanup_close int fd = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, NULL, "GPL", end, ARRAY_SIZE(end), NULL);
	LIBBPF_OPTS(bpf_test_run_opts, run);

	return fd < 0 ? fd : !bpf_prog_test_run_opts(fd, &run);
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

/* clang-format off */
static const struct feature table[] = {
	{"type information (BTF)", "", "it is taken from a file, `--btf`; else nothing works",
	 "give a file by --btf, or use a kernel built with CONFIG_DEBUG_INFO_BTF=y; distributions' kernels are", probe_types},
	{"BPF ring buffer", "5.8", NULL, NULL, probe_ring},
	{"programs run on demand", "5.10", NULL, NULL, probe_run},
	{"bpf_loop", "5.17", "`--native` and waits are refused; else nothing, other ways are taken", NULL, probe_loop},
	{"perf timers", "2.6.31", NULL,
	 "see perf_event_paranoid below; a container's seccomp filter may forbid them too", probe_timer},
	{"task work", VARIANT_WORK_SINCE, "names of code in swapped-out memory may stay unknown; waits cost more",
	 NULL, probe_task_work},
	{"timers of a cgroup's own", "2.6.39", "`--scope cgroup` is refused",
	 "leave out --scope cgroup (CONFIG_CGROUP_PERF; the perf_event controller must not be in a version 1 hierarchy)",
	 probe_cgroup_timer},
};
/* clang-format on */

const struct feature *features(size_t *cnt)
{
	*cnt = ARRAY_SIZE(table);
	return table;
}

const char *features_oldest(void)
{
	const char *oldest = "";

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (!table[i].lost)
			oldest = kernel_newer(table[i].since, oldest);
	return oldest;
}

static int silent(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level;
	(void)fmt;
	(void)args;
	return 0;
}

struct feature_look feature_look(const struct feature *f)
{
	libbpf_print_fn_t before = libbpf_set_print(silent);
	int found = f->probe();
	bool tried = found != -EPERM && found != -EACCES;

	libbpf_set_print(before);
	return (struct feature_look){
		.tried = tried,
		.present = tried ? found == 1 : kernel_is_since(f->since),
		.err = found < 0 ? found : 0,
	};
}
