/* SPDX-License-Identifier: MIT */
/*
 * Types are told by their names, and by those of their bases: the interpreter hides the addresses of most. A task made in
 * C must be as large as the layout says, or else it is laid out in another way.
 */
#include "user/python/awaitables.h"
#include "user/python/modules.h"
#include "user/python/objects_common.h"
#include "user/python/type_name.h"
#include "user/util/alloc.h"
#include <string.h>

#define MAX_BASES 16
#define TID_BYTES 8 /* TaskObj.task_tid, at the end in free-threaded builds of 3.14 on */

/* FutureObj (Modules/_asynciomodule.c), the same in all versions */
#define FUTURE_LOOP_AT      16
#define FUTURE_CALLBACKS_AT 40
#define STATE_PENDING       0

bool awaitables_init(struct awaitables *a, const struct py_build *build, memory_read_fn read, void *ctx)
{
	*a = (struct awaitables){.layout = build->asyncio};
	return object_reader_init(&a->r, build, read, ctx) && a->layout;
}

/* ---- types ------------------------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	enum awaitable_kind kind;
} names[] = {
	{"NoneType", KIND_NONE},
	{"coroutine", AWAITABLE_COROUTINE},
	{"generator", AWAITABLE_GENERATOR},
	{"async_generator", AWAITABLE_ASYNC_GENERATOR},
	/* Objects/genobject.c: ags_gen, agt_gen, cw_coroutine; Objects/iterobject.c: wrapped */
	{"async_generator_asend", AWAITABLE_PROXY},
	{"async_generator_athrow", AWAITABLE_PROXY},
	{"coroutine_wrapper", AWAITABLE_PROXY},
	{"anext_awaitable", AWAITABLE_PROXY},
	{"_asyncio.Task", AWAITABLE_C_TASK},
	{"_asyncio.Future", AWAITABLE_C_FUTURE},
	{"asyncio.tasks.Task", AWAITABLE_PY_TASK},
	{"asyncio.futures.Future", AWAITABLE_PY_FUTURE},
	{"asyncio.taskgroups.TaskGroup", KIND_TASK_GROUP},
	{"TaskStepMethWrapper", KIND_TASK_STEP},
	{"TaskWakeupMethWrapper", KIND_TASK_STEP},
	{"function", KIND_FUNCTION},
	{"method", KIND_METHOD},
	{"builtin_function_or_method", KIND_C_METHOD},
	{"functools.partial", KIND_PARTIAL},
	{"cell", KIND_CELL},
	{"weakref", KIND_WEAKREF},
	{"weakref.ReferenceType", KIND_WEAKREF},
};

static bool has_size(struct awaitables *a, uint64_t type)
{
	uint64_t bytes, expected = a->layout->task_bytes + a->r.larger;

	if (a->r.larger && a->layout->task_node)
		expected += TID_BYTES;
	return object_read_u64(&a->r, object_at(&a->r, type, TP_BASICSIZE), &bytes) && bytes == expected;
}

static enum awaitable_kind kind_by_name(struct awaitables *a, uint64_t type)
{
	__cleanup_free char *name = NULL;
	uint64_t flags;

	if (object_read_u64(&a->r, object_at(&a->r, type, TP_FLAGS), &flags))
		name = type_name(&a->r, type, flags);
	for (size_t i = 0; name && i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i].name))
			return names[i].kind == AWAITABLE_C_TASK && !has_size(a, type) ? AWAITABLE_NOT : names[i].kind;
	return AWAITABLE_NOT;
}

static enum awaitable_kind classify(struct awaitables *a, uint64_t type)
{
	for (unsigned i = 0; type && i < MAX_BASES; i++) {
		enum awaitable_kind kind = kind_by_name(a, type);

		if (kind != AWAITABLE_NOT)
			return kind;
		if (!object_read_u64(&a->r, object_at(&a->r, type, TP_BASE), &type))
			break;
	}
	return AWAITABLE_NOT;
}

enum awaitable_kind awaitable_kind_of(struct awaitables *a, uint64_t addr)
{
	struct awaitable_type *known;
	uint64_t type;

	if (!object_read_u64(&a->r, object_at(&a->r, addr, OB_TYPE), &type) || !type)
		return AWAITABLE_NOT;
	known = &a->types[type / 16 % AWAITABLE_TYPES];
	if (known->addr != type)
		*known = (struct awaitable_type){type, classify(a, type)};
	return known->kind;
}

/* ---- futures ---------------------------------------------------------------------------------------------- */

static uint64_t word_at(struct awaitables *a, uint64_t addr, unsigned offset)
{
	uint64_t word;

	return object_read_u64(&a->r, object_at(&a->r, addr, offset), &word) ? word : 0;
}

