/*
 * C functions that call back into Python, each with a frame of another kind: plain, aligned, of a size known at run time
 * only, recursive. No call is a tail call, so all of them are on the stack. Called by ctypes, or as the module `nested`, which is
 * built without Python's headers: OBJECT_BYTES is object.__basicsize__.
 */
#include <alloca.h>
#include <stdint.h>

typedef int (*callback)(void *arg);

#define APART __attribute__((noipa, used, visibility("default")))

static void touch(void *p)
{
	__asm__ volatile("" : : "r"(p) : "memory");
}

APART int spin_c(int rounds)
{
	uint32_t x = 1;

	for (int i = 0; i < rounds; i++) {
		x = x * 1664525u + 1013904223u;
		__asm__ volatile("" : "+r"(x));
	}
	return (int)(x & 1);
}

APART int plain_c(callback call, void *arg)
{
	return call(arg) + 1;
}

APART int aligned_c(callback call, void *arg)
{
	char place[100] __attribute__((aligned(64)));
	int got;

	touch(place);
	got = call(arg);
	touch(place);
	return got + 1;
}

APART int sized_c(callback call, void *arg)
{
	char *place = alloca((unsigned)((uintptr_t)arg >> 4 & 15) * 8 + 64);
	int got;

	touch(place);
	got = call(arg);
	touch(place);
	return got + 1;
}

APART int descend_c(int depth, int rounds)
{
	int got = depth ? descend_c(depth - 1, rounds) : spin_c(rounds);

	__asm__ volatile("" : "+r"(got)); /* else it is made a loop */
	return got + 1;
}

#ifdef OBJECT_BYTES
/* Include/object.h, methodobject.h, moduleobject.h: the same in all versions, but for what an object begins with. */
typedef struct object object;
struct method {
	const char *name;
	object *(*function)(object *self, object *args);
	int flags;
	const char *doc;
};
struct module {
	union {
		char head[OBJECT_BYTES];
		void *align;
	} base;
	void *init;
	intptr_t index;
	object *copy;
	const char *name, *doc;
	intptr_t size;
	struct method *methods;
	void *slots, *traverse, *clear, *free;
};
#define WITH_TUPLE 1 /* METH_VARARGS */

extern object *PyModule_Create2(struct module *module, int api);
extern int PyUnstable_Module_SetGIL(object *module, void *gil) __attribute__((weak));
extern object *PyTuple_GetItem(object *tuple, intptr_t at);
extern object *PyObject_CallFunctionObjArgs(object *callable, ...);
extern object *PyLong_FromLong(long value);
extern long PyLong_AsLong(object *value);
extern object *PyIter_Next(object *iterator);
extern void Py_DecRef(object *o);

static int number(object *o)
{
	int value = o ? (int)PyLong_AsLong(o) : 0;

	if (o)
		Py_DecRef(o);
	return value;
}

static int call_python(void *args)
{
	return number(PyObject_CallFunctionObjArgs(PyTuple_GetItem(args, 0), PyTuple_GetItem(args, 1), (void *)0));
}

/* Resumes a generator again and again. */
APART int each_c(object *iterator)
{
	object *got;
	int cnt = 0;

	while ((got = PyIter_Next(iterator)))
		cnt += number(got);
	return cnt;
}

static int argument(object *args, int at)
{
	return (int)PyLong_AsLong(PyTuple_GetItem(args, at));
}

#define CALLS(name)                                                                                                    \
	static object *py##name(object *self, object *args)                                                            \
	{                                                                                                              \
		(void)self;                                                                                            \
		return PyLong_FromLong(name(call_python, args));                                                       \
	}
CALLS(plain_c)
CALLS(aligned_c)
CALLS(sized_c)
#ifdef WITH_CXX
extern int noexcept_c(callback call, void *arg);
CALLS(noexcept_c)
#endif

static object *pyspin_c(object *self, object *args)
{
	(void)self;
	return PyLong_FromLong(spin_c(argument(args, 0)));
}

static object *pydescend_c(object *self, object *args)
{
	(void)self;
	return PyLong_FromLong(descend_c(argument(args, 0), argument(args, 1)));
}

static object *pyeach_c(object *self, object *args)
{
	(void)self;
	return PyLong_FromLong(each_c(PyTuple_GetItem(args, 0)));
}

static struct method methods[] = {
	{"plain_c", pyplain_c, WITH_TUPLE, 0},
	{"aligned_c", pyaligned_c, WITH_TUPLE, 0},
	{"sized_c", pysized_c, WITH_TUPLE, 0},
	{"spin_c", pyspin_c, WITH_TUPLE, 0},
	{"descend_c", pydescend_c, WITH_TUPLE, 0},
	{"each_c", pyeach_c, WITH_TUPLE, 0},
#ifdef WITH_CXX
	{"noexcept_c", pynoexcept_c, WITH_TUPLE, 0},
#endif
	{0},
};

static struct module module = {.name = "nested", .size = -1, .methods = methods};

__attribute__((visibility("default"))) object *PyInit_nested(void)
{
	object *made = PyModule_Create2(&module, 1013);

	if (made && PyUnstable_Module_SetGIL)
		PyUnstable_Module_SetGIL(made, (void *)1); /* Py_MOD_GIL_NOT_USED */
	return made;
}
#endif
/* SPDX-License-Identifier: MIT */
