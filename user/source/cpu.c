/*
 * On-CPU time: a timer on each CPU whose period is drawn anew now and then, because a fixed one falls in
 * step with programs that work at a regular beat and then sees them never or always.
 */
#include "user/source/source.h"
#include "pybpfprof.skel.h"
#include "user/os/container.h"
#include "user/os/perf.h"
#include "user/profile/value_type.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

/*
 * The part of a period that has passed is thrown away by each redraw (the kernel starts a new one), so
 * redraws are few; and it is carried over to the next sample's value, so no CPU time is lost by them.
 */
#define REDRAW_TICKS 32
#define REDRAW_NS    190000000ull /* at high rates; `tend` is called each 200 ms, about */

#define CHECK_NS 150000000ull /* how often the CPUs are looked at, at most */

/* The events of one CPU: one, or one for each cgroup. */
struct cpu_timers {
	int cpu;
	bool online; /* in the list of the last look */
	bool open;   /* has its events, but those of cgroups that are gone */
	struct {
		int fd;
		struct bpf_link *link;
	} events[ABI_MAX_CGROUPS];
	int witness;
	uint64_t redrawn_ns;    /* when this timer's running period began, at the latest */
	uint64_t redrawn_ticks; /* the CPU's ticks then */
	double partner;         /* the next factor, when the running one was the first of a pair; else 0 */
};

