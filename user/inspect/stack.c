/* SPDX-License-Identifier: MIT */
/*
 * "Sure" means: the whole chain of frames, the instruction in each, the names, the locals and the state of the
 * thread are of one moment, because the thread did not run while they were read (stable_read.c). A try during which
 * it ran is thrown away. When all tries fail, the stack that walks found most often is shown and marked: a stack
 * of a running thread that was read in pieces may never have existed.
 */
#include "user/inspect/stack.h"
#include "user/inspect/stable_read.h"
#include "user/os/procfs.h"
#include "user/os/syscalls.h"
#include "user/os/untrusted.h"
#include "user/profile/module_name.h"
#include "user/target/outcome.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <errno.h>
#include <string.h>

#define TRIES         200 /* of a thread that is off its CPU now and then */
#define TRIES_RUNNING 20  /* of one that was not seen so … */
#define TRIES_HOLDER  3   /* … and has the GIL: it will rest when it has lost it, which is another answer */
#define TRIES_ASLEEP  3   /* of one that slept all the while, but could not be walked whole */
#define WALKS_ALIKE   6   /* are the stack: of tests/live/workloads/fifty.py 99 % were one; of two in a row 88 % */
#define WALKS_ENOUGH  60  /* after so many any complete one will do */
#define MAX_WALKS     200

#define MAX_WAITERS 4096

void stack_free_frames(struct inspect_frame *frames, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		free(frames[i].name);
		free(frames[i].file);
		free(frames[i].short_file);
		free(frames[i].module);
		py_locals_free(&frames[i].locals);
	}
	free(frames);
}

void stack_free(struct inspect_thread *t)
{
	stack_free_frames(t->frames, t->frame_cnt);
	free(t->name);
	free(t->cause);
	free(t->waits.lock.name);
	free(t->native);
}

/* ---- the state of the thread ------------------------------------------------------------------------- */

/* Is this address of one who waits on the condition? */
static bool is_in_list(struct stack_reader *r, uint64_t cond_addr, uint64_t futex)
{
	const struct py_build *b = r->build;
	uint64_t at = 0;
	int err = b->waiter_futex ? memory_read(r->memory, cond_addr + b->cond_first, &at, sizeof(at)) : -ENOENT;

	for (unsigned i = 0; !err && at && i < MAX_WAITERS; i++) {
		if (futex == at + b->waiter_futex)
			return true;
		err = memory_read(r->memory, at + b->waiter_next, &at, sizeof(at));
	}
	return false;
}

static bool waits_for_gil(struct stack_reader *r, uint64_t futex, uint64_t gil_addr)
{
	const struct abi_py_layout *l = &r->build->layout;
	uint64_t cond = gil_addr + l->gil_cond_off;

	if (!gil_addr || !l->gil_switch_off)
		return false;
	return (futex >= cond && futex < gil_addr + l->gil_switch_off) || is_in_list(r, cond, futex);
}

/* As bpf/source/offcpu.bpf.c does. */
static enum call_file file_of(struct stack_reader *r, const struct task_call *c)
{
	uint64_t fd = c->first_arg;
	int one;

	if (!c->first_arg && !c->second_arg)
		return CALL_FILE_NONE;
	if (call_is_poll(c->number)) {
		if (c->second_arg != 1 || memory_read(r->memory, c->first_arg, &one, sizeof(one)))
			return CALL_FILE_OTHER;
		fd = (uint64_t)one;
	}
	return task_file(r->pid, fd);
}

static void describe_wait(struct stack_reader *r, const struct task_call *c, struct inspect_thread *t)
{
	t->wait = (struct call_wait){.number = c->number, .file = file_of(r, c)};
	t->call = syscall_name(c->number);
	t->why = cause_of_call(&t->wait);
	t->cause = cause_text(t->why, &t->wait);
}

static void describe_state(struct stack_reader *r, const struct stable_read *look, uint64_t gil_addr,
			   struct inspect_thread *t)
{
	static const struct {
		char letter;
		enum inspect_doing doing;
	} words[] = {
		{'R', INSPECT_RUNNING}, {'S', INSPECT_SLEEPING}, {'D', INSPECT_SLEEPING}, {'I', INSPECT_SLEEPING},
		{'T', INSPECT_STOPPED}, {'t', INSPECT_TRACED},   {'Z', INSPECT_ZOMBIE},   {'X', INSPECT_ZOMBIE},
	};

	t->doing = INSPECT_UNKNOWN;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].letter == look->state.letter)
			t->doing = words[i].doing;
	t->uninterruptible = look->state.letter == 'D';
	if (t->doing != INSPECT_SLEEPING || !look->call.off_cpu)
		return;
	describe_wait(r, &look->call, t);
	if (waits_for_gil(r, look->call.first_arg, gil_addr))
		t->doing = INSPECT_WAITS_FOR_GIL;
}

