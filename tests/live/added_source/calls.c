/* SPDX-License-Identifier: MIT */
/* A second source as somebody might add it (tests/live/test_added_source.py): system calls, each of them. */
#include "user/source/source.h"
#include "pybpfprof.skel.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

struct source_run {
	struct pybpfprof_bpf *skel;
	struct bpf_link *link;
};

static int attach(struct pybpfprof_bpf *skel, const struct source_options *o, struct source_run **out)
{
	struct bpf_link *link = bpf_program__attach(skel->progs.calls_enter);

	(void)o;
	if (!link) {
		log_error("cannot follow system calls: %s", strerror(errno));
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

/* The kernel does not run a program within itself, and counts how often it did not. */
static void read_counts(const struct source_run *r, struct source_counts *out)
{
	uint64_t ticks = r->skel->bss->calls_cnt;
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);

	bpf_obj_get_info_by_fd(bpf_program__fd(r->skel->progs.calls_enter), &info, &len);
	*out = (struct source_counts){.due = ticks + info.recursion_misses,
				      .ticks = ticks,
				      .value = ticks,
				      .each = 1,
				      .outcomes = {[ABI_NOT_RUN] = info.recursion_misses}};
}

const struct source source_calls = {
	.name = "calls",
	.help = "system calls, each of them",
	.id = ABI_SOURCE_CALLS,
	.types = (const struct profile_value_type[]){{.name = "calls",
						      .label = "system calls",
						      .sentence = "number of system calls",
						      .unit = PROFILE_COUNT}},
	.type_cnt = 1,
	.programs = (const char *const[]){"calls_enter", NULL},
	.attach = attach,
	.detach = detach,
	.free = free_run,
	.counts = read_counts,
};
