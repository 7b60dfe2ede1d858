/* SPDX-License-Identifier: MIT */
/* Which program a command line runs, and what several of one program are called together. Strings in, strings out. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/*
 * Equal for processes of a pool: interpreter and script (or module, or text of -c), whatever arguments and options there
 * are; of other command lines, and titles that processes gave themselves, all of it. Numbers do not count in those, as
 * "worker 1" and "worker 2" are alike. Caller frees.
 */
char *program_key(const char *command);
/* The words that all have in common, without folders: "gunicorn app:app", "celery -A shop worker …". Caller frees. */
char *program_title(const char *const *commands, uint32_t cnt);
/* Whole paths become their last part: another checkout or virtual environment is the same program. Caller frees. */
char *program_without_folders(const char *command);
