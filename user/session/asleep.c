/* SPDX-License-Identifier: MIT */
#include "user/session/asleep.h"
#include "user/os/tasks.h"
#include "user/resolve/wait_files.h"
#include "user/util/alloc.h"
#include <string.h>
#include <uthash.h>

struct open_wait {
	UT_hash_handle hh;
	uint32_t tid;
	struct abi_thread_wait wait;
};

struct asleep {
	struct events *events;
	struct resolve *resolve;
	const struct asleep_options *o;
	struct open_wait *open;
	const struct process *process; /* at hand */
	uint64_t sent;
};

static void keep(void *ctx, uint32_t tid, const struct abi_thread_wait *wait)
{
	struct asleep *a = ctx;
	struct open_wait *w = xcalloc(1, sizeof(*w));

	w->tid = tid;
	w->wait = *wait;
	HASH_ADD(hh, a->open, tid, sizeof(w->tid), w);
}

static struct open_wait *find(struct asleep *a, uint32_t tid)
{
	struct open_wait *w;

	HASH_FIND(hh, a->open, &tid, sizeof(tid), w);
	return w;
}

static void drop(struct asleep *a, struct open_wait *w)
{
	if (!w)
		return;
	HASH_DEL(a->open, w);
	free(w);
}

/* ---- one thread -------------------------------------------------------------------------------------------- */

static uint64_t add_text(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ull;
	return hash * 0x100000001b3ull;
}

/* Its code objects were read as text; a function is known by that, as those of samples are. */
static void name_frame(struct asleep *a, const struct session_frame *f, struct abi_frame *out)
{
	const struct code_text text = {
		.name = f->name, .file = f->file, .module = f->module, .first_line = f->first_line, .cut = true};
	uint64_t key = add_text(add_text(add_text(0xcbf29ce484222325ull, f->name), f->file), f->module);

	key = (key ^ a->process->image_id) * 0x100000001b3ull ^ (uint32_t)f->first_line;
	out->code_key = key ? key : 1;
	out->lasti = abi_line(f->line);
	resolve__code_text(a->resolve, out->code_key, a->process->image_id, &text);
}

static struct abi_why why_of(const struct session_thread *t, const struct open_wait *w)
{
	struct abi_why why = w->wait.why;

	why.fd = wait_fd(t->wait.file);
	return why;
}

static void send(struct asleep *a, const struct session_thread *t, const struct open_wait *w)
{
	size_t cnt = t->frame_cnt < ABI_MAX_FRAMES ? t->frame_cnt : ABI_MAX_FRAMES;
	struct abi_sample *rec = xcalloc(1, sizeof(*rec) + cnt * sizeof(struct abi_frame) + sizeof(struct abi_native));
	struct abi_frame *frames = (struct abi_frame *)(rec + 1);
	struct abi_native *native = (struct abi_native *)(frames + cnt);
	uint64_t since = w->wait.since_ns;

	rec->hdr = (struct abi_hdr){.size = (uint32_t)(sizeof(*rec) + cnt * sizeof(*frames) + sizeof(*native)),
				    .kind = ABI_REC_SAMPLE,
				    .tgid = (uint32_t)a->process->pid,
				    .tid = (uint32_t)t->tid,
				    .time_ns = a->o->now_ns};
	rec->value = a->o->now_ns > since ? a->o->now_ns - since : 0;
	rec->thread_ident = t->ident;
	rec->thread_start_ns = w->wait.start_ns;
	rec->image_id = a->process->image_id;
	rec->frame_cnt = (uint16_t)cnt;
	rec->outcome = !cnt ? ABI_NO_FRAME : cnt < t->frame_cnt ? ABI_CUT_DEPTH : ABI_OK;
	rec->gil = t->holds_gil ? ABI_GIL_HELD : ABI_GIL_NOT_HELD;
	rec->source = ABI_SOURCE_OFFCPU;
	rec->flags = ABI_SAMPLE_NATIVE;
	native->end = ABI_NATIVE_ASLEEP;
	rec->why = why_of(t, w);
	snprintf(rec->comm, sizeof(rec->comm), "%s", t->name);
	for (size_t i = 0; i < cnt; i++)
		name_frame(a, &t->frames[i], &frames[i]);
	resolve__sample(a->resolve, rec);
	events__add(a->events, &(struct lost_ticks){.outcome = rec->outcome, .source = rec->source}, a->resolve, NULL);
	a->sent++;
	free(rec);
}

