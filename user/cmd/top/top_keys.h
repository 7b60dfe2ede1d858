/* SPDX-License-Identifier: MIT */
/* Keys, typing at the prompt, and the mouse, as the terminal sends them. */
#pragma once
#include "user/cmd/top/top_ui.h"

struct top_key {
	int codes[5];             /* curses' or characters; 0 ends */
	const char *label, *help; /* for the help; without `help` the row belongs to the one before */
	void (*act)(struct top_ui *ui);
};
/* Ends with a row without a label. */
extern const struct top_key top_keys[];

/* Takes all that was typed or clicked. False: there was nothing. */
bool top_keys_read(struct top_ui *ui);
