/* SPDX-License-Identifier: MIT */
#include "user/session/session.h"
#include "bpf/arch.h"
#include "pybpfprof.skel.h"
#include "user/os/container.h"
#include "user/os/procfs.h"
#include "user/os/worker.h"
#include "user/resolve/natives.h"
#include "user/session/asleep.h"
#include "user/session/cgroups.h"
#include "user/session/cold.h"
#include "user/session/departed.h"
#include "user/session/drain.h"
#include "user/session/events.h"
#include "user/session/features.h"
#include "user/session/kernel_clock.h"
#include "user/session/seen.h"
#include "user/session/targets.h"
#include "user/session/types.h"
#include "user/session/unwind.h"
#include "user/session/variant.h"
#include "user/target/outcome.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

/* Below, reading every code object at each tick takes a quarter to half a point of a CPU (bpf/memo.bpf.h). */
#define CACHE_MIN_HZ          200
#define CACHE_NUMBERED_MIN_HZ 500
#define SETTLE_MS             1500
#define NAMES_MS              5000         /* at the end; a busy machine takes long over debug information */
#define CODE_BYTES            (16u << 20)  /* some 25,000 code objects, of which most programs run a tenth */
#define DRAIN_NS              200000000ull /* at a stretch, then the user is listened to */

struct session {
	struct session_options o;
	struct profile_sink sink;
	struct pybpfprof_bpf *skel;
	struct ring_buffer *ring;
	int wait_fd; /* what is to be waited for: the ring, and the time to look at names again */
	struct events *events;
	struct cgroups *cgroups;
	const char *cgroup_dirs[ABI_MAX_CGROUPS];
	struct targets *targets;
	struct resolve *resolve;
	struct unwind *unwind; /* NULL without --native … */
	bool lacks_native;     /* … which this kernel has not what it takes for; said */
	struct cold *cold;     /* NULL until a sample misses memory that its task cannot bring in */
	struct seen *seen;
	struct kernel_clock clock;
	uint64_t start_ns, stop_ns; /* CLOCK_MONOTONIC, ours */
	bool is_drained;            /* what came until then was sent */
	struct {
		uint64_t start_ns, start_unix_ns;
		uint64_t ticks, filtered; /* before it */
	} segment;
	uint64_t received, bad_records;
	uint64_t drain_until_ns;
	struct departed departed;
	uint32_t invalidates_lost; /* made up for … */
	uint64_t invalidates_ns;   /* … till then, the kernel side's CLOCK_MONOTONIC */
	uint32_t cpus;
	struct types types;
	enum variant variant; /* loaded */
	char host[65], kernel[65];
};

/* libbpf's own messages go through ours, one level down; its warnings matter only when we fail. */
static int print_libbpf(enum libbpf_print_level level, const char *fmt, va_list args)
{
	__cleanup_free char *text = NULL; /* the verifier's log may be long */
	size_t n;

	if (vasprintf(&text, fmt, args) < 0)
		return 0;
	n = strlen(text);
	if (n && text[n - 1] == '\n')
		text[n - 1] = 0;
	log_write(level == LIBBPF_DEBUG ? LOG_DEBUG : LOG_VERBOSE, "%s", text);
	return 0;
}

/* Now, by the clock of the records' times. */
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

/* The process has mapped something since. */
static void look_again(struct session *s, const struct abi_sample *rec)
{
	const struct abi_native *n = abi_native_of(rec);

	if (n && (n->stale || n->end == ABI_NATIVE_NO_MAPS || n->end == ABI_NATIVE_NO_MAPPING))
		native_spaces__want(unwind__spaces(s->unwind), rec->image_id, (pid_t)rec->hdr.tgid);
}

static void on_sample(void *ctx, const struct abi_sample *rec)
{
	struct session *s = ctx;

	s->received++;
	if (s->unwind)
		look_again(s, rec);
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
	if (s->unwind && ours.state == ABI_PROC_PYTHON)
		native_spaces__want(unwind__spaces(s->unwind), ours.image_id, (pid_t)ours.hdr.tgid);
}

