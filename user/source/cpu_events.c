/* SPDX-License-Identifier: MIT */
#include "user/source/cpu_events.h"
#include "pybpfprof.skel.h"
#include "user/os/container.h"
#include "user/os/perf.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define CHECK_NS 150000000ull /* how often the CPUs are looked at, at most */

/* Says why there is none; gives the error to go on with. */
static int explain(const struct cpu_events *e, int cpu, int err)
{
	long paranoid = perf_paranoid();

	if ((err == -ENOENT || err == -EBADF) && e->scoped) {
		/* Another hierarchy has it, or nobody has enabled a controller in this one yet. */
		log_error("this cgroup cannot have %s of its own: the perf_event controller is not active in "
			  "its hierarchy. Leave out --scope=cgroup",
			  e->how.one_of_many);
		return -EOPNOTSUPP;
	}
	if (err == -EACCES && paranoid > 2)
		log_error("not permitted: with kernel.perf_event_paranoid = %ld this kernel gives %s to "
			  "CAP_SYS_ADMIN only. Run it with sudo, or set that to 2 (sysctl -w)",
			  paranoid, e->how.one_of_many);
	else if (err == -EACCES || err == -EPERM)
		log_error("not permitted to open %s on CPU %d: CAP_PERFMON is needed%s. Run it with sudo", e->how.one,
			  cpu,
			  container_filters_calls() ? ", and no seccomp filter that forbids perf_event_open()" : "");
	else
		log_error("cannot open %s on CPU %d: %s", e->how.one, cpu, strerror(-err));
	return err;
}

static int open_event(struct cpu_events *e, struct cpu_events_cpu *c, size_t i)
{
	int fd = e->how.open(e->how.ctx, c->cpu, i % e->how.kinds, e->cgroup_fds[i / e->how.kinds]), err;

	if (fd < 0)
		return fd;
	c->events[i].link = bpf_program__attach_perf_event(e->how.program, fd);
	if (c->events[i].link) {
		c->events[i].fd = fd;
		return 0;
	}
	err = -errno;
	close(fd);
	return err;
}

static void close_cpu(struct cpu_events *e, struct cpu_events_cpu *c)
{
	for (size_t i = 0; i < e->event_cnt; i++) {
		if (!c->events[i].link)
			continue;
		e->how.closing(e->how.ctx, c->events[i].fd);
		bpf_link__destroy(c->events[i].link); /* closes the event too */
		c->events[i].link = NULL;
	}
	if (e->how.closed)
		e->how.closed(e->how.ctx, c->cpu);
	if (c->open)
		close(c->witness);
	c->open = false;
}

static int open_cpu(struct cpu_events *e, struct cpu_events_cpu *c)
{
	int err = 0;

	c->witness = perf_open_witness(c->cpu);
	if (c->witness < 0)
		return c->witness;
	c->open = true;
	if (e->how.opening)
		e->how.opening(e->how.ctx, c->cpu);
	for (size_t i = 0; i < e->event_cnt && !err; i++) {
		err = open_event(e, c, i);
		if (err == -ENOENT && e->started) /* the cgroup is gone; the others go on */
			err = 0;
	}
	if (err)
		close_cpu(e, c);
	return err;
}

static struct cpu_events_cpu *find_cpu(struct cpu_events *e, int cpu)
{
	for (size_t i = 0; i < e->cnt; i++)
		if (e->cpus[i].cpu == cpu)
			return &e->cpus[i];
	xgrow(e->cpus, e->cnt, e->cap);
	e->cpus[e->cnt] = (struct cpu_events_cpu){.cpu = cpu};
	return &e->cpus[e->cnt++];
}

static int add_cpu(void *ctx, int cpu)
{
	struct cpu_events *e = ctx;
	int err;

	if (cpu >= ABI_MAX_CPUS)
		return 0;
	err = open_cpu(e, find_cpu(e, cpu));
	return err ? explain(e, cpu, err) : 0;
}

