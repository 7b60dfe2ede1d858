/* SPDX-License-Identifier: MIT */
#include "tests/kernel/machine.h"
#include "bpf/sample.bpf.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <string.h>

#define PF_EXITING   0x00000004 /* include/linux/sched.h */
#define WORKS_MAX    64
#define WORLDS_MAX   8
#define LOOK_NS      100 /* time that a look at the clock takes */
#define START_CODE   0x400000
#define THREAD_LEVEL 2 /* of the cgroups that tasks are in */

struct machine machine;
struct host_kernel host; /* of which only the memory and the registers are used here */

/* The programs (bpf/source/). */
int cpu_timer(void *ctx, struct hrtimer *timer);
int cpu_tick(struct bpf_perf_event_data *ctx);
int gil_switch(void *ctx, bool preempt, struct task_struct *prev, struct task_struct *next);
int offcpu_switch(void *ctx, bool preempted, struct task_struct *prev, struct task_struct *next);
int faults_fault(struct bpf_perf_event_data *ctx);
int life_fork(void *ctx, struct task_struct *parent, struct task_struct *child);
int life_exec(void *ctx, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm);
int life_exit(void *ctx, struct task_struct *task);
int life_free(void *ctx, struct task_struct *task);

/* An address space, with the program's file. */
struct space {
	struct mm_struct mm;
	struct super_block sb;
	struct inode inode;
	struct file file;
	struct space *next;
};

typedef int (*work_fn)(void *map, void *key, void *value);

static struct {
	u64 now_ns;
	u32 random;
	struct hrtimer timers[MACHINE_CPUS];
	bool in_tick[MACHINE_CPUS]; /* kernel/trace/bpf_trace.c: bpf_prog_active */
	struct {
		struct task *task;
		work_fn fn;
		void *map, *value;
	} works[WORKS_MAX];
	u32 work_cnt;
	struct task_struct *coming; /* at a switch */
	struct task *tasks;
	struct space *spaces;
	u32 inode_cnt;
	struct image *nothing;
} own;

static struct world *worlds[WORLDS_MAX]; /* may be made before the machine boots */
static u32 world_cnt;

static void must(bool what, const char *sentence)
{
	if (what)
		return;
	fprintf(stderr, "machine: %s\n", sentence);
	abort();
}

/* ---- the current task ------------------------------------------------------------------------------------ */

struct context {
	struct task *task;
	struct image *memory;
	u32 cpu;
};

static struct context enter(struct task *t)
{
	struct context before = {machine.current, host.memory, machine.cpu};

	machine.current = t;
	if (t) {
		t->own.cgroup.level = 1;
		memcpy(t->own.ancestor_ids, t->cgroup_ids, sizeof(t->cgroup_ids));
		t->set.dfl_cgrp = &t->own.cgroup;
		t->t.cgroups = &t->set;
	}
	host.memory = t && t->world ? t->world->m : own.nothing;
	return before;
}

static void leave(const struct context *before)
{
	machine.current = before->task;
	host.memory = before->memory;
	machine.cpu = before->cpu;
}

struct task_struct *bpf_get_current_task_btf(void)
{
	return &machine.current->t;
}

u64 bpf_get_current_pid_tgid(void)
{
	return machine.current ? (u64)machine.current->t.tgid << 32 | (u32)machine.current->t.pid : 0;
}

u64 bpf_get_current_uid_gid(void)
{
	return 0;
}

u64 bpf_get_current_ancestor_cgroup_id(int level)
{
	return level < THREAD_LEVEL ? machine.current->cgroup_ids[level] : 0;
}

u64 bpf_get_current_cgroup_id(void)
{
	return machine.current->cgroup_ids[THREAD_LEVEL - 1];
}

long bpf_get_current_comm(void *buf, u32 size)
{
	memcpy(buf, machine.current->t.comm, size);
	return 0;
}

u32 bpf_get_smp_processor_id(void)
{
	return machine.cpu;
}

u32 bpf_get_prandom_u32(void)
{
	return own.random = own.random * 1664525 + 1013904223;
}

u64 host_now_ns(void)
{
	return own.now_ns += LOOK_NS;
}

u64 bpf_ktime_get_boot_ns(void)
{
	return host_now_ns();
}

/* ---- memory ---------------------------------------------------------------------------------------------- */

