/* SPDX-License-Identifier: MIT */
/*
 * The BPF object comes in variants. Three differ only in how names are read by the sampled task: not at all (then the tick
 * reads them), or by one of the two forms of the kernel's function. The fourth is compiled for kernels that lack more
 * (bpf/old.bpf.h).
 */
#pragma once
#include <bpf/libbpf.h>
#include <stdbool.h>

struct pybpfprof_bpf;

enum variant {
	VARIANT_OLD,  /* every kernel, also one without types of its own */
	VARIANT_TICK, /* one that has all that bpf/new.bpf.h names */
	VARIANT_WORK_IMPL,
	VARIANT_WORK,
	VARIANT_CNT,
};

#define VARIANT_WORK_SINCE "6.18" /* the first kernel that has either form of the function */

/* The best variant up to `most` that this kernel seems to have what it takes for; loading it will tell. */
enum variant variant_expected(enum variant most);
/* Has this kernel the function that the variant needs? Those that need none have it. */
bool variant_has_function(enum variant v);
/* How names are read, in plain words. */
const char *variant_text(enum variant v);
/*
 * Opens a variant; the skeleton fits all of them. `types`: file with the kernel's types, NULL: where the kernel shows them.
 * NULL with errno set.
 */
struct pybpfprof_bpf *variant_open(enum variant v, const char *types);
