/* SPDX-License-Identifier: MIT */
/*
 * Writes a recording of a made-up busy service through the sink that `record` writes through, so a
 * recording of an hour takes seconds to make:
 *     make_recording [seconds=3600] [rate=100] [threads=20] [processes=5] [stacks=2000] [depth=40]
 *                    [start=UNIX-SECONDS] [waits=1] FILE.pybpf
 * `threads` are the threads of all processes together, each busy on a CPU of its own; `stacks` are
 * the distinct stacks they share, a few of which are hot at any time. What it prints is what is in
 * it: samples CPU-nanoseconds With waits=1 threads also wait: for the GIL, for what blocks them, for a CPU, for work; and
 * run native and kernel code and the collector. Same settings, same recording: nothing is random but in a fixed way.
 */
#include "user/format/recording.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define FUNCTIONS  400
#define LINES      4 /* frames of a function: frame id = (function - 1) × LINES + 1 + line */
#define FILES      40
#define PHASES     60 /* a thread's hot stacks change this often in all */
#define MAX_DEPTH  1000
#define LOSS_EVERY 997 /* samples */
#define MORE_ON    40  /* stacks that have each of `more` as their leaf, too */

enum { TYPE_CPU, TYPE_OFF, TYPE_GIL };
static const struct profile_value_type types[] = {
	{TYPE_CPU, "cpu", "CPU", "CPU time", PROFILE_NANOSECONDS},
	{TYPE_OFF, "offcpu", "off-CPU", "time off the CPU", PROFILE_NANOSECONDS},
	{TYPE_GIL, "gil", "GIL wait", "time waited for the GIL", PROFILE_NANOSECONDS},
};

/* What runs and waits besides Python; `most_ms` is how long a wait may be. */
static const struct {
	const char *name, *module;
	enum profile_kind kind;
	uint8_t type;
	uint32_t most_ms;
} more[] = {
	{"dgemm_kernel", "libopenblas64.so.0", PROFILE_NATIVE, TYPE_CPU, 0},
	{"scan_once", "_json.cpython-312-x86_64-linux-gnu.so", PROFILE_NATIVE, TYPE_CPU, 0},
	{"memmove", "libc.so.6", PROFILE_NATIVE, TYPE_CPU, 0},
	{"do_user_addr_fault", "kernel", PROFILE_KERNEL, TYPE_CPU, 0},
	{"[garbage collector]", "", PROFILE_SYNTHETIC, TYPE_CPU, 0},
	{"[held by worker in handle_row_1 (unit1.py)]", "", PROFILE_SYNTHETIC, TYPE_GIL, 20},
	{"[held by MainThread in load_request_8 (unit8.py)]", "", PROFILE_SYNTHETIC, TYPE_GIL, 40},
	{"[lock]", "", PROFILE_SYNTHETIC, TYPE_OFF, 80},
	{"[socket read 5432]", "", PROFILE_SYNTHETIC, TYPE_OFF, 200},
	{"[file or disk]", "", PROFILE_SYNTHETIC, TYPE_OFF, 30},
	{"[waiting for a CPU]", "", PROFILE_SYNTHETIC, TYPE_OFF, 12},
	{"[sleep]", "", PROFILE_SYNTHETIC, TYPE_OFF, 300},
	{"[idle: waits for work]", "", PROFILE_SYNTHETIC, TYPE_OFF, 2000},
};
#define MORE       ARRAY_SIZE(more)
#define MORE_WAITS 5 /* the first of them that waits */

struct settings {
	uint64_t seconds, rate, threads, processes, stacks, depth, start, waits;
	const char *path;
};

struct maker {
	struct profile_sink to;
	struct settings set;
	uint64_t seed;
	uint32_t *leaves;     /* the distinct stacks that samples have */
	uint32_t more_stacks; /* the first of those with `more` as their leaves */
	uint32_t stack_cnt;
	uint64_t samples, value;
};

/* Below `limit`; xorshift64. */
static uint32_t some(struct maker *m, uint64_t limit)
{
	m->seed ^= m->seed << 13;
	m->seed ^= m->seed >> 7;
	m->seed ^= m->seed << 17;
	return (uint32_t)((m->seed >> 11) % limit);
}

