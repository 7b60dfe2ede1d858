/* SPDX-License-Identifier: MIT */
/* What a process can execute: its executable mappings, by address. */
#pragma once
#include "bpf/abi.h"
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MAPPINGS_MAX 16384 /* those that come later are left out */

enum mapping_kind {
	MAPPING_FILE,
	MAPPING_VDSO,
	MAPPING_ANONYMOUS, /* code made at run time */
};

struct mapping {
	uint64_t start, end, offset;
	struct abi_file file; /* all zeros where there is none */
	enum mapping_kind kind;
	uint32_t path; /* in `texts` */
};

/* Sorted, without overlaps. */
struct mappings {
	struct mapping *items;
	size_t cnt;
	char *texts; /* paths as the process has them, each with a zero behind it */
	size_t text_bytes;
};

/* Read by the worker (user/os/worker.h). 0 or negative errno; what was there before is released. */
int mappings_read(struct mappings *m, pid_t pid);
void mappings_clear(struct mappings *m);
/* NULL: nothing that can be executed is there. */
const struct mapping *mappings_find(const struct mappings *m, uint64_t addr);
/* "" none. */
const char *mappings_path(const struct mappings *m, const struct mapping *one);
