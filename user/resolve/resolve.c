/* SPDX-License-Identifier: MIT */
#include "user/resolve/resolve.h"
#include "user/os/causes.h"
#include "user/os/procfs.h"
#include "user/os/tasks.h"
#include "user/os/untrusted.h"
#include "user/profile/collector.h"
#include "user/resolve/aside.h"
#include "user/resolve/codes.h"
#include "user/resolve/collecting.h"
#include "user/resolve/gil_frames.h"
#include "user/resolve/held.h"
#include "user/resolve/idle.h"
#include "user/resolve/labels.h"
#include "user/resolve/losses.h"
#include "user/resolve/merge.h"
#include "user/resolve/natives.h"
#include "user/resolve/place.h"
#include "user/resolve/tasks.h"
#include "user/resolve/threads.h"
#include "user/resolve/wait_files.h"
#include "user/resolve/waiting.h"
#include "user/target/identity.h"
#include "user/target/outcome.h"
#include "user/target/provenance.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/pair_map.h"
#include <errno.h>
#include <string.h>

#define PLACES_AT_ONCE 16            /* processes whose places are looked at again between two batches of records */
#define WAIT_MAX_NS    3000000000ull /* a name that is not here by then will not come */
#define HOLD_NS                                                                                                        \
	(ABI_CACHE_NS + ABI_CACHE_NS / 2) /* an invalidation comes at the first read after the time in the cache */

struct resolve {
	struct profile_sink sink;
	struct processes *processes;
	const struct interpreters *interpreters;
	struct codes *codes;
	struct threads threads;
	struct tasks *tasks;
	struct held_sources held;
	struct pair_map stacks; /* (parent, frame) → stack id */
	uint32_t stack_cnt, process_cnt;
	int64_t unix_offset_ns;
	uint64_t now_ns;       /* CLOCK_MONOTONIC, of the last flush */
	uint64_t boot_unix_ns; /* 0 of CLOCK_BOOTTIME: the same for all, so that what began together is seen to have */
	struct waiting waiting;
	uint64_t hold_until_ns;   /* of the last unverified sample: those behind it wait too, for the order's sake */
	uint32_t *scratch, depth; /* frame ids of one sample … */
	uint32_t above;           /* … of which so many, the first ones, are above the stack … */
	bool leaf;                /* … of which the first is that of no function */
	struct natives *natives;  /* NULL without --native */
	bool native_all;
	uint32_t *python;      /* with it: ids of the Python frames, as the record has them … */
	struct merged *merged; /* … and what comes of them and the others */
	struct losses losses;
	uint32_t *gone; /* images whose codes are dropped once nobody waits for them */
	size_t gone_cnt, gone_cap;
	struct resolve_stats stats;
	struct {
		uint8_t first_type; /* in the profile */
		bool is_cpu_time;
	} sources[ABI_SOURCE_CNT];
	struct profile_value_type types[PROFILE_MAX_TYPES];
	uint32_t type_cnt;
};

/* As soon as it is a zombie, its root is gone; its end is read after what it did before. */
static bool has_ended(const struct process *p)
{
	return p->exited || task_has_ended(p->pid, p->pid);
}

/*
 * Through the process's own root, so that a container's files are looked for in the container. The root of one that has
 * ended went with it; its parent's is the same, nearly always.
 */
