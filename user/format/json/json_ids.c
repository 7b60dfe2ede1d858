/*
 * What the reader of our JSON found, told to the sink: the file's tables with their positions as
 * ids, then threads, functions, frames and stacks as samples name them.
 */
#include "user/format/json/json_ids.h"
#include "user/format/json/json_fields.h"
#include "user/util/log.h"
#include <errno.h>
#include <string.h>

void json_tell_meta(struct json_reader *r)
{
	const struct json_top *t = &r->items.top;
	struct profile_meta m = {
		.tool = json_text(r, t->tool),
		.command = json_text(r, t->command),
		.target = json_text(r, t->target ? t->target : t->process_name),
		.host = json_text(r, t->host),
		.kernel = json_text(r, t->kernel),
		.start_unix_ns = t->start_ns ? t->start_ns : r->first_ns,
		.duration_ns = t->duration_ns,
		.rate_hz = t->rate,
		.effective_rate_hz = t->effective_rate,
		.cpus = t->cpus,
		.ticks = t->ticks,
		.filtered = t->filtered,
		.gil_only = t->gil_only,
		.complete = !t->incomplete,
	};

	if (!m.duration_ns && r->last_ns > m.start_unix_ns)
		m.duration_ns = r->last_ns - m.start_unix_ns;
	r->sink.ops->meta(r->sink.ctx, &m);
}

static uint32_t tell_process(struct json_reader *r, const struct json_process *in)
{
	struct profile_process p = {
		.id = ++r->process_cnt,
		.pid = in->pid,
		.parent_pid = in->parent_pid,
		.start_unix_ns = in->start_ns,
		.command = json_text(r, in->command),
		.python = json_text(r, in->python),
		.interpreter = json_text(r, in->interpreter),
		.cgroup = json_text(r, in->cgroup),
		.cpu_ns = in->cpu_ns,
	};

	r->sink.ops->process(r->sink.ctx, &p);
	*pair_map__slot(&r->pids, 0, p.pid) = p.id;
	return p.id;
}

/* Of a thread_id that is no number of 32 bits the text is the thread's name. */
static uint32_t tell_thread(struct json_reader *r, uint32_t process, uint32_t thread_id,
			    const char *name)
{
	struct profile_thread t = {.id = ++r->thread_cnt, .process = process, .name = name};
	int64_t tid;

	if (json_to_integer(json_text(r, thread_id), 0, UINT32_MAX, &tid))
		t.tid = (uint32_t)tid;
	else if (!*name)
		t.name = json_text(r, thread_id);
	r->sink.ops->thread(r->sink.ctx, &t);
	*pair_map__slot(&r->thread_ids, process, thread_id) = t.id;
	return t.id;
}

/* `functions` is keyed by "module.qualname"; the model has the two apart. */
static void tell_function(struct json_reader *r, const struct json_function *in)
{
	const char *name = json_text(r, in->name), *module = json_text(r, in->module);
	size_t len = strlen(module);
	bool has_module = len && !strncmp(name, module, len) && name[len] == '.';
	struct profile_function f = {
		.id = ++r->function_cnt,
		.name = has_module ? name + len + 1 : name,
		.module = has_module ? module : "",
		.file = json_text(r, in->file),
		.short_file = json_text(r, in->short_file ? in->short_file : in->file),
		.first_line = in->line,
		.origin = (enum profile_origin)in->origin,
	};

	if (!strcmp(f.name, "[unnamed]")) /* what view__function_text makes of no name */
		f.name = "";
	r->sink.ops->function(r->sink.ctx, &f);
}

static uint32_t process_of_pid(struct json_reader *r, uint32_t pid)
{
	uint32_t id = pair_map__get(&r->pids, 0, pid);
	struct json_process made = {.pid = pid, .command = r->items.top.process_name};

	return id || r->fn ? id : tell_process(r, &made);
}

static int tell_threads(struct json_reader *r)
{
	for (size_t i = 0; i < r->threads_cnt; i++) {
		const struct json_thread *t = &r->threads[i];

		if (t->process > r->processes_cnt) {
			log_error("%s: thread %zu: there is no process %u", r->path, i,
				  t->process - 1);
			return -EINVAL;
		}
		tell_thread(r, t->process ? t->process : process_of_pid(r, t->pid), t->thread_id,
			    json_text(r, t->name));
	}
	return 0;
}

static void tell_losses(struct json_reader *r)
{
	for (size_t i = 0; i < r->losses_cnt; i++) {
		const struct json_loss *in = &r->losses[i];
		struct profile_loss l = {
			.from_unix_ns = in->from_ns,
			.to_unix_ns = in->to_ns,
			.reason = json_text(r, in->reason),
			.sentence = json_text(r, in->sentence),
			.count = in->samples,
			.value_ns = in->time_ns,
			.process = in->process,
			.failure = !in->no_failure,
		};

		r->sink.ops->loss(r->sink.ctx, &l);
	}
}

int json_tell_tables(struct json_reader *r)
{
	int err;

	json_tell_meta(r);
	for (size_t i = 0; i < r->processes_cnt; i++)
		tell_process(r, &r->processes[i]);
	err = tell_threads(r);
	for (size_t i = 0; i < r->functions_cnt; i++)
		tell_function(r, &r->functions[i]);
	tell_losses(r);
	return err;
}

uint32_t json_thread_of(struct json_reader *r, uint32_t pid, uint32_t thread_id)
{
	uint32_t process = process_of_pid(r, pid);
	uint32_t id = pair_map__get(&r->thread_ids, process, thread_id);

	return id || r->fn ? id : tell_thread(r, process, thread_id, "");
}

uint32_t json_function_of(struct json_reader *r, uint32_t name, uint32_t variant)
{
	uint32_t id = pair_map__get(&r->variants, name, variant);
	struct json_function made = {.name = name};

	if (id || r->fn || variant)
		return id;
	tell_function(r, &made);
	*pair_map__slot(&r->variants, name, 0) = r->function_cnt;
	return r->function_cnt;
}

uint32_t json_frame_of(struct json_reader *r, uint32_t function, int32_t line)
{
	struct profile_frame f = {.function = function, .line = line};
	uint32_t *slot, id = pair_map__get(&r->frames, function, (uint32_t)line);

	if (id || r->fn)
		return id;
	slot = pair_map__slot(&r->frames, function, (uint32_t)line);
	*slot = f.id = ++r->frame_cnt;
	r->sink.ops->frame(r->sink.ctx, &f);
	return f.id;
}

uint32_t json_stack_of(struct json_reader *r, uint32_t parent, uint32_t frame)
{
	struct profile_stack s = {.parent = parent, .frame = frame};
	uint32_t *slot, id = pair_map__get(&r->stacks, parent, frame);

	if (id || r->fn)
		return id;
	slot = pair_map__slot(&r->stacks, parent, frame);
	*slot = s.id = ++r->stack_cnt;
	r->sink.ops->stack(r->sink.ctx, &s);
	return s.id;
}
