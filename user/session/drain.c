/* SPDX-License-Identifier: MIT */
#include "user/session/drain.h"
#include <errno.h>
#include <stdbool.h>

static bool native_fits(const struct abi_sample *s, size_t size)
{
	size_t frames = sizeof(*s) + s->frame_cnt * sizeof(struct abi_frame);
	const struct abi_native *n = abi_native_of(s);

	if (!n)
		return true;
	return size >= frames + sizeof(*n) && n->kernel_cnt <= ABI_MAX_KERNEL && n->native_cnt <= ABI_MAX_NATIVE &&
	       n->run_cnt <= ABI_MAX_RUNS && n->end < ABI_NATIVE_END_CNT &&
	       size >= frames + sizeof(*n) + abi_native_bytes(n);
}

static bool sample_fits(const void *data, size_t size)
{
	const struct abi_sample *s = data;

	return size >= sizeof(*s) && s->frame_cnt <= ABI_MAX_FRAMES && s->outcome < ABI_OUTCOME_CNT &&
	       s->source < ABI_SOURCE_CNT && size >= sizeof(*s) + s->frame_cnt * sizeof(struct abi_frame) &&
	       native_fits(s, size);
}

static bool code_fits(const void *data, size_t size)
{
	const struct abi_code *c = data;

	return size >= sizeof(*c) && c->name.bytes <= ABI_MAX_TEXT && c->file.bytes <= ABI_MAX_TEXT &&
	       c->module.bytes <= ABI_MAX_TEXT && size >= sizeof(*c) + c->name.bytes + c->file.bytes + c->module.bytes;
}

static bool lines_fit(const void *data, size_t size)
{
	const struct abi_lines *l = data;

	return size >= sizeof(*l) && l->bytes <= ABI_CODE_CHUNK && size >= sizeof(*l) + l->bytes;
}

static bool tasks_fit(const void *data, size_t size)
{
	const struct abi_tasks *t = data;
	const struct abi_task *task = (const struct abi_task *)(t + 1);

	if (size < sizeof(*t) || !t->cnt || t->cnt > ABI_MAX_TASKS || size < sizeof(*t) + t->cnt * sizeof(*task))
		return false;
	for (unsigned i = 0; i < t->cnt; i++)
		if (task[i].name.bytes > ABI_TASK_TEXT || task[i].coroutine.bytes > ABI_TASK_TEXT)
			return false;
	return true;
}

/* A text with its end. */
static bool cgroup_fits(const void *data, size_t size)
{
	const struct abi_cgroup_rec *c = data;
	size_t head = offsetof(struct abi_cgroup_rec, path);

	return size >= head && c->path_bytes && c->path_bytes <= ABI_CGROUP_PATH && size >= head + c->path_bytes &&
	       !c->path[c->path_bytes - 1];
}

int drain_record(const void *data, size_t size, const struct drain_handlers *h, void *ctx)
{
	const struct abi_hdr *hdr = data;

	if (size < sizeof(*hdr) || hdr->size > size)
		return -EBADMSG;
	if (hdr->kind == ABI_REC_SAMPLE && sample_fits(data, size))
		h->sample(ctx, data);
	else if (hdr->kind == ABI_REC_CODE && code_fits(data, size))
		h->code(ctx, data);
	else if (hdr->kind == ABI_REC_LINES && lines_fit(data, size))
		h->lines(ctx, data);
	else if (hdr->kind == ABI_REC_PROC && size >= sizeof(struct abi_proc_rec))
		h->process(ctx, data);
	else if (hdr->kind == ABI_REC_EXIT && size >= sizeof(struct abi_exit))
		h->exit(ctx, data);
	else if (hdr->kind == ABI_REC_INVALIDATE && size >= sizeof(struct abi_invalidate))
		h->invalidate(ctx, data);
	else if (hdr->kind == ABI_REC_CPU && size >= sizeof(struct abi_cpu_rec))
		h->cpu(ctx, data);
	else if (hdr->kind == ABI_REC_TASKS && tasks_fit(data, size))
		h->tasks(ctx, data);
	else if (hdr->kind == ABI_REC_PROGRAM && size >= sizeof(struct abi_program_rec))
		h->program(ctx, data);
	else if (hdr->kind == ABI_REC_CGROUP && cgroup_fits(data, size))
		h->cgroup(ctx, data);
	else if (hdr->kind != ABI_REC_WAKE)
		return -EBADMSG;
	return 0;
}
