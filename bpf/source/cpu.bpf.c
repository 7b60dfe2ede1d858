/* On-CPU time: a perf_event timer on each CPU. */
#include "bpf/sample.bpf.h"

SEC("perf_event")
int cpu_tick(struct bpf_perf_event_data *ctx)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct abi_clock *c = bpf_map_lookup_elem(&clocks, &cpu);
	struct tick t = {.now_ns = bpf_ktime_get_ns()};

	if (c) {
		/* the period in force, and what the last redraw of the period threw away */
		t.value_ns = c->period_ns;
		if (c->carry_ns)
			t.value_ns += __sync_lock_test_and_set(&c->carry_ns, 0);
		c->ticks++;
		c->value_ns += t.value_ns;
		c->last_ns = t.now_ns;
	}
	sample_take(&t);
	return 0;
}

/* The control for overhead: the same timer, nothing done. */
SEC("perf_event")
int cpu_empty(struct bpf_perf_event_data *ctx)
{
	return 0;
}
