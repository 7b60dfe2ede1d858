/* SPDX-License-Identifier: MIT */
/*
 * What the import system does between an import statement and the module's own code are five frames or more for each
 * module on the way. Here a run of them is one frame, "import json".
 */
#pragma once
#include "user/profile/restack.h"
#include <stdbool.h>

/*
 * `p` with such runs folded: a run is called by the module whose code it runs, or "import [finding, loading]" where that
 * is not next on the stack (also in a loader of somebody's own). NULL: there is none. As user/profile/restack.h has it, by which it is freed.
 */
struct profile *profile__fold_imports(const struct profile *p);
/* One of these frames' functions? */
bool import_is_folded(const struct profile_function *f);
