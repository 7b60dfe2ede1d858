/* SPDX-License-Identifier: MIT */
/* Off-CPU time: one hook at the scheduler's switch, which sees each wait of the targets' threads. */
#include "user/source/source.h"
#include "pybpfprof.skel.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

#define THREADS    32768 /* whose waits are followed */
#define SLOTS      1024  /* bpf/maps.bpf.h: WAIT_SLOTS, … */
#define SOON_TRIES 10
#define SOON_MS    5
#define SCRATCHES  16   /* … WAIT_SCRATCHES, … */
#define KEPT       1024 /* … KEPT_WAITS */

struct source_run {
	struct pybpfprof_bpf *skel;
	struct bpf_link *link;
	uint64_t each;
};

static const struct profile_value_type offcpu_type = {
	.name = "offcpu",
	.label = "waiting",
	.sentence = "time off the CPU",
	.unit = PROFILE_NANOSECONDS,
};

static void configure(struct pybpfprof_bpf *skel, const struct source_options *o)
{
	skel->rodata->cfg_wait_ns = (uint64_t)(1e9 / o->rate_hz);
	bpf_map__set_max_entries(skel->maps.waits, THREADS);
	skel->rodata->cfg_keep_waits = o->no_task_work;
	bpf_map__set_max_entries(skel->maps.kept_waits, o->no_task_work ? KEPT : 1);
	bpf_map__set_max_entries(skel->maps.wait_slots, o->no_task_work ? 1 : SLOTS);
	bpf_map__set_max_entries(skel->maps.wait_scratches, o->no_task_work ? 1 : SCRATCHES);
}

static int attach(struct pybpfprof_bpf *skel, const struct source_options *o, struct source_run **out)
{
	struct bpf_link *link = bpf_program__attach(skel->progs.offcpu_switch);
	int err = -errno;

	if (!link) {
		log_error("cannot follow the scheduler: %s", strerror(-err));
		return err;
	}
	*out = xcalloc(1, sizeof(**out));
	**out = (struct source_run){.skel = skel, .link = link, .each = (uint64_t)(1e9 / o->rate_hz)};
	return 0;
}

/* Of the waits that have ended the kernel side says what became of each. */
static void read_counts(const struct source_run *r, struct source_counts *out)
{
	int cpus = libbpf_num_possible_cpus();
	__cleanup_free struct abi_wait_counts *of = xcalloc((size_t)(cpus > 0 ? cpus : 1), sizeof(*of));
	uint32_t zero = 0;

	*out = (struct source_counts){.each = r->each};
	if (bpf_map_lookup_elem(bpf_map__fd(r->skel->maps.wait_counts), &zero, of))
		return;
	for (int i = 0; i < cpus; i++) {
		out->due += of[i].ended;
		out->ticks += of[i].ended;
		out->value += of[i].ended_ns;
	}
}

static void add_open(struct source_run *r, uint32_t tid, const struct abi_thread_wait *wait)
{
	r->skel->bss->wait_marks[tid % ABI_MARKS] = 1;
	bpf_map_update_elem(bpf_map__fd(r->skel->maps.waits), &tid, wait, BPF_NOEXIST);
}

static void each_open(const struct source_run *r, source_open_fn fn, void *ctx)
{
	int fd = bpf_map__fd(r->skel->maps.waits);
	struct abi_thread_wait wait;
	uint32_t tid, *last = NULL;

	for (; !bpf_map_get_next_key(fd, last, &tid); last = &tid)
		if (!bpf_map_lookup_elem(fd, &tid, &wait))
			fn(ctx, tid, &wait);
}

struct soon {
	uint64_t since_ns;
	unsigned cnt;
};

/* Whoever waits for a CPU has it soon, and who waits for short mostly does; nobody but itself can have its stack then. */
static void add_if_soon(void *ctx, uint32_t tid, const struct abi_thread_wait *wait)
{
	struct soon *s = ctx;

	(void)tid;
	if (!wait->since_ns)
		return;
	s->cnt += wait->why.wait == ABI_WAIT_CPU || wait->why.wait == ABI_WAIT_QUOTA || wait->since_ns > s->since_ns;
}

static void await_soon(const struct source_run *r)
{
	struct soon s = {r->skel->bss->wait_end_ns - SOON_TRIES * SOON_MS * 1000000ull, 1};

	for (unsigned i = 0; s.cnt && i < SOON_TRIES; i++) {
		s.cnt = 0;
		each_open(r, add_if_soon, &s);
		if (s.cnt)
			poll(NULL, 0, SOON_MS);
	}
}

static void detach(struct source_run *r)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct source_counts c;

	if (!r->link)
		return;
	bpf_prog_test_run_opts(bpf_program__fd(r->skel->progs.clocks_read), &opts);
	__atomic_store_n(&r->skel->bss->wait_end_ns, r->skel->bss->clock_monotonic_ns, __ATOMIC_RELEASE);
	await_soon(r);
	bpf_link__destroy(r->link);
	r->link = NULL;
	read_counts(r, &c);
	log_verbose("%llu waits were over, %.3f s together, as the scheduler's hook saw them",
		    (unsigned long long)c.ticks, (double)c.value / 1e9);
}

static void free_run(struct source_run *r)
{
	detach(r);
	free(r);
}

static bool has_loop(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_PERF_EVENT, BPF_FUNC_loop, NULL) != 0;
}

static const struct source_need needs[] = {
	{"bpf_loop (Linux 5.17)", "its walk takes more stack than older kernels allow; leave it out, and --wall",
	 has_loop},
	{0},
};

const struct source source_offcpu = {
	.name = "offcpu",
	.help = "time off the CPU: what threads wait for, and how long",
	.id = ABI_SOURCE_OFFCPU,
	.types = &offcpu_type,
	.type_cnt = 1,
	.needs = needs,
	.programs = (const char *const[]){"offcpu_switch", NULL},
	.configure = configure,
	.attach = attach,
	.detach = detach,
	.free = free_run,
	.counts = read_counts,
	.add_open = add_open,
	.each_open = each_open,
};