static void on_exit_record(void *ctx, const struct abi_exit *rec)
{
	struct session *s = ctx;

	targets__gone(s->targets, rec->image_id);
	if (s->unwind)
		native_spaces__gone(unwind__spaces(s->unwind), rec->image_id, clock_now_ns());
	resolve__exit(s->resolve, rec);
}

static void on_invalidate(void *ctx, const struct abi_invalidate *rec)
{
	resolve__invalidate(((struct session *)ctx)->resolve, rec);
}

static void on_cpu(void *ctx, const struct abi_cpu_rec *rec)
{
	resolve__cpu(((struct session *)ctx)->resolve, rec);
}

static void on_tasks(void *ctx, const struct abi_tasks *rec)
{
	resolve__tasks(((struct session *)ctx)->resolve, rec);
}

static void on_program(void *ctx, const struct abi_program_rec *rec)
{
	targets__look_at_program(((struct session *)ctx)->targets, rec);
}

static void on_cgroup(void *ctx, const struct abi_cgroup_rec *rec)
{
	struct session *s = ctx;

	containers__made(processes__containers(targets__processes(s->targets)), rec->cgroup_id, rec->path);
}

static int on_bytes(void *ctx, void *data, size_t size)
{
	static const struct drain_handlers handlers = {
		.sample = on_sample,
		.code = on_code,
		.lines = on_lines,
		.process = on_process,
		.exit = on_exit_record,
		.invalidate = on_invalidate,
		.cpu = on_cpu,
		.tasks = on_tasks,
		.program = on_program,
		.cgroup = on_cgroup,
	};
	struct session *s = ctx;

	if (drain_record(data, size, &handlers, s))
		s->bad_records++;
	return clock_now_ns() < s->drain_until_ns ? 0 : -EINTR; /* the rest next time */
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

static void configure_native(struct session *s)
{
	s->skel->rodata->cfg_native = true;
	s->skel->rodata->cfg_kernel = !s->o.no_kernel;
	unwind__configure(s->skel, s->o.target != SESSION_PIDS || s->o.tree || s->o.pid_cnt > 1);
}

static void configure(struct session *s)
{
	size_t ring = ring_bytes(&s->o, s->cpus);
	bool by_cgroup = s->o.target == SESSION_CGROUPS;

	s->skel->rodata->cfg_self_tgid = (uint32_t)getpid();
	s->skel->rodata->cfg_mode = s->o.target;
	s->skel->rodata->cfg_max_frames = s->o.max_frames ? s->o.max_frames : ABI_MAX_FRAMES;
	s->skel->rodata->cfg_wake_bytes = ring / 4;
	s->skel->rodata->cfg_gil_only = s->o.gil_only;
	s->skel->rodata->cfg_follow_names = by_cgroup && s->o.container_cnt;
	s->skel->rodata->cfg_cache_ns = s->o.rate_hz >= CACHE_MIN_HZ ? ABI_CACHE_NS : 0;
	s->skel->rodata->cfg_cache_numbered_ns = s->o.rate_hz >= CACHE_NUMBERED_MIN_HZ ? ABI_CACHE_NS : 0;
	bpf_map__set_max_entries(s->skel->maps.events, (uint32_t)ring);
	if (s->o.max_processes)
		bpf_map__set_max_entries(s->skel->maps.procs, s->o.max_processes);
	if (!s->o.tree) /* nobody is born into a tree */
		bpf_map__set_max_entries(s->skel->maps.unlisted, 1);
	if (s->variant <= VARIANT_TICK) { /* no slot is ever taken */
		bpf_map__set_max_entries(s->skel->maps.code_slots, 1);
		bpf_map__set_max_entries(s->skel->maps.cold_slots, 1);
	}
	if (s->variant != VARIANT_OLD)
		bpf_map__set_max_entries(s->skel->maps.claims, 1);
	events__configure(s->events, s->skel, s->variant <= VARIANT_TICK);
	if (s->o.native)
		configure_native(s);
	else
		bpf_map__set_max_entries(s->skel->maps.unwind_processes, 1);
	cgroups__configure(s->cgroups, s->skel);
	s->skel->rodata->cfg_tell_cgroups = s->o.identify;
	bpf_program__set_autoload(s->skel->progs.cgroups_mkdir, by_cgroup || s->o.identify);
	bpf_program__set_autoload(s->skel->progs.cgroups_rmdir, by_cgroup);
}

/* The variant for old kernels unwinds nothing. */
static bool lacks_native(struct session *s, enum variant variant)
{
	if (!s->o.native || (ARCH_UNWINDS && variant != VARIANT_OLD))
		return false;
	log_error("--native: %s; leave it out",
		  ARCH_UNWINDS ? "this kernel cannot unwind native frames, which takes bpf_loop (Linux 5.17) and "
				 "type information of its own"
			       : "native frames are there on x86-64 only");
	s->lacks_native = true;
	return true;
}

static int load(struct session *s, enum variant variant)
{
	struct rlimit limit;
	int err;

	if (lacks_native(s, variant))
		return -EOPNOTSUPP;
	s->skel = variant_open(variant, s->types.path);
	if (!s->skel)
		return -errno;
	s->variant = variant;
	configure(s);
	/* Where maps count as locked memory libbpf lifts the limit, which is not the one that a command behind -- is to have. */
	getrlimit(RLIMIT_MEMLOCK, &limit);
	err = pybpfprof_bpf__load(s->skel);
	setrlimit(RLIMIT_MEMLOCK, &limit);
	if (err) {
		pybpfprof_bpf__destroy(s->skel);
		s->skel = NULL;
	}
	return err;
}

static enum variant best_variant(const struct session *s)
{
	if (s->o.old_kernel || s->types.path)
		return VARIANT_OLD;
	return variant_expected(s->o.no_task_work ? VARIANT_TICK : VARIANT_CNT - 1);
}

/* With less and less of what newer kernels have. */
static int load_any(struct session *s)
{
	enum variant v = best_variant(s);
	int err = load(s, v);

	while (err && v != VARIANT_OLD && err != -EPERM && !s->lacks_native) {
		v = v > VARIANT_TICK ? VARIANT_TICK : VARIANT_OLD;
		log_verbose("loading again: %s", variant_text(v));
		err = load(s, v);
	}
	return err;
}

static int open_bpf(struct session *s)
{
	int err = features_check_privileges();

	if (!err)
		err = types_find(s->o.btf, &s->types);
	if (!err)
		err = cgroups__resolve(s->cgroups, s->types.path);
	if (err)
		return err;
	err = load_any(s);
	if (s->lacks_native)
		return err;
	if (err) {
		int why = features_explain(err);

		if (why != -EPERM)
			events__explain(s->events);
		return why;
	}
	s->ring = ring_buffer__new(bpf_map__fd(s->skel->maps.events), on_bytes, s, NULL);
	if (!s->ring) {
		log_error("cannot map the ring buffer: %s", strerror(errno));
		return -errno;
	}
	return 0;
}

/* ---- segments ------------------------------------------------------------------------------------------ */

/* As if sampling had begun with the segment; `st` NULL: it just has. */
static void send_meta(struct session *s, const struct session_stats *st, bool complete)
{
	struct profile_meta m = {
		.tool = "pybpfprof " PYBPFPROF_VERSION,
		.command = s->o.command ? s->o.command : "",
		.target = s->o.target_text ? s->o.target_text : "",
		.host = s->host,
		.kernel = s->kernel,
		.start_unix_ns = s->segment.start_unix_ns,
		.rate_hz = events__have_timers(s->events) ? s->o.rate_hz : 0,
		.cpus = s->cpus,
		.gil_only = s->o.gil_only,
		.complete = complete,
	};

	if (st) {
		m.duration_ns = s->start_ns + st->elapsed_ns - s->segment.start_ns;
		m.effective_rate_hz = st->effective_rate_hz;
		m.ticks = st->ticks - s->segment.ticks;
		m.filtered = st->filtered - s->segment.filtered;
	}
	s->sink.ops->meta(s->sink.ctx, &m);
}

static void send_state(struct session *s, bool complete, struct session_stats *st)
{
	resolve__read_cpu(s->resolve, false);
	session__stats(s, st);
	send_meta(s, st, complete);
}

void session__send_meta(struct session *s, bool complete)
{
	struct session_stats st;

	send_state(s, complete, &st);
}

static void begin_segment(struct session *s, uint64_t ticks, uint64_t filtered)
{
	s->segment.start_ns = clock_now_ns();
	s->segment.start_unix_ns = clock_unix_ns();
	/* The wall clock is set now and then, and a session may last for weeks. */
	resolve__set_clock(s->resolve,
			   (int64_t)(s->segment.start_unix_ns - s->segment.start_ns) - s->clock.monotonic_ns);
	s->segment.ticks = ticks;
	s->segment.filtered = filtered;
	send_meta(s, NULL, false);
}

void session__begin_segment(struct session *s, struct profile_sink sink)
{
	struct session_stats st;

	send_state(s, true, &st); /* what comes from here on is the next segment's */
	resolve__begin_segment(s->resolve, sink);
	s->sink = sink;
	begin_segment(s, st.ticks, st.filtered);
}

/* ---- start -------------------------------------------------------------------------------------------- */

/* Order matters: life events first, so that no birth is missed between looking around and sampling. */
int session__start(struct session *s)
{
	int err;

	s->skel->bss->aside_tgid = (uint32_t)worker_pid();
	s->start_ns = clock_now_ns();
	begin_segment(s, 0, 0);
	processes__begin(targets__processes(s->targets));
	err = events__start(s->events, s->skel, kernel_now_ns(s));
	if (!err)
		asleep_note(s->events, targets__processes(s->targets), kernel_now_ns(s));
	return err;
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
	log_error("cannot watch processes start and exit: %s", strerror(-err));
	return err;
}

static int attach_cgroups(struct session *s)
{
	int err;

	if (bpf_program__autoload(s->skel->progs.cgroups_mkdir))
		s->skel->links.cgroups_mkdir = bpf_program__attach(s->skel->progs.cgroups_mkdir);
	if (s->o.target != SESSION_CGROUPS)
		return 0;
	s->skel->links.cgroups_rmdir = bpf_program__attach(s->skel->progs.cgroups_rmdir);
	if (s->skel->links.cgroups_mkdir && s->skel->links.cgroups_rmdir)
		return cgroups__watch(s->cgroups, s->skel);
	err = -errno;
	log_error("cannot watch the cgroups: %s", strerror(-err));
	return err;
}

/* The kernel side knows processes by the first namespace's numbers only. */
static int check_pid_namespace(const struct session_options *o)
{
	if (!container_own_pids())
		return 0;
	if (o->target != SESSION_PIDS) {
		log_warn("in a PID namespace of its own most processes cannot be looked at: run it on the host, or "
			 "with the "
			 "host's PID namespace (--pid=host, hostPID: true)");
		return 0;
	}
	log_error("in a PID namespace of its own processes have other numbers than the kernel side sees: run it on the "
		  "host, or with the host's PID namespace (--pid=host, hostPID: true)");
	return -EPERM;
}

/* For the kernel side to compare others' with. */
static int read_own_root(struct session *s)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int err = bpf_prog_test_run_opts(bpf_program__fd(s->skel->progs.root_read), &opts);

	if (err)
		log_error("cannot pass our root directory to the BPF programs: %s", strerror(-err));
	return err;
}

