/* What keys do: a table, which the help is made of. */
#pragma once
#include "user/cmd/top/top_ui.h"

struct top_key {
	int codes[5]; /* curses' or characters; 0 ends */
	const char *label, *help;
	void (*act)(struct top_ui *ui, int code);
};
extern const struct top_key top_keys[]; /* ends with a row without a label; one without a help goes with the one before */