static void happen(void)
{
	void (*fn)(void) = machine.meanwhile;
	struct context before;

	if (!fn || machine.reads_until--)
		return;
	machine.meanwhile = NULL;
	before = enter(machine.current);
	fn();
	leave(&before);
}

static bool is_cold(u64 addr, u32 size)
{
	return addr < machine.cold_to && addr + size > machine.cold_from;
}

long host_read_user(void *dst, u32 size, u64 addr)
{
	long err;

	happen();
	err = is_cold(addr, size) ? -EFAULT : image__read(host.memory, addr, dst, size);
	if (err)
		memset(dst, 0, size); /* kernel/trace/bpf_trace.c: bpf_probe_read_user_common() */
	return err;
}

long bpf_copy_from_user(void *dst, u32 size, const void *addr)
{
	u64 from = machine.cold_from, to = machine.cold_to;
	bool cold = is_cold((u64)addr, size);
	long err;

	if (cold)
		machine.cold_from = machine.cold_to = 0;
	err = host_read_user(dst, size, (u64)addr);
	if (cold && machine.cold_again) {
		machine.cold_again--;
		machine.cold_from = from;
		machine.cold_to = to;
	}
	return err;
}

long bpf_probe_read_user_str(void *dst, u32 size, const void *addr)
{
	char *text = dst;

	for (u32 i = 0; i < size; i++) {
		if (host_read_user(text + i, 1, (u64)addr + i))
			return -EFAULT;
		if (!text[i])
			return i + 1;
	}
	text[size - 1] = 0;
	return size;
}

long bpf_probe_read_kernel(void *dst, u32 size, const void *addr)
{
	memcpy(dst, addr, size);
	return 0;
}

long bpf_probe_read_kernel_str(void *dst, u32 size, const void *addr)
{
	return snprintf(dst, size, "%s", (const char *)addr) + 1;
}

struct vm_area_struct *host_find_vma(struct task_struct *task, u64 addr)
{
	static struct vm_area_struct all;

	(void)task;
	(void)addr;
	all = (struct vm_area_struct){.vm_end = ~0ul,
				      .vm_userfaultfd_ctx.ctx = machine.userfault ? (void *)&all : NULL};
	return &all;
}

void user_registers(struct walk *w)
{
	memcpy(w->registers, host.registers, sizeof(w->registers));
}

void read_user_registers(u64 *registers, u32 bytes)
{
	memcpy(registers, host.registers, bytes);
}

/* Two frames. */
long bpf_get_stack(void *ctx, void *buf, u32 size, u64 flags)
{
	static const u64 stack[] = {0xffffffff81000010, 0xffffffff81000020};

	(void)ctx;
	(void)size;
	(void)flags;
	memcpy(buf, stack, sizeof(stack));
	return sizeof(stack);
}

/* Of one that does not run; three. */
long bpf_get_task_stack(struct task_struct *task, void *buf, u32 size, u64 flags)
{
	static const u64 stack[] = {0xffffffff82000010, 0xffffffff82000020, 0xffffffff82000030};

	must(!machine.current || task != &machine.current->t, "it is not on a CPU yet");
	(void)size;
	(void)flags;
	memcpy(buf, stack, sizeof(stack));
	return sizeof(stack);
}

u64 host_registers_of(struct task_struct *task)
{
	return (u64)((struct task *)task)->registers;
}

void host_mark_seen(u64 key)
{
	(void)key;
}

void host_forget_seen(void)
{
}

/* ---- task work ------------------------------------------------------------------------------------------- */

int bpf_task_work_schedule_resume(struct task_struct *task, struct bpf_task_work *work, void *map, work_fn fn);
int bpf_task_work_schedule_resume(struct task_struct *task, struct bpf_task_work *work, void *map, work_fn fn)
{
	must(task == &machine.current->t || task == own.coming,
	     "work is for the current task, or the one that comes in");
	if (machine.no_task_work)
		return -EINVAL;
	must(own.work_cnt < WORKS_MAX, "there is little work at a time");
	/* The work is the first member of the map's value, and the task that of ours. */
	own.works[own.work_cnt++] = (typeof(own.works[0])){(struct task *)task, fn, map, work};
	return 0;
}

