/*
 * A script that was started as `python3.8 app.py` has functions in "app.py", and so has another one in another folder:
 * a relative path is made whole where the file is found from the process's working directory.
 */
#pragma once
#include "user/resolve/module_name.h"

/* "<string>" and "<frozen …>" are the same everywhere. */
bool path_is_relative(const char *file);
/*
 * `absolute` (NULL: not known) as it is when there is such a file, or an archive or a folder of that name that it is in:
 * so much of it is looked for as `file`, the relative one, has.
 */
bool whole_path_is_there(const char *absolute, const char *file, module_exists_fn exists, void *ctx);
