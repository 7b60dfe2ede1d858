#include "user/session/session.h"
#include "pybpfprof.skel.h"
#include "user/os/container.h"
#include "user/os/procfs.h"
#include "user/session/cgroups.h"
#include "user/session/cold.h"
#include "user/session/counts.h"
#include "user/session/drain.h"
#include "user/session/features.h"
#include "user/session/kernel_clock.h"
#include "user/session/targets.h"
#include "user/session/variant.h"
#include "user/source/cpu.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

/* Below, reading every code object at each tick takes a quarter to half a point of a CPU (bpf/memo.bpf.h). */
#define TRUST_MIN_HZ	      200
#define TRUST_NUMBERED_MIN_HZ 500

struct session {
	struct session_options o;
	struct profile_sink sink;
	struct pybpfprof_bpf *skel;
	struct ring_buffer *ring;
	struct cpu_source *cpu;
	struct cgroups *cgroups;
	struct targets *targets;
	struct resolve *resolve;
	struct cold *cold; /* NULL until a sample misses memory that its task cannot bring in */
	struct kernel_clock clock;
	uint64_t start_ns, stop_ns; /* CLOCK_MONOTONIC, ours */
	uint64_t start_unix_ns;
	uint64_t received, bad_records;
	struct lost_told lost;
	uint32_t cpus;
	enum variant variant; /* loaded */
	char host[65], kernel[65];
};

/* libbpf's own messages go through ours, one level down; its warnings matter only when we fail. */
static int print_libbpf(enum libbpf_print_level level, const char *fmt, va_list args)
{
	char text[4096];
	size_t n;

	vsnprintf(text, sizeof(text), fmt, args);
	n = strlen(text);
	if (n && text[n - 1] == '\n')
		text[n - 1] = 0;
	log_write(level == LIBBPF_DEBUG ? LOG_DEBUG : LOG_VERBOSE, "%s", text);
	return 0;
}

/* What is compared with times of records. */
static uint64_t kernel_now_ns(const struct session *s)
{
	return clock_now_ns() + (uint64_t)s->clock.monotonic_ns;
}

/* ---- records --------------------------------------------------------------------------------------- */

/* Once, when it is first needed: nearly nobody's memory is swapped out. */
static void bring_in(struct session *s, const struct abi_sample *rec)
{
	const struct process *p = processes__find(targets__processes(s->targets), rec->image_id);

	if (!p || !p->interp)
		return;
	if (!s->cold)
		s->cold = cold__new();
	cold__ask(s->cold, rec, &p->interp->build.layout);
}

static void on_sample(void *ctx, const struct abi_sample *rec)
{
	struct session *s = ctx;

	s->received++;
	if (rec->cold_addr)
		bring_in(s, rec);
	resolve__sample(s->resolve, rec);
}

static void on_code(void *ctx, const struct abi_code *rec)
{
	resolve__code(((struct session *)ctx)->resolve, rec);
}

static void on_lines(void *ctx, const struct abi_lines *rec)
{
	resolve__lines(((struct session *)ctx)->resolve, rec);
}

static void on_process(void *ctx, const struct abi_proc_rec *rec)
{
	struct session *s = ctx;
	struct abi_proc_rec ours = *rec;

	ours.start_ns -= (uint64_t)s->clock.boottime_ns; /* as /proc has it */
	resolve__process(s->resolve, &ours);
	targets__look(s->targets, &ours);
}

static void on_exit_record(void *ctx, const struct abi_exit *rec)
{
	struct session *s = ctx;

	targets__gone(s->targets, rec->image_id);
	resolve__exit(s->resolve, rec);
}

static void on_recall(void *ctx, const struct abi_recall *rec)
{
	resolve__recall(((struct session *)ctx)->resolve, rec);
}

static void on_cpu(void *ctx, const struct abi_cpu_rec *rec)
{
	resolve__cpu(((struct session *)ctx)->resolve, rec);
}

static int on_bytes(void *ctx, void *data, size_t size)
{
	static const struct drain_handlers handlers = {
		.sample = on_sample,
		.code = on_code,
		.lines = on_lines,
		.process = on_process,
		.exit = on_exit_record,
		.recall = on_recall,
		.cpu = on_cpu,
	};
	struct session *s = ctx;

	if (drain_record(data, size, &handlers, s))
		s->bad_records++;
	return 0;
}

/* ---- open ------------------------------------------------------------------------------------------ */

/* Room for a second of deep stacks on all CPUs: draining is far more often, hiccups are longer. */
static size_t ring_bytes(const struct session_options *o, uint32_t cpus)
{
	size_t want = (size_t)(o->rate_hz * cpus * 2048), size = 1 << 20;

	if (o->ring_bytes)
		want = o->ring_bytes;
	while (size < want && size < (64u << 20))
		size <<= 1;
	return size;
}