static void choose_events(struct session *s)
{
	struct source_options o = {.rate_hz = s->o.rate_hz};

	if (is_scoped(&s->o)) {
		o.cgroup_dirs = s->cgroup_dirs;
		o.cgroup_cnt = cgroups__dirs(s->cgroups, s->cgroup_dirs);
	}
	s->events = events__new(s->o.events, s->o.event_cnt, &o);
}

static int add_fd(const struct session *s, int fd)
{
	return epoll_ctl(s->wait_fd, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN});
}

static int gather_fds(struct session *s)
{
	int follow = s->cgroups ? cgroups__fd(s->cgroups) : -1;

	s->wait_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->wait_fd >= 0 && !add_fd(s, ring_buffer__epoll_fd(s->ring)) && (follow < 0 || !add_fd(s, follow)))
		return 0;
	log_error("cannot wait for the kernel: %s", strerror(errno));
	return -errno;
}

static int prepare_native(struct session *s)
{
	if (!s->o.native)
		return 0;
	s->unwind = unwind__new(s->skel);
	if (!s->unwind)
		return -ENOMEM;
	resolve__set_native(s->resolve,
			    &(struct natives_of){.files = unwind__files(s->unwind),
						 .spaces = unwind__spaces(s->unwind),
						 .kernel = !s->o.no_kernel},
			    s->o.native_all);
	return 0;
}

