/*
 * The control of the bench: our own timers with a BPF program that does nothing, so that what the
 * timer itself takes from a target is known apart from what walking its stack takes.
 *
 * The timers are user/source/cpu.c's own. The empty program counts no ticks, by which that file
 * decides when to draw a new period; this one tells it how many there must have been on a busy CPU.
 */
#include "pybpfprof.skel.h"
#include "user/source/source.h"
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
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
	skel->progs.cpu_tick = skel->progs.cpu_empty; /* what the timers run */
	return skel;
}

static void count_ticks(struct abi_clock *clocks, uint64_t passed_ns)
{
	for (int cpu = 0; cpu < ABI_MAX_CPUS; cpu++)
		if (clocks[cpu].period_ns)
			clocks[cpu].ticks += passed_ns / clocks[cpu].period_ns;
}

int main(int argc, char **argv)
{
	struct source_options o = {.rate_hz = argc == 2 ? atof(argv[1]) : 0};
	struct pybpfprof_bpf *skel;
	struct source_run *timers;
	struct abi_clock *clocks;
	uint64_t last = now_ns();

	if (o.rate_hz <= 0) {
		fprintf(stderr, "Usage: empty HZ\nAn empty BPF program at that rate until it is killed.\n");
		return 2;
	}
	skel = load_empty();
	if (!skel)
		return fail("load");
	clocks = mmap(NULL, ABI_MAX_CPUS * sizeof(*clocks), PROT_READ | PROT_WRITE, MAP_SHARED,
		      bpf_map__fd(skel->maps.clocks), 0);
	if (clocks == MAP_FAILED)
		return fail("mmap");
	if (source_cpu.attach(skel, &o, &timers))
		return 1;
	for (;;) {
		uint64_t now;

		usleep(POLL_US);
		now = now_ns();
		count_ticks(clocks, now - last);
		source_cpu.tend(timers, now);
		last = now;
	}
}
