#include "user/source/cpu.h"
#include "bpf/abi.h"
#include "pybpfprof.skel.h"
#include "user/os/container.h"
#include "user/os/perf.h"
#include "user/util/alloc.h"
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
#define REDRAW_NS    190000000ull /* at high rates; cpu_source__redraw is called each 200 ms, about */

struct timer {
	int cpu, fd;
	struct bpf_link *link;
	uint64_t redrawn_ns;	/* when this timer's running period began, at the latest */
	uint64_t redrawn_ticks; /* the CPU's ticks then */
	double partner;		/* the next factor, when the running one was the first of a pair; else 0 */
};

struct cpu_source {
	struct pybpfprof_bpf *skel;
	struct timer *timers;
	size_t cnt, cap;
	struct abi_clock *clocks; /* shared with BPF */
	size_t clocks_size;
	double period_ns; /* mean */
	uint64_t random;
	bool by_time; /* so many ticks that holds are of equal time */
	bool scoped; /* the timers run only while the cgroup's tasks do */
	int cgroup_fd;
	uint32_t cpus;
	int last_cpu;
};

/* xorshift64*: the draw need not be secret, only unrelated to the program. */
static double draw(struct cpu_source *s)
{
	s->random ^= s->random >> 12;
	s->random ^= s->random << 25;
	s->random ^= s->random >> 27;
	return (double)((s->random * 0x2545f4914f6cdd1dull) >> 11) / (double)(1ull << 53);
}

/*
 * Uniform from half to one and a half times the mean, in pairs as far above it as below, so that short
 * recordings too get the samples they asked for. What is drawn must be what the holds are not equal in: the
 * period when they are of equal numbers of ticks, the rate when of equal time. (The wrong one gives ln 3 =
 * 1.0986 times too many.)
 */
static uint64_t draw_period(struct cpu_source *s, struct timer *t)
{
	double factor = t->partner;

	t->partner = factor ? 0 : 1.5 - draw(s);
	if (!factor)
		factor = 2 - t->partner;
	return (uint64_t)(s->by_time ? s->period_ns / factor : s->period_ns * factor);
}

/* Says why there is no timer; gives the error to go on with. */
static int explain(const struct cpu_source *s, int cpu, int err)
{
	long paranoid = perf_paranoid();

	if (err == -ENOENT && s->scoped) {
		/* A version 1 hierarchy has it, or nobody has enabled a controller in this one yet. */
		log_error("this cgroup cannot have timers of its own: the perf_event controller is not active in "
			  "its hierarchy. Leave out --scope=cgroup");
		return -EOPNOTSUPP;
	}
	if (err == -EACCES && paranoid > 2)
		log_error("not permitted: with kernel.perf_event_paranoid = %ld this kernel gives timers to "
			  "CAP_SYS_ADMIN only. Run it with sudo, or set that to 2 (sysctl -w)", paranoid);
	else if (err == -EACCES || err == -EPERM)
		log_error("not permitted to open a timer on CPU %d: CAP_PERFMON is needed%s. Run it with sudo", cpu,
			  container_filters_calls() ? ", and no seccomp filter that forbids perf_event_open()" : "");
	else
		log_error("cannot open a timer on CPU %d: %s", cpu, strerror(-err));
	return err;
}

static int add_timer(void *ctx, int cpu)
{
	struct cpu_source *s = ctx;
	struct timer t = {.cpu = cpu};
	uint64_t period = draw_period(s, &t);

	if (cpu >= ABI_MAX_CPUS)
		return 0;
	/* Several cgroups' timers on one CPU share its clock. */
	if (s->clocks[cpu].period_ns)
		period = s->clocks[cpu].period_ns;
	s->clocks[cpu].period_ns = period;
	t.fd = perf_open_clock(cpu, period, s->cgroup_fd);
	if (t.fd < 0)
		return explain(s, cpu, t.fd);
	t.link = bpf_program__attach_perf_event(s->skel->progs.cpu_tick, t.fd);
	if (!t.link) {
		int err = -errno;

		log_error("cannot attach to the timer of CPU %d: %s", cpu, strerror(-err));
		close(t.fd);
		return err;
	}
	xgrow(s->timers, s->cnt, s->cap);
	s->timers[s->cnt++] = t;
	if (cpu > s->last_cpu) {
		s->last_cpu = cpu;
		s->cpus++;
	}
	return 0;
}

