/* SPDX-License-Identifier: MIT */
/* Waits for the GIL, and who held it meanwhile. One hook, at the scheduler's switches; nothing is drawn by a timer. */
#include "user/source/source.h"
#include "pybpfprof.skel.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>

struct source_run {
	struct pybpfprof_bpf *skel;
	struct bpf_link *link;
};

static uint64_t period_ns(const struct source_options *o)
{
	return (uint64_t)(1e9 / o->rate_hz);
}

static void configure(struct pybpfprof_bpf *skel, const struct source_options *o)
{
	skel->rodata->cfg_gil_apart = true;
	skel->rodata->cfg_gil_period_ns = period_ns(o);
	bpf_map__set_max_entries(skel->maps.gil_slots, ABI_GIL_SLOTS);
	bpf_map__set_max_entries(skel->maps.gil_waits, 2 * ABI_GIL_SLOTS);
	bpf_map__set_max_entries(skel->maps.gil_waiters, 2 * ABI_GIL_SLOTS);
}

static int attach(struct pybpfprof_bpf *skel, const struct source_options *o, struct source_run **out)
{
	struct bpf_link *link;

	(void)o;
	if (!skel->rodata->has_new_kernel) {
		log_error("--event gil, and so --wall, needs Linux 5.17 or newer, with type information of its own "
			  "(BTF)");
		return -EOPNOTSUPP;
	}
	link = bpf_program__attach(skel->progs.gil_switch);
	if (!link) {
		log_error("cannot follow the scheduler's switches: %s", strerror(errno));
		return -errno;
	}
	*out = xcalloc(1, sizeof(**out));
	**out = (struct source_run){skel, link};
	return 0;
}

static void detach(struct source_run *r)
{
	bpf_link__destroy(r->link);
	r->link = NULL;
}

static void free_run(struct source_run *r)
{
	detach(r);
	free(r);
}

static void read_counts(const struct source_run *r, struct source_counts *out)
{
	*out = (struct source_counts){
		.due = r->skel->bss->gil_due, .ticks = r->skel->bss->gil_due, .value = r->skel->bss->gil_due_ns};
}

const struct source source_gil = {
	.name = "gil",
	.help = "waits for the GIL: who waits, and who holds it meanwhile",
	.id = ABI_SOURCE_GIL,
	.types = (const struct profile_value_type[]){{.name = "gil",
						      .label = "GIL wait",
						      .sentence = "time that threads waited for the GIL",
						      .unit = PROFILE_NANOSECONDS},
						     {.name = "gil_held",
						      .label = "GIL held",
						      .sentence = "time that others waited while this held the GIL",
						      .unit = PROFILE_NANOSECONDS}},
	.type_cnt = 2,
	.programs = (const char *const[]){"gil_switch", NULL},
	.configure = configure,
	.attach = attach,
	.detach = detach,
	.free = free_run,
	.counts = read_counts,
};
