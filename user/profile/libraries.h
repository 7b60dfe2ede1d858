/* SPDX-License-Identifier: MIT */
/*
 * The libraries that code outside of the standard library is of, by the name of their package, and the shared objects of native
 * code: the largest have colours of their own, and the others one together.
 */
#pragma once
#include "user/profile/profile.h"

#define LIBRARIES_NAMED 5               /* of them have a slot each, */
#define LIBRARIES_OTHER LIBRARIES_NAMED /* and all others this one */
#define LIBRARIES_SLOTS (LIBRARIES_NAMED + 1)

struct libraries {
	uint8_t *slots;                     /* by function */
	const char *names[LIBRARIES_SLOTS]; /* by slot; NULL: nothing is of it */
	struct intern *texts;
};

/* Bytes of a shared object's name without what says how it was built: "_json" of _json.cpython-312-x86_64-linux-gnu.so. */
size_t library_object_length(const char *name);
/* `area`: by function, how much of a picture is its. NULL: there are not several libraries that have some. */
struct libraries *libraries__new(const struct profile *p, const uint64_t *area);
struct libraries *libraries__objects(const struct profile *p, const uint64_t *area);
/* Areas by stacks: a function has as much as the values of the stacks that it is on, each time that it is. Caller frees. */
struct view;
uint64_t *libraries__areas(const struct view *v, const struct profile *p);
void libraries__free(struct libraries *l);
