/* SPDX-License-Identifier: MIT */
/*
 * The few lines by which an installer makes a command of a library's function: bin/gunicorn, bin/pytest. They are as
 * little the user's code as the library.
 */
#pragma once
#include "user/resolve/codes.h"

#define CONSOLE_SCRIPT_ASKS 4 /* files looked for, for one process */

/*
 * Such a script is the short main program of a file in a folder `bin` with an interpreter in it, or in ~/.local/bin. `*asks`
 * counts files that were looked for on behalf of this image.
 */
bool console_script(const struct code_text *t, uint32_t image_id, const struct path_asker *ask, unsigned *asks);
