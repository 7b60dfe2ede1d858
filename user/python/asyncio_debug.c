/* SPDX-License-Identifier: MIT */
/*
 * Modules/_asynciomodule.c (3.14 on): struct _Py_AsyncioModuleDebugOffsets {asyncio_task_object {size, task_name,
 * task_awaited_by, task_is_task, task_awaited_by_is_set, task_coro, task_node}, asyncio_interpreter_state {size,
 * asyncio_tasks_head}, asyncio_thread_state {size, asyncio_running_loop, asyncio_running_task, asyncio_tasks_head}},
 * all u64. It does not say its version: what it holds must lie within the sizes that it states.
 */
#include "user/python/asyncio_debug.h"
#include "user/python/objects_common.h"
#include "user/symbol/elf.h"
#include <string.h>

enum {
	TASK_SIZE,
	TASK_NAME,
	AWAITED_BY,
	IS_TASK,
	AWAITED_BY_IS_SET,
	TASK_CORO,
	TASK_NODE,
	INTERP_SIZE,
	INTERP_TASKS,
	THREAD_SIZE,
	THREAD_LOOP,
	THREAD_TASK,
	THREAD_TASKS,
};

#define TASK_SIZE_MAX   4096u
#define INTERP_SIZE_MAX (16u << 20)
#define THREAD_SIZE_MAX (1u << 20)
#define NODE            16 /* struct llist_node {next, prev} */
#define CORO_QUALNAME   32 /* Include/internal/pycore_interpframe_structs.h: _PyGenObject_HEAD */

/* Do so many bytes at each of these members lie within the struct? */
static bool lies_in(const uint64_t *words, unsigned size, uint64_t max, const unsigned members[3])
{
	for (unsigned i = 0; i < 3; i++)
		if (words[size] > max || words[members[i]] < 8 || words[members[i]] > words[size] - NODE)
			return false;
	return true;
}

static bool is_sane(const uint64_t *w)
{
	const unsigned task[] = {TASK_CORO, TASK_NODE, AWAITED_BY},
		       task_too[] = {TASK_NAME, IS_TASK, AWAITED_BY_IS_SET};
	const unsigned interp[] = {INTERP_TASKS, INTERP_TASKS, INTERP_TASKS};
	const unsigned thread[] = {THREAD_LOOP, THREAD_TASK, THREAD_TASKS};

	return w[TASK_SIZE] >= NODE && w[INTERP_SIZE] >= NODE && w[THREAD_SIZE] >= NODE &&
	       lies_in(w, TASK_SIZE, TASK_SIZE_MAX, task) && lies_in(w, TASK_SIZE, TASK_SIZE_MAX, task_too) &&
	       lies_in(w, INTERP_SIZE, INTERP_SIZE_MAX, interp) && lies_in(w, THREAD_SIZE, THREAD_SIZE_MAX, thread);
}

bool asyncio_debug_decode(const uint64_t words[ASYNCIO_DEBUG_WORDS], struct py_asyncio_debug *out)
{
	*out = (struct py_asyncio_debug){0};
	if (!is_sane(words))
		return false;
	*out = (struct py_asyncio_debug){
		.task_bytes = (uint16_t)words[TASK_SIZE],
		.task_name = (uint16_t)words[TASK_NAME],
		.awaited_by = (uint16_t)words[AWAITED_BY],
		.is_task = (uint16_t)words[IS_TASK],
		.awaited_by_is_set = (uint16_t)words[AWAITED_BY_IS_SET],
		.task_coro = (uint16_t)words[TASK_CORO],
		.task_node = (uint16_t)words[TASK_NODE],
		.interp_tasks = (uint32_t)words[INTERP_TASKS],
		.thread_loop = (uint32_t)words[THREAD_LOOP],
		.thread_task = (uint32_t)words[THREAD_TASK],
		.thread_tasks = (uint32_t)words[THREAD_TASKS],
	};
	return true;
}

bool asyncio_debug_read(const struct elf_file *e, struct py_asyncio_debug *out)
{
	uint64_t words[ASYNCIO_DEBUG_WORDS], vaddr, size;

	*out = (struct py_asyncio_debug){0};
	return elf_file__section(e, ".AsyncioDebug", &vaddr, &size) && size >= sizeof(words) &&
	       elf_file__read(e, vaddr, words, sizeof(words)) && asyncio_debug_decode(words, out);
}

/* The section has what it says of tasks where the layout has it, or the rest of the layout is not believed either. */
bool asyncio_debug_fits(const struct py_asyncio_debug *debug, const struct py_build *build)
{
	const struct py_asyncio *l = build->asyncio;
	unsigned larger = build->layout.type_off - OB_TYPE;

	return debug->task_bytes && l && l->task_node && debug->task_coro == l->task_coro + larger &&
	       debug->task_name == l->task_name + larger && debug->task_node == l->task_node + larger &&
	       debug->awaited_by == l->awaited_by + larger && debug->awaited_by_is_set == l->awaited_by_is_set + larger;
}

void asyncio_debug_apply(const struct py_asyncio_debug *debug, struct py_build *build)
{
	struct abi_py_layout *l = &build->layout;

	if (!asyncio_debug_fits(debug, build) || debug->thread_task > UINT16_MAX ||
	    debug->task_name + 8u > ABI_TASK_BLOCK || debug->task_coro + 8u > ABI_TASK_BLOCK ||
	    debug->awaited_by + 8u > ABI_TASK_BLOCK || debug->is_task >= ABI_TASK_BLOCK ||
	    debug->awaited_by_is_set >= ABI_TASK_BLOCK)
		return;
	build->asyncio_debug = *debug;
	l->ts_task_off = (uint16_t)debug->thread_task;
	l->task_name_off = debug->task_name;
	l->task_coro_off = debug->task_coro;
	l->coro_name_off = (uint16_t)(CORO_QUALNAME + l->type_off - OB_TYPE);
	l->task_awaiter_off = debug->awaited_by;
	l->task_several_off = debug->awaited_by_is_set;
	l->task_is_task_off = debug->is_task;
}
