/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * TASK_WORK says how this kernel has a task schedule a callback (user/session/variant.h); each way is an object of its own,
 * because libbpf looks for a function that a kernel lacks in places where only CAP_SYS_ADMIN may look. Only this file
 * differs between them, and has all calls of that function: libbpf 1.1 cannot link two files that name it.
 */
#include "bpf/task_work.bpf.h"

#if TASK_WORK
typedef int (*task_work_fn)(struct bpf_map *map, void *key, void *value);
#if TASK_WORK == 2
extern int bpf_task_work_schedule_resume(struct task_struct *task, struct bpf_task_work *work, void *map,
					 task_work_fn fn) __ksym;
#define schedule_for(task, slot, map, fn) bpf_task_work_schedule_resume(task, &(slot)->work, map, fn)
#else
extern int bpf_task_work_schedule_resume_impl(struct task_struct *task, struct bpf_task_work *work, void *map,
					      task_work_fn fn, void *aux) __ksym;
#define schedule_for(task, slot, map, fn) bpf_task_work_schedule_resume_impl(task, &(slot)->work, map, fn, NULL)
#endif
#define schedule(slot, map, fn) schedule_for(bpf_get_current_task_btf(), slot, map, fn)

static int code_work(struct bpf_map *map, void *key, void *value)
{
	code_read(value);
	return 0;
}

static int cold_work(struct bpf_map *map, void *key, void *value)
{
	cold_walk(value);
	return 0;
}

static int wait_work(struct bpf_map *map, void *key, void *value)
{
	wait_walk(value);
	return 0;
}
#else
#define schedule(slot, map, fn)           -1
#define schedule_for(task, slot, map, fn) -1
#endif

__hidden int task_work_code(struct code_slot *slot)
{
	return schedule(slot, &code_slots, code_work);
}

__hidden int task_work_cold(struct cold_slot *slot)
{
	return schedule(slot, &cold_slots, cold_work);
}

__hidden int task_work_wait(struct wait_slot *slot, struct task_struct *task)
{
	return schedule_for(task, slot, &wait_slots, wait_work);
}
