#include "user/resolve/resolve.h"
#include "user/os/procfs.h"
#include "user/python/code_object.h"
#include "user/resolve/codes.h"
#include "user/resolve/losses.h"
#include "user/resolve/threads.h"
#include "user/resolve/waiting.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include "user/util/pair_map.h"
#include <errno.h>
#include <string.h>
#include <time.h>

#define WAIT_MAX_NS 3000000000ull /* a name that is not here by then will not come */
#define HOLD_NS	    (ABI_TRUST_NS + ABI_TRUST_NS / 2) /* a recall comes at the first look after the trust */

struct resolve {
	struct profile_sink sink;
	struct processes *processes;
	const struct interpreters *interpreters;
	struct codes *codes;
	struct threads threads;
	struct pair_map stacks; /* (parent, frame) → stack id */
	uint32_t stack_cnt, process_cnt;
	int64_t unix_offset_ns;
	struct waiting waiting;
	uint64_t hold_until_ns; /* of the last sample that trusted: those behind it wait too, for the order's sake */
	uint32_t *scratch, depth; /* frame ids of one sample */
	struct losses losses;
	uint32_t *gone; /* images whose codes are dropped once nobody waits for them */
	size_t gone_cnt, gone_cap;
	struct resolve_stats stats;
};

/* Through the process's own root, so that a container's files are looked for in the container. */
static bool file_exists(void *ctx, uint32_t image_id, const char *path)
{
	struct resolve *r = ctx;
	struct process *p = processes__find(r->processes, image_id);

	if (!p)
		return false;
	return procfs_has_path(p->pid, path) ||
	       (p->exited && path[0] == '/' && !access(path, F_OK));
}

/* The first of those that were forked one from the other, and live: its code objects are the others' too. */
static const struct process *forebear(const struct resolve *r, const struct process *p)
{
	const struct process *parent = p;

	while (parent && !parent->exited) {
		p = parent;
		parent = p->parent_image_id ? processes__find(r->processes, p->parent_image_id) : NULL;
	}
	return p;
}

static char *absolute_path(void *ctx, uint32_t image_id, const char *path)
{
	struct resolve *r = ctx;
	const struct process *p = processes__find(r->processes, image_id);

	return p ? procfs_absolute_path(forebear(r, p)->pid, path) : NULL;
}

struct resolve *resolve__new(struct profile_sink sink, struct processes *processes,
			     const struct interpreters *interpreters)
{
	struct resolve *r = xcalloc(1, sizeof(*r));

	r->sink = sink;
	r->processes = processes;
	r->interpreters = interpreters;
	r->codes = codes__new(sink, (struct codes_files){file_exists, absolute_path, r});
	r->threads.sink = sink;
	r->threads.processes = processes;
	waiting__init(&r->waiting);
	r->scratch = xcalloc(ABI_MAX_FRAMES + 1, sizeof(*r->scratch));
	return r;
}

void resolve__free(struct resolve *r)
{
	if (!r)
		return;
	waiting__free(&r->waiting);
	threads__clear(&r->threads);
	codes__free(r->codes);
	pair_map__free(&r->stacks);
	losses__free(&r->losses);
	free(r->gone);
	free(r->scratch);
	free(r);
}

void resolve__set_clock(struct resolve *r, int64_t unix_offset_ns)
{
	r->unix_offset_ns = unix_offset_ns;
}

const struct resolve_stats *resolve__stats(const struct resolve *r)
{
	return &r->stats;
}

static uint64_t unix_ns(const struct resolve *r, uint64_t mono_ns)
{
	return mono_ns + (uint64_t)r->unix_offset_ns;
}

/* ---- processes ------------------------------------------------------------------------------------ */

/* Defines the process in the profile, or improves what was said; samples and losses refer to it. */
static uint32_t describe_process(struct resolve *r, struct process *p)
{
	struct timespec boot, real;
	uint64_t offset;

	if (p->described)
		return p->profile_id;
	if (!p->profile_id)
		p->profile_id = ++r->process_cnt;
	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_REALTIME, &real);
	offset = (uint64_t)(real.tv_sec - boot.tv_sec) * 1000000000ull + (uint64_t)real.tv_nsec -
		 (uint64_t)boot.tv_nsec;
	p->described = true;
	r->sink.ops->process(r->sink.ctx, &(struct profile_process){
						  .id = p->profile_id,
						  .pid = (uint32_t)p->pid,
						  .parent_pid = (uint32_t)p->ppid,
						  .start_unix_ns = p->start_ns ? p->start_ns + offset : 0,
						  .command = p->command,
						  .python = p->interp ? p->interp->build.version : "",
						  .interpreter = p->interp ? p->interp->path : "",
						  .cgroup = p->cgroup,
						  .cpu_ns = process__cpu_used(p),
					  });
	return p->profile_id;
}