static uint64_t start_ns(const struct maker *m)
{
	return m->set.start * 1000000000u;
}

static void tell_meta(struct maker *m, bool complete)
{
	struct profile_meta meta = {
		.tool = "pybpfprof " PYBPFPROF_VERSION,
		.command = "pybpfprof record --cgroup /shop.slice -o rec.pybpf",
		.target = "cgroup /shop.slice",
		.host = "shop-1",
		.kernel = "6.1.0",
		.start_unix_ns = start_ns(m),
		.rate_hz = (double)m->set.rate,
		.cpus = (uint32_t)m->set.threads,
	};

	if (complete) {
		meta.duration_ns = m->set.seconds * 1000000000u;
		meta.effective_rate_hz = (double)m->samples / (double)(m->value ?: 1) * 1e9;
		meta.ticks = m->samples + m->samples / LOSS_EVERY;
		meta.complete = true;
	}
	m->to.ops->meta(m->to.ctx, &meta);
}

static void tell_processes(struct maker *m)
{
	static const char *const names[] = {"MainThread", "worker", "flusher", "ThreadPoolExecutor-0"};
	char command[64], name[64];

	for (uint32_t id = 1; id <= m->set.processes; id++) {
		struct profile_process p = {.id = id, .pid = 4000 + id, .parent_pid = 4001};

		snprintf(command, sizeof(command), "python3 -m shop.worker --number %u", id);
		p.start_unix_ns = start_ns(m) - 1;
		p.command = command;
		p.python = "3.12.4";
		p.interpreter = "/usr/bin/python3.12";
		p.cgroup = "/shop.slice";
		m->to.ops->process(m->to.ctx, &p);
	}
	for (uint32_t id = 1; id <= m->set.threads; id++) {
		uint32_t process = 1 + (id - 1) % (uint32_t)m->set.processes;
		uint32_t number = (id - 1) / (uint32_t)m->set.processes;

		snprintf(name, sizeof(name), "%s%s%.0u", names[number % 4], number > 3 ? "-" : "",
			 number > 3 ? number : 0);
		m->to.ops->thread(m->to.ctx, &(struct profile_thread){.id = id,
								      .process = process,
								      .tid = 4000 + process * 100 + id,
								      .name = name});
	}
}

static void emit_function(struct maker *m, uint32_t id)
{
	static const char *const verbs[] = {"load", "handle", "parse", "render", "encode", "dispatch", "query", "walk"};
	static const char *const nouns[] = {"request", "row",  "Session.token", "Template.block",
					    "header",  "page", "price"};
	static const char *const homes[] = {"/srv/shop/", "/usr/lib/python3.12/",
					    "/srv/venv/lib/python3.12/site-packages/"};
	uint32_t file = id % FILES, home = file % 3;
	char name[64], path[128], module[32];
	struct profile_function f = {.id = id, .name = name, .module = module, .file = path};

	snprintf(name, sizeof(name), "%s_%s_%u", verbs[id % 8], nouns[id % 7], id);
	snprintf(module, sizeof(module), "part%u.unit%u", file % 6, file);
	snprintf(path, sizeof(path), "%spart%u/unit%u.py", homes[home], file % 6, file);
	f.short_file = path + strlen(homes[home]);
	f.first_line = (int32_t)(10 + id / FILES * 20);
	f.origin = (enum profile_origin)home;
	m->to.ops->function(m->to.ctx, &f);
	for (uint32_t line = 0; line < LINES; line++)
		m->to.ops->frame(m->to.ctx, &(struct profile_frame){(id - 1) * LINES + 1 + line, id,
								    f.first_line + 2 + (int32_t)line});
}

/* The likeliest callee of a function is always the same one, as in real call graphs. */
static uint32_t callee_frame(struct maker *m, uint32_t caller_frame)
{
	uint32_t way = some(m, 4) * some(m, 4) / 4;
	uint32_t function = (caller_frame / LINES * 7 + way * 131 + 3) % FUNCTIONS;

	return function * LINES + 1 + some(m, LINES);
}

