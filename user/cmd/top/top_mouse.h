/* SPDX-License-Identifier: MIT */
/*
 * The mouse, as terminals tell of it: the old way, which curses reads, and SGR (1006), which knows columns beyond 223.
 * Whether a terminal speaks that does not depend on what terminfo says of it, so it is read here.
 */
#pragma once
#include "user/cmd/top/top_ui.h"
#include <curses.h>

#define TOP_KEY_SGR_MOUSE (KEY_MAX + 1)

/* Once curses is up. */
void top_mouse_prepare(void);
/* A key was the beginning of an event: reads the rest of it and does what it asks for. */
void top_mouse_act(struct top_ui *ui, bool sgr);