/* ---- frames ------------------------------------------------------------------------------------------ */

/* Through the process's own root, so that a container's files are looked for in the container. */
static bool file_exists(void *ctx, uint32_t image_id, const char *path)
{
	const struct stack_reader *r = ctx;

	(void)image_id;
	return has_untrusted(r->pid, path);
}

static char *absolute_path(void *ctx, uint32_t image_id, const char *path)
{
	const struct stack_reader *r = ctx;

	(void)image_id;
	return procfs_absolute_path(r->pid, path);
}

/* As user/resolve/codes.c has it. */
static char *whole_path(struct stack_reader *r, const char *file)
{
	const struct path_asker ask = {file_exists, absolute_path, r};

	return xstrdup(whole_paths__find(&r->paths, file, 0, &ask));
}

void stack_name_frame(struct stack_reader *r, const struct walked_frame *from, struct inspect_frame *f)
{
	struct code_object *c = from->code;
	struct module_name m;

	if (!c) {
		f->name = xstrdup("[unknown]");
		f->file = xstrdup("");
		f->short_file = xstrdup("");
		f->module = xstrdup("");
		return;
	}
	f->name = xstrdup(c->name);
	f->first_line = c->first_line;
	f->file = whole_path(r, c->file);
	if (c->table)
		f->line = line_table__line(&c->lines, c->first_line, from->lasti);
	module_name_find(f->file, c->module, &m);
	f->module = m.module;
	f->short_file = m.short_file;
}

/* ---- one try ----------------------------------------------------------------------------------------- */

struct attempt {
	struct stable_read look;
	unsigned number; /* tries before this one */
	unsigned outcome;
	enum abi_gil gil;
	const struct walked_frame *frames; /* the walker's */
	size_t frame_cnt;
	struct py_locals *locals; /* by frame; NULL: not wanted */
	struct py_lock_wait lock;
	struct abi_native *native; /* NULL: not wanted, or not known */
	bool still;
};

static void walk(struct stack_reader *r, uint64_t tstate_addr, struct attempt *y)
{
	memory_look(r->memory);
	y->outcome = walker__walk(r->walker, tstate_addr, &y->frames, &y->frame_cnt);
	y->gil = walker__gil(r->walker);
}

static void read_locals(struct stack_reader *r, struct attempt *y)
{
	if (!r->options->locals || y->outcome == ABI_TORN)
		return;
	y->locals = xcalloc(y->frame_cnt + 1, sizeof(*y->locals));
	for (size_t i = 0; i < y->frame_cnt; i++)
		py_locals_read(&r->locals, y->frames[i].addr, y->frames[i].code_addr, &y->locals[i]);
}

static void read_native(struct stack_reader *r, struct attempt *y)
{
	struct native_stack_runs runs = {0};

	if (!r->natives)
		return;
	runs.cnt = walker__runs(r->walker, &runs.entries, &runs.runs);
	y->native = process_natives__read(r->natives, r->memory, &y->look.call, &runs);
}

/* It sleeps in what its running function called. */
static void read_lock(struct stack_reader *r, struct attempt *y)
{
	const struct py_locks_reader locks = {r->build, memory_read, r->memory};
	const char *call = y->look.at_rest ? syscall_name(y->look.call.number) : NULL;

	y->lock = (struct py_lock_wait){0};
	if (call && !strcmp(call, "futex") && y->outcome == ABI_OK && y->frame_cnt)
		py_lock_find(&locks, y->frames[0].addr, y->look.call.first_arg, &y->lock);
}

static void free_attempt(struct attempt *y)
{
	free(y->lock.name);
	y->lock = (struct py_lock_wait){0};
	free(y->native);
	y->native = NULL;
	for (size_t i = 0; y->locals && i < y->frame_cnt; i++)
		py_locals_free(&y->locals[i]);
	free(y->locals);
	y->locals = NULL;
}

/* Everything that depends on the moment is read before the thread is looked at again; nothing else is. */
static int try_once(struct stack_reader *r, uint64_t tstate_addr, pid_t tid, struct attempt *y)
{
	int err = stable_read_begin(&y->look, r->pid, tid);

	if (err)
		return err;
	walk(r, tstate_addr, y);
	read_native(r, y);
	read_lock(r, y);
	read_locals(r, y);
	y->still = stable_read_end(&y->look);
	return 0;
}