/* Each stack leaves the one before it some frames below its leaf. */
static void tell_stacks(struct maker *m)
{
	uint32_t trail[MAX_DEPTH], frames[MAX_DEPTH], depth = 0;

	m->leaves = xcalloc(m->set.stacks, sizeof(*m->leaves));
	for (uint64_t n = 0; n < m->set.stacks; n++) {
		uint32_t back = some(m, n % 20 ? 8 : 100), want;

		depth = depth > back ? depth - back : depth ? 1 : 0;
		want = depth + 1 + some(m, 9);
		for (want = want < m->set.depth ? want : (uint32_t)m->set.depth; depth < want; depth++) {
			frames[depth] = callee_frame(m, depth ? frames[depth - 1] : 0);
			trail[depth] = ++m->stack_cnt;
			m->to.ops->stack(m->to.ctx, &(struct profile_stack){m->stack_cnt, depth ? trail[depth - 1] : 0,
									    frames[depth]});
		}
		m->leaves[n] = trail[depth - 1];
	}
}

static void tell_types(struct maker *m)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		m->to.ops->value_type(m->to.ctx, &types[i]);
}

static void tell_more(struct maker *m)
{
	m->more_stacks = m->stack_cnt + 1;
	for (uint32_t i = 0; i < MORE; i++) {
		struct profile_function f = {.id = FUNCTIONS + 1 + i,
					     .name = more[i].name,
					     .module = more[i].module,
					     .file = "",
					     .short_file = "",
					     .kind = more[i].kind};

		m->to.ops->function(m->to.ctx, &f);
		m->to.ops->frame(m->to.ctx, &(struct profile_frame){FUNCTIONS * LINES + 1 + i, f.id, 0});
	}
	for (uint32_t i = 0; i < MORE * MORE_ON; i++)
		m->to.ops->stack(m->to.ctx,
				 &(struct profile_stack){++m->stack_cnt, m->leaves[i / MORE * 7 % m->set.stacks],
							 FUNCTIONS * LINES + 1 + i % (uint32_t)MORE});
}

/* A stack with a leaf of `more`; a thread's own are few. */
static uint32_t more_stack(struct maker *m, uint32_t thread, uint32_t leaf)
{
	return m->more_stacks + (thread * 3 + some(m, 4)) % MORE_ON * (uint32_t)MORE + leaf;
}

/* Few stacks are hot, and which ones changes with the phase. */
static uint32_t pick_stack(struct maker *m, uint32_t thread, uint64_t tick, uint64_t ticks)
{
	uint64_t phase = (tick * PHASES / ticks + thread) % 7;
	uint64_t u = some(m, 1 << 20);
	uint64_t rank = (u * u >> 20) * u >> 20; /* of 2^20 */

	return m->leaves[(phase * m->set.stacks / 7 + (rank * m->set.stacks >> 20)) % m->set.stacks];
}

static void emit_losses(struct maker *m)
{
	struct profile_loss loss = {
		.from_unix_ns = start_ns(m),
		.to_unix_ns = start_ns(m) + m->set.seconds * 1000000000u,
		.reason = "ring_full",
		.sentence = "the ring buffer was full",
		.count = m->samples / LOSS_EVERY,
		.failure = true,
	};

	loss.value = loss.count * (1000000000u / m->set.rate);
	if (loss.count)
		m->to.ops->loss(m->to.ctx, &loss);
}

/* A wait that a thread is in; it is told when it ends. */
struct pending {
	uint64_t from, until;
	uint32_t leaf;
};

/* True while a thread waits; in turns of work and waiting. */
static bool waits(struct maker *m, struct pending *w, uint32_t thread, uint64_t at)
{
	struct profile_sample s = {.thread = thread + 1, .gil = PROFILE_GIL_NOT_HELD};

	if (w->until > at)
		return true;
	if (w->until) {
		s.time_unix_ns = start_ns(m) + w->until;
		s.value = w->until - w->from;
		s.stack = more_stack(m, thread, w->leaf);
		s.type = more[w->leaf].type;
		m->to.ops->sample(m->to.ctx, &s);
		w->until = 0;
	}
	if (some(m, 6))
		return false;
	w->leaf = MORE_WAITS + (thread * 5 + some(m, 4)) % (uint32_t)(MORE - MORE_WAITS);
	w->from = at;
	w->until = at + (1 + some(m, more[w->leaf].most_ms)) * 1000000u;
	return true;
}

