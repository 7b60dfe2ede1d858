/* SPDX-License-Identifier: MIT */
/*
 * Is the daemon's memory bounded? A day of churn in minutes (churn.h): prints resident memory and the heap at ten points, and
 * fails when they grow. Containers need root, and a cgroup hierarchy that can be written to.
 *
 *     build/tests/bench/churn [HOURS]
 */
#include "tests/bench/churn.h"
#include "user/util/clock.h"

#define POINTS     10
#define MOST_BYTES (60u << 20)
#define CODE_BYTES (16u << 20) /* user/session/session.c */

static size_t resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long size = 0, resident = 0;

	if (!f || fscanf(f, "%lu %lu", &size, &resident) != 2)
		exit(1);
	fclose(f);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void print_point(const struct churn *c, size_t resident, size_t heap)
{
	printf("%5.1f h  %6.2f MB resident  %6.2f MB in use  %8llu processes  %9llu threads  %8llu code objects  %5llu "
	       "containers  "
	       "%10llu samples, %llu without a name\n",
	       (double)c->windows * WINDOW_S / 3600, (double)resident / (1 << 20), (double)heap / (1 << 20),
	       (unsigned long long)c->process_cnt, (unsigned long long)c->thread_cnt, (unsigned long long)c->codes_made,
	       (unsigned long long)c->container_cnt, (unsigned long long)c->shown, (unsigned long long)c->unknown);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	double hours = argc > 1 ? atof(argv[1]) : 24;
	uint64_t windows = (uint64_t)(hours * 3600 / WINDOW_S), began = clock_now_ns(), cpu_ns = clock_cpu_ns();
	size_t resident[POINTS + 1] = {0}, heap[POINTS + 1] = {0};
	struct churn c;
	bool failed;

	churn_begin(&c, &churn_day, CODE_BYTES);
	for (unsigned point = 1; point <= POINTS; point++) {
		while (c.windows < windows * point / POINTS)
			churn_window(&c);
		resident[point] = resident_bytes();
		heap[point] = churn_in_use();
		print_point(&c, resident[point], heap[point]);
	}
	churn_end(&c);
	printf("%.0f s, of CPU time %.0f s: %.3f %% of a core over %.0f h\n", (double)(clock_now_ns() - began) / 1e9,
	       (double)(clock_cpu_ns() - cpu_ns) / 1e9, 100 * (double)(clock_cpu_ns() - cpu_ns) / 1e9 / (hours * 3600),
	       hours);
	failed = resident[POINTS] > MOST_BYTES || resident[POINTS] > resident[3] + resident[3] / 10;
	printf("%s: %.1f MB at the end (at most 60), %+.1f %% since the third point (at most 10)\n",
	       failed ? "FAILED" : "OK", (double)resident[POINTS] / (1 << 20),
	       100.0 * (double)resident[POINTS] / (double)resident[3] - 100);
	return failed;
}
