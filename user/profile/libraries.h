/*
 * The libraries that code outside of the standard library is of, by the name of their package: the largest have colours
 * of their own, and the others one together.
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

/* `area`: by function, how much of a picture is its. NULL: there are not several libraries that have some. */
struct libraries *libraries__new(const struct profile *p, const uint64_t *area);
/* The same by stacks: a function has as much as the values of the stacks that it is on, each time that it is. */
struct view;
struct libraries *libraries__of_stacks(const struct view *v, const struct profile *p);
void libraries__free(struct libraries *l);