/* One that is not in the list has no open wait that is known; one that is may wait for the GIL, another source's. */
static void on_thread(void *ctx, const struct session_thread *t)
{
	struct asleep *a = ctx;
	struct open_wait *w = find(a, (uint32_t)t->tid);

	if (!w || !w->wait.since_ns || w->wait.switches != t->switches)
		return;
	send(a, t, w);
	drop(a, w);
}

/* ---- all of them --------------------------------------------------------------------------------------------- */

static void look(void *ctx, struct process *p)
{
	struct asleep *a = ctx;

	if (!p->interp || !p->interp->build.supported || p->exited || !process__is_there(p))
		return;
	a->process = p;
	a->o->look(p->pid, on_thread, a);
}

static void lose(struct asleep *a, struct open_wait *w, uint32_t image_id)
{
	uint64_t waited_ns = a->o->now_ns - w->wait.since_ns;
	const uint64_t span_ns[] = {w->wait.since_ns, a->o->now_ns};

	events__add(a->events,
		    &(struct lost_ticks){.image_id = image_id,
					 .outcome = ABI_UNFINISHED,
					 .source = ABI_SOURCE_OFFCPU,
					 .ticks = {.cnt = 1, .value = waited_ns, .tgid = w->wait.tgid}},
		    a->resolve, span_ns);
}

struct owner {
	uint32_t tgid, image_id;
};

static void find_owner(void *ctx, struct process *p)
{
	struct owner *o = ctx;

	if ((uint32_t)p->pid == o->tgid && p->interp)
		o->image_id = p->image_id;
}

/* Of a process without Python there is nothing to be lost. */
static void lose_rest(struct asleep *a)
{
	struct open_wait *w, *next;

	HASH_ITER(hh, a->open, w, next)
	{
		struct owner owner = {.tgid = w->wait.tgid};

		processes__each_living(a->o->processes, find_owner, &owner);
		if (owner.image_id && w->wait.since_ns && w->wait.since_ns < a->o->now_ns)
			lose(a, w, owner.image_id);
		drop(a, w);
	}
}

uint64_t asleep_tell(struct events *e, struct resolve *r, const struct asleep_options *o)
{
	struct asleep a = {.events = e, .resolve = r, .o = o};

	if (!events__have_open(e))
		return 0;
	events__each_open(e, keep, &a);
	if (o->look)
		processes__each_living(o->processes, look, &a);
	lose_rest(&a);
	return a.sent;
}

/* ---- the start ------------------------------------------------------------------------------------------------- */

struct noting {
	struct events *events;
	uint64_t start_ns;
};

static void note_thread(struct noting *n, pid_t pid, pid_t tid)
{
	struct abi_thread_wait wait = {.since_ns = n->start_ns, .tgid = (uint32_t)pid, .outcome = ABI_BEGUN_BEFORE};
	struct task_state state;
	struct task_call call;
	uint64_t switches;

	if (task_switches(pid, tid, &switches) || task_state(pid, tid, &state) || task_call(pid, tid, &call) ||
	    !call.off_cpu)
		return;
	wait.switches = switches;
	wait.why.wait = call.number < 0 ? ABI_WAIT_FAULT : ABI_WAIT_CALL;
	if (state.letter == 'T' || state.letter == 't')
		wait.why.wait = ABI_WAIT_STOPPED;
	wait.why.call = (int32_t)call.number;
	wait.args[0] = call.first_arg;
	wait.args[1] = call.second_arg;
	events__add_open(n->events, (uint32_t)tid, &wait);
}

static void note_process(void *ctx, struct process *p)
{
	struct task *tasks = NULL;
	size_t cnt = 0;

	if (p->interp && !p->exited && process__is_there(p))
		tasks_list(p->pid, &tasks, &cnt);
	for (size_t i = 0; i < cnt; i++)
		note_thread(ctx, p->pid, tasks[i].tid);
	free(tasks);
}

void asleep_note(struct events *e, const struct processes *processes, uint64_t start_ns)
{
	struct noting n = {e, start_ns};

	if (events__have_open(e))
		processes__each_living(processes, note_process, &n);
}
