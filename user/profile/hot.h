/* SPDX-License-Identifier: MIT */
/*
 * Where the time of a profile is, seen from whose code it is: time in libraries counts for the function of yours that
 * is nearest above it on the stack. Where nothing is yours (a tool that was installed), that of installed packages
 * takes its place, else any Python code.
 */
#pragma once
#include "user/profile/view.h"

/* A function, and its line that has the most of its time. */
struct hot_place {
	const struct profile_function *function; /* NULL: there is none */
	int32_t line;                            /* 0: unknown */
	uint64_t value, line_value;
};

struct hot {
	uint64_t samples, all;
	enum view_class whose;   /* VIEW_USER, VIEW_SITE or VIEW_STDLIB: any Python */
	struct hot_place first;  /* with what it calls that is not of that kind */
	struct hot_place second; /* the same */
	uint64_t own_value;      /* of `first`: it was itself running */
	struct hot_place called; /* of the rest of `first`: the function that was running, most of the time */
	struct hot_place caller; /* of that kind, who leads to `first` most of the time */
	uint32_t process_cnt;    /* that have values, … */
	uint32_t first_process;  /* … the only one of `first`; 0: several */

	const char *module; /* of that kind, with the most of it; NULL: none */
	uint64_t module_value;

	uint64_t outside;               /* below no function of that kind */
	struct hot_place outside_place; /* running there most of the time */
	uint64_t no_python;             /* of it, without any Python function */

	uint64_t imports;          /* the import system was at work, or ran a module's top level */
	struct hot_place imported; /* that has most of it: the top level of a module, … */
	struct hot_place importer; /* … and who imports it, most of the time */

	uint64_t gil_value;      /* held the GIL */
	struct hot_place in_gil; /* as `first`, of that */
	uint32_t gil_thread;     /* that held it longest; 0: none */
	uint64_t gil_thread_value;
};

/* What it points to lives as long as the profile. */
void hot_find(const struct view *v, const struct profile *p, struct hot *out);
