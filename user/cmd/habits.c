/*
 * What py-spy's users type from habit (its 0.4: `py-spy record --help`). An option whose promise is
 * kept anyway is accepted. One that asks for what is not there is refused, with what to do instead: a
 * profile that lacks it in silence would mislead.
 */
#include "user/cmd/habits.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <stdbool.h>

enum { KEY_NONBLOCKING = 0x7000, KEY_NATIVE, KEY_IDLE, KEY_HIDEPROGRESS, KEY_CAPTURE, KEY_CORE };

static const struct habit {
	int key, letter;
	const char *name, *answer;
	bool accepted;
} habits[] = {
	{KEY_NONBLOCKING, 0, "nonblocking", "the program is never stopped anyway", true},
	{KEY_NATIVE, 'n', "native",
	 "only Python functions are shown here, and time in C code counts for the one that called it; leave it out",
	 false},
	{KEY_IDLE, 'i', "idle",
	 "samples are CPU time, and idle threads use none; `pybpfprof dump --pid PID` shows where they wait", false},
	{KEY_HIDEPROGRESS, 0, "hideprogress", "it is -q here", false},
	{KEY_CAPTURE, 0, "capture", "redirect the command's output instead: > FILE", false},
	{KEY_CORE, 'c', "core", "core files are not read here; give --pid and a process that lives", false},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	for (size_t i = 0; i < ARRAY_SIZE(habits); i++) {
		const struct habit *h = &habits[i];

		if (key != h->key && (!h->letter || key != h->letter))
			continue;
		if (!h->accepted)
			argp_error(state, "--%s: %s", h->name, h->answer);
		log_verbose("--%s: %s", h->name, h->answer);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

#define HIDDEN(name, key, arg) {name, key, arg, OPTION_HIDDEN, "As in py-spy", 0}

static const struct argp_option record_options[] = {
	HIDDEN("nonblocking", KEY_NONBLOCKING, NULL),
	HIDDEN("native", 'n', NULL),
	HIDDEN("idle", 'i', NULL),
	HIDDEN("hideprogress", KEY_HIDEPROGRESS, NULL),
	HIDDEN("capture", KEY_CAPTURE, NULL),
	{0},
};

/* -i is --input there. */
static const struct argp_option top_options[] = {
	HIDDEN("nonblocking", KEY_NONBLOCKING, NULL),
	HIDDEN("native", 'n', NULL),
	HIDDEN("idle", KEY_IDLE, NULL),
	{0},
};

static const struct argp_option dump_options[] = {
	HIDDEN("nonblocking", KEY_NONBLOCKING, NULL),
	HIDDEN("native", 'n', NULL),
	HIDDEN("core", 'c', "FILE"),
	{0},
};

const struct argp record_habits = {.options = record_options, .parser = parse};
const struct argp top_habits = {.options = top_options, .parser = parse};
const struct argp dump_habits = {.options = dump_options, .parser = parse};