static void set_text(char **field, char *text)
{
	free(*field);
	*field = text;
}

/* What it had used when its image began, or sampling did. */
static void set_cpu_from(struct resolve *r, struct process *p, const struct abi_proc_rec *rec)
{
	if (p->cpu_known)
		return;
	p->cpu_known = true;
	if (rec->cpu_ns != ABI_UNKNOWN_NS)
		p->cpu_from_ns = rec->cpu_ns;
	else if (!processes__cpu_at_start(r->processes, p->pid, &p->cpu_from_ns))
		p->cpu_from_ns = 0; /* it began after that */
}

void resolve__cpu(struct resolve *r, const struct abi_cpu_rec *rec)
{
	struct process *p = processes__find(r->processes, rec->image_id);

	if (!p || p->cpu_final)
		return;
	p->cpu_ns = rec->cpu_ns;
	p->cpu_final = true;
	r->stats.clocks -= p->exited && p->cpu_known;
	p->described = false;
	if (p->profile_id)
		describe_process(r, p);
}

static void read_cpu(void *ctx, struct process *p)
{
	process__read_cpu(p);
	p->described = false;
	if (p->profile_id)
		describe_process(ctx, p);
}

/* What has been reaped is told of by the kernel side, a little later. */
static void end_cpu(void *ctx, struct process *p)
{
	bool read = process__read_cpu(p);

	p->described = false;
	if (p->profile_id)
		describe_process(ctx, p);
	p->cpu_final |= read;
}

void resolve__read_cpu(struct resolve *r, bool last)
{
	if (last)
		processes__each(r->processes, end_cpu, r);
	else
		processes__each_living(r->processes, read_cpu, r);
}

void resolve__process(struct resolve *r, const struct abi_proc_rec *rec)
{
	struct process *p = processes__get(r->processes, rec->image_id, (pid_t)rec->hdr.tgid);

	p->parent_image_id = rec->parent_image_id;
	p->ppid = (pid_t)rec->ppid;
	p->start_ns = rec->start_ns;
	set_cpu_from(r, p, rec);
	p->state = rec->state;
	if (rec->cmdline_bytes && rec->cmdline_bytes <= ABI_CMDLINE)
		set_text(&p->command, procfs_join_args(rec->cmdline, rec->cmdline_bytes));
	else if (!p->command[0])
		set_text(&p->command, xasprintf("[%.*s]", ABI_COMM, rec->comm));
	if (!p->cgroup[0])
		set_text(&p->cgroup, procfs_cgroup(p->pid));
	if (rec->state == ABI_PROC_PYTHON) {
		p->interp = interpreters__by_layout(r->interpreters, rec->layout_id);
		p->runtime_addr = rec->runtime_addr;
	}
	p->described = false;
}

void resolve__exit(struct resolve *r, const struct abi_exit *rec)
{
	struct process *p = processes__find(r->processes, rec->image_id);

	if (p) {
		p->exited = true;
		r->stats.clocks += p->cpu_known && !p->cpu_final;
	}
	xgrow(r->gone, r->gone_cnt, r->gone_cap);
	r->gone[r->gone_cnt++] = rec->image_id;
}

/* ---- code objects ---------------------------------------------------------------------------------- */

static int read_process(void *ctx, uint64_t addr, void *out, size_t len)
{
	struct process *p = ctx;

	return procfs_read_memory(p->pid, addr, out, len);
}

/* The kernel side could not read it (a page that was not there): perhaps we can. */
static bool read_by_hand(struct resolve *r, const struct abi_code *rec, struct process *p)
{
	struct code_object code;
	struct code_text text;

	if (!p || p->exited || !p->interp ||
	    code_object_read(&p->interp->build.layout, rec->code_addr, read_process, p, &code))
		return false;
	text = (struct code_text){.name = code.name, .file = code.file, .first_line = code.first_line,
				  .table = code.table, .table_len = code.table_len,
				  .kind = p->interp->build.lines, .cut = !code.table};
	codes__set(r->codes, rec->code_key, rec->image_id, &text);
	code_object_clear(&code);
	return true;
}