void task__resume(struct task *t)
{
	struct context before = enter(t);

	for (u32 i = 0; i < own.work_cnt; i++) {
		typeof(own.works[0]) w = own.works[i];

		if (w.task != t)
			continue;
		memmove(own.works + i, own.works + i + 1, (--own.work_cnt - i) * sizeof(w));
		w.fn(w.map, NULL, w.value);
		i = ~0u; /* it may have left more */
	}
	leave(&before);
}

/* ---- tasks ----------------------------------------------------------------------------------------------- */

static struct mm_struct *new_mm(void)
{
	struct space *s = xcalloc(1, sizeof(*s));

	s->sb.s_dev = 8 << 20 | 1;
	s->inode.i_sb = &s->sb;
	s->inode.i_ino = 100 + own.inode_cnt++;
	s->file.f_inode = &s->inode;
	s->mm.exe_file = &s->file;
	s->mm.start_code = START_CODE;
	s->mm.exec_vm = 10;
	s->next = own.spaces;
	own.spaces = s;
	return &s->mm;
}

static struct task *new_task(u32 tgid, u32 tid, struct task *parent)
{
	struct task *t = xcalloc(1, sizeof(*t));

	t->t.tgid = (pid_t)tgid;
	t->t.pid = (pid_t)tid;
	t->t.group_leader = &t->t;
	t->t.real_parent = parent ? &parent->t : &t->t;
	t->t.signal = &t->signal;
	t->t.files = &t->files;
	t->t.start_boottime = host_now_ns();
	t->signal.live.counter = 1;
	snprintf(t->t.comm, sizeof(t->t.comm), "task-%u", tid);
	t->next = own.tasks;
	own.tasks = t;
	return t;
}

static void set_memory(struct task *t, struct mm_struct *mm, struct world *world)
{
	t->t.mm = mm;
	t->world = world;
	arch_thread_pointer(&t->t) = world ? world__thread_pointer(world) : 0;
}

static struct task *init(void)
{
	static struct task first;

	return &first;
}

struct task *task__new(u32 tgid, struct world *world)
{
	struct task *t = new_task(tgid, tgid, init());

	set_memory(t, new_mm(), world);
	return t;
}

void task__choose(struct task *t)
{
	u32 tgid = (u32)t->t.tgid;
	struct abi_proc p = {.start_ns = t->t.start_boottime,
			     .image_id = ++next_image_id,
			     .announced = ABI_KNOWN,
			     .cpu_ns = ABI_UNKNOWN_NS,
			     .flags = ABI_PROC_TARGET | ABI_PROC_TREE | ABI_PROC_COUNTED | ABI_PROC_MET};

	proc_marks[tgid % ABI_MARKS] = 1;
	must(!bpf_map_update_elem(&procs, &tgid, &p, BPF_NOEXIST), "there is room for chosen processes");
	targets_alive++;
}

struct task *task__thread(struct task *leader, u32 tid)
{
	struct task *t = new_task((u32)leader->t.tgid, tid, init());

	t->t.group_leader = &leader->t;
	t->t.signal = leader->t.signal;
	t->t.signal->live.counter++;
	set_memory(t, leader->t.mm, leader->world);
	life_fork(NULL, &leader->t, &t->t);
	return t;
}

struct task *task__fork(struct task *parent, u32 tgid, struct world *world)
{
	struct task *t = new_task(tgid, tgid, parent);

	set_memory(t, world ? new_mm() : parent->t.mm, world ? world : parent->world);
	if (world)
		t->t.mm->exe_file = parent->t.mm->exe_file;
	life_fork(NULL, &parent->t, &t->t);
	return t;
}

void task__exec_memory(struct task *t, struct world *world)
{
	set_memory(t, new_mm(), world);
}

void task__exec_same(struct task *t)
{
	struct context before = enter(t);

	life_exec(NULL, &t->t, t->t.pid, NULL);
	leave(&before);
}

void task__exec(struct task *t, struct world *world)
{
	struct context before = enter(t);

	task__exec_memory(t, world);
	task__exec_same(t);
	leave(&before);
}

void task__begin_exit(struct task *t)
{
	t->t.flags |= PF_EXITING;
}

void task__exit(struct task *t)
{
	struct context before = enter(t);

	task__begin_exit(t);
	t->t.signal->live.counter--;
	life_exit(NULL, &t->t);
	set_memory(t, NULL, NULL);
	leave(&before);
	task__resume(t); /* kernel/exit.c: exit_task_work() */
}