/* Kept open: a CPU may come later. */
static int open_cgroups(struct cpu_events *e, const struct source_options *o)
{
	e->scoped = o->cgroup_dirs != NULL;
	e->event_cnt = e->how.kinds * (e->scoped ? o->cgroup_cnt : 1);
	for (size_t i = 0; e->scoped && i < o->cgroup_cnt; i++) {
		e->cgroup_fds[i] = open(o->cgroup_dirs[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (e->cgroup_fds[i] < 0) {
			log_error("cannot open cgroup %s: %s", o->cgroup_dirs[i], strerror(errno));
			return -errno;
		}
	}
	return 0;
}

/* The bench's control does without. */
static int follow_cpus(struct cpu_events *e)
{
	int err;

	if (bpf_program__fd(e->skel->progs.cpu_hotplug) < 0)
		return 0;
	e->hotplug = bpf_program__attach(e->skel->progs.cpu_hotplug);
	if (e->hotplug ||
	    errno == EEXIST) /* older kernels attach a program once: another source has, which is as good */
		return 0;
	err = -errno;
	log_error("cannot follow the CPUs: %s", strerror(-err));
	return err;
}

int cpu_events__open(struct cpu_events *e, struct pybpfprof_bpf *skel, const struct source_options *o,
		     const struct cpu_events_how *how)
{
	int err;

	*e = (struct cpu_events){.how = *how, .skel = skel};
	memset(e->cgroup_fds, 0xff, sizeof(e->cgroup_fds));
	err = open_cgroups(e, o);
	if (!err)
		err = follow_cpus(e);
	if (!err)
		err = perf_online_cpus(add_cpu, e);
	e->checked_ns = clock_now_ns();
	e->started = !err;
	return err;
}

void cpu_events__close(struct cpu_events *e)
{
	for (size_t i = 0; i < e->cnt; i++)
		close_cpu(e, &e->cpus[i]);
	bpf_link__destroy(e->hotplug);
	e->hotplug = NULL;
}

void cpu_events__free(struct cpu_events *e)
{
	if (!e->skel)
		return; /* never opened */
	cpu_events__close(e);
	for (size_t i = 0; i < ABI_MAX_CGROUPS; i++)
		if (e->cgroup_fds[i] >= 0)
			close(e->cgroup_fds[i]);
	free(e->cpus);
}

void cpu_events__each(const struct cpu_events *e, void (*fn)(void *ctx, int fd), void *ctx)
{
	for (size_t i = 0; i < e->cnt; i++)
		for (size_t k = 0; k < e->event_cnt; k++)
			if (e->cpus[i].events[k].link)
				fn(ctx, e->cpus[i].events[k].fd);
}

/* All of a CPU's, because which of the expiring timers was the old one's only the kernel side could tell. */
int cpu_events__renew_cgroup(struct cpu_events *e, size_t i, const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), first = 0;

	if (fd < 0)
		return -errno;
	close(e->cgroup_fds[i]);
	e->cgroup_fds[i] = fd;
	for (size_t k = 0; k < e->cnt; k++) {
		int err;

		if (!e->cpus[k].open)
			continue;
		close_cpu(e, &e->cpus[k]);
		err = open_cpu(e, &e->cpus[k]);
		first = first ? first : err;
	}
	return first;
}

/* ---- CPUs that come and go ------------------------------------------------------------------------------- */

static int note_online(void *ctx, int cpu)
{
	if (cpu < ABI_MAX_CPUS)
		find_cpu(ctx, cpu)->online = true;
	return 0;
}

/*
 * The kernel drops the events of a CPU that goes offline, for good (kernel/events/core.c: perf_event_exit_cpu): their clock
 * stands still, also when it is back before anybody looks. That of an event does so too while its cgroup rests; its
 * witness's does not.
 */
static bool are_dropped(const struct cpu_events_cpu *c)
{
	struct perf_times before, after;

	return perf_read_times(c->witness, &before) || perf_read_times(c->witness, &after) ||
	       before.enabled_ns == after.enabled_ns;
}

/* It may have been there since just after the last look. */
static void welcome(struct cpu_events *e, struct cpu_events_cpu *c, uint64_t now_ns)
{
	int err = open_cpu(e, c);

	if (err) {
		log_verbose("CPU %d has no %s: %s", c->cpu, e->how.one_of_many, strerror(-err));
		return;
	}
	if (e->how.came)
		e->how.came(e->how.ctx, c->cpu, now_ns - e->checked_ns);
	log_verbose("CPU %d came online", c->cpu);
}

static void check_cpus(struct cpu_events *e, uint64_t now_ns)
{
	uint32_t steps = __atomic_load_n(&e->skel->bss->hotplug_steps, __ATOMIC_RELAXED);
	bool changed = steps != e->hotplug_steps;

	e->hotplug_steps = steps;
	for (size_t i = 0; i < e->cnt; i++)
		e->cpus[i].online = false;
	if (perf_online_cpus(note_online, e))
		return;
	for (size_t i = 0; i < e->cnt; i++) {
		struct cpu_events_cpu *c = &e->cpus[i];

		if (c->open && (!c->online || (changed && are_dropped(c))))
			close_cpu(e, c);
		if (c->online && !c->open)
			welcome(e, c, now_ns);
	}
}

bool cpu_events__tend(struct cpu_events *e, uint64_t now_ns)
{
	if (now_ns < e->checked_ns + CHECK_NS)
		return false;
	check_cpus(e, now_ns);
	e->checked_ns = now_ns;
	return true;
}
