/* SPDX-License-Identifier: MIT */
#include "user/session/variant.h"
#include "pybpfprof.skel.h"
#include "pybpfprof_old.skel.h"
#include "pybpfprof_work.skel.h"
#include "pybpfprof_work_impl.skel.h"
#include "user/os/kernel.h"
#include <errno.h>

/* kernel/bpf/helpers.c. Maps, knobs and programs are the same in each object, so one skeleton serves them all. */
static const struct {
	const char *function;
	const void *(*object)(size_t *size);
	const char *text;
} variants[] = {
	[VARIANT_OLD] =
		{NULL, pybpfprof_old_bpf__elf_bytes,
		 "as for kernels before 5.17, without task work: names are read by the timer itself, so those in "
		 "swapped-out memory stay unknown"},
	[VARIANT_TICK] = {NULL, pybpfprof_bpf__elf_bytes,
			  "without task work: names are read by the timer itself, so those in swapped-out memory "
			  "stay unknown"},
	[VARIANT_WORK_IMPL] = {"bpf_task_work_schedule_resume_impl", pybpfprof_work_impl_bpf__elf_bytes,
			       "with task work (as in 6.18 and 6.19): names also from swapped-out memory"},
	[VARIANT_WORK] = {"bpf_task_work_schedule_resume", pybpfprof_work_bpf__elf_bytes,
			  "with task work (7.0 and newer): names also from swapped-out memory"},
};

bool variant_has_function(enum variant v)
{
	return !variants[v].function || kernel_names(variants[v].function);
}

/* What we may not try counts as there. */
static bool has_loop(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_PERF_EVENT, BPF_FUNC_loop, NULL) != 0;
}

enum variant variant_expected(enum variant most)
{
	enum variant v = most;

	while (v > VARIANT_TICK && !variant_has_function(v))
		v--;
	return v == VARIANT_TICK && !has_loop() ? VARIANT_OLD : v;
}

const char *variant_text(enum variant v)
{
	return variants[v].text;
}

struct pybpfprof_bpf *variant_open(enum variant v, const char *types)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = types);
	struct pybpfprof_bpf *skel = calloc(1, sizeof(*skel));
	size_t size;
	int err;

	if (!skel)
		return NULL;
	err = pybpfprof_bpf__create_skeleton(skel);
	if (!err) {
		skel->skeleton->data = (void *)variants[v].object(&size);
		skel->skeleton->data_sz = size;
		err = bpf_object__open_skeleton(skel->skeleton, &opts);
	}
	if (err) {
		pybpfprof_bpf__destroy(skel);
		errno = -err;
		return NULL;
	}
	return skel;
}
