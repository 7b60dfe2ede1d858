/* SPDX-License-Identifier: MIT */
/* What the program of a command line is called, without any of its arguments. Strings in, strings out. */
#pragma once
#include <stdbool.h>

/*
 * `command` is argv joined by blanks, or a title that the process gave itself: "python3 -m celery -A shop" is celery, "python3
 * /srv/web.py" web, "gunicorn: worker [app]" gunicorn. Equal for all processes of a program, and never an argument. NULL where
 * only Python is known, and of a kernel's name in brackets. Caller frees.
 */
char *program_name(const char *command);
/* A process that multiprocessing started: its command line does not say what for, but its parent's does. */
bool program_is_pool_worker(const char *command);
