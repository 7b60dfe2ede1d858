#include "user/session/counts.h"
#include "pybpfprof.skel.h"
#include "user/source/cpu.h"
#include "user/util/alloc.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

static uint64_t sum_over_cpus(const struct pybpfprof_bpf *skel, uint32_t outcome)
{
	int cpus = libbpf_num_possible_cpus();
	__cleanup_free uint64_t *values = xcalloc((size_t)(cpus > 0 ? cpus : 1), sizeof(*values));
	uint64_t sum = 0;

	if (bpf_map__lookup_elem(skel->maps.outcomes, &outcome, sizeof(outcome), values,
				 (size_t)cpus * sizeof(*values), 0))
		return 0;
	for (int c = 0; c < cpus; c++)
		sum += values[c];
	return sum;
}

void counts_read(const struct pybpfprof_bpf *skel, const struct cpu_source_counts *c, uint64_t sums[ABI_OUTCOME_CNT])
{
	for (uint32_t i = 0; i < ABI_OUTCOME_CNT; i++)
		sums[i] = sum_over_cpus(skel, i);
	sums[ABI_THROTTLED] += c->throttled;
	sums[ABI_NOT_RUN] += c->not_run;
	sums[ABI_CPU_CAME] += c->came;
}

static void tell(struct lost_told *told, struct resolve *r, const uint64_t span_ns[2], const struct lost_ticks *lost)
{
	resolve__lost(r, span_ns, lost);
	told->cnt[lost->outcome] += lost->ticks.cnt;
}

/* Takes out what is known by process. */
static void tell_by_process(struct lost_told *told, const struct pybpfprof_bpf *skel, struct resolve *r,
			    const uint64_t span_ns[2])
{
	int fd = bpf_map__fd(skel->maps.lost);
	struct lost_ticks lost;
	uint64_t key;

	while (!bpf_map_get_next_key(fd, NULL, &key) && !bpf_map_lookup_and_delete_elem(fd, &key, &lost.ticks)) {
		lost.image_id = (uint32_t)(key >> 32);
		lost.outcome = (uint32_t)key;
		if (lost.outcome < ABI_OUTCOME_CNT)
			tell(told, r, span_ns, &lost);
	}
}

static bool has_more(const struct lost_told *told, const uint64_t sums[ABI_OUTCOME_CNT])
{
	for (unsigned i = 0; i < ABI_OUTCOME_CNT; i++)
		if (outcome_class(i) == ABI_LOST && sums[i] > told->cnt[i])
			return true;
	return false;
}

/*
 * The sums were read before: a tick that is in them is among the processes' by then, unless there was no room for its
 * process. One that is among them only will be in the sums the next time.
 */
void counts_tell_lost(struct lost_told *told, const struct pybpfprof_bpf *skel, const uint64_t sums[ABI_OUTCOME_CNT],
		      struct resolve *r, double rate_hz, uint64_t now_ns)
{
	const uint64_t span_ns[] = {told->until_ns, now_ns};

	told->until_ns = span_ns[1];
	if (!has_more(told, sums))
		return;
	tell_by_process(told, skel, r, span_ns);
	for (unsigned i = 0; i < ABI_OUTCOME_CNT; i++) {
		struct lost_ticks rest = {.outcome = i};

		if (outcome_class(i) != ABI_LOST || sums[i] <= told->cnt[i])
			continue;
		rest.ticks.cnt = sums[i] - told->cnt[i];
		rest.ticks.value_ns = (uint64_t)((double)rest.ticks.cnt * 1e9 / rate_hz);
		tell(told, r, span_ns, &rest);
	}
}