struct source_run {
	struct pybpfprof_bpf *skel;
	struct bpf_link *expiry, *hotplug;
	struct cpu_timers *cpus;
	size_t cnt, cap;
	struct abi_clock *clocks; /* shared with BPF */
	size_t clocks_size;
	double rate_hz, period_ns; /* as asked for; the mean that makes it */
	uint64_t random;
	bool by_time; /* so many ticks that holds are of equal time */
	bool scoped;  /* the timers run only while the cgroup's tasks do */
	bool started;
	bool may_throttle; /* the kernel's limit was seen below the rate */
	int cgroup_fds[ABI_MAX_CGROUPS];
	size_t event_cnt; /* per CPU */
	uint64_t checked_ns;
	uint32_t hotplug_steps; /* as of the last look */
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
static uint64_t draw_period(struct source_run *s, struct cpu_timers *t)
{
	double factor = t->partner;

	t->partner = factor ? 0 : 1.5 - draw(s);
	if (!factor)
		factor = 2 - t->partner;
	return (uint64_t)(s->by_time ? s->period_ns / factor : s->period_ns * factor);
}

/* Says why there is no timer; gives the error to go on with. */
static int explain(const struct source_run *s, int cpu, int err)
{
	long paranoid = perf_paranoid();

	if ((err == -ENOENT || err == -EBADF) && s->scoped) {
		/* Another hierarchy has it, or nobody has enabled a controller in this one yet. */
		log_error("this cgroup cannot have timers of its own: the perf_event controller is not active in "
			  "its hierarchy. Leave out --scope=cgroup");
		return -EOPNOTSUPP;
	}
	if (err == -EACCES && paranoid > 2)
		log_error("not permitted: with kernel.perf_event_paranoid = %ld this kernel gives timers to "
			  "CAP_SYS_ADMIN only. Run it with sudo, or set that to 2 (sysctl -w)",
			  paranoid);
	else if (err == -EACCES || err == -EPERM)
		log_error("not permitted to open a timer on CPU %d: CAP_PERFMON is needed%s. Run it with sudo", cpu,
			  container_filters_calls() ? ", and no seccomp filter that forbids perf_event_open()" : "");
	else
		log_error("cannot open a timer on CPU %d: %s", cpu, strerror(-err));
	return err;
}

static int open_event(struct source_run *s, struct cpu_timers *t, size_t i, uint64_t period_ns)
{
	int fd = perf_open_clock(t->cpu, period_ns, s->cgroup_fds[i]), err;

	if (fd < 0)
		return fd;
	t->events[i].link = bpf_program__attach_perf_event(s->skel->progs.cpu_tick, fd);
	if (t->events[i].link) {
		t->events[i].fd = fd;
		return 0;
	}
	err = -errno;
	close(fd);
	return err;
}

/* perf has two clocks for it, so the difference may be a little below nothing. */
static void add_times(int fd, struct source_times *out)
{
	struct perf_times times;

	if (perf_read_times(fd, &times))
		return;
	out->running_ns += times.running_ns;
	if (times.running_ns > times.count_ns)
		out->throttled_ns += times.running_ns - times.count_ns;
}

/* Keeps what their clocks had counted, and a program that was still to run when they ended. */
static void close_events(struct source_run *s, struct cpu_timers *t)
{
	struct abi_clock *c = &s->clocks[t->cpu];

	for (size_t i = 0; i < s->event_cnt; i++) {
		if (!t->events[i].link)
			continue;
		add_times(t->events[i].fd, &s->closed.times);
		bpf_link__destroy(t->events[i].link); /* closes the event too */
		t->events[i].link = NULL;
	}
	s->closed.not_run += c->pending;
	c->pending = 0;
	c->expires_ns = c->next_period_ns = 0;
	memset(c->timers, 0, sizeof(c->timers));
	if (t->open)
		close(t->witness);
	t->open = false;
}

/* Several cgroups' timers on one CPU share its clock. */
static int open_events(struct source_run *s, struct cpu_timers *t)
{
	struct abi_clock *c = &s->clocks[t->cpu];
	int err = 0;

	t->witness = perf_open_witness(t->cpu);
	if (t->witness < 0)
		return t->witness;
	t->open = true;
	t->partner = 0;
	c->period_ns = draw_period(s, t);
	for (size_t i = 0; i < s->event_cnt && !err; i++) {
		err = open_event(s, t, i, c->period_ns);
		if (err == -ENOENT && s->started) /* the cgroup is gone; the others go on */
			err = 0;
	}
	if (err)
		close_events(s, t);
	return err;
}

static struct cpu_timers *find_cpu(struct source_run *s, int cpu)
{
	for (size_t i = 0; i < s->cnt; i++)
		if (s->cpus[i].cpu == cpu)
			return &s->cpus[i];
	xgrow(s->cpus, s->cnt, s->cap);
	s->cpus[s->cnt] = (struct cpu_timers){.cpu = cpu};
	return &s->cpus[s->cnt++];
}

static int add_cpu(void *ctx, int cpu)
{
	struct source_run *s = ctx;
	struct cpu_timers *t;
	int err;

	if (cpu >= ABI_MAX_CPUS)
		return 0;
	t = find_cpu(s, cpu);
	err = open_events(s, t);
	return err ? explain(s, cpu, err) : 0;
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

static void close_cgroups(struct source_run *s)
{
	for (size_t i = 0; i < ABI_MAX_CGROUPS; i++)
		if (s->cgroup_fds[i] >= 0)
			close(s->cgroup_fds[i]);
}

/* Kept open: a CPU may come later. */
static int open_cgroups(struct source_run *s, const struct source_options *o)
{
	memset(s->cgroup_fds, 0xff, sizeof(s->cgroup_fds));
	s->scoped = o->cgroup_dirs != NULL;
	s->event_cnt = s->scoped ? o->cgroup_cnt : 1;
	for (size_t i = 0; s->scoped && i < o->cgroup_cnt; i++) {
		s->cgroup_fds[i] = open(o->cgroup_dirs[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (s->cgroup_fds[i] < 0) {
			log_error("cannot open cgroup %s: %s", o->cgroup_dirs[i], strerror(errno));
			return -errno;
		}
	}
	return 0;
}

/* Counts what is due; before the timers, so that no expiry of ours is missed. The bench's control does without. */
static int attach_hooks(struct source_run *s)
{
	int err;

	if (bpf_program__fd(s->skel->progs.cpu_timer) < 0)
		return 0;
	s->expiry = bpf_program__attach(s->skel->progs.cpu_timer);
	s->hotplug = s->expiry ? bpf_program__attach(s->skel->progs.cpu_hotplug) : NULL;
	if (s->hotplug)
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
	for (size_t i = 0; i < s->cnt; i++)
		close_events(s, &s->cpus[i]);
	bpf_link__destroy(s->expiry);
	bpf_link__destroy(s->hotplug);
	s->expiry = s->hotplug = NULL;
}

static void free_run(struct source_run *s)
{
	if (!s)
		return;
	detach(s);
	close_cgroups(s);
	if (s->clocks)
		munmap(s->clocks, s->clocks_size);
	free(s->cpus);
	free(s);
}

static void configure(struct pybpfprof_bpf *skel, const struct source_options *o)
{
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

static int attach(struct pybpfprof_bpf *skel, const struct source_options *o, struct source_run **out)
{
	struct source_run *s = xcalloc(1, sizeof(*s));
	int err;

	s->skel = skel;
	set_rate(s, o->rate_hz);
	if (getrandom(&s->random, sizeof(s->random), 0) != sizeof(s->random) || !s->random)
		s->random = 0x9e3779b97f4a7c15ull;
	err = open_cgroups(s, o);
	if (!err)
		err = map_clocks(s);
	if (!err)
		err = attach_hooks(s);
	if (!err)
		err = perf_online_cpus(add_cpu, s);
	if (err) {
		free_run(s);
		return err;
	}
	s->checked_ns = clock_now_ns();
	s->started = true;
	check_limit(s);
	*out = s;
	return 0;
}

/* All of a CPU's, because which of the expiring timers was the old one's only the kernel side could tell. */
static int renew_cgroup(struct source_run *s, size_t i, const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), first = 0;

	if (fd < 0)
		return -errno;
	close(s->cgroup_fds[i]);
	s->cgroup_fds[i] = fd;
	for (size_t k = 0; k < s->cnt; k++) {
		int err;

		if (!s->cpus[k].open)
			continue;
		close_events(s, &s->cpus[k]);
		err = open_events(s, &s->cpus[k]);
		s->cpus[k].redrawn_ticks = s->clocks[s->cpus[k].cpu].ticks;
		first = first ? first : err;
	}
	return first;
}

/* ---- periods ----------------------------------------------------------------------------------------- */

/* One CPU's timers (several cgroups have one each) get the same new period. */
static void redraw_cpu(struct source_run *s, struct cpu_timers *t, uint64_t now_ns)
{
	struct abi_clock *c = &s->clocks[t->cpu];
	uint64_t period = draw_period(s, t);

	if (s->scoped) /* the mean of what this throws away; of other timers the kernel side knows it exactly */
		__atomic_fetch_add(&c->carry_ns, c->period_ns / 2, __ATOMIC_RELAXED);
	__atomic_store_n(&c->next_period_ns, period, __ATOMIC_RELEASE);
	for (size_t i = 0; i < s->event_cnt; i++)
		if (t->events[i].link && perf_set_period(t->events[i].fd, period))
			log_verbose("CPU %d keeps its period: %s", t->cpu, strerror(errno));
	t->redrawn_ns = now_ns;
	t->redrawn_ticks = c->ticks;
}

static void redraw(struct source_run *s, uint64_t now_ns)
{
	for (size_t i = 0; i < s->cnt; i++) {
		struct cpu_timers *t = &s->cpus[i];

		if (t->open && s->clocks[t->cpu].ticks >= t->redrawn_ticks + REDRAW_TICKS &&
		    (!s->by_time || now_ns >= t->redrawn_ns + REDRAW_NS))
			redraw_cpu(s, t, now_ns);
	}
}

/* ---- CPUs that come and go ------------------------------------------------------------------------------- */

static int note_online(void *ctx, int cpu)
{
	struct source_run *s = ctx;

	if (cpu < ABI_MAX_CPUS)
		find_cpu(s, cpu)->online = true;
	return 0;
}

/*
 * The kernel drops the events of a CPU that goes offline, for good (kernel/events/core.c: perf_event_exit_cpu): their clock
 * stands still, also when it is back before anybody looks. That of a timer does so too while its cgroup rests; its
 * witness's does not.
 */
static bool are_dropped(const struct cpu_timers *t)
{
	struct perf_times before, after;

	return perf_read_times(t->witness, &before) || perf_read_times(t->witness, &after) ||
	       before.enabled_ns == after.enabled_ns;
}

/* It may have been there since just after the last look. */
static void welcome(struct source_run *s, struct cpu_timers *t, uint64_t now_ns)
{
	int err = open_events(s, t);

	if (err) {
		log_verbose("CPU %d has no timer: %s", t->cpu, strerror(-err));
		return;
	}
	s->closed.came += (uint64_t)((double)(now_ns - s->checked_ns) / s->period_ns);
	t->redrawn_ticks = s->clocks[t->cpu].ticks;
	t->redrawn_ns = now_ns;
	log_verbose("CPU %d came online", t->cpu);
}

static void check_cpus(struct source_run *s, uint64_t now_ns)
{
	uint32_t steps = __atomic_load_n(&s->skel->bss->hotplug_steps, __ATOMIC_RELAXED);
	bool changed = steps != s->hotplug_steps;

	s->hotplug_steps = steps;
	for (size_t i = 0; i < s->cnt; i++)
		s->cpus[i].online = false;
	if (perf_online_cpus(note_online, s))
		return;
	for (size_t i = 0; i < s->cnt; i++) {
		struct cpu_timers *t = &s->cpus[i];

		if (t->open && (!t->online || (changed && are_dropped(t))))
			close_events(s, t);
		if (t->online && !t->open)
			welcome(s, t, now_ns);
	}
}

static void tend(struct source_run *s, uint64_t now_ns)
{
	if (now_ns >= s->checked_ns + CHECK_NS) {
		check_cpus(s, now_ns);
		check_limit(s);
		s->checked_ns = now_ns;
	}
	redraw(s, now_ns);
}

/* ---- counts ------------------------------------------------------------------------------------------------ */

static void read_times(const struct source_run *s, struct source_times *out)
{
	*out = s->closed.times;
	for (size_t i = 0; i < s->cnt; i++)
		for (size_t k = 0; k < s->event_cnt; k++)
			if (s->cpus[i].events[k].link)
				add_times(s->cpus[i].events[k].fd, out);
}

static void read_counts(const struct source_run *s, struct source_counts *out)
{
	struct source_times times;

	*out = (struct source_counts){.due = s->closed.came,
				      .each = (uint64_t)(1e9 / s->rate_hz),
				      .outcomes = {[ABI_NOT_RUN] = s->closed.not_run, [ABI_CPU_CAME] = s->closed.came}};
	for (size_t i = 0; i < s->cnt; i++) {
		const struct abi_clock *c = &s->clocks[s->cpus[i].cpu];

		out->due += c->timer_cnt;
		out->due_ns += c->timer_ns;
		out->ticks += c->ticks;
		out->value += c->value_ns;
	}
	if (!s->scoped || !s->may_throttle) /* without scopes the kernel side sees it */
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
