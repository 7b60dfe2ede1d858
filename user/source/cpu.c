/* SPDX-License-Identifier: MIT */
/*
 * On-CPU time: a timer on each CPU whose period is drawn anew now and then, because a fixed one falls in
 * step with programs that work at a regular beat and then sees them never or always.
 */
#include "user/source/cpu_events.h"
#include "pybpfprof.skel.h"
#include "user/os/perf.h"
#include "user/profile/value_type.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

/*
 * The part of a period that has passed is thrown away by each redraw (the kernel starts a new one), so
 * redraws are few; and it is carried over to the next sample's value, so no CPU time is lost by them.
 */
#define REDRAW_TICKS 32
#define REDRAW_NS    190000000ull /* at high rates; `tend` is called each 200 ms, about */

/* The period of one CPU's timers. */
struct cpu_period {
	uint64_t redrawn_ns;    /* when the running one began, at the latest */
	uint64_t redrawn_ticks; /* the CPU's ticks then */
	double partner;         /* the next factor, when the running one was the first of a pair; else 0 */
};

struct source_run {
	struct pybpfprof_bpf *skel;
	struct bpf_link *expiry;
	struct cpu_events timers;
	struct cpu_period periods[ABI_MAX_CPUS];
	struct abi_clock *clocks; /* shared with BPF */
	size_t clocks_size;
	double rate_hz, period_ns; /* as asked for; the mean that makes it */
	uint64_t random;
	bool by_time;      /* so many ticks that holds are of equal time */
	bool may_throttle; /* the kernel's limit was seen below the rate */
	struct {
		uint64_t not_run; /* a program that should have run when the timers were closed, and had not */
		uint64_t came;    /* periods, at most, of CPUs that had no timer yet; in nobody's sum */
		struct source_times times;
	} closed; /* of timers that are no more */
};

/* xorshift64*: the draw need not be secret, only unrelated to the program. */
static double draw(struct source_run *s)
{
	s->random ^= s->random >> 12;
	s->random ^= s->random << 25;
	s->random ^= s->random >> 27;
	return (double)((s->random * 0x2545f4914f6cdd1dull) >> 11) / (double)(1ull << 53);
}

/*
 * Uniform from half to one and a half times the mean, in pairs as far above it as below, so that short
 * recordings too get the samples they asked for. A period is held for an equal number of ticks, and then the
 * period is drawn, or for an equal time, and then the rate is. (The wrong one gives ln 3 = 1.0986 times too many.)
 */
static uint64_t draw_period(struct source_run *s, struct cpu_period *t)
{
	double factor = t->partner;

	t->partner = factor ? 0 : 1.5 - draw(s);
	if (!factor)
		factor = 2 - t->partner;
	return (uint64_t)(s->by_time ? s->period_ns / factor : s->period_ns * factor);
}

static int open_timer(void *ctx, int cpu, size_t kind, int cgroup_fd)
{
	struct source_run *s = ctx;

	(void)kind;
	return perf_open_clock(cpu, s->clocks[cpu].period_ns, cgroup_fd);
}

/* Several cgroups' timers on one CPU share its clock. */
static void begin_clock(void *ctx, int cpu)
{
	struct source_run *s = ctx;

	s->periods[cpu].partner = 0;
	s->periods[cpu].redrawn_ticks = s->clocks[cpu].ticks;
	s->clocks[cpu].period_ns = draw_period(s, &s->periods[cpu]);
}

/* perf has two clocks for it, so the difference may be a little below nothing. */
static void add_times(void *ctx, int fd)
{
	struct source_times *out = ctx;
	struct perf_times times;

	if (perf_read_times(fd, &times))
		return;
	out->running_ns += times.running_ns;
	if (times.running_ns > times.count_ns)
		out->throttled_ns += times.running_ns - times.count_ns;
}

static void keep_times(void *ctx, int fd)
{
	add_times(&((struct source_run *)ctx)->closed.times, fd);
}

