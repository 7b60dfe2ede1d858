/* The table of causes. A name is met by its beginning: some have more in them ("[socket read 5432]"). */
#include "user/profile/waits.h"
#include "user/util/alloc.h"
#include <string.h>

static const struct cause {
	const char *name, *words;
	enum wait wait;
} causes[WAIT_CAUSES] = {
	{"[waits for the GIL", "waits for the GIL", WAIT_GIL},
	{"[held by ", "holder of the GIL", WAIT_GIL},
	{"[sleep", "sleep", WAIT_BLOCKED},
	{"[lock", "lock", WAIT_BLOCKED},
	{"[socket", "socket", WAIT_BLOCKED},
	{"[pipe", "pipe", WAIT_BLOCKED},
	{"[file or disk", "file or disk", WAIT_BLOCKED},
	{"[child process", "child process", WAIT_BLOCKED},
	{"[page fault", "page fault", WAIT_BLOCKED},
	{"[waiting for a CPU", "waiting for a CPU", WAIT_SCHEDULER},
	{"[CPU quota", "CPU quota", WAIT_SCHEDULER},
	{"[stopped", "stopped, idle", WAIT_BLOCKED},
};

static const char *const idle[] = {"[idle", "[poll: nothing to do"};

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

static const struct cause *cause_of(const struct profile_function *f)
{
	for (size_t i = 0; f->kind == PROFILE_SYNTHETIC && i < ARRAY_SIZE(causes); i++)
		if (begins(f->name, causes[i].name))
			return &causes[i];
	return NULL;
}

static bool is_idle(const struct profile_function *f)
{
	for (size_t i = 0; f->kind == PROFILE_SYNTHETIC && i < ARRAY_SIZE(idle); i++)
		if (begins(f->name, idle[i]))
			return true;
	return false;
}

enum wait wait__of(const struct profile_function *f)
{
	const struct cause *c = cause_of(f);

	return c ? c->wait : is_idle(f) ? WAIT_IDLE : WAIT_NONE;
}

enum wait wait__of_stack(const struct profile *p, uint32_t stack)
{
	uint32_t frame = stack <= p->stack_cnt ? p->stacks[stack].frame : 0;

	return frame && frame <= p->frame_cnt ? wait__of(&p->functions[p->frames[frame].function]) : WAIT_NONE;
}

unsigned wait__number(const struct profile_function *f)
{
	const struct cause *c = cause_of(f);

	return c ? (unsigned)(c - causes) : WAIT_CAUSES - 1;
}

const char *wait__words(unsigned number)
{
	return number < WAIT_CAUSES ? causes[number].words : "";
}

bool wait__is_holder(const struct profile_function *f)
{
	return f->kind == PROFILE_SYNTHETIC && begins(f->name, "[held by ");
}

bool wait__is_collector(const struct profile_function *f)
{
	return f->kind == PROFILE_SYNTHETIC && begins(f->name, "[garbage collector");
}

bool wait__has_idle(const struct profile *p)
{
	for (uint32_t i = 1; i <= p->function_cnt; i++)
		if (is_idle(&p->functions[i]))
			return true;
	return false;
}