uint64_t future_member(struct awaitables *a, uint64_t addr, enum awaitable_kind kind, enum future_member which)
{
	/* Lib/asyncio/futures.py, tasks.py */
	static const char *const attributes[] = {
		[FUTURE_LOOP] = "_loop", [FUTURE_CALLBACKS] = "_callbacks",
		[TASK_CORO] = "_coro",   [TASK_WAITER] = "_fut_waiter",
		[TASK_NAME] = "_name",
	};
	const struct py_asyncio *l = a->layout;
	const unsigned offsets[] = {
		[FUTURE_LOOP] = FUTURE_LOOP_AT, [FUTURE_CALLBACKS] = FUTURE_CALLBACKS_AT,
		[TASK_CORO] = l->task_coro,     [TASK_WAITER] = l->task_waiter,
		[TASK_NAME] = l->task_name,
	};
	uint64_t value = 0;

	if (kind == AWAITABLE_C_FUTURE || kind == AWAITABLE_C_TASK)
		value = word_at(a, addr, offsets[which]);
	else if (!instance_find(&a->r, addr, attributes[which], &value))
		value = 0;
	return value && awaitable_kind_of(a, value) != KIND_NONE ? value : 0;
}

bool future_is_pending(struct awaitables *a, uint64_t addr, enum awaitable_kind kind)
{
	uint32_t state;
	uint64_t at;
	bool pending;
	char *text;

	if (kind == AWAITABLE_C_FUTURE || kind == AWAITABLE_C_TASK)
		return object_read_bytes(&a->r, object_at(&a->r, addr, a->layout->future_state), &state,
					 sizeof(state)) &&
		       state == STATE_PENDING;
	if (!instance_find(&a->r, addr, "_state", &at)) /* the class has it until something happens */
		return true;
	text = object_read_str(&a->r, at);
	pending = text && !strcmp(text, "PENDING"); /* Lib/asyncio/base_futures.py */
	free(text);
	return pending;
}

/* ---- coroutines ------------------------------------------------------------------------------------------- */

/* What is awaited lies last on the stack of a frame that is not running; 0: there is nothing. */
static uint64_t awaited_of(struct awaitables *a, uint64_t frame)
{
	const struct py_asyncio *l = a->layout;
	uint64_t values = frame + a->r.build->layout.frame_locals_off, top;
	int32_t depth = 0;

	if (l->stack_top == PY_STACK_POINTER) {
		if (!object_read_u64(&a->r, frame + l->frame_top, &top) || !top)
			return 0;
		top -= 8;
	} else {
		if (l->stack_top == PY_STACK_DEPTH && !object_read_u64(&a->r, frame + l->frame_values, &values))
			return 0;
		if (!object_read_bytes(&a->r, frame + l->frame_top, &depth, sizeof(depth)) || depth <= 0)
			return 0;
		top = values + 8ull * (uint32_t)(depth - 1);
	}
	top -= 8ull * l->values_above;
	return object_read_u64(&a->r, top, &top) ? top & ~ABI_REF_TAGS : 0;
}

/* Objects/genobject.c, _PyGen_yf() up to 3.12: the opcode that it will go on with. */
static bool next_instruction(struct awaitables *a, uint64_t frame, uint8_t op[2])
{
	const struct abi_py_layout *l = &a->r.build->layout;
	uint64_t at;
	int32_t last;

	if (l->mech & ABI_MECH_IP_POINTER)
		return object_read_u64(&a->r, frame + l->frame_ip_off, &at) && object_read_bytes(&a->r, at + 2, op, 2);
	if (!object_read_bytes(&a->r, frame + l->frame_ip_off, &last, sizeof(last)) || last < 0 ||
	    !object_read_u64(&a->r, frame + l->frame_code_off, &at) ||
	    !object_read_u64(&a->r, at + a->layout->code_bytes, &at))
		return false;
	at += l->bytes_data_off + (uint64_t)last * (l->mech & ABI_MECH_IP_UNITS ? 2 : 1);
	return object_read_bytes(&a->r, at + 2, op, 2);
}

/* A generator may be suspended in a `yield` of its own, with anything on its stack; coroutines never are. */
static bool is_in_await(struct awaitables *a, uint64_t frame, enum awaitable_kind kind)
{
	uint8_t op[2];

	if (kind != AWAITABLE_GENERATOR || !a->layout->await_opcode)
		return true;
	return next_instruction(a, frame, op) && op[0] == a->layout->await_opcode && op[1] >= a->layout->await_arg;
}

uint64_t coroutine_frame(struct awaitables *a, uint64_t addr, enum awaitable_kind kind, uint64_t *inner,
			 bool *not_started)
{
	const struct py_asyncio *l = a->layout;
	uint64_t frame = object_at(&a->r, addr, l->generator_frame);
	int8_t state = 0;

	*inner = 0;
	if (l->generator_state) {
		if (!object_read_bytes(&a->r, object_at(&a->r, addr, l->generator_state), &state, 1))
			return 0;
		*not_started = state == l->not_started;
		if (state >= l->awaits && state <= l->awaits_last && is_in_await(a, frame, kind))
			*inner = awaited_of(a, frame);
		return state > l->running ? 0 : frame;
	}
	frame = word_at(a, addr, l->generator_frame);
	if (frame && is_in_await(a, frame, kind))
		*inner = awaited_of(a, frame);
	return frame;
}
