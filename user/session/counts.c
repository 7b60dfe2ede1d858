#include "user/session/counts.h"
#include "pybpfprof.skel.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
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

void counts_read(const struct pybpfprof_bpf *skel, uint64_t sums[ABI_OUTCOME_CNT])
{
	for (uint32_t i = 0; i < ABI_OUTCOME_CNT; i++)
		sums[i] = sum_over_cpus(skel, i);
}

/* Takes out what is known by thread; gives how many samples that is. */
static uint64_t tell_by_thread(const struct pybpfprof_bpf *skel, struct resolve *r, const uint64_t span_ns[2])
{
	int fd = bpf_map__fd(skel->maps.unsent);
	struct abi_unsent u;
	uint64_t key, cnt = 0;

	while (!bpf_map_get_next_key(fd, NULL, &key) && !bpf_map_lookup_and_delete_elem(fd, &key, &u)) {
		resolve__unsent(r, span_ns, key, &u);
		cnt += u.cnt;
	}
	return cnt;
}

/*
 * The sum is read first: a tick that is in it is among the threads' by then, unless there was no room for its
 * thread. One that is among them only will be in the sum the next time.
 */
void counts_tell_unsent(struct unsent_told *told, const struct pybpfprof_bpf *skel, struct resolve *r,
			double rate_hz)
{
	const uint64_t span_ns[] = {told->until_ns, clock_now_ns()};
	uint64_t sum = sum_over_cpus(skel, ABI_RING_FULL);

	if (sum > told->cnt) {
		struct abi_unsent rest = {0};

		told->cnt += tell_by_thread(skel, r, span_ns);
		rest.cnt = sum > told->cnt ? sum - told->cnt : 0;
		rest.value_ns = (uint64_t)((double)rest.cnt * 1e9 / rate_hz);
		if (rest.cnt)
			resolve__unsent(r, span_ns, 0, &rest);
		told->cnt += rest.cnt;
	}
	told->until_ns = span_ns[1];
}