static bool is_scoped(const struct session_options *o)
{
	return o->scoped && o->target == SESSION_CGROUPS;
}

static void configure(struct session *s)
{
	size_t ring = ring_bytes(&s->o, s->cpus);
	const char *dirs[ABI_MAX_CGROUPS];
	bool by_cgroup = s->o.target == SESSION_CGROUPS;

	s->skel->rodata->cfg_self_tgid = (uint32_t)getpid();
	s->skel->rodata->cfg_mode = s->o.target;
	s->skel->rodata->cfg_max_frames = s->o.max_frames ? s->o.max_frames : ABI_MAX_FRAMES;
	s->skel->rodata->cfg_wake_bytes = ring / 4;
	s->skel->rodata->cfg_gil_only = s->o.gil_only;
	s->skel->rodata->cfg_scoped = is_scoped(&s->o);
	s->skel->rodata->cfg_timers_per_cpu = is_scoped(&s->o) ? (uint32_t)cgroups__dirs(s->cgroups, dirs) : 1;
	s->skel->rodata->cfg_trust_ns = s->o.rate_hz >= TRUST_MIN_HZ ? ABI_TRUST_NS : 0;
	s->skel->rodata->cfg_trust_numbered_ns = s->o.rate_hz >= TRUST_NUMBERED_MIN_HZ ? ABI_TRUST_NS : 0;
	bpf_map__set_max_entries(s->skel->maps.events, (uint32_t)ring);
	bpf_map__set_max_entries(s->skel->maps.scratches, (uint32_t)libbpf_num_possible_cpus());
	if (s->variant == VARIANT_TICK) { /* no slot is ever taken */
		bpf_map__set_max_entries(s->skel->maps.code_slots, 1);
		bpf_map__set_max_entries(s->skel->maps.cold_slots, 1);
	}
	bpf_program__set_autoload(s->skel->progs.cpu_empty, false);
	bpf_program__set_autoload(s->skel->progs.cgroups_mkdir, by_cgroup);
	bpf_program__set_autoload(s->skel->progs.cgroups_rmdir, by_cgroup);
}

static int load(struct session *s, enum variant variant)
{
	int err;

	s->skel = variant_open(variant);
	if (!s->skel)
		return -errno;
	s->variant = variant;
	configure(s);
	err = pybpfprof_bpf__load(s->skel);
	if (err) {
		pybpfprof_bpf__destroy(s->skel);
		s->skel = NULL;
	}
	return err;
}

static int open_bpf(struct session *s)
{
	enum variant variant = s->o.no_task_work ? VARIANT_TICK : variant_expected();
	int err = features_check_privileges();

	if (err)
		return err;
	err = load(s, variant);
	if (err && variant != VARIANT_TICK && err != -EPERM) {
		log_verbose("loading again without task work");
		err = load(s, VARIANT_TICK);
	}
	if (err)
		return features_explain(err);
	s->ring = ring_buffer__new(bpf_map__fd(s->skel->maps.events), on_bytes, s, NULL);
	if (!s->ring) {
		log_error("cannot map the ring buffer: %s", strerror(errno));
		return -errno;
	}
	return 0;
}

/* Order matters: life events first, so that no birth is missed between looking around and sampling. */
int session__start(struct session *s)
{
	const char *dirs[ABI_MAX_CGROUPS];
	struct cpu_source_options o = {.rate_hz = s->o.rate_hz};

	if (is_scoped(&s->o)) {
		o.cgroup_dirs = dirs;
		o.cgroup_cnt = cgroups__dirs(s->cgroups, dirs);
	}
	s->start_ns = clock_now_ns();
	s->start_unix_ns = clock_unix_ns();
	s->lost.until_ns = kernel_now_ns(s);
	resolve__set_clock(s->resolve, (int64_t)(s->start_unix_ns - s->start_ns) - s->clock.monotonic_ns);
	session__send_meta(s, false);
	processes__begin(targets__processes(s->targets));
	return cpu_source__attach(s->skel, &o, &s->cpu);
}

static int attach_life(struct session *s)
{
	int err;

	s->skel->links.life_fork = bpf_program__attach(s->skel->progs.life_fork);
	s->skel->links.life_exec = bpf_program__attach(s->skel->progs.life_exec);
	s->skel->links.life_exit = bpf_program__attach(s->skel->progs.life_exit);
	s->skel->links.life_free = bpf_program__attach(s->skel->progs.life_free);
	if (s->skel->links.life_fork && s->skel->links.life_exec && s->skel->links.life_exit &&
	    s->skel->links.life_free)
		return 0;
	err = -errno;
	log_error("cannot follow births and deaths of processes: %s", strerror(-err));
	return err;
}

