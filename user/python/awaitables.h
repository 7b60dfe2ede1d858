/* SPDX-License-Identifier: MIT */
/* Objects that can be awaited, and what they are made of: which is which, and a few of their members. */
#pragma once
#include "user/python/asyncio_debug.h"
#include "user/python/objects.h"

enum awaitable_kind {
	AWAITABLE_NOT, /* nor anything else here */
	AWAITABLE_COROUTINE,
	AWAITABLE_GENERATOR,
	AWAITABLE_ASYNC_GENERATOR,
	AWAITABLE_PROXY,     /* its first member is what is awaited: __anext__() of an async generator */
	AWAITABLE_C_FUTURE,  /* of the _asyncio module, or derived from it */
	AWAITABLE_C_TASK,    /* … */
	AWAITABLE_PY_FUTURE, /* of asyncio's own classes in Python … */
	AWAITABLE_PY_TASK,
	KIND_NONE,
	KIND_TASK_GROUP,
	KIND_TASK_STEP, /* its first member is a task that goes on when it is called (up to 3.8) */
	KIND_FUNCTION,
	KIND_METHOD,
	KIND_C_METHOD,
	KIND_PARTIAL,
	KIND_CELL,
	KIND_WEAKREF,
};

struct awaitable_type {
	uint64_t addr;
	enum awaitable_kind kind;
};

#define AWAITABLE_TYPES 256

struct awaitables {
	struct object_reader r;
	const struct py_asyncio *layout;
	const struct py_asyncio_debug *debug;
	struct awaitable_type types[AWAITABLE_TYPES]; /* that were met */
};

/* False when asyncio of this build is not known. */
bool awaitables_init(struct awaitables *a, const struct py_build *build, memory_read_fn read, void *ctx);
enum awaitable_kind awaitable_kind_of(struct awaitables *a, uint64_t addr);

static inline bool awaitable_is_task(enum awaitable_kind kind)
{
	return kind == AWAITABLE_C_TASK || kind == AWAITABLE_PY_TASK;
}
static inline bool awaitable_is_future(enum awaitable_kind kind)
{
	return kind >= AWAITABLE_C_FUTURE && kind <= AWAITABLE_PY_TASK;
}

enum future_member { FUTURE_LOOP, FUTURE_CALLBACKS, TASK_CORO, TASK_WAITER, TASK_NAME };
/* A member of a future or task of this kind; 0: it has none, or None. */
uint64_t future_member(struct awaitables *a, uint64_t addr, enum awaitable_kind kind, enum future_member which);
bool future_is_pending(struct awaitables *a, uint64_t addr, enum awaitable_kind kind);

/*
 * The frame that a coroutine or generator has; 0: none any more. `*inner`: what it waits for in an await; 0: it runs, has
 * not started, or waits for nothing. `not_started` is left alone where only the frame tells (up to 3.10).
 */
uint64_t coroutine_frame(struct awaitables *a, uint64_t addr, enum awaitable_kind kind, uint64_t *inner,
			 bool *not_started);
