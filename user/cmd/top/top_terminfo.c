/* SPDX-License-Identifier: MIT */
#include "user/cmd/top/top_terminfo.h"
#include "user/util/alloc.h"
#include <curses.h>
#include <stdbool.h>
#include <string.h>
#include <term.h>
#include <unistd.h>

/* As infocmp(1M) writes them for the variable TERMINFO. */
static const struct {
	const char *name, *description;
} descriptions[] = {
#include <user/cmd/top/terminfo.inc>
};

/* Terminals that understand one of these: what their names begin with. */
static const struct {
	const char *prefix, *name;
} alike[] = {
	{"linux", "linux"},
	{"screen", "screen-256color"},
	{"tmux", "screen-256color"},
	{"xterm", "xterm-256color"},
	{"vte", "xterm-256color"},
	{"gnome", "xterm-256color"},
	{"konsole", "xterm-256color"},
	{"alacritty", "xterm-256color"},
	{"foot", "xterm-256color"},
	{"kitty", "xterm-256color"},
	{"wezterm", "xterm-256color"},
	{"ghostty", "xterm-256color"},
};

static char *own;
static bool lent;

static const char *name_alike(const char *terminal)
{
	for (size_t i = 0; terminal && i < ARRAY_SIZE(alike); i++)
		if (!strncmp(terminal, alike[i].prefix, strlen(alike[i].prefix)))
			return alike[i].name;
	return NULL;
}

static bool system_knows(void)
{
	int err;

	if (setupterm(NULL, STDOUT_FILENO, &err) == ERR)
		return false;
	del_curterm(cur_term);
	return true;
}

const char *top_terminfo_lend(void)
{
	const char *name = system_knows() ? NULL : name_alike(getenv("TERM"));

	for (size_t i = 0; name && i < ARRAY_SIZE(descriptions); i++) {
		if (strcmp(descriptions[i].name, name))
			continue;
		own = getenv("TERMINFO") ? xstrdup(getenv("TERMINFO")) : NULL;
		lent = !setenv("TERMINFO", descriptions[i].description, 1);
		return name;
	}
	return NULL;
}

void top_terminfo_take_back(void)
{
	if (lent && own)
		setenv("TERMINFO", own, 1);
	else if (lent)
		unsetenv("TERMINFO");
	free(own);
	own = NULL;
	lent = false;
}
