/*
 * What the import system does between an import statement and the module's own code are five frames or more for each
 * module on the way. Here a run of them is one frame, "import json".
 */
#pragma once
#include "user/profile/profile.h"

/*
 * `p` with such runs folded: a run is called by the module whose code it runs, or "import [finding, loading]" where that
 * is not next on the stack (also in a loader of somebody's own). NULL: there is none. It has the tables of `p` but for functions, frames, stacks and buckets, of which several may have one thread and stack; `p` outlives it.
 */
struct profile *profile__fold_imports(const struct profile *p);
void profile__free_folded(struct profile *folded);