void resolve__code(struct resolve *r, const struct abi_code *rec)
{
	const struct interpreter *i = interpreters__by_layout(r->interpreters, rec->layout_id);
	struct process *p = processes__find(r->processes, rec->image_id);

	if (rec->flags & ABI_CODE_UNREADABLE && read_by_hand(r, rec, p))
		return;
	if (i)
		codes__add(r->codes, rec, i->build.lines);
}

void resolve__lines(struct resolve *r, const struct abi_lines *rec)
{
	codes__add_lines(r->codes, rec);
}

static void add_loss(struct resolve *r, const struct abi_sample *rec, uint32_t process)
{
	losses__add(&r->losses, &(struct loss_event){.process = process, .outcome = rec->outcome,
						     .time_unix_ns = unix_ns(r, rec->hdr.time_ns),
						     .count = 1, .value_ns = rec->value_ns});
}

void resolve__lost(struct resolve *r, const uint64_t span_ns[2], const struct lost_ticks *lost)
{
	struct loss_event e = {.outcome = lost->outcome, .time_unix_ns = unix_ns(r, span_ns[0])};

	if (lost->image_id) {
		struct process *p = processes__get(r->processes, lost->image_id, (pid_t)lost->ticks.tgid);

		p->unwalked[lost->outcome] += lost->ticks.cnt;
		p->sampled_ns += lost->ticks.value_ns;
		e.process = describe_process(r, p);
	}
	losses__add(&r->losses, &e);
	e.time_unix_ns = unix_ns(r, span_ns[1]);
	e.count = lost->ticks.cnt;
	e.value_ns = lost->ticks.value_ns;
	losses__add(&r->losses, &e);
}

/* ---- samples ----------------------------------------------------------------------------------------- */

/* Frame ids into r->scratch, leaf first. False when a name is missing and `now` does not force it. */
static bool name_frames(struct resolve *r, const struct abi_sample *rec, bool now)
{
	const struct abi_frame *f = (const struct abi_frame *)(rec + 1);

	r->depth = 0;
	for (uint32_t i = 0; i < rec->frame_cnt; i++) {
		uint32_t id = f[i].code_key ? codes__frame(r->codes, f[i].code_key, f[i].lasti) : 0;

		if (!id && !f[i].code_key)
			id = codes__mark(r->codes, "[unreadable function]");
		if (!id && !now)
			return false;
		if (!id) {
			id = codes__frame_now(r->codes, f[i].code_key, f[i].lasti);
			r->stats.unknown_frames++;
		}
		if (id != CODES_HIDDEN)
			r->scratch[r->depth++] = id;
	}
	r->stats.frames += rec->frame_cnt;
	return true;
}

/* The root side is missing: a mark takes its place, so that nobody takes the rest for the whole. */
static uint32_t truncation_mark(struct resolve *r, unsigned outcome)
{
	__cleanup_free char *text = xasprintf("[truncated: %s]", outcome_sentence(outcome));

	return codes__mark(r->codes, text);
}

static uint32_t intern_stack(struct resolve *r, uint32_t depth)
{
	uint32_t stack = 0;

	for (uint32_t i = depth; i-- > 0;) {
		uint32_t *slot = pair_map__slot(&r->stacks, stack, r->scratch[i]);

		if (!*slot) {
			*slot = ++r->stack_cnt;
			r->sink.ops->stack(r->sink.ctx, &(struct profile_stack){
								.id = *slot, .parent = stack,
								.frame = r->scratch[i]});
		}
		stack = *slot;
	}
	return stack;
}

static void send_sample(struct resolve *r, const struct abi_sample *rec)
{
	struct process *p = processes__get(r->processes, rec->image_id, (pid_t)rec->hdr.tgid);
	bool cut = rec->outcome != ABI_OK;
	uint32_t depth = r->depth;

	if (cut)
		r->scratch[depth++] = truncation_mark(r, rec->outcome);
	if (!depth) /* nothing but hidden frames */
		r->scratch[depth++] = codes__mark(r->codes, "[no function]");
	r->stats.processes += !p->written;
	p->written++;
	p->sampled_ns += rec->value_ns;
	r->stats.samples++;
	r->stats.value_ns += rec->value_ns;
	describe_process(r, p);
	r->sink.ops->sample(r->sink.ctx, &(struct profile_sample){
						 .time_unix_ns = unix_ns(r, rec->hdr.time_ns),
						 .value_ns = rec->value_ns,
						 .thread = threads__id(&r->threads, p, rec),
						 .stack = intern_stack(r, depth),
						 .cpu = rec->hdr.cpu,
						 .gil = rec->gil,
						 .truncated = cut,
					 });
}

