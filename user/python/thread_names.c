/*
 * _PyRuntime → interpreter → sys.modules["threading"]._active → {ident: Thread} →
 * Thread._name, all of it the same in Lib/threading.py of 3.8 to 3.13. The process runs on
 * meanwhile; a name counts only when the Thread's own _ident is the key it was found under.
 */
#include "user/python/thread_names.h"
#include "user/python/objects.h"
#include "user/util/alloc.h"
#include <errno.h>

#define __cleanup_dict __attribute__((cleanup(object_dict__free)))

/* Objects/moduleobject.c: PyModuleObject.md_dict */
#define MD_DICT 16
/* struct pyinterpreters {mutex, head, main, …} in _PyRuntimeState */
#define MAIN_AFTER_HEAD 8

#define MAX_INTERPS 256

static bool open_active(struct object_dict *active, struct object_reader *r, uint64_t interp)
{
	__cleanup_dict struct object_dict modules = {0}, globals = {0};
	uint64_t at;

	return object_read_u64(r, interp + r->build->objects.interp_modules, &at) &&
	       object_dict__open(&modules, r, at) &&
	       object_dict__find(&modules, r, "threading", &at) &&
	       object_read_u64(r, at + MD_DICT, &at) && object_dict__open(&globals, r, at) &&
	       object_dict__find(&globals, r, "_active", &at) && object_dict__open(active, r, at);
}

static char *name_of(struct object_reader *r, uint64_t thread, uint64_t ident)
{
	__cleanup_dict struct object_dict attributes = {0};
	uint64_t at, own_ident;

	if (!object_dict__open_instance(&attributes, r, thread) ||
	    !object_dict__find(&attributes, r, "_ident", &at) ||
	    !object_read_int(r, at, &own_ident) || own_ident != ident ||
	    !object_dict__find(&attributes, r, "_name", &at))
		return NULL;
	return object_read_str(r, at);
}

static int read_interp(struct object_reader *r, uint64_t interp, const struct thread_name_sink *to)
{
	__cleanup_dict struct object_dict active = {0};

	if (!open_active(&active, r, interp))
		return -ENOENT;
	do {
		for (uint32_t i = 0; i < active.count; i++) {
			__cleanup_free char *name = NULL;
			uint64_t key, thread, ident;

			if (!object_dict__entry(&active, i, &key, &thread) || !object_read_int(r, key, &ident) ||
			    (to->wanted && !to->wanted(to->ctx, ident)))
				continue;
			name = name_of(r, thread, ident);
			if (name)
				to->found(to->ctx, ident, name);
		}
	} while (object_dict__next(&active, r));
	return 0;
}

/* Each sub-interpreter has a threading module of its own, which knows a thread that came from outside as a dummy. */
int thread_names_read(const struct py_build *build, uint64_t runtime_addr, memory_read_fn read,
		      void *read_ctx, const struct thread_name_sink *to)
{
	const struct py_objects *o = &build->objects;
	struct object_reader r;
	uint64_t main, interp;
	int err;

	if (!object_reader_init(&r, build, read, read_ctx))
		return -ENOTSUP;
	if (!object_read_u64(&r, runtime_addr + o->runtime_interp_head + MAIN_AFTER_HEAD, &main) ||
	    !object_read_u64(&r, runtime_addr + o->runtime_interp_head, &interp))
		return -ENOENT;
	err = read_interp(&r, main, to);
	for (unsigned i = 0; interp && i < MAX_INTERPS; i++) {
		if (interp != main)
			read_interp(&r, interp, to);
		if (!object_read_u64(&r, interp + o->interp_next, &interp))
			break;
	}
	return err;
}
