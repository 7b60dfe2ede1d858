/* SPDX-License-Identifier: MIT */
/* Ids of what the reader of our JSON found: rows of the file's tables, and what samples name and no table knows. */
#include "user/format/json/json_ids.h"
#include <string.h>

void json_add_process(struct json_reader *r, struct profile_process *p)
{
	p->id = ++r->process_cnt;
	r->sink.ops->process(r->sink.ctx, p);
	*pair_map__slot(&r->pids, 0, p->pid) = p->id;
}

uint32_t json_process_of(struct json_reader *r, uint32_t pid)
{
	uint32_t id = pair_map__get(&r->pids, 0, pid);
	struct profile_process made = {
		.pid = pid, .command = r->process_name, .python = "", .interpreter = "", .cgroup = "", .rights = ""};

	if (id || r->fn)
		return id;
	json_add_process(r, &made);
	return made.id;
}

/* A thread_id that is no number of 32 bits is the thread's name, where it has no other. */
void json_add_thread(struct json_reader *r, struct profile_thread *t, uint32_t thread_id)
{
	int64_t tid;

	t->id = ++r->thread_cnt;
	if (json_to_whole(json_text(r, thread_id), 0, UINT32_MAX, &tid))
		t->tid = (uint32_t)tid;
	else if (!*t->name)
		t->name = json_text(r, thread_id);
	r->sink.ops->thread(r->sink.ctx, t);
	*pair_map__slot(&r->thread_ids, t->process, thread_id) = t->id;
}

uint32_t json_thread_of(struct json_reader *r, uint32_t process, uint32_t thread_id)
{
	uint32_t id = pair_map__get(&r->thread_ids, process, thread_id);
	struct profile_thread made = {.process = process, .name = ""};

	if (id || r->fn)
		return id;
	json_add_thread(r, &made, thread_id);
	return made.id;
}

void json_add_function(struct json_reader *r, struct profile_function *f, uint32_t name, uint32_t variant)
{
	size_t len = strlen(f->module);

	f->id = ++r->function_cnt;
	f->name = json_text(r, name);
	if (f->kind == PROFILE_PYTHON) { /* names of others do not begin with what they belong to */
		bool has_module = len && !strncmp(f->name, f->module, len) && f->name[len] == '.';

		f->name += has_module ? len + 1 : 0;
		f->module = has_module ? f->module : "";
	}
	if (!strcmp(f->name, "[unnamed]")) /* what view__function_text makes of no name */
		f->name = "";
	r->sink.ops->function(r->sink.ctx, f);
	*pair_map__slot(&r->variants, name, variant) = f->id;
}

uint32_t json_function_of(struct json_reader *r, uint32_t name, uint32_t variant)
{
	uint32_t id = pair_map__get(&r->variants, name, variant);
	struct profile_function made = {.module = "", .file = "", .short_file = ""};

	if (id || r->fn || variant)
		return id;
	json_add_function(r, &made, name, 0);
	return made.id;
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
