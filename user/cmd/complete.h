/* SPDX-License-Identifier: MIT */
/* The candidates for the word at the cursor of a command line, for the completion functions of all shells. */
#pragma once
#include <stdbool.h>

/*
 * Writes a line for each candidate to standard output: it, a tabulator, its description. `words` are those behind the
 * program's name up to the cursor, the last of them as far as it is typed; they may be changed. A line ":files" or
 * ":dirs" asks the shell for names of files.
 */
void complete_words(char **words, int cnt);
/* The same of one list: "pids", "cgroups", "containers" or "formats". False: there is no such list. */
bool complete_list(const char *name);
