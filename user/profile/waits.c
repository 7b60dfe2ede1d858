/* SPDX-License-Identifier: MIT */
/* The table of causes. A name is met by its beginning: some have more in them ("[socket read 5432]"). */
#include "user/profile/waits.h"
#include "user/profile/collector.h"
#include "user/util/alloc.h"
#include <string.h>

static const struct cause {
	const char *name;
	enum wait wait;
	unsigned char number;
} causes[] = {
	{"[waits for the GIL", WAIT_GIL, 0},
	{"[GIL]", WAIT_GIL, 0},
	{"[held by ", WAIT_GIL, 1},
	{"[changing hands", WAIT_GIL, 1},
	{"[sleep", WAIT_BLOCKED, 2},
	{"[lock", WAIT_BLOCKED, 3},
	{"[socket", WAIT_BLOCKED, 4},
	{"[pipe", WAIT_BLOCKED, 5},
	{"[file or disk", WAIT_BLOCKED, 6},
	{"[child process", WAIT_BLOCKED, 7},
	{"[page fault", WAIT_BLOCKED, 8},
	{"[waiting for a CPU", WAIT_SCHEDULER, 9},
	{"[CPU quota", WAIT_SCHEDULER, 10},
	{"[stopped", WAIT_BLOCKED, 11},
	{"[frozen", WAIT_BLOCKED, 11},
	{"[call ", WAIT_BLOCKED, 11},
	{"[idle", WAIT_IDLE, 11},
	{"[poll: nothing to do", WAIT_IDLE, 11},
};

static const char *const words[WAIT_CAUSES] = {
	"waits for the GIL",
	"holder of the GIL",
	"sleep",
	"lock",
	"socket",
	"pipe",
	"file or disk",
	"child process",
	"page fault",
	"waiting for a CPU",
	"CPU quota",
	"other waits",
};

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

enum wait wait__of(const struct profile_function *f)
{
	const struct cause *c = cause_of(f);

	return c ? c->wait : WAIT_NONE;
}

enum wait wait__of_stack(const struct profile *p, uint32_t stack)
{
	uint32_t frame = stack <= p->stack_cnt ? p->stacks[stack].frame : 0;

	return frame && frame <= p->frame_cnt ? wait__of(&p->functions[p->frames[frame].function]) : WAIT_NONE;
}

unsigned wait__number(const struct profile_function *f)
{
	const struct cause *c = cause_of(f);

	return c ? c->number : WAIT_CAUSES - 1;
}

enum wait wait__of_number(unsigned number)
{
	for (size_t i = 0; i < ARRAY_SIZE(causes); i++)
		if (causes[i].number == number)
			return causes[i].wait;
	return WAIT_NONE;
}

const char *wait__words(unsigned number)
{
	return number < WAIT_CAUSES ? words[number] : "";
}

bool wait__is_holder(const struct profile_function *f)
{
	return wait__of(f) == WAIT_GIL && wait__number(f) == 1;
}

bool wait__is_collector(const struct profile_function *f)
{
	return f->kind == PROFILE_SYNTHETIC && !strcmp(f->name, COLLECTOR_FRAME);
}

bool wait__has_idle(const struct profile *p)
{
	for (uint32_t i = 1; i <= p->function_cnt; i++)
		if (wait__of(&p->functions[i]) == WAIT_IDLE)
			return true;
	return false;
}
