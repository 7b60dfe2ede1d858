/* SPDX-License-Identifier: MIT */
/*
 * What tasks are called where they are looked at side by side. One that has no name but a number is called by what it runs,
 * as there may be ten thousand of those. Where the interpreter does not say which task ran (before 3.14), it is the function
 * that the event loop had called: of a task its outermost coroutine.
 */
#pragma once
#include "user/profile/profile.h"

struct task_labels;

struct task_labels *task_labels__new(const struct profile *p);
void task_labels__free(struct task_labels *t);

/* "fetch a", "Crawler.fetch()", "Task-7" of one of which nothing else is known; the caller frees. */
char *task_label(const struct profile_task *task);

/* By number of label, 1..count, what is called so. */
uint32_t task_labels__count(const struct task_labels *t);
const char *task_labels__text(const struct task_labels *t, uint32_t label);
/* What a stack of this thread ran for, by its task (0: none); 0: for none, or for none that can be told. */
uint32_t task_labels__of(struct task_labels *t, uint32_t thread, uint32_t task, uint32_t stack);
/* Of tasks: the label. */
uint32_t task_labels__of_task(struct task_labels *t, uint32_t task);
/* The part of a stack that is the loop's ends with this one; 0: there is no such part. */
uint32_t task_labels__loop(const struct task_labels *t, uint32_t task, uint32_t stack);
/* What is known of the process of this thread: no loop, what loops had called, or the tasks that ran. */
enum tasks_known { TASKS_NONE, TASKS_CALLS, TASKS_KNOWN };
enum tasks_known task_labels__kind(const struct task_labels *t, uint32_t thread);
/* Is there any but the first? */
bool task_labels__any(const struct task_labels *t);

/* Of a label, or 0: of what ran for none. */
struct task_facts {
	const char *text;
	uint32_t cnt;           /* tasks that are called so, as far as there are samples of them; 0: not known */
	const char *awaited_by; /* what all of them were awaited by; "…": by several; NULL: by nobody, or not known */
};
struct task_facts task_labels__facts(struct task_labels *t, uint32_t label);
