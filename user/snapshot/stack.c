/*
 * "Sure" means: the whole chain of frames, the instruction in each, the names, the locals and the state of the
 * thread are of one moment, because the thread did not run while they were read (hold.c). A try that the thread
 * moved in is thrown away. When all tries fail, what is shown is the last stack that two walks in a row agreed
 * on, or else the last one at all, and it is marked: a stack of a running thread that was read in pieces may
 * never have existed.
 */
#include "user/snapshot/stack.h"
#include "user/os/procfs.h"
#include "user/os/syscalls.h"
#include "user/python/line_table.h"
#include "user/resolve/module_name.h"
#include "user/resolve/resolve.h"
#include "user/resolve/whole_path.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <errno.h>
#include <string.h>

#define TRIES	     200
#define TRIES_WITH_LOCALS 30
#define TRIES_UNSEEN 20
#define TRIES_ASLEEP 3
#define MAX_UNSURE   20

/* struct _gil_runtime_state (Include/internal/pycore_gil.h): cond at 32, then its mutex, up to switch_cond at 120 */
#define GIL_COND     32
#define GIL_COND_END 120

void stack_free(struct snapshot_thread *t)
{
	for (size_t i = 0; i < t->frame_cnt; i++) {
		struct snapshot_frame *f = &t->frames[i];

		free(f->name);
		free(f->file);
		free(f->short_file);
		free(f->module);
		py_locals_free(&f->locals);
	}
	free(t->frames);
	free(t->name);
}

/* ---- the state of the thread ------------------------------------------------------------------------- */

static bool waits_for_gil(const struct task_call *c, uint64_t gil_addr)
{
	return gil_addr && c->first_arg >= gil_addr + GIL_COND && c->first_arg < gil_addr + GIL_COND_END;
}

static void describe_state(const struct hold_look *look, uint64_t gil_addr, struct snapshot_thread *t)
{
	static const struct {
		char letter;
		enum snapshot_doing doing;
	} words[] = {
		{'R', SNAPSHOT_RUNNING}, {'S', SNAPSHOT_SLEEPING}, {'D', SNAPSHOT_SLEEPING}, {'I', SNAPSHOT_SLEEPING},
		{'T', SNAPSHOT_STOPPED}, {'t', SNAPSHOT_TRACED},   {'Z', SNAPSHOT_ZOMBIE},   {'X', SNAPSHOT_ZOMBIE},
	};

	t->doing = SNAPSHOT_UNKNOWN;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].letter == look->state.letter)
			t->doing = words[i].doing;
	t->uninterruptible = look->state.letter == 'D';
	t->call = NULL;
	if (t->doing != SNAPSHOT_SLEEPING || !look->call.off_cpu)
		return;
	t->call = syscall_name(look->call.number);
	if (waits_for_gil(&look->call, gil_addr))
		t->doing = SNAPSHOT_WAITS_FOR_GIL;
}

/* ---- frames ------------------------------------------------------------------------------------------ */

/* Through the process's own root, so that a container's files are looked for in the container. */
static bool file_exists(void *ctx, const char *path)
{
	const struct stack_reader *r = ctx;

	return procfs_has_path(r->pid, path);
}

/* As user/resolve/codes.c has it. */
static char *whole_path(struct stack_reader *r, const char *file)
{
	char *absolute = path_is_relative(file) ? procfs_absolute_path(r->pid, file) : NULL;

	if (whole_path_is_there(absolute, file, file_exists, r))
		return absolute;
	free(absolute);
	return xstrdup(file);
}

static void name_frame(struct stack_reader *r, const struct walked_frame *from, struct snapshot_frame *f)
{
	const struct code_object *c = from->code;
	struct module_name m;

	if (!c) {
		f->name = xstrdup("[unknown]");
		f->file = xstrdup("");
		f->short_file = xstrdup("");
		f->module = xstrdup("");
		return;
	}
	f->name = xstrdup(c->name);
	f->file = whole_path(r, c->file);
	if (c->table)
		f->line = line_table_lookup(r->build->lines, c->table, c->table_len, c->first_line, from->lasti);
	module_name_find(f->file, file_exists, r, &m);
	f->module = m.module;
	f->short_file = m.short_file;
}

/* As in user/resolve/codes.c: the frame of _Py_InitCleanup below each __init__ (3.13). */
static bool is_machinery(const struct code_object *c)
{
	return c && !c->first_line && !strcmp(c->file, "__init__") && !strcmp(c->name, "__init__");
}

/* ---- one try ----------------------------------------------------------------------------------------- */

struct try {
	struct hold_look look;
	unsigned number; /* tries before this one */
	unsigned outcome;
	enum abi_gil gil;
	const struct walked_frame *frames; /* the walker's */
	size_t frame_cnt;
	struct py_locals *locals; /* by frame; NULL: not wanted */
	bool still, locals_still;
};

static void walk(struct stack_reader *r, uint64_t tstate_addr, struct try *y)
{
	memory_look(r->memory);
	y->outcome = walker__walk(r->walker, tstate_addr, &y->frames, &y->frame_cnt);
	y->gil = walker__gil(r->walker);
}