void task__reap(struct task *t)
{
	t->signal.sum_sched_runtime += t->t.se.sum_exec_runtime;
	life_free(NULL, &t->t);
}

/* ---- ticks ----------------------------------------------------------------------------------------------- */

static void expire(struct task *t, u64 after_ns)
{
	struct context before = enter(t);
	u32 cpu = machine.cpu;
	struct hrtimer *timer = &own.timers[cpu];

	timer->node.expires += (s64)after_ns;
	if (own.now_ns < (u64)timer->node.expires)
		own.now_ns = (u64)timer->node.expires;
	if (t) {
		t->t.se.sum_exec_runtime += after_ns;
		machine.expiries++;
	}
	cpu_timer(NULL, timer);
	if (t && !own.in_tick[cpu]) {
		own.in_tick[cpu] = true;
		cpu_tick(NULL);
		own.in_tick[cpu] = false;
	}
	leave(&before);
}

void machine__tick_after(struct task *t, u64 ns)
{
	expire(t, ns);
	if (t && !t->stays_in_kernel)
		task__resume(t);
}

void machine__tick(struct task *t)
{
	machine__tick_after(t, MACHINE_PERIOD_NS);
}

void machine__other_timer(struct task *t)
{
	struct context before = enter(t);
	struct hrtimer other = {.node.expires = (s64)own.now_ns};

	cpu_timer(NULL, &other);
	leave(&before);
}

void machine__ticks(struct task *t, u32 cnt)
{
	while (cnt--)
		machine__tick(t);
}

void machine__pause(u32 periods)
{
	machine.missed += periods;
	own.timers[machine.cpu].node.expires += (s64)periods * MACHINE_PERIOD_NS;
}

void machine__fault(struct task *t, u32 resident)
{
	struct context before = enter(t);

	((struct mm_struct___since_6_2 *)t->t.mm)->rss_stat[MM_ANONPAGES].count = resident;
	machine.faults++;
	faults_fault(NULL);
	leave(&before);
	if (!t->stays_in_kernel)
		task__resume(t);
}

void machine__other_source(struct task *t)
{
	struct context before = enter(t);
	struct tick other = {.now_ns = host_now_ns(), .value = 1, .slot = machine.cpu * cfg_slots_per_cpu + 1};

	machine.others++;
	sample_tick(&other);
	leave(&before);
}

/* ---- switches -------------------------------------------------------------------------------------------- */

/* include/linux/sched.h: PF_KTHREAD */
static struct task idle = {.t.flags = 0x00200000};

void task__call(struct task *t, s32 number, u64 first_arg, u64 second_arg)
{
#ifdef __x86_64__
	t->registers[14] = first_arg;
	t->registers[13] = second_arg;
	t->registers[15] = (u64)(s64)number;
#else
	t->registers[34] = first_arg;
	t->registers[1] = second_arg;
	t->registers[35] = (u32)number;
#endif
}

void machine__switch(struct task *from, struct task *to, u64 after_ns)
{
	struct context before = enter(from ? from : &idle);

	own.now_ns += after_ns;
	own.coming = to ? &to->t : &idle.t;
	offcpu_switch(NULL, false, from ? &from->t : &idle.t, own.coming);
	own.coming = NULL;
	leave(&before);
}

void machine__gil_switch(struct task *from, struct task *to, bool asleep)
{
	struct context before = enter(from);

	from->t.__state = asleep; /* TASK_INTERRUPTIBLE */
	gil_switch(NULL, false, &from->t, &to->t);
	leave(&before);
}

void machine__pass(u64 ns)
{
	own.now_ns += ns;
}

/* ---- user space ------------------------------------------------------------------------------------------ */

const void *last_record(enum abi_record kind, u32 tgid)
{
	const struct abi_hdr *r, *last = NULL;

	for (size_t i = 0; (r = ring__record(i)); i++)
		if (r->kind == kind && r->tgid == tgid)
			last = r;
	return last;
}

u32 record_cnt(enum abi_record kind)
{
	const struct abi_hdr *r;
	u32 n = 0;

	for (size_t i = 0; (r = ring__record(i)); i++)
		n += r->kind == kind;
	return n;
}