static int map_clocks(struct cpu_source *s)
{
	void *p;

	s->clocks_size = ABI_MAX_CPUS * sizeof(*s->clocks);
	p = mmap(NULL, s->clocks_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		 bpf_map__fd(s->skel->maps.clocks), 0);
	if (p == MAP_FAILED) {
		log_error("cannot share the sampling clocks with the kernel: %s", strerror(errno));
		return -errno;
	}
	s->clocks = p;
	return 0;
}

static int add_timers(struct cpu_source *s, const struct cpu_source_options *o)
{
	int err = 0;

	if (!o->cgroup_dirs)
		return perf_online_cpus(add_timer, s);
	for (size_t i = 0; i < o->cgroup_cnt && !err; i++) {
		__cleanup_close int fd = open(o->cgroup_dirs[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0) {
			log_error("cannot open cgroup %s: %s", o->cgroup_dirs[i], strerror(errno));
			return -errno;
		}
		s->cgroup_fd = fd;
		s->last_cpu = -1;
		s->cpus = 0;
		err = perf_online_cpus(add_timer, s);
	}
	return err;
}

/* Each redraw costs half a period on average; a little shorter periods make up for it. */
static void set_rate(struct cpu_source *s, double rate_hz)
{
	double held = rate_hz * REDRAW_NS / 1e9;

	s->by_time = held > REDRAW_TICKS;
	if (!s->by_time)
		held = REDRAW_TICKS;
	s->period_ns = 1e9 / rate_hz * held / (held + 0.5);
}

int cpu_source__attach(struct pybpfprof_bpf *skel, const struct cpu_source_options *o,
		       struct cpu_source **out)
{
	struct cpu_source *s = xcalloc(1, sizeof(*s));
	int err;

	s->skel = skel;
	set_rate(s, o->rate_hz);
	s->scoped = o->cgroup_dirs != NULL;
	s->cgroup_fd = s->last_cpu = -1;
	if (getrandom(&s->random, sizeof(s->random), 0) != sizeof(s->random) || !s->random)
		s->random = 0x9e3779b97f4a7c15ull;
	err = map_clocks(s);
	if (!err)
		err = add_timers(s, o);
	if (err) {
		cpu_source__detach(s);
		return err;
	}
	*out = s;
	return 0;
}

void cpu_source__detach(struct cpu_source *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->cnt; i++)
		bpf_link__destroy(s->timers[i].link); /* closes the event too */
	if (s->clocks)
		munmap(s->clocks, s->clocks_size);
	free(s->timers);
	free(s);
}

/*
 * How much of the running period has passed. A CPU-wide timer keeps a grid from its last tick (or redraw)
 * on, idle or not; a scoped one runs only with its cgroup, so only the mean is known.
 */
static uint64_t passed(const struct cpu_source *s, const struct timer *t, uint64_t now_ns)
{
	const struct abi_clock *c = &s->clocks[t->cpu];
	uint64_t from = c->last_ns > t->redrawn_ns ? c->last_ns : t->redrawn_ns;

	if (s->scoped)
		return c->period_ns / 2;
	return now_ns > from ? (now_ns - from) % c->period_ns : 0;
}

/* One CPU's timers (several cgroups have one each) get the same new period. */
static void redraw_cpu(struct cpu_source *s, size_t first, uint64_t now_ns)
{
	struct timer *t = &s->timers[first];
	struct abi_clock *c = &s->clocks[t->cpu];
	uint64_t period = draw_period(s, t), lost = passed(s, t, now_ns);

	for (size_t i = first; i < s->cnt; i += s->cpus)
		if (perf_set_period(s->timers[i].fd, period))
			return;
	__atomic_store_n(&c->period_ns, period, __ATOMIC_RELAXED);
	__atomic_fetch_add(&c->carry_ns, lost, __ATOMIC_RELAXED);
	t->redrawn_ns = now_ns;
	t->redrawn_ticks = c->ticks;
}

void cpu_source__redraw(struct cpu_source *s, uint64_t now_ns)
{
	for (size_t i = 0; i < s->cpus; i++) {
		const struct timer *t = &s->timers[i];

		if (s->clocks[t->cpu].ticks >= t->redrawn_ticks + REDRAW_TICKS &&
		    (!s->by_time || now_ns >= t->redrawn_ns + REDRAW_NS))
			redraw_cpu(s, i, now_ns);
	}
}

double cpu_source__effective_rate(const struct cpu_source *s)
{
	uint64_t ticks = 0, value_ns = 0;

	for (size_t i = 0; i < s->cpus; i++) {
		ticks += s->clocks[s->timers[i].cpu].ticks;
		value_ns += s->clocks[s->timers[i].cpu].value_ns;
	}
	return value_ns ? (double)ticks * 1e9 / (double)value_ns : 0;
}
