/* Source files of what is on the stacks. */
#pragma once
#include "user/snapshot/snapshot.h"

/* Fills in s->changed from the frames of all threads. */
void sources_find_changed(struct snapshot *s);
