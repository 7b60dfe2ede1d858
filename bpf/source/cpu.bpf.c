/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * On-CPU time: a perf_event timer on each CPU. Such an event is an hrtimer of the kernel's (kernel/events/core.c:
 * perf_swevent_hrtimer). Periods are counted at its expiry, whether or not the kernel then runs the program: it does not
 * while the CPU is inside another BPF program or some map operations, and after throttling or a pause of the machine
 * whole periods are over without an expiry.
 */
#include "bpf/sample.bpf.h"
#include "bpf/target.bpf.h"

static __always_inline struct abi_clock *this_clock(void)
{
	u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&clocks, &cpu);
}

static __always_inline bool is_known(const struct abi_clock *c, u64 timer)
{
	for (u32 i = 0; i < ABI_MAX_CGROUPS && i < cfg_timers_per_cpu; i++)
		if (c->timers[i] == timer)
			return true;
	return false;
}

/* The program runs within the expiry of its own timer, which is how a timer is known to be ours. */
static __always_inline void learn(struct abi_clock *c, u64 timer)
{
	for (u32 i = 0; i < ABI_MAX_CGROUPS && i < cfg_timers_per_cpu; i++) {
		if (c->timers[i])
			continue;
		c->timers[i] = timer;
		return;
	}
}

static __always_inline void lose(const struct abi_clock *c, u32 outcome, u64 cnt, u64 value_ns)
{
	sample_lost(ABI_SOURCE_CPU, c->pending_tgid, c->pending_tgid ? outcome : ABI_NOT_TARGET, cnt, value_ns);
}

/* A timer that runs only with its cgroup is stopped and goes on all the time: what it is due tells nothing. */
static __always_inline void expire_scoped(struct abi_clock *c)
{
	u64 carry_ns = *(volatile u64 *)&c->carry_ns; /* user space may add to it meanwhile */

	if (c->next_period_ns) {
		c->period_ns = c->next_period_ns;
		c->next_period_ns = 0;
	}
	c->tick_ns = c->period_ns + carry_ns;
	if (carry_ns)
		__sync_fetch_and_add(&c->carry_ns, -carry_ns);
}

/*
 * Expiries lie on a grid of periods, exactly (hrtimer_forward_now); it begins anew where the kernel starts the timer:
 * at a redraw of the period, and when it has throttled it. Gives how much time went by without a tick before this one's.
 */
static __always_inline u64 expire(struct abi_clock *c, u64 due_ns, u32 *why)
{
	u64 period = c->period_ns, gap = due_ns - c->expires_ns, next = c->next_period_ns, before;
	bool anew;

	c->tick_ns = period;
	if (!c->expires_ns || !period)
		return 0;
	anew = gap % period;
	*why = anew ? ABI_THROTTLED : ABI_LATE;
	if (!next || !anew)
		return gap > period ? gap - period : 0;
	/* The redraw: this tick stands for what had passed of the running period, too. */
	*why = ABI_LATE;
	before = gap > next ? gap - next : 0;
	c->period_ns = next;
	c->next_period_ns = 0;
	c->tick_ns = next + before % period;
	return before - before % period;
}

static __always_inline void on_expiry(struct abi_clock *c, u64 due_ns)
{
	u64 missed_ns = 0, period = c->period_ns, cnt;
	u32 why = ABI_LATE;

	if (c->pending)
		lose(c, ABI_NOT_RUN, 1, c->tick_ns);
	if (cfg_scoped)
		expire_scoped(c);
	else
		missed_ns = expire(c, due_ns, &why);
	cnt = period ? (missed_ns + period / 2) / period : 0;
	c->expires_ns = due_ns;
	c->timer_ns += c->tick_ns + missed_ns;
	c->pending = 0;
	if (!bpf_get_current_pid_tgid()) /* exclude_idle: the kernel does not run the program then */
		return;
	c->timer_cnt += cnt + 1;
	c->pending = 1;
	c->pending_tgid = target_current();
	if (cnt)
		lose(c, why, cnt, missed_ns);
}

SEC_TRACEPOINT("hrtimer_expire_entry")
int BPF_PROG(cpu_timer, struct hrtimer *timer)
{
	struct abi_clock *c = this_clock();

	if (!c || !c->period_ns)
		return 0;
	c->expiring = (u64)timer;
	c->expiring_ns = member_of(timer, node.expires);
	if (is_known(c, c->expiring))
		on_expiry(c, c->expiring_ns);
	return 0;
}

/* A CPU that goes offline takes its events along, for good; one that was soon back is in no list as missing. */
SEC_TRACEPOINT("cpuhp_enter")
int BPF_PROG(cpu_hotplug)
{
	__sync_fetch_and_add(&hotplug_steps, 1);
	return 0;
}

SEC("perf_event")
int cpu_tick(struct bpf_perf_event_data *ctx)
{
	struct abi_clock *c = this_clock();
	struct tick t = {.now_ns = bpf_ktime_get_ns()};

	if (!c)
		return 0;
	if (!is_known(c, c->expiring)) {
		learn(c, c->expiring);
		on_expiry(c, c->expiring_ns);
	}
	c->pending = 0;
	t.value = c->tick_ns;
	t.is_cpu_time = true;
	c->ticks++;
	c->value_ns += t.value;
	t.native = cfg_native;
	if (cfg_kernel && (s64)ctx->regs[ARCH_TICK_IP] < 0)
		t.kernel_ctx = ctx;
	sample_take(&t, ABI_SOURCE_CPU, 0);
	return 0;
}

/* The control for overhead: the same timer, nothing done. The bench alone loads it. */
SEC("?perf_event")
int cpu_empty(struct bpf_perf_event_data *ctx)
{
	return 0;
}
