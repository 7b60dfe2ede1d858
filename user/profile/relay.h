/*
 * A sink in front of others, one after another, while the stream goes on. Each gets the definitions
 * of what its samples refer to, with ids of its own and when they are needed, and a meta record
 * that is about its stretch of time alone: so every window of an endless stream stands by itself.
 */
#pragma once
#include "user/profile/sink.h"

struct relay;

struct relay *relay__new(void);
void relay__free(struct relay *r);
struct profile_sink relay__sink(struct relay *r);

/*
 * From here on everything goes to `to`, which knows nothing yet. `start_unix_ns`: when its window
 * began; 0 for the first, which begins with the stream. Must be called before anything arrives.
 */
void relay__begin(struct relay *r, struct profile_sink to, uint64_t start_unix_ns);