static void read_locals(struct stack_reader *r, struct try *y)
{
	if (!r->options->locals || y->outcome == ABI_TORN)
		return;
	y->locals = xcalloc(y->frame_cnt + 1, sizeof(*y->locals));
	for (size_t i = 0; i < y->frame_cnt; i++)
		py_locals_read(&r->locals, y->frames[i].addr, y->frames[i].code_addr, &y->locals[i]);
}

static void free_try(struct try *y)
{
	for (size_t i = 0; y->locals && i < y->frame_cnt; i++)
		py_locals_free(&y->locals[i]);
	free(y->locals);
	y->locals = NULL;
}

/*
 * Everything that depends on the moment is read before the thread is looked at again; nothing else is. Many or
 * large locals may take longer than a busy thread ever holds still: after some tries the stack alone has to do,
 * and the values are read behind it.
 */
static int try_once(struct stack_reader *r, uint64_t tstate_addr, pid_t tid, struct try *y)
{
	int err = hold_begin(&r->hold, tid, &y->look);

	if (err)
		return err;
	walk(r, tstate_addr, y);
	if (y->number < TRIES_WITH_LOCALS)
		read_locals(r, y);
	y->still = hold_end(&r->hold, &y->look);
	y->locals_still = y->still && y->locals;
	if (y->still && !y->locals)
		read_locals(r, y);
	return 0;
}

static void keep(struct stack_reader *r, struct try *y, uint64_t gil_addr, struct snapshot_thread *t)
{
	t->outcome = y->outcome;
	t->holds_gil = y->gil == ABI_GIL_HELD;
	t->sure = y->still;
	t->locals_sure = y->locals_still;
	if (t->tid)
		describe_state(&y->look, gil_addr, t);
	t->frames = xcalloc(y->frame_cnt + 1, sizeof(*t->frames));
	for (size_t i = 0; i < y->frame_cnt; i++) {
		struct snapshot_frame *f = &t->frames[t->frame_cnt];

		if (is_machinery(y->frames[i].code))
			continue;
		name_frame(r, &y->frames[i], f);
		if (y->locals) {
			f->locals = y->locals[i];
			y->locals[i] = (struct py_locals){0};
		}
		t->frame_cnt++;
	}
	walker__keep_names(r->walker, true);
}

/* ---- many tries -------------------------------------------------------------------------------------- */

static bool is_complete(const struct try *y)
{
	return y->outcome == ABI_OK || y->outcome == ABI_NO_FRAME;
}

static uint64_t fingerprint(const struct try *y)
{
	uint64_t h = y->outcome;

	for (size_t i = 0; i < y->frame_cnt; i++)
		h = (h * 31 + y->frames[i].addr) * 31 + y->frames[i].code_key + (uint32_t)y->frames[i].lasti;
	return h;
}

/* The best that can be had of a thread that never holds still: what two walks in a row agree on. */
static void read_moving(struct stack_reader *r, uint64_t tstate_addr, struct try *y)
{
	uint64_t before = 0;

	for (unsigned i = 0; i < MAX_UNSURE; i++) {
		free_try(y);
		walker__keep_names(r->walker, false);
		walk(r, tstate_addr, y);
		if (i && is_complete(y) && fingerprint(y) == before)
			break;
		before = fingerprint(y);
	}
	read_locals(r, y);
	y->still = y->locals_still = false;
}

/* A thread that cannot be seen off its CPU is not worth as much patience as one that can. */
static unsigned tries_for(const struct stack_reader *r, const struct try *y)
{
	if (y->still && y->look.state.letter != 'R')
		return TRIES_ASLEEP; /* it is as it is */
	return y->look.at_rest || !r->hold.cannot_pin ? TRIES : TRIES_UNSEEN;
}

/* Looked at past what is kept of the try, which may be older than the last of its reads. */
static int check_owner(struct stack_reader *r, const struct py_tstate *ts)
{
	memory_look_away(r->memory);
	return py_tstate_is_current(r->build, memory_read, r->memory, ts) ? 0 : -EAGAIN;
}

int stack_read(struct stack_reader *r, const struct py_tstate *ts, struct snapshot_thread *t)
{
	struct try y = {0};
	int err = 0;

	while (t->tid) {
		err = try_once(r, ts->addr, t->tid, &y);
		if (!err)
			err = check_owner(r, ts);
		if (err || (y.still && is_complete(&y)) || ++y.number >= tries_for(r, &y))
			break;
		free_try(&y);
		walker__keep_names(r->walker, false);
		hold_rest(&r->hold, y.number);
	}
	log_debug("thread %d: %u tries in vain, outcome %s", t->tid, y.number, outcome_word(y.outcome));
	if (!err && !y.still) {
		read_moving(r, ts->addr, &y);
		err = check_owner(r, ts);
	}
	if (!err)
		keep(r, &y, ts->gil_addr, t);
	free_try(&y);
	memory_look_away(r->memory);
	hold_close(&r->hold);
	return err;
}