static void keep(struct stack_reader *r, struct attempt *y, uint64_t gil_addr, struct inspect_thread *t)
{
	t->outcome = y->outcome;
	t->holds_gil = y->gil == ABI_GIL_HELD;
	t->no_gil = y->gil == ABI_GIL_NONE;
	t->sure = y->still;
	t->switches = y->look.switches;
	if (t->tid)
		describe_state(r, &y->look, gil_addr, t);
	if (y->still && t->doing == INSPECT_SLEEPING) {
		t->waits = (struct inspect_wait){.lock = y->lock, .switches = y->look.switches};
		y->lock = (struct py_lock_wait){0};
	}
	if (y->still) {
		t->native = y->native;
		y->native = NULL;
	}
	t->walked_cnt = (uint32_t)y->frame_cnt;
	t->frames = xcalloc(y->frame_cnt + 1, sizeof(*t->frames));
	for (size_t i = 0; i < y->frame_cnt; i++) {
		struct inspect_frame *f = &t->frames[t->frame_cnt];
		const struct code_object *code = y->frames[i].code;

		if (code && code_is_machinery(code->name, code->file, code->first_line))
			continue;
		stack_name_frame(r, &y->frames[i], f);
		f->addr = y->frames[i].addr;
		f->walked = (uint32_t)i;
		if (y->locals) {
			f->locals = y->locals[i];
			y->locals[i] = (struct py_locals){0};
		}
		t->frame_cnt++;
	}
}

/* ---- many tries -------------------------------------------------------------------------------------- */

static bool is_complete(const struct attempt *y)
{
	return y->outcome == ABI_OK || y->outcome == ABI_NO_FRAME;
}

static uint64_t fingerprint(const struct attempt *y)
{
	uint64_t h = y->outcome;

	for (size_t i = 0; i < y->frame_cnt; i++)
		h = (h * 31 + y->frames[i].addr) * 31 + y->frames[i].code_key + (uint32_t)y->frames[i].lasti;
	return h;
}

/*
 * For a thread that runs all the time: the stack that is met most often, or else a complete one. One that was pieced together of two
 * moments seldom comes again.
 */
static void read_moving(struct stack_reader *r, uint64_t tstate_addr, struct attempt *y)
{
	uint64_t seen[WALKS_ENOUGH];
	unsigned cnt = 0, alike = 0;

	for (unsigned i = 0; i < MAX_WALKS; i++) {
		free_attempt(y);
		walk(r, tstate_addr, y);
		if (!is_complete(y))
			continue;
		seen[cnt++] = fingerprint(y);
		alike = 0;
		for (unsigned k = 0; k < cnt; k++)
			alike += seen[k] == seen[cnt - 1];
		if (alike >= WALKS_ALIKE || i + 1 >= WALKS_ENOUGH)
			break;
	}
	read_locals(r, y);
	y->still = false;
}

static unsigned tries_for(const struct attempt *y)
{
	if (y->still)
		return TRIES_ASLEEP;
	if (y->look.at_rest)
		return TRIES;
	return y->gil == ABI_GIL_HELD ? TRIES_HOLDER : TRIES_RUNNING;
}

/* Read anew, not from the pages that are kept of the try. */
static int check_owner(struct stack_reader *r, const struct py_tstate *ts)
{
	memory_look_away(r->memory);
	return py_tstate_is_current(r->build, memory_read, r->memory, ts) ? 0 : -EAGAIN;
}

int stack_read(struct stack_reader *r, const struct py_tstate *ts, struct inspect_thread *t)
{
	struct attempt y = {0};
	int err = 0;

	while (t->tid) {
		err = try_once(r, ts->addr, t->tid, &y);
		if (!err)
			err = check_owner(r, ts);
		if (err || (y.still && is_complete(&y)) || ++y.number >= tries_for(&y))
			break;
		free_attempt(&y);
		stable_read_pause(y.number);
	}
	log_debug("thread %d: %u tries in vain, outcome %s", t->tid, y.number, outcome_word(y.outcome));
	if (!err && !y.still) {
		read_moving(r, ts->addr, &y);
		err = check_owner(r, ts);
	}
	if (!err)
		keep(r, &y, ts->gil_addr, t);
	free_attempt(&y);
	memory_look_away(r->memory);
	return err;
}

int stack_read_other(struct stack_reader *r, struct inspect_thread *t)
{
	const struct native_stack_runs none = {0};
	struct stable_read look;
	int err;

	for (unsigned i = 0; i < TRIES_RUNNING && !t->sure; i++) {
		if (i)
			stable_read_pause(i);
		err = stable_read_begin(&look, r->pid, t->tid);
		if (err)
			return err;
		free(t->native);
		memory_look(r->memory);
		t->native = process_natives__read(r->natives, r->memory, &look.call, &none);
		memory_look_away(r->memory);
		t->sure = stable_read_end(&look);
	}
	if (!t->sure) {
		free(t->native);
		t->native = NULL;
	}
	describe_state(r, &look, 0, t);
	return 0;
}
