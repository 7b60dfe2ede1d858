/*
 * All definitions are kept for as long as the stream lasts, as its producer keeps them too; beside
 * each is what the current window knows it by. The producer is trusted with its ids, but a mistake
 * of its must not become a stray write: what does not fit is passed over.
 */
#include "user/profile/relay.h"
#include "user/util/alloc.h"
#include "user/util/intern.h"
#include <string.h>

struct ids {
	uint32_t *local;    /* by id: the window's own id; 0: it does not know it yet */
	uint32_t cnt, cap;  /* ids that are known; room, for one more than that */
	uint32_t local_cnt; /* ids that the window knows */
};

struct relay {
	struct profile_sink to;
	struct intern *texts;
	struct profile_process *processes; /* these by id */
	uint64_t *cpu_before;		   /* by process: of it that was in windows before */
	uint32_t cpu_before_cnt;
	struct profile_thread *threads;
	struct profile_function *functions;
	struct profile_frame *frames;
	struct profile_stack *stacks;
	struct ids process_ids, thread_ids, function_ids, frame_ids, stack_ids;
	uint32_t *path; /* stacks that are still to be told, leaf first */
	size_t path_cap;
	struct profile_meta meta; /* the last that arrived */
	uint64_t start_unix_ns, ticks_before, filtered_before;
};

struct relay *relay__new(void)
{
	struct relay *r = xcalloc(1, sizeof(*r));

	r->texts = intern__new();
	return r;
}

void relay__free(struct relay *r)
{
	if (!r)
		return;
	free(r->processes);
	free(r->cpu_before);
	free(r->threads);
	free(r->functions);
	free(r->frames);
	free(r->stacks);
	free(r->process_ids.local);
	free(r->thread_ids.local);
	free(r->function_ids.local);
	free(r->frame_ids.local);
	free(r->stack_ids.local);
	free(r->path);
	intern__free(r->texts);
	free(r);
}

static const char *keep(struct relay *r, const char *text)
{
	return intern__bytes(r->texts,
			     intern__id(r->texts, text ? text : "", text ? strlen(text) : 0), NULL);
}

static bool is_known(const struct ids *t, uint32_t id)
{
	return id && id <= t->cnt;
}

static bool is_next(const struct ids *t, uint32_t id)
{
	return id == t->cnt + 1;
}

/* Makes an id known; its items, which may have moved. */
static void *add_id(struct ids *t, void *items, size_t size)
{
	uint32_t id = t->cnt + 1;

	if (id >= t->cap) {
		t->cap = t->cap ? t->cap * 2 : 64;
		items = xrealloc(items, (size_t)t->cap * size);
		t->local = xrealloc(t->local, (size_t)t->cap * sizeof(*t->local));
	}
	t->local[0] = t->local[id] = 0; /* nobody is nobody everywhere */
	t->cnt = id;
	return items;
}

static void forget(struct ids *t)
{
	if (t->local)
		memset(t->local, 0, ((size_t)t->cnt + 1) * sizeof(*t->local));
	t->local_cnt = 0;
}

/* ---- telling the window, on demand -------------------------------------------------------------
 */

static uint32_t tell_process(struct relay *r, uint32_t id, bool again)
{
	struct ids *t = &r->process_ids;
	struct profile_process out;

	if (!is_known(t, id))
		return 0;
	if (t->local[id] && !again)
		return t->local[id];
	if (!t->local[id])
		t->local[id] = ++t->local_cnt;
	out = r->processes[id];
	out.id = t->local[id];
	if (id < r->cpu_before_cnt)
		out.cpu_ns -= r->cpu_before[id];
	r->to.ops->process(r->to.ctx, &out);
	return out.id;
}

static uint32_t tell_thread(struct relay *r, uint32_t id, bool again)
{
	struct ids *t = &r->thread_ids;
	struct profile_thread out;

	if (!is_known(t, id))
		return 0;
	if (t->local[id] && !again)
		return t->local[id];
	out = r->threads[id];
	out.process = tell_process(r, out.process, false);
	if (!t->local[id])
		t->local[id] = ++t->local_cnt;
	out.id = t->local[id];
	r->to.ops->thread(r->to.ctx, &out);
	return out.id;
}

static uint32_t tell_function(struct relay *r, uint32_t id)
{
	struct ids *t = &r->function_ids;

	if (!t->local[id]) {
		struct profile_function out = r->functions[id];

		out.id = t->local[id] = ++t->local_cnt;
		r->to.ops->function(r->to.ctx, &out);
	}
	return t->local[id];
}

static uint32_t tell_frame(struct relay *r, uint32_t id)
{
	struct ids *t = &r->frame_ids;

	if (!t->local[id]) {
		struct profile_frame out = r->frames[id];

		out.function = tell_function(r, out.function);
		out.id = t->local[id] = ++t->local_cnt;
		r->to.ops->frame(r->to.ctx, &out);
	}
	return t->local[id];
}

/* Callers first: a stack's parent must be known before it. */
static uint32_t tell_stack(struct relay *r, uint32_t id)
{
	struct ids *t = &r->stack_ids;
	size_t depth = 0;

	if (!is_known(t, id))
		return 0;
	for (uint32_t s = id; s && !t->local[s]; s = r->stacks[s].parent) {
		xgrow(r->path, depth, r->path_cap);
		r->path[depth++] = s;
	}
	while (depth) {
		uint32_t s = r->path[--depth];
		struct profile_stack out = r->stacks[s];

		out.parent = t->local[out.parent];
		out.frame = tell_frame(r, out.frame);
		out.id = t->local[s] = ++t->local_cnt;
		r->to.ops->stack(r->to.ctx, &out);
	}
	return t->local[id];
}

