/* SPDX-License-Identifier: MIT */
/*
 * New memory: page faults on each CPU. The kernel side sees all of them, and samples one for so many bytes that they brought.
 * What is counted here is whether it did see them.
 */
#include "user/source/cpu_events.h"
#include "pybpfprof.skel.h"
#include "user/os/perf.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define SAMPLE_BYTES (256u << 10) /* that a sample stands for, about */

struct source_run {
	struct pybpfprof_bpf *skel;
	struct cpu_events faults;
	int possible; /* CPUs */
	struct fault_count {
		uint64_t faults, pages;
	} *seen;                       /* by the kernel side, on each of them; as of the last look */
	uint64_t events[ABI_MAX_CPUS]; /* by perf, of those that are closed */
	uint64_t ended;                /* of the CPU that is being closed */
	uint64_t page_bytes;
};

static uint32_t page_bytes(void)
{
	return (uint32_t)sysconf(_SC_PAGESIZE);
}

/* lib/percpu_counter.c: percpu_counter_batch; a thread may leave as much behind on a CPU that it was on before. */
static uint32_t sum_lags(void)
{
	uint32_t batch = 2 * (uint32_t)libbpf_num_possible_cpus();

	return 2 * (batch > 32 ? batch : 32);
}

static void configure(struct pybpfprof_bpf *skel, const struct source_options *o)
{
	uint32_t pages = SAMPLE_BYTES / page_bytes();

	(void)o;
	skel->rodata->cfg_page_bytes = page_bytes();
	skel->rodata->cfg_growth_pages = pages ? pages : 1;
	skel->rodata->cfg_growth_ahead = sum_lags();
	bpf_map__set_max_entries(skel->maps.growths, ABI_MAX_PROCS);
}

static int open_faults(void *ctx, int cpu, size_t kind, int cgroup_fd)
{
	(void)ctx;
	return perf_open_faults(cpu, kind == 1, cgroup_fd);
}

static void end_event(void *ctx, int fd)
{
	struct source_run *s = ctx;

	if (perf_end(fd, &s->ended))
		log_verbose("some page faults are not counted: %s", strerror(errno));
}

static void end_cpu(void *ctx, int cpu)
{
	struct source_run *s = ctx;

	s->events[cpu] += s->ended;
	s->ended = 0;
}

static void detach(struct source_run *s)
{
	cpu_events__close(&s->faults);
}

static void free_run(struct source_run *s)
{
	cpu_events__free(&s->faults);
	free(s->seen);
	free(s);
}

static int attach(struct pybpfprof_bpf *skel, const struct source_options *o, struct source_run **out)
{
	struct source_run *s = xcalloc(1, sizeof(*s));
	const struct cpu_events_how how = {
		.program = skel->progs.faults_fault,
		.kinds = 2,
		.one = "a counter of page faults",
		.one_of_many = "counters of page faults",
		.open = open_faults,
		.closing = end_event,
		.closed = end_cpu,
		.ctx = s,
	};
	int err;

	s->skel = skel;
	s->possible = libbpf_num_possible_cpus();
	s->seen = xcalloc((size_t)s->possible, sizeof(*s->seen));
	s->page_bytes = page_bytes();
	err = cpu_events__open(&s->faults, skel, o, &how);
	if (err)
		free_run(s);
	else
		*out = s;
	return err;
}

static void tend(struct source_run *s, uint64_t now_ns)
{
	cpu_events__tend(&s->faults, now_ns);
}

static int renew_cgroup(struct source_run *s, size_t i, const char *dir)
{
	return cpu_events__renew_cgroup(&s->faults, i, dir);
}

/*
 * The kernel does not run the program while the CPU is inside another one. What such a fault brought is seen at the
 * process's next one, so it is among those whose part a later sample has.
 */
static void read_counts(const struct source_run *s, struct source_counts *out)
{
	const uint32_t key = 0;

	*out = (struct source_counts){.each = 0};
	if (bpf_map__lookup_elem(s->skel->maps.fault_counts, &key, sizeof(key), s->seen,
				 (size_t)s->possible * sizeof(*s->seen), 0))
		return;
	for (int i = 0; i < s->possible; i++) {
		uint64_t events = i < ABI_MAX_CPUS ? s->events[i] : 0, seen = s->seen[i].faults;

		out->ticks += seen;
		out->value += s->seen[i].pages * s->page_bytes;
		out->due += events > seen ? events : seen;
	}
	out->outcomes[ABI_CARRIED] = out->due - out->ticks;
}

/* By the two types that the kernel has had for the sums (bpf/source/faults.bpf.c). */
static bool has_sums(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int found = btf ? btf__find_by_name_kind(btf, "mm_rss_stat", BTF_KIND_STRUCT) : -ENOENT;

	if (btf && found < 0)
		found = btf__find_by_name_kind(btf, "percpu_counter", BTF_KIND_STRUCT);
	btf__free(btf);
	return found > 0;
}

static const struct source_need needs[] = {
	{"the kernel's sums of resident memory (mm_struct.rss_stat), in a form that is known",
	 "this kernel's is another; leave out --event faults", has_sums},
	{0},
};

const struct source source_faults = {
	.name = "faults",
	.help = "new memory, by the line that touched it first: one sample for each 256 KiB, about",
	.id = ABI_SOURCE_FAULTS,
	.types =
		(const struct profile_value_type[]){
			{.name = "faults", .label = "of new memory", .sentence = "new memory", .unit = PROFILE_BYTES}},
	.type_cnt = 1,
	.programs = (const char *const[]){"faults_fault", "cpu_hotplug", NULL},
	.needs = needs,
	.configure = configure,
	.attach = attach,
	.detach = detach,
	.free = free_run,
	.counts = read_counts,
	.tend = tend,
	.renew_cgroup = renew_cgroup,
};