static void send_again(void *ctx, uint64_t code_key)
{
	seen__forget(ctx, code_key);
}

static void limit_codes(struct session *s)
{
	s->seen = seen__new(s->skel->maps.seen);
	resolve__limit_codes(s->resolve, &(struct codes_limit){.bytes = s->o.code_bytes ? s->o.code_bytes : CODE_BYTES,
							       .forget = send_again,
							       .ctx = s->seen});
}

static void look_at(void *ctx, struct process *p)
{
	struct session *s = ctx;

	if (p->state == ABI_PROC_PYTHON)
		native_spaces__want(unwind__spaces(s->unwind), p->image_id, p->pid);
}

/* Those that run already, so that their first stacks are whole; not for ever, where there are very many. */
static void look_at_all(struct session *s)
{
	processes__each_living(targets__processes(s->targets), look_at, s);
	unwind__settle(s->unwind, SETTLE_MS);
}

static int prepare(struct session *s)
{
	int err = check_pid_namespace(&s->o);

	if (!err)
		err = cgroups__find(&s->o, &s->cgroups);
	if (err)
		return err;
	choose_events(s);
	err = open_bpf(s);
	if (!err)
		err = kernel_clock__read(s->skel, &s->clock);
	if (!err)
		err = read_own_root(s);
	if (err)
		return err;
	s->targets = targets__new(s->skel, &s->o, s->clock.boottime_ns);
	s->resolve = resolve__new(s->sink, targets__processes(s->targets), targets__interpreters(s->targets));
	events__describe(s->events, s->resolve);
	limit_codes(s);
	if (s->o.frugal)
		resolve__set_frugal(s->resolve);
	err = prepare_native(s);
	if (!err)
		err = attach_life(s);
	if (!err)
		err = attach_cgroups(s);
	if (!err)
		err = targets__find_all(s->targets, s->cgroups);
	if (!err && s->unwind)
		look_at_all(s);
	return err ? err : gather_fds(s);
}