static int attach_cgroups(struct session *s)
{
	int err;

	if (s->o.target != SESSION_CGROUPS)
		return 0;
	s->skel->links.cgroups_mkdir = bpf_program__attach(s->skel->progs.cgroups_mkdir);
	s->skel->links.cgroups_rmdir = bpf_program__attach(s->skel->progs.cgroups_rmdir);
	if (s->skel->links.cgroups_mkdir && s->skel->links.cgroups_rmdir)
		return cgroups__watch(s->cgroups, s->skel);
	err = -errno;
	log_error("cannot follow the cgroups: %s", strerror(-err));
	return err;
}

/* The kernel side knows processes by the first namespace's numbers only. */
static int check_pid_namespace(const struct session_options *o)
{
	if (!container_own_pids())
		return 0;
	if (o->target != SESSION_PIDS) {
		log_warn("in a PID namespace of its own most processes cannot be looked at: run it on the host, or with the "
			 "host's PID namespace (--pid=host, hostPID: true)");
		return 0;
	}
	log_error("in a PID namespace of its own processes have other numbers than the kernel side sees: run it on the "
		  "host, or with the host's PID namespace (--pid=host, hostPID: true)");
	return -EPERM;
}

static int prepare(struct session *s)
{
	int err = check_pid_namespace(&s->o);

	if (!err)
		err = cgroups__find(&s->o, &s->cgroups);
	if (!err)
		err = open_bpf(s);
	if (!err)
		err = kernel_clock__read(s->skel, &s->clock);
	if (err)
		return err;
	s->targets = targets__new(s->skel, &s->o, s->clock.boottime_ns);
	s->resolve = resolve__new(s->sink, targets__processes(s->targets),
				  targets__interpreters(s->targets));
	err = attach_life(s);
	if (!err)
		err = attach_cgroups(s);
	return err ? err : targets__find_all(s->targets, s->cgroups);
}

int session__open(const struct session_options *o, struct profile_sink sink, struct session **out)
{
	struct session *s = xcalloc(1, sizeof(*s));
	struct utsname u;
	int err;

	libbpf_set_print(print_libbpf);
	s->o = *o;
	s->sink = sink;
	s->cpus = (uint32_t)get_nprocs();
	uname(&u);
	snprintf(s->host, sizeof(s->host), "%s", u.nodename);
	snprintf(s->kernel, sizeof(s->kernel), "%s", u.release);
	err = prepare(s);
	if (err) {
		session__free(s);
		return err;
	}
	*out = s;
	return 0;
}

/* ---- run -------------------------------------------------------------------------------------------- */

int session__fd(const struct session *s)
{
	return ring_buffer__epoll_fd(s->ring);
}

static struct cpu_source_counts read_counts(const struct session *s, uint64_t sums[ABI_OUTCOME_CNT])
{
	struct cpu_source_counts c = {0};

	if (s->cpu)
		cpu_source__counts(s->cpu, &c);
	counts_read(s->skel, &c, sums);
	return c;
}

static void tell_lost(struct session *s, bool last)
{
	uint64_t sums[ABI_OUTCOME_CNT];

	read_counts(s, sums);
	if (!last)
		sums[ABI_DEFERRED] = 0; /* most come back */
	counts_tell_lost(&s->lost, s->skel, sums, s->resolve, s->o.rate_hz, kernel_now_ns(s));
}

int session__poll(struct session *s)
{
	uint64_t now;
	int n;

	tell_lost(s, false);
	n = ring_buffer__consume(s->ring);
	now = clock_now_ns();
	if (s->cpu && !s->stop_ns) {
		cpu_source__tend(s->cpu, now);
		cgroups__tend(s->cgroups, s->skel, s->cpu, kernel_now_ns(s));
	}
	resolve__flush(s->resolve, kernel_now_ns(s), false);
	return n < 0 && n != -EINTR ? n : 0;
}

void session__send_meta(struct session *s, bool complete)
{
	struct session_stats st;
	struct profile_meta m = {
		.tool = "pybpfprof " PYBPFPROF_VERSION,
		.command = s->o.command ? s->o.command : "",
		.target = s->o.target_text ? s->o.target_text : "",
		.host = s->host,
		.kernel = s->kernel,
		.start_unix_ns = s->start_unix_ns,
		.rate_hz = s->o.rate_hz,
		.cpus = s->cpus,
		.gil_only = s->o.gil_only,
		.complete = complete,
	};

	if (s->cpu || s->stop_ns) {
		resolve__read_cpu(s->resolve, false);
		session__stats(s, &st);
		m.duration_ns = st.elapsed_ns;
		m.effective_rate_hz = st.effective_rate_hz;
		m.ticks = st.ticks;
		m.filtered = st.filtered;
	}
	s->sink.ops->meta(s->sink.ctx, &m);
}

