/*
 * Places in the code by what they are called: copies of a function in several processes, and code objects
 * made anew, are one place. Ids are dense from 1.
 */
#pragma once
#include "user/profile/profile.h"

struct top_codes;

/* Of lines, or of functions. */
struct top_codes *top_codes__new(bool lines);
void top_codes__free(struct top_codes *c);
/* The id of a frame's place; always of the same profile, which may have grown. 0: no such frame. */
uint32_t top_codes__of_frame(struct top_codes *c, const struct profile *p, uint32_t frame);
/* One frame of a place; 0: no such place. */
uint32_t top_codes__frame(const struct top_codes *c, uint32_t code);