int session__open(const struct session_options *o, struct profile_sink sink, struct session **out)
{
	struct session *s = xcalloc(1, sizeof(*s));
	struct utsname u;
	int err;

	libbpf_set_print(print_libbpf);
	s->types.fd = -1;
	s->o = *o;
	s->sink = sink;
	s->wait_fd = -1;
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
	return s->wait_fd;
}

/* Which samples a lost invalidate was about is not known: all that could be invalidated since the last look. */
static void make_up_for_lost_invalidates(struct session *s, uint64_t now_ns)
{
	uint32_t lost = __atomic_load_n(&s->skel->bss->invalidates_lost, __ATOMIC_ACQUIRE);
	struct abi_invalidate all = {.hdr = {.time_ns = s->invalidates_ns}};

	s->invalidates_ns = now_ns;
	if (lost == s->invalidates_lost)
		return;
	s->invalidates_lost = lost;
	resolve__invalidate(s->resolve, &all);
}

/* Afterwards all is known that was invalidated, or had ended, by `now_ns`. */
static int drain(struct session *s, uint64_t now_ns)
{
	int n;

	departed__look(&s->departed, s->skel, targets__processes(s->targets), now_ns);
	n = ring_buffer__consume(s->ring);
	if (n == -EINTR)
		return n; /* not all of it */
	departed__tell(&s->departed, targets__processes(s->targets), on_exit_record, s);
	make_up_for_lost_invalidates(s, now_ns);
	return n;
}