void user__identify(struct task *t)
{
	const struct abi_proc_rec *r = last_record(ABI_REC_PROC, (u32)t->t.tgid);
	struct abi_program program = {.start_code = START_CODE, .runtime_vaddr = t->world->runtime};
	struct abi_py_layout l = t->world->l;

	must(r && r->state == ABI_PROC_UNKNOWN, "user space was asked about the program");
	l.code_type_delta = (s64)(t->world->code_type - t->world->runtime);
	program.layout_id = t->world->row->minor;
	must(!bpf_map_update_elem(&layouts, &program.layout_id, &l, BPF_ANY), "there is room for layouts");
	must(!bpf_map_update_elem(&programs, &r->program, &program, BPF_ANY), "there is room for programs");
	programs_generation++;
}

void user__forget(u64 code_key)
{
	u32 bucket = code_key % ABI_SEEN_BUCKETS;
	struct abi_seen *b = bpf_map_lookup_elem(&seen, &bucket);

	for (u32 i = 0; i < ABI_SEEN_WAYS; i++)
		if (b->way[i] == code_key)
			b->way[i] = 0;
}

struct task *user__profile(u32 tgid, struct world *world)
{
	struct task *t = task__new(tgid, world);

	task__choose(t);
	machine__tick(t);
	user__identify(t);
	return t;
}

u64 outcome_cnt(enum abi_outcome outcome)
{
	return maps__sum(&outcomes, outcome) + maps__sum(&outcomes, ABI_SOURCE_GIL * ABI_OUTCOME_CNT + outcome);
}

u64 wait_outcome_cnt(enum abi_outcome outcome)
{
	return maps__sum(&outcomes, ABI_SOURCE_OFFCPU * ABI_OUTCOME_CNT + outcome);
}

struct abi_wait_counts wait_counted(void)
{
	struct abi_wait_counts sum = {0};
	u32 cpu = machine.cpu, zero = 0;

	for (machine.cpu = 0; machine.cpu < MACHINE_CPUS; machine.cpu++) {
		const struct abi_wait_counts *c = bpf_map_lookup_elem(&wait_counts, &zero);

		sum.begun += c->begun;
		sum.ended += c->ended;
		sum.ended_ns += c->ended_ns;
	}
	machine.cpu = cpu;
	return sum;
}

struct abi_proc *proc_of(const struct task *t)
{
	u32 tgid = (u32)t->t.tgid;

	return bpf_map_lookup_elem(&procs, &tgid);
}

const struct abi_frame *frames_of(const struct abi_sample *s)
{
	return (const struct abi_frame *)(s + 1);
}

bool frame_is(const struct abi_sample *s, u32 at, const char *name)
{
	const struct abi_hdr *r;

	for (size_t i = 0; at < s->frame_cnt && (r = ring__record(i)); i++) {
		const struct abi_code *c = (const struct abi_code *)r;

		if (r->kind == ABI_REC_CODE && c->code_key == frames_of(s)[at].code_key)
			return c->name.bytes == strlen(name) && !memcmp(c + 1, name, c->name.bytes);
	}
	return false;
}

struct world *another_world(const struct world *like)
{
	struct world *p = world__new(like->row, like->key);

	must(world_cnt < WORLDS_MAX, "there are few worlds");
	return worlds[world_cnt++] = p;
}

/* ---- from boot to shutdown ------------------------------------------------------------------------------- */

void machine__boot(void)
{
	memset(&machine, 0, sizeof(machine));
	memset(&own, 0, sizeof(own));
	own.nothing = image__new();
	own.now_ns = 1000 * (u64)MACHINE_PERIOD_NS;
	maps__reset();
	maps__resize(&scratches, MACHINE_SLOTS);
	maps__resize(&gil_slots, ABI_GIL_SLOTS);
	maps__resize(&gil_waits, ABI_GIL_SLOTS);
	maps__resize(&gil_waiters, ABI_GIL_SLOTS);
	maps__resize(&waits, 64);
	maps__resize(&wait_slots, WAIT_SLOTS);
	maps__resize(&wait_scratches, WAIT_SCRATCHES);
	cfg_wait_ns = MACHINE_WAIT_NS;
	wait_end_ns = 0;
	cfg_keep_waits = !HAS_TASK_WORK;
	maps__resize(&kept_waits, KEPT_WAITS);
	cfg_slots[ABI_SOURCE_OFFCPU] = 1;
	cfg_self_tgid = MACHINE_SELF;
	cfg_mode = TARGET_PIDS;
	cfg_cache_ns = cfg_cache_numbered_ns = 0;
	cfg_slots_per_cpu = 3;
	cfg_slots[ABI_SOURCE_GIL] = 2;
	cfg_gil_period_ns = MACHINE_PERIOD_NS;
	cfg_gil_apart = cfg_gil_ticks = false;
	gil_open = 0;
	gil_due = gil_due_ns = 0;
	cfg_scoped = false;
	cfg_native = cfg_kernel = false;
	programs_generation = next_image_id = exits_lost = invalidates_lost = 0;
	targets_alive = 0;
	for (u32 cpu = 0; cpu < MACHINE_CPUS; cpu++) {
		struct abi_clock *c = bpf_map_lookup_elem(&clocks, &cpu);

		c->period_ns = MACHINE_PERIOD_NS;
		own.timers[cpu].node.expires = (s64)own.now_ns;
	}
}