static bool file_exists(void *ctx, uint32_t image_id, const char *path)
{
	struct resolve *r = ctx;
	struct process *p = processes__find(r->processes, image_id);

	return p && (has_untrusted_aside(p->pid, path) ||
		     (*path == '/' && p->ppid && has_ended(p) && has_untrusted_aside(p->ppid, path)));
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

static struct known *known_of(struct resolve *r, struct process *p);

static void meet_file(void *ctx, uint32_t image_id, const char *file)
{
	struct resolve *r = ctx;
	struct process *p = processes__find(r->processes, image_id);

	if (p)
		held__meet(&r->held, known_of(r, p), file);
}

struct resolve *resolve__new(struct profile_sink sink, struct processes *processes,
			     const struct interpreters *interpreters)
{
	struct resolve *r = xcalloc(1, sizeof(*r));

	r->sink = sink;
	r->processes = processes;
	r->interpreters = interpreters;
	r->boot_unix_ns = clock_boot_unix_ns();
	r->codes = codes__new(sink, (struct path_asker){file_exists, absolute_path, r});
	codes__on_file(r->codes, meet_file, r);
	held__init(&r->held, sink);
	r->threads.sink = sink;
	r->tasks = tasks__new();
	waiting__init(&r->waiting);
	for (size_t i = 0; i < ABI_SOURCE_CNT; i++)
		r->sources[i].is_cpu_time = true;
	/* What is above it (GIL_FRAMES at most), and that it is truncated. */
	r->scratch = xcalloc(MERGE_MAX + NATIVES_INLINED + GIL_FRAMES + 1, sizeof(*r->scratch));
	return r;
}

void resolve__free(struct resolve *r)
{
	if (!r)
		return;
	waiting__free(&r->waiting);
	natives__free(r->natives);
	free(r->python);
	free(r->merged);
	codes__free(r->codes);
	tasks__free(r->tasks);
	pair_map__free(&r->stacks);
	losses__free(&r->losses);
	known__free(&r->threads.known);
	held__free(&r->held);
	free(r->gone);
	free(r->scratch);
	free(r);
}

/* ---- value types ------------------------------------------------------------------------------------ */

void resolve__add_source(struct resolve *r, enum abi_source source, const struct resolve_source *what)
{
	r->sources[source].first_type = (uint8_t)r->type_cnt;
	r->sources[source].is_cpu_time = what->is_cpu_time;
	for (size_t i = 0; i < what->type_cnt && r->type_cnt < PROFILE_MAX_TYPES; i++) {
		struct profile_value_type *t = &r->types[r->type_cnt];

		*t = what->types[i];
		t->id = r->type_cnt++;
		r->sink.ops->value_type(r->sink.ctx, t);
	}
	r->stats.types = r->types;
	r->stats.type_cnt = r->type_cnt;
}

static uint8_t profile_type(const struct resolve *r, unsigned source, unsigned type)
{
	return (uint8_t)(r->sources[source].first_type + type);
}

/* ---- segments -------------------------------------------------------------------------------------- */

static struct known *known_of(struct resolve *r, struct process *p)
{
	return known__get(&r->threads.known, p);
}

static void leave_segment(void *ctx, struct process *p)
{
	struct known *k = known_of(ctx, p);

	k->profile_id = 0;
	k->labelled = 0;
	k->cpu_before_ns = process__cpu_used(p);
}

void resolve__begin_segment(struct resolve *r, struct profile_sink sink)
{
	losses__flush(&r->losses, r->sink, 0, true);
	r->sink = sink;
	codes__begin_segment(r->codes, sink);
	if (r->natives)
		natives__begin_segment(r->natives);
	threads__begin_segment(&r->threads, sink, r->now_ns);
	tasks__begin_segment(r->tasks, r->now_ns);
	held__begin_segment(&r->held, sink);
	processes__each(r->processes, leave_segment, r);
	containers__tend(processes__containers(r->processes));
	pair_map__free(&r->stacks);
	r->stack_cnt = r->process_cnt = 0;
	for (uint32_t i = 0; i < r->type_cnt; i++)
		r->sink.ops->value_type(r->sink.ctx, &r->types[i]);
}

void resolve__set_native(struct resolve *r, const struct natives_of *of, bool all)
{
	r->natives = natives__new(r->codes, of);
	r->native_all = all;
	r->python = xcalloc(ABI_MAX_FRAMES, sizeof(*r->python));
	r->merged = xcalloc(MERGE_MAX, sizeof(*r->merged));
}

void resolve__wait_native(struct resolve *r, unsigned ms)
{
	if (r->natives)
		natives__wait(r->natives, ms);
}

void resolve__set_frugal(struct resolve *r)
{
	r->threads.frugal = r->held.frugal = 10;
}

void resolve__limit_codes(struct resolve *r, const struct codes_limit *limit)
{
	codes__set_limit(r->codes, limit);
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
static uint32_t describe_process(struct resolve *r, struct known *k)
{
	const struct process *p = k->process;
	uint64_t used = process__cpu_used(p);

	if (k->profile_id && k->sent == p->revision)
		return k->profile_id;
	if (!k->profile_id)
		k->profile_id = ++r->process_cnt;
	k->sent = p->revision;
	r->sink.ops->process(r->sink.ctx,
			     &(struct profile_process){
				     .id = k->profile_id,
				     .pid = (uint32_t)p->pid,
				     .image = p->image_id,
				     .parent_pid = (uint32_t)p->ppid,
				     .start_unix_ns = p->start_ns ? p->start_ns + r->boot_unix_ns : 0,
				     .command = p->command,
				     .python = p->interp ? p->interp->build.version : "",
				     .interpreter = p->interp ? p->interp->path : "",
				     .cgroup = p->cgroup,
				     .code_start_unix_ns = p->code_start_ns ? p->code_start_ns + r->boot_unix_ns : 0,
				     .root = p->own_root ? PROFILE_ROOT_OWN : PROFILE_ROOT_OTHER,
				     .rights = p->rights,
				     .cpu_ns = used > k->cpu_before_ns ? used - k->cpu_before_ns : 0,
			     });
	if (k->labelled != labels_revision(p))
		labels_send(r->sink, k->profile_id, p);
	k->labelled = labels_revision(p);
	return k->profile_id;
}

/* The profile may have it already, and not as it is now. */
static void describe_again(struct resolve *r, struct process *p)
{
	struct known *k = known_of(r, p);

	p->revision++;
	if (k->profile_id)
		describe_process(r, k);
}

static void set_text(char **field, char *text)
{
	free(*field);
	*field = text;
}

/* The kernel side's is cut: that of a process that ran already is known better. */
static void set_command(struct process *p, char *command)
{
	if (strlen(command) + 1 < ABI_CMDLINE || strncmp(p->command, command, strlen(command)))
		set_text(&p->command, command);
	else
		free(command);
}

/* The CPU time that it had used when its image began, or sampling did. */
static void set_cpu_from(struct resolve *r, struct process *p, const struct abi_proc_rec *rec)
{
	if (p->cpu_known)
		return;
	p->cpu_known = true;
	if (rec->cpu_ns != ABI_UNKNOWN_NS)
		p->cpu_from_ns = rec->cpu_ns;
	else if (!processes__cpu_at_start(r->processes, p, &p->cpu_from_ns))
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
	describe_again(r, p);
}

static void read_cpu(void *ctx, struct process *p)
{
	process__read_cpu(p);
	describe_again(ctx, p);
}

/* Of a process that has been reaped the kernel side sends the CPU time, a little later. */
static void end_cpu(void *ctx, struct process *p)
{
	struct resolve *r = ctx;
	bool read = process__read_cpu(p);

	if (!read && !p->cpu_final) /* what was read before it ended is not all */
		p->cpu_ns = 0;
	describe_again(r, p);
	r->stats.clocks -= read && p->exited;
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
		set_command(p, procfs_join_args(rec->cmdline, rec->cmdline_bytes));
	else if (!p->command[0])
		set_text(&p->command, xasprintf("[%.*s]", ABI_COMM, rec->comm));
	place_set(r->processes, p, rec);
	provenance_set(r->processes, p, rec);
	if (rec->state != ABI_PROC_NOT_PYTHON)
		identity_set(r->processes, p);
	if (rec->state == ABI_PROC_PYTHON) {
		p->interp = interpreters__by_layout(r->interpreters, rec->layout_id);
		p->runtime_addr = rec->runtime_addr;
	}
	p->revision++;
}

static void note_gone(struct resolve *r, uint32_t image_id)
{
	if (r->gone_cnt && r->gone[r->gone_cnt - 1] == image_id)
		return;
	xgrow(r->gone, r->gone_cnt, r->gone_cap);
	r->gone[r->gone_cnt++] = image_id;
}

void resolve__exit(struct resolve *r, const struct abi_exit *rec)
{
	struct process *p = processes__find(r->processes, rec->image_id);

	if (p) {
		p->exited = true;
		r->stats.clocks += p->cpu_known && !p->cpu_final;
	}
	note_gone(r, rec->image_id);
}

/* ---- code objects ---------------------------------------------------------------------------------- */

/* The kernel side could not read it (a page that was not there): perhaps we can. */
static bool read_by_hand(struct resolve *r, const struct abi_code *rec, struct process *p)
{
	const struct aside_code q = {p->pid, rec->code_addr, rec->globals_addr, codes__room(r->codes, rec->image_id)};
	struct code_object code;
	struct code_text text;

	if (p->exited || !p->interp || aside_code_object(&q, &p->interp->build, &code))
		return false;
	text = (struct code_text){.name = code.name,
				  .file = code.file,
				  .module = code.module,
				  .first_line = code.first_line,
				  .table = code.table,
				  .table_len = code.table_len,
				  .kind = p->interp->build.lines,
				  .cut = !code.table};
	codes__set(r->codes, rec->code_key, rec->image_id, &text);
	code_object_clear(&code);
	return true;
}

void resolve__code(struct resolve *r, const struct abi_code *rec)
{
	const struct interpreter *i = interpreters__by_layout(r->interpreters, rec->layout_id);
	struct process *p = processes__get(r->processes, rec->image_id, (pid_t)rec->hdr.tgid);

	if (p->exited) /* its last callback's records come behind */
		note_gone(r, rec->image_id);
	if (rec->flags & ABI_CODE_UNREADABLE && read_by_hand(r, rec, p))
		return;
	if (i)
		codes__add(r->codes, rec, i->build.lines);
}

void resolve__code_text(struct resolve *r, uint64_t code_key, uint32_t image_id, const struct code_text *text)
{
	codes__set(r->codes, code_key, image_id, text);
}

void resolve__lines(struct resolve *r, const struct abi_lines *rec)
{
	codes__add_lines(r->codes, rec);
}

void resolve__tasks(struct resolve *r, const struct abi_tasks *rec)
{
	tasks__add(r->tasks, rec);
}

static uint64_t cpu_time(const struct resolve *r, unsigned source, uint64_t value)
{
	return r->sources[source].is_cpu_time ? value : 0;
}

static void add_loss(struct resolve *r, const struct abi_sample *rec, uint32_t process)
{
	losses__add(&r->losses, &(struct loss_event){.process = process,
						     .outcome = rec->outcome,
						     .time_unix_ns = unix_ns(r, rec->hdr.time_ns),
						     .count = 1,
						     .value = rec->value,
						     .type = profile_type(r, rec->source, rec->type)});
}

void resolve__lost(struct resolve *r, const uint64_t span_ns[2], const struct lost_ticks *lost)
{
	struct loss_event e = {.outcome = lost->outcome,
			       .time_unix_ns = unix_ns(r, span_ns[0]),
			       .type = profile_type(r, lost->source, lost->type)};

	if (lost->image_id) {
		struct process *p = processes__get(r->processes, lost->image_id, (pid_t)lost->ticks.tgid);

		p->unwalked[lost->outcome] += lost->ticks.cnt;
		p->sampled_ns += cpu_time(r, lost->source, lost->ticks.value);
		e.process = describe_process(r, known_of(r, p));
	}
	losses__add(&r->losses, &e);
	e.time_unix_ns = unix_ns(r, span_ns[1]);
	e.count = lost->ticks.cnt;
	e.value = lost->ticks.value;
	losses__add(&r->losses, &e);
}

/* ---- samples ----------------------------------------------------------------------------------------- */

static enum cause cause_of(const struct abi_sample *rec, const struct call_wait *call)
{
	static const enum cause causes[ABI_WAIT_CNT] = {
		[ABI_WAIT_FAULT] = CAUSE_FAULT,     [ABI_WAIT_CPU] = CAUSE_CPU,       [ABI_WAIT_QUOTA] = CAUSE_QUOTA,
		[ABI_WAIT_STOPPED] = CAUSE_STOPPED, [ABI_WAIT_FROZEN] = CAUSE_FROZEN, [ABI_WAIT_GIL] = CAUSE_GIL,
	};

	return rec->why.wait == ABI_WAIT_CALL || rec->why.wait >= ABI_WAIT_CNT ? cause_of_call(call)
									       : causes[rec->why.wait];
}

/* What a wait is for, as the leaf of its stack: "[socket read 5432]", "[idle: pool worker]". */
static uint32_t cause_frame(struct resolve *r, const struct abi_sample *rec)
{
	const struct call_wait call = {.number = rec->why.call, .file = wait_file(rec->why.fd), .port = rec->why.port};
	enum cause cause = cause_of(rec, &call);
	const char *idle = idle_word(r->codes, rec, cause);
	__cleanup_free char *words = idle ? xasprintf("idle: %s", idle) : cause_text(cause, &call);
	__cleanup_free char *text = xasprintf("[%s]", words);

	return codes__synthetic(r->codes, text);
}

/* Beyond the functions: a frame of its own, so that every format has it. */
static bool has_leaf(const struct resolve *r, const struct abi_sample *rec)
{
	return rec->why.wait != ABI_WAIT_NONE || collecting_is(r->codes, rec);
}

static uint32_t leaf_frame(struct resolve *r, const struct abi_sample *rec)
{
	return rec->why.wait != ABI_WAIT_NONE ? cause_frame(r, rec) : codes__synthetic(r->codes, COLLECTOR_FRAME);
}

/* The profile's frame of one of them; 0 when a name is missing and `now` does not force it. */
static uint32_t name_frame(struct resolve *r, const struct abi_frame *f, bool now)
{
	uint32_t id = f->code_key ? codes__frame(r->codes, f->code_key, f->lasti)
				  : codes__synthetic(r->codes, "[unreadable function]");

	if (!id && now) {
		id = codes__frame_now(r->codes, f->code_key, f->lasti);
		r->stats.unknown_frames++;
	}
	return id;
}

static void push_frame(struct resolve *r, uint32_t id)
{
	if (id != CODES_HIDDEN)
		r->scratch[r->depth++] = id;
}

static void push_native(struct resolve *r, uint32_t number)
{
	uint32_t cnt;
	const uint32_t *ids = natives__frames(r->natives, number, &cnt);

	memcpy(r->scratch + r->depth, ids, cnt * sizeof(*ids));
	r->depth += cnt;
}

static void push_cut(struct resolve *r, const struct abi_native *n)
{
	__cleanup_free char *text = outcome_native_missing(n->end);

	push_frame(r, codes__synthetic(r->codes, text));
}

static void push_merged(struct resolve *r, const struct abi_native *n, struct merged m)
{
	switch ((enum merge_kind)m.kind) {
	case MERGE_KERNEL_FRAME:
		push_native(r, m.index);
		break;
	case MERGE_NATIVE_FRAME:
		push_native(r, n->kernel_cnt + m.index);
		break;
	case MERGE_PYTHON_FRAME:
		push_frame(r, r->python[m.index]);
		break;
	case MERGE_CUT:
		push_cut(r, n);
		break;
	}
}

/* So many of r->python, and the native frames → r->scratch. */
static void merge_native(struct resolve *r, const struct abi_sample *rec, const struct abi_native *n,
			 uint32_t python_cnt)
{
	const struct process *p = processes__get(r->processes, rec->image_id, (pid_t)rec->hdr.tgid);
	struct merge_in in = {.python_cnt = python_cnt,
			      .python_whole = rec->outcome == ABI_OK,
			      .native = n,
			      .flags = natives__flags(r->natives),
			      .one_each = p->interp && merge_is_one_each(&p->interp->build.layout),
			      .all = r->native_all};
	size_t cnt = merge_frames(&in, r->merged);

	for (size_t i = 0; i < cnt; i++)
		push_merged(r, n, r->merged[i]);
}

/* Frame ids into r->scratch, leaf first. False when a name is missing and `now` does not force it. */
static bool name_frames(struct resolve *r, const struct abi_sample *rec, bool now)
{
	const struct abi_native *n = r->natives ? abi_native_of(rec) : NULL;
	const struct abi_frame *f = (const struct abi_frame *)(rec + 1);
	struct process *p = processes__get(r->processes, rec->image_id, (pid_t)rec->hdr.tgid);
	int above = gil_frames(r->codes, known_of(r, p), rec, now, r->scratch);

	if (above < 0)
		return false;
	if (n && !natives__name(r->natives, p, rec, now))
		return false;
	r->leaf = !above && has_leaf(r, rec);
	r->above = r->depth = above ? (uint32_t)above : r->leaf;
	for (uint32_t i = (uint32_t)above; i < rec->frame_cnt; i++) {
		uint32_t id = name_frame(r, &f[i], now);

		if (!id)
			return false;
		if (n)
			r->python[i - (uint32_t)above] = id;
		else
			push_frame(r, id);
	}
	if (n)
		merge_native(r, rec, n, rec->frame_cnt - (uint32_t)above);
	r->stats.frames += rec->frame_cnt - (uint32_t)above;
	return true;
}

/* The root side is missing: a synthetic frame stands for it, so that nobody takes the rest for the whole. */
static uint32_t truncation_frame(struct resolve *r, unsigned outcome)
{
	__cleanup_free char *text = xasprintf("[truncated: %s]", outcome_sentence(outcome));

	return codes__synthetic(r->codes, text);
}

/* A thread of Python's has no state any more as its interpreter ends; it is no native one for that. */
static uint32_t frame_without_function(struct resolve *r, struct known *k, const struct abi_sample *rec)
{
	unsigned outcome = rec->outcome;

	if (outcome == ABI_NO_TSTATE && threads__was_python(k, rec))
		outcome = ABI_NO_FRAME;
	r->stats.native[outcome] += outcome_class(outcome) == ABI_NATIVE;
	return codes__synthetic(r->codes, outcome_frame(outcome));
}

static bool is_shown(unsigned outcome)
{
	return outcome_class(outcome) == ABI_WRITTEN || outcome_class(outcome) == ABI_NATIVE;
}

static uint32_t intern_stack(struct resolve *r, uint32_t depth)
{
	uint32_t stack = 0;

	for (uint32_t i = depth; i-- > 0;) {
		uint32_t *slot = pair_map__slot(&r->stacks, stack, r->scratch[i]);

		if (!*slot) {
			*slot = ++r->stack_cnt;
			r->sink.ops->stack(r->sink.ctx, &(struct profile_stack){
								.id = *slot, .parent = stack, .frame = r->scratch[i]});
		}
		stack = *slot;
	}
	return stack;
}

static void send_sample(struct resolve *r, const struct abi_sample *rec)
{
	struct process *p = processes__get(r->processes, rec->image_id, (pid_t)rec->hdr.tgid);
	struct known *k = known_of(r, p);
	bool written = outcome_class(rec->outcome) == ABI_WRITTEN, cut = written && rec->outcome != ABI_OK;
	const struct abi_native *n = abi_native_of(rec);
	uint32_t depth = r->depth;

	if (cut)
		r->scratch[depth++] = truncation_frame(r, rec->outcome);
	if (depth == r->above) /* or nothing but hidden frames */
		r->scratch[depth++] = frame_without_function(r, k, rec);
	if (r->leaf)
		r->scratch[0] = leaf_frame(r, rec);
	r->stats.processes += !p->samples;
	p->samples++;
	p->written += written;
	p->sampled_ns += cpu_time(r, rec->source, rec->value);
	r->stats.samples++;
	if (r->natives && !(rec->flags & ABI_SAMPLE_FOREIGN))
		r->stats.unwound[n ? n->end : ABI_NATIVE_NOT_TRIED]++;
	r->stats.values[profile_type(r, rec->source, rec->type) % PROFILE_MAX_TYPES] += rec->value;
	describe_process(r, k);
	held__send(&r->held, k);
	r->sink.ops->sample(r->sink.ctx, &(struct profile_sample){
						 .time_unix_ns = unix_ns(r, rec->hdr.time_ns),
						 .value = rec->value,
						 .type = profile_type(r, rec->source, rec->type),
						 .thread = threads__id(&r->threads, k, rec),
						 .stack = intern_stack(r, depth),
						 .task = tasks__id(r->tasks, r->sink, rec->tasks_key, k->profile_id),
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
	if (is_shown(rec->outcome)) {
		if (rec->unverified)
			r->hold_until_ns = rec->hdr.time_ns + HOLD_NS;
		if (rec->hdr.time_ns >= r->hold_until_ns && name_frames(r, rec, false))
			send_sample(r, rec);
		else
			waiting__add(&r->waiting, rec, r->hold_until_ns);
		r->stats.waiting = r->waiting.cnt;
		return;
	}
	p->unwalked[rec->outcome]++;
	p->sampled_ns += cpu_time(r, rec->source, rec->value);
	add_loss(r, rec, describe_process(r, known_of(r, p)));
}

void resolve__invalidate(struct resolve *r, const struct abi_invalidate *rec)
{
	waiting__invalidate(&r->waiting, rec, r->stats.invalidated);
}

struct flush_arg {
	struct resolve *r;
	uint64_t now_ns;
	bool last;
	unsigned places;
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
		p->sampled_ns += cpu_time(r, w->rec.source, w->rec.value);
		add_loss(r, &w->rec, describe_process(r, known_of(r, p)));
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
	p->revision++;
	describe_process(r, known_of(r, p));
}

/* Names change while they are looked at, those of threads and of processes. */
static void read_names(void *ctx, struct process *p)
{
	struct flush_arg *a = ctx;

	held__read(&a->r->held, known_of(a->r, p), a->now_ns, a->last);
	if (!threads__read_names(&a->r->threads, known_of(a->r, p), a->now_ns, a->last))
		return;
	refresh_command(a->r, p);
	if (provenance_refresh(p))
		describe_process(a->r, known_of(a->r, p));
}

static void note_image(void *ctx, const struct abi_sample *rec)
{
	*pair_map__slot(ctx, rec->image_id, 0) = 1;
}

/* Processes whose end was not reported by now are zombies that nobody reaps, or the record of it was lost. */
static void fold_overdue(struct resolve *r)
{
	struct process *p;

	while ((p = processes__overdue(r->processes))) {
		end_cpu(r, p);
		r->stats.clocks -= p->cpu_known && !p->cpu_final;
		held__forget(&r->held, known_of(r, p));
		known__forget(&r->threads.known, p->image_id);
		processes__fold(r->processes, p);
	}
}

static void look_again(void *ctx, struct process *p)
{
	struct flush_arg *a = ctx;

	if (place_look_again(a->r->processes, p, &a->places))
		describe_again(a->r, p);
}

/* Its threads are not asked for again, but a sample may still come late, from another CPU. */
static void retire(struct resolve *r, uint32_t image_id)
{
	struct known *k = known__find(r->threads.known, image_id);

	if (k) {
		known__forget_threads(k);
		held__forget(&r->held, k);
	}
	processes__retire(r->processes, image_id);
}

/* Codes and threads of images that are gone are kept only while a sample of theirs waits. */
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
		retire(r, r->gone[i]);
	}
	r->gone_cnt = kept;
	pair_map__free(&waiting);
	fold_overdue(r);
}

static void meet_codes(void *ctx, const struct abi_sample *rec)
{
	const struct abi_frame *f = (const struct abi_frame *)(rec + 1);

	for (uint32_t i = 0; i < rec->frame_cnt; i++)
		codes__meet(ctx, f[i].code_key);
}

/* Code objects of processes that live. */
static void forget_codes(struct resolve *r, uint64_t now_ns)
{
	if (codes__will_drop(r->codes, now_ns))
		waiting__each(&r->waiting, meet_codes, r->codes);
	codes__tend(r->codes, now_ns);
}

void resolve__flush(struct resolve *r, uint64_t now_ns, bool last)
{
	struct flush_arg flush = {r, now_ns, last, PLACES_AT_ONCE};

	r->now_ns = now_ns;
	waiting__flush(&r->waiting, send_waiting, &flush);
	r->stats.waiting = r->waiting.cnt;
	processes__each_living(r->processes, read_names, &flush);
	processes__each_living(r->processes, look_again, &flush);
	forget_gone(r);
	forget_codes(r, now_ns);
	losses__flush(&r->losses, r->sink, now_ns, last);
}
