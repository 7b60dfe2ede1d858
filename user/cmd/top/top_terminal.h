/* SPDX-License-Identifier: MIT */
/*
 * The terminal: taken over and given back, on every way out. Messages go to the screen meanwhile instead of stderr, and
 * again to stderr at the end.
 */
#pragma once
#include "user/cmd/top/top_options.h"

/* Is there a terminal that has a screen? */
bool top_terminal_possible(void);
/* 0; -ENOTTY when there is none after all. */
int top_terminal_enter(bool mouse);
/* Takes the mouse, or leaves it to the terminal. */
void top_terminal_mouse(bool ours);
void top_terminal_leave(void);
/* Stops like any program at Ctrl-Z; returns when it goes on. */
void top_terminal_suspend(void);
/* After SIGWINCH: the size as it is now, everything drawn anew. */
void top_terminal_resized(void);
/* After SIGCONT: another program that ran meanwhile may have left the terminal otherwise. */
void top_terminal_resumed(void);
/*
 * False while we run in the background of a shell: then nothing may be drawn. No signal says when that ends: the first
 * call after it sets the terminal up again and sets *changed.
 */
bool top_terminal_ours(bool *changed);

/* The colours: attributes for addstr, 0 where there are none (NO_COLOR, a terminal without). */
enum top_colour {
	TOP_PLAIN_TEXT,
	TOP_USER,
	TOP_STDLIB,
	TOP_SITE,
	TOP_NATIVE,
	TOP_KERNEL,
	TOP_SYNTHETIC,
	TOP_ALARM,
	TOP_NUMBER,
	TOP_COLOURS
};
unsigned long top_terminal_colour(enum top_colour c);

/* Does its locale have more than ASCII? */
bool top_terminal_utf8(void);

/* The latest message, at most once; the caller frees. NULL: nothing new. */
char *top_terminal_message(void);