/*
 * Callbacks of the last ticks may still be on their way: they run when their task next returns to user mode, and on a
 * machine that is too busy, or whose hypervisor is, that takes its time. A thread may also sleep in the kernel for ever,
 * and a process that has ended may never be reaped.
 */
static bool is_awaited(const struct session *s, int tries)
{
	const struct resolve_stats *st = resolve__stats(s->resolve);
	uint64_t sums[ABI_OUTCOME_CNT];

	if (st->waiting)
		return tries < 80;
	read_counts(s, sums);
	return (st->clocks || sums[ABI_DEFERRED]) && tries < 20;
}

void session__stop(struct session *s)
{
	if (s->stop_ns || !s->start_ns)
		return;
	cpu_source__detach(s->cpu);
	s->stop_ns = clock_now_ns();
	resolve__read_cpu(s->resolve, true);
	tell_lost(s, false);
	ring_buffer__consume(s->ring);
	for (int i = 0; is_awaited(s, i); i++) {
		ring_buffer__poll(s->ring, 5);
		ring_buffer__consume(s->ring);
		resolve__flush(s->resolve, kernel_now_ns(s), false);
	}
	tell_lost(s, true);
	resolve__flush(s->resolve, kernel_now_ns(s), true);
	session__send_meta(s, true);
}

void session__free(struct session *s)
{
	if (!s)
		return;
	cpu_source__free(s->cpu);
	cold__free(s->cold);
	ring_buffer__free(s->ring);
	pybpfprof_bpf__destroy(s->skel);
	resolve__free(s->resolve);
	targets__free(s->targets);
	cgroups__free(s->cgroups);
	free(s);
}

static uint64_t sum_class(const uint64_t *outcomes, enum abi_outcome_class class)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < ABI_OUTCOME_CNT; i++)
		if (outcome_class(i) == class)
			sum += outcomes[i];
	return sum;
}

const char *session__variant(const struct session *s)
{
	return variant_text(s->variant);
}

/* Ticks per second of busy CPU, as achieved; 0 before the first. */
static double effective_rate(const struct cpu_source_counts *c, uint64_t ticks)
{
	return c->value_ns && ticks ? (double)c->ticks * 1e9 / (double)c->value_ns * (double)c->ticks / (double)ticks : 0;
}

void session__stats(const struct session *s, struct session_stats *out)
{
	uint64_t now = s->stop_ns ? s->stop_ns : clock_now_ns();
	struct cpu_source_counts c;

	*out = (struct session_stats){.received = s->received, .bad_records = s->bad_records,
				      .elapsed_ns = s->start_ns ? now - s->start_ns : 0,
				      .rate_hz = s->o.rate_hz, .gil_only = s->o.gil_only,
				      .cpus = s->cpus, .resolved = resolve__stats(s->resolve),
				      .targets_alive = s->skel->bss->targets_alive,
				      .cgroups_made = cgroups__made(s->cgroups)};
	c = read_counts(s, out->outcomes);
	out->ticks = c.due + c.throttled + c.came;
	if (!s->stop_ns) { /* these are on their way */
		out->ticks -= out->outcomes[ABI_DEFERRED];
		out->outcomes[ABI_DEFERRED] = 0;
	}
	out->timer_ns = c.due_ns;
	out->effective_rate_hz = effective_rate(&c, out->ticks);
	for (unsigned i = 0; i < ABI_OUTCOME_CNT; i++) {
		out->outcomes[i] -= out->resolved->recalled[i];
		out->outcomes[ABI_REPLACED] += out->resolved->recalled[i];
	}
	out->lost = sum_class(out->outcomes, ABI_LOST);
	out->failed = sum_class(out->outcomes, ABI_FAILED);
	out->outside = sum_class(out->outcomes, ABI_OUTSIDE);
	out->filtered = sum_class(out->outcomes, ABI_FILTERED);
	out->written = sum_class(out->outcomes, ABI_WRITTEN);
	out->sent = out->written + out->outside + out->failed;
}

void session__times(const struct session *s, uint64_t *running_ns, uint64_t *throttled_ns)
{
	struct cpu_source_times times = {0};

	if (s->cpu)
		cpu_source__times(s->cpu, &times);
	*running_ns = times.running_ns;
	*throttled_ns = times.throttled_ns;
}

void session__each_process(const struct session *s, void (*fn)(void *ctx, struct process *p), void *ctx)
{
	processes__each(targets__processes(s->targets), fn, ctx);
}

bool session__has_cgroups(const struct session *s)
{
	return cgroups__are_there(s->cgroups);
}

size_t session__children_left_out(const struct session *s)
{
	return targets__children_left_out(s->targets);
}
