/* SPDX-License-Identifier: MIT */
/*
 * Options that py-spy's users type out of habit (its 0.4: `py-spy record --help`). One whose promise is kept anyway is
 * accepted. One that asks for a thing that is not there is refused, with what to do instead: a profile that lacks it in
 * silence would mislead.
 */
#include "user/cmd/pyspy_compat.h"
#include "user/util/alloc.h"
#include "user/util/log.h"

enum { KEY_NONBLOCKING = 0x7000, KEY_IDLE, KEY_CAPTURE };

#define HIDDEN(name, key, arg) {name, key, arg, OPTION_HIDDEN, "As in py-spy", 0}

/* The long --idle has a key of its own: -i is --input in `top`. */
static const struct argp_option options[] = {
	HIDDEN("nonblocking", KEY_NONBLOCKING, NULL), HIDDEN("idle", KEY_IDLE, NULL), HIDDEN(NULL, 'i', NULL),
	HIDDEN("capture", KEY_CAPTURE, NULL),         HIDDEN("core", 'c', "FILE"),    {0},
};

static const struct {
	int key;
	const char *name, *answer;
} answers[] = {
	{KEY_IDLE, "idle",
	 "samples are CPU time, and idle threads use none; `pybpfprof dump --pid PID` shows where they wait"},
	{KEY_CAPTURE, "capture", "redirect the command's output instead: > FILE"},
	{'c', "core", "core files are not read here; give --pid and a process that lives"},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	key = key == 'i' ? KEY_IDLE : key;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
		if (key == answers[i].key)
			argp_error(state, "--%s: %s", answers[i].name, answers[i].answer);
	if (key != KEY_NONBLOCKING)
		return ARGP_ERR_UNKNOWN;
	log_verbose("--nonblocking: the program is never stopped anyway");
	return 0;
}

const struct argp pyspy_compat = {.options = options, .parser = parse};
