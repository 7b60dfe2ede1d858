/* SPDX-License-Identifier: MIT */
/*
 * Modules/_threadmodule.c, after PyObject: rlockobject {rlock_lock, rlock_owner, rlock_count} up to 3.13, and from 3.14 on
 * {lock: _PyRecursiveMutex {mutex, thread, level}} (Include/internal/pycore_lock.h), which has the owner in the same place;
 * lockobject {lock_lock} or, in later releases of 3.13, {lock: PyMutex}.
 *
 * Who sleeps on a PyThread_type_lock does so on the semaphore that it points to (Python/thread_pthread.h). Who sleeps on a
 * PyMutex has a semaphore of its own on its stack, behind the address of the mutex (Python/parking_lot.c: struct
 * wait_entry {park_arg, addr, sema}). Either way, an address that is found in both proves that it is this lock.
 *
 * Where only the semaphore is known, the lock is among what the waiting function has in its hands: its variables and
 * the interpreter's stack, on which a lock or a method of it lies while it is called. What is left there of earlier is
 * no danger, because of the proof.
 */
#include "user/python/locks.h"
#include "user/python/modules.h"
#include "user/python/objects_common.h"
#include "user/python/type_name.h"
#include "user/util/alloc.h"
#include <string.h>

#define SLOTS       256 /* of a frame that are looked through */
#define WAITER_ADDR -8  /* from wait_entry.sema to wait_entry.addr */
#define LOCK_OWNER  8   /* from the lock's own first member */
#define LOCK_COUNT  16

struct search {
	struct object_reader r;
	uint64_t futex;
	uint64_t slots[SLOTS];
	size_t cnt;
	struct py_lock_wait *out;
};

static bool sleeps_on(struct search *s, uint64_t lock)
{
	uint64_t at;

	if (object_read_u64(&s->r, object_at(&s->r, lock, OB_BODY), &at) && at == s->futex)
		return true;
	return object_read_u64(&s->r, s->futex + WAITER_ADDR, &at) && at == object_at(&s->r, lock, OB_BODY);
}

static bool has_type(struct search *s, uint64_t addr, const char *wanted)
{
	__cleanup_free char *name = object_type_name(&s->r, addr);

	return name && !strcmp(name, wanted);
}

/* ---- locks with an owner, made in C --------------------------------------------------------------------- */

static bool take_rlock(struct search *s, uint64_t lock)
{
	uint64_t owner;

	if (!sleeps_on(s, lock) || !has_type(s, lock, "_thread.RLock") ||
	    !object_read_u64(&s->r, object_at(&s->r, lock, OB_BODY) + LOCK_OWNER, &owner) || !owner)
		return false;
	*s->out = (struct py_lock_wait){.kind = "RLock", .owner = owner};
	return true;
}

static bool find_rlock(struct search *s)
{
	uint64_t at;

	if (object_read_u64(&s->r, s->futex + WAITER_ADDR, &at) && take_rlock(s, at - object_at(&s->r, 0, OB_BODY)))
		return true;
	for (size_t i = 0; i < s->cnt; i++) {
		uint64_t thing = s->slots[i] & ~ABI_REF_TAGS;

		if (!thing)
			continue;
		if (take_rlock(s, thing) ||
		    (object_read_u64(&s->r, object_at(&s->r, thing, BOUND_SELF), &at) && take_rlock(s, at)))
			return true;
	}
	return false;
}

/* ---- locks of Python classes: the first variable of the function that waits is `self` --------------------- */

/* Lib/importlib/_bootstrap.py: _ModuleLock; Lib/threading.py: _RLock. */
static const struct {
	const char *type, *kind, *inner, *owner, *name;
} classes[] = {
	{"_frozen_importlib._ModuleLock", "import lock", "wakeup", "owner", "name"},
	{"importlib._bootstrap._ModuleLock", "import lock", "wakeup", "owner", "name"},
	{"threading._RLock", "RLock", "_block", "_owner", NULL},
};

static bool find_of_class(struct search *s)
{
	uint64_t self = s->cnt ? s->slots[0] & ~ABI_REF_TAGS : 0, at, owner;
	__cleanup_free char *type = self ? object_type_name(&s->r, self) : NULL;

	for (size_t i = 0; type && i < ARRAY_SIZE(classes); i++) {
		if (strcmp(type, classes[i].type) || !instance_find(&s->r, self, classes[i].inner, &at) ||
		    !sleeps_on(s, at) || !instance_find(&s->r, self, classes[i].owner, &at) ||
		    !object_read_int(&s->r, at, &owner) || !owner)
			continue;
		*s->out = (struct py_lock_wait){.kind = classes[i].kind, .owner = owner};
		if (classes[i].name && instance_find(&s->r, self, classes[i].name, &at))
			s->out->name = object_read_str(&s->r, at);
		return true;
	}
	return false;
}

void py_lock_find(const struct py_locks_reader *from, uint64_t frame_addr, uint64_t futex, struct py_lock_wait *out)
{
	struct search s = {.futex = futex, .out = out};
	uint64_t slots = frame_addr + from->build->layout.frame_locals_off;

	*out = (struct py_lock_wait){0};
	if (!futex || !object_reader_init(&s.r, from->build, from->read, from->ctx))
		return;
	/* what comes behind may not be there */
	for (s.cnt = SLOTS; s.cnt && !object_read_bytes(&s.r, slots, s.slots, s.cnt * sizeof(*s.slots));)
		s.cnt /= 2;
	if (!find_rlock(&s))
		find_of_class(&s);
}