/* ---- what arrives ---------------------------------------------------------------------------- */

/* As if the stream had begun with the window. */
static struct profile_meta of_window(const struct relay *r)
{
	struct profile_meta m = r->meta;
	uint64_t end = m.start_unix_ns + m.duration_ns;

	m.ticks -= r->ticks_before;
	m.filtered -= r->filtered_before;
	if (r->start_unix_ns) {
		m.start_unix_ns = r->start_unix_ns;
		m.duration_ns = end > m.start_unix_ns ? end - m.start_unix_ns : 0;
	}
	return m;
}

static void take_meta(void *ctx, const struct profile_meta *in)
{
	struct relay *r = ctx;
	struct profile_meta out;

	r->meta = *in;
	r->meta.tool = keep(r, in->tool);
	r->meta.command = keep(r, in->command);
	r->meta.target = keep(r, in->target);
	r->meta.host = keep(r, in->host);
	r->meta.kernel = keep(r, in->kernel);
	out = of_window(r);
	r->to.ops->meta(r->to.ctx, &out);
}

/* What is known better now is told again to a window that knows it already. */
static void take_process(void *ctx, const struct profile_process *in)
{
	struct relay *r = ctx;
	struct profile_process *p;

	if (is_next(&r->process_ids, in->id))
		r->processes = add_id(&r->process_ids, r->processes, sizeof(*r->processes));
	if (!is_known(&r->process_ids, in->id))
		return;
	p = &r->processes[in->id];
	*p = *in;
	p->command = keep(r, in->command);
	p->python = keep(r, in->python);
	p->interpreter = keep(r, in->interpreter);
	p->cgroup = keep(r, in->cgroup);
	if (r->process_ids.local[in->id])
		tell_process(r, in->id, true);
}

static void take_thread(void *ctx, const struct profile_thread *in)
{
	struct relay *r = ctx;

	if (!is_known(&r->process_ids, in->process))
		return;
	if (is_next(&r->thread_ids, in->id))
		r->threads = add_id(&r->thread_ids, r->threads, sizeof(*r->threads));
	if (!is_known(&r->thread_ids, in->id))
		return;
	r->threads[in->id] = *in;
	r->threads[in->id].name = keep(r, in->name);
	if (r->thread_ids.local[in->id])
		tell_thread(r, in->id, true);
}

static void take_function(void *ctx, const struct profile_function *in)
{
	struct relay *r = ctx;
	struct profile_function *f;

	if (!is_next(&r->function_ids, in->id))
		return;
	r->functions = add_id(&r->function_ids, r->functions, sizeof(*r->functions));
	f = &r->functions[in->id];
	*f = *in;
	f->name = keep(r, in->name);
	f->module = keep(r, in->module);
	f->file = keep(r, in->file);
	f->short_file = keep(r, in->short_file);
}

static void take_frame(void *ctx, const struct profile_frame *in)
{
	struct relay *r = ctx;

	if (!is_next(&r->frame_ids, in->id) || !is_known(&r->function_ids, in->function))
		return;
	r->frames = add_id(&r->frame_ids, r->frames, sizeof(*r->frames));
	r->frames[in->id] = *in;
}

static void take_stack(void *ctx, const struct profile_stack *in)
{
	struct relay *r = ctx;

	if (!is_next(&r->stack_ids, in->id) || in->parent >= in->id ||
	    !is_known(&r->frame_ids, in->frame))
		return;
	r->stacks = add_id(&r->stack_ids, r->stacks, sizeof(*r->stacks));
	r->stacks[in->id] = *in;
}

static void take_sample(void *ctx, const struct profile_sample *in)
{
	struct relay *r = ctx;
	struct profile_sample out = *in;

	out.thread = tell_thread(r, in->thread, false);
	out.stack = tell_stack(r, in->stack);
	r->to.ops->sample(r->to.ctx, &out);
}

static void take_loss(void *ctx, const struct profile_loss *in)
{
	struct relay *r = ctx;
	struct profile_loss out = *in;

	out.process = tell_process(r, in->process, false);
	r->to.ops->loss(r->to.ctx, &out);
}

static const struct profile_sink_ops relay_ops = {
	.meta = take_meta,
	.process = take_process,
	.thread = take_thread,
	.function = take_function,
	.frame = take_frame,
	.stack = take_stack,
	.sample = take_sample,
	.loss = take_loss,
};

struct profile_sink relay__sink(struct relay *r)
{
	return (struct profile_sink){&relay_ops, r};
}

static void keep_cpu(struct relay *r)
{
	r->cpu_before_cnt = r->process_ids.cnt + 1;
	r->cpu_before = xrealloc(r->cpu_before, r->cpu_before_cnt * sizeof(*r->cpu_before));
	for (uint32_t i = 1; i < r->cpu_before_cnt; i++)
		r->cpu_before[i] = r->processes[i].cpu_ns;
}

void relay__begin(struct relay *r, struct profile_sink to, uint64_t start_unix_ns)
{
	struct profile_meta begun;

	r->to = to;
	r->start_unix_ns = start_unix_ns;
	keep_cpu(r);
	forget(&r->process_ids);
	forget(&r->thread_ids);
	forget(&r->function_ids);
	forget(&r->frame_ids);
	forget(&r->stack_ids);
	if (!r->meta.tool)
		return; /* nothing has arrived yet */
	r->ticks_before = r->meta.ticks;
	r->filtered_before = r->meta.filtered;
	begun = of_window(r);
	begun.duration_ns = 0; /* until its end is known */
	begun.effective_rate_hz = 0;
	begun.complete = false;
	to.ops->meta(to.ctx, &begun);
}
