/* SPDX-License-Identifier: MIT */
/*
 * The control of the bench: a BPF program that does nothing where ours run, so that what a timer, a hook or a counter itself
 * takes from a target is known apart from what we do there.
 *
 *     empty HZ | switch | faults
 *
 * The timers are user/source/cpu.c's own. The empty program counts no ticks, by which that file decides when to draw a new
 * period; this one tells it how many there must have been on a busy CPU. Those of page faults are user/source/faults.c's.
 */
#include "pybpfprof.skel.h"
#include "user/source/source.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* As `record` drains its ring buffer, which is when it draws (user/cmd/record.c). */
#define POLL_US 200000

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static struct pybpfprof_bpf *load_empty(void)
{
	struct pybpfprof_bpf *skel = pybpfprof_bpf__open();
	struct bpf_program *p;

	if (!skel)
		return NULL;
	bpf_object__for_each_program(p, skel->obj) bpf_program__set_autoload(p, p == skel->progs.cpu_empty);
	if (pybpfprof_bpf__load(skel))
		return NULL;
	skel->progs.cpu_tick = skel->progs.faults_fault = skel->progs.cpu_empty; /* what the events run */
	return skel;
}

static void count_ticks(struct abi_clock *clocks, uint64_t passed_ns)
{
	for (int cpu = 0; cpu < ABI_MAX_CPUS; cpu++)
		if (clocks[cpu].period_ns)
			clocks[cpu].ticks += passed_ns / clocks[cpu].period_ns;
}

static int on_events(const struct source *source, const struct source_options *o)
{
	struct pybpfprof_bpf *skel = load_empty();
	uint64_t last = now_ns(), now;
	struct source_run *run;
	struct abi_clock *clocks;

	if (!skel)
		return fail("load");
	clocks = mmap(NULL, ABI_MAX_CPUS * sizeof(*clocks), PROT_READ | PROT_WRITE, MAP_SHARED,
		      bpf_map__fd(skel->maps.clocks), 0);
	if (clocks == MAP_FAILED)
		return fail("mmap");
	if (source->attach(skel, o, &run))
		return 1;
	for (;; last = now) {
		usleep(POLL_US);
		now = now_ns();
		count_ticks(clocks, now - last);
		source->tend(run, now);
	}
}

/* Of the kind that SEC_TRACEPOINT (bpf/env.bpf.h) makes: two instructions, `return 0`. */
static int on_switches(void)
{
	static const struct bpf_insn nothing[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	int id = libbpf_find_vmlinux_btf_id("sched_switch", BPF_TRACE_RAW_TP), prog, link;

	opts.expected_attach_type = BPF_TRACE_RAW_TP;
	opts.attach_btf_id = id > 0 ? (uint32_t)id : 0;
	prog = bpf_prog_load(BPF_PROG_TYPE_TRACING, "empty", "GPL", nothing, 2, &opts);
	if (prog < 0)
		return fail("load");
	link = bpf_raw_tracepoint_open(NULL, prog);
	if (link < 0)
		return fail("attach");
	pause();
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc == 2 ? argv[1] : "";
	struct source_options o = {.rate_hz = atof(what)};

	if (!strcmp(what, "switch"))
		return on_switches();
	if (!strcmp(what, "faults"))
		return on_events(&source_faults, &o);
	if (o.rate_hz > 0)
		return on_events(&source_cpu, &o);
	fprintf(stderr, "Usage: empty HZ|switch|faults\nAn empty BPF program there until it is killed.\n");
	return 2;
}