static void tell_samples(struct maker *m)
{
	uint64_t period = 1000000000u / m->set.rate, ticks = m->set.seconds * m->set.rate;
	uint64_t *last = xcalloc(m->set.threads, sizeof(*last));
	struct pending *waiting = xcalloc(m->set.threads, sizeof(*waiting));

	for (uint64_t tick = 0; tick < ticks; tick++)
		for (uint32_t t = 0; t < m->set.threads; t++) {
			/* intervals of 0.5 to 1.5 periods, as in the kernel */
			uint64_t at = tick * period + period / 4 + some(m, period / 2 + 1);
			struct profile_sample s = {.time_unix_ns = start_ns(m) + at,
						   .value = tick ? at - last[t] : period,
						   .thread = t + 1,
						   .cpu = (uint16_t)t};

			last[t] = at;
			if (m->set.waits && waits(m, &waiting[t], t, at))
				continue;
			s.stack = pick_stack(m, t, tick, ticks);
			if (m->set.waits && !some(m, 3))
				s.stack = more_stack(m, t, some(m, MORE_WAITS));
			s.gil = s.stack % 8 ? PROFILE_GIL_HELD : PROFILE_GIL_NOT_HELD;
			m->samples++;
			m->value += s.value;
			m->to.ops->sample(m->to.ctx, &s);
		}
	free(last);
	free(waiting);
}

static void make(struct maker *m)
{
	m->seed = 88172645463325252u;
	tell_meta(m, false);
	if (m->set.waits)
		tell_types(m);
	tell_processes(m);
	for (uint32_t id = 1; id <= FUNCTIONS; id++)
		emit_function(m, id);
	tell_stacks(m);
	if (m->set.waits)
		tell_more(m);
	tell_samples(m);
	emit_losses(m);
	tell_meta(m, true);
	free(m->leaves);
}

static bool parse(struct settings *s, int argc, char **argv)
{
	const struct {
		const char *name;
		uint64_t *value;
	} known[] = {{"seconds", &s->seconds},     {"rate", &s->rate},     {"threads", &s->threads},
		     {"processes", &s->processes}, {"stacks", &s->stacks}, {"depth", &s->depth},
		     {"start", &s->start},         {"waits", &s->waits}};

	for (int i = 1; i < argc; i++) {
		char *equals = strchr(argv[i], '=');
		bool found = false;

		if (!equals) {
			s->path = argv[i];
			continue;
		}
		for (size_t k = 0; k < ARRAY_SIZE(known); k++) {
			size_t len = strlen(known[k].name);

			if (len != (size_t)(equals - argv[i]) || strncmp(argv[i], known[k].name, len))
				continue;
			*known[k].value = strtoull(equals + 1, NULL, 10);
			found = *known[k].value > 0;
		}
		if (!found)
			return false;
	}
	return s->path && s->depth <= MAX_DEPTH && s->rate * s->threads <= 100000000;
}

int main(int argc, char **argv)
{
	struct maker m = {.set = {3600, 100, 20, 5, 2000, 40, 1790000000, 0, NULL}};
	struct recording *recording;
	int fd, err;

	if (!parse(&m.set, argc, argv)) {
		fprintf(stderr, "usage: make_recording [seconds=3600] [rate=100] [threads=20] "
				"[processes=5] [stacks=2000] [depth=40] [start=UNIX] [waits=1] FILE.pybpf\n");
		return 2;
	}
	fd = open(m.set.path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0) {
		fprintf(stderr, "%s: %s\n", m.set.path, strerror(errno));
		return 1;
	}
	if (recording__create(fd, &recording))
		return 1;
	m.to = recording__sink(recording);
	make(&m);
	err = recording__close(recording);
	printf("%llu %llu\n", (unsigned long long)m.samples, (unsigned long long)m.value);
	return err || close(fd) ? 1 : 0;
}
