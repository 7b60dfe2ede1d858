/* On-CPU time: a perf_event timer on each CPU. */
#include "bpf/sample.bpf.h"

/* What this tick stands for: the period in force, and what the last redraw of the period threw away. */
static __always_inline u64 tick_value(void)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct abi_clock *c = bpf_map_lookup_elem(&clocks, &cpu);
	u64 value;

	if (!c)
		return 0;
	value = c->period_ns + __sync_lock_test_and_set(&c->carry_ns, 0);
	c->ticks++;
	c->value_ns += value;
	c->last_ns = bpf_ktime_get_ns();
	return value;
}

SEC("perf_event")
int cpu_tick(struct bpf_perf_event_data *ctx)
{
	sample_take(0, tick_value());
	return 0;
}

/* The control for overhead: the same timer, nothing done. */
SEC("perf_event")
int cpu_empty(struct bpf_perf_event_data *ctx)
{
	return 0;
}
