/* SPDX-License-Identifier: MIT */
/* What back ends would call the processes that were found: the labels of each, by the rules that were given. */
#pragma once
#include "user/cmd/check/check_list.h"
#include "user/push/naming.h"
#include <sys/types.h>

struct check_names;

struct check_names *check_names__new(const struct naming *rules);
void check_names__free(struct check_names *n);
void check_names__add(struct check_names *n, pid_t pid, const char *command, const char *python);
/* After the last one was added: a section of the list. */
void check_names__show(struct check_names *n, struct check_list *l);
/* `labels` of that process, and whether it is `sent`; nothing for one that was not added. */
void check_names__put(const struct check_names *n, pid_t pid, struct json_put *j);
