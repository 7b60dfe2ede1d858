/* SPDX-License-Identifier: MIT */
/*
 * --native: what the kernel side unwinds stacks by. Mappings of the processes and tables of their files are read as they are
 * met, and put where it finds them; nothing that is in use there is changed, a new one takes its place.
 */
#pragma once
#include "user/target/native_spaces.h"

struct pybpfprof_bpf;
struct unwind;

/* Before the programs are loaded, but after their sources are configured: room for the tables of one process, or of many. */
void unwind__configure(struct pybpfprof_bpf *skel, bool many);
/* NULL: the memory cannot be shared; said. */
struct unwind *unwind__new(struct pybpfprof_bpf *skel);
void unwind__free(struct unwind *u);
struct native_files *unwind__files(struct unwind *u);
struct native_spaces *unwind__spaces(struct unwind *u);
/* Reads and sends what there is to be. */
void unwind__poll(struct unwind *u, uint64_t now_ns);
/* The same until all is there, at most so long. */
void unwind__settle(struct unwind *u, unsigned ms);
