/* SPDX-License-Identifier: MIT */
/*
 * _PyRuntime → interpreter → sys.modules["threading"]._active → {ident: Thread} →
 * Thread._name, all of it the same in Lib/threading.py of 3.8 to 3.13. The process runs on
 * meanwhile; a name counts only when the Thread's own _ident is the key it was found under.
 *
 * `_active` is the same dict as long as the module lives (also after a fork, which empties and fills it), so where it
 * is need be found only once; the names of attributes are the same strings in all Threads.
 */
#include "user/python/thread_names.h"
#include "user/python/modules.h"
#include "user/python/objects.h"
#include "user/util/alloc.h"
#include <errno.h>

#define __cleanup_dict __attribute__((cleanup(object_dict__free)))

/* struct pyinterpreters {mutex, head, main, …} in _PyRuntimeState */
#define MAIN_AFTER_HEAD 8

#define MAX_INTERPS 256

enum attribute { IDENT, NAME, NATIVE_ID, ATTRIBUTE_CNT };
static const char *const attribute_names[] = {"_ident", "_name", "_native_id"};

struct reading {
	struct object_reader r;
	const struct thread_name_sink *to;
	uint64_t attributes[ATTRIBUTE_CNT]; /* addresses of their names; 0 not known yet */
};

static uint64_t find_active(struct object_reader *r, uint64_t interp)
{
	uint64_t at;

	return module_find(r, module_dict(r, interp, "threading"), "_active", &at) ? at : 0;
}

static bool find_attribute(struct reading *g, struct object_dict *attributes, enum attribute which, uint64_t *value)
{
	uint64_t key;

	for (uint32_t i = 0; g->attributes[which] && i < attributes->count; i++)
		if (object_dict__entry(attributes, i, &key, value) && key == g->attributes[which])
			return true;
	if (!object_dict__find(attributes, &g->r, attribute_names[which], value))
		return false;
	for (uint32_t i = 0; i < attributes->count; i++) {
		uint64_t found;

		if (object_dict__entry(attributes, i, &key, &found) && found == *value)
			g->attributes[which] = key;
	}
	return true;
}

/* Passes it on when its own ident is that of its key. */
static void read_thread(struct reading *g, uint64_t thread, uint64_t ident)
{
	__cleanup_dict struct object_dict attributes = {0};
	struct python_thread t = {.ident = ident};
	__cleanup_free char *name = NULL;
	uint64_t at, own_ident;

	if (!object_dict__open_instance(&attributes, &g->r, thread) || !find_attribute(g, &attributes, IDENT, &at) ||
	    !object_read_int(&g->r, at, &own_ident) || own_ident != ident)
		return;
	if (!find_attribute(g, &attributes, NATIVE_ID, &at) || !object_read_int(&g->r, at, &t.native_id))
		t.native_id = 0;
	if (find_attribute(g, &attributes, NAME, &at))
		name = object_read_str(&g->r, at);
	t.name = name;
	if (name)
		g->to->found(g->to->ctx, &t);
}

/* False when this is not, or not any more, the dict of active threads. */
static bool read_active(struct reading *g, uint64_t at)
{
	__cleanup_dict struct object_dict active = {0};
	bool sane = false;

	if (!at || !object_dict__open(&active, &g->r, at))
		return false;
	for (uint32_t i = 0; i < active.count; i++) {
		uint64_t key, thread, ident;

		if (!object_dict__entry(&active, i, &key, &thread) || !object_read_int(&g->r, key, &ident))
			continue;
		sane = true;
		if (!g->to->wanted || g->to->wanted(g->to->ctx, ident))
			read_thread(g, thread, ident);
	}
	return sane;
}

static int read_main(struct reading *g, uint64_t interp)
{
	uint64_t *kept = g->to->active, at;

	if (kept && read_active(g, *kept))
		return 0;
	at = find_active(&g->r, interp);
	if (kept)
		*kept = at;
	return read_active(g, at) ? 0 : -ENOENT;
}

/* Include/internal/pycore_pystate.h (3.7 on), _PyRuntimeState.interpreters: {…, head, main} */
static bool find_main(struct object_reader *r, uint64_t runtime_addr, uint64_t head, uint64_t *main)
{
	const struct py_objects *o = r->objects;
	uint64_t next = head;

	if (o->interp_id)
		return object_read_u64(r, runtime_addr + (int64_t)o->runtime_interp_head + MAIN_AFTER_HEAD, main);
	for (unsigned i = 0; next && i < MAX_INTERPS; i++) {
		*main = next;
		if (!object_read_u64(r, next + o->interp_next, &next))
			return false;
	}
	return head && !next;
}

/* Each sub-interpreter has a threading module of its own, which knows a thread that came from outside as a dummy. */
int thread_names_read(const struct py_build *build, uint64_t runtime_addr, memory_read_fn read, void *read_ctx,
		      const struct thread_name_sink *to)
{
	const struct py_objects *o = &build->objects;
	struct reading g = {.to = to};
	struct object_reader *r = &g.r;
	uint64_t main, interp;
	int err;

	if (!object_reader_init(r, build, read, read_ctx))
		return -ENOTSUP;
	if (!object_read_u64(r, runtime_addr + (int64_t)o->runtime_interp_head, &interp) ||
	    !find_main(r, runtime_addr, interp, &main))
		return -ENOENT;
	err = read_main(&g, main);
	for (unsigned i = 0; interp && i < MAX_INTERPS; i++) {
		if (interp != main)
			read_active(&g, find_active(r, interp));
		if (!object_read_u64(r, interp + o->interp_next, &interp))
			break;
	}
	return err;
}
