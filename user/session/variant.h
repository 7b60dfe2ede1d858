/*
 * The BPF object comes in three variants that differ only in how names are read by the sampled task: not
 * at all (then the tick reads them), or by one of the two forms of the kernel's function.
 */
#pragma once
#include <bpf/libbpf.h>

struct pybpfprof_bpf;

enum variant {
	VARIANT_TICK,	   /* every kernel */
	VARIANT_WORK_IMPL, /* bpf_task_work_schedule_resume_impl: 6.18 and 6.19 */
	VARIANT_WORK,	   /* bpf_task_work_schedule_resume: 7.0 and newer */
};

/* What this kernel should have, by its version. */
enum variant variant_expected(void);
/* How names are read, in plain words. */
const char *variant_text(enum variant v);
/* Opens a variant; the skeleton fits all of them. NULL with errno set. */
struct pybpfprof_bpf *variant_open(enum variant v);