void resolve__sample(struct resolve *r, const struct abi_sample *rec)
{
	struct process *p;

	r->stats.by_outcome[rec->outcome]++;
	if (!rec->image_id) { /* no process that anything is known of */
		add_loss(r, rec, 0);
		return;
	}
	p = processes__get(r->processes, rec->image_id, (pid_t)rec->hdr.tgid);
	if (outcome_class(rec->outcome) == ABI_WRITTEN) {
		if (rec->trusted)
			r->hold_until_ns = rec->hdr.time_ns + HOLD_NS;
		if (rec->hdr.time_ns >= r->hold_until_ns && name_frames(r, rec, false))
			send_sample(r, rec);
		else
			waiting__add(&r->waiting, rec, r->hold_until_ns);
		r->stats.waiting = r->waiting.cnt;
		return;
	}
	p->unwalked[rec->outcome]++;
	p->sampled_ns += rec->value_ns;
	add_loss(r, rec, describe_process(r, p));
}

void resolve__recall(struct resolve *r, const struct abi_recall *rec)
{
	waiting__recall(&r->waiting, rec, r->stats.recalled);
}

struct flush_arg {
	struct resolve *r;
	uint64_t now_ns;
	bool last;
};

/* False when it has to wait on, for names or for what it may turn out to be. */
static bool send_waiting(void *ctx, const struct waiting_sample *w)
{
	struct flush_arg *a = ctx;
	struct resolve *r = a->r;
	struct process *p = processes__get(r->processes, w->rec.image_id, (pid_t)w->rec.hdr.tgid);
	bool force = a->last || waiting__is_full(&r->waiting);

	if (!force && a->now_ns < w->hold_until_ns)
		return false;
	if (w->rec.outcome == ABI_REPLACED) {
		p->unwalked[ABI_REPLACED]++;
		p->sampled_ns += w->rec.value_ns;
		add_loss(r, &w->rec, describe_process(r, p));
		return true;
	}
	if (!name_frames(r, &w->rec, force || a->now_ns > w->rec.hdr.time_ns + WAIT_MAX_NS))
		return false;
	send_sample(r, &w->rec);
	return true;
}

/* Processes give themselves titles, mostly soon after they were forked. A number that was given again is another's. */
static void refresh_command(struct resolve *r, struct process *p)
{
	__cleanup_free char *command = procfs_command(p->pid);

	if (!command || command[0] == '[' || !strcmp(command, p->command) || !process__is_there(p))
		return;
	set_text(&p->command, xstrdup(command));
	p->described = false;
	describe_process(r, p);
}

/* Names change while they are looked at, those of threads and of processes. */
static void read_names(void *ctx, struct process *p)
{
	struct flush_arg *a = ctx;

	if (threads__read_names(&a->r->threads, p, a->now_ns, a->last))
		refresh_command(a->r, p);
}

static void note_image(void *ctx, const struct abi_sample *rec)
{
	*pair_map__slot(ctx, rec->image_id, 0) = 1;
}

/* What is known of images that are gone: kept only as long as a sample of theirs waits for the rest. */
static void forget_gone(struct resolve *r)
{
	struct pair_map waiting = {0};
	size_t kept = 0;

	if (!r->gone_cnt)
		return;
	waiting__each(&r->waiting, note_image, &waiting);
	for (size_t i = 0; i < r->gone_cnt; i++) {
		if (pair_map__get(&waiting, r->gone[i], 0)) {
			r->gone[kept++] = r->gone[i];
			continue;
		}
		codes__forget(r->codes, r->gone[i]);
		processes__retire(r->processes, r->gone[i]);
	}
	r->gone_cnt = kept;
	pair_map__free(&waiting);
}

void resolve__flush(struct resolve *r, uint64_t now_ns, bool last)
{
	struct flush_arg flush = {r, now_ns, last};

	waiting__flush(&r->waiting, send_waiting, &flush);
	r->stats.waiting = r->waiting.cnt;
	processes__each_living(r->processes, read_names, &flush);
	forget_gone(r);
	losses__flush(&r->losses, r->sink, now_ns, last);
}