/* Keeps a program that was still to run when they ended. */
static void end_clock(void *ctx, int cpu)
{
	struct source_run *s = ctx;
	struct abi_clock *c = &s->clocks[cpu];

	s->closed.not_run += c->pending;
	c->pending = 0;
	c->expires_ns = c->next_period_ns = 0;
	memset(c->timers, 0, sizeof(c->timers));
}

static void welcome(void *ctx, int cpu, uint64_t since_ns)
{
	struct source_run *s = ctx;

	s->closed.came += (uint64_t)((double)since_ns / s->period_ns);
	s->periods[cpu].redrawn_ns = s->timers.checked_ns + since_ns;
}

static int map_clocks(struct source_run *s)
{
	void *p;

	s->clocks_size = ABI_MAX_CPUS * sizeof(*s->clocks);
	p = mmap(NULL, s->clocks_size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(s->skel->maps.clocks), 0);
	if (p == MAP_FAILED) {
		log_error("cannot share the sampling clocks with the kernel: %s", strerror(errno));
		return -errno;
	}
	s->clocks = p;
	return 0;
}

/* Counts what is due; before the timers, so that no expiry of ours is missed. The bench's control does without. */
static int attach_hook(struct source_run *s)
{
	int err;

	if (bpf_program__fd(s->skel->progs.cpu_timer) < 0)
		return 0;
	s->expiry = bpf_program__attach(s->skel->progs.cpu_timer);
	if (s->expiry)
		return 0;
	err = -errno;
	log_error("cannot follow the kernel's timers: %s", strerror(-err));
	return err;
}

/* Each redraw costs half a period on average; a little shorter periods make up for it. */
static void set_rate(struct source_run *s, double rate_hz)
{
	double held = rate_hz * REDRAW_NS / 1e9;

	s->rate_hz = rate_hz;
	s->by_time = held > REDRAW_TICKS;
	if (!s->by_time)
		held = REDRAW_TICKS;
	s->period_ns = 1e9 / rate_hz * held / (held + 0.5);
}

static void detach(struct source_run *s)
{
	if (!s || !s->clocks)
		return;
	cpu_events__close(&s->timers);
	bpf_link__destroy(s->expiry);
	s->expiry = NULL;
}

static void free_run(struct source_run *s)
{
	if (!s)
		return;
	detach(s);
	cpu_events__free(&s->timers);
	if (s->clocks)
		munmap(s->clocks, s->clocks_size);
	free(s);
}

static void configure(struct pybpfprof_bpf *skel, const struct source_options *o)
{
	skel->rodata->cfg_gil_ticks = true;
	skel->rodata->cfg_scoped = o->cgroup_dirs != NULL;
	skel->rodata->cfg_timers_per_cpu = o->cgroup_dirs ? (uint32_t)o->cgroup_cnt : 1;
}

/*
 * perf's clock of a cgroup's timer may be seconds off when it was opened while the cgroup ran, which looks like throttling;
 * so that is believed only where the kernel does throttle (kernel/events/core.c: max_samples_per_tick).
 */
static void check_limit(struct source_run *s)
{
	uint64_t limit = perf_max_rate();

	s->may_throttle |= limit && s->rate_hz > (double)limit;
}

static int open_timers(struct source_run *s, const struct source_options *o)
{
	const struct cpu_events_how how = {
		.program = s->skel->progs.cpu_tick,
		.kinds = 1,
		.one = "a timer",
		.one_of_many = "timers",
		.open = open_timer,
		.opening = begin_clock,
		.closing = keep_times,
		.closed = end_clock,
		.came = welcome,
		.ctx = s,
	};

	return cpu_events__open(&s->timers, s->skel, o, &how);
}

static int attach(struct pybpfprof_bpf *skel, const struct source_options *o, struct source_run **out)
{
	struct source_run *s = xcalloc(1, sizeof(*s));
	int err;

	s->skel = skel;
	set_rate(s, o->rate_hz);
	if (getrandom(&s->random, sizeof(s->random), 0) != sizeof(s->random) || !s->random)
		s->random = 0x9e3779b97f4a7c15ull;
	err = map_clocks(s);
	if (!err)
		err = attach_hook(s);
	if (!err)
		err = open_timers(s, o);
	if (err) {
		free_run(s);
		return err;
	}
	check_limit(s);
	*out = s;
	return 0;
}