static u64 lost_sum;

static void add_lost(const void *key, const void *value)
{
	(void)key;
	lost_sum += ((const struct abi_lost *)value)->cnt;
}

static u64 of_all_sources(enum abi_outcome outcome)
{
	u64 sum = 0;

	for (u32 i = 0; i < ABI_SOURCE_CNT; i++)
		sum += maps__sum(&outcomes, i * ABI_OUTCOME_CNT + outcome);
	return sum;
}

static void check_outcomes(void)
{
	static const enum abi_outcome_class class_of[] = {
#define X(name, word, class, sentence) ABI_##class,
		ABI_OUTCOMES(X)
#undef X
	};
	u64 by_class[ABI_LOST + 1] = {0}, all = 0, timers = 0, all_waits = 0;

	for (u32 i = 0; i < ABI_OUTCOME_CNT; i++) {
		by_class[class_of[i]] += of_all_sources(i);
		all += of_all_sources(i) - wait_outcome_cnt(i);
		all_waits += wait_outcome_cnt(i);
	}
	for (u32 cpu = 0; cpu < MACHINE_CPUS; cpu++) {
		const struct abi_clock *c = bpf_map_lookup_elem(&clocks, &cpu);

		timers += c->timer_cnt;
		all += c->pending;
	}
	lost_sum = 0;
	maps__each(&lost, add_lost);
	must(timers == machine.expiries + machine.missed, "the timers' hook counts each expiry");
	must(all == timers + machine.others + machine.faults + gil_due, "ticks are the sum over all outcomes");
	must(all_waits == wait_counted().ended, "waits that have ended are the sum over all outcomes");
	must(!of_all_sources(ABI_DEFERRED), "what was deferred was done");
	must(record_cnt(ABI_REC_SAMPLE) ==
		     by_class[ABI_WRITTEN] + by_class[ABI_NATIVE] + by_class[ABI_OUTSIDE] + by_class[ABI_FAILED],
	     "each tick of ours has one record");
	must(lost_sum == by_class[ABI_LOST], "or is known to be lost");
}

static void check_slots(void)
{
	for (u32 i = 0; i < CODE_SLOTS; i++)
		must(!((struct code_slot *)bpf_map_lookup_elem(&code_slots, &i))->busy, "code slots are given back");
	for (u32 i = 0; i < COLD_SLOTS; i++)
		must(!((struct cold_slot *)bpf_map_lookup_elem(&cold_slots, &i))->busy, "cold slots are given back");
	for (u32 i = 0; i < WAIT_SLOTS; i++)
		must(!((struct wait_slot *)bpf_map_lookup_elem(&wait_slots, &i))->busy, "waits are given back");
	for (u32 i = 0; i < WAIT_SCRATCHES; i++)
		must(!((struct wait_scratch *)bpf_map_lookup_elem(&wait_scratches, &i))->busy, "and their memory");
}

void machine__shutdown(void)
{
	struct task *t;
	struct space *s;

	for (t = own.tasks; t; t = t->next)
		task__resume(t);
	check_outcomes();
	check_slots();
	while ((t = own.tasks)) {
		own.tasks = t->next;
		free(t);
	}
	while ((s = own.spaces)) {
		own.spaces = s->next;
		free(s);
	}
	while (world_cnt)
		world__free(worlds[--world_cnt]);
	image__free(own.nothing);
	maps__reset();
}