int session__poll(struct session *s)
{
	uint64_t now = kernel_now_ns(s);
	int n;

	s->skel->bss->aside_tgid = (uint32_t)worker_pid();
	events__emit_lost(s->events, s->resolve, now, false);
	s->drain_until_ns = clock_now_ns() + DRAIN_NS;
	targets__breathe(s->targets);
	n = drain(s, now);
	if (s->start_ns && !s->stop_ns) {
		events__tend(s->events, clock_now_ns());
		cgroups__tend(s->cgroups, s->skel, s->events, kernel_now_ns(s));
		targets__tend(s->targets);
	}
	if (s->unwind)
		unwind__poll(s->unwind, clock_now_ns());
	if (n == -EINTR)
		return 0; /* what is waited for may be there already */
	resolve__flush(s->resolve, now, false);
	return n < 0 ? n : 0;
}

/*
 * Callbacks of the last ticks may still be on their way: they run when their task next returns to user mode, and on a
 * machine (or under a hypervisor) that is too busy, that takes its time. A thread may also sleep in the kernel for ever,
 * and a process that has ended may never be reaped.
 */
static bool is_awaited(const struct session *s, int tries)
{
	const struct resolve_stats *st = resolve__stats(s->resolve);
	struct events_counts c;

	if (st->waiting)
		return tries < 80;
	events__counts(s->events, &c);
	return (st->clocks || c.outcomes[ABI_DEFERRED]) && tries < 20;
}

static void tell_asleep(struct session *s)
{
	const struct asleep_options o = {.look = s->o.look,
					 .processes = targets__processes(s->targets),
					 .now_ns = s->stop_ns + (uint64_t)s->clock.monotonic_ns};

	s->received += asleep_tell(s->events, s->resolve, &o);
}

void session__detach(struct session *s)
{
	if (s->stop_ns || !s->start_ns)
		return;
	worker_end_now();
	events__stop(s->events);
	s->stop_ns = clock_now_ns();
}

void session__stop(struct session *s)
{
	session__detach(s);
	if (s->is_drained || !s->start_ns)
		return;
	s->is_drained = true;
	s->drain_until_ns = UINT64_MAX;
	resolve__read_cpu(s->resolve, true);
	events__emit_lost(s->events, s->resolve, kernel_now_ns(s), false);
	drain(s, kernel_now_ns(s));
	tell_asleep(s);
	for (int i = 0; is_awaited(s, i); i++) {
		uint64_t now;

		if (s->unwind)
			unwind__poll(s->unwind, clock_now_ns());
		ring_buffer__poll(s->ring, 5);
		now = kernel_now_ns(s);
		drain(s, now);
		resolve__flush(s->resolve, now, false);
	}
	events__emit_lost(s->events, s->resolve, kernel_now_ns(s), true);
	resolve__wait_native(s->resolve, NAMES_MS);
	resolve__flush(s->resolve, kernel_now_ns(s), true);
	session__send_meta(s, true);
	worker_set_end(0);
}