static int renew_cgroup(struct source_run *s, size_t i, const char *dir)
{
	return cpu_events__renew_cgroup(&s->timers, i, dir);
}

/* ---- periods ----------------------------------------------------------------------------------------- */

/* One CPU's timers (several cgroups have one each) get the same new period. */
static void redraw_cpu(struct source_run *s, const struct cpu_events_cpu *t, uint64_t now_ns)
{
	struct abi_clock *c = &s->clocks[t->cpu];
	struct cpu_period *p = &s->periods[t->cpu];
	uint64_t period = draw_period(s, p);

	if (s->timers.scoped) /* the mean of what this throws away; of other timers the kernel side knows it exactly */
		__atomic_fetch_add(&c->carry_ns, c->period_ns / 2, __ATOMIC_RELAXED);
	__atomic_store_n(&c->next_period_ns, period, __ATOMIC_RELEASE);
	for (size_t i = 0; i < s->timers.event_cnt; i++)
		if (t->events[i].link && perf_set_period(t->events[i].fd, period))
			log_verbose("CPU %d keeps its period: %s", t->cpu, strerror(errno));
	p->redrawn_ns = now_ns;
	p->redrawn_ticks = c->ticks;
}

static void redraw(struct source_run *s, uint64_t now_ns)
{
	for (size_t i = 0; i < s->timers.cnt; i++) {
		const struct cpu_events_cpu *t = &s->timers.cpus[i];
		const struct cpu_period *p = &s->periods[t->cpu];

		if (t->open && s->clocks[t->cpu].ticks >= p->redrawn_ticks + REDRAW_TICKS &&
		    (!s->by_time || now_ns >= p->redrawn_ns + REDRAW_NS))
			redraw_cpu(s, t, now_ns);
	}
}

static void tend(struct source_run *s, uint64_t now_ns)
{
	if (cpu_events__tend(&s->timers, now_ns))
		check_limit(s);
	redraw(s, now_ns);
}

/* ---- counts ------------------------------------------------------------------------------------------------ */

static void read_times(const struct source_run *s, struct source_times *out)
{
	*out = s->closed.times;
	cpu_events__each(&s->timers, add_times, out);
}

static void read_counts(const struct source_run *s, struct source_counts *out)
{
	struct source_times times;

	*out = (struct source_counts){.due = s->closed.came,
				      .each = (uint64_t)(1e9 / s->rate_hz),
				      .outcomes = {[ABI_NOT_RUN] = s->closed.not_run, [ABI_CPU_CAME] = s->closed.came}};
	for (size_t i = 0; i < s->timers.cnt; i++) {
		const struct abi_clock *c = &s->clocks[s->timers.cpus[i].cpu];

		out->due += c->timer_cnt;
		out->due_ns += c->timer_ns;
		out->ticks += c->ticks;
		out->value += c->value_ns;
	}
	if (!s->timers.scoped || !s->may_throttle) /* without scopes the kernel side sees it */
		return;
	read_times(s, &times);
	out->outcomes[ABI_THROTTLED] = (uint64_t)((double)times.throttled_ns / s->period_ns);
	out->due += out->outcomes[ABI_THROTTLED];
}

const struct source source_cpu = {
	.name = "cpu",
	.help = "CPU time: who runs, at each of so many points of time a second on each CPU (--rate)",
	.id = ABI_SOURCE_CPU,
	.types = &profile_cpu_type,
	.type_cnt = 1,
	.is_cpu_time = true,
	.programs = (const char *const[]){"cpu_timer", "cpu_tick", "cpu_hotplug", NULL},
	.configure = configure,
	.attach = attach,
	.detach = detach,
	.free = free_run,
	.counts = read_counts,
	.tend = tend,
	.renew_cgroup = renew_cgroup,
	.times = read_times,
};
