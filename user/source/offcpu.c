/* Off-CPU time: one hook at the scheduler's switch, which sees each wait of the targets' threads. */
#include "user/source/source.h"
#include "pybpfprof.skel.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#define THREADS   32768 /* whose waits are followed */
#define SLOTS     1024  /* bpf/maps.bpf.h: WAIT_SLOTS, … */
#define SCRATCHES 16    /* … WAIT_SCRATCHES */

struct source_run {
	struct pybpfprof_bpf *skel;
	struct bpf_link *link;
	uint64_t each;
	uint64_t unfinished;
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
	bpf_map__set_max_entries(skel->maps.wait_slots, SLOTS);
	bpf_map__set_max_entries(skel->maps.wait_scratches, SCRATCHES);
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

static uint32_t image_of(const struct source_run *r, uint32_t tgid)
{
	struct abi_proc p;

	return bpf_map_lookup_elem(bpf_map__fd(r->skel->maps.procs), &tgid, &p) ? 0 : p.image_id;
}

static void lose(struct source_run *r, const struct abi_thread_wait *t, uint64_t waited_ns)
{
	struct abi_lost_key key = {
		.image_id = image_of(r, t->tgid), .outcome = ABI_UNFINISHED, .source = ABI_SOURCE_OFFCPU};
	struct abi_lost lost = {.tgid = t->tgid};
	int fd = bpf_map__fd(r->skel->maps.lost);

	r->unfinished++;
	bpf_map_lookup_elem(fd, &key, &lost);
	lost.cnt++;
	lost.value += waited_ns;
	bpf_map_update_elem(fd, &key, &lost, BPF_ANY);
}

static uint64_t kernel_now_ns(const struct source_run *r)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	bpf_prog_test_run_opts(bpf_program__fd(r->skel->progs.clocks_read), &opts);
	return r->skel->bss->clock_monotonic_ns;
}

/* Of threads that still wait; nothing adds to the map any more. */
static void count_unfinished(struct source_run *r)
{
	int fd = bpf_map__fd(r->skel->maps.waits);
	uint64_t now = kernel_now_ns(r);
	uint32_t key, *last = NULL;
	struct abi_thread_wait t;

	for (; !bpf_map_get_next_key(fd, last, &key); last = &key)
		if (!bpf_map_lookup_elem(fd, &key, &t) && t.since_ns && t.since_ns < now)
			lose(r, &t, now - t.since_ns);
}

static void detach(struct source_run *r)
{
	if (!r->link)
		return;
	bpf_link__destroy(r->link);
	r->link = NULL;
	count_unfinished(r);
}

static void free_run(struct source_run *r)
{
	detach(r);
	free(r);
}

/* Of the waits that have ended the kernel side says what became of each. */
static void read_counts(const struct source_run *r, struct source_counts *out)
{
	int cpus = libbpf_num_possible_cpus();
	__cleanup_free struct abi_wait_counts *of = xcalloc((size_t)(cpus > 0 ? cpus : 1), sizeof(*of));
	uint32_t zero = 0;

	*out = (struct source_counts){.due = r->unfinished, .each = r->each};
	out->outcomes[ABI_UNFINISHED] = r->unfinished;
	if (bpf_map_lookup_elem(bpf_map__fd(r->skel->maps.wait_counts), &zero, of))
		return;
	for (int i = 0; i < cpus; i++) {
		out->due += of[i].ended;
		out->ticks += of[i].ended;
		out->value += of[i].ended_ns;
	}
}

const struct source source_offcpu = {
	.name = "offcpu",
	.help = "time off the CPU: what threads wait for, and how long",
	.id = ABI_SOURCE_OFFCPU,
	.types = &offcpu_type,
	.type_cnt = 1,
	.by_task_work = true,
	.programs = (const char *const[]){"offcpu_switch", NULL},
	.configure = configure,
	.attach = attach,
	.detach = detach,
	.free = free_run,
	.counts = read_counts,
};