void session__free(struct session *s)
{
	if (!s)
		return;
	events__free(s->events);
	cold__free(s->cold);
	seen__free(s->seen);
	types_clear(&s->types);
	departed__free(&s->departed);
	if (s->wait_fd >= 0)
		close(s->wait_fd);
	ring_buffer__free(s->ring);
	pybpfprof_bpf__destroy(s->skel);
	resolve__free(s->resolve);
	unwind__free(s->unwind);
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

bool session__brings_in(const struct session *s)
{
	return s->variant > VARIANT_TICK;
}

void session__stats(const struct session *s, struct session_stats *out)
{
	uint64_t now = s->stop_ns ? s->stop_ns : clock_now_ns();
	struct events_counts c;

	*out = (struct session_stats){.received = s->received,
				      .bad_records = s->bad_records,
				      .elapsed_ns = s->start_ns ? now - s->start_ns : 0,
				      .rate_hz = s->o.rate_hz,
				      .gil_only = s->o.gil_only,
				      .unwinds = s->o.native,
				      .cpus = s->cpus,
				      .resolved = resolve__stats(s->resolve),
				      .targets_alive = s->skel->bss->targets_alive,
				      .cgroups_made = cgroups__made(s->cgroups)};
	events__counts(s->events, &c);
	memcpy(out->outcomes, c.outcomes, sizeof(out->outcomes));
	out->ticks = c.due;
	if (!s->stop_ns) { /* these are on their way */
		out->ticks -= out->outcomes[ABI_DEFERRED];
		out->outcomes[ABI_DEFERRED] = 0;
	}
	out->timer_ns = c.due_ns;
	out->effective_rate_hz = c.rate_hz;
	for (unsigned i = 0; i < ABI_OUTCOME_CNT; i++) {
		out->outcomes[i] -= out->resolved->invalidated[i];
		out->outcomes[ABI_REPLACED] += out->resolved->invalidated[i];
	}
	out->lost = sum_class(out->outcomes, ABI_LOST);
	out->failed = sum_class(out->outcomes, ABI_FAILED);
	out->outside = sum_class(out->outcomes, ABI_OUTSIDE);
	out->filtered = sum_class(out->outcomes, ABI_FILTERED);
	out->written = sum_class(out->outcomes, ABI_WRITTEN);
	out->native = sum_class(out->outcomes, ABI_NATIVE);
	out->sent = out->written + out->native + out->outside + out->failed;
}

void session__times(const struct session *s, uint64_t *running_ns, uint64_t *throttled_ns)
{
	struct source_times times;

	events__times(s->events, &times);
	*running_ns = times.running_ns;
	*throttled_ns = times.throttled_ns;
}

bool session__bpf_time(const struct session *s, uint64_t *ns, uint64_t *runs)
{
	struct bpf_program *prog;

	*ns = *runs = 0;
	bpf_object__for_each_program(prog, s->skel->obj)
	{
		struct bpf_prog_info info = {0};
		uint32_t len = sizeof(info);

		if (bpf_program__fd(prog) < 0 || bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len))
			continue;
		*ns += info.run_time_ns;
		*runs += info.run_cnt;
	}
	return *runs;
}

void session__each_process(const struct session *s, void (*fn)(void *ctx, struct process *p), void *ctx)
{
	processes__each(targets__processes(s->targets), fn, ctx);
}

const struct processes_past *session__past(const struct session *s)
{
	return processes__past(targets__processes(s->targets));
}

bool session__has_cgroups(const struct session *s)
{
	return cgroups__are_there(s->cgroups);
}

size_t session__children_left_out(const struct session *s)
{
	return targets__children_left_out(s->targets);
}

uint64_t session__children_cpu(const struct session *s)
{
	return targets__children_cpu(s->targets);
}
